"""What a day of so many articles takes, computed from measured figures: `uv run deploy/sizing.py` writes it down.

The figures are those of deploy/measured.json, which `uv run python -m tests.benchmarks.suite --only load --write`
measures. A test fails when the table is stale.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from schemas.topics import ALL_TOPICS
from services.cleaner.service import CleanerSettings
from services.duplicates.service import DuplicatesSettings
from services.entities.service import EntitiesSettings

RUNBOOK = Path(__file__).resolve().parent / "README.md"
MEASURED = Path(__file__).resolve().parent / "measured.json"

LOADS = (10_000, 100_000, 1_000_000, 5_000_000)
"""Articles a day that the table has rows for."""

PEAK = 3.0
"""The busiest quarter of an hour over the mean of the day."""
BUSY = 0.7
"""Most of a worker's CPU that is used at the peak; the rest is for catching up and for worker deaths."""
REPLICAS = 3
"""Copies of each record that Kafka keeps."""
ROOM = 1.3
"""Memory and disk over what is used: fragmentation, a snapshot being written, segments not yet deleted."""

_GIB = 2**30
_DAY = 86_400


@dataclass(frozen=True)
class Measured:
    """The figures of one run of the whole suite; `cpu_ms` and the bytes are those of one article."""

    page_bytes: int
    cores: int
    articles_per_second: float
    cpu_ms: Mapping[str, float]
    memory_mb: Mapping[str, float]
    redis_bytes: Mapping[str, float]
    topic_bytes: Mapping[str, float]

    def text(self) -> str:
        """As it lies in the file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path = MEASURED) -> Measured:
        """The figures in `path`."""
        return cls(**json.loads(path.read_text()))


@dataclass(frozen=True)
class Sizing:
    """What `articles` a day take."""

    articles: int
    peak: float
    workers: Mapping[str, int]
    redis_gib: float
    disk_gib: float
    broker_cpus: float
    written_mb: float
    """Megabytes a second written to Kafka at the peak, before replication."""


def sizing(articles: int, measured: Measured) -> Sizing:
    """What `articles` a day take: workers at the peak, Redis and disks at the end of what each keeps."""
    peak = PEAK * articles / _DAY
    workers = {
        service: max(1, math.ceil(peak * measured.cpu_ms[service] / 1000 / BUSY))
        for service in ("cleaner", "entities", "duplicates")
    }
    redis = sum(measured.redis_bytes.get(service, 0) * min(articles * days, most) for service, days, most in _kept())
    disk = sum(
        measured.topic_bytes.get(topic.name, 0) * articles * topic.retention_ms / 1000 / _DAY
        for topic in ALL_TOPICS
        if topic.cleanup != "compact"
    )
    written = sum(measured.topic_bytes.values()) * peak / 1e6
    return Sizing(
        articles=articles,
        peak=peak,
        workers=workers,
        redis_gib=redis * ROOM / _GIB,
        disk_gib=disk * REPLICAS * ROOM / _GIB,
        broker_cpus=peak * measured.cpu_ms["kafka"] / 1000 * REPLICAS / BUSY,
        written_mb=written,
    )


def _kept() -> list[tuple[str, float, float]]:
    """How many days of articles each service keeps in Redis, and at most how many articles."""
    cleaner, entities, duplicates = CleanerSettings(), EntitiesSettings(), DuplicatesSettings()
    return [
        ("cleaner", cleaner.memo_ttl_seconds / _DAY if cleaner.discard_unchanged else 0, math.inf),
        # paragraphs share a fixed number of slots; an article has ten
        ("entities", entities.paragraph_ttl_seconds / _DAY, entities.paragraph_slots / 10),
        ("duplicates", (duplicates.window_hours + duplicates.grace_hours) / 24, math.inf),
    ]


def table(measured: Measured) -> str:
    """The runbook's table, and what it was computed with."""
    lines = [
        "| Articles a day | at the peak | cleaner | entities | duplicates | Redis | Kafka |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for articles in LOADS:
        need = sizing(articles, measured)
        workers = " | ".join(_workers(need.workers[name]) for name in ("cleaner", "entities", "duplicates"))
        lines.append(
            f"| {articles:,} | {_short(need.peak)}/s | {workers} | {_gib(need.redis_gib)} | {_gib(need.disk_gib)} of "
            f"disk, {_short(need.written_mb)} MB/s, {_short(need.broker_cpus)} CPU |"
        )
    limits = ", ".join(f"{name} {_limit(measured.memory_mb[name])}" for name in ("cleaner", "entities", "duplicates"))
    cpu = ", ".join(f"{name} {measured.cpu_ms[name]:.1f}" for name in measured.cpu_ms)
    partitions = ", ".join(sorted({str(topic.partitions) for topic in ALL_TOPICS if topic.name in _INPUTS}))
    return "\n".join(
        [
            *lines,
            "",
            f"Workers of 1 CPU each; memory: {limits}. More than {partitions} of a service want more partitions first "
            "([Scaling](#scaling)). Computed by `uv run deploy/sizing.py` from one run of the whole suite (`uv run "
            f"python -m tests.benchmarks.suite --only load --write`; pages of {measured.page_bytes // 1000} KB, "
            f"{measured.articles_per_second:.0f} articles/s on {measured.cores} shared cores; ms of CPU an article: "
            f"{cpu}): the peak is {PEAK:g} times the day's mean, workers and brokers use {BUSY:.0%} of their CPUs "
            f"then, Kafka keeps {REPLICAS} copies as long as each topic says, Redis keeps what the settings' defaults "
            f"say, both with {ROOM - 1:.0%} of room. Other CPUs and other pages want a run of their own.",
        ]
    )


_INPUTS = frozenset({"raw-articles", "clean-articles"})


def _workers(number: int) -> str:
    return f"{number} × 1 CPU"


def _limit(used_mb: float) -> str:
    """Half as much again, in steps of 256 MiB."""
    return f"{math.ceil(used_mb * 1.5 / 256) * 256} MiB"


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _gib(value: float) -> str:
    if value >= 2048:
        return f"{value / 1024:.1f} TiB"
    return f"{math.ceil(value)} GiB"


def rendered(text: str, measured: Measured) -> str:
    """`text` with the table between its markers made anew."""
    pattern = re.compile("(<!-- sizing: .*? -->\n).*?(<!-- end sizing -->)", re.DOTALL)
    made: Any = table(measured)
    text, count = pattern.subn(lambda match: f"{match[1]}\n{made}\n\n{match[2]}", text)
    if count != 1:
        raise SystemExit("deploy/README.md: no place for the sizing table")
    return text


if __name__ == "__main__":
    RUNBOOK.write_text(rendered(RUNBOOK.read_text(), Measured.read()))
    print(table(Measured.read()))
    sys.exit(0)
