"""What a page was taken apart into: its articles, and what was left over. Both paths, HTML and text, return it.

Spans are half-open and count code points of `PageParts.flattened`. `services.cleaner.ledger.unaccounted` checks the
promise that holds for every page: each non-space character of `flattened` lies in exactly one body span, one field
span or one removed span.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from schemas.articles import (
    Attribution,
    Author,
    Comments,
    Language,
    Link,
    Outlet,
    PageKind,
    Published,
    RemovalKind,
)

NOT_DATED: Final = Published()
NO_COMMENTS: Final = Comments()

FieldName = Literal["headline"]
"""The fields whose words stand in the event as they stand on the page. Lines that were only read for a value (outlet,
age, date, byline) are removed spans of kind `metadata`."""


class TextSpan(NamedTuple):
    """A run of `flattened` that is part of an article's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FieldSpan:
    """A run of `flattened` whose words are one of the article's fields."""

    field: FieldName
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """A run of `flattened` that is in no text: what it is, and the name of the rule that took it away."""

    kind: RemovalKind
    rule: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hints:
    """What the publisher says of a page; each is trusted less than what the page itself shows."""

    outlet: str | None = None
    aggregator: str | None = None
    language: str | None = None
    country: str | None = None
    headline: str | None = None
    byline: str | None = None
    published_at: str | None = None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True)
class ArticlePart:
    """One article of a page.

    `paragraphs` hold the words of `body_spans`, in order, with white space folded: the non-space characters of both
    are the same. `removed` are the spans taken out of or from around this article (promos inside its sentences, its
    metadata lines, its repeated headline); what belongs to no article is in `PageParts.removed`.
    """

    headline: str
    paragraphs: tuple[str, ...]
    body_spans: tuple[TextSpan, ...]
    part: Literal["main", "inlined"] = "main"
    raw_headline: str = ""
    field_spans: tuple[FieldSpan, ...] = ()
    removed: tuple[Span, ...] = ()
    outlet: Outlet | None = None
    attribution: tuple[Attribution, ...] = ()
    byline: tuple[Author, ...] = ()
    dateline: str | None = None
    published: Published = NOT_DATED
    updated_at: datetime | None = None
    language: Language | None = None
    page_kind: PageKind = "article"
    truncated: Literal["no", "maybe", "yes"] = "no"
    truncated_reasons: tuple[str, ...] = ()
    comments: Comments = NO_COMMENTS
    section: str | None = None
    canonical_url: str | None = None
    image_url: str | None = None
    links: tuple[Link, ...] = ()
    method: str = ""
    quality: float = 0.0
    reasons: tuple[str, ...] = ()
    epoch: str = ""
    """The UTC day of the learnt lines that were taken off; empty where none was."""

    @property
    def text(self) -> str:
        r"""The article's text as events carry it: paragraphs joined by "\n"."""
        return "\n".join(self.paragraphs)


@dataclass(frozen=True, slots=True)
class PageParts:
    """A page's articles, the main one first, and what on the page belongs to none of them.

    `parts` is never empty: a path that finds no article returns None instead of a `PageParts`.
    """

    flattened: str
    parts: tuple[ArticlePart, ...]
    removed: tuple[Span, ...] = ()


def spans_by_paragraph(flattened: str, part: ArticlePart) -> list[list[TextSpan]]:
    """The body spans of each paragraph: a paragraph has several where a promo was cut out of it."""
    found: list[list[TextSpan]] = []
    spans = iter(part.body_spans)
    for text in part.paragraphs:
        wanted = len("".join(text.split()))
        own: list[TextSpan] = []
        while wanted > 0:
            span = next(spans)
            own.append(span)
            wanted -= len("".join(flattened[span.start : span.end].split()))
        found.append(own)
    return found
