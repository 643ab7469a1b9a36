"""What can be said of a line of a flattened page without knowing its language: the features it is labelled by.

All are short strings, present or absent, so that a model over them is a table of weights. They tell of the line's
length and shape, of copies of it elsewhere, of the outlets, times and names in it, of its neighbours, and of how its
words recur in the text below it (a headline's do) and above it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache
from typing import Final

from services.cleaner.text_lines import Line, Meta

LONG: Final = 140
"""Units: a line of prose this long is rarely anything but a paragraph."""

SENTENCE: Final = re.compile(r"[.!?…。！？।؟][\"'”’»)\]]*(?=\s|$)|[。！？]")
WORD: Final = re.compile(r"[^\W_]+")
LINK: Final = re.compile(r"https?://|www\.|@\w|\.(?:com|org|net)\b|#\w")
_KINDS: Final = (
    ("comment", r"comment|kommentar|comentario|reply|antworten|responder|répondre"),
    ("sub", r"subscri|newsletter|sign ?(?:up|in)|log ?in\b|register|abonn|suscr|inscri|anmelden|assine|подпис|abbon"),
    (
        "share",
        r"share|facebook|twitter|whatsapp|telegram|instagram|linkedin|teilen|partag|compart|follow us|email this",
    ),
    ("legal", r"©|copyright|all rights|privacy|terms of|cookie|impressum|datenschutz|rights reserved|consent|derechos"),
    (
        "more",
        r"^(?:read|see|also|more|related|recommended|most |trending|latest|top stor|mehr|lire|leer|leia|leggi|ver )",
    ),
    ("ad", r"^(?:advert|anzeige|publicit|publicid|sponsor|promoted|реклама|ad$)"),
    ("app", r"\bapps?\b|app ?store|play ?store|google play|download"),
    ("pic", r"^(?:photo|image|picture|foto|bild|credit|video|watch|chart)|getty|reuters/|/afp|/ap\b|\(ap photo"),
    ("tag", r"^(?:hash)?tags?\b|^topics?\b|^#|^filed under|^schlag|^categor"),
    (
        "nav",
        r"^(?:home|menu|search|skip to|close|next|previous|back|logo|toggle|contact|about|help|image|icon)\b"
        r"|background$",
    ),
    ("read", r"\bmin(?:ute)?s? read\b|\bviews?\b$|listen to"),
    (
        "about",
        r"\b(?:is|was) an? (?:\w+ ){0,4}(?:reporter|correspondent|journalist|editor|writer)\b|^about (?:the )?author",
    ),
)
KIND_NAMES: Final = tuple(name for name, _ in _KINDS)
"""What a line of chrome may be about, in the order of the search."""

_KIND: Final = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _KINDS), re.IGNORECASE)

_UNIT_STEPS: Final = (8, 15, 22, 30, 40, 55, 75, 100, 140, 200, 300, 500, 900, 2500)
_WORD_STEPS: Final = (2, 3, 4, 6, 9, 13, 21, 41, 90)
_NEAR_STEPS: Final = (1, 2, 3, 4, 6, 9, 16, 40)
_SHARE_STEPS: Final = (0.01, 0.1, 0.2, 0.34, 0.5, 0.67, 0.84, 0.99)
_FAR: Final = 999


def _step(value: float, steps: tuple[float, ...] | tuple[int, ...]) -> int:
    return bisect_left(steps, value)


def line_features(lines: list[Line], metas: list[Meta | None]) -> list[list[str]]:
    """The features of each line, in order. Linear in the number of lines and their lengths."""
    count = len(lines)
    copies: dict[str, list[int]] = {}
    for index, line in enumerate(lines):
        copies.setdefault(line.key, []).append(index)
    kinds = [kind_of(line) for line in lines]
    shapes = [_shape(line, metas[index], len(copies[line.key]), kinds[index]) for index, line in enumerate(lines)]
    ends = [line.text[-1] in ".!?…。！？।؟" or line.text[-2:-1] in (".", "!", "?", "…") for line in lines]
    long_ones = [line.units >= LONG for line in lines]
    to_next, to_previous = _distances(long_ones), _distances(long_ones[::-1])[::-1]
    says = [meta is not None and meta.is_whole and (meta.time is not None) for meta in metas]
    time_next, time_previous = _distances(says), _distances(says[::-1])[::-1]
    words = [
        frozenset(word for word in WORD.findall(line.text[:700].casefold()) if len(word) > 3)
        if line.units >= 15
        else None
        for line in lines
    ]
    prose = [min(line.units, 400) if line.units >= 55 else 0 for line in lines]
    total_prose = sum(prose) or 1
    timed, listed = sum(says), sum(long_ones)
    page = f"pg{min(timed, 3)}{_step(listed, (0, 1, 2, 4, 8, 20))}{_step(count, (6, 15, 40, 100, 300))}"
    before = 0
    features: list[list[str]] = []
    for index, line in enumerate(lines):
        shape, meta = shapes[index], metas[index]
        own = _own_features(line, meta, kinds[index], ends[index])
        s1 = shapes[index - 1] if index else "^"
        s2 = shapes[index - 2] if index > 1 else "^"
        s3 = shapes[index - 3] if index > 2 else "^"
        n1 = shapes[index + 1] if index + 1 < count else "$"
        n2 = shapes[index + 2] if index + 2 < count else "$"
        n3 = shapes[index + 3] if index + 3 < count else "$"
        places = copies[line.key]
        place = bisect_left(places, index)
        back = index - places[place - 1] if place else _FAR
        ahead = places[place + 1] - index if place + 1 < len(places) else _FAR
        copy = f"{_step(back, _NEAR_STEPS)}{_step(ahead, _NEAR_STEPS)}"
        down, up = _step(to_next[index], _NEAR_STEPS), _step(to_previous[index], _NEAR_STEPS)
        near = sum(prose[max(0, index - 3) : index]), sum(prose[index + 1 : index + 4])
        own += [
            f"s{shape}",
            f"p1{s1}", f"p2{s2}", f"p3{s3}", f"n1{n1}", f"n2{n2}", f"n3{n3}",
            f"a{s1}{shape}", f"b{shape}{n1}", f"c{s1}{shape}{n1}", f"d{s2}{s1}{shape}", f"e{shape}{n1}{n2}",
            f"f{shape}{n1}{n2}{n3}", f"g{s2}{s1}{shape}{n1}{n2}",
            f"cp{copy}", f"cn{min(len(places), 4)}", f"cs{shape}{copy}",
            f"dn{down}", f"du{up}", f"ds{shape}{down}{min(up, 3)}",
            f"tn{shape}{_step(time_next[index], _NEAR_STEPS)}", f"tu{shape}{_step(time_previous[index], _NEAR_STEPS)}",
            f"bl{line.after_blank:d}{index + 1 < count and lines[index + 1].after_blank:d}{shape}",
            f"tp{_step(index, _NEAR_STEPS)}", f"bt{_step(count - 1 - index, _NEAR_STEPS)}",
            f"fr{10 * before // total_prose}{shape}",
            f"fs{10 * before // total_prose}{min(10 * prose[index] // 400, 9)}",
            f"na{_step(near[0], (0, 60, 150, 400, 800))}{_step(near[1], (0, 60, 150, 400, 800))}{shape}",
            page + shape,
            f"ke{kinds[index - 1] if index else ''}>{kinds[index]}",
            f"kn{kinds[index]}>{kinds[index + 1] if index + 1 < count else ''}",
            f"le{ends[index]:d}{ends[index - 1] if index else 0:d}{ends[index + 1] if index + 1 < count else 0:d}",
        ]  # fmt: skip
        mine = words[index]
        if mine and line.units <= 260:
            below = _overlap(mine, words, to_next[index] + index, count)
            above = _overlap_above(mine, words, index - to_previous[index])
            own += [f"ov{below}{above}", f"oo{shape}{below}", f"os{shape}{min(2, max(-2, below - above))}{down}"]
        own.append(f"ct{sum(kinds[other] != '' for other in range(max(0, index - 3), min(count, index + 4)))}{shape}")
        before += prose[index]
        features.append(own)
    return features


def _distances(flags: list[bool]) -> list[int]:
    """For each place the distance to the next true flag after it; _FAR where there is none."""
    found: list[int] = [_FAR] * len(flags)
    following = _FAR
    for index in range(len(flags) - 1, -1, -1):
        found[index] = following
        following = 1 if flags[index] else min(following + 1, _FAR)
    return found


def kind_of(line: Line) -> str:
    """Which of `KIND_NAMES` a line of up to 320 units is about; "" for none."""
    return _kind_of_text(line.text) if line.units <= 320 else ""


@lru_cache(maxsize=8192)
def _kind_of_text(text: str) -> str:
    match = _KIND.search(text)
    return match.lastgroup or "" if match else ""


def _shape(line: Line, meta: Meta | None, copies: int, kind: str) -> str:
    if meta is not None and meta.is_whole:
        if meta.time is not None:
            return ("P" if meta.outlet else "T") if meta.time.kind == "age" else ("Q" if meta.outlet else "D")
        if meta.registered is not None:
            return "O"
        if meta.byline:
            return "Y"
    if line.units >= 600:
        return "G"
    if line.units >= LONG:
        return "L"
    if copies > 1 and line.units >= 15:
        return "C"
    if kind:
        return "K" if line.units < 60 else "k"
    if meta is not None and meta.is_whole and line.bullet:
        return "U"
    ended = line.text[-1] in '.!?…。！？।؟"”»'
    if line.units >= 55:
        return "M" if ended else "m"
    if line.units >= 22:
        return "h" if not ended else "i"
    return "n" if meta is not None and meta.is_whole else "x"


def _own_features(line: Line, meta: Meta | None, kind: str, ended: bool) -> list[str]:
    text = line.text
    words = text[:600].split()
    cased = [word for word in words if word[0].isalpha() and (word[0].isupper() or word[0].islower())]
    upper = sum(word[0].isupper() for word in cased)
    lower_short = sum(len(word) <= 3 and word.islower() for word in words)
    first, last = text[0], text[-1]
    head = (
        "U" if first.isupper() else "l" if first.islower() else "d" if first.isdigit()
        else "a" if first.isalpha() else "q" if first in "\"'“‘«„»" else "b" if line.bullet else "o"
    )  # fmt: skip
    tail = (
        "d"
        if last.isdigit()
        else "U"
        if last.isupper()
        else "l"
        if last.isalpha()
        else last
        if last in '.!?:,…")”'
        else "o"
    )
    sentences = min(4, sum(1 for _ in SENTENCE.finditer(text[:900])))
    length = _step(line.units, _UNIT_STEPS)
    share = _step(upper / len(cased), _SHARE_STEPS) if cased else 9
    own = [
        "1", f"u{length}", f"w{_step(len(words), _WORD_STEPS)}", f"h{head}", f"t{tail}", f"ut{length}{tail}",
        f"sn{sentences}", f"us{length}:{sentences}", f"cs{share}", f"uc{length}:{share}",
        f"k{kind}", f"uk{length}{kind}",
        f"fw{_step(lower_short / len(words), _SHARE_STEPS) if words else 0}", f"cm{min(3, text.count(','))}",
        f"pp{min(3, text.count('|') + text.count('•') + text.count('·') + text.count('›'))}",
        f"e{ended:d}{head}",
    ]  # fmt: skip
    if any(char.isdigit() for char in text[:80]):
        own.append(f"dg{_step(sum(char.isdigit() for char in text[:80]) / min(80, len(text)), _SHARE_STEPS)}")
    if LINK.search(text[:200]):
        own.append("lk")
    if text.isupper():
        own.append(f"AC{length}")
    if meta is not None:
        own += [
            f"m{meta.is_whole:d}{bool(meta.outlet):d}{meta.registered is not None:d}{meta.time is not None:d}"
            f"{bool(meta.byline):d}{meta.is_glued:d}",
            f"mb{meta.is_whole:d}{line.bullet:d}{meta.registered is not None:d}",
        ]
        if meta.time is not None:
            own.append(f"mt{meta.time.kind}{meta.is_whole:d}{length}")
    return own


def _overlap(mine: frozenset[str], words: list[frozenset[str] | None], first: int, count: int) -> int:
    """How many tenths of the words in `mine` recur in the three lines from `first` on, at most 5."""
    found: set[str] = set()
    for index in range(first, min(first + 3, count)):
        other = words[index]
        if other:
            found |= mine & other
    return min(5, 10 * len(found) // len(mine))


def _overlap_above(mine: frozenset[str], words: list[frozenset[str] | None], last: int) -> int:
    found: set[str] = set()
    for index in range(max(0, last - 2), last + 1):
        other = words[index] if 0 <= index < len(words) else None
        if other:
            found |= mine & other
    return min(5, 10 * len(found) // len(mine))
