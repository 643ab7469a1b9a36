"""Free memory handed back to the machine; the one place that speaks to the C library's allocator."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import cast


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], int] | None:
    """glibc's malloc_trim, or None where there is another C library."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return cast("Callable[[int], int]", ctypes.CDLL(None).malloc_trim)
    except (OSError, AttributeError):
        return None


def give_back() -> bool:
    """Whether free memory went back to the machine. Some milliseconds; call it every few hundred pages.

    A page's tree leaves holes of all sizes. glibc hands back only what is free at the heap's end, so that resident
    memory creeps up although nothing is held: 1.5 MB in 1,000 pages without this
    (`python -m tests.benchmarks.cleaner`).
    """
    trim = _trim()
    return trim is not None and trim(0) == 1
