"""Looks at the broker and at Redis: lag, group members, sizes of topics, memory. Keeps nothing between looks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from schemas.topics import ALL_TOPICS
from services.observer import metrics
from services.observer.lag import partition_lags
from services.observer.stages import Place, Stage
from services.runtime import clock
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError
from services.runtime.kafka import Admin, read_records
from services.runtime.settings import RuntimeSettings

# One record of a partition is wanted; a fetch always holds at least the first batch, however large.
_FETCH_BYTES = 1024


def look_at_kafka(settings: RuntimeSettings, stages: Iterable[Stage]) -> None:
    """Set the metrics of topics and groups. Raises DependencyError and ConfigurationError."""
    prefix = settings.topic_prefix
    stages = tuple(stages)
    inputs = {prefix + name for stage in stages for name in stage.inputs}
    with Admin(settings) as admin:
        places = admin.partitions(sorted({prefix + topic.name for topic in ALL_TOPICS} | inputs))
        # beginnings before ends and commits before ends: a lag is never negative, and rather a moment too long
        beginning = admin.beginning_offsets(places)
        committed: dict[str, dict[Place, int | None]] = {}
        for stage in stages:
            own = {place for place in places if place[0] in {prefix + name for name in stage.inputs}}
            committed[stage.service] = admin.committed_offsets(settings.group(stage.service), own)
            metrics.MEMBERS.labels(stage.service).set(admin.group_members(settings.group(stage.service)))
        end = admin.end_offsets(places)
    for topic in {topic for topic, _ in places}:
        own = [place for place in places if place[0] == topic]
        metrics.TOPIC_WRITTEN.labels(topic.removeprefix(prefix)).set(sum(end[place] for place in own))
        metrics.TOPIC_RECORDS.labels(topic.removeprefix(prefix)).set(sum(end[each] - beginning[each] for each in own))
    for stage in stages:
        ends = {place: end[place] for place in committed[stage.service]}
        lags = partition_lags(committed[stage.service], beginning, ends)
        for (topic, number), lag in lags.items():
            metrics.LAG_RECORDS.labels(stage.service, topic.removeprefix(prefix), str(number)).set(lag.records)
        waiting = {place: lag.next_offset for place, lag in lags.items() if lag.records}
        ages = _ages(settings, waiting, end)
        for topic in {place[0] for place in ends}:
            oldest = max((age for place, age in ages.items() if place[0] == topic), default=0.0)
            metrics.LAG_SECONDS.labels(stage.service, topic.removeprefix(prefix)).set(oldest)


def _ages(settings: RuntimeSettings, waiting: dict[Place, int], end: dict[Place, int]) -> dict[Place, float]:
    """Seconds since the first waiting record of each partition was written."""
    now = clock.now()
    ages: dict[Place, float] = {}
    # to the end and not to the next offset: a transaction's marker may stand there, and the loop below stops early
    with contextlib.closing(
        read_records(settings, waiting, until={place: end[place] for place in waiting}, fetch_bytes=_FETCH_BYTES)
    ) as records:
        for record in records:
            place = (record.topic, record.partition)
            if place not in ages:
                ages[place] = max(0.0, (now - record.timestamp).total_seconds())
            if len(ages) == len(waiting):
                break
    return ages


def look_at_redis(settings: RuntimeSettings) -> None:
    """Set the metrics of Redis; `newsloom_redis_up` is 0 when it does not answer, and DependencyError is raised."""

    async def info() -> dict[str, Any]:
        cache = Cache(settings, "observer")
        try:
            return await cache.call("info", "-", lambda client: client.info())
        finally:
            await cache.close()

    try:
        found = asyncio.run(info())
    except DependencyError:
        metrics.REDIS_UP.set(0)
        raise
    metrics.REDIS_UP.set(1)
    metrics.REDIS_USED.set(found["used_memory"])
    metrics.REDIS_LIMIT.set(found["maxmemory"])
    metrics.REDIS_EVICTED.set(found["evicted_keys"])
    metrics.REDIS_CLIENTS.set(found["connected_clients"])
    metrics.REDIS_OPERATIONS.set(found["instantaneous_ops_per_sec"])
    metrics.REDIS_KEYS.set(sum(part.get("keys", 0) for name, part in found.items() if name.startswith("db")))
    metrics.REDIS_PERSISTENT.set(bool(found["aof_enabled"]) and found["aof_last_write_status"] == "ok")
