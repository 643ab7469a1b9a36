"""The exact check: shared shingles of an arriving article and a stored one, on the latter's short hashes."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

from services.duplicates.shingles import Tokens, Words

_HEADER: Final = struct.Struct("<BQQ16sIHq")
_LEAST_BITS: Final = 15
_LEADING_BITS: Final = 32
_CONTINUED: Final = 255
_FULL: Final = bytes((_CONTINUED,))
_HIGH: Final = int(sys.byteorder == "little")
_TRUE: Final = np.ones(1, dtype=np.bool_)

Leading = npt.NDArray[np.uint32]
"""The distinct leading halves of shingle hashes, ascending; sorted four times as fast as the whole ones."""


def leading(sequence: Words) -> Leading:
    """The distinct leading halves of the shingle hashes in `sequence`. Of 40,000 shingles about one is lost by it."""
    halves = sequence.view(np.uint32)[_HIGH::2].copy()
    halves.sort()
    same = halves[1:] == halves[:-1]
    return halves[np.concatenate((_TRUE, ~same))] if np.count_nonzero(same) else halves


def text_digest(tokens: Tokens) -> int:
    """64 bits that stand for the folded text: equal words in equal order, whatever lies between them."""
    return xxhash.xxh3_64_intdigest(tokens.hashes.tobytes())


def outlet_digest(outlet_id: str) -> int:
    """64 bits that stand for an outlet."""
    return xxhash.xxh3_64_intdigest(outlet_id.encode())


def cut_bits(shingle_count: int) -> int:
    """How many leading bits of each shingle hash are kept for a set of `shingle_count`.

    15, and more from 1,024 shingles on, so that a foreign shingle is taken for one of the set at most once in 32
    times, which `check` then reckons with. DESIGN.md has 16: an error of .004 where this one is .006, for a twelfth
    more memory and half the steps that need a second byte.
    """
    return max(_LEAST_BITS, (max(1, shingle_count) - 1).bit_length() + 5)


def pack_hashes(halves: Leading) -> bytes:
    """The hashes with leading `halves`, cut to `cut_bits`, as differences of one byte each (255: add and go on).

    Hashes that the cut made equal stay, as differences of 0.

    About 1.0 bytes a shingle for 500 to 1,000 of them, where two bytes each would be 2.
    """
    if len(halves) == 0:
        return b""
    steps = halves >> np.uint32(_LEADING_BITS - cut_bits(len(halves)))
    steps[1:] -= steps[:-1].copy()
    wide = steps[steps >= _CONTINUED].tolist()
    plain = np.minimum(steps, np.uint32(_CONTINUED)).astype(np.uint8).tobytes()
    if not wide:
        return plain
    # the few steps that one byte cannot hold are put between what others leave; most are one 255 and a rest
    packed = [b""] * (2 * len(wide) + 1)
    packed[0::2] = plain.split(_FULL)
    packed[1::2] = [_WIDE[step] if step < len(_WIDE) else _widened(step) for step in wide]
    return b"".join(packed)


def _widened(step: int) -> bytes:
    times, rest = divmod(step, _CONTINUED)
    return _FULL * times + rest.to_bytes(1, "big")


_WIDE: Final = tuple(_widened(step) for step in range(1024))


def unpack_hashes(packed: bytes) -> npt.NDArray[np.int64]:
    """The cut hashes that `pack_hashes` packed, ascending."""
    steps = np.frombuffer(packed, dtype=np.uint8)
    return np.cumsum(steps, dtype=np.int64)[steps != _CONTINUED]


@dataclass(frozen=True)
class Record:
    """What the check needs of a stored article version, beside its packed hashes.

    `article_key` is 32 hex digits.
    """

    article_key: str
    outlet: int
    digest: int
    shingles: int
    sketch: int
    fetched_ms: int
    packed: bytes

    def to_bytes(self) -> bytes:
        """The record as it lies in the index."""
        header = _HEADER.pack(
            1,
            self.digest,
            self.outlet,
            bytes.fromhex(self.article_key),
            self.shingles,
            min(self.sketch, 0xFFFF),
            self.fetched_ms,
        )
        return header + self.packed

    @classmethod
    def from_bytes(cls, value: bytes) -> Record:
        """The record in `value`."""
        _, digest, outlet, key, shingles, sketch, fetched_ms = _HEADER.unpack_from(value)
        return cls(key.hex(), outlet, digest, shingles, sketch, fetched_ms, value[_HEADER.size :])


@dataclass(frozen=True)
class Overlap:
    """How many distinct shingles two articles have, and share. Estimated ones lie within about .01 (see `check`)."""

    shared: float
    article: int
    match: int

    @property
    def jaccard(self) -> float:
        """Shared shingles over all."""
        union = self.article + self.match - self.shared
        return min(1.0, self.shared / union) if union else 0.0

    @property
    def article_containment(self) -> float:
        """Share of the arriving article's shingles that the match has."""
        return min(1.0, self.shared / self.article) if self.article else 0.0

    @property
    def match_containment(self) -> float:
        """Share of the match's shingles that the arriving article has."""
        return min(1.0, self.shared / self.match) if self.match else 0.0

    @property
    def containment(self) -> float:
        """Share of the smaller one's shingles found in the other."""
        return max(self.article_containment, self.match_containment)


@lru_cache(maxsize=8)
def _table(bits: int) -> npt.NDArray[np.bool_]:
    return np.zeros(1 << bits, dtype=np.bool_)


def estimated_containment(hits: int, shingles: int, sketch: int, record: Record) -> float:
    """Containment as the sketches alone have it: `hits` of what a full overlap would show on average."""
    rate = min(sketch / shingles, record.sketch / record.shingles)
    return hits / (min(shingles, record.shingles) * rate)


def check(halves: Leading, record: Record) -> Overlap:
    """The overlap of the arriving article, whose shingles have the leading `halves`, with a stored `record`.

    Chance hits of the cut hashes are subtracted at their expected number. What is left is off by
    sqrt(n * p * (1 - p)) shingles for n that are not shared, with p at most 1/32: mostly below .006 of n, in both
    directions.
    """
    bits = cut_bits(record.shingles)
    stored = unpack_hashes(record.packed)
    cut = halves >> np.uint32(_LEADING_BITS - bits)
    if bits <= 22:
        table = _table(bits)
        table[stored] = True
        found = int(np.count_nonzero(table[cut]))
        table[stored] = False
    else:
        found = int(np.count_nonzero(stored[np.minimum(np.searchsorted(stored, cut), len(stored) - 1)] == cut))
    chance = len(stored) / (1 << bits)
    shared = (found - len(cut) * chance) / (1 - chance)
    return Overlap(max(0.0, min(shared, len(cut), record.shingles)), len(cut), record.shingles)


def compare(shingles: Words, others: Words) -> Overlap:
    """The exact overlap of two sets of distinct sorted shingles."""
    # searchsorted instead of intersect1d: both are sorted already
    if len(others) == 0 or len(shingles) == 0:
        return Overlap(0, len(shingles), len(others))
    places = np.minimum(np.searchsorted(others, shingles), len(others) - 1)
    return Overlap(int(np.count_nonzero(others[places] == shingles)), len(shingles), len(others))
