"""Text to what the network reads: words with exact offsets, their word pieces, and the shapes lower-casing hides.

The words are cut here, not by the tokenizer, so that every span is made of offsets into the text as it was given;
the tokenizer only turns each word into pieces. Training and serving share this module: what one sees, the other saw.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from tokenizers import Tokenizer

LABELS: Final = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
SHAPES: Final = 10
CONTEXTS: Final = 4
MAX_PIECES_PER_WORD: Final = 24  # a word of 5,000 ideographs is one word to the pattern and 5,000 pieces


def _marks() -> str:
    """Combining marks as a character class: patterns have no name for them, and `\\w` leaves them out."""
    ranges: list[str] = []
    start = previous = -2
    for code in range(sys.maxunicode + 1 if sys.maxunicode < 0x1FFFF else 0x11FFF):
        if unicodedata.category(chr(code))[0] == "M":
            if code != previous + 1:
                if start >= 0:
                    ranges.append(f"\\U{start:08x}-\\U{previous:08x}")
                start = code
            previous = code
    ranges.append(f"\\U{start:08x}-\\U{previous:08x}")
    return "".join(ranges)


_WORD: Final = re.compile(rf"(?:[^\W_]|[{_marks()}])+|[^\s]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a single other character: `text[start:end]`."""

    start: int
    end: int
    text: str


def words(text: str, start: int = 0, end: int | None = None) -> list[Word]:
    """The words of `text[start:end]` in order, with offsets into `text`; every character that is no space is in one."""
    stop = len(text) if end is None else end
    return [Word(m.start(), m.end(), m.group()) for m in _WORD.finditer(text, start, stop)]


def shape(word: str) -> int:
    """How `word` is written, 0 to `SHAPES` - 1: the capitals that an uncased vocabulary does not see."""
    first = word[0]
    if word.isalpha():
        if word.islower():
            return 1
        if len(word) == 1:
            return 4 if word.isupper() else 8
        if word.isupper():
            return 3
        if first.isupper() and word[1:].islower():
            return 2
        return 5 if any(char.isupper() for char in word) else 8  # 8: scripts without case
    if word.isdigit():
        return 6
    if any(char.isdigit() for char in word):
        return 7
    if first.isalpha():  # letters with combining marks
        return 2 if first.isupper() else 8
    return 9 if len(word) == 1 and unicodedata.category(first)[0] == "P" else 0


def case_context(shapes: Sequence[int], lengths: Sequence[int]) -> int:
    """How far capitals can be trusted here: 0 running text, 1 title case, 2 all capitals, 3 no capitals at all.

    Short words are left out: title case keeps "of" and "the" small.
    """
    lower = title = caps = 0
    for kind, length in zip(shapes, lengths, strict=True):
        if length >= 4:
            lower += kind == 1
            title += kind in (2, 5)
            caps += kind == 3
    total = lower + title + caps
    if total < 2:
        return 0
    if caps >= 0.8 * total:
        return 2
    if (lower == 0 and total >= 3) or (lower <= 0.15 * total and total >= 4):
        return 1
    return 3 if title + caps == 0 and total >= 4 and sum(kind == 4 for kind in shapes) == 0 else 0


@dataclass(frozen=True, slots=True)
class Encoded:
    """Word pieces of some words: ids and features per piece, and where each word's first piece is.

    `firsts[i]` is the index of word i's first piece in `ids`, or -1 for a word without pieces (control characters).
    """

    ids: tuple[int, ...]
    features: tuple[int, ...]
    firsts: tuple[int, ...]


class Encoder:
    """Words to pieces by one tokenizer; the special pieces [CLS] and [SEP] stand around every window."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.cls = cast("int", tokenizer.token_to_id("[CLS]"))
        self.sep = cast("int", tokenizer.token_to_id("[SEP]"))
        self._known: dict[str, tuple[int, ...]] = {}

    @classmethod
    def from_file(cls, path: str) -> Encoder:
        """The encoder of the tokenizer stored at `path` (the JSON of the `tokenizers` library)."""
        return cls(Tokenizer.from_file(path))

    def pieces(self, word: str) -> tuple[int, ...]:
        """The ids of one word's pieces, at most `MAX_PIECES_PER_WORD`."""
        known = self._known.get(word)
        if known is None:
            # a lone surrogate has no UTF-8 form, which the tokenizer works in
            readable = word.encode(errors="replace").decode()
            encoding = self._tokenizer.encode(readable, add_special_tokens=False)
            known = tuple(encoding.ids[:MAX_PIECES_PER_WORD])
            if len(self._known) >= 50_000:  # news repeats its words: 50,000 cover over 99 % and take about 8 MB
                self._known.clear()
            self._known[word] = known
        return known

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The pieces of `texts` between [CLS] and [SEP]."""
        shapes = [shape(text) for text in texts]
        context = case_context(shapes, [len(text) for text in texts])
        ids, features, firsts = [self.cls], [0], list[int]()
        for text, kind in zip(texts, shapes, strict=True):
            found = self.pieces(text)
            firsts.append(len(ids) if found else -1)
            ids.extend(found)
            features.extend([kind + SHAPES * context] * len(found))
        ids.append(self.sep)
        features.append(0)
        return Encoded(tuple(ids), tuple(features), tuple(firsts))
