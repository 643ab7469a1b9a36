"""What the block model looks at: numbers about each line of a flattened page, its elements and its neighbours.

Language-free but for punctuation and letter case. The order of the columns is part of the model's format: the model
file carries a hash of their names, and one with other columns is refused.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.cleaner.html_blocks import (
    DEPTH,
    GRANDPARENT,
    GROUP_NAMES,
    GROUPS,
    KIND,
    LEAF,
    LEAVES,
    LINK_CHARS,
    NEAR,
    PARENT,
    RAW_CHARS,
    TAG_NAMES,
    TAGS,
    Blocks,
    Ints,
)

Floats = npt.NDArray[np.float32]

MAX_LINES: Final = 20_000
"""Lines past this one are not looked at: no article begins there, and features take 2 KB a line."""
_LINE_CHARS: Final = 1500

_OTHER, _SPACE, _LOWER, _UPPER, _DIGIT, _COMMA, _END, _QUOTE, _MARK, _DENSE = range(10)
_CLASSES: Final = 10


def _class_table() -> npt.NDArray[np.int64]:
    table = np.zeros(0x10000, dtype=np.int64)
    for number in range(0x3000):
        char = chr(number)
        if char.isspace():
            table[number] = _SPACE
        elif char.isupper():
            table[number] = _UPPER
        elif char.isalpha():
            table[number] = _LOWER
        elif char.isdigit():
            table[number] = _DIGIT
    table[0x3041:0xD7A4] = _DENSE
    for chars, kind in (
        (",;،、，；", _COMMA),
        (".!?…。！？؟।", _END),
        ("\"'«»“”„‘’「」『』", _QUOTE),
        ("|©®•·›»‹/:#@+→▶►✕×_[]()", _MARK),
    ):
        for char in chars:
            table[ord(char)] = kind
    return table


_TABLE: Final = _class_table()
_P: Final = LEAVES.index("p")
_BR: Final = LEAVES.index("br")
_HEADINGS: Final = sum(1 << TAG_NAMES.index(name) for name in ("h1", "h2", "h3", "h4", "h5", "h6"))
_H1: Final = 1 << TAG_NAMES.index("h1")

_NEIGHBOUR: Final = ("log_chars", "link_share", "ends", "is_paragraph", "good")
_SHIFTS: Final = (-3, -2, -1, 1, 2, 3)
NAMES: Final[tuple[str, ...]] = (
    "log_chars", "log_words", "link_share", "log_linked", "commas", "ends", "last_is_end", "digits", "upper",
    "first_is_upper", "quotes", "marks", "dense", "word_length", "sentence_length", "copies", "is_copy", "depth",
    "good",
    "position", "char_position", "lines", "log_page", "from_h1", "has_h1",
    "parent_share", "parent_lines", "parent_link_share", "grand_share", "grand_lines", "grand_link_share",
    "kind_share", "kind_lines", "kind_link_share", "kind_mean",
    "in_best_parent", "in_best_grand", "of_best_kind", "to_best_first", "to_best_last", "best_share",
    "best_grand_share",
    "window_2", "window_5", "window_10", "before_share", "after_share", "same_parent_before", "same_parent_after",
    "same_kind_before", "same_kind_after", "run_of_parent",
    *(f"{name}@{shift:+d}" for shift in _SHIFTS for name in _NEIGHBOUR),
    *(f"leaf_{name}" for name in LEAVES),
    *(f"in_{name}" for name in TAG_NAMES),
    *(f"group_{name}" for name in GROUP_NAMES),
    *(f"near_{name}" for name in GROUP_NAMES),
)  # fmt: skip


def _bits(values: Ints, count: int) -> npt.NDArray[np.uint8]:
    """A row for each of the lowest `count` bits."""
    octets = values.astype("<i8").view(np.uint8).reshape(len(values), 8)
    return np.unpackbits(octets, axis=1, count=count, bitorder="little").T


def features(blocks: Blocks) -> Floats:
    """A row for each line (at most MAX_LINES), a column for each of NAMES; the same on every machine.

    Empty for a page without lines.
    """
    count = min(len(blocks.texts), MAX_LINES)
    if count == 0:
        return np.zeros((0, len(NAMES)), dtype=np.float32)
    columns = blocks.columns[:, :count]
    texts = blocks.texts[:count]
    size = np.fromiter(map(len, texts), dtype=np.int64, count=count)
    if int(size.max()) > _LINE_CHARS:
        texts = [text[:_LINE_CHARS] for text in texts]
    cut = np.minimum(size, _LINE_CHARS)
    # every line is followed by a space, which is taken off again
    points = np.frombuffer((" ".join(texts) + " ").encode("utf-32-le", "replace"), dtype=np.uint32)
    classes = _TABLE.take(points, mode="clip")
    ends_at = np.cumsum(cut + 1) - 1
    lines = np.repeat(np.arange(0, count * _CLASSES, _CLASSES), cut + 1)
    lines += classes
    counts = np.bincount(lines, minlength=count * _CLASSES).reshape(count, _CLASSES).T.astype(np.float32)
    counts[_SPACE] -= 1
    chars, length = size.astype(np.float32), np.maximum(cut, 1).astype(np.float32)
    words = counts[_SPACE] + 1 + counts[_DENSE] / 2
    raw = np.maximum(columns[RAW_CHARS], 1).astype(np.float32)
    linked = np.minimum(columns[LINK_CHARS], raw).astype(np.float32)
    link_share = linked / raw
    letters = np.maximum(counts[_LOWER] + counts[_UPPER] + counts[_DENSE], 1)
    log_chars = np.log1p(chars)
    ends = np.minimum(counts[_END], 8)
    last = classes[ends_at - 1]
    first = classes[ends_at - cut]

    places: dict[str, int] = {}
    firsts = np.fromiter((places.setdefault(text, place) for place, text in enumerate(texts)), np.int64, count)
    number = np.arange(count, dtype=np.float32)
    copy = (firsts != np.arange(count)).astype(np.float32)
    copies = np.bincount(firsts, minlength=count)[firsts]

    leaves = columns[LEAF]
    # text that is long, not linked and has sentences: what containers are weighed by
    good = np.where((chars >= 40) & (link_share < 0.4) & (copy == 0), chars * (1 - link_share), 0).astype(np.float32)
    good *= np.where((counts[_END] + counts[_COMMA]) > 0, np.float32(1.0), np.float32(0.3))
    total = max(float(good.sum()), 1.0)

    h1 = np.flatnonzero(columns[TAGS] & _H1)
    first_h1 = int(h1[0]) if len(h1) else 0

    def of_group(index: Ints) -> tuple[Any, Any, Any, npt.NDArray[np.bool_], float]:
        """By the element lines share: its share of good text, its lines, its links, whether it is best."""
        weight = np.bincount(index, good)
        much = np.bincount(index)
        links = np.bincount(index, linked) / np.maximum(np.bincount(index, raw), 1)
        best = int(weight.argmax())
        return (
            (weight / total)[index],
            np.log1p(much)[index],
            links[index],
            index == best,
            float(weight[best] / total),
        )

    parents, kinds = columns[PARENT], columns[KIND]
    parent_share, parent_lines, parent_links, in_best, best_share = of_group(parents)
    grand_share, grand_lines, grand_links, in_best_grand, best_grand_share = of_group(columns[GRANDPARENT])
    kind_share, kind_lines, kind_links, best_kind, _ = of_group(kinds)
    kind_mean = kind_share * total / np.expm1(kind_lines)
    # a weight of 0 for all elements can make the best one an element without lines
    within = np.flatnonzero(in_best) if in_best.any() else np.zeros(1, dtype=np.int64)
    first_best, last_best = int(within[0]), int(within[-1])

    sums = np.concatenate(([0.0], np.cumsum(good)))
    places_at = np.arange(count)

    def window(reach: int) -> npt.NDArray[np.float64]:
        low, high = np.maximum(places_at - reach, 0), np.minimum(places_at + reach + 1, count)
        return np.log1p((sums[high] - sums[low]) / (high - low))

    same_parent, same_kind = parents[1:] == parents[:-1], kinds[1:] == kinds[:-1]
    breaks = np.concatenate(([0], np.flatnonzero(~same_parent) + 1, [count]))
    runs = np.diff(breaks)

    log_good = np.log1p(good)
    out = np.empty((len(NAMES), count), dtype=np.float32)
    # in the order of NAMES
    rows: tuple[Any, ...] = (
        log_chars, np.log1p(words), link_share, np.log1p(linked), np.minimum(counts[_COMMA], 12), ends,
        (last == _END) + 0.5 * (last == _QUOTE), counts[_DIGIT] / length, counts[_UPPER] / letters,
        (first == _UPPER) + 0.5 * (first == _QUOTE), np.minimum(counts[_QUOTE], 8),
        counts[_MARK] / length, counts[_DENSE] / length, letters / np.maximum(words, 1), words / (ends + 1),
        np.minimum(copies, 6), copy, np.minimum(columns[DEPTH], 40), log_good,
        number / count, np.cumsum(chars) / max(float(chars.sum()), 1), np.log1p(count), np.log1p(total),
        np.clip(number - first_h1, -50, 200), float(len(h1) > 0),
        parent_share, parent_lines, parent_links, grand_share, grand_lines, grand_links,
        kind_share, kind_lines, kind_links, np.log1p(kind_mean),
        in_best, in_best_grand, best_kind, np.clip(number - first_best, -60, 60), np.clip(number - last_best, -60, 60),
        best_share, best_grand_share,
        window(2), window(5), window(10), sums[:-1] / total, 1 - sums[1:] / total,
    )  # fmt: skip
    for place, row in enumerate(rows):
        out[place] = row
    place = len(rows)
    out[place : place + 4] = 0
    out[place, 1:], out[place + 1, :-1] = same_parent, same_parent
    out[place + 2, 1:], out[place + 3, :-1] = same_kind, same_kind
    out[place + 4] = np.repeat(np.log1p(runs), runs)
    place += 5
    neighbours = np.stack([log_chars, link_share, ends / 8, (leaves == _P) | (leaves == _BR), log_good])
    for shift in _SHIFTS:
        block = out[place : place + len(_NEIGHBOUR)]
        block.fill(-1.0)
        if shift > 0:
            block[:, :-shift] = neighbours[:, shift:]
        else:
            block[:, -shift:] = neighbours[:, :shift]
        place += len(_NEIGHBOUR)
    out[place : place + len(LEAVES)] = leaves == np.arange(len(LEAVES))[:, None]
    place += len(LEAVES)
    for column, width in ((TAGS, len(TAG_NAMES)), (GROUPS, len(GROUP_NAMES)), (NEAR, len(GROUP_NAMES))):
        out[place : place + width] = _bits(columns[column], width)
        place += width
    return out.T
