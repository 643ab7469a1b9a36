"""What carrying costs: `uv run python -m tests.benchmarks.runtime` prints every figure, ratios from one run.

The machine is shared: CPU per record is the process's own CPU time and says more than records per second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from schemas.articles import RawArticle
from schemas.events import read_event
from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES, dead_letters, discards
from services.local.broker import Broker
from services.local.redis_server import RedisServer
from services.runtime.kafka import Admin, Publisher, read_records
from services.runtime.settings import RuntimeSettings
from tests.benchmarks.echo_service import echo
from tests.newsroom import made_articles
from tests.suite import Suite
from tests.support import eventually

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Drained:
    """One worker over a backlog: records a second and microseconds of its CPU a record, without its start."""

    rate: float
    cpu_us: float
    rss_mb: float


def raw(number: int, size: int) -> bytes:
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

    def publish(self, values: Iterator[bytes] | Sequence[bytes]) -> None:
        with Publisher(self.settings) as publisher:
            for number, value in enumerate(values):
                publisher.send(f"{self.prefix}raw-articles", str(number).encode(), value)
            publisher.flush()

    def written(self) -> int:
        with Admin(self.settings) as admin:
            return sum(admin.end_offsets(admin.partitions([f"{self.prefix}clean-articles"])).values())

    @contextmanager
    def worker(self, module: str, **environment: str) -> Iterator[psutil.Process]:
        env = {
            **os.environ,
            "NEWSLOOM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "NEWSLOOM_TOPIC_PREFIX": self.prefix,
            "NEWSLOOM_LOG_LEVEL": "ERROR",
            **environment,
        }
        process = subprocess.Popen([sys.executable, "-m", module], cwd=REPOSITORY, env=env)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()

    def drain(self, module: str, count: int) -> Drained:
        """Let a worker write `count` more records than were there when it had begun."""
        with self.worker(module) as process:
            eventually(lambda: self.written() > count // 10, within_seconds=120, every_seconds=0.05)
            first, began, cpu = self.written(), time.monotonic(), sum(process.cpu_times()[:2])
            eventually(lambda: self.written() >= count, within_seconds=600, every_seconds=0.1)
            seconds, used = time.monotonic() - began, sum(process.cpu_times()[:2]) - cpu
            done = count - first
            return Drained(done / seconds, used / done * 1e6, process.memory_info().rss / 2**20)


def pure_us(size: int, count: int) -> float:
    """Microseconds of CPU that decoding, working and encoding take without Kafka and without the engine."""
    values = [raw(number, size) for number in range(count)]
    began = time.process_time()
    for value in values:
        event, _ = read_event(RawArticle, value)
        echo(event).to_bytes()
    return (time.process_time() - began) / count * 1e6


def carrying(broker: Broker) -> None:
    for size, count in ((5_000, 8_000), (50_000, 1_500)):
        bench = Bench(broker)
        bench.publish(raw(number, size) for number in range(count))
        found, pure = bench.drain("tests.benchmarks.echo_service", count), pure_us(size, min(count, 2000))
        print(
            f"records of {size // 1000:3} KB: {found.cpu_us:6.0f} us of CPU a record in the worker, "
            f"{pure:5.0f} us of it decode, work and encode: Kafka and the engine add {found.cpu_us - pure:4.0f} us "
            f"({found.rate:.0f} records/s, {found.rss_mb:.0f} MB)",
            flush=True,
        )


def against_naive(broker: Broker, count: int = 10_000) -> None:
    results: dict[str, Drained] = {}
    for module in ("tests.benchmarks.naive_agent", "tests.benchmarks.echo_service"):
        bench = Bench(broker)
        bench.publish(raw(number, 4_000) for number in range(count))
        results[module.rsplit(".", 1)[1]] = found = bench.drain(module, count)
        print(
            f"{module.rsplit('.', 1)[1]:14} 4 KB: {found.rate:6.0f} records/s, {found.cpu_us:5.0f} us of CPU a record"
        )
    naive, ours = results["naive_agent"], results["echo_service"]
    print(
        f"ratio: {ours.rate / naive.rate:.2f} times the records a second, {naive.cpu_us / ours.cpu_us:.2f} times less "
        "CPU (and ours decodes, validates, encodes and waits for every acknowledgement)",
        flush=True,
    )


def latency(broker: Broker, redis: RedisServer, count: int = 100) -> None:
    """From `send` of a raw page to a consumer's having the clean article, one page every 0.1 s."""
    bench = Bench(broker)
    articles = list(made_articles(count, seed=3))
    arrived: dict[str, float] = {}
    with Admin(bench.settings) as admin:
        parts = admin.partitions([f"{bench.prefix}clean-articles"])

    def watch() -> None:
        for record in read_records(bench.settings, dict.fromkeys(parts, 0), idle_seconds=30):
            arrived[json.loads(record.value or b"{}")["url"]] = time.monotonic()
            if len(arrived) == count + 1:
                return

    with bench.worker("services.cleaner.service", NEWSLOOM_REDIS_URL=redis.url):
        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        sent: dict[str, float] = {}
        with Publisher(bench.settings) as publisher:
            publisher.send(f"{bench.prefix}raw-articles", b"first", next(made_articles(1, seed=99)).raw())
            publisher.flush()
            eventually(lambda: len(arrived) == 1, within_seconds=60)
            for article in articles:
                publisher.send(f"{bench.prefix}raw-articles", article.url.encode(), article.raw())
                sent[article.url] = time.monotonic()
                publisher.flush()
                time.sleep(0.1)  # the rate of this measurement
        watching.join(timeout=60)
    waits = sorted(arrived[url] - at for url, at in sent.items() if url in arrived)
    print(
        f"raw -> clean at rest: p50 {waits[len(waits) // 2] * 1000:.0f} ms, "
        f"p99 {waits[int(len(waits) * 0.99)] * 1000:.0f} ms ({len(waits)} pages)",
        flush=True,
    )


def whole_suite(broker: Broker, redis: RedisServer, count: int = 600) -> None:
    with tempfile.TemporaryDirectory(prefix="newsloom-bench-") as folder:
        prefix = f"bench-{uuid.uuid4().hex[:6]}-"
        with Suite(broker.bootstrap, redis.url, prefix=prefix, folder=Path(folder)) as suite:
            suite.start()
            suite.wait_until_ready(within_seconds=120)
            articles = list(made_articles(count, seed=5, copied=count // 20))
            processes = {name: psutil.Process(pid) for name, pid in suite.pids.items()}
            before = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
            began = time.monotonic()
            suite.publish(article.raw() for article in articles)
            suite.wait_until_done(within_seconds=600)
            seconds = time.monotonic() - began
            print(f"whole suite: {count / seconds:.0f} articles/s over {count}, broker and Redis on the same machine")
            for name, process in processes.items():
                used = (sum(process.cpu_times()[:2]) - before[name]) / count * 1000
                print(f"  {name:14} {used:6.1f} ms of CPU an article, {process.memory_info().rss / 2**20:.0f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", choices=("carrying", "naive", "latency", "suite"))
    only = parser.parse_args().only
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; Python {sys.version.split()[0]}")
    with Broker() as broker, RedisServer() as redis:
        if only in (None, "carrying"):
            carrying(broker)
        if only in (None, "naive"):
            against_naive(broker)
        if only in (None, "latency"):
            latency(broker, redis)
        if only in (None, "suite"):
            whole_suite(broker, redis)
    return 0


if __name__ == "__main__":
    sys.exit(main())
