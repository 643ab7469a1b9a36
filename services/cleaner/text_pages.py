"""A flattened page taken apart into its articles: text mode.

Each line is labelled (headline, outlet, time, byline, body, or none of the article's), labels are grouped into
articles, and every other line goes to the removal ledger with its kind. Nothing here knows one site: what an
aggregator's page looks like is learnt (`services/cleaner/training/text_lines.py`), with rules where no model is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal
from urllib.parse import urlsplit

from schemas.articles import Attribution, Author, Comments, Outlet, Published, RemovalKind, outlet_id_of
from services.cleaner.ages import DateOrder, read_time, shown_date_order
from services.cleaner.ledger import flatten_text
from services.cleaner.outlets import OutletRegistry, RegisteredOutlet, outlet_named, outlet_of_host
from services.cleaner.parts import (
    NO_COMMENTS,
    NOT_DATED,
    ArticlePart,
    FieldSpan,
    Hints,
    PageParts,
    Span,
    TextSpan,
)
from services.cleaner.promos import find_promos
from services.cleaner.text_labels import CHROME, Label, PageLines, body_of_one, label_lines
from services.cleaner.text_lines import Line, Meta, is_compound
from services.cleaner.text_model import TextModels, shipped_models

METHOD: Final = "text_lines"

_MIN_BODY_UNITS: Final = 140
"""An article on a page of several with less text is a teaser."""

_MIN_SINGLE_UNITS: Final = 80
_NEAR: Final = 4
"""Lines: what stands further from a headline than this is not its outlet or time."""

_MAY_BE_BODY: Final = 0.1
"""A sentence below an aggregator's article is its last paragraph from this chance on (less: a line of the site)."""

_FAR: Final = 60
"""Lines: what stands further from a headline than this says nothing of it."""

_NO_HINTS: Final = Hints()


def _kind_rules(*rules: tuple[RemovalKind, str, str]) -> tuple[tuple[RemovalKind, str, re.Pattern[str]], ...]:
    return tuple((kind, rule, re.compile(pattern, re.IGNORECASE)) for kind, rule, pattern in rules)


# What a line that belongs to no article is, by the first pattern found in it.
_KINDS: Final = _kind_rules(
    (
        "comments",
        "comments_line",
        r"^(?:\d[\d,.]*\s+)?(?:comments?|commentaires?|kommentare?|comentarios?|comentários|commenti|reacties|комментарии"
        r"|评论|コメント|댓글)\b.{0,30}$|no comments? yet|be the first to comment|leave a (?:comment|reply)"
        r"|join the conversation|log ?in to comment|view (?:all )?\d* ?comments",
    ),
    (
        "related",
        "related_line",
        r"^(?:related|similar|more (?:on|from|stories|news)|read (?:more|next|also)|see also|also read|recommended"
        r"|most (?:read|popular|viewed)"
        r"|you (?:may|might) (?:also )?like|trending|top stories|latest(?: news| stories)?|up next|don.t miss"
        r"|mehr zum|lesen sie auch|lire aussi|à lire|más noticias|leia também|leggi anche|читайте также"
        r"|editor.s picks)\b",
    ),
    ("newsletter", "newsletter_line", r"newsletter|sign ?up (?:for|to)|your inbox|subscribe to our|mailing list"),
    (
        "app",
        "app_line",
        r"download (?:the|our|\w+) app|get the app|app ?store|play ?store|google play|get started now",
    ),
    ("consent", "consent_line", r"cookies?\b|privacy policy|terms of (?:use|service)|gdpr|consent"),
    (
        "advertisement",
        "advertisement_line",
        r"^(?:advert(?:isement|ising)?|anzeige|publicité|publicidad|pubblicità|sponsored|promoted|реклама|ads? by.*)\b",
    ),
    ("tags", "tags_line", r"^(?:hash)?tags?\b|^topics?\b|^#\w+|^(?:schlagwörter|mots-clés|etiquetas|теги)\b"),
    ("event", "event_line", r"\b(?:webinar|conference|summit)\b.*\b(?:register|tickets?|join)\b"),
    (
        "caption",
        "caption_line",
        r"^(?:photo|image|picture|credit|foto|bild|file photo|chart|graphic|video|watch)\b|getty images"
        r"|\((?:photo|image|ap photo|reuters|afp|getty)",
    ),
    (
        "author",
        "author_line",
        r"^about the author|\bis an? (?:\w+ ){0,4}(?:reporter|correspondent|journalist|editor|writer)\b",
    ),
    (
        "promo",
        "promo_line",
        r"subscribe|try our|explore what|sign in|log ?in\b|(?:^|\b(?:please|to|or|and) )register\b|follow us"
        r"|support (?:our|us)|become a member|donate|free trial|shop now|buy now|\bai features",
    ),
    ("chrome", "alt_text", r"^(?:logo|icon|image|avatar|\w+ (?:logo|icon|background|image|banner))$"),
)
_COUNTED_COMMENTS: Final = re.compile(
    r"^(?:(?P<before>\d[\d,.]*)\s+)?comments?(?:\s*[(\[]?(?P<after>\d[\d,.]*)[)\]]?)?\s*:?$", re.IGNORECASE
)
_NO_COMMENTS_YET: Final = re.compile(r"no comments?(?: yet)?\b|be the first to comment|0 comments", re.IGNORECASE)
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s\d{1,2}"
_DATELINE: Final = re.compile(
    r"(?P<dateline>(?:"
    rf"[A-Z][A-Z.'’ -]{{2,40}}(?:,\s[A-Z][\w.'’ ]{{1,30}}?)?(?:,?\s{_MONTH})?"
    r"(?:\s?\((?P<agency>[A-Z][\w .]{1,30})\))?"
    rf"|{_MONTH}(?:\s?\((?P<agency2>[A-Z][\w .]{{1,30}})\))?"
    r"))\s?(?:—|–|--|-)\s"
)
_CREDIT: Final = re.compile(
    r"\((?:Reporting by [^)]{3,200}|(?P<name>AP|AFP|Reuters|dpa|PTI|ANI|Xinhua|TASS|EFE|ANSA|Yonhap|Kyodo|PA))\)\s*$"
)
_CUT_OFF: Final = re.compile(
    r"(?:\.\.\.|…|\[\+\d+ chars\]|\[…\]|\(more\))\s*$|(?:read more|continue reading|weiterlesen)[^.]{0,20}$",
    re.IGNORECASE,
)
_ENDS: Final = re.compile(r"[.!?…。！？।؟:\"'”’»)\]]\s*$")
_ROLES_OF_STAFF: Final = frozenset(
    {"staff", "editors", "agencies", "newsroom", "staff reporter", "web desk", "news desk", "wire"}
)


@dataclass(slots=True)
class _Draft:
    """An article while its lines are gathered: indices into the page's lines."""

    headline: int | None
    copies: list[int] = field(default_factory=list[int])
    before: list[int] = field(default_factory=list[int])
    """Metadata lines between the last article's body and the headline."""
    between: list[int] = field(default_factory=list[int])
    """Metadata lines between the headline and the body."""
    after: list[int] = field(default_factory=list[int])
    body: list[int] = field(default_factory=list[int])


def split_text_page(
    text: str,
    *,
    fetched_at: datetime,
    registry: OutletRegistry,
    url: str | None = None,
    hints: Hints = _NO_HINTS,
    models: TextModels | Literal["shipped", "none"] = "shipped",
) -> PageParts | None:
    """The articles of a page that came as text, the main one first; None for a page without one.

    `fetched_at` is aware: ages and dates are read against it. The outlet is the one printed; on a page of one article
    the outlet that `url` belongs to goes first. The aggregator is the one `hints` name, else the one `url` belongs to.
    Lines are labelled by `models`, or by rules where it is "none". Never raises, and takes time linear in the length of
    `text`.
    """
    flattened = flatten_text(text)
    page = PageLines.read(flattened, registry)
    if not page.lines:
        return None
    chosen = models if isinstance(models, TextModels) else shipped_models() if models == "shipped" else None
    label_lines(page, chosen)
    host = _host(url)
    at_host = registry.by_domain(host)
    aggregated = bool(hints.aggregator) or (at_host is not None and at_host.is_aggregator)
    if not aggregated and at_host is None:
        # nobody said that it is an aggregator's page, or an outlet's; articles of two outlets do
        other = replace(page, labels=list(page.labels), metas=list(page.metas))
        drafts, _, several = _articles(other, aggregated=True)
        aggregated = several and _are_of_several_outlets(other, drafts, has_host=bool(host))
    drafts, repeated, several = _articles(page, aggregated=aggregated)
    if chosen is not None and page.labelled_by == "model" and not several:
        drafts, repeated = _distinct(page, _one_draft(page, chosen, url))
    several = len(drafts) > 1
    drafts = [draft for draft in drafts if _units(page, draft) >= (_MIN_BODY_UNITS if several else _MIN_SINGLE_UNITS)]
    if not drafts:
        return None
    return _Assembly(page, drafts, repeated, fetched_at, registry, url, hints, aggregated=aggregated).page_parts()


def _articles(page: PageLines, *, aggregated: bool) -> tuple[list[_Draft], set[int], bool]:
    """The articles that the labels of a page make, the lines printed again, and whether they are several."""
    _repair(page, aggregated=aggregated)
    drafts, repeated = _distinct(page, _drafts(page, page.labels))
    return drafts, repeated, _are_several(page, drafts, aggregated=aggregated)


def _are_of_several_outlets(page: PageLines, drafts: Sequence[_Draft], *, has_host: bool) -> bool:
    """Whether the articles of a page stand beside the names of two outlets or more, each with a time.

    A page of a known host is that site's own until a name that the registry knows says otherwise.
    """
    names: set[str] = set()
    is_known = not has_host
    for draft in drafts:
        beside = (*_first_group(draft.before[::-1]), *draft.between, *_first_group(draft.after))
        if _units(page, draft) < _MIN_BODY_UNITS:
            continue
        for index in beside:
            meta = page.metas[index]
            if page.labels[index] in _NAMED and meta is not None and meta.is_whole and _is_near_a_time(page, index):
                names.add(outlet_id_of(meta.outlet))
                is_known = is_known or meta.registered is not None
    return is_known and len(names - {""}) > 1


def _is_near_a_time(page: PageLines, index: int) -> bool:
    """Whether the line or one of the two above or below it says when and no more than an article's head does."""
    near = page.metas[max(0, index - 2) : index + 3]
    return any(meta is not None and meta.is_whole and meta.time is not None for meta in near)


def _units(page: PageLines, draft: _Draft) -> int:
    return sum(page.lines[index].units for index in draft.body)


def _is_title(page: PageLines, index: int) -> bool:
    """Whether a line could be a headline: short, not closed like a sentence of prose, and not metadata."""
    line, meta = page.lines[index], page.metas[index]
    return (
        15 <= line.units <= 200
        and not line.text.endswith((".", ":", ",", ";", "。"))
        and not (meta is not None and meta.is_whole and (meta.time is not None or meta.registered is not None))
    )


def _repair(page: PageLines, *, aggregated: bool) -> None:
    """Puts right what labels cannot be, in `page.labels`.

    A headline in the middle of a text, with no outlet, time or byline before or after it and printed once, is a
    subheading. After outlet and time between two texts, a short line with a longer one below it is a headline. On an
    aggregator's page (`aggregated`) less is asked of a headline: it is likelier than not that another article follows.
    """
    if aggregated:
        _find_first_paragraphs(page)
    _find_last_paragraphs(page, aggregated=aggregated)
    _find_doubled_names(page)
    if aggregated:
        _find_names_after_times(page)
        _correct_names(page)
        _find_doubled_titles(page)
        _find_missed_starts(page)
        _part_at_metadata(page)
        _find_names_below_headlines(page)
    _weigh_headlines(page, aggregated=aggregated)


_NAMED: Final = ("outlet", "outlet_and_time")
_METAS: Final = ("outlet", "time", "outlet_and_time", "byline")


def _find_first_paragraphs(page: PageLines) -> None:
    """Labels as body what may be the first short paragraphs of a text, and a long one right below its head."""
    labels, lines = page.labels, page.lines
    for index in range(len(labels) - 2, 0, -1):
        meta = page.metas[index]
        if (
            labels[index] == "other"
            and labels[index + 1] == "body"
            and _may_be_body(page, index)
            and lines[index].units >= 60
            and (meta is None or not meta.is_whole)
            and not _is_of_the_site(lines[index].text)
        ):
            labels[index] = "body"
    for index, line in enumerate(lines):
        if labels[index] != "other" or line.units < _MIN_BODY_UNITS or CHROME.search(line.text):
            continue
        above = next((place for place in range(index - 1, -1, -1) if labels[place] not in _METAS), index)
        if above < index - 1 and labels[above] == "headline" and _ENDS.search(line.text):
            labels[index] = "body"


def _find_last_paragraphs(page: PageLines, *, aggregated: bool) -> None:
    """Labels as body the short last paragraph of a text, before its outlet or time or where it may well be one.

    On an aggregator's page the heading of what follows is taken off first.
    """
    labels, lines = page.labels, page.lines
    for index in range(len(labels) - 1, 0, -1) if aggregated else ():
        if (
            labels[index] == "body"
            and "body" not in labels[index + 1 : index + 2]
            and lines[index].units <= 40
            and not _ENDS.search(lines[index].text)
            and _is_of_the_site(lines[index].text)
        ):
            labels[index] = "other"
    for index in range(1, len(labels)):
        following = page.metas[index + 1] if index + 1 < len(labels) else None
        is_signed = following is not None and following.is_whole and (following.time is not None or following.is_source)
        if (
            labels[index] == "other"
            and labels[index - 1] == "body"
            and (is_signed or (aggregated and _may_be_body(page, index)))
            and lines[index].units >= 30
            and lines[index].text[-1] in ".!?。"
            and not _is_of_the_site(lines[index].text)
        ):
            labels[index] = "body"


def _may_be_body(page: PageLines, index: int) -> bool:
    return bool(page.body_chance) and page.body_chance[index] >= _MAY_BE_BODY


def _find_doubled_names(page: PageLines) -> None:
    """Labels a name, a time and the name again, in any order: nothing but the head of an article looks like that."""
    labels, lines = page.labels, page.lines
    for index in range(1, len(labels) - 2):
        window = range(index - 1, index + 2)
        says = [page.metas[other] for other in window]
        if (
            "other" in labels[index - 1 : index + 2]
            and all(meta is not None and meta.is_whole for meta in says)
            and sum(meta is not None and meta.time is not None for meta in says) == 1
            and len({lines[other].key for other in window}) == 2
        ):
            for other, meta in zip(window, says, strict=True):
                labels[other] = "time" if meta is not None and meta.time is not None else "outlet"
            if (
                labels[index + 2] == "other"
                and _is_title(page, index + 2)
                and labels[index + 3 : index + 4] == ["body"]
            ):
                labels[index + 2] = "headline"


def _weigh_headlines(page: PageLines, *, aggregated: bool) -> None:
    """Takes subheadings out of the headlines, and puts in titles between an outlet and a time and a text."""
    labels, lines, count = page.labels, page.lines, len(page.labels)
    seen_body = False
    index = 0
    while index < count:
        label = labels[index]
        if label == "body":
            seen_body = True
        elif label == "headline" and seen_body:
            around = range(max(0, index - 4), min(count, index + 8))
            supported = any(labels[other] in _METAS for other in around) or any(
                other != index and lines[other].key == lines[index].key for other in around
            )
            if not supported and not (aggregated and _is_signed_below(page, index)):
                labels[index] = "body" if index + 1 < count and labels[index + 1] == "body" else "other"
        elif label in _METAS:
            end = index
            while end < count and (labels[end] in _METAS or (labels[end] == "other" and end - index < 6)):
                end += 1
            block = labels[index:end]
            named = any(mark in _NAMED for mark in block)
            timed = any(mark in ("time", "outlet_and_time") for mark in block)
            if (
                end + 1 < count
                and labels[end] == "body"
                and labels[end + 1] == "body"
                and named
                and timed
                and "headline" not in labels[max(0, index - 3) : index]
                and _is_title(page, end)
                and lines[end + 1].units > lines[end].units
            ):
                labels[end] = "headline"
            index = max(end - 1, index)
        index += 1


def _is_signed_below(page: PageLines, headline: int) -> bool:
    """Whether the text below a headline ends at an outlet and a time, and the one above does not run on to it.

    Or whether both texts end at an outlet, at a time or at both.
    """
    labels, count = page.labels, len(page.labels)
    above = next((place for place in range(headline - 1, max(-1, headline - _FAR), -1) if labels[place] == "body"), -1)
    below = next((place for place in range(headline + 1, min(headline + _FAR, count)) if labels[place] == "body"), -1)
    if above == headline - 1 or above < 0 or below < 0:
        return False
    while below < count and "body" in labels[below : below + 3]:
        below += 1
    says = {_says_what(page, place) for place in range(below, min(below + 3, count))}
    return {"name", "time"} <= says or "both" in says or _ends_like(page, above + 1, below)


_ACTIONS: Final = frozenset(
    ("print", "share", "save", "listen", "like", "follow", "report", "email", "copy", "translate", "watch", "reply")
)


def _is_of_the_site(text: str) -> bool:
    """Whether a line says what sites say of themselves: a heading of links, a button, an offer."""
    return CHROME.search(text) is not None or any(pattern.search(text) for _, _, pattern in _KINDS)


def _correct_names(page: PageLines) -> None:
    """Names by what surrounds them: what a site's buttons say is no outlet, a known name below a headline is one."""
    labels, metas, lines = page.labels, page.metas, page.lines
    for index, label in enumerate(labels):
        meta, text = metas[index], lines[index].text
        if label == "outlet" and (
            text.casefold() in _ACTIONS
            or (
                (meta is None or meta.registered is None)
                and not lines[index].bullet
                and _is_of_the_site(text)
                and lines[index].key not in {line.key for line in lines[index + 1 : index + 3]}
            )
        ):
            labels[index] = "other"
        elif (
            meta is not None
            and meta.is_whole
            and meta.outlet
            and ((label == "headline" and meta.is_source) or (label in ("body", "time") and meta.time is not None))
        ):
            # "Source: The Vale Herald" is no headline, "4 July 2025 - Vale Herald" no paragraph
            labels[index] = "outlet_and_time" if meta.time is not None else "outlet"
        elif label in ("body", "other") and meta is not None and meta.is_whole and meta.is_source and meta.outlet:
            if "body" in labels[max(0, index - 1) : index]:
                labels[index] = "outlet"
        elif (
            label == "other"
            and meta is not None
            and meta.is_whole
            and meta.registered is not None
            and index
            and labels[index - 1] in ("headline", "time", "byline")
            and "body" in labels[index + 1 : index + 3]
        ):
            labels[index] = "outlet_and_time" if meta.time is not None else "outlet"


def _find_names_after_times(page: PageLines) -> None:
    """Takes what stands behind times ("2 hours ago, Vale Herald") for outlets where one was labelled so."""
    metas = page.metas
    if not any(
        label == "outlet_and_time" and meta is not None and meta.after_time
        for label, meta in zip(page.labels, metas, strict=True)
    ):
        return
    for index, meta in enumerate(metas):
        if meta is not None and meta.after_time:
            metas[index] = replace(meta, outlet=meta.after_time, is_whole=True)
            if page.labels[index] == "other" and "headline" in page.labels[max(0, index - 3) : index + 4]:
                page.labels[index] = "outlet_and_time"


def _find_names_below_headlines(page: PageLines) -> None:
    """Labels a name between a headline and its text as an outlet where another article has its outlet there."""
    labels = page.labels
    places = [at for at in range(1, len(labels) - 1) if labels[at - 1] == "headline" and labels[at + 1] == "body"]
    if not any(labels[at] == "outlet" for at in places):
        return
    for at in places:
        meta = page.metas[at]
        if labels[at] == "other" and meta is not None and meta.is_whole and meta.outlet and meta.time is None:
            labels[at] = "outlet"


def _find_doubled_titles(page: PageLines) -> None:
    """Labels a title that is printed twice in a row above a longer line of text as a headline."""
    labels, lines = page.labels, page.lines
    for index in range(len(labels) - 2):
        if (
            lines[index].key == lines[index + 1].key
            and "headline" not in labels[index : index + 2]
            and _is_title(page, index)
            and labels[index + 2] == "body"
            and lines[index + 2].units > lines[index].units
            and not _is_of_the_site(lines[index].text)
        ):
            labels[index] = labels[index + 1] = "headline"


def _ends_like(page: PageLines, one: int, other: int) -> bool:
    """Whether lines `one` and `other`, each right below a text, say the same: an outlet, a time or both."""
    below = _says_what(page, one) if one < len(page.lines) else ""
    return below != "" and other < len(page.lines) and _says_what(page, other) == below


def _part_at_metadata(page: PageLines) -> None:
    """Labels a headline in each stretch between two texts that holds an outlet or a time and no headline yet.

    The headline is the line whose words recur in the text below, most of all right above it; the text's own first
    line where it looks like one. Without such a line the texts stay together.
    """
    labels, lines, metas = page.labels, page.lines, page.metas
    count = len(labels)
    below = {_says_what(page, place + 1) for place in range(count - 1) if labels[place] == "headline"} - {""}
    index = 0
    while index < count:
        if labels[index] == "body":
            index += 1
            continue
        start = index
        while index < count and labels[index] != "body":
            index += 1
        if index >= count or "headline" in labels[start:index]:
            continue
        says = [
            place
            for place in range(start, index)
            if (meta := metas[place]) is not None
            and (
                (meta.is_whole and (meta.time is not None or meta.is_source))
                or (meta.time is not None and bool(meta.outlet) and lines[place].units <= 80)
            )
        ]
        following = index
        while following < count and labels[following] == "body":
            following += 1
        if not says or sum(line.units for line in lines[index:following]) < _MIN_BODY_UNITS:
            continue
        best, choice = 0.0, None
        names = [
            place
            for place in range(start, index)
            if (meta := metas[place]) is not None
            and meta.is_whole
            and (meta.registered or meta.is_source or labels[place] in _NAMED)
        ]
        is_headed = bool(says) and bool(names) and index - max(says) <= 2 and index - max(names) <= 2
        for place in range(max(start, index - 6), index + 1):
            meta, text = metas[place], lines[place].text
            is_known = (
                meta is not None
                and meta.is_whole
                # "Five new taxes coming January 1" is no outlet and its date
                and (meta.registered or meta.byline or (meta.time and len(meta.outlet.split()) < 4))
            )
            is_title = 15 <= lines[place].units <= 200 and (
                not text.endswith((".", ":", ",", ";", "。")) or (place == index and is_headed)
            )
            if is_known or not is_title or CHROME.search(text) or len(text.split()) < 3:
                continue
            if place == index and (
                following - index < 2 or max(line.units for line in lines[index + 1 : index + 3]) <= lines[index].units
            ):
                continue
            score = _share_below(page, place, index if place < index else index + 1) - 0.02 * (index - place)
            score += 0.2 * _is_beside(page, place, says)
            score += 0.2 * _is_beside(page, place, [other for other in names if other != place])
            # an outlet or a time right below this text as right below the one before
            score += 0.2 * (start > 0 and _ends_like(page, start, following))
            # the line below as below the page's other headlines
            score += 0.2 * (place + 1 < count and _says_what(page, place + 1) in below)
            if score > best:
                best, choice = score, place
        if choice is not None and best >= 0.35:
            labels[choice] = "headline"
            for place in says:
                meta = metas[place]
                if labels[place] in ("other", "body") and place != choice and meta is not None:
                    labels[place] = (
                        "outlet_and_time" if meta.outlet and meta.time else "time" if meta.time else "outlet"
                    )


def _is_beside(page: PageLines, title: int, others: Sequence[int]) -> bool:
    """Whether one of `others` is near `title`: at most two lines between say neither outlet, time nor byline."""
    for other in others:
        between = range(min(title, other) + 1, max(title, other))
        if len(between) <= 2 * _NEAR and sum((m := page.metas[at]) is None or not m.is_whole for at in between) <= 2:
            return True
    return False


def _says_what(page: PageLines, index: int) -> str:
    meta = page.metas[index]
    if meta is None or not meta.is_whole or page.labels[index] == "body":
        return ""
    if meta.time is not None:
        return "both" if meta.outlet else "time"
    is_name = meta.registered is not None or meta.is_source or page.labels[index] == "outlet"
    return "name" if is_name else ""


def _find_missed_starts(page: PageLines) -> None:
    """Labels a title between a text and a longer line of text as a headline where a time stands right beside it."""
    labels, lines, metas = page.labels, page.lines, page.metas
    count = len(labels)
    times = [meta is not None and meta.is_whole and meta.time is not None for meta in metas]
    names = [meta is not None and meta.is_whole and bool(meta.outlet) for meta in metas]
    first_body = next((index for index, label in enumerate(labels) if label == "body"), count)
    for index in range(first_body + 1, count - 1):
        meta = metas[index]
        if labels[index] not in ("body", "other") or times[index] or not _is_title(page, index):
            continue
        if meta is not None and meta.byline:
            continue
        after = index + 1
        while after < count and after - index <= 2 and (times[after] or (names[after] and labels[after] != "body")):
            after += 1
        if after >= count or labels[after] != "body" or lines[after].units < max(80, lines[index].units):
            continue
        before = index - 1
        while before > first_body and index - before <= 2 and (times[before] or names[before]):
            before -= 1
        beside = [*range(before + 1, index), *range(index + 1, after)]
        timed = [other for other in beside if times[other] and labels[other] != "body"]
        above = labels[max(0, index - 6) : index]
        if timed and "headline" not in above and not CHROME.search(lines[index].text):
            labels[index] = "headline"
            for other in timed:
                meta = metas[other]
                labels[other] = "outlet_and_time" if meta is not None and meta.outlet else "time"


def _is_standfirst(page: PageLines, draft: _Draft, index: int) -> bool:
    """Whether a line labelled as a headline is the first of the text below, which follows at once.

    It is where the draft's headline has its outlet and time right above and the line right below; else where that
    headline is about the text, and no more than metadata and a button of the site stands between.
    """
    headline = draft.headline
    if headline is None or page.labels[index + 1 : index + 2] != ["body"]:
        return False
    if not draft.between and not draft.before:
        return False
    if index == max((headline, *draft.copies)) + 1 and headline - 1 in draft.before:
        # a line of the text: a headline has its outlet and time as the one above
        return True
    # a button of the site may stand between
    others = set(range(headline + 1, index)) - {*draft.between, *draft.copies}
    if any(page.lines[place].units > 20 for place in others) or len(others) > 1:
        return False
    return _share_below(page, headline, index) >= 0.3


def _share_below(page: PageLines, title: int, first: int) -> float:
    """The share of the long words of line `title` that recur in the three lines from `first` on."""
    mine = _long_words(page.lines[title].text)
    below = _long_words(" ".join(line.text[:600] for line in page.lines[first : first + 3]))
    return len(mine & below) / len(mine) if mine else 0.0


def _drafts(page: PageLines, labels: list[Label]) -> list[_Draft]:
    """Articles from labels: a headline with what follows it, to the next headline that a body follows."""
    drafts: list[_Draft] = []
    current = _Draft(None)
    gap: list[int] = []  # metadata since the last body line: of the article above, or of the one below
    for index, label in enumerate(labels):
        if label == "headline":
            key = page.lines[index].key
            if current.body:
                if current.headline is not None and key == page.lines[current.headline].key:
                    current.copies.append(index)
                    continue
                current.after = list(gap)
                drafts.append(current)
                current = _Draft(index, before=gap)
                gap = []
            elif current.headline is None:
                current.headline = index
                current.before, gap = gap, []
            elif key == page.lines[current.headline].key:
                current.copies.append(index)
            elif _is_standfirst(page, current, index):
                labels[index] = "body"
                current.body.append(index)
                gap = []
            else:
                # a headline without a body: a teaser; what stood before it may be the next one's
                current = _Draft(index, before=current.between)
        elif label == "body":
            if current.headline is None and not current.body:
                current.before, gap = gap, []
            current.body.append(index)
            gap = []
        elif label != "other":
            if current.headline is not None and not current.body:
                current.between.append(index)
            else:
                gap.append(index)
    current.after = gap
    if current.body:
        drafts.append(current)
    return drafts


def _are_several(page: PageLines, drafts: Sequence[_Draft], *, aggregated: bool) -> bool:
    """Whether a page holds several articles: two long enough, each with an outlet, a time, a byline or its headline

    again. Subheadings and lists of links below an article have none of these.
    """
    supported, is_bare = 0, False
    for draft in drafts:
        marks = [*draft.before[-_NEAR:], *draft.between, *draft.after[:_NEAR]]
        known = any((meta := page.metas[index]) is not None and (meta.time or meta.outlet) for index in marks)
        if aggregated and not known:
            first, last = draft.body[0], draft.body[-1]
            beside = (*range(max(0, first - _NEAR), first), *range(last + 1, min(len(page.lines), last + 3)))
            known = any(
                (meta := page.metas[index]) is not None and meta.is_whole and (meta.time or meta.is_source)
                for index in beside
            )
        if _units(page, draft) < _MIN_BODY_UNITS or (draft.headline is None and not aggregated):
            continue
        if known or (draft.headline is not None and draft.copies):
            supported += 1
        elif aggregated and draft is drafts[0]:
            # the main article may stand under a bare headline
            is_bare = True
    return supported > 1 or (supported == 1 and is_bare)


def _one_draft(page: PageLines, models: TextModels, url: str | None) -> list[_Draft]:
    """The one article of a page, its body found anew and its headline the likeliest line above."""
    body = body_of_one(page, models, url)
    if not body:
        return []
    first = body[0]
    headlines = [index for index, label in enumerate(page.labels) if label == "headline" and index < first + 6]
    headline = max(headlines, key=lambda index: page.headline_chance[index] - 0.01 * abs(first - index), default=None)
    draft = _Draft(headline, body=[index for index in body if index != headline])
    start = headline if headline is not None else first
    key = page.lines[headline].key if headline is not None else None
    taken = set(draft.body)
    for index, label in enumerate(page.labels):
        if index in taken or index == headline:
            continue
        if page.lines[index].key == key and abs(index - start) <= 30:
            draft.copies.append(index)
        elif label in ("outlet", "time", "outlet_and_time", "byline"):
            if start - 2 * _NEAR <= index < start:
                draft.before.append(index)
            elif start < index <= first + 2:
                draft.between.append(index)
            elif body[-1] < index <= body[-1] + _NEAR:
                draft.after.append(index)
        elif label == "body":
            page.labels[index] = "other"
    for index in draft.body:
        page.labels[index] = "body"
    return [draft]


def _distinct(page: PageLines, drafts: list[_Draft]) -> tuple[list[_Draft], set[int]]:
    """`drafts` without articles and paragraphs printed twice, and the lines of those."""
    repeated: set[int] = set()
    seen_bodies: set[str] = set()
    kept: list[_Draft] = []
    for draft in drafts:
        fresh: list[int] = []
        for index in draft.body:
            line = page.lines[index]
            if line.units > 60 and line.key in seen_bodies:
                repeated.add(index)
            else:
                fresh.append(index)
                seen_bodies.add(line.key)
        draft.body = fresh
        if fresh:
            kept.append(draft)
        elif draft.headline is not None:
            repeated.update((draft.headline, *draft.copies))
    return kept, repeated


class _Assembly:
    """Parts and ledger made of drafts."""

    def __init__(
        self,
        page: PageLines,
        drafts: list[_Draft],
        repeated: set[int],
        fetched_at: datetime,
        registry: OutletRegistry,
        url: str | None,
        hints: Hints,
        *,
        aggregated: bool,
    ) -> None:
        self.aggregated = aggregated
        self.page, self.drafts, self.repeated = page, drafts, repeated
        self.fetched_at, self.registry, self.hints = fetched_at, registry, hints
        self.host = _host(url)
        at_host = registry.by_domain(self.host)
        self.host_outlet = at_host if at_host is not None and not at_host.is_aggregator else None
        self.aggregator = at_host if at_host is not None and at_host.is_aggregator else None
        self.aggregator_attribution = _aggregator(hints, registry, self.aggregator)
        if hints.aggregator:
            self.aggregator = registry.resolve(hints.aggregator) or self.aggregator
        self.taken: dict[int, Span] = {}
        self.shown_order: DateOrder | None = shown_date_order(
            [meta.time for meta in page.metas if meta is not None and meta.time is not None], fetched_at
        )

    def page_parts(self) -> PageParts:
        page, flattened = self.page, self.page.flattened
        side = self._side_of_metadata()
        parts = [self._part(number, draft, side) for number, draft in enumerate(self.drafts)]
        used = self._used_lines()
        removed: list[Span] = []
        comments = self._comments(used)
        headlines = {page.lines[draft.headline].key for draft in self.drafts if draft.headline is not None}
        for index, line in enumerate(page.lines):
            if index not in used:
                kind, rule = self._kind(index, headlines)
                removed.append(Span(kind, rule, line.start, line.end))
        if comments.present:
            parts[0] = replace(parts[0], comments=comments)
        return PageParts(flattened=flattened, parts=tuple(parts), removed=tuple(removed))

    def _used_lines(self) -> set[int]:
        used: set[int] = set(self.taken)
        for draft in self.drafts:
            used.update(draft.body)
            if draft.headline is not None:
                used.add(draft.headline)
        return used

    # ---- one article

    def _part(self, number: int, draft: _Draft, side: dict[str, Literal["before", "after"]]) -> ArticlePart:
        page = self.page
        removed: list[Span] = []
        headline, raw_headline, fields = self.hints.headline or "" if number == 0 else "", "", ()
        if draft.headline is None:
            self._find_headline(draft)
        if draft.headline is not None:
            line = page.lines[draft.headline]
            headline, raw_headline = _clean_headline(line), page.flattened[line.start : line.end]
            fields = (FieldSpan("headline", line.start, line.end),)
            for index in draft.copies:
                self._take(index, "repeat", "headline_again", removed)
        metas = self._metas(draft, side)
        metas += self._unlabelled_metas(draft, metas, side)
        for index in (*metas, *self._left_metas(draft, metas, side)):
            self._take(index, "metadata", page.labels[index], removed)
        outlet, outlet_evidence = self._outlet(number, draft, metas)
        byline = self._byline(metas, number)
        published = self._published(metas, number, outlet)
        body_spans, paragraphs = self._body(draft, removed)
        dateline, agency = _dateline(paragraphs, self.registry)
        attribution: list[Attribution] = []
        if outlet is not None:
            attribution.append(Attribution(role="outlet", name=outlet.name, evidence=outlet_evidence))
        if self.aggregator_attribution is not None:
            attribution.append(self.aggregator_attribution)
        agency = agency or _credit(paragraphs, self.registry)
        if agency is None:
            for author in byline:
                known = self.registry.by_name(author.name)
                if known is not None and known.is_agency:
                    agency = (known.name, "byline")
        if agency is not None and (outlet is None or agency[0] != outlet.name):
            attribution.append(Attribution(role="wire", name=agency[0], evidence=agency[1]))
        truncated, truncated_reasons = _truncation(paragraphs)
        quality, reasons = self._quality(headline, outlet, published, draft, truncated)
        return ArticlePart(
            headline=headline,
            raw_headline=raw_headline,
            paragraphs=paragraphs,
            body_spans=body_spans,
            part="main" if number == 0 else "inlined",
            field_spans=fields,
            removed=tuple(sorted(removed, key=lambda span: span.start)),
            outlet=outlet,
            attribution=tuple(attribution),
            byline=byline,
            dateline=dateline,
            published=published,
            truncated=truncated,
            truncated_reasons=truncated_reasons,
            comments=NO_COMMENTS,
            method=METHOD if page.labelled_by == "model" else "text_rules",
            quality=quality,
            reasons=reasons,
        )

    def _find_headline(self, draft: _Draft) -> None:
        """Sets a headline the labels left out: a line above the body, or the body's own first line."""
        page, first = self.page, draft.body[0]
        best, choice = 0.0, None
        words = _long_words(" ".join(page.lines[index].text[:600] for index in draft.body[:3]))
        for index in range(max(0, first - 7), first):
            meta = page.metas[index]
            if index in self.taken or not _is_title(page, index) or CHROME.search(page.lines[index].text):
                continue
            if page.labels[index] not in ("other", "outlet") or (
                page.labels[index] == "outlet" and (meta is None or len(meta.outlet.split()) < 4)
            ):
                continue
            mine = _long_words(page.lines[index].text)
            score = len(mine & words) / len(mine) if mine else 0.0
            if score >= max(best, 0.2):
                best, choice = score, index
        if choice is None and len(draft.body) > 1 and _is_title(page, first):
            choice = draft.body.pop(0)
        if choice is not None:
            draft.headline = choice
            page.labels[choice] = "headline"
            for kept in (draft.before, draft.between, draft.after):
                if choice in kept:
                    kept.remove(choice)

    def _take(self, index: int, kind: RemovalKind, rule: str, removed: list[Span]) -> None:
        if index in self.taken:
            return
        line = self.page.lines[index]
        span = Span(kind, rule, line.start, line.end)
        self.taken[index] = span
        removed.append(span)

    def _side_of_metadata(self) -> dict[str, Literal["before", "after"]]:
        """Whether names and times that stand between two articles belong to the one below or the one above.

        Above the first article's headline and below the last one's body there is no doubt; between two articles the
        nearer one is likelier.
        """
        sides: dict[str, Literal["before", "after"]] = {}
        drafts, count = self.drafts, len(self.page.lines)
        for what in ("outlet", "time", "byline"):
            votes = 0.0
            head = drafts[0].headline if drafts[0].headline is not None else drafts[0].body[0]
            votes += max((self._says_alone(index, what) for index in range(max(0, head - 3), head)), default=0)
            last = drafts[-1].body[-1]
            votes -= max((self._says_alone(index, what) for index in range(last + 1, min(count, last + 3))), default=0)
            for above, below in pairwise(drafts):
                gap = [index for index in below.before if self._says(index, what)]
                if gap and below.headline is not None:
                    if what != "byline" and len(_first_group(below.before)) == len(below.before):
                        # outlet and time stand together: they are of one article
                        gap = below.before
                    to_body, to_headline = gap[0] - above.body[-1], below.headline - gap[-1]
                    votes += (to_body > to_headline) - (to_headline > to_body)
            sides[what] = "after" if votes < 0 else "before"
        return sides

    def _says_alone(self, index: int, what: str) -> int:
        """Whether a line is metadata that says `what`: 2 where it was labelled so, 1 where it only looks like it."""
        meta, label = self.page.metas[index], self.page.labels[index]
        if meta is None or not meta.is_whole or not self._says(index, what):
            return 0
        if label in (what, "outlet_and_time"):
            return 2
        return int(
            what != "outlet"
            or meta.is_source
            or meta.registered is not None
            or meta.time is not None
            or self._is_named_beside_a_time(index)
        )

    def _is_named_beside_a_time(self, index: int) -> bool:
        """Whether an aggregator prints a name here that the registry need not know, and a time by it."""
        return self._may_name_an_outlet(index) and _is_near_a_time(self.page, index)

    def _may_name_an_outlet(self, index: int) -> bool:
        text = self.page.lines[index].text
        return self.aggregated and is_compound(text) and not _is_of_the_site(text)

    def _says(self, index: int, what: str) -> bool:
        meta = self.page.metas[index]
        if meta is None:
            return False
        return bool(meta.outlet if what == "outlet" else meta.time if what == "time" else meta.byline)

    def _metas(self, draft: _Draft, side: dict[str, Literal["before", "after"]]) -> list[int]:
        """The draft's metadata lines, the ones between headline and body first."""
        found = list(draft.between)
        for what in ("outlet", "time", "byline"):
            if any(self._says(index, what) for index in draft.between):
                continue
            near = _first_group(draft.before[::-1])[::-1] if side[what] == "before" else _first_group(draft.after)
            found.extend(index for index in near if self._says(index, what) and index not in found)
        return [index for index in found if index not in self.taken]

    def _left_metas(
        self, draft: _Draft, metas: Sequence[int], side: dict[str, Literal["before", "after"]]
    ) -> list[int]:
        """Metadata between the article above and this one that is of neither: teasers' names and times."""
        if not side["outlet"] == side["time"] == "before":
            return []
        return [index for index in draft.before if index not in metas and index not in self.taken]

    def _unlabelled_metas(
        self, draft: _Draft, metas: Sequence[int], side: dict[str, Literal["before", "after"]]
    ) -> list[int]:
        """Lines beside the article that say its outlet or time, where no labelled line does."""
        page = self.page
        first, last = draft.body[0], draft.body[-1]
        above = range(max(0, (draft.headline if draft.headline is not None else first) - 2), first)
        below = range(last + 1, min(len(page.lines), last + 4))
        found: list[int] = []
        for what in ("outlet", "time"):
            if any(self._says(index, what) for index in metas):
                continue
            for index in (*above, *below) if side[what] == "before" else (*below, *above):
                meta = page.metas[index]
                if (
                    meta is not None
                    and meta.is_whole
                    and page.labels[index] == "other"
                    and index not in self.taken
                    and (
                        (meta.time is not None and (index < first or bool(meta.outlet)))
                        if what == "time"
                        else meta.is_source
                        or (bool(meta.outlet) and meta.time is not None)
                        or (meta.registered is not None and index < first)
                        or (bool(meta.outlet) and self._stands_as_outlet(index, draft))
                    )
                ):
                    page.labels[index] = "outlet" if what == "outlet" else "time"
                    found.append(index)
                    break
        return found

    def _stands_as_outlet(self, index: int, draft: _Draft) -> bool:
        """Whether a name the registry does not know stands where an aggregator prints the outlet."""
        return (
            draft.headline is not None
            and abs(index - draft.headline) <= 2
            and index < draft.body[0]
            and self._may_name_an_outlet(index)
        )

    def _outlet(self, number: int, draft: _Draft, metas: Sequence[int]) -> tuple[Outlet | None, str]:
        printed = [meta for index in metas if (meta := self.page.metas[index]) is not None and meta.outlet]
        named = {
            self.page.metas[index].outlet  # type: ignore[union-attr]
            for index in metas
            if self._says(index, "outlet") and self.page.labels[index] in _NAMED
        }
        printed = [meta for meta in printed if meta.outlet in named]
        own = None if self.aggregator_attribution is not None else self.host_outlet
        if own is not None and len(self.drafts) == 1:
            return own.as_outlet(), "registry_domain"
        choice = _best_outlet(printed, self.aggregator)
        if choice is not None:
            if choice.registered is not None:
                return choice.registered.as_outlet(), "printed_name"
            return outlet_named(choice.outlet, self.registry), "printed_name"
        if own is not None:
            return own.as_outlet(), "registry_domain"
        if number == 0 and self.hints.outlet:
            known = self.registry.resolve(self.hints.outlet)
            return (known.as_outlet() if known else outlet_named(self.hints.outlet, self.registry)), "hint"
        if self.aggregator_attribution is None and self.host:
            return outlet_of_host(self.host), "host"
        return None, ""

    def _byline(self, metas: Sequence[int], number: int) -> tuple[Author, ...]:
        names: dict[str, Author] = {}
        for index in metas:
            meta = self.page.metas[index]
            for name in meta.byline if meta is not None else ():
                names.setdefault(name.casefold(), _author(name, self.registry))
        for index in metas:
            meta = self.page.metas[index]
            if self.page.labels[index] == "byline" and meta is not None and not meta.byline and meta.outlet:
                names.setdefault(meta.outlet.casefold(), _author(meta.outlet, self.registry))
        if not names and number == 0 and self.hints.byline:
            names[""] = _author(" ".join(self.hints.byline.split()), self.registry)
        return tuple(names.values())

    def _published(self, metas: Sequence[int], number: int, outlet: Outlet | None) -> Published:
        order = self._date_order(outlet)
        dated: list[Published] = []
        for index in metas:
            meta = self.page.metas[index]
            if meta is not None and meta.time is not None:
                published = meta.time.resolve(self.fetched_at, order=order)
                if published is not None:
                    dated.append(published)
        if dated:
            # the narrowest says most: a line with a date and one with an age stand side by side
            return min(dated, key=_width)
        if number == 0 and self.hints.published_at:
            published = read_time(self.hints.published_at, fetched_at=self.fetched_at, order=order)
            if published is not None:
                return published.model_copy(update={"evidence": "hint"})
        return NOT_DATED

    def _date_order(self, outlet: Outlet | None) -> DateOrder:
        """How the page writes dates in digits: as its own dates show, else by the habit of who printed it.

        The printer is the aggregator, else the outlet at the page's host, else, on a page of one article, its outlet.
        """
        if self.shown_order is not None:
            return self.shown_order
        printer = self.aggregator or self.host_outlet
        if printer is not None:
            return printer.date_order
        if outlet is not None and len(self.drafts) == 1 and self.aggregator_attribution is None:
            known = self.registry.by_id(outlet.id)
            if known is not None:
                return known.date_order
        return "dmy"

    def _body(self, draft: _Draft, removed: list[Span]) -> tuple[tuple[TextSpan, ...], tuple[str, ...]]:
        flattened = self.page.flattened
        spans: list[TextSpan] = []
        paragraphs: list[str] = []
        for index in draft.body:
            line = self.page.lines[index]
            raw = flattened[line.start : line.end].replace("\n", " ")
            position, kept = 0, list[str]()
            promos = find_promos(raw)
            for start, end in [*((promo.start, promo.end) for promo in promos), (len(raw), len(raw))]:
                piece = raw[position:start]
                words = piece.split()
                if words:
                    first = line.start + position + len(piece) - len(piece.lstrip())
                    spans.append(TextSpan(first, first + len(piece.strip())))
                    kept.extend(words)
                position = end
            removed.extend(
                Span(promo.kind, promo.rule, line.start + promo.start, line.start + promo.end) for promo in promos
            )
            if kept:
                paragraphs.append(" ".join(kept))
        return tuple(spans), tuple(paragraphs)

    def _quality(
        self, headline: str, outlet: Outlet | None, published: Published, draft: _Draft, truncated: str
    ) -> tuple[float, tuple[str, ...]]:
        lost = {
            "no_headline": 0.3 if not headline else 0.0,
            "no_outlet": 0.1 if outlet is None else 0.0,
            "no_time": 0.1 if published.earliest_at is None else 0.0,
            "short_text": 0.2 if _units(self.page, draft) < 400 else 0.0,
            "truncated": 0.15 if truncated == "yes" else 0.0,
            "labelled_by_rules": 0.1 if self.page.labelled_by == "rules" else 0.0,
        }
        doubt = self.page.doubt(draft.body)
        lost["doubtful_lines"] = round(min(0.4, doubt), 3) if doubt >= 0.1 else 0.0
        return round(max(0.05, 1.0 - sum(lost.values())), 3), tuple(reason for reason, cost in lost.items() if cost)

    # ---- what belongs to no article

    def _kind(self, index: int, headlines: set[str]) -> tuple[RemovalKind, str]:
        line = self.page.lines[index]
        if index in self.repeated:
            return "repeat", "paragraph_again"
        if line.key in headlines:
            return "repeat", "headline_again"
        if line.units <= 300:
            for kind, rule, pattern in _KINDS:
                if pattern.search(line.text):
                    return kind, rule
        meta = self.page.metas[index]
        if meta is not None and meta.is_whole and (meta.time is not None or meta.registered is not None):
            return "metadata", "not_of_an_article"
        if self.page.labels[index] == "headline":
            return "related", "headline_without_text"
        return "chrome", "not_article"

    def _comments(self, used: set[int]) -> Comments:
        count: int | None = None
        present = False
        for index, line in enumerate(self.page.lines):
            if index in used or line.units > 60:
                continue
            if _NO_COMMENTS_YET.search(line.text):
                return Comments(present=True, count=0)
            match = _COUNTED_COMMENTS.match(line.text)
            if match:
                present = True
                digits = (match["before"] or match["after"] or "").replace(",", "").replace(".", "")
                if digits.isdigit() and len(digits) < 10:
                    count = int(digits)
        return Comments(present=present, count=count) if present else NO_COMMENTS


def _host(url: str | None) -> str:
    if not url:
        return ""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _aggregator(hints: Hints, registry: OutletRegistry, at_host: RegisteredOutlet | None) -> Attribution | None:
    if hints.aggregator:
        known = registry.resolve(hints.aggregator)
        return Attribution(role="aggregator", name=known.name if known else hints.aggregator, evidence="hint")
    if at_host is not None:
        return Attribution(role="aggregator", name=at_host.name, evidence="registry_domain")
    return None


def _first_group(indices: Sequence[int]) -> list[int]:
    """The first of `indices`, and those that follow each other with at most one line between: at most `_NEAR`."""
    group = list(indices[:1])
    for index in indices[1:_NEAR]:
        if abs(index - group[-1]) > 2:
            break
        group.append(index)
    return group


def _best_outlet(printed: Sequence[Meta], aggregator: RegisteredOutlet | None) -> Meta | None:
    """The name most likely the outlet's: one the registry knows, then one printed again, then the first."""
    own = aggregator.id if aggregator is not None else None
    candidates = [meta for meta in printed if meta.registered is None or meta.registered.id != own]
    counts: dict[str, int] = {}
    for meta in candidates:
        counts[outlet_id_of(meta.outlet)] = counts.get(outlet_id_of(meta.outlet), 0) + 1
    return max(
        candidates,
        key=lambda meta: (meta.registered is not None, counts[outlet_id_of(meta.outlet)], meta.time is not None),
        default=None,
    )


def _long_words(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W_]+", text.casefold()) if len(word) > 3}


def _clean_headline(line: Line) -> str:
    return line.text.lstrip("•·*‣▪●○ ").strip() or line.text


def _author(name: str, registry: OutletRegistry) -> Author:
    known = registry.by_name(name)
    if known is not None:
        return Author(name=name, kind="agency" if known.is_agency else "outlet")
    if name.casefold() in _ROLES_OF_STAFF:
        return Author(name=name, kind="outlet")
    return Author(name=name)


def _width(published: Published) -> float:
    if published.earliest_at is None or published.latest_at is None:
        return float("inf")
    return (published.latest_at - published.earliest_at).total_seconds()


def _dateline(paragraphs: Sequence[str], registry: OutletRegistry) -> tuple[str | None, tuple[str, str] | None]:
    """The dateline the text begins with, and the agency it names with its evidence. The text keeps it."""
    match = _DATELINE.match(paragraphs[0][:160]) if paragraphs else None
    if match is None:
        return None, None
    name = match["agency"] or match["agency2"]
    known = registry.by_name(name) if name else None
    return match["dateline"].strip(), (known.name, "dateline") if known is not None and known.is_agency else None


def _credit(paragraphs: Sequence[str], registry: OutletRegistry) -> tuple[str, str] | None:
    match = _CREDIT.search(paragraphs[-1][-240:]) if paragraphs else None
    if match is None:
        return None
    known = registry.by_name(match["name"] or "Reuters")
    return (known.name, "credit_line") if known is not None else None


def _truncation(paragraphs: Sequence[str]) -> tuple[Literal["no", "maybe", "yes"], tuple[str, ...]]:
    last = paragraphs[-1] if paragraphs else ""
    if _CUT_OFF.search(last[-60:]):
        return "yes", ("ends_in_ellipsis",)
    if not _ENDS.search(last[-10:]):
        return "maybe", ("ends_without_full_stop",)
    return "no", ()
