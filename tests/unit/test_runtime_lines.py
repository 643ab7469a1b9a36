"""Lines of a file of any shape: whole, without their ends, and none longer than it may be."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from services.runtime import lines as runtime_lines
from services.runtime.lines import bounded_lines

MOST = 40


class Trickle(io.RawIOBase):
    """Gives a few bytes at a time, as a pipe does."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step = data, step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = cast("memoryview", buffer)
        piece, self._data = self._data[: min(self._step, len(view))], self._data[min(self._step, len(view)) :]
        view[: len(piece)] = piece
        return len(piece)


def expected(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.rstrip(b"\r") if len(line) <= MOST + 1 else line[: MOST + 1] for line in lines]


@given(
    parts=st.lists(st.binary(max_size=90) | st.sampled_from([b"\n", b"\r\n", b"\r", b"x" * MOST, b"x" * (MOST + 1)])),
    step=st.integers(1, 64),
)
def test_lines_are_those_of_the_whole_file_however_it_is_read(parts: list[bytes], step: int) -> None:
    data = b"".join(parts)
    assert list(bounded_lines(cast("io.BufferedReader", io.BufferedReader(Trickle(data, step))), MOST)) == expected(
        data
    )
    packed = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data)))
    assert list(bounded_lines(cast("io.BufferedReader", packed), MOST)) == expected(data)


def test_a_line_that_no_memory_holds_is_cut_while_it_is_read() -> None:
    size = 64 * runtime_lines.BLOCK_BYTES
    packed = io.BytesIO(gzip.compress(b"x" * size + b"\nshort\n", 1))
    reader = cast("io.BufferedReader", gzip.GzipFile(fileobj=packed))
    tracemalloc.start()
    try:
        assert [len(line) for line in bounded_lines(reader, MOST)] == [MOST + 1, 5]
        assert tracemalloc.get_traced_memory()[1] < 8 * runtime_lines.BLOCK_BYTES
    finally:
        tracemalloc.stop()
