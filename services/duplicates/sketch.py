"""What is kept of an article's shingles: a sample to find it by, and short hashes to compare it on."""

from __future__ import annotations

from typing import Final

import numpy as np

from services.duplicates.shingles import Words

# DESIGN.md has 16. At 20 all pairs of the development articles are found as well, and postings and Redis's work are a
# fifth less; a pair with containment .5 of 300 words is missed once in 2,000 (fewer than 2 of 15 hashes).
RATE: Final = 20
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
