"""A raw article taken apart by the path that suits it: HTML, or text with several articles on a page."""

from __future__ import annotations

from typing import Final

from schemas.articles import RawArticle
from services.cleaner.encoding import mend
from services.cleaner.html_inlined import split_inlined
from services.cleaner.html_pages import DEFAULT_OPTIONS, HtmlOptions, NoArticle, look_at_html_page
from services.cleaner.languages import tell_language
from services.cleaner.outlets import OutletRegistry
from services.cleaner.parts import Hints, PageParts
from services.cleaner.text_pages import split_text_page
from services.cleaner.urls import host_of, page_address

_DENSE: Final = ("zh", "ja", "ko", "th")


def hints_of(raw: RawArticle) -> Hints:
    """What the publisher says of the page."""
    return Hints(
        outlet=raw.outlet,
        aggregator=raw.aggregator,
        language=raw.language,
        country=raw.country.upper() if raw.country else None,
        headline=raw.headline,
        byline=raw.byline,
        published_at=raw.published_at,
        updated_at=raw.updated_at,
    )


def take_apart(
    raw: RawArticle, *, registry: OutletRegistry, options: HtmlOptions = DEFAULT_OPTIONS
) -> PageParts | NoArticle:
    """The articles of a page, or why it gives none.

    HTML goes the HTML path; a page of an aggregator is split as text after it was flattened, because it prints other
    outlets' articles; whole articles that another site prints below its own are taken out of it. The publisher's own
    `text` takes over where the HTML gives nothing, or less than half of it.
    """
    hints, url = hints_of(raw), page_address(raw.url, raw.http.final_url if raw.http else None)
    from_html: PageParts | NoArticle = NoArticle("no_article")
    if raw.html and not raw.html.isspace():
        html = mend(raw.html)
        look = look_at_html_page(
            html, url=url, fetched_at=raw.fetched_at, registry=registry, hints=hints, options=options
        )
        from_html = look.page
        host = registry.by_domain(host_of(url))
        if raw.aggregator or (host is not None and host.is_aggregator):
            split = _as_text(from_html.flattened, raw, url, registry, hints, options)
            # one article alone: the HTML path knows more of it
            if isinstance(split, PageParts) and (len(split.parts) > 1 or isinstance(from_html, NoArticle)):
                return split
        elif isinstance(from_html, PageParts):
            from_html = split_inlined(
                html, look.blocks, from_html, url=url, fetched_at=raw.fetched_at, registry=registry, hints=hints
            )
    if raw.text and raw.text.strip():
        from_text = _as_text(mend(raw.text), raw, url, registry, hints, options)
        if isinstance(from_html, NoArticle):
            return from_text if isinstance(from_text, PageParts) or not raw.html else from_html
        if isinstance(from_text, PageParts) and _chars(from_html) < 0.5 * _chars(from_text):
            return from_text
    return from_html


def _as_text(
    text: str, raw: RawArticle, url: str | None, registry: OutletRegistry, hints: Hints, options: HtmlOptions
) -> PageParts | NoArticle:
    page = split_text_page(text, fetched_at=raw.fetched_at, registry=registry, url=url, hints=hints) if text else None
    if page is None:
        return NoArticle("no_article", text)
    main = page.parts[0]
    if len(page.parts) == 1 and len(main.text) < options.min_body_chars:
        language = main.language or tell_language(main.text, hint=hints.language)
        if language.code not in _DENSE or len(main.text) < options.min_body_chars_dense:
            return NoArticle("body_too_short", text)
    return page


def _chars(page: PageParts) -> int:
    return len(page.parts[0].text)
