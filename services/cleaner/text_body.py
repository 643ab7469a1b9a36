"""Which lines of a flattened page of one article are its body: what two passes over them look at.

The first pass, small networks, sees each line's length and shape, its neighbours, the page's runs of prose, and how its
words recur in the page and in the page's address, which mostly spells the headline. The second, boosted trees, sees the
first's chances: of the lines around, of the likeliest run, of lines of the same shape and the same words. All are
numbers, free of language but for punctuation, letter case and the words for what sites print around articles
(`text_features`).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt

from services.cleaner.text_features import KIND_NAMES, LINK, SENTENCE, WORD, kind_of
from services.cleaner.text_lines import Line, Meta

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Numbers = Sequence[float] | npt.NDArray[Any]

_KIND_NUMBER: Final = {"": -1, **{name: number for number, name in enumerate(KIND_NAMES)}}
_QUOTES: Final = re.compile('["“”„«»「」]')
_UNIT_STEPS: Final = (8, 15, 22, 30, 40, 55, 75, 100, 140, 200, 300, 500, 900, 2500)
_NEVER: Final = 10**6
_NOT_ASKED: Final = 0.03
"""Lines that the first pass gives less, and that stand beside none with more, are not asked about again."""

_OWN: Final = (
    *("units", "words", "sentences", "ended", "commas", "upper", "short", "digits", "kind", "said", "blank", "bullet"),
    *("head", "tail", "word_length", "joined", "quotes", "question", "colon", "pipes", "link", "capitals", "continued"),
    *("copies", "alike", "known_words", "run_words", "first_words", "title_case", "sentence_length", "brackets"),
)
_AT: Final = {name: number for number, name in enumerate(_OWN)}
_SHIFTS: Final = (
    *((name, (-4, -3, -2, -1, 1, 2, 3, 4)) for name in ("units", "ended", "short", "chrome", "said", "upper")),
    *((name, (-2, -1, 1, 2)) for name in ("words", "joined", "continued", "unended", "alike", "run_words", "digits")),
)
_RUN_COSTS: Final = ((40.0, 60.0), (90.0, 140.0), (15.0, 25.0))
_COUNTED_KINDS: Final = ("comment", "more", "share", "about", "sub")
_NEAR_KINDS: Final = (*_COUNTED_KINDS, "legal", "tag", "pic", "nav")
_SLUG: Final = (
    *("slug_words", "slug_share", "slug_hits", "slug_back", "slug_ahead", "slug_lines", "slug_near", "slug_before"),
    *("slug_after", "slug_from_first", "slug_from_last", "slug_dense", "slug_below"),
)
_PAGE: Final = (
    "at", "index", "left", "lines", "prose_before", "prose_after", "prose", "prose_before_units",
    *(f"{name}{number}" for number in range(3) for name in ("in_run", "run_start", "run_end", "run_share")),
    "run_mean", "run_mean_ratio", "run_median", "run_median_ratio",
    *(f"{name}_{least}" for least in (55, 100, 200) for name in ("to_next", "to_previous")),
    *(f"count_{kind}" for kind in _COUNTED_KINDS),
    *(f"{name}_{kind}" for kind in _NEAR_KINDS for name in ("to_next", "to_previous")),
    "to_next_time", "to_previous_time", "to_next_byline", "to_previous_byline", "times", "from_headline",
    "units_to_previous", "units_to_next",
)  # fmt: skip
_WINDOWS: Final = ("prose", "ended", "chrome", "short_lines", "units", "short_words", "metadata", "run_words")
_WINDOW_SIZES: Final = (3, 8, 20)

FIRST: Final = (
    *_OWN,
    *(f"{name}{place:+d}" for name, places in _SHIFTS for place in places),
    *(f"{name}{side}{size}" for name in _WINDOWS for size in _WINDOW_SIZES for side in "<>"),
    *_PAGE,
    *_SLUG,
)
"""The names of the columns that the first pass' are made of, in order."""

_KEPT: Final = tuple(
    FIRST.index(name)
    for name in (
        *_OWN, *_PAGE[:20], "run_mean_ratio", "run_median_ratio", "to_next_100", "to_previous_100", "to_next_200",
        "to_previous_200", *(f"count_{kind}" for kind in _COUNTED_KINDS), "to_previous_comment", "to_previous_more",
        "to_previous_share", "to_next_more", "to_next_time", "to_previous_time", "to_previous_byline", "times",
        "from_headline", "units-1", "units+1", "ended-1", "ended+1", "chrome-1", "chrome+1", "said-1", "said+1",
        "unended+1", "upper-1", "upper+1", "ended>3", "ended<8", "ended>8", "prose>3", "run_words<3", "run_words>20",
        "metadata>8", *_SLUG,
    )
)  # fmt: skip
_CHANCES: Final = (
    *(f"chance{place:+d}" for place in range(-5, 6)),
    *(f"chance_{name}{size}" for size in (3, 8, 20, 50) for name in ("<", ">", "lines<", "lines>")),
    *("body_before", "body_after", "body_units_before", "body_units_after", "body_units", "best_chance"),
    *(
        f"{name}_{part}"
        for part in ("50", "30")
        for name in ("in_best", "best_start", "best_end", "best_share", "best_lines", "in_second", "second_ratio")
    ),
    *("body_words", "sure_words", "start_words", "sure_words<3", "sure_words>3", "sure_words<8", "sure_words>8"),
    *("alike_chance", "alike_lines", "copies_chance"),
)
SECOND: Final = (*_CHANCES, *(FIRST[number] for number in _KEPT))
"""The names of the second pass' columns, in order."""

COLUMNS_HASH: Final = sha256(" ".join((*FIRST, *SECOND, *KIND_NAMES)).encode()).hexdigest()[:16]
"""A model that was trained on other columns is refused."""


class LineTable:
    """A page's lines in numbers: the first pass' columns at once, the second's when its chances are known."""

    def __init__(self, lines: Sequence[Line], metas: Sequence[Meta | None], flattened: str, url: str | None) -> None:
        """Reads the lines; linear in their number and lengths."""
        self._words = [_long_words(line.text) for line in lines]
        self._keys = _numbered([line.key for line in lines])
        self._shapes: list[tuple[int, ...]] = []
        self._own = self._own_columns(lines, metas, flattened)
        self.columns: Floats = self._first_columns(lines, metas, slug_words(url))
        self._sizes = np.minimum(self._own[:, _AT["words"]].astype(np.float64), 120)

    def first(self) -> Floats:
        """What the networks take: the columns on a scale of orders of magnitude, and classes as one column each."""
        table = self.columns
        own = np.concatenate(
            [
                (table[:, [_AT[name]]] == np.arange(classes)).astype(np.float32)
                for name, classes in (("kind", len(KIND_NAMES)), ("head", 5), ("tail", 5), ("said", 5))
            ],
            axis=1,
        )
        columns = [np.sign(table) * np.log1p(np.abs(table)), own]
        for by in (-2, -1, 1, 2):
            columns.append(np.stack([_shifted(column, by, 0.0) for column in own.T], axis=1))
        columns.append((table[:, :1] >= np.array((22, 40, 55, 100, 140, 300))).astype(np.float32))
        return np.concatenate(columns, axis=1).astype(np.float32)

    def asked_again(self, chances: npt.NDArray[np.float64]) -> Bools:
        """Lines worth asking the trees about, by the networks' chances."""
        likely = chances > _NOT_ASKED
        return _widened(likely, likely, 2)

    def _own_columns(self, lines: Sequence[Line], metas: Sequence[Meta | None], flattened: str) -> Floats:
        rows: list[tuple[float, ...]] = []
        for line, meta in zip(lines, metas, strict=True):
            text, kind = line.text, _KIND_NUMBER[kind_of(line)]
            words = text[:600].split()
            initials = [char for word in words if (char := word[0]).isalpha() and (char.isupper() or char.islower())]
            ended = text[-1] in ".!?…。！？।؟" or text[-2:-1] in (".", "!", "?", "…")
            said = 0 if meta is None or not meta.is_whole else 1 + (meta.time is not None) + 2 * bool(meta.byline)
            first, last = text[0], text[-1]
            cases = (first.isupper(), first.islower(), first.isdigit(), first.isalpha(), True)
            head = cases.index(True)
            tail = 0 if ended else 1 if last == ":" else 2 if last.isdigit() else 3 if last.isalpha() else 4
            sentences = min(6, sum(1 for _ in SENTENCE.finditer(text[:900])))
            many = max(1, len(words))
            step = bisect_left(_UNIT_STEPS, line.units)
            self._shapes.append((step if line.units >= 22 else step // 2, head, tail, kind, said))
            rows.append(
                (
                    min(line.units, 1200), min(len(words), 120), sentences, ended, min(9, text.count(",")),
                    sum(map(str.isupper, initials)) / len(initials) if initials else 0.5,
                    len([word for word in words if len(word) <= 3 and word.islower()]) / many,
                    sum(map(str.isdigit, text[:80])) / min(80, len(text)), kind, said, line.after_blank,
                    line.bullet, head, tail, line.units / many if len(text) < 600 else 6,
                    min(9, flattened.count("\n", line.start, line.end)), min(4, len(_QUOTES.findall(text[:600]))),
                    "?" in text[-3:], ":" in text[:40],
                    text.count("|") + text.count("•") + text.count("·") + text.count("›") if line.units < 300 else 0,
                    LINK.search(text[:200]) is not None, text.isupper(), first.islower() or first in ",.;:)”’",
                    0, 0, 0, 0, 0, sum(map(str.istitle, words)) / many, line.units / (sentences + 1),
                    min(4, text[:600].count("(")),
                )
            )  # fmt: skip
        return np.array(rows, dtype=np.float32).reshape(len(lines), len(_OWN))

    def _first_columns(self, lines: Sequence[Line], metas: Sequence[Meta | None], slug: frozenset[str]) -> Floats:
        own, count = self._own, len(lines)
        kinds, units, said = own[:, _AT["kind"]], own[:, 0], own[:, _AT["said"]]
        is_prose = (units >= 55) & ~((kinds >= 0) & (units < 120)) & (said < 2)
        prose = np.where(is_prose, np.minimum(units, 600), 0)
        runs = [_prose_run(units, prose, kinds, *costs) for costs in _RUN_COSTS]
        start, end = runs[0]
        self._fill_words(start, end)
        headline = _headline(lines, metas, self._words, own[:, _AT["first_words"]], start)
        chrome = (kinds >= 0).astype(np.float32)
        named = {"chrome": chrome, "unended": (own[:, _AT["tail"]] == 3).astype(np.float32)}
        columns: list[Numbers] = list(own.T)
        for name, places in _SHIFTS:
            values = named[name] if name in named else own[:, _AT[name]]
            columns.extend(_shifted(values, place, -1.0) for place in places)
        windows: tuple[Numbers, ...] = (
            prose, own[:, _AT["ended"]], chrome, units < 30, np.minimum(units, 400),
            own[:, _AT["short"]] * np.minimum(units, 200) / 50, said > 1,
            np.maximum(own[:, _AT["run_words"]], 0) * (units >= 22),
        )  # fmt: skip
        for values in windows:
            sums = _sums(values)
            for size in _WINDOW_SIZES:
                columns += [each / size for each in _beside(sums, size)]
        place = np.arange(count)
        total = float(prose.sum()) or 1.0
        before = np.cumsum(prose) - prose
        columns += [
            place / count, np.minimum(place, 200), np.minimum(count - place, 200), np.full(count, min(count, 1500)),
            before / total, 1 - before / total - prose / total, np.full(count, min(total, 40000)),
            np.minimum(before, 20000),
        ]  # fmt: skip
        for first, last in runs:
            columns += [
                (place >= first) & (place < last), np.clip(place - first, -100, 300), np.clip(place - last, -300, 100),
                np.full(count, prose[first:last].sum() / total),
            ]  # fmt: skip
        mean = float(prose[start:end].sum()) / max(1, end - start)
        in_run = units[start:end][prose[start:end] > 0]
        median = float(np.median(in_run)) if len(in_run) else 0.0
        columns += [np.full(count, mean), units / (mean + 1), np.full(count, median), units / (median + 1)]
        for least in (55, 100, 200):
            columns += [_to_next(units >= least, 200), _to_previous(units >= least, 200)]
        for kind in _COUNTED_KINDS:
            marks = (kinds == _KIND_NUMBER[kind]) & (place >= start)
            columns.append(np.minimum(np.cumsum(marks), 9))
        for kind in _NEAR_KINDS:
            marks = kinds == _KIND_NUMBER[kind]
            columns += [_to_next(marks, 60), _to_previous(marks, 60)]
        timed, by = (said == 2) | (said == 4), said >= 3
        columns += [_to_next(timed, 60), _to_previous(timed, 60), _to_next(by, 60), _to_previous(by, 60)]
        columns.append(np.full(count, min(int(timed.sum()), 20)))
        columns.append(place - headline if headline is not None else np.full(count, -99))
        columns += [units / (_shifted(units, -1, 0.0) + 1), units / (_shifted(units, 1, 0.0) + 1)]
        columns += self._slug_columns(lines, slug)
        return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)

    def _fill_words(self, start: int, end: int) -> None:
        """The columns that tell of copies, of lines of one shape nearby, and of words that recur."""
        own, words = self._own, self._words
        on_page, in_run = dict[str, int](), dict[str, int]()
        for index, mine in enumerate(words):
            for word in mine:
                on_page[word] = on_page.get(word, 0) + 1
                if start <= index < end:
                    in_run[word] = in_run.get(word, 0) + 1
        first = frozenset[str]().union(*words[start : min(start + 3, end)])
        places: dict[tuple[int, ...], list[int]] = {}
        for index, shape in enumerate(self._shapes):
            places.setdefault(shape, []).append(index)
        own[:, _AT["copies"]] = np.minimum(np.bincount(self._keys)[self._keys], 5)
        for index, mine in enumerate(words):
            alike = places[self._shapes[index]]
            found = bisect_left(alike, index + 9) - bisect_left(alike, index - 8) - 1
            known = recurring = begun = -1.0
            if mine:
                inside = start <= index < end
                known = len([word for word in mine if on_page[word] > 1]) / len(mine)
                recurring = len([word for word in mine if in_run.get(word, 0) > inside]) / len(mine)
                begun = len(mine & first) / len(mine) if not start <= index < start + 3 else -1.0
            own[index, _AT["alike"] : _AT["first_words"] + 1] = (min(9, found), known, recurring, begun)

    def _slug_columns(self, lines: Sequence[Line], slug: frozenset[str]) -> list[Numbers]:
        count, units = len(lines), self._own[:, 0]
        nothing, none = np.zeros(count), np.full(count, -1.0)
        if not slug:
            return [nothing, nothing, nothing, none, none, *([nothing] * 4), none, none, nothing, nothing]
        found = [_slug_in(line.text, slug) for line in lines]
        hits = np.array([len(each) for each in found], dtype=np.float64)
        share, place, short = hits / len(slug), np.arange(count), units < 260
        top = float(share[short].max()) if short.any() else 0.5
        titles = np.flatnonzero((share >= max(0.5, min(0.75, top * 0.99))) & short)
        back = ahead = np.full(count, 170.0)
        from_first = from_last = np.full(count, -170.0)
        if len(titles):
            passed = np.searchsorted(titles, place, side="right")
            back = np.where(passed > 0, np.minimum(place - titles[np.maximum(passed - 1, 0)], 150), 160)
            following = titles[np.minimum(passed, len(titles) - 1)]
            ahead = np.where(passed < len(titles), np.minimum(following - place, 150), 160)
            from_first, from_last = np.clip(place - titles[0], -150, 300), np.clip(place - titles[-1], -150, 300)
        sums = _sums(hits)
        near = sums[np.minimum(place + 4, count)] - sums[np.maximum(place - 3, 0)] - hits
        before = sums[place] - sums[np.maximum(place - 8, 0)]
        after = sums[np.minimum(place + 9, count)] - sums[np.minimum(place + 1, count)]
        below = [
            len(frozenset[str]().union(*found[at + 1 : at + 9])) / len(slug) if after[at] else 0.0
            for at in range(count)
        ]
        return [
            np.full(count, min(len(slug), 8)), share, np.minimum(hits, 6), back, ahead,
            np.full(count, min(len(titles), 6)), near, before, after, from_first, from_last,
            hits / np.maximum(1, units) * 100, below,
        ]  # fmt: skip

    def second(self, chances: npt.NDArray[np.float64]) -> Floats:
        """The second pass' columns, from the first's chances (one a line)."""
        count, sizes = len(chances), self._sizes
        place = np.arange(count)
        odds = np.log((chances + 1e-3) / (1 - chances + 1e-3))
        columns: list[Numbers] = [_shifted(odds, number, -7.0) if number else odds for number in range(-5, 6)]
        body, all_sizes, lines = _sums(chances * sizes), _sums(sizes), _sums(chances)
        for size in (3, 8, 20, 50):
            above, below = _beside(body, size)
            size_above, size_below = _beside(all_sizes, size)
            columns += [above / (size_above + 5), below / (size_below + 5)]
            columns += [each / size for each in _beside(lines, size)]
        total = float(body[-1]) + 1
        columns += [
            body[place] / total, 1 - body[place + 1] / total, np.log1p(body[place]),
            np.log1p(np.maximum(body[-1] - body[place + 1], 0)), np.full(count, np.log(total)),
            np.full(count, chances.max()),
        ]  # fmt: skip
        likeliest = (0, 0)
        for least in (0.5, 0.3):
            gains = (chances - least) * (sizes + 2)
            start, end, best = _best_run(gains)
            likeliest = likeliest if least == 0.3 else (start, end)
            gains[start:end] = -1e3
            second_start, second_end, second_best = _best_run(gains)
            columns += [
                (place >= start) & (place < end), _signed_log(place - start), _signed_log(place - end),
                np.full(count, (body[end] - body[start]) / total), np.full(count, np.log1p(end - start)),
                (place >= second_start) & (place < second_end), np.full(count, second_best / (best + 1)),
            ]  # fmt: skip
        columns += self._likely_words(chances, *likeliest)
        columns += [*_of_group(_numbered(self._shapes), chances), _of_group(self._keys, chances)[0]]
        found = np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)
        return np.concatenate([found, self.columns[:, list(_KEPT)]], axis=1)

    def _likely_words(self, chances: npt.NDArray[np.float64], start: int, end: int) -> list[Numbers]:
        """How much of each line's words the likely body holds elsewhere, and the lines around it."""
        words, sizes = self._words, np.minimum(self._sizes, 20)
        count = dict[str, int]()
        likely = dict[str, float]()
        for mine, chance in zip(words, chances.tolist(), strict=True):
            for word in mine:
                count[word] = count.get(word, 0) + 1
                likely[word] = likely.get(word, 0.0) + chance
        first = frozenset[str]().union(*words[start : min(end, start + 4)])
        rows = np.full((len(words), 3), -0.2)
        for index, mine in enumerate(words):
            if mine:
                chance = float(chances[index])
                rows[index] = (
                    sum((likely[word] - chance) / count[word] for word in mine if count[word] > 1) / len(mine),
                    len([word for word in mine if likely[word] - chance > 0.7]) / len(mine),
                    len(mine & first) / len(mine),
                )
        sure, all_sizes = _sums(np.maximum(rows[:, 1], 0) * sizes), _sums(sizes)
        columns: list[Numbers] = list(rows.T)
        for size in (3, 8):
            for part, whole in zip(_beside(sure, size), _beside(all_sizes, size), strict=True):
                columns.append(part / (whole + 1))
        return columns


def slug_words(url: str | None) -> frozenset[str]:
    """The words of the address' most wordy part, folded; empty where it has fewer than two."""
    try:
        path = unquote(urlsplit(url if "//" in url else "//" + url).path) if url else ""
    except ValueError:
        path = ""
    best = frozenset[str]()
    for part in path[:2000].split("/"):
        words = frozenset(
            word
            for word in map(_folded, WORD.findall(part.casefold()))
            if len(word) > 3 and not any(char.isdigit() for char in word) and word not in _NO_SLUG
        )
        if len(words) > len(best):
            best = words
    return best if len(best) > 1 else frozenset()


_NO_SLUG: Final = frozenset(
    ("html", "htm", "php", "article", "artikel", "articles", "news", "story", "stories", "index", "default", "aspx")
)
# addresses spell letters that ASCII lacks without their marks, or as two
_BARE: Final = str.maketrans({"ø": "o", "æ": "a", "ß": "s", "ł": "l", "đ": "d", "ı": "i"})
_IN_TWO: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "ß": "ss"})


def _folded(word: str) -> str:
    if word.isascii():
        return word
    return "".join(
        char for char in unicodedata.normalize("NFKD", word.translate(_BARE)) if not unicodedata.combining(char)
    )


def _slug_in(text: str, slug: frozenset[str]) -> frozenset[str]:
    """The words of `slug` that `text` holds."""
    folded = text[:700].casefold()
    words = set(WORD.findall(_folded(folded)))
    if not folded.isascii():
        words.update(WORD.findall(folded.translate(_IN_TWO)))
    return slug & words


def _long_words(text: str) -> frozenset[str]:
    return frozenset(word for word in WORD.findall(text[:700].casefold()) if len(word) > 3)


def _numbered(values: Sequence[object]) -> npt.NDArray[np.int64]:
    """A number for each value, equal ones the same, in the order they are first met."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def _sums(values: Numbers) -> npt.NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])


def _beside(sums: npt.NDArray[np.float64], size: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each line the sums over the `size` lines above it and below it."""
    count = len(sums) - 1
    place = np.arange(count)
    return sums[place] - sums[np.maximum(place - size, 0)], sums[np.minimum(place + 1 + size, count)] - sums[place + 1]


def _shifted(values: npt.NDArray[Any], by: int, outside: float) -> npt.NDArray[Any]:
    """The values of the lines `by` further down; `outside` past the page's ends."""
    found = np.full(len(values), outside, dtype=np.float32)
    if by < 0:
        found[-by:] = values[:by]
    else:
        found[: max(0, len(values) - by)] = values[by:]
    return found


def _widened(some: Bools, seeds: Bools, by: int) -> Bools:
    """`some`, and the lines up to `by` from one of `seeds`."""
    found = some | seeds
    for step in range(1, by + 1):
        found[step:] |= seeds[:-step]
        found[:-step] |= seeds[step:]
    return found


def _to_next(flags: Bools, most: int) -> npt.NDArray[np.int64]:
    """For each line the distance to the next flagged one below it, at most `most`."""
    count = len(flags)
    following = np.minimum.accumulate(np.where(flags, np.arange(count), _NEVER)[::-1])[::-1]
    return np.minimum(np.append(following[1:], _NEVER) - np.arange(count), most)


def _to_previous(flags: Bools, most: int) -> npt.NDArray[np.int64]:
    return _to_next(flags[::-1], most)[::-1]


def _signed_log(values: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.sign(values) * np.log1p(np.abs(values))


def _of_group(
    groups: npt.NDArray[np.int64], chances: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The mean chance of the other lines of each line's group (-0.3 where there is none), and the log of its size."""
    sums, sizes = np.bincount(groups, weights=chances)[groups], np.bincount(groups)[groups]
    return np.where(sizes > 1, (sums - chances) / np.maximum(1, sizes - 1), -0.3), np.log1p(sizes)


def _best_run(gains: npt.NDArray[np.float64]) -> tuple[int, int, float]:
    """The stretch of lines whose gains have the largest sum, and that sum (Kadane)."""
    best = current = 0.0
    start = best_start = best_end = 0
    for index, gain in enumerate(gains.tolist()):
        if current + gain <= 0:
            current, start = 0.0, index + 1
            continue
        current += gain
        if current > best:
            best, best_start, best_end = current, start, index + 1
    return best_start, best_end, best


def _prose_run(units: Floats, prose: Floats, kinds: Floats, cost: float, more: float) -> tuple[int, int]:
    """The run of lines with the most prose; a short line in between costs `cost`, from the third in a row `more`."""
    best = current = 0.0
    start = best_start = best_end = 0
    idle = 0
    for index, (length, said, kind) in enumerate(zip(units.tolist(), prose.tolist(), kinds.tolist(), strict=True)):
        if said:
            gain, idle = min(said, 400.0), 0
        else:
            idle += 1
            gain = min(length, 40) / 4 - (more if idle > 2 else cost) - (20.0 if kind >= 0 else 0.0)
        if current + gain <= 0:
            current, start, idle = 0.0, index + 1, 0
            continue
        current += gain
        if current > best:
            best, best_start, best_end = current, start, index + 1
    return best_start, best_end


def _headline(
    lines: Sequence[Line], metas: Sequence[Meta | None], words: Sequence[frozenset[str]], shares: Floats, start: int
) -> int | None:
    """The line above the run, or among its first, that shares most words with what follows."""
    best, found = 0.2, None
    for index in range(max(0, start - 40), min(len(lines), start + 2)):
        meta = metas[index]
        if not 18 <= lines[index].units <= 220 or (meta is not None and meta.is_whole and meta.time is not None):
            continue
        if index < start:
            score = max(0.0, float(shares[index])) + 0.004 * (index - start)
        else:
            below = frozenset[str]().union(*words[index + 1 : start + 4])
            score = len(words[index] & below) / max(1, len(words[index]))
        if score > best + 1e-9:
            best, found = score, index
    return found
