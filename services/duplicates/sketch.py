"""What is kept of an article's shingles: a sample to find it by, and short hashes to compare it on."""

from __future__ import annotations

from typing import Final

import numpy as np

from services.duplicates.check import Leading

# DESIGN.md has 16. At 24 all pairs of the development articles are found as well, and postings and Redis's work are a
# third less; what is missed is a half of 300 words in an article ten times as long, once in 70 (fewer than 2 hashes).
RATE: Final = 24
FLOOR: Final = 24
_BOUND: Final = np.uint32((1 << 32) // RATE)


def sketch(halves: Leading, *, rate: int = RATE, floor: int = FLOOR) -> Leading:
    """Those of the `halves` below 2**32 / rate, and at least the `floor` smallest, in ascending order.

    Two sketches of one rate estimate Jaccard and containment of the sets they came from. Equal sets give equal
    sketches on every machine and in every release; stored sketches rely on it. Raises ValueError for an empty set.
    Irber et al., "Lightweight compositional analysis of metagenomes with FracMinHash", 2022.
    """
    if len(halves) == 0:
        raise ValueError("an empty set has no sketch")
    below = int(halves.searchsorted(_BOUND if rate == RATE else np.uint32((1 << 32) // rate)))
    return halves[: max(below, min(floor, len(halves)))]
