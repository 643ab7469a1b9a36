"""Free memory handed back to the machine; the one place that speaks to the C library's allocator."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Final, cast

# of malloc.h
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_LARGEST_ON_THE_HEAP: Final = 32 << 20
"""The most that glibc takes for it."""


@lru_cache(maxsize=2)
def _of_glibc(name: str) -> Callable[..., int] | None:
    """glibc's function `name`, or None where there is another C library."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return cast("Callable[..., int]", getattr(ctypes.CDLL(None), name))
    except (OSError, AttributeError):
        return None


def give_back() -> bool:
    """Whether free memory went back to the machine. Some milliseconds; call it every few hundred pages.

    A page's tree leaves holes of all sizes. glibc hands back only what is free at the heap's end, so that resident
    memory creeps up although nothing is held: 1.5 MB in 1,000 pages without this
    (`python -m tests.benchmarks.cleaner`).
    """
    trim = _of_glibc("malloc_trim")
    return trim is not None and trim(0) == 1


def keep(most_bytes: int) -> bool:
    """Whether the C library keeps so much free memory for what comes next, until `give_back`.

    By itself glibc hands a batch's pages, some megabytes, back to the machine after each batch, and has the kernel zero
    others for the next batch: .2 ms a page.
    """
    mallopt = _of_glibc("mallopt")
    return (
        mallopt is not None
        and mallopt(_MMAP_THRESHOLD, _LARGEST_ON_THE_HEAP) == 1
        and mallopt(_TRIM_THRESHOLD, most_bytes) == 1
    )
