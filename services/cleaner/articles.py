"""A page's parts to the events that are published, with their ids and the ledger's bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Final

import numpy as np
from pydantic import TypeAdapter

from schemas.articles import (
    REMOVED_TEXT_BYTES,
    CleanArticle,
    Completeness,
    Extraction,
    Outlet,
    Published,
    RawArticle,
    Removed,
    inlined_article_id,
    main_article_id,
    page_id,
)
from schemas.events import content_hash, well_formed
from services.cleaner.languages import tell_language
from services.cleaner.outlets import OutletRegistry, fold_name, outlet_of_host
from services.cleaner.parts import ArticlePart, PageParts, Span
from services.cleaner.urls import host_of, page_address, url_key


@dataclass(frozen=True, slots=True)
class Identity:
    """Which page a raw article is: its id, and the address it is known by."""

    page_id: str
    url: str | None

    @property
    def article_id(self) -> str:
        """The id of the page's main article."""
        return main_article_id(self.page_id)


def identify(raw: RawArticle) -> Identity:
    """The page that `raw` is a fetch of: by its address after redirects, else by the publisher's record id."""
    by_address = _by_address(raw.url, raw.http.final_url if raw.http else None)
    return by_address or Identity(page_id(publisher=raw.publisher.name, record_id=raw.record_id), None)


# a record is asked for when its batch begins and when its turn comes
@lru_cache(maxsize=4096)
def _by_address(address: str | None, final: str | None) -> Identity | None:
    url = page_address(address, final)
    key = url_key(url) if url else None
    return Identity(page_id(url_key=key), url) if key else None


_NEAR_THE_ENDS: Final = 4096
_ADDRESS: Final = re.compile(rb'"(url|final_url)"\s*:\s*("https?://(?:[^"\\\x00-\x1f]|\\.)*")', re.IGNORECASE)


def guess_identity(value: bytes) -> Identity | None:
    """What `identify` says most likely of the raw article in `value`, told without reading it; None for no guess.

    Reads what stands before and behind the page. Wrong where another "url" stands there, or the page has no address.
    """
    ends = value if len(value) <= 2 * _NEAR_THE_ENDS else value[:_NEAR_THE_ENDS] + b"\n" + value[-_NEAR_THE_ENDS:]
    found: dict[bytes, bytes] = dict(reversed(_ADDRESS.findall(ends)))
    try:
        address, final = (json.loads(found[name]).strip() if name in found else None for name in (b"url", b"final_url"))
        return _by_address(address, final)
    except ValueError:
        return None


def carrier_of(raw: RawArticle, identity: Identity, page: PageParts, registry: OutletRegistry) -> str:
    """What prints the page: the aggregator it names, else its host, else its publisher."""
    aggregator = next((a.name for part in page.parts for a in part.attribution if a.role == "aggregator"), None)
    known = registry.by_name(aggregator) if aggregator else None
    return known.id if known else fold_name(aggregator) if aggregator else host_of(identity.url) or raw.publisher.name


def outlet_of(raw: RawArticle, identity: Identity, part: ArticlePart) -> Outlet:
    """Under whose name a part appears."""
    if part.outlet is not None or part.part == "inlined":
        return part.outlet or Outlet(name="unknown")
    host = host_of(identity.url)
    return outlet_of_host(host) if host else Outlet(name=raw.outlet or "unknown")


def clean_articles(
    raw: RawArticle, page: PageParts, *, version: str, registry: OutletRegistry, identity: Identity | None = None
) -> list[CleanArticle]:
    """The events of a page, the main article first. A function of its arguments: no clock, no chance.

    `identity` is `identify(raw)`, where that is known already.
    """
    identity = identity or identify(raw)
    carrier = carrier_of(raw, identity, page, registry)
    events: list[CleanArticle] = []
    inlined: list[str] = []
    for part in page.parts[1:]:
        outlet = outlet_of(raw, identity, part)
        article_id = inlined_article_id(
            host=carrier, outlet_id=outlet.id, folded_headline=fold_name(part.headline) or part.text[:80]
        )
        # one page can print one article twice; the first stands for both
        if article_id in inlined:
            continue
        inlined.append(article_id)
        events.append(_event(raw, identity, part, page, outlet, article_id, version))
    main = page.parts[0]
    outlet = outlet_of(raw, identity, main)
    first = _event(raw, identity, main, page, outlet, identity.article_id, version, inlined=tuple(inlined))
    return [first, *events]


def _event(
    raw: RawArticle,
    identity: Identity,
    part: ArticlePart,
    page: PageParts,
    outlet: Outlet,
    article_id: str,
    version: str,
    inlined: tuple[str, ...] | None = None,
) -> CleanArticle:
    is_main = inlined is not None
    spans = (*part.removed, *page.removed) if is_main else part.removed
    removed, omitted = bounded_ledger(page.flattened, spans)
    text = part.text
    return CleanArticle(
        article_id=article_id,
        page_id=identity.page_id,
        part="main" if is_main else "inlined",
        inlined_article_ids=inlined or (),
        url=identity.url if is_main else None,
        canonical_url=part.canonical_url or (raw.canonical_url if is_main else None),
        outlet=outlet,
        attribution=part.attribution,
        headline=well_formed(part.headline),
        byline=part.byline,
        dateline=part.dateline,
        published=part.published,
        updated_at=part.updated_at,
        fetched_at=raw.fetched_at,
        language=part.language or tell_language(text, hint=raw.language),
        text=text,
        word_count=count_words(text),
        page_kind=part.page_kind,
        completeness=Completeness(truncated=part.truncated, reasons=part.truncated_reasons),
        removed=removed,
        removed_omitted=omitted,
        comments=part.comments,
        image_url=part.image_url or (raw.image_url if is_main else None),
        links=part.links,
        section=part.section or (raw.section if is_main else None),
        extraction=Extraction(
            method=part.method, version=version, epoch=part.epoch, quality=round(part.quality, 3), reasons=part.reasons
        ),
    )


_LEDGER: Final = TypeAdapter(tuple[Removed, ...])
_PLACE: Final = attrgetter("start", "end")


def bounded_ledger(flattened: str, spans: Sequence[Span]) -> tuple[tuple[Removed, ...], int]:
    """The removal ledger as events carry it, in the page's order, and how many spans were past its 64 KB."""
    removed: list[dict[str, str | int]] = []
    held = 0
    ordered = sorted(spans, key=_PLACE)
    for number, span in enumerate(ordered):
        text = flattened[span.start : span.end]
        held += len(text) if text.isascii() else len(text.encode())
        if held > REMOVED_TEXT_BYTES:
            return _LEDGER.validate_python(removed), len(ordered) - number
        removed.append({"kind": span.kind, "rule": span.rule, "start": span.start, "end": span.end, "text": text})
    # all at once, because calling the class for each takes twice as long
    return _LEDGER.validate_python(removed), 0


# by code point: 0 for white space, 2 for a letter of Chinese, Japanese or Thai, 1 for any other
_SIGNS: Final = np.array([0 if chr(number).isspace() else 1 for number in range(0xA000)], dtype=np.int8)
_SIGNS[0x3040:0xA000] = 2
_SIGNS[0x0E00:0x0E80] = 2


def count_words(text: str) -> int:
    """Words as white space parts them; in Chinese, Japanese and Thai text, two letters count as one word."""
    # a third of what split and a regular expression take
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    signs = _SIGNS.take(points, mode="clip")
    signs[points > 0x9FFF] = 1
    is_space = signs == 0
    words = int(np.count_nonzero(is_space[:-1] & ~is_space[1:])) + int(len(text) > 0 and not is_space[0])
    return words + int(np.count_nonzero(signs == 2)) // 2


def withdrawn_article(raw: RawArticle, *, version: str, registry: OutletRegistry) -> CleanArticle:
    """The event that says an outlet took its article back: the article's id, and no text."""
    identity = identify(raw)
    host = host_of(identity.url)
    site = registry.by_domain(host) or (registry.resolve(raw.outlet) if raw.outlet else None)
    outlet = (
        site.as_outlet()
        if site
        else Outlet(name=raw.outlet)
        if raw.outlet
        else outlet_of_host(host)
        if host
        else Outlet(name="unknown")
    )
    return CleanArticle(
        article_id=identity.article_id,
        page_id=identity.page_id,
        status="withdrawn",
        url=identity.url,
        outlet=outlet,
        headline=well_formed(raw.headline or ""),
        published=Published(),
        fetched_at=raw.fetched_at,
        text="",
        extraction=Extraction(method="withdrawn", version=version),
    )


def says(articles: Sequence[CleanArticle]) -> str:
    """A hash of what a page's articles say, the same at every fetch of an unchanged page.

    Left out is what a fetch changes by itself: the fetch time, ages and what follows from them, the chrome in the
    ledger, link and picture addresses, and the modification time that some sites set to now.
    """
    parts: list[str] = []
    for article in articles:
        at = article.published.at.isoformat() if article.published.at else ""
        # the version is headline and text
        parts += [article.article_id, article.status, article.version_id, article.outlet.id, at]
        parts += [article.dateline or "", article.section or "", article.page_kind, article.completeness.truncated]
        parts += [f"{author.kind}:{author.name}" for author in article.byline]
    return content_hash(*parts)
