"""The lines of a flattened page, what each may be, and the features by which it is labelled.

A line here is what a reader would call one: hard-wrapped paragraphs and sentences that a flattener broke at links are
put together again. Offsets are code points of the flattened page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from services.cleaner.ages import TimeMatch, find_times
from services.cleaner.outlets import OutletRegistry, RegisteredOutlet

LONGEST_META: Final = 160
"""Characters; a longer line is never only outlet, time or byline."""

_LINE: Final = re.compile(r"\S(?:[^\n]*\S)?")
_SPACES: Final = re.compile(r"\s+")
_BULLET: Final = re.compile(r"^[\s•·‣▪●○◦∙*+\-–—|>»►▶]+\s*")
_ICON: Final = re.compile(
    r"^(?:time|clock|calendar|calendar_today|access_time|schedule|icon|date|watch_later)"
    r"(?=$|[\s\d:•·|-]|an?\s|one\s|[A-Z])"
)
_LABEL: Final = re.compile(
    r"^(?:sources?|via|from|(?:first |originally |article )?(?:published|posted|updated|modified|created)|"
    r"last (?:updated|modified)|"
    r"publication date|date|veröffentlicht|aktualisiert|stand|quelle|publié|mis à jour|modifié|publicado|actualizado|"
    r"fuente|atualizado|fonte|pubblicato|aggiornato|gepubliceerd|bijgewerkt|opublikowano|aktualizacja|źródło|опубликовано|"
    r"обновлено|источник|publicerad|uppdaterad|publisert|oppdatert|offentliggjort|opdateret|发布时间|来源|發佈時間|來源|更新)"
    r"(?:\s?(?:by|on|at|am|um|le|el|em|il|op|den|à|a las))?\s?[:：]?\s*(?=\W|\d|[A-Z]|$)",
    re.IGNORECASE,
)
_SOURCE: Final = re.compile(r"(?:sources?|via|quelle|fuente|fonte|źródło|источник|来源|來源)\b", re.IGNORECASE)
_BYLINE: Final = re.compile(
    r"^(?:by|written by|reported by|story by|words by|posted by|text:|author:?|von|par|por|di|door|af|av|autor:?|"
    r"texte?:|foto:|oleh|ву|автор:?|записа(?:ла|л)|文[/／:：]|記者|记者)[\s:]+(?=\S)",
    re.IGNORECASE,
)
_PERSON: Final = re.compile(
    r"^(?:[^\W\d_][\w'’.-]*\.?)(?:\s(?:(?:de|da|do|dos|del|der|den|van|von|la|le|bin|al|el|di|du|ten|ter|y|e)\s)*"
    r"(?:[^\W\d_][\w'’.-]*\.?)){1,4}$"
)
_SEPARATORS: Final = re.compile(r"\s*(?:[|·•]|\s[-–—]\s|,\s|\s(?:and|und|et|y|e|en|och|og|i|и|та|&)\s|;)\s*")
_FILLER: Final = re.compile(
    r"^(?:\W|\d{1,2}[:.h]\d\d(?::\d\d)?|\b(?:at|on|by|am|pm|um|uhr|le|à|el|las|min(?:ute)?s?|read|updated|published|"
    r"posted|last|"
    r"ago|time|utc|gmt|ist|et|est|edt|bst|cet|cest|mon|tue|wed|thu|fri|sat|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)day|"
    r"montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|"
    r"lunes|martes|miércoles|jueves|viernes|sábado|domingo|first|modified|edited)\b)*$",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"[.!?…。！？।؟](?:[\"'”’»)\]]*)(?:\s|$)|[。！？]")
_CONTINUES: Final = re.compile(r"^[a-zà-öø-ÿа-яёα-ω,.;:!?)\]”’%]")
_FUNCTION_END: Final = re.compile(
    r"(?:,|\b(?:the|of|to|in|by|and|a|an|with|for|on|from|at|that|as|or|le|la|les|de|du|des|et|à|der|die|das|den|dem|und|im|"
    r"in|von|zu|el|los|las|en|y|que|il|lo|di|e|het|een|van|met|its|his|her|their|is|was|said))$"
)
_AROUND_NAMES: Final = " \t|·•,:;–—-/()"
_SMALL_NAME: Final = re.compile(
    r"[a-z]-[a-z]{2}|[a-z]+[A-Z0-9]+[A-Za-z0-9]*(?:\.[a-z]{2,3})?|[a-z0-9]+\.(?:com|org|net|[a-z]{2})"
)
_CJK: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


@dataclass(slots=True)
class Line:
    """A line: where it stands, its words with white space folded, and the form in which copies are equal."""

    start: int
    end: int
    text: str
    key: str
    after_blank: bool
    bullet: bool
    units: int
    """Its length in characters of an alphabet: an East Asian character counts for two and a half."""


@dataclass(slots=True)
class Meta:
    """What a short line says about an article: the name it is printed under, when, by whom."""

    outlet: str = ""
    registered: RegisteredOutlet | None = None
    time: TimeMatch | None = None
    byline: tuple[str, ...] = ()
    is_whole: bool = False
    """Whether outlet, time and byline are all that the line says."""
    is_source: bool = False
    """Whether the line says that what follows is the source ("Source: ...", "via ...")."""
    is_glued: bool = False
    """Whether an outlet and a time stand in it without a space between."""
    after_time: str = ""
    """What could be the name of an outlet that the registry does not know, where it is all that follows the time."""


def fold_key(text: str) -> str:
    """`text` in the form in which a repeated line equals its copy: bullets, case, quotes and spaces aside."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def units_of(text: str) -> int:
    """The length of `text` in characters of an alphabet; East Asian and Thai characters count for two and a half."""
    return len(text) + 3 * len(_CJK.findall(text)) // 2 if not text.isascii() else len(text)


def split_lines(flattened: str) -> list[Line]:
    """The lines of a flattened page, in order, none of them blank. Linear in its length."""
    spans = [match.span() for match in _LINE.finditer(flattened)]
    groups = _unwrap(flattened, spans) if _is_wrapped(flattened, spans) else _rejoin(flattened, spans)
    lines: list[Line] = []
    previous_end = 0
    for start, end in groups:
        text = _SPACES.sub(" ", flattened[start:end])
        bullet = _BULLET.match(text)
        lines.append(
            Line(
                start=start,
                end=end,
                text=text,
                key=fold_key(text),
                after_blank=flattened.count("\n", previous_end, start) > 1,
                bullet=bullet is not None and bullet.end() < len(text),
                units=units_of(text),
            )
        )
        previous_end = end
    return lines


def _is_wrapped(flattened: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether paragraphs are broken into lines of one width, as mail and html2text do."""
    if len(spans) < 8:
        return False
    widest = max(end - start for start, end in spans)
    if not 40 <= widest <= 120:
        return False
    full = joined = 0
    for (start, end), (following, _) in pairwise(spans):
        if following - end == 1:
            joined += 1
            full += end - start > 0.72 * widest
    return joined >= 6 and full > 0.6 * joined


def _unwrap(flattened: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    widest = max(end - start for start, end in spans)
    current: tuple[int, int] | None = None
    last_width = 0
    for start, end in spans:
        if current is not None and start - current[1] == 1 and last_width > 0.6 * widest:
            current = (current[0], end)
        else:
            if current is not None:
                yield current
            current = (start, end)
        last_width = end - start
    if current is not None:
        yield current


def _rejoin(flattened: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Lines, with those joined that a flattener broke inside a sentence, at a link."""
    current: tuple[int, int] | None = None
    for start, end in spans:
        if current is not None:
            before = flattened[max(current[0], current[1] - 40) : current[1]]
            after = flattened[start : start + 40]
            cut = _FUNCTION_END.search(before) is not None
            if (
                current[1] - current[0] >= (12 if cut else 25)
                and flattened.count("\n", current[1], start) == 1
                and before[-1] not in '.!?:…。！？"”»'
                and not _is_byline(flattened[start:end])
                and not _is_source(flattened[start:end])
                and not _ends_at_a_time(flattened[current[0] : current[1]])
                and (cut or (_CONTINUES.match(after) is not None and not _begins_anew(flattened[start:end])))
            ):
                current = (current[0], end)
                continue
            yield current
        current = (start, end)
    if current is not None:
        yield current


def _is_byline(line: str) -> bool:
    """Whether `line` is "by" and names, and nothing else: it is no more than that a headline breaks off before it."""
    match = _BYLINE.match(line) if len(line) <= 60 else None
    return match is not None and all(
        word[:1].isupper() or word in ("and", "und", "et", "y", "e", "&", "de", "van", "von", "der", "da")
        for word in line[match.end() :].split()
    )


def _is_source(line: str) -> bool:
    """Whether `line` is "via" or "source", a name, and perhaps a time, and nothing else: no sentence goes on so."""
    match = _SOURCE.match(line) if len(line) <= LONGEST_META else None
    if match is None:
        return False
    rest = line[match.end() :].lstrip(" :：")
    time = next(find_times(rest), None)
    return _looks_like_name((rest[: time.start] if time is not None else rest).strip(_AROUND_NAMES))


def _ends_at_a_time(line: str) -> bool:
    """Whether `line` is as short as what says when an article was printed, and ends there."""
    return len(line) <= 80 and any(found.end == len(line) for found in find_times(line))


def _begins_anew(line: str) -> bool:
    """Whether a line in small letters is an icon's text, an age, or a name written so ("n-tv", "openDemocracy")."""
    if _ICON.match(line) is not None or any(found.start < 12 for found in find_times(line[:40])):
        return True
    return _SMALL_NAME.fullmatch(line) is not None


def read_meta(text: str, registry: OutletRegistry) -> Meta | None:
    """What the line `text` says about an article; None when it is too long, or says nothing of the kind."""
    if len(text) > LONGEST_META:
        return None
    bullet = _BULLET.match(text)
    bare = text[bullet.end() :] if bullet else text
    meta = Meta()
    label = _LABEL.match(bare)
    if label and label.end() < len(bare):
        meta.is_source = _SOURCE.match(label[0]) is not None
        bare = bare[label.end() :]
    icon = _ICON.match(bare)
    if icon:
        bare = bare[icon.end() :].lstrip(" :•·|-")
    byline = _BYLINE.match(bare)
    if byline and bare[byline.end() :][:1].isalpha():
        rest = bare[byline.end() :]
        names, leftover = _names(rest, registry)
        if names:
            meta.byline, bare = names, leftover
    times = _without_names(bare, list(find_times(bare)), registry)
    # an age says more of when it was published than a date beside it
    time = times[0] if times else None
    before = after = ""
    if time is not None:
        time = _after_outlet_digits(bare, time, registry)
        before, after = bare[: time.start], bare[time.end :]
        meta.time = time
        for other in times[1:]:
            if other.start >= time.end:
                after = bare[other.end :]
        icon = _ICON.match(before.strip())
        if icon:
            before = before.strip()[icon.end() :]
        meta.is_glued = bool(before) and (before[-1].isalnum() or before[-1] in ".!)")
    else:
        before = bare
    name = before.strip(_AROUND_NAMES)
    label = _LABEL.match(name)
    if label and label.end() == len(name):
        name = ""
    # TIME, n-tv and bdnews24.com are outlets, time is the alternative text of an icon
    known = registry.by_name(name) if not name[:1].isascii() or not (name.isalpha() and name.islower()) else None
    if name and (known is not None or not _FILLER.match(name)):
        meta.registered = known
        meta.outlet = name if meta.registered is not None or _looks_like_name(name) else ""
        if not meta.outlet and time is None and not meta.byline:
            return None
    rest = after.strip(_AROUND_NAMES)
    if rest and not meta.outlet and time is not None and (found := registry.by_name(rest)) is not None:
        meta.outlet, meta.registered, rest = rest, found, ""
    elif rest and not name and time is not None and not after[:1].isalnum() and is_compound(rest):
        meta.after_time = rest
    if not (meta.outlet or meta.time or meta.byline):
        return None
    meta.is_whole = (not name or bool(meta.outlet) or _FILLER.match(name) is not None) and (
        not rest or _FILLER.match(rest) is not None
    )
    return meta


def _without_names(line: str, times: list[TimeMatch], registry: OutletRegistry) -> list[TimeMatch]:
    """`times` without a word for today that ends an outlet's name ("Granite Today", "Line Today, July 4")."""
    kept: list[TimeMatch] = []
    for time in times:
        word, before = line[time.start : time.end], line[: time.start]
        is_name = (
            time.kind == "age"
            and word[:1].isupper()
            and word.isalpha()
            and before[-1:] == " "
            and before.strip()[-1:].isalnum()
            and registry.by_name(before) is None
            and (len(times) > 1 or _looks_like_name(line[: time.end].strip()))
        )
        if not is_name:
            kept.append(time)
    return kept


def _after_outlet_digits(line: str, time: TimeMatch, registry: OutletRegistry) -> TimeMatch:
    """`time`, or the shorter one that is left when its first digits belong to an outlet ("France 245 days ago").

    They do when that makes a name of the registry, and when no site counts so many hours or days.
    """
    printed = line[time.start : time.end]
    digits = len(printed) - len(printed.lstrip("0123456789"))
    if digits < 2 or time.kind != "age" or not line[: time.start].strip():
        return time
    for taken in range(digits - 1, 0, -1):
        known = registry.by_name(line[: time.start + taken]) is not None
        if known or (taken == 1 and int(printed[:digits]) > 99 and line[: time.start][-1].isspace()):
            shorter = next(find_times(" " * (time.start + taken) + line[time.start + taken :]), None)
            if shorter is not None:
                return shorter
    return time


def _looks_like_name(name: str) -> bool:
    """Whether `name` could be an outlet's that the registry does not know: a few words, most with a capital."""
    words = name.split()
    if not 1 <= len(words) <= 7 or len(name) > 48 or (_SENTENCE_END.search(name + " ") and len(words) > 3):
        return False
    if not name[0].isalnum() or "@" in name or "http" in name:
        return False
    cased = [word for word in words if word[0].isalpha() and (word[0].isupper() or word[0].islower())]
    if not cased:
        return any(char.isalpha() for char in name)
    return sum(word[0].isupper() for word in cased) * 2 >= len(cased) + 0.5


def is_compound(name: str) -> bool:
    """Whether `name` looks like an outlet's of more than one word: one alone is rather a section or a place."""
    return _looks_like_name(name) and (" " in name or any(a.islower() and b.isupper() for a, b in pairwise(name)))


def _names(text: str, registry: OutletRegistry) -> tuple[tuple[str, ...], str]:
    """The names a byline begins with, and what follows them."""
    names: list[str] = []
    position = 0
    pieces = list(_SEPARATORS.finditer(text))
    bounds = [*((match.start(), match.end()) for match in pieces), (len(text), len(text))]
    for end, following in bounds:
        piece = text[position:end].strip()
        times = list(find_times(piece)) if any(char.isdigit() for char in piece) else []
        if times:
            piece = piece[: times[0].start].strip(" ,|-–")
            end = following = position
        if piece and len(piece) <= 60 and (_PERSON.match(piece) or registry.by_name(piece) or len(piece.split()) == 1):
            if not piece[0].isupper() and piece[0].lower() != piece[0].upper():
                break
            names.append(piece)
            position = max(following, position + len(piece)) if times else following
            if times:
                break
        else:
            break
    return tuple(names), text[position:]
