"""What a compressed batch of records may grow to. Kafka's clients decompress a batch whole, whatever comes out of it.

A batch of a megabyte may hold gigabytes: no limit of the broker's looks at what is inside, and a worker that runs out
of memory over it runs out of memory again after every restart. Here a batch that is larger than `MOST_BYTES` inside, or
that cannot be decompressed at all, gives records without their bytes, one for each of its offsets: each becomes a dead
letter, and the partition moves on.
"""

# aiokafka's types end at its private parts.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import aiokafka.consumer.fetcher as fetcher
import aiokafka.errors
import cramjam
from aiokafka.record import _crecords, default_records

from services.runtime.service import Unreadable

MOST_BYTES: Final = 128 * 1024 * 1024
"""Several times the largest value of any topic: a batch of the producers' default sizes never comes near."""

_USUAL_BYTES: Final = 1024 * 1024
_BUFFER_IS_FULL: Final = "failed to write whole buffer"


class BatchTooLargeError(Exception):
    """More than `MOST_BYTES` come out of a batch."""


class Withheld(bytes):
    """Stands for the value of a record whose bytes could not be had; `why` says why. It is empty."""

    why: Unreadable


def gunzip(data: Any) -> bytes:
    """The members of a gzip stream, one after the other. Raises BatchTooLargeError, zlib.error or EOFError."""
    parts: list[bytes] = []
    room, left = MOST_BYTES, bytes(data)
    while left:
        member = zlib.decompressobj(wbits=31)
        parts.append(member.decompress(left, room + 1))
        room -= len(parts[-1])
        if room < 0:
            raise BatchTooLargeError
        if not member.eof:
            raise EOFError("the gzip stream ends before its end marker")
        left = member.unused_data
    return b"".join(parts)


def unsnappy(data: Any) -> bytes:
    """Plain snappy, or the blocks of Java's snappy streams. Raises BatchTooLargeError or cramjam.DecompressionError."""
    payload = bytes(data)
    if not payload.startswith(b"\x82SNAPPY\x00"):
        return _unsnappy_block(payload, MOST_BYTES)
    parts: list[bytes] = []
    room, at = MOST_BYTES, 16
    while at < len(payload):
        [size] = struct.unpack_from("!I", payload, at)
        parts.append(_unsnappy_block(payload[at + 4 : at + 4 + size], room))
        room -= len(parts[-1])
        at += 4 + size
    return b"".join(parts)


def _unsnappy_block(block: bytes, room: int) -> bytes:
    # its first bytes say how long it is, and decompressing stops there
    if cramjam.snappy.decompress_raw_len(block) > room:
        raise BatchTooLargeError
    return bytes(cramjam.snappy.decompress_raw(block))


def _into(decompress: Callable[[bytes, Any], int]) -> Callable[[Any], bytes]:
    """A decompressor that writes into a buffer of a given size. One thread uses it at a time."""
    usual = bytearray(_USUAL_BYTES)

    def bounded(data: Any) -> bytes:
        payload = bytes(data)
        try:
            return bytes(memoryview(usual)[: decompress(payload, usual)])
        except cramjam.DecompressionError as error:
            if _BUFFER_IS_FULL not in str(error):
                raise
        # only what is written to is ever memory
        with mmap.mmap(-1, MOST_BYTES) as largest:
            try:
                return largest[: decompress(payload, largest)]
            except cramjam.DecompressionError as error:
                if _BUFFER_IS_FULL in str(error):
                    raise BatchTooLargeError from error
                raise

    return bounded


class _Empty(NamedTuple):
    """As aiokafka's record of a batch, as far as its consumer looks at one."""

    offset: int
    timestamp: int
    timestamp_type: int
    value: Withheld
    key: None = None
    checksum: None = None
    headers: tuple[()] = ()


class _Batch:
    """A batch as aiokafka has it, whose records are always had, if not always with their bytes."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        batch = self._batch
        following = batch.base_offset
        try:
            for record in batch:
                yield record
                following = record.offset + 1
            return
        except BatchTooLargeError:
            why = Unreadable(
                "too_large",
                f"the batch of the offsets {batch.base_offset} to {batch.next_offset - 1} holds more than {MOST_BYTES} "
                "bytes once decompressed; publish its records singly",
            )
        except (cramjam.DecompressionError, zlib.error, struct.error, EOFError) as error:
            why = Unreadable("decode_error", f"its batch cannot be decompressed: {error}; publish the record again")
        except (aiokafka.errors.CorruptRecordException, ValueError) as error:
            why = Unreadable("decode_error", f"its batch cannot be read: {error}; publish the record again")
        value = Withheld()
        value.why = why
        for offset in range(following, batch.next_offset):
            yield _Empty(offset, batch.max_timestamp, batch.timestamp_type, value)


class _Batches:
    """As aiokafka's MemoryRecords."""

    def __init__(self, data: bytes) -> None:
        self._records: Any = _crecords.MemoryRecords(data)

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> _Batch:
        return _Batch(self._records.next_batch())

    def size_in_bytes(self) -> int:
        return int(self._records.size_in_bytes())


def install() -> None:
    """Make every consumer of aiokafka in this process read batches as above."""
    decoders = {
        "gzip_decode": gunzip,
        "snappy_decode": unsnappy,
        "lz4_decode": _into(cramjam.lz4.decompress_into),
        "zstd_decode": _into(cramjam.zstd.decompress_into),
    }
    for module in (default_records, _crecords.default_records):
        for name, decode in decoders.items():
            assert hasattr(module, name), f"aiokafka has no {name} any more: see {__name__}"
            setattr(module, name, decode)
    fetcher.MemoryRecords = _Batches  # pyright: ignore[reportAttributeAccessIssue]
