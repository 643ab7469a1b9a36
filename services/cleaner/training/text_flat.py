"""Real pages flattened in several ways, with what each line is by the page's gold text.

Reads the development pages (`fundus-dev`, `scrapinghub-dev`, `wcxb-dev`), which are not in the repository.
"""

from __future__ import annotations

import gzip
import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from services.cleaner.ledger import flatten_text
from services.cleaner.text_labels import Label, PageLines
from services.cleaner.text_lines import fold_key

# untyped, and only for measuring: named once, as Any
_html: Any = importlib.import_module("lxml.html")
_PARSER_ERROR: type[Exception] = importlib.import_module("lxml.etree").ParserError

_DROP: Final = frozenset({"script", "style", "noscript", "template", "svg", "head", "iframe", "object"})
_BLOCKS: Final = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "dd", "details", "dialog", "div", "dl", "dt"),
        *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr"),
        *("li", "main"),
        *("nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "th", "tr", "ul"),
        *("option", "button", "br"),
    }
)  # fmt: skip
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class GoldPage:
    """A development page: its HTML and what is known of its article."""

    id: str
    url: str
    html: str
    text: str
    headline: str
    authors: tuple[str, ...]
    fetched_at: str

    @property
    def site(self) -> str:
        """The last two labels of the host: pages of one site are never on both sides of a split."""
        host = urlsplit(self.url if "//" in self.url else "//" + self.url).hostname or self.id
        return ".".join(host.split(".")[-2:])


def read_pages(folder: Path, *names: str) -> Iterator[GoldPage]:
    """The development pages of the named sets, in their files' order."""
    for name in names:
        with gzip.open(folder / "pages" / f"{name}-dev.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                page: dict[str, Any] = json.loads(line)
                authors = page.get("authors") or ([page["author"]] if page.get("author") else [])
                yield GoldPage(
                    id=page["id"],
                    url=page["url"],
                    html=page["html"],
                    text=page["text"],
                    headline=page.get("headline") or "",
                    authors=tuple(author for author in authors if isinstance(author, str)),
                    fetched_at=str(page.get("fetched_at") or ""),
                )


def _tree(source: str) -> Any:
    parser = _html.HTMLParser(encoding="utf-8", huge_tree=True)
    return _html.document_fromstring(source.encode("utf-8", "replace"), parser=parser)


def _texts(element: Any) -> Iterator[tuple[str, str]]:
    """The text nodes below `element` in order, each with what precedes it: "block", "inline"."""
    stack: list[tuple[Any, bool]] = [(element, False)]
    while stack:
        node, closing = stack.pop()
        tag = node.tag if isinstance(node.tag, str) else "!"
        if closing:
            if tag in _BLOCKS:
                yield "block", ""
            if node.tail:
                yield "text", node.tail
            continue
        if tag == "!" or tag in _DROP:
            if node.tail and node is not element:
                yield "text", node.tail
            continue
        if tag in _BLOCKS:
            yield "block", ""
        if node.text:
            yield "text", node.text
        stack.append((node, True))
        stack.extend((child, False) for child in reversed(node))


def flatten_blocks(source: str) -> str:
    """A line for each block element, as browsers copy it."""
    lines: list[str] = []
    current: list[str] = []
    for kind, text in _texts(_tree(source)):
        if kind == "block":
            lines.append(_SPACES.sub(" ", "".join(current)).strip())
            current = []
        else:
            current.append(text)
    lines.append(_SPACES.sub(" ", "".join(current)).strip())
    return "\n".join(line for line in lines if line)


def flatten_spaced(source: str) -> str:
    """As `flatten_blocks`, with a blank line between blocks."""
    return flatten_blocks(source).replace("\n", "\n\n")


def flatten_nodes(source: str) -> str:
    """A line for each text node: links and emphasis break sentences, as `get_text` with a separator does."""
    nodes = (_SPACES.sub(" ", text).strip() for kind, text in _texts(_tree(source)) if kind == "text")
    return "\n".join(node for node in nodes if node)


def flatten_raw(source: str) -> str:
    """The text nodes as they stand, with the source's own line ends and indents: `get_text` as it is."""
    return "".join(text for kind, text in _texts(_tree(source)) if kind == "text")


FLATTENERS: Final[dict[str, Callable[[str], str]]] = {
    "blocks": flatten_blocks,
    "nodes": flatten_nodes,
    "spaced": flatten_spaced,
    "raw": flatten_raw,
}


def flatten(page: GoldPage, how: str) -> str | None:
    """The page flattened by the named flattener; None where its HTML cannot be parsed."""
    try:
        return flatten_text(FLATTENERS[how](page.html))
    except (_PARSER_ERROR, ValueError):
        return None


def gold_labels(page: GoldPage, lines: PageLines) -> list[Label]:
    """What each line is by the page's gold: body where most of its words stand in the gold text in that order."""
    gold_words = _words(page.text)
    grams = {tuple(gold_words[at : at + 3]) for at in range(len(gold_words) - 2)}
    gold_lines = {fold_key(line) for line in page.text.split("\n") if line.strip()}
    gold_key = fold_key(page.text)
    labels: list[Label] = []
    for line in lines.lines:
        words = _words(line.text)
        own = [tuple(words[at : at + 3]) for at in range(len(words) - 2)]
        printed = (line.key and line.key in gold_lines) or (len(line.key) >= 25 and line.key in gold_key)
        if printed or (own and len(own) > 4 and sum(gram in grams for gram in own) >= 0.6 * len(own)):
            labels.append("body")
        else:
            labels.append("other")
    _keep_main_run(lines, labels)
    first = next((index for index, label in enumerate(labels) if label == "body"), len(labels))
    headline = _headline_line(page, lines, labels, first)
    if headline is not None:
        labels[headline] = "headline"
        for index in range(max(0, headline - 3), min(first, headline + 14)):
            meta = lines.metas[index]
            if labels[index] != "other" or meta is None or lines.lines[index].units > 110:
                continue
            if any(author and author.casefold() in lines.lines[index].text.casefold() for author in page.authors):
                labels[index] = "byline"
            elif meta.is_whole and meta.time is not None:
                labels[index] = "outlet_and_time" if meta.outlet else "time"
            elif meta.is_whole and meta.byline:
                labels[index] = "byline"
            elif meta.is_whole and meta.registered is not None and index > headline:
                labels[index] = "outlet"
    return labels


def body_lines(page: GoldPage, lines: PageLines) -> tuple[list[bool], list[int], int]:
    """Which lines are body by the page's gold, the number of words in each, and in the gold.

    A line is where four of five of its words stand in trigrams of the gold. Trigrams run across line ends: a link's
    text, a name or an item of a list that is a line of its own is told by what stands around it. (Taking all these
    lines scores .990 on `nodes` and `blocks`; by trigrams within lines, as `gold_labels` has it, .971 and .986.)
    """
    gold = _words(page.text)
    grams = {tuple(gold[at : at + 3]) for at in range(len(gold) - 2)}
    words, owners = list[str](), list[int]()
    for index, line in enumerate(lines.lines):
        own = _words(line.text)
        words += own
        owners += [index] * len(own)
    covered = [False] * len(words)
    for at in range(len(words) - 2):
        if tuple(words[at : at + 3]) in grams:
            covered[at : at + 3] = [True] * 3
    sizes, found = [0] * len(lines.lines), [0] * len(lines.lines)
    for owner, is_found in zip(owners, covered, strict=True):
        sizes[owner] += 1
        found[owner] += is_found
    return [size > 0 and part >= 0.8 * size for size, part in zip(sizes, found, strict=True)], sizes, len(gold)


def _keep_main_run(lines: PageLines, labels: list[Label]) -> None:
    """Short lines of the gold that stand far from its long ones (a quoted "Yes." in a menu) are not the body."""
    solid = [index for index, label in enumerate(labels) if label == "body" and lines.lines[index].units >= 60]
    if not solid:
        return
    for index, label in enumerate(labels):
        if label == "body" and lines.lines[index].units < 60 and min(abs(index - other) for other in solid) > 12:
            labels[index] = "other"


def _headline_line(page: GoldPage, lines: PageLines, labels: list[Label], first: int) -> int | None:
    keys: list[str] = [fold_key(page.headline)] if page.headline else []
    if not keys:
        try:
            tree = _tree(page.html)
        except (_PARSER_ERROR, ValueError):
            return None
        keys += [fold_key(text) for text in tree.xpath("//meta[@property='og:title']/@content")[:1]]
        keys += [fold_key(node.text_content()) for node in tree.xpath("//h1")[:3]]
    for key in keys:
        if len(key) < 8:
            continue
        found = [
            index
            for index, line in enumerate(lines.lines[:first])
            if labels[index] == "other"
            and (line.key == key or (len(line.key) > max(25, len(key) // 2) and line.key in key))
        ]
        if found:
            return found[-1]
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
