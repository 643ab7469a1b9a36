"""What the block model looks at: numbers about each line of a flattened page, its elements and its neighbours.

Language-free but for punctuation and letter case. The order of the columns is part of the model's format: the model
file carries a hash of their names, and one with other columns is refused.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.cleaner.html_blocks import GROUP_NAMES, LEAVES, TAG_NAMES, Blocks

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

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


def _bits(values: list[int], count: int) -> Floats:
    column = np.asarray(values, dtype=np.int64)[:, None]
    return ((column >> np.arange(count, dtype=np.int64)) & 1).astype(np.float32)


def _shifted(column: Floats, shift: int) -> Floats:
    out = np.full_like(column, -1.0)
    if shift > 0:
        out[:-shift] = column[shift:]
    else:
        out[-shift:] = column[:shift]
    return out


def features(blocks: Blocks) -> Floats:
    """A row for each line (at most MAX_LINES), a column for each of NAMES; the same on every machine.

    Empty for a page without lines.
    """
    count = min(len(blocks.texts), MAX_LINES)
    if count == 0:
        return np.zeros((0, len(NAMES)), dtype=np.float32)
    texts = [text if len(text) <= _LINE_CHARS else text[:_LINE_CHARS] for text in blocks.texts[:count]]
    chars = np.array([len(text) for text in blocks.texts[:count]], dtype=np.float32)
    cut = np.array([len(text) for text in texts], dtype=np.int64)
    points = np.frombuffer("".join(texts).encode("utf-32-le", "replace"), dtype=np.uint32)
    classes = _TABLE[np.minimum(points, 0xFFFF)]
    lines = np.repeat(np.arange(count, dtype=np.int64), cut)
    counts = (
        np.bincount(lines * _CLASSES + classes, minlength=count * _CLASSES).reshape(count, _CLASSES).astype(np.float32)
    )
    length = np.maximum(cut, 1).astype(np.float32)
    ends_at = np.cumsum(cut) - 1
    words = counts[:, _SPACE] + 1 + counts[:, _DENSE] / 2
    raw = np.maximum(np.array(blocks.raw_chars[:count], dtype=np.float32), 1)
    linked = np.minimum(np.array(blocks.link_chars[:count], dtype=np.float32), raw)
    link_share = linked / raw
    letters = np.maximum(counts[:, _LOWER] + counts[:, _UPPER] + counts[:, _DENSE], 1)
    log_chars = np.log1p(chars)
    ends = np.minimum(counts[:, _END], 8)
    last = classes[ends_at]
    first = classes[ends_at - cut + 1]

    seen: dict[str, int] = {}
    copy = np.zeros(count, dtype=np.float32)
    for number, text in enumerate(texts):
        before = seen.get(text, 0)
        seen[text] = before + 1
        if before:
            copy[number] = 1
    copies = np.array([seen[text] for text in texts], dtype=np.float32)

    leaves = np.array(blocks.leaves[:count], dtype=np.int64)
    # text that is long, not linked and has sentences: what containers are weighed by
    good = np.where((chars >= 40) & (link_share < 0.4) & (copy == 0), chars * (1 - link_share), 0).astype(np.float32)
    good *= np.where((counts[:, _END] + counts[:, _COMMA]) > 0, 1.0, 0.3)
    total = max(float(good.sum()), 1.0)
    number = np.arange(count, dtype=np.float32)

    tags = np.array(blocks.tags[:count], dtype=np.int64)
    h1 = np.flatnonzero(tags & _H1)
    first_h1 = int(h1[0]) if len(h1) else 0

    def of_group(ids: list[int]) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_], float, Ints]:
        """By the element lines share: its share of good text, its lines, its links, whether it is best."""
        index = np.array(ids[:count], dtype=np.int64)
        size = int(index.max()) + 1
        weight = np.bincount(index, good, size)
        much = np.bincount(index, minlength=size)
        links = np.bincount(index, linked, size) / np.maximum(np.bincount(index, raw, size), 1)
        best = int(weight.argmax())
        return (
            (weight[index] / total).astype(np.float32),
            np.log1p(much[index]).astype(np.float32),
            links[index].astype(np.float32),
            index == best,
            float(weight[best] / total),
            index,
        )

    parent_share, parent_lines, parent_links, in_best, best_share, parents = of_group(blocks.parents)
    grand_share, grand_lines, grand_links, in_best_grand, best_grand_share, _ = of_group(blocks.grandparents)
    kind_share, kind_lines, kind_links, best_kind, _, kinds = of_group(blocks.kinds)
    kind_mean = kind_share * total / np.expm1(kind_lines)
    # a weight of 0 for all elements can make the best one an element without lines
    within = np.flatnonzero(in_best) if in_best.any() else np.zeros(1, dtype=np.int64)
    first_best, last_best = int(within[0]), int(within[-1])

    sums = np.concatenate(([0.0], np.cumsum(good)))

    def window(reach: int) -> Floats:
        low, high = np.maximum(np.arange(count) - reach, 0), np.minimum(np.arange(count) + reach + 1, count)
        return np.log1p((sums[high] - sums[low]) / (high - low)).astype(np.float32)

    before = np.zeros((4, count), dtype=np.float32)
    if count > 1:
        same_parent, same_kind = parents[1:] == parents[:-1], kinds[1:] == kinds[:-1]
        before[0, 1:], before[1, :-1] = same_parent, same_parent
        before[2, 1:], before[3, :-1] = same_kind, same_kind
        breaks = np.concatenate(([0], np.flatnonzero(~same_parent) + 1, [count]))
    else:
        breaks = np.array([0, count])
    runs = np.diff(breaks)
    run = np.repeat(np.log1p(runs), runs).astype(np.float32)

    log_good = np.log1p(good)
    paragraph = ((leaves == _P) | (leaves == _BR)).astype(np.float32)
    share_ends = ends / 8
    columns: list[Any] = [
        log_chars, np.log1p(words), link_share, np.log1p(linked), np.minimum(counts[:, _COMMA], 12), ends,
        (last == _END).astype(np.float32) + 0.5 * (last == _QUOTE), counts[:, _DIGIT] / length,
        counts[:, _UPPER] / letters,
        (first == _UPPER).astype(np.float32) + 0.5 * (first == _QUOTE), np.minimum(counts[:, _QUOTE], 8),
        counts[:, _MARK] / length, counts[:, _DENSE] / length, letters / np.maximum(words, 1), words / (ends + 1),
        np.minimum(copies, 6), copy, np.minimum(np.array(blocks.depths[:count], dtype=np.float32), 40), log_good,
        number / count, (np.cumsum(chars) / max(float(chars.sum()), 1)).astype(np.float32),
        np.full(count, np.log1p(count)), np.full(count, np.log1p(total)), np.clip(number - first_h1, -50, 200),
        np.full(count, float(len(h1) > 0)),
        parent_share, parent_lines, parent_links, grand_share, grand_lines, grand_links,
        kind_share, kind_lines, kind_links, np.log1p(kind_mean),
        in_best, in_best_grand, best_kind, np.clip(number - first_best, -60, 60), np.clip(number - last_best, -60, 60),
        np.full(count, best_share), np.full(count, best_grand_share),
        window(2), window(5), window(10), (sums[:-1] / total), 1 - sums[1:] / total, *before, run,
    ]  # fmt: skip
    neighbours = [column.astype(np.float32) for column in (log_chars, link_share, share_ends, paragraph, log_good)]
    for shift in _SHIFTS:
        if count > abs(shift):
            columns += [_shifted(column, shift) for column in neighbours]
        else:
            columns += [np.full(count, -1.0, dtype=np.float32)] * len(_NEIGHBOUR)
    table = np.empty((count, len(NAMES)), dtype=np.float32)
    for place, column in enumerate(columns):
        table[:, place] = column
    place = len(columns)
    table[:, place : place + len(LEAVES)] = leaves[:, None] == np.arange(len(LEAVES))
    place += len(LEAVES)
    for values, width in (
        (blocks.tags, len(TAG_NAMES)),
        (blocks.groups, len(GROUP_NAMES)),
        (blocks.near, len(GROUP_NAMES)),
    ):
        table[:, place : place + width] = _bits(values[:count], width)
        place += width
    return table
