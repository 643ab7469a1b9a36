"""Free memory goes back to the machine: after `give_back`, and by itself while pages are read."""

from __future__ import annotations

import platform
import subprocess
import sys
from textwrap import dedent

import pytest

# 160 MB in pieces that the allocator keeps in its heap, all freed but the last: the heap's end is in use, so that
# nothing goes back by itself. A process of its own, because other tests' memory is not ours to measure
HOLES = dedent(
    """
    import ctypes
    import psutil

    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    library.memset.restype = ctypes.c_void_p

    def megabytes():
        return psutil.Process().memory_info().rss / 1e6

    def make_holes():
        pieces = [library.malloc(100_000) for _ in range(1_600)]
        for piece in pieces:
            library.memset(piece, 1, 100_000)
        for piece in pieces[:-1]:
            library.free(piece)
    """
)


def printed(code: str) -> list[float]:
    """The numbers that a Python process of its own prints."""
    run = subprocess.run(
        [sys.executable, "-c", HOLES + dedent(code)], capture_output=True, text=True, check=True, timeout=120
    )
    return [float(number) for number in run.stdout.split()]


pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")


def test_what_was_freed_amid_the_heap_goes_back_to_the_machine() -> None:
    before, held, after = printed(
        """
        from services.cleaner.memory import give_back
        before = megabytes()
        make_holes()
        held = megabytes()
        give_back()
        print(before, held, megabytes())
        """
    )
    assert held > before + 120
    assert after < before + 30


def test_reading_pages_gives_memory_back_and_forgets_what_was_remembered_of_them() -> None:
    before, held, after, remembered = printed(
        """
        from datetime import UTC, datetime
        from services.cleaner import html_blocks
        from services.cleaner.html_pages import read_html_page
        from services.cleaner.outlets import default_registry

        def read(number):
            html = f"<div class='n{number}'><p>Bridge {number} opens.</p></div>"
            read_html_page(html, url=None, fetched_at=datetime(2026, 3, 2, tzinfo=UTC), registry=default_registry())

        for number in range(10):
            read(number)
        before = megabytes()
        make_holes()
        held = megabytes()
        for number in range(500):
            read(number)
        print(before, held, megabytes(), len(html_blocks._memo))
        """
    )
    assert held > before + 120
    assert after < before + 40
    assert remembered < 100
