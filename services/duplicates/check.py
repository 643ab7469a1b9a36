"""The exact check: shared shingles of an arriving article and a stored one, on the latter's short hashes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

from services.duplicates.shingles import Tokens, Words

_HEADER: Final = struct.Struct("<BBQQ16sIHq")
_LEAST_BITS: Final = 16
_CONTINUED: Final = 255


def text_digest(tokens: Tokens) -> int:
    """64 bits that stand for the folded text: equal words in equal order, whatever lies between them."""
    return xxhash.xxh3_64_intdigest(tokens.hashes.tobytes())


def outlet_digest(outlet_id: str) -> int:
    """64 bits that stand for an outlet."""
    return xxhash.xxh3_64_intdigest(outlet_id.encode())


def cut_bits(shingle_count: int) -> int:
    """How many leading bits of each shingle hash are kept for a set of `shingle_count`.

    16, and more from 1,024 shingles on, so that a foreign shingle is taken for one of the set at most once in 64
    times, which `shared_shingles` then reckons with.
    """
    return max(_LEAST_BITS, (max(1, shingle_count) - 1).bit_length() + 6)


def pack_hashes(shingles: Words) -> bytes:
    """The sorted distinct `shingles`, cut to `cut_bits`, as differences of one byte each (255: add and go on).

    Hashes that the cut made equal stay, as differences of 0.

    About 1.1 bytes a shingle for 500 to 1,000 of them, where two bytes each would be 2.
    """
    if len(shingles) == 0:
        return b""
    cut = (shingles >> np.uint64(64 - cut_bits(len(shingles)))).astype(np.int64)
    steps = np.empty_like(cut)
    steps[0] = cut[0]
    np.subtract(cut[1:], cut[:-1], out=steps[1:])
    lengths = steps // _CONTINUED + 1
    packed = np.full(int(lengths.sum()), _CONTINUED, dtype=np.uint8)
    packed[np.cumsum(lengths) - 1] = steps % _CONTINUED
    return packed.tobytes()


def unpack_hashes(packed: bytes) -> npt.NDArray[np.int64]:
    """The cut hashes that `pack_hashes` packed, ascending."""
    steps = np.frombuffer(packed, dtype=np.uint8)
    return np.cumsum(steps, dtype=np.int64)[steps != _CONTINUED]


@dataclass(frozen=True)
class Record:
    """What the check needs of a stored article version, beside its packed hashes.

    `article_key` is 32 hex digits. `is_counted`: its outlet is one (no aggregator, not unknown).
    """

    article_key: str
    outlet: int
    is_counted: bool
    digest: int
    shingles: int
    sketch: int
    fetched_ms: int
    packed: bytes

    def to_bytes(self) -> bytes:
        """The record as it lies in the index."""
        header = _HEADER.pack(
            1,
            int(self.is_counted),
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
        _, counted, digest, outlet, key, shingles, sketch, fetched_ms = _HEADER.unpack_from(value)
        return cls(key.hex(), outlet, bool(counted), digest, shingles, sketch, fetched_ms, value[_HEADER.size :])


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


def check(shingles: Words, record: Record) -> Overlap:
    """The overlap of the arriving article's distinct sorted `shingles` with a stored `record`.

    Chance hits of the cut hashes are subtracted at their expected number. What is left is off by
    sqrt(n * p * (1 - p)) shingles of n, with p at most 1/64: below .01 of n from 200 shingles on, in both directions.
    """
    bits = cut_bits(record.shingles)
    stored = unpack_hashes(record.packed)
    cut = (shingles >> np.uint64(64 - bits)).astype(np.int64)
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
