"""What is kept of an article's shingles: a sample to find it by, and short hashes to compare it on."""

from __future__ import annotations

from typing import Final

import numpy as np

from services.duplicates.shingles import Words

# DESIGN.md has 16. At 24 all pairs of the development articles are found as well, and postings and Redis's work are a
# third less; what is missed is a half of 300 words in an article ten times as long, once in 70 (fewer than 2 hashes).
RATE: Final = 24
FLOOR: Final = 24


def sketch(shingles: Words, *, rate: int = RATE, floor: int = FLOOR) -> Words:
    """The hashes of `shingles` below 2**64 / rate, and at least the `floor` smallest, in ascending order.

    `shingles` are distinct and sorted. Two sketches of one rate estimate Jaccard and containment of the sets they
    came from. Equal sets give equal sketches on every machine and in every release; stored sketches rely on it.
    Raises ValueError for an empty set.
    Irber et al., "Lightweight compositional analysis of metagenomes with FracMinHash", 2022.
    """
    if len(shingles) == 0:
        raise ValueError("an empty set has no sketch")
    below = int(np.searchsorted(shingles, np.uint64((1 << 64) // rate)))
    return shingles[: max(below, min(floor, len(shingles)))]


def sketch_of(sequence: Words, *, rate: int = RATE, floor: int = FLOOR) -> Words:
    """`sketch` of the distinct hashes in `sequence`, which need not be sorted: only few of them are."""
    count = len(sequence)
    if count == 0:
        return sequence
    found = _below(sequence, (1 << 64) // rate)
    # a short one has too few: half as many again as the floor lie below this, mostly
    part = 1.5 * floor / count
    while len(found) < floor and part < 1:
        found = _below(sequence, int(part * (1 << 64)))[:floor]
        part *= 2
    return found if len(found) >= floor else sketch(np.unique(sequence), rate=rate, floor=floor)


def _below(sequence: Words, limit: int) -> Words:
    small = sequence[sequence < np.uint64(limit)]
    small.sort()
    if len(small) > 1:
        fresh = small[1:] != small[:-1]
        if not fresh.all():
            return small[np.concatenate((_TRUE, fresh))]
    return small


_TRUE: Final = np.ones(1, dtype=np.bool_)
