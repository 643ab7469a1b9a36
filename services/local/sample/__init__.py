"""The sample set: one day's fetches of fictional outlets, all of our own writing, and what has to come of each.

`sample.json` lists the records; `pages` holds what was fetched, `gold` the text of each article as a person would take
it off its page, `malformed` what no publisher should send, and `outlets.json` the outlets and aggregators for the
cleaner's registry. Places are real; people, companies, outlets and events are invented.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from schemas.dead_letters import DeadLetterReason
from schemas.duplicates import Relation

_FOLDER: Final[Traversable] = files(__name__)


@dataclass(frozen=True, slots=True)
class ExpectedArticle:
    """An article that the cleaner has to emit; None and empty where nothing is asked for.

    `text` names the file with its text. Where `is_exact` is False a good extraction may differ in what it keeps, as
    with the rows of a table. `earliest_at` and `latest_at` bound an age such as "a day ago".
    """

    outlet: str
    outlet_id: str
    headline: str | None = None
    part: Literal["main", "inlined"] = "main"
    status: Literal["usable", "withdrawn"] = "usable"
    aggregator: str | None = None
    byline: tuple[str, ...] = ()
    language: str | None = None
    published_at: str | None = None
    earliest_at: str | None = None
    latest_at: str | None = None
    page_kind: str | None = None
    truncated: Literal["no", "maybe", "yes"] = "no"
    text: str | None = None
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """What becomes of a well-formed record: articles, in the order of the page, or a discard with its reason."""

    articles: tuple[ExpectedArticle, ...] = ()
    discarded: str | None = None


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One fetch: the raw article's fields but for its body, which is in `file` (HTML or text by its suffix)."""

    name: str
    raw: dict[str, Any]
    expect: Expected
    file: str | None = None


@dataclass(frozen=True, slots=True)
class MalformedRecord:
    """A value that has to become a dead letter: its bytes are those of `file`, its key is made from `url`."""

    name: str
    file: str
    url: str | None
    reason: DeadLetterReason
    why: str


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """Two articles of which the later to arrive has to alert about the earlier."""

    articles: tuple[str, str]
    relation: Relation


@dataclass(frozen=True, slots=True)
class Expectations:
    """The whole manifest. Articles are named `record/n`, n counting the record's articles from 1.

    `alerts` are all the pairs that alert. `sightings` are copies of an outlet's own article, `revisions` a version and
    the next, `templates` pieces of one outlet or group that look alike; none of these alerts.
    """

    day: str
    records: tuple[SampleRecord, ...]
    malformed: tuple[MalformedRecord, ...]
    alerts: tuple[ExpectedAlert, ...]
    sightings: tuple[tuple[str, str], ...]
    revisions: tuple[tuple[str, str], ...]
    templates: tuple[tuple[str, str], ...]

    def article(self, name: str) -> ExpectedArticle:
        """The article called `name`, such as dam/1. Raises KeyError when there is none."""
        return self.articles()[name]

    def articles(self) -> dict[str, ExpectedArticle]:
        """Every article that has to be emitted, by name, in the order of the records."""
        return {
            f"{record.name}/{number}": article
            for record in self.records
            for number, article in enumerate(record.expect.articles, start=1)
        }


@cache
def expectations() -> Expectations:
    """What has to come of the sample set."""
    return TypeAdapter(Expectations).validate_json(read("sample.json"))


def read(name: str) -> bytes:
    """The content of the sample's file `name`, a path inside this folder such as gold/dam.txt."""
    return _FOLDER.joinpath(*name.split("/")).read_bytes()


def gold(article: ExpectedArticle) -> str:
    """The text of `article` as a person would take it off its page, paragraphs joined by newlines; "" for none."""
    return read(article.text).decode().removesuffix("\n") if article.text else ""


def outlets_path() -> Path:
    """The registry file with the sample's outlets and aggregators, for the cleaner's setting."""
    path = _FOLDER.joinpath("outlets.json")
    if not isinstance(path, Path):
        raise RuntimeError("the package is not installed as files; install it unzipped")
    return path


def raw_records(key_of: Callable[[str], str] = str, *, malformed: bool = True) -> Iterator[tuple[bytes | None, bytes]]:
    """Keys and values as publishers write them to `raw-articles`, in the order of their fetches.

    `key_of` makes a record's key from its URL. Malformed values come among the others, unless `malformed` is False:
    each is followed by a good one, so that a service that stumbles is seen to.
    """
    manifest = expectations()
    bad = list(manifest.malformed) if malformed else []
    for record in manifest.records:
        if bad:
            wrong = bad.pop(0)
            yield (key_of(wrong.url).encode() if wrong.url else None), read(wrong.file)
        yield key_of(str(record.raw["url"])).encode(), raw_value(record)


def raw_value(record: SampleRecord) -> bytes:
    """The value of `record` as its publisher writes it: one line of JSON."""
    fields = dict(record.raw)
    if record.file is not None:
        fields["html" if record.file.endswith(".html") else "text"] = read(record.file).decode()
    return json.dumps(fields, ensure_ascii=False).encode()
