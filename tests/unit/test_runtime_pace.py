"""How large batches become, when the event loop turns, and where keys are sent."""

from __future__ import annotations

import asyncio
import random

import pytest
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.pace import Pace
from services.runtime.pausing import until_it_waits
from services.runtime.stream import murmur2


def batches(pace: Pace, record_seconds: float, fixed_seconds: float = 0.0, count: int = 20) -> int:
    for _ in range(count):
        pace.note(pace.records, fixed_seconds + pace.records * record_seconds)
    return pace.records


def test_a_batch_of_cheap_records_grows_to_the_most() -> None:
    assert batches(Pace(most=1024), 0.000_05) == 1024


def test_a_batch_of_dear_records_shrinks_to_a_tenth_of_a_second() -> None:
    assert batches(Pace(most=1024), 0.05) == 2
    assert batches(Pace(most=1024), 3.0) == 1


def test_a_batch_grows_again_after_a_dependency_was_away() -> None:
    pace = Pace(most=1024)
    batches(pace, 0.001)
    before = pace.records
    for _ in range(10):
        pace.note(pace.records, 20)
    assert pace.records == 1
    assert batches(pace, 0.001) == before == 100


def test_single_records_at_rest_do_not_shrink_the_next_batch() -> None:
    pace = Pace(most=1024)
    for _ in range(100):
        pace.note(1, 0.02)
    assert pace.records == 32


@given(st.binary(max_size=200))
def test_keys_are_hashed_as_kafkas_clients_hash_them(key: bytes) -> None:
    assert murmur2(key) == murmur2_of_aiokafka(key)


def test_work_that_never_waits_is_not_guarded() -> None:
    async def work() -> int:
        return 7

    async def guard(rest: object) -> int:
        raise AssertionError("guarded")

    assert asyncio.run(until_it_waits(work(), guard)) == 7


def test_work_that_waits_goes_on_under_its_guard_with_what_it_waited_for() -> None:
    guarded: list[bool] = []

    async def work() -> list[int]:
        numbers: list[int] = []
        for number in range(5):
            await asyncio.sleep(0.001 * random.random())
            numbers.append(number)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.get_running_loop().create_future(), 0.001)
        return numbers

    async def guard(rest: object) -> list[int]:
        guarded.append(True)
        async with asyncio.timeout(5):
            return await rest  # type: ignore[misc]

    assert asyncio.run(until_it_waits(work(), guard)) == [0, 1, 2, 3, 4]
    assert guarded == [True]


def test_a_guard_that_ends_the_wait_lets_the_work_clean_up() -> None:
    cleaned: list[str] = []

    async def work() -> str:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")
        return "never"

    async def guard(rest: object) -> str:
        async with asyncio.timeout(0.01):
            return await rest  # type: ignore[misc]

    with pytest.raises(TimeoutError):
        asyncio.run(until_it_waits(work(), guard))
    assert cleaned == ["up"]


def test_an_error_that_is_waited_for_reaches_the_work() -> None:
    async def work() -> str:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.001, future.set_exception, KeyError("gone"))
        try:
            await future
        except KeyError:
            return "caught"
        return "missed"

    async def guard(rest: object) -> str:
        return await rest  # type: ignore[misc]

    assert asyncio.run(until_it_waits(work(), guard)) == "caught"
