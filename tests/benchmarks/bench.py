"""What the benchmarks of engine and suite share: topics of their own, a backlog, workers, and how fast it drains."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
from aiokafka import AIOKafkaProducer

from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES, dead_letters, discards
from services.local.broker import Broker
from services.runtime.kafka import Admin
from services.runtime.settings import RuntimeSettings
from tests.support import eventually

# a topic that was created a moment ago has no leader for another one: aiokafka tries again, and says so each time
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Drained:
    """Workers over a backlog: records a second, and microseconds of their CPU a record, without their start."""

    rate: float
    cpu_us: float
    rss_mb: float
    tenths: tuple[float, ...]
    """Records a second in each tenth of the backlog."""


@dataclass(frozen=True)
class Look:
    """How many records had been written at an instant, and the CPU seconds that the workers had used."""

    at: float
    written: int
    cpu: float


def drained(looks: Sequence[Look], count: int, rss_mb: float, *, skip: float = 0.1) -> Drained:
    """The figures of `looks`, of which the last saw all `count` records; the first `skip` of them are the start."""
    first = next(look for look in looks if look.written >= skip * count)
    last = next(look for look in looks if look.written >= count)
    done = last.written - first.written
    tenths = [_when(looks, count * tenth / 10) for tenth in range(11)]
    return Drained(
        done / (last.at - first.at),
        (last.cpu - first.cpu) / done * 1e6,
        rss_mb,
        tuple(count / 10 / (after - before) for before, after in pairwise(tenths)),
    )


def _when(looks: Sequence[Look], written: float) -> float:
    """The instant at which so many had been written, between the two looks that saw fewer and as many."""
    if written <= 0:
        # the last look that saw none: the start of the workers is not a part of the first tenth
        return max((look.at for look in looks if not look.written), default=looks[0].at)
    for before, after in pairwise(looks):
        if after.written >= written:
            share = (written - before.written) / (after.written - before.written)
            return before.at + share * (after.at - before.at)
    return looks[-1].at


def raw(number: int, size: int) -> bytes:
    """A raw article of `size` bytes, about."""
    words = "the ferry was late again and nobody was told why " * (size // 49 + 1)
    value = {
        "url": f"https://gazette.example/{number}",
        "fetched_at": "2026-03-02T08:00:00Z",
        "text": words[: size - 140],
        "publisher": {"name": "benchmark"},
    }
    return json.dumps(value).encode()


class Bench:
    """Topics of one measurement."""

    def __init__(self, broker: Broker, partitions: int = 4) -> None:
        self.prefix = f"bench-{uuid.uuid4().hex[:6]}-"
        self.settings = RuntimeSettings(kafka_bootstrap=broker.bootstrap, topic_prefix=self.prefix)
        topics = [RAW_ARTICLES, CLEAN_ARTICLES, dead_letters("cleaner"), discards("cleaner")]
        with Admin(self.settings) as admin:
            admin.create_topics(topics, prefix=self.prefix, partitions=partitions)

    def publish(self, values: Iterator[bytes] | Sequence[bytes], *, key: str | None = None) -> None:
        """Write the backlog, through aiokafka: several times as fast as kafka-python. With `key` into one partition."""

        async def send() -> None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self.settings.kafka_bootstrap, max_batch_size=2**20, max_request_size=2**24
            )
            await producer.start()
            try:
                last = None
                for number, value in enumerate(values):
                    last = await producer.send(f"{self.prefix}raw-articles", value, (key or str(number)).encode())
                    if number % 500 == 499:
                        await last
                await producer.flush()
            finally:
                await producer.stop()

        asyncio.run(send())

    @contextmanager
    def worker(self, module: str, **environment: str) -> Iterator[psutil.Process]:
        """A worker process running `module`; killed at the end."""
        env = {
            **os.environ,
            "NEWSLOOM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "NEWSLOOM_TOPIC_PREFIX": self.prefix,
            "NEWSLOOM_LOG_LEVEL": "ERROR",
            **environment,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=REPOSITORY,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()

    def drain(
        self,
        module: str,
        count: int,
        *,
        warm: int = 0,
        values: Sequence[bytes] | Iterator[bytes] = (),
        **environment: str,
    ) -> Drained:
        """Let a worker bring the output topic to `count` records, looking five times a second.

        With `warm`, `values` are published (and their `count` measured) once the worker has written as many before
        them, and while it is stopped: it then has no start left, and a backlog before it.
        """
        with (
            Admin(self.settings) as admin,
            self.worker(module, **environment) as process,
        ):
            parts = admin.partitions([f"{self.prefix}clean-articles"])

            def look() -> Look:
                if process.status() == psutil.STATUS_ZOMBIE:
                    raise AssertionError(f"{module} ended by itself")
                written = sum(admin.end_offsets(parts).values())
                return Look(time.monotonic(), written - warm, cpu_seconds(process))

            if warm:
                eventually(lambda: look().written >= 0, within_seconds=300, every_seconds=0.2)
                process.suspend()
                self.publish(values)
                process.resume()
            looks = [look()]
            while looks[-1].written < count:
                if looks[-1].at - looks[0].at > 600:
                    raise AssertionError(f"{module} wrote {looks[-1].written} of {count} records in ten minutes")
                time.sleep(0.2)
                looks.append(look())
            return drained(looks, count, process.memory_info().rss / 2**20)


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds that the process has used, in user and kernel mode."""
    times = process.cpu_times()
    return times.user + times.system


def machine() -> str:
    """What a figure was measured on, in a line."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load {load:.1f} at the start; Python {sys.version.split()[0]}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted `values` lie."""
    return values[min(len(values) - 1, int(len(values) * share))]
