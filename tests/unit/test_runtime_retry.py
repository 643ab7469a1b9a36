"""Trying again in place: how long is waited, what is counted, and that a shutdown does not wait."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.errors import DependencyError
from services.runtime.metrics import RETRIES
from services.runtime.retry import Backoff, until_answered


@given(st.integers(1, 10_000))
def test_waits_double_to_the_longest_and_are_cut_by_up_to_half(attempt: int) -> None:
    full = min(10.0, 0.2 * 2 ** min(attempt - 1, 30))
    assert full / 2 <= Backoff(0.2, 10.0).wait_seconds(attempt) <= full


def test_workers_that_lost_the_same_dependency_do_not_come_back_together() -> None:
    waits = [Backoff(1, 10).wait_seconds(4) for _ in range(200)]
    assert max(waits) - min(waits) > 0.25 * max(waits)


def test_each_try_after_the_first_is_counted_by_service_and_stage() -> None:
    tries = 0
    waits: list[int] = []

    async def call() -> str:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise DependencyError("away")
        return "back"

    async def on_wait() -> None:
        waits.append(tries)

    before = RETRIES.labels("cleaner", "send")._value.get()
    answer = asyncio.run(
        until_answered(call, backoff=Backoff(0.001, 0.002), service="cleaner", stage="send", on_wait=on_wait)
    )
    assert answer == ("back", 4)
    assert waits == [1, 2, 3]
    assert RETRIES.labels("cleaner", "send")._value.get() - before == 3


def test_a_shutdown_interrupts_the_wait() -> None:
    async def call() -> None:
        raise DependencyError("away")

    async def stop() -> float:
        # from here on: a wait that holds the loop would hold the shutdown too
        began = time.monotonic()
        task = asyncio.create_task(until_answered(call, backoff=Backoff(60, 60), service="cleaner", stage="process"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    assert asyncio.run(stop()) < 5


def test_what_is_no_dependency_passes_through_at_once() -> None:
    async def call() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        asyncio.run(until_answered(call, backoff=Backoff(60, 60), service="cleaner", stage="process"))
