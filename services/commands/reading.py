"""Files and folders as raw articles, for `newsloom publish` and `newsloom demo`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any, Final, Literal

from schemas.articles import MAX_RAW_BYTES, RawArticle
from schemas.events import InvalidEventError
from services.cleaner.urls import url_key
from services.runtime.errors import ConfigurationError, SuiteError
from services.runtime.lines import bounded_lines, open_lines
from services.runtime.metrics import release

Format = Literal["auto", "raw", "html", "text"]

_RAW: Final = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz")
_HTML: Final = (".html", ".htm", ".xhtml")
_TEXT: Final = (".txt", ".text")
_CANONICAL: Final = re.compile(
    rb"""<link\b(?=[^>]*\brel\s*=\s*["']?canonical)[^>]*\bhref\s*=\s*["']?(https?://[^"'\s>]+)"""
    rb"""|<meta\b(?=[^>]*\bproperty\s*=\s*["']?og:url)[^>]*\bcontent\s*=\s*["']?(https?://[^"'\s>]+)""",
    re.IGNORECASE,
)
# what precedes the value and follows it in a record batch; the topic's limit counts them
_RECORD_OVERHEAD: Final = 512


class InputError(SuiteError):
    """A file or line that cannot be published; the message names it and the remedy."""


@dataclass(frozen=True)
class Hints:
    """What the command line says of HTML and text files; a RawArticle says it itself."""

    url: str | None = None
    outlet: str | None = None
    aggregator: str | None = None
    language: str | None = None
    fetched_at: str | None = None

    def given(self) -> list[str]:
        """The options that were given, as they are typed."""
        return [f"--{name.replace('_', '-')}" for name, value in asdict(self).items() if value is not None]


@dataclass(frozen=True)
class RawRecord:
    """One record for raw-articles, and where it was read (for messages)."""

    key: bytes
    value: bytes
    place: str


def read_inputs(paths: Iterable[str], *, kind: Format, hints: Hints) -> Iterator[RawRecord | InputError]:
    """The records in `paths`, in order: files, folders (their files, sorted), "-" for RawArticle lines.

    What cannot be published is yielded as an error, so that the rest can be. Raises ConfigurationError, before anything
    is yielded, for a path that is not there, a folder without a file, and hints on what takes none.
    """
    names = list(paths)
    if hints.url is not None and len(names) != 1:
        raise ConfigurationError("--url says the address of one page; publish one file at a time with it")
    files = [file for name in names for file in _files(name, kind, hints)]
    for file in files:
        if file.kind == "raw" and (given := hints.given()):
            raise ConfigurationError(
                f"{', '.join(given)}: for html and text files only; {file.path} holds RawArticles, which say it "
                "themselves: write it into their lines, or publish them without"
            )
    for file in files:
        yield from _raw_lines(file.path) if file.kind == "raw" else _read_page(file, hints)


@dataclass(frozen=True)
class _File:
    """A file to publish: its path, its name in its folder, and what it holds; auto where its name does not say."""

    path: str
    name: str
    kind: Format


def _files(name: str, kind: Format, hints: Hints) -> Iterator[_File]:
    if name == "-":
        yield _File(name, name, "raw")
        return
    path = Path(name)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and _kind_by_name(file) is not None)
        if not files:
            raise ConfigurationError(f"{name}: no .html, .txt or .jsonl file in this folder")
        if hints.url is not None:
            raise ConfigurationError("--url says the address of one page, not of a folder")
    elif path.exists():
        files = [path]
    else:
        raise ConfigurationError(f"{name}: no such file or folder; check the path")
    for file in files:
        place = str(file.relative_to(path)) if file is not path else path.name
        yield _File(str(file), place, (_kind_by_name(file) or "auto") if kind == "auto" else kind)


def _kind_by_name(path: Path) -> Format | None:
    name = path.name.lower()
    if name.endswith(_RAW):
        return "raw"
    if name.endswith(_HTML):
        return "html"
    return "text" if name.endswith(_TEXT) else None


def _read_page(file: _File, hints: Hints) -> Iterator[RawRecord | InputError]:
    path, kind = Path(file.path), file.kind
    try:
        size = path.stat().st_size
        if size > MAX_RAW_BYTES:
            yield _too_large(str(path), size)
            return
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name a file that can be read") from None
    if not content.strip():
        yield InputError(f"{path}: the file is empty; publish a page with something on it")
        return
    if kind == "auto":
        kind = "html" if content.lstrip()[:1] == b"<" else "text"
    yield _page(path, file.name, content, kind, hints)


def _page(path: Path, name: str, content: bytes, kind: Format, hints: Hints) -> RawRecord | InputError:
    from services.cleaner.encoding import decode_page

    fields: dict[str, Any] = {
        "publisher": {"name": "newsloom-publish", "version": release()},
        "fetched_at": hints.fetched_at or datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(),
    }
    for hint in ("outlet", "aggregator", "language"):
        if (value := getattr(hints, hint)) is not None:
            fields[hint] = value
    url = hints.url
    if url is None and kind == "html" and (match := _CANONICAL.search(content[: 1 << 18])):
        url = unescape((match[1] or match[2]).decode("ascii", "replace"))
    fields |= {"url": url} if url else {"record_id": name}
    body, charset = decode_page(content)
    fields["html" if kind == "html" else "text"] = body
    fields["http"] = {"charset": charset}
    try:
        article = RawArticle.closed_from_bytes(json.dumps(fields, ensure_ascii=False).encode(errors="replace"))
    except InvalidEventError as error:
        return InputError(f"{path}: {error}")
    return _checked(article, article.to_bytes(), str(path))


def _raw_lines(path: str) -> Iterator[RawRecord | InputError]:
    with ExitStack() as stack:
        lines = bounded_lines(open_lines(path, stack), MAX_RAW_BYTES)
        number = 0
        found = False
        try:
            for number, line in enumerate(lines, start=1):
                value = line.strip()
                if not value:
                    continue
                found = True
                place = f"{path} line {number}"
                if len(value) > MAX_RAW_BYTES:
                    yield _too_large(place, None)
                    continue
                try:
                    article = RawArticle.closed_from_bytes(value)
                except InvalidEventError as error:
                    yield InputError(f"{place}: {error}")
                    continue
                yield _checked(article, value, place)
        except (OSError, EOFError) as error:
            raise ConfigurationError(
                f"{path} line {number + 1}: cannot be read ({error}); is the file whole?"
            ) from None
        if not found:
            yield InputError(f"{path}: the file is empty; write one RawArticle as JSON a line")


def _checked(article: RawArticle, value: bytes, place: str) -> RawRecord | InputError:
    key = record_key(article)
    if len(value) + len(key) + _RECORD_OVERHEAD > MAX_RAW_BYTES:
        return _too_large(place, len(value))
    return RawRecord(key, value, place)


def record_key(article: RawArticle) -> bytes:
    """The key that keeps the fetches of one page in order."""
    return (url_key(article.url) if article.url else article.record_id or "").encode()


def _too_large(place: str, size: int | None) -> InputError:
    how_large = f"{size / 2**20:.1f} MiB is" if size is not None else "it is"  # a line is not read to its end
    return InputError(
        f"{place}: {how_large} more than the {MAX_RAW_BYTES // 2**20} MiB that raw-articles takes; "
        "publish the page without its embedded pictures"
    )
