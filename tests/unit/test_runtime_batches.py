"""Batches of records as aiokafka reads them, bounded."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from typing import Any

import cramjam
import pytest
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from services.runtime import batches

CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
TEXTS = (b"", b"a page", os.urandom(5000), b"many words " * 300_000)


@pytest.fixture(autouse=True)
def installed() -> None:
    batches.install()


def batch(name: str, values: list[bytes]) -> bytes:
    """A record batch of Kafka with `values` from offset 0 on."""
    builder: Any = DefaultRecordBatchBuilder(2, CODECS[name], 0, -1, -1, -1, 1 << 30)
    for number, value in enumerate(values):
        builder.append(number, 1_700_000_000_000 + number, b"key", value, [])
    return bytes(builder.build())


def records(data: bytes) -> list[Any]:
    read: Any = fetcher.MemoryRecords(data)  # pyright: ignore[reportPrivateImportUsage]
    assert read.has_next()
    return list(read.next_batch())


@pytest.mark.parametrize("name", CODECS)
def test_what_is_within_bounds_is_read_as_it_was_written(name: str) -> None:
    found = records(batch(name, list(TEXTS)))
    assert [bytes(record.value) for record in found] == list(TEXTS)
    assert [record.offset for record in found] == [0, 1, 2, 3]
    assert {bytes(record.key) for record in found} == {b"key"}


@pytest.mark.parametrize("name", CODECS)
def test_a_batch_that_grows_beyond_its_bounds_gives_empty_records_that_say_why(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = batch(name, [b"first", b"0" * 3_000_000, b"last"])
    monkeypatch.setattr(batches, "MOST_BYTES", 2_999_999)
    found = records(data)
    assert [record.offset for record in found] == [0, 1, 2]
    assert [record.timestamp for record in found] == [1_700_000_000_002] * 3
    assert [record.value for record in found] == [b""] * 3
    for why in (record.value.why for record in found):
        assert why.reason == "too_large"
        assert "the offsets 0 to 2" in why.message
    monkeypatch.setattr(batches, "MOST_BYTES", 3_000_100)
    assert [len(record.value) for record in records(data)] == [5, 3_000_000, 4]


@pytest.mark.parametrize("name", CODECS)
def test_a_batch_that_cannot_be_decompressed_gives_empty_records_too(name: str) -> None:
    data = bytearray(batch(name, [b"some text " * 100, b"other text " * 100]))
    # past the header of the batch
    data[61:] = b"\x00\xff" * ((len(data) - 61) // 2) + b"\x00" * ((len(data) - 61) % 2)
    found = records(bytes(data))
    assert [record.offset for record in found] == [0, 1]
    assert {record.value.why.reason for record in found} == {"decode_error"}


def xerial(data: bytes) -> bytes:
    """Snappy as Java's library writes it: a header, then blocks, each with its length."""
    return codec.snappy_encode(data, xerial_compatible=True)


@pytest.mark.parametrize(
    ("encode", "decode"),
    [
        (gzip.compress, batches.gunzip),
        (lambda data: gzip.compress(data[:10]) + gzip.compress(data[10:]), batches.gunzip),
        (lambda data: bytes(cramjam.snappy.compress_raw(data)), batches.unsnappy),
        (xerial, batches.unsnappy),
    ],
    ids=["gzip", "two gzip members", "snappy", "snappy in blocks"],
)
@pytest.mark.parametrize("data", TEXTS[1:], ids=["short", "random", "long"])
def test_streams_of_several_parts_are_read_whole(
    encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes], data: bytes
) -> None:
    assert decode(encode(data)) == data


def test_the_parts_of_a_stream_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"0" * 100_000
    monkeypatch.setattr(batches, "MOST_BYTES", 150_000)
    for twice, decode in ((gzip.compress(data) * 2, batches.gunzip), (xerial(data * 2), batches.unsnappy)):
        with pytest.raises(batches.BatchTooLargeError):
            decode(twice)


@pytest.mark.parametrize("rest", [b"\x00\x00", struct.pack("!i", 50), struct.pack("!i", -5) + b"\xff\xff\xff\xff"])
def test_a_snappy_stream_that_ends_early_is_refused(rest: bytes) -> None:
    with pytest.raises((struct.error, cramjam.DecompressionError)):
        batches.unsnappy(xerial(b"")[:16] + rest)
