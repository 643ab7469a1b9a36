"""Offsets are committed by the member that took the records, or not at all: a real group on the real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aiokafka.errors
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from schemas.topics import RAW_ARTICLES
from services.local.broker import Broker
from services.runtime.kafka import Admin
from services.runtime.settings import RuntimeSettings
from services.runtime.stream import commit_as, membership

_PARTITIONS = 2


@pytest.fixture
def topic(kafka: Broker, topic_prefix: str) -> str:
    settings = RuntimeSettings(kafka_bootstrap=kafka.bootstrap, topic_prefix=topic_prefix)
    with Admin(settings) as admin:
        admin.create_topics([RAW_ARTICLES], prefix=topic_prefix, partitions=_PARTITIONS)
    return f"{topic_prefix}raw-articles"


def _member(kafka: Broker, topic: str) -> AIOKafkaConsumer:
    """A member of the topic's group inside `async with`."""
    return AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=topic,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=200,
    )


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)


async def _committed(consumer: AIOKafkaConsumer, place: tuple[str, int]) -> int | None:
    found: Awaitable[int | None] = consumer.committed(TopicPartition(*place))
    return await found


def test_offsets_of_a_membership_that_has_ended_are_refused_before_they_are_sent(kafka: Broker, topic: str) -> None:
    async def scenario() -> None:
        async with _member(kafka, topic) as first:
            await _until(lambda: len(first.assignment()) == _PARTITIONS)
            before = membership(first)
            await commit_as(first, before, {(topic, number): (1, "begun") for number in range(_PARTITIONS)})
            async with _member(kafka, topic) as second:
                await _until(lambda: len(first.assignment()) == 1 and len(second.assignment()) == 1)
                # a partition that the first has kept: the broker knows it as a member, and takes what it says
                [kept] = [(part.topic, part.partition) for part in first.assignment()]
                await commit_as(first, membership(first), {kept: (5, "")})
                with pytest.raises(aiokafka.errors.CommitFailedError, match="given its partitions out again"):
                    await commit_as(first, before, {kept: (2, "")})
                assert await _committed(first, kept) == 5

    asyncio.run(scenario())


def test_a_commit_that_waits_over_a_rebalance_is_refused_too(kafka: Broker, topic: str) -> None:
    async def scenario() -> None:
        async with _member(kafka, topic) as first:
            await _until(lambda: len(first.assignment()) == _PARTITIONS)
            # another commit is under way, and takes longer than the rebalance
            committing = cast("Any", first)._coordinator._commit_lock
            await committing.acquire()
            waiting = asyncio.create_task(
                commit_as(first, membership(first), {(topic, 0): (2, ""), (topic, 1): (2, "")})
            )
            async with _member(kafka, topic) as second:
                await _until(lambda: len(first.assignment()) == 1 and len(second.assignment()) == 1)
                committing.release()
                with pytest.raises(aiokafka.errors.CommitFailedError):
                    await waiting
                assert [await _committed(first, (topic, number)) for number in range(_PARTITIONS)] == [None, None]

    asyncio.run(scenario())
