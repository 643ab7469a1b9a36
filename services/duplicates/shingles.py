"""Folded text as words, and words as hashed shingles; everything that duplicates are counted on starts here.

No Python runs per word or shingle: characters become numbers once, and words and shingles are hashed as arrays.
"""

from __future__ import annotations

import unicodedata
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
"""One 64-bit hash per word, in the order of the text."""

Places = npt.NDArray[np.int64]

WORDS_PER_SHINGLE: Final = 5
CHARACTERS_PER_SHINGLE: Final = 8
"""In languages written without spaces, where a character is a token: eight are four or five words."""

# apostrophes of all kinds are dropped, so that "don’t", "don't" and "dont" are one word
_APOSTROPHES: Final = "'’‘ʼ＇`´"
_TABLE_SIZE: Final = 0x20000

_SEPARATOR: Final = 0
_WORD: Final = 1
_ALONE: Final = 2  # a token of its own: Han, kana, Thai and the like
_DROPPED: Final = 3

_UNSPACED: Final = (
    (0x0E00, 0x0E7F),  # Thai
    (0x0E80, 0x0EFF),  # Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
)


@lru_cache(maxsize=1)
def _classes() -> npt.NDArray[np.uint8]:
    """What each character of the first two planes is; ideographs beyond them are tokens of their own."""
    table = np.zeros(_TABLE_SIZE, dtype=np.uint8)
    for code in range(_TABLE_SIZE):
        char = chr(code)
        # marks belong to the word they stand in: without them every Hindi or Arabic word falls apart
        if char.isalnum() or char == "_" or unicodedata.category(char) in ("Mn", "Mc"):
            table[code] = _WORD
    for first, last in _UNSPACED:
        for code in range(first, last + 1):
            if table[code]:
                table[code] = _ALONE
    for char in _APOSTROPHES:
        table[ord(char)] = _DROPPED
    return table


_ASCII_WORDS: Final = bytes(chr(code).isalnum() or chr(code) == "_" for code in range(256))
_ASCII_KEPT: Final = bytes(chr(code) not in "'`" for code in range(256))


# made once: to make one takes a third of the time of an operation on a thousand words
_SHIFT: Final = np.uint64(33)
_FIRST: Final = np.uint64(0xFF51AFD7ED558CCD)
_SECOND: Final = np.uint64(0xC4CEB9FE1A85EC53)


def _mix(values: Words) -> Words:
    """`values` with every bit depending on every other (the finaliser of MurmurHash3, Appleby, public domain).

    Works in place.
    """
    values ^= values >> _SHIFT
    values *= _FIRST
    values ^= values >> _SHIFT
    values *= _SECOND
    values ^= values >> _SHIFT
    return values


_POWER: Final = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_INVERSE: Final = pow(_POWER, -1, 1 << 64)
# of words in a run; another one than that of characters in a word, or letters could change places between words
_WORD_POWER: Final = 0xD6E8FEB86659FD93
_STEP: Final = np.uint64(_WORD_POWER)
_STEPS: Final = np.uint64(pow(_WORD_POWER, 2, 1 << 64))


class _Powers:
    """The powers of `_POWER` and of its inverse, as far as the longest text so far needed them."""

    def __init__(self) -> None:
        self.up: Words = np.ones(0, dtype=np.uint64)
        self.down: Words = np.ones(0, dtype=np.uint64)

    def reach(self, count: int) -> None:
        if len(self.up) >= count:
            return
        size = max(16384, 1 << (count - 1).bit_length())
        steps = np.full(size, _POWER, dtype=np.uint64)
        steps[0] = 1
        self.up = np.multiply.accumulate(steps)
        steps = np.full(size, _INVERSE, dtype=np.uint64)
        steps[0] = 1
        self.down = np.multiply.accumulate(steps)


_powers = _Powers()


# most news text is ASCII but for these; NFKC makes separators or apostrophes of them too, at thirty times the cost
_TYPOGRAPHY: Final = (
    ("’", "'"),
    ("‘", "'"),
    ("“", '"'),
    ("”", '"'),
    ("—", "-"),
    ("–", "-"),
    ("\u00a0", " "),
    ("…", " "),
)


def fold(text: str) -> str:
    """`text` in NFKC and lower case: the form in which words are compared. Plain typography keeps its length."""
    if not text.isascii():
        for mark, plain in _TYPOGRAPHY:
            text = text.replace(mark, plain)
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
    return text.lower()


class Tokens:
    """The words of one text.

    `hashes[i]` stands for the i-th word; `starts[i]:ends[i]` is where it lies in the folded text; `is_unspaced` says
    that most of them are single characters of a script without spaces.
    """

    def __init__(
        self, hashes: Words, starts: Places, ends: Places, *, is_unspaced: bool, kept: npt.NDArray[np.bool_] | None
    ) -> None:
        self.hashes = hashes
        self.is_unspaced = is_unspaced
        self._starts = starts
        self._ends = ends
        # which characters of the folded text the places count; only evidence asks for them, one article in fifty
        self._kept = kept

    def __len__(self) -> int:
        return len(self.hashes)

    @cached_property
    def _positions(self) -> Places | None:
        return np.flatnonzero(self._kept) if self._kept is not None else None

    @property
    def starts(self) -> Places:
        """Where each word begins in the folded text."""
        return self._starts if self._positions is None else self._positions[self._starts]

    @property
    def ends(self) -> Places:
        """Where each word ends."""
        return self._ends if self._positions is None else self._positions[self._ends - 1] + 1

    @property
    def per_shingle(self) -> int:
        """How many tokens a shingle of this text has."""
        return CHARACTERS_PER_SHINGLE if self.is_unspaced else WORDS_PER_SHINGLE


def tokenize(folded: str) -> Tokens:
    """The words of `folded`, which `fold` made: runs of letters, digits and marks, apostrophes dropped.

    A character of a script without spaces is a word of its own. Hashes are the same on every machine and in every
    release: stored sketches rely on it. A word's hash is a polynomial over its characters modulo 2**64, taken from
    prefix sums (Karp and Rabin, 1987); its low bits say little, so that it is good for equality only.
    """
    kept: npt.NDArray[np.bool_] | None = None
    if folded.isascii():
        encoded = folded.encode("ascii")
        if b"'" in encoded or b"`" in encoded:
            kept = np.frombuffer(encoded.translate(_ASCII_KEPT), dtype=np.bool_)
            encoded = encoded.translate(None, delete=b"'`")
        characters: npt.NDArray[np.uint8] | npt.NDArray[np.uint32] = np.frombuffer(encoded, dtype=np.uint8)
        in_word = np.frombuffer(b"\0" + encoded.translate(_ASCII_WORDS) + b"\0", dtype=np.bool_)
        single = None
    else:
        characters = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        if characters.max() < _TABLE_SIZE:
            classes = _classes()[characters]
        else:
            classes = _classes()[np.minimum(characters, np.uint32(_TABLE_SIZE - 1))]
            classes[characters >= _TABLE_SIZE] = _ALONE
        if (dropped := classes == _DROPPED).any():
            kept = ~dropped
            classes = classes[kept]
            characters = characters[kept]
        in_word = np.zeros(len(classes) + 2, dtype=np.bool_)
        np.equal(classes, _WORD, out=in_word[1:-1])
        single = np.flatnonzero(classes == _ALONE)
    count = len(characters)
    edges = (in_word[1:] != in_word[:-1]).nonzero()[0]
    starts, ends = edges[0::2], edges[1::2]
    is_unspaced = False
    if single is not None and len(single):
        starts = np.concatenate((starts, single))
        order = np.argsort(starts, kind="stable")
        ends = np.concatenate((ends, single + 1))[order]
        starts = starts[order]
        is_unspaced = 2 * len(single) > len(starts)
    if len(starts) == 0:
        return Tokens(np.zeros(0, dtype=np.uint64), starts, ends, is_unspaced=False, kept=None)
    _powers.reach(count + 1)
    prefix = np.empty(count + 1, dtype=np.uint64)
    prefix[0] = 0
    np.add.accumulate(characters * _powers.up[:count], out=prefix[1:])
    hashes = prefix[ends]
    hashes -= prefix[starts]
    hashes *= _powers.down[starts]
    return Tokens(hashes, starts, ends, is_unspaced=is_unspaced, kept=kept)


def shingle(tokens: Tokens) -> Words:
    """The distinct hashes of all runs of `tokens.per_shingle` words, sorted; empty for fewer words than that.

    Broder, "On the resemblance and containment of documents", 1997.
    """
    hashes = shingle_sequence(tokens)
    hashes.sort()
    if len(hashes) < 2:
        return hashes
    return hashes[np.concatenate((_TRUE, hashes[1:] != hashes[:-1]))]


_TRUE: Final = np.ones(1, dtype=np.bool_)


def shingle_sequence(tokens: Tokens) -> Words:
    """The hash of the run of words that begins at each word, in the order of the text."""
    size = tokens.per_shingle
    count = len(tokens) - size + 1
    if count < 1:
        return np.zeros(0, dtype=np.uint64)
    words = tokens.hashes
    # Horner's rule over the run's words; the multiplier keeps their order apart. Pairs, then pairs of pairs: two
    # operations fewer on a run of five
    pairs = words[:-1] * _STEP
    pairs += words[1:]
    combined = pairs[:count].copy()
    for offset in range(2, size - 1, 2):
        combined *= _STEPS
        combined += pairs[offset : offset + count]
    if size % 2:
        combined *= _STEP
        combined += words[size - 1 :]
    return _mix(combined)
