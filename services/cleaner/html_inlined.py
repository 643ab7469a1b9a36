"""HTML pages of sites that print whole other articles below the one they are about: told apart, each an article.

Such a page is known by its markup: several `<article>` elements, or several headings of the first order, each with a
headline and paragraphs of its own. Pages without either are passed over after one look at their elements.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from services.cleaner.html_blocks import GROUP_NAMES, TAG_NAMES, Blocks
from services.cleaner.outlets import OutletRegistry, fold_name
from services.cleaner.parts import ArticlePart, FieldSpan, Hints, PageParts, Span, TextSpan, spans_by_paragraph
from services.cleaner.text_lines import read_meta, units_of
from services.cleaner.text_pages import split_text_page

LEAST_UNITS: Final = 500
"""Text of an inlined article; a teaser or an entry of a live blog has less."""
LEAST_PARAGRAPHS: Final = 2
_NEAR_HEAD: Final = 6
"""Lines after a headline within which its byline or time stands, where no element bounds the article."""
_MOST_HTML: Final = 4_000_000

_ARTICLE: Final = re.compile(r"<(/?)article\b[^>]*>", re.IGNORECASE)
_H1: Final = re.compile(r"<h1\b", re.IGNORECASE)
_HEADING: Final = re.compile(r"<h[123]\b", re.IGNORECASE)
_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_HEADINGS: Final = sum(1 << TAG_NAMES.index(name) for name in ("h1", "h2", "h3"))
_ANY_HEADING: Final = sum(1 << TAG_NAMES.index(name) for name in ("h1", "h2", "h3", "h4", "h5", "h6"))
_TOP: Final = 1 << TAG_NAMES.index("h1")
_NOT_TEXT: Final = sum(1 << TAG_NAMES.index(name) for name in ("nav", "aside", "footer", "figcaption"))
_COMMENT: Final = 1 << GROUP_NAMES.index("comment")
_LIVE: Final = 1 << GROUP_NAMES.index("live")


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Lines of the page, from a headline on, that look like one article."""

    first: int
    last: int
    """Exclusive."""
    headline: int


def split_inlined(
    html: str,
    blocks: Blocks,
    page: PageParts,
    *,
    url: str | None,
    fetched_at: datetime,
    registry: OutletRegistry,
    hints: Hints,
) -> PageParts:
    """`page`, read from `html` and its lines, with the other articles that it prints whole as parts of their own.

    None of their text is in the main one. `page` itself where it prints none, which is nearly always. Live blogs stay
    as they are.
    """
    main, *rest = page.parts
    if rest or main.page_kind == "live" or len(html) > _MOST_HTML:
        return page
    if max(blocks.count("article"), blocks.count("h1")) < 2:
        return page
    elements, headings = _may_hold_several(html)
    if not (elements or headings):
        return page
    starts = blocks.starts()
    stretches = _in_elements(blocks, blocks.lines_of("article")) if elements else []
    if len(stretches) < 2 and headings:
        stretches = _under_headings(blocks, registry)
    own = _main_stretch(stretches, page, starts)
    others = [stretch for stretch in stretches if stretch is not own and _has_own_head(blocks, stretch, registry)]
    # an element around all others is no article beside them
    others = [one for one in others if own is not None and not (one.first <= own.first and own.last <= one.last)]
    if own is None or not others:
        return page
    return _taken_out(page, others, blocks, starts, url=url, fetched_at=fetched_at, registry=registry, hints=hints)


def _may_hold_several(html: str) -> tuple[bool, bool]:
    """Whether the source has two `<article>` elements, or two `<h1>`, each with a heading and text after it.

    A look at the tags alone, which rules out most.
    """
    tags = list(_ARTICLE.finditer(html))
    openings = 0
    for tag, following in pairwise(tags):
        own = html[tag.end() : following.start()]
        if not tag[1] and own.count("<p") >= LEAST_PARAGRAPHS and _HEADING.search(own):
            openings += len(_TAGS.sub("", own)) >= LEAST_UNITS
    heads = [match.start() for match in _H1.finditer(html)]
    under = sum(html.count("<p", first, last) > LEAST_PARAGRAPHS for first, last in pairwise([*heads, len(html)]))
    return openings > 1, under > 1


def _is_prose(blocks: Blocks, line: int) -> bool:
    text = blocks.texts[line]
    return (
        units_of(text) >= 60
        and blocks.link_chars[line] < 0.5 * max(1, blocks.raw_chars[line])
        and not blocks.tags[line] & (_NOT_TEXT | _HEADINGS)
        and not blocks.groups[line] & _COMMENT
    )


def _article_in(blocks: Blocks, lines: Sequence[int]) -> _Stretch | None:
    """The article whose lines these are: a headline near the top, and paragraphs below it."""
    headline = next((line for line in lines[:8] if _is_headline(blocks, line)), None)
    if headline is None or blocks.near[headline] & _LIVE:
        return None
    prose = [line for line in lines if line > headline and _is_prose(blocks, line)]
    if len(prose) < LEAST_PARAGRAPHS or sum(units_of(blocks.texts[line]) for line in prose) < LEAST_UNITS:
        return None
    return _Stretch(lines[0], lines[-1] + 1, headline)


def _has_own_head(blocks: Blocks, stretch: _Stretch, registry: OutletRegistry) -> bool:
    """Whether the headline leads to a page of its own, or a byline or a time stands beside it.

    The sections of one article can be `<article>` elements too, and have neither.
    """
    headline = stretch.headline
    if blocks.link_chars[headline] >= 0.8 * blocks.raw_chars[headline]:
        return True
    beside = range(max(stretch.first, headline - 3), min(stretch.last, headline + 1 + _NEAR_HEAD))
    metas = (read_meta(blocks.texts[line], registry) for line in beside if line != headline)
    return any(meta is not None and meta.is_whole and (meta.time or meta.byline) for meta in metas)


def _is_headline(blocks: Blocks, line: int) -> bool:
    return bool(blocks.tags[line] & _HEADINGS) and 12 <= units_of(blocks.texts[line]) <= 250


def _in_elements(blocks: Blocks, bounds: Sequence[tuple[int, int]]) -> list[_Stretch]:
    """The `<article>` elements that are articles: what stands in an element inside one is not its own."""
    found: list[_Stretch] = []
    for first, last in bounds:
        inner = [
            (start, end) for start, end in bounds if first <= start and end <= last and (start, end) != (first, last)
        ]
        lines = [line for line in range(first, last) if not any(start <= line < end for start, end in inner)]
        stretch = _article_in(blocks, lines)
        if stretch is not None:
            found.append(replace(stretch, first=first, last=last))
    return found


def _under_headings(blocks: Blocks, registry: OutletRegistry) -> list[_Stretch]:
    """Where elements say nothing: the stretches from each `<h1>` with a byline or a time below it to the next."""
    heads: list[int] = []
    for line, text in enumerate(blocks.texts):
        is_head = blocks.tags[line] & _TOP and _is_headline(blocks, line)
        if not is_head or (heads and text == blocks.texts[heads[-1]]):
            continue
        if _has_own_head(blocks, _Stretch(line, len(blocks.texts), line), registry):
            heads.append(line)
    found: list[_Stretch] = []
    for head, following in pairwise([*heads, len(blocks.texts)]):
        stretch = _article_in(blocks, range(head, following))
        if stretch is not None:
            # the page's own end (menus, imprint) is nobody's
            last = max(line for line in range(head, following) if _is_prose(blocks, line)) + 1
            found.append(replace(stretch, last=last))
    return found


def _main_stretch(stretches: Sequence[_Stretch], page: PageParts, starts: Sequence[int]) -> _Stretch | None:
    """The stretch that the page is about: the one its headline stands in, else the one that its text is taken from."""
    if len(stretches) < 2:
        return None
    main = page.parts[0]
    printed = next((span.start for span in main.field_spans if span.field == "headline"), None)
    wanted = fold_name(main.headline)

    def within(stretch: _Stretch, position: int) -> bool:
        end = starts[stretch.last] if stretch.last < len(starts) else len(page.flattened)
        return starts[stretch.first] <= position < end

    def text_in(stretch: _Stretch) -> int:
        return sum(end - start for start, end in main.body_spans if within(stretch, start))

    held = [stretch for stretch in stretches if printed is not None and within(stretch, printed)]
    if not held and wanted:
        held = [stretch for stretch in stretches if fold_name(page.flattened.split("\n")[stretch.headline]) == wanted]
    if held:
        # the innermost
        return min(held, key=lambda stretch: stretch.last - stretch.first)
    best = max(stretches, key=text_in)
    return best if text_in(best) else None


def _taken_out(
    page: PageParts,
    others: Sequence[_Stretch],
    blocks: Blocks,
    starts: Sequence[int],
    *,
    url: str | None,
    fetched_at: datetime,
    registry: OutletRegistry,
    hints: Hints,
) -> PageParts:
    main = page.parts[0]
    gone: list[tuple[int, int]] = []
    inlined: list[ArticlePart] = []
    left_over: list[Span] = []
    for stretch in others:
        first, end = starts[stretch.first], starts[stretch.last - 1] + len(blocks.texts[stretch.last - 1])
        if any(first < other_end and other_first < end for other_first, other_end in gone):
            continue
        if any(first <= span.start < end for span in main.field_spans):
            continue
        split = split_text_page(
            page.flattened[first:end],
            fetched_at=fetched_at,
            registry=registry,
            url=url,
            hints=Hints(outlet=hints.outlet, language=hints.language, country=hints.country),
        )
        if split is None or split.flattened != page.flattened[first:end]:
            continue
        gone.append((first, end))
        inlined += [_shifted(part, first) for part in split.parts]
        left_over += [_moved(span, first) for span in split.removed]
    kept_spans: list[TextSpan] = []
    kept: list[str] = []
    headings: list[Span] = []
    after: bool | None = None  # whether what follows in the text was taken out
    for text, spans in reversed(list(zip(main.paragraphs, spans_by_paragraph(page.flattened, main), strict=True))):
        if any(first <= span.start < end for span in spans for first, end in gone):
            after = True
        elif after is not False and blocks.tags[bisect_right(starts, spans[0].start) - 1] & _ANY_HEADING:
            # "More from us", above what was taken out or at the end
            headings += [Span("related", "heading_of_inlined", span.start, span.end) for span in spans]
        else:
            after = False
            kept.append(text)
            kept_spans += reversed(spans)
    kept.reverse()
    kept_spans.reverse()
    if not gone or not kept or sum(map(units_of, kept)) < LEAST_UNITS:
        # what is left is no article: the page is about what was taken for another
        return page
    changed = replace(
        main,
        paragraphs=tuple(kept),
        body_spans=tuple(kept_spans),
        removed=tuple(
            sorted(
                [*(piece for span in main.removed for piece in _outside(span, gone, page.flattened)), *headings],
                key=lambda span: span.start,
            )
        ),
    )
    removed = [*(piece for span in page.removed for piece in _outside(span, gone, page.flattened)), *left_over]
    return replace(page, parts=(changed, *inlined), removed=tuple(sorted(removed, key=lambda span: span.start)))


def _shifted(part: ArticlePart, by: int) -> ArticlePart:
    return replace(
        part,
        part="inlined",
        body_spans=tuple(TextSpan(span.start + by, span.end + by) for span in part.body_spans),
        field_spans=tuple(FieldSpan(span.field, span.start + by, span.end + by) for span in part.field_spans),
        removed=tuple(_moved(span, by) for span in part.removed),
    )


def _moved(span: Span, by: int) -> Span:
    return Span(span.kind, span.rule, span.start + by, span.end + by)


def _outside(span: Span, gone: Sequence[tuple[int, int]], flattened: str) -> list[Span]:
    """The pieces of `span` that lie in none of `gone`, without the white space at their ends."""
    pieces: list[Span] = []
    position = span.start
    for first, end in [*sorted(gone), (span.end, span.end)]:
        start, stop = position, min(first, span.end)
        text = flattened[start:stop] if stop > start else ""
        if text.strip():
            begin = start + len(text) - len(text.lstrip())
            pieces.append(Span(span.kind, span.rule, begin, begin + len(text.strip())))
        position = max(position, end)
    return pieces
