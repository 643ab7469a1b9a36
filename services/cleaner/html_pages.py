"""An HTML page taken apart: which of its lines are the article, and what the others are."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from typing import Any, Final, Literal, NamedTuple, cast

from schemas.articles import Attribution, Comments, Link, Outlet, Published, RemovalKind
from services.cleaner.ages import read_time
from services.cleaner.fields import Fields, author_of, is_full_name, read_fields, read_head, split_byline
from services.cleaner.html_blocks import GROUP_NAMES, LEAVES, TAG_NAMES, Blocks, blocks_of, forget, parse
from services.cleaner.html_features import Floats
from services.cleaner.html_model import BlockModel, default_model, score
from services.cleaner.html_quality import QualityModel, Signs, default_quality_model, signs_of
from services.cleaner.languages import tell_language
from services.cleaner.memory import give_back
from services.cleaner.outlets import OutletRegistry, RegisteredOutlet, fold_name, outlet_named, outlet_of_host
from services.cleaner.parts import ArticlePart, FieldSpan, Hints, PageParts, Span, TextSpan
from services.cleaner.promos import find_promos
from services.cleaner.urls import host_of

Why = Literal["no_article", "list_page", "body_too_short"]

MAX_TREE_CHARS: Final = 3_000_000
"""A longer page is not given to trafilatura, whose time and memory grow with some fifty copies of the tree."""

_GROUP: Final = {name: 1 << number for number, name in enumerate(GROUP_NAMES)}
_TAG: Final = {name: 1 << number for number, name in enumerate(TAG_NAMES)}
_BR: Final = LEAVES.index("br")
_MOST_LINKS: Final = 100
_TIDY_AFTER: Final = 500
_SPACE_FREE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class NoArticle:
    """Why a page gives no article, and its flattened text."""

    why: Why
    flattened: str = ""


@dataclass(frozen=True, slots=True)
class HtmlOptions:
    """What may be chosen about the HTML path."""

    min_body_chars: int = 200
    min_body_chars_dense: int = 80
    """For Chinese, Japanese, Korean and Thai, which say as much in less than half the characters."""
    hand_over_below: float = 0.85
    """Pages on which the block model is less sure than this are handed to trafilatura."""


DEFAULT_OPTIONS: Final = HtmlOptions()


@dataclass(frozen=True, slots=True)
class Choice:
    """Which lines of a page are its article's body, by which method, and what the block model says of each."""

    chosen: list[bool]
    method: str
    chances: Floats
    reasons: tuple[str, ...] = ()


# -- paths


def run_trafilatura(html: str) -> str | None:
    """The body that trafilatura finds, without its fallbacks (`fast`), which gain nothing here."""
    import trafilatura

    lxml_error = cast("type[Exception]", import_module("lxml.etree").LxmlError)
    try:
        return cast("Any", trafilatura).extract(html, fast=True, include_comments=False, with_metadata=False)
    except (lxml_error, ValueError, TypeError, AttributeError, RecursionError, IndexError, KeyError):
        # it walks trees of any shape; where it stumbles the page has no body from it
        return None


def lines_in(blocks: Blocks, body: str) -> list[bool]:
    """For each line of the page whether `body`, another extractor's text of it, holds the line.

    So that what is emitted has offsets and everything else is in the ledger: a line is held when it is one of the
    body's, or when at least 60 % of its word 4-grams are the body's.
    """
    # trafilatura writes "- " before the items of a list
    whole = {_SPACE_FREE.sub("", line.removeprefix("- ")) for line in body.split("\n")}
    whole.discard("")
    words = body.split()
    grams = {tuple(words[at : at + 4]) for at in range(len(words) - 3)}
    chosen: list[bool] = []
    for text in blocks.texts:
        if _SPACE_FREE.sub("", text) in whole:
            chosen.append(True)
            continue
        own = text.split()
        if len(own) < 6:
            # languages without spaces: a long line inside a longer one
            chosen.append(len(text) >= 30 and not text.isascii() and text in body)
            continue
        held = sum(tuple(own[at : at + 4]) in grams for at in range(len(own) - 3))
        chosen.append(held >= 0.6 * (len(own) - 3))
    return chosen


def choose(blocks: Blocks, model: BlockModel, options: HtmlOptions, *, is_live: bool = False) -> Choice | None:
    """The body's lines, by the path that suits the page: the model where it is sure, else trafilatura."""
    scored = score(blocks, model)
    chosen: list[bool] = (scored.chances > 0.5).tolist()
    chosen.extend([False] * (len(blocks.texts) - len(chosen)))
    own = Choice(chosen, "html_model", scored.chances) if any(chosen) else None
    if own is not None and scored.confidence >= options.hand_over_below:
        return own
    if len(blocks.markup) <= MAX_TREE_CHARS:
        # what the parser wrote: a sixth faster than the page, and the same text
        body = run_trafilatura(f"<!doctype html><html>{blocks.markup}</html>")
        if body:
            lines = lines_in(blocks, body)
            if is_live:
                # trafilatura keeps the entries of one container, the model those that look alike: entries are not lost
                lines = [a or b for a, b in zip(lines, chosen, strict=True)]
            agreement = _agreement(blocks, chosen, lines)
            reasons = ("model_unsure",) if agreement >= 0.8 else ("model_unsure", "paths_disagree")
            return Choice(lines, "html_trafilatura", scored.chances, reasons)
    if own is not None:
        return Choice(chosen, own.method, own.chances, ("model_unsure",))
    return None


def _agreement(blocks: Blocks, one: Sequence[bool], other: Sequence[bool]) -> float:
    """How much two choices of lines agree: their F1 by characters."""
    both = sum(len(text) for text, a, b in zip(blocks.texts, one, other, strict=True) if a and b)
    either = sum(len(text) * (a + b) for text, a, b in zip(blocks.texts, one, other, strict=True))
    return 2 * both / either if either else 0.0


# -- the page


def read_html_page(
    html: str,
    *,
    url: str | None,
    fetched_at: datetime,
    registry: OutletRegistry,
    hints: Hints | None = None,
    options: HtmlOptions = DEFAULT_OPTIONS,
    model: BlockModel | None = None,
) -> PageParts | NoArticle:
    """The article of an HTML page with its fields and its removal ledger, or why there is none.

    A function of its arguments: nothing is fetched, no clock is read. Time and memory are linear in the page.
    """
    return look_at_html_page(
        html, url=url, fetched_at=fetched_at, registry=registry, hints=hints, options=options, model=model
    ).page


class Look(NamedTuple):
    """What `read_html_page` gives, and the lines that it was made of."""

    page: PageParts | NoArticle
    blocks: Blocks
    signs: Signs = ()
    """What the quality was judged by, for a page that gives an article."""


def look_at_html_page(
    html: str,
    *,
    url: str | None,
    fetched_at: datetime,
    registry: OutletRegistry,
    hints: Hints | None = None,
    options: HtmlOptions = DEFAULT_OPTIONS,
    model: BlockModel | None = None,
    judge: QualityModel | None = None,
) -> Look:
    """As `read_html_page`, with the page's lines."""
    _tidy()
    hints = hints or Hints()
    tree = parse(html)
    host = host_of(url)
    site = registry.by_domain(host) or (registry.resolve(hints.outlet) if hints.outlet else None)
    fields = read_fields(
        read_head(tree),
        url=url,
        fetched_at=fetched_at,
        registry=registry,
        country=(site.country if site else None) or hints.country,
        order=site.date_order if site else "dmy",
        outlet_names=(site.name, *site.aliases) if site else (),
        hint_headline=hints.headline,
        hint_byline=hints.byline,
        hint_published=hints.published_at,
        hint_updated=hints.updated_at,
    )
    blocks = blocks_of(tree)
    if not blocks.texts:
        return Look(NoArticle("no_article"), blocks)
    if fields.kind == "home" and not fields.is_article:
        return Look(NoArticle("list_page", blocks.flattened), blocks)
    choice = choose(blocks, model or default_model(), options, is_live=fields.kind == "live")
    if choice is None or not any(choice.chosen):
        return Look(NoArticle("list_page" if fields.kind == "list" else "no_article", blocks.flattened), blocks)
    return _assemble(
        blocks,
        choice,
        fields,
        fetched_at=fetched_at,
        url=url,
        host=host,
        site=site,
        registry=registry,
        hints=hints,
        options=options,
        judge=judge or default_quality_model(),
    )


def _assemble(
    blocks: Blocks,
    choice: Choice,
    fields: Fields,
    *,
    fetched_at: datetime,
    url: str | None,
    host: str,
    site: RegisteredOutlet | None,
    registry: OutletRegistry,
    hints: Hints,
    options: HtmlOptions,
    judge: QualityModel,
) -> Look:
    texts, starts = blocks.texts, blocks.starts()
    chosen = list(choice.chosen)
    headline, headline_line, repeats = _find_headline(blocks, chosen, fields)
    for line in repeats:
        chosen[line] = False
    if headline_line is not None:
        chosen[headline_line] = False
    _drop_repeats(texts, chosen, repeats)
    if _is_list(blocks, chosen) and not fields.is_article:
        return Look(NoArticle("list_page", blocks.flattened), blocks)
    taken, printed_byline, printed_time = _take_off_lines(blocks, chosen, headline_line, fields, fetched_at, site)
    for line in taken:
        chosen[line] = False

    body_spans: list[TextSpan] = []
    paragraphs: list[str] = []
    removed: list[Span] = []
    body_lines: list[int] = []
    for line, text in enumerate(texts):
        if not chosen[line]:
            continue
        kept, position = list[str](), 0
        for promo in find_promos(text):
            if text[position : promo.start].strip():
                body_spans.append(_trimmed(text, position, promo.start, starts[line]))
                kept.append(text[position : promo.start].strip())
            removed.append(Span(promo.kind, promo.rule, starts[line] + promo.start, starts[line] + promo.end))
            position = promo.end
        if text[position:].strip():
            body_spans.append(_trimmed(text, position, len(text), starts[line]))
            kept.append(text[position:].strip())
        if kept:
            paragraphs.append(" ".join(kept))
            body_lines.append(line)
    body = "\n".join(paragraphs)
    language = tell_language(body, page=fields.language, hint=hints.language)
    least = options.min_body_chars_dense if language.code in ("zh", "ja", "ko", "th") else options.min_body_chars
    if len(body) < least:
        asked = sum(len(texts[line]) for line in body_lines if blocks.groups[line] & _GROUP["consent"])
        is_something = body and asked < 0.5 * len(body) and not _CONSENT.search(body)
        why: Why = "list_page" if fields.kind == "list" else "body_too_short" if is_something else "no_article"
        return Look(NoArticle(why, blocks.flattened), blocks)

    if _share_of_captions(blocks, chosen) > 0.5:
        return Look(NoArticle("no_article", blocks.flattened), blocks)
    removed.extend(_page_ledger(blocks, starts, chosen, headline_line, repeats, taken))
    removed.sort(key=lambda span: span.start)
    byline = fields.byline or tuple(
        author_of(name, registry=registry, site_names=(site.name,) if site else ()) for name in printed_byline
    )
    if byline and not fields.byline:
        fields = replace(fields, byline=byline, byline_evidence="printed_line")
    outlet, attribution = _outlet(fields, host=host, site=site, registry=registry, hints=hints)
    truncated, reasons = _completeness(body, fields)
    comments = any(groups & _GROUP["comment"] for groups in blocks.groups)
    signs = signs_of(blocks, choice.chosen, choice.chances, paragraphs, fields.description)
    page = PageParts(
        flattened=blocks.flattened,
        parts=(
            ArticlePart(
                headline=headline,
                raw_headline=fields.raw_headline or headline,
                paragraphs=tuple(paragraphs),
                body_spans=tuple(body_spans),
                field_spans=()
                if headline_line is None
                else (FieldSpan("headline", starts[headline_line], starts[headline_line] + len(texts[headline_line])),),
                removed=tuple(removed),
                outlet=outlet,
                attribution=attribution,
                byline=fields.byline,
                published=printed_time if printed_time and not fields.published.evidence else fields.published,
                updated_at=fields.updated_at,
                language=language,
                page_kind=fields.kind if fields.kind in ("live", "gallery", "list") else "article",
                truncated=truncated,
                truncated_reasons=reasons,
                comments=Comments(present=comments or bool(fields.comment_count), count=fields.comment_count),
                section=fields.section or None,
                canonical_url=fields.canonical_url,
                image_url=fields.image_url,
                links=_links(blocks, body_lines, url),
                method=choice.method,
                quality=judge.quality(signs),
                reasons=choice.reasons,
            ),
        ),
    )
    return Look(page, blocks, signs)


def _trimmed(text: str, start: int, end: int, offset: int) -> TextSpan:
    piece = text[start:end]
    first = start + len(piece) - len(piece.lstrip())
    return TextSpan(offset + first, offset + first + len(piece.strip()))


def _find_headline(blocks: Blocks, chosen: Sequence[bool], fields: Fields) -> tuple[str, int | None, set[int]]:
    """The headline, the line that prints it (None: it is only in the page's head), and lines that print it again."""
    wanted = {fold_name(text): rank for rank, text in reversed(list(enumerate(fields.headlines)))}
    wanted.pop("", None)
    printed: list[tuple[int, int, int]] = []
    lengths = [len(text) for text in fields.headlines]
    shortest, longest = min(lengths, default=0) - 8, max(lengths, default=0) + 8
    for line, text in enumerate(blocks.texts):
        # folding costs 5 µs a line, and hardly any line has a headline's length
        if shortest <= len(text) <= longest and any(abs(len(text) - length) <= 8 for length in lengths):
            rank = wanted.get(fold_name(text))
            if rank is not None:
                is_h1 = bool(blocks.tags[line] & _TAG["h1"])
                printed.append((0 if is_h1 else 1, rank, line))
    if not fields.headline:
        # nothing in the head: the first heading above the body
        first = next((line for line, is_body in enumerate(chosen) if is_body), 0)
        headings = _TAG["h1"] | _TAG["h2"]
        for line in range(first, -1, -1):
            if blocks.tags[line] & headings and 8 <= len(blocks.texts[line]) <= 250:
                return blocks.texts[line], line, set()
        return "", None, set()
    if not printed:
        return fields.headline, None, set()
    best = min(printed)[2]
    return fields.headline, best, {line for _, _, line in printed if line != best}


def _drop_repeats(texts: Sequence[str], chosen: list[bool], repeats: set[int]) -> None:
    """Of long lines that the body holds twice (a desktop and a mobile body), the later ones go."""
    seen: set[str] = set()
    for line, text in enumerate(texts):
        if chosen[line] and len(text) >= 50:
            if text in seen:
                chosen[line] = False
                repeats.add(line)
            seen.add(text)


_CREDIT: Final = re.compile(
    r"(?:^|[.\s(])(?:Photo|Photograph|Picture|Pictured|Image|Foto|Fotos|Bild|Imagen|Image credit|Credit)(?:graphy)?s?"
    r"(?: (?:by|credit|courtesy))?\s?:\s?\S.{0,60}$"
)
_BYLINE_LINE: Final = re.compile(r"(?:By|Von|Par|Por|Di|Door|Av|Af|Autor|Author|Text)\b[:\s]\s*\S")
_CONSENT: Final = re.compile(r"\b(?:cookies?|GDPR|consent)\b", re.IGNORECASE)
_MOST_META: Final = 8
_FIGCAPTION: Final = LEAVES.index("figcaption")


def _take_off_lines(
    blocks: Blocks,
    chosen: Sequence[bool],
    headline_line: int | None,
    fields: Fields,
    fetched_at: datetime,
    site: RegisteredOutlet | None,
) -> tuple[dict[int, tuple[RemovalKind, str]], list[str], Published | None]:
    """Chosen lines that are no body, by rules that need no markup, with the names and the time that they print.

    Above the body: bylines and dates that stand alone, chosen or not. At its end: lines of nothing but links or of a
    menu's entries. Anywhere: photo credits, and short lines that recur ("Share this post").
    """
    lines = [line for line, is_body in enumerate(chosen) if is_body]
    taken: dict[int, tuple[RemovalKind, str]] = {}
    names: list[str] = []
    time: Published | None = None
    known = {fold_name(author.name) for author in fields.byline}
    for line in (*_meta_lines(blocks, chosen, headline_line, fields), *lines[:5]):
        text = blocks.texts[line]
        if len(text) > 90:
            continue
        found = split_byline(text)
        folded = {fold_name(name) for name in found}
        if found and (
            folded <= known
            or (_BYLINE_LINE.match(text) and text[-1:] not in ".!?…" and len(text.split()) <= 9)
            or (not chosen[line] and blocks.near[line] & _GROUP["author"] and is_full_name(text))
        ):
            taken[line] = ("metadata", "byline_line")
            names = names or found
            if chosen[line]:
                continue
        if len(text) <= 60 and any(map(str.isdigit, text)) and text[-1:] not in "!?…":
            read = read_time(text, fetched_at=fetched_at, order=site.date_order if site else "dmy")
            if read is not None:
                taken.setdefault(line, ("metadata", "date_line"))
                time = time or read
    for line in reversed(lines[-6:]):
        text = blocks.texts[line]
        if line in taken:
            continue
        if text.count(" | ") >= 2 and len(text) <= 160:
            taken[line] = ("chrome", "menu_at_the_end")
            continue
        bare = len(text) - text.count("|") - text.count(" ")
        if len(text) > 160 or blocks.link_chars[line] < 0.75 * min(bare, blocks.raw_chars[line]):
            break
        taken[line] = ("chrome", "links_at_the_end")
    often = Counter(blocks.texts[line] for line in lines if len(blocks.texts[line]) <= 40)
    for line in lines:
        text = blocks.texts[line]
        if often[text] >= 3:
            taken[line] = ("chrome", "recurring_line")
        elif line not in taken and len(text) <= 260 and _CREDIT.search(text):
            taken[line] = ("caption", "photo_credit")
    return taken, names, time


def _meta_lines(blocks: Blocks, chosen: Sequence[bool], headline_line: int | None, fields: Fields) -> list[int]:
    """Lines between headline and body, or just above the body, that name themselves the article's byline or date.

    None where the page's markup has told both already.
    """
    if (fields.byline and fields.published.evidence) or not any(chosen):
        return []
    first = chosen.index(True)
    start = headline_line + 1 if headline_line is not None and headline_line < first else first - _MOST_META
    named = _GROUP["meta"] | _GROUP["author"]
    return [line for line in range(max(0, start, first - _MOST_META), first) if blocks.near[line] & named]


def _is_list(blocks: Blocks, chosen: Sequence[bool]) -> bool:
    """Whether what was chosen are the teasers of other pages: most paragraphs follow a linked headline of their own."""
    paragraphs = teasers = 0
    for line, is_body in enumerate(chosen):
        if is_body and len(blocks.texts[line]) >= 40 and blocks.link_chars[line] < 0.5 * blocks.raw_chars[line]:
            paragraphs += 1
            above = line - 1
            # a kicker, date or outlet may stand between
            while above > max(-1, line - 3):
                if len(blocks.texts[above]) >= 15 and blocks.link_chars[above] >= 0.9 * blocks.raw_chars[above]:
                    teasers += 1
                    break
                above -= 1
    return paragraphs >= 3 and teasers >= 0.6 * paragraphs


def _share_of_captions(blocks: Blocks, chosen: Sequence[bool]) -> float:
    whole = sum(len(text) for text, is_body in zip(blocks.texts, chosen, strict=True) if is_body)
    captions = sum(
        len(text)
        for text, leaf, is_body in zip(blocks.texts, blocks.leaves, chosen, strict=True)
        if is_body and leaf == _FIGCAPTION
    )
    return captions / whole if whole else 0.0


# -- what is left over

_GROUP_KINDS: Final[tuple[tuple[str, RemovalKind], ...]] = (
    ("consent", "consent"),
    ("comment", "comments"),
    ("ad", "advertisement"),
    ("related", "related"),
    ("letter", "newsletter"),
    ("caption", "caption"),
    ("author", "author"),
    ("tags", "tags"),
    ("meta", "metadata"),
    ("social", "chrome"),
    ("nav", "chrome"),
    ("footer", "chrome"),
    ("side", "related"),
    ("header", "chrome"),
)
_KIND_BITS: Final[tuple[tuple[int, RemovalKind, str], ...]] = tuple(
    (_GROUP[group], kind, f"class_{group}") for group, kind in _GROUP_KINDS
)
_TAG_KINDS: Final[tuple[tuple[int, RemovalKind, str], ...]] = (
    (_TAG["nav"], "chrome", "tag_nav"),
    (_TAG["footer"], "chrome", "tag_footer"),
    (_TAG["figcaption"] | _TAG["figure"], "caption", "tag_figure"),
    (_TAG["header"], "chrome", "tag_header"),
    (_TAG["aside"], "related", "tag_aside"),
)


def _page_ledger(
    blocks: Blocks,
    starts: Sequence[int],
    chosen: Sequence[bool],
    headline_line: int | None,
    repeats: set[int],
    taken: Mapping[int, tuple[RemovalKind, str]],
) -> list[Span]:
    """Every line that is neither body nor headline, with what it is; neighbours of one kind make one span."""
    spans: list[Span] = []
    # lines of one element and class are of one kind
    known: dict[tuple[int, int, int], tuple[RemovalKind, str]] = {}
    near, tags, groups = blocks.near, blocks.tags, blocks.groups
    for line, text in enumerate(blocks.texts):
        if line == headline_line or chosen[line]:
            continue
        found = taken.get(line) or (("repeat", "printed_again") if line in repeats else None)
        if found is None:
            alike = near[line], tags[line], groups[line]
            found = known.get(alike)
            if found is None:
                found = known[alike] = _kind_of(blocks, line)
        kind, rule = found
        end = starts[line] + len(text)
        last = spans[-1] if spans else None
        if last is not None and last.kind == kind and last.rule == rule and last.end + 1 == starts[line]:
            spans[-1] = Span(kind, rule, last.start, end)
        else:
            spans.append(Span(kind, rule, starts[line], end))
    return spans


def _kind_of(blocks: Blocks, line: int) -> tuple[RemovalKind, str]:
    near, tags, groups = blocks.near[line], blocks.tags[line], blocks.groups[line]
    for bit, kind, rule in _KIND_BITS:
        if near & bit:
            return kind, rule
    for bits, kind, rule in _TAG_KINDS:
        if tags & bits:
            return kind, rule
    for bit, kind, rule in _KIND_BITS:
        if groups & bit:
            return kind, rule
    return "chrome", "outside_body"


# -- fields that need the body or the registry


def _outlet(
    fields: Fields, *, host: str, site: RegisteredOutlet | None, registry: OutletRegistry, hints: Hints
) -> tuple[Outlet, tuple[Attribution, ...]]:
    """Under whose name the page is printed, and every name on it with how that is known."""
    named: list[Attribution] = []
    at_host = registry.by_domain(host)
    outlet: Outlet | None = None
    if at_host is not None and not at_host.is_aggregator:
        outlet = at_host.as_outlet()
        named.append(Attribution(role="outlet", name=outlet.name, evidence="registry_domain"))
    if at_host is not None and at_host.is_aggregator:
        named.append(Attribution(role="aggregator", name=at_host.name, evidence="registry_domain"))
    elif hints.aggregator:
        named.append(Attribution(role="aggregator", name=hints.aggregator, evidence="hint"))
    if outlet is None:
        aggregator = fold_name(named[0].name) if named else ""
        for name, evidence in ((fields.publisher, "json_ld"), (fields.site_name, "meta"), (hints.outlet, "hint")):
            if name and fold_name(name) != aggregator and len(name) <= 80:
                known = registry.resolve(name)
                outlet = known.as_outlet() if known else outlet_named(name, registry, domain=host or None)
                named.append(Attribution(role="outlet", name=outlet.name, evidence=evidence))
                break
    if outlet is None:
        outlet = site.as_outlet() if site is not None else outlet_of_host(host) if host else Outlet(name="unknown")
        named.append(Attribution(role="outlet", name=outlet.name, evidence="host" if host else "none"))
    if fields.foreign_canonical and fields.canonical_url:
        there = registry.by_domain(host_of(fields.canonical_url))
        name = there.name if there else host_of(fields.canonical_url)
        if there is None or there.id != outlet.id:
            named.append(
                Attribution(
                    role="wire" if there and there.is_agency else "outlet", name=name, evidence="foreign_canonical"
                )
            )
    for author in fields.byline:
        if author.kind == "agency":
            named.append(Attribution(role="wire", name=author.name, evidence=f"byline_{fields.byline_evidence}"))
    return outlet, tuple(dict.fromkeys(named))


_CUT_OFF: Final = re.compile(r"(?:\[\s*(?:…|\.\.\.)\s*\]|\[\+?\d+ (?:chars|words)\]|(?<!\.)\.\.\.|…)\s*$")
_ENDINGS: Final = re.compile(r"[.!?…。！？؟।”\"'»)\]’】」]\s*$")


def _completeness(body: str, fields: Fields) -> tuple[Literal["no", "maybe", "yes"], tuple[str, ...]]:
    """Whether `body` is the whole article, with what speaks against it."""
    reasons: list[str] = []
    if fields.paywalled:
        reasons.append("paywalled")
    if fields.body_chars > 400 and len(body) < 0.6 * fields.body_chars:
        reasons.append("shorter_than_json_ld_body")
    if _CUT_OFF.search(body[-40:]):
        reasons.append("ends_in_ellipsis")
    elif not _ENDINGS.search(body[-4:]):
        reasons.append("ends_without_full_stop")
    sure = "shorter_than_json_ld_body" in reasons or ("paywalled" in reasons and len(body) < 1200)
    return ("yes" if sure else "maybe" if reasons else "no"), tuple(reasons)


def _links(blocks: Blocks, lines: Sequence[int], url: str | None) -> tuple[Link, ...]:
    from urllib.parse import urljoin

    found: dict[str, str] = {}
    for line in lines:
        if not blocks.link_chars[line]:
            continue
        for address, words in blocks.links(line):
            if address.startswith(("#", "javascript:", "mailto:", "tel:", "data:")):
                continue
            try:
                # joining costs 20 µs, and leaves a whole address as it is
                whole = address.startswith(("http://", "https://"))
                absolute = address.strip() if whole else urljoin(url or "", address.strip())
            except ValueError:
                continue
            if absolute.startswith(("http://", "https://")) and len(absolute) <= 2048:
                found.setdefault(absolute, words[:200])
        if len(found) >= _MOST_LINKS:
            break
    return tuple(Link(url=address, text=words) for address, words in list(found.items())[:_MOST_LINKS])


_pages = 0


def _tidy() -> None:
    """Every so many pages, drop what is remembered and hand free memory back."""
    global _pages
    _pages += 1
    if _pages % _TIDY_AFTER == 0:
        forget_caches()
        give_back()


def forget_caches() -> None:
    """Drop what this path and its libraries remember between pages; the output does not depend on it.

    trafilatura's caches and those of its parts grow by the page otherwise (adbar/trafilatura#216).
    """
    forget()
    if "trafilatura" in sys.modules:
        cast("Any", import_module("trafilatura.meta")).reset_caches()
