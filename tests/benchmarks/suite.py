"""What the whole suite does on this machine: `uv run python -m tests.benchmarks.suite` prints every figure.

Broker and Redis run on the same cores. `--only load`: articles a second sustained, from raw record to last event at
half and at full load, CPU and memory of each process; `--write` keeps the figures in deploy/measured.json, from which
`deploy/sizing.py` computes what a day of so many articles takes. `--only workers`: what a second worker costs.
`--share 0.1` measures with a tenth of the articles.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from html import escape
from pathlib import Path
from typing import Any, cast

import kafka.admin
import psutil
import redis

from deploy.sizing import MEASURED, Measured
from schemas.topics import ALL_TOPICS, SERVICES
from services.local.broker import Broker
from services.local.redis_server import RedisServer
from services.runtime.kafka import Publisher
from services.runtime.service import Record
from tests.benchmarks.bench import cpu_seconds, machine, percentile
from tests.newsroom import MadeArticle, made_articles
from tests.suite import Suite
from tests.support import eventually

PAGE_BYTES = 50_000
PARTITIONS = 4
# the first 32 records of each partition run singly
WARM = 40 * PARTITIONS


def page(article: MadeArticle, size: int = PAGE_BYTES) -> bytes:
    """The article as a publisher writes it, its page as heavy as pages are: scripts, styles, menus, other headlines."""
    rng = random.Random(article.number)
    html = article.html()
    links = "".join(
        f'<li class="teaser"><a href="/news/{rng.randrange(10**9)}"><img src="/i/{rng.randrange(10**9)}.jpg" alt="">'
        f"<span>{escape(other.headline)}</span></a></li>"
        for other in made_articles(60, seed=article.number, copied=0, sentences=0)
    )
    aside = f'<aside class="related"><h2>More news</h2><ul>{links}</ul></aside>'
    html = html.replace("</article>", f"</article>{aside}")
    room = max(0, size - len(html) - 300)
    state = json.dumps({f"k{place}": rng.randrange(10**12) for place in range(room // 2 // 24)})
    rules = "".join(
        f".c{place}{{margin:{rng.randrange(99)}px;color:#{rng.randrange(10**6):06d}}}"
        for place in range(room // 2 // 30)
    )
    html = html.replace("</head>", f"<style>{rules}</style><script>window.__STATE__={state}</script></head>")
    value = json.loads(article.raw())
    return json.dumps({**value, "html": html}).encode()


class Running:
    """The suite with a broker and a Redis of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.broker = stack.enter_context(Broker())
        self.redis = stack.enter_context(RedisServer(append_only=True))
        self.folder = folder

    @contextmanager
    def suite(self, **environment: str) -> Iterator[Suite]:
        """Topics and an empty Redis of its own."""
        self.client.flushall()
        prefix = f"bench-{uuid.uuid4().hex[:6]}-"
        folder = self.folder / prefix
        folder.mkdir()
        with Suite(
            self.broker.bootstrap,
            self.redis.url,
            prefix=prefix,
            folder=folder,
            partitions=PARTITIONS,
            environment={"NEWSLOOM_LOG_LEVEL": "ERROR", **environment},
        ) as suite:
            yield suite

    @property
    def client(self) -> Any:
        return redis.Redis.from_url(self.redis.url)

    def processes(self, suite: Suite) -> dict[str, psutil.Process]:
        found = {name.removesuffix("-0"): psutil.Process(pid) for name, pid in suite.pids.items()}
        for name, server in (("kafka", self.broker), ("redis", self.redis)):
            assert server.pid is not None
            found[name] = psutil.Process(server.pid)
        return found


def stamp_on_arrival(suite: Suite, topics: Sequence[str]) -> None:
    """From now on records of `topics` carry the instant at which the broker took them."""
    admin: Any = kafka.admin.KafkaAdminClient(bootstrap_servers=suite.settings.kafka_bootstrap)
    try:
        resource: Any = kafka.admin.ConfigResource
        kind: Any = kafka.admin.ConfigResourceType.TOPIC
        admin.alter_configs(
            [resource(kind, suite.prefix + topic, {"message.timestamp.type": "LogAppendTime"}) for topic in topics]
        )
    finally:
        admin.close()


def source(record: Record) -> tuple[str, int, int]:
    headers = dict(record.headers)
    topic = headers["newsloom.source.topic"].decode()
    return topic, int(headers["newsloom.source.partition"]), int(headers["newsloom.source.offset"])


def waits(suite: Suite, numbers: set[str]) -> list[float]:
    """Seconds from each raw record of `numbers` (keys) to the last event it led to, sorted."""
    raw = {(record.topic, record.partition, record.offset): record for record in suite.records("raw-articles")}
    clean: dict[tuple[str, int, int], Record] = {}
    for record in suite.records("clean-articles"):
        clean[record.topic, record.partition, record.offset] = raw[source(record)]
    last: dict[str, float] = {}
    for topic in ("article-entities", "duplicate-alerts", "article-revisions", "duplicates-discards"):
        for record in suite.records(topic):
            first = clean[source(record)]
            key = (first.key or b"").decode()
            last[key] = max(last.get(key, 0.0), (record.timestamp - first.timestamp).total_seconds())
    missing = numbers - set(last)
    if missing:
        raise AssertionError(f"{len(missing)} articles led to nothing, such as {sorted(missing)[:3]}")
    return sorted(last[key] for key in numbers)


def paced(suite: Suite, values: Sequence[bytes], rate: float, first: int) -> set[str]:
    """Publish `values` at `rate` a second, each at its time whatever became of those before; their keys."""
    keys: set[str] = set()
    with Publisher(suite.settings) as publisher:
        began = time.monotonic()
        for place, value in enumerate(values):
            time.sleep(max(0.0, began + place / rate - time.monotonic()))
            key = str(first + place)
            publisher.send(f"{suite.prefix}raw-articles", key.encode(), value)
            keys.add(key)
        publisher.flush()
    return keys


def load(running: Running, share: float, *, write: bool) -> None:
    count = int(600 * share)
    articles = [page(article) for article in made_articles(WARM + 3 * count, seed=5, copied=count // 20)]
    average = sum(len(value) for value in articles) // len(articles)
    with running.suite() as suite:
        suite.start()
        suite.wait_until_ready(within_seconds=180)
        stamp_on_arrival(suite, ("article-entities", "duplicate-alerts", "article-revisions", "duplicates-discards"))
        paced(suite, articles[:WARM], 1e6, 0)
        suite.wait_until_done(within_seconds=300)
        processes = running.processes(suite)
        used = {name: cpu_seconds(process) for name, process in processes.items()}
        began = time.monotonic()
        keys = paced(suite, articles[WARM : WARM + count], 1e6, WARM)
        suite.wait_until_done(within_seconds=900)
        rate = count / (time.monotonic() - began)
        cpu_ms = {name: (cpu_seconds(process) - used[name]) / count * 1000 for name, process in processes.items()}
        print(
            f"whole suite, pages of {average / 1000:.0f} KB, broker and Redis on the same machine: {rate:.1f} "
            f"articles/s sustained over {count}",
            flush=True,
        )
        found: dict[str, list[float]] = {}
        for name, part in (("half", 0.5), ("full", 1.0)):
            first = WARM + len(keys)
            chunk = articles[first : first + int(count * part)]
            sent = paced(suite, chunk, rate * part, first)
            behind = sum(suite.lag().values())
            suite.wait_until_done(within_seconds=900)
            keys |= sent
            found[name] = waits(suite, sent)
            print(
                f"at {name} load ({rate * part:.1f} articles/s for {len(chunk) / rate / part:.0f} s): raw to last "
                f"event p50 {percentile(found[name], 0.5):.2f} s, p99 {percentile(found[name], 0.99):.2f} s; "
                f"{behind} records not read at the end",
                flush=True,
            )
        memory = {name: process.memory_info().rss / 2**20 for name, process in processes.items()}
        everything = WARM + len(keys)
        stored = redis_bytes(running.client)
        sizes = {topic.name: topic_bytes(suite, topic.name) / everything for topic in ALL_TOPICS}
    for name in processes:
        print(f"  {name:10} {cpu_ms[name]:6.1f} ms of CPU an article, {memory[name]:4.0f} MB", flush=True)
    print(f"  all        {sum(cpu_ms.values()):6.1f} ms of CPU an article, {sum(memory.values()):4.0f} MB")
    print("  Redis, bytes an article: " + ", ".join(f"{name} {size / everything:.0f}" for name, size in stored.items()))
    print("  Kafka, bytes an article: " + ", ".join(f"{name} {size:.0f}" for name, size in sizes.items() if size))
    if write:
        measured = Measured(
            page_bytes=average,
            cores=os.cpu_count() or 1,
            articles_per_second=round(rate, 1),
            cpu_ms={name: round(value, 2) for name, value in cpu_ms.items()},
            memory_mb={name: round(value) for name, value in memory.items()},
            redis_bytes={name: round(size / everything) for name, size in stored.items()},
            topic_bytes={name: round(size) for name, size in sizes.items() if size},
        )
        MEASURED.write_text(measured.text())
        print(f"written to {MEASURED.name}: `uv run deploy/sizing.py` makes the runbook's table anew")


def redis_bytes(client: Any) -> dict[str, int]:
    """Bytes of each service's keys, as Redis counts them."""
    found: Counter[str] = Counter()
    keys = list(cast("Iterator[bytes]", client.scan_iter(match="newsloom:*", count=1000)))
    for start in range(0, len(keys), 500):
        chunk = keys[start : start + 500]
        pipeline = client.pipeline(transaction=False)
        for key in chunk:
            pipeline.memory_usage(key, samples=0)
        for key, size in zip(chunk, cast("list[int | None]", pipeline.execute()), strict=True):
            found[key.decode(errors="replace").split(":")[1]] += size or 0
    return dict(found)


def topic_bytes(suite: Suite, topic: str) -> int:
    """Bytes of keys, values and headers on the topic."""
    return sum(
        len(record.key or b"")
        + len(record.value or b"")
        + sum(len(name) + len(value) + 2 for name, value in record.headers)
        + 12
        for record in suite.records(topic)
    )


def workers(running: Running, share: float) -> None:
    """Each service with one and with two workers over the same records: CPU an article, and time."""
    plan = {"cleaner": int(2000 * share), "duplicates": int(2000 * share), "entities": int(240 * share)}
    most = max(plan.values())
    pages = [page(article) for article in made_articles(WARM + most, seed=9, copied=most // 40)]
    clean: list[bytes] = []
    cores = os.cpu_count()
    for service, count in plan.items():
        topic = "raw-articles" if service == "cleaner" else "clean-articles"
        figures: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for number in (1, 2, 2, 1):
            with running.suite() as suite:
                for place in range(number):
                    suite.start([service], number=place)
                names = [f"{service}-{place}" for place in range(number)]
                eventually(_all_hold(suite, names), 120)
                values = pages if service == "cleaner" else clean
                suite.publish(values[:WARM], topic=topic)
                suite.wait_until_done([service], within_seconds=300)
                processes = [psutil.Process(suite.pids[name]) for name in names]
                used = sum(cpu_seconds(process) for process in processes)
                began = time.monotonic()
                suite.publish(values[WARM : WARM + count], topic=topic)
                suite.wait_until_done([service], within_seconds=600)
                took = time.monotonic() - began
                figures[number].append(
                    ((sum(cpu_seconds(process) for process in processes) - used) / count * 1000, took)
                )
                if service == "cleaner":
                    clean = suite.values("clean-articles")
        (one, one_took), (two, two_took) = (
            tuple(sum(values) / len(values) for values in zip(*figures[number], strict=True)) for number in (1, 2)
        )
        print(
            f"{service:10} one worker {one:5.2f} ms of CPU an article, two {two:5.2f}: {two / one:.2f} times; "
            f"{one_took / two_took:.2f} times as fast ({count / one_took:.0f} and {count / two_took:.0f} articles/s; "
            f"{cores} cores, which they share with broker, Redis and this command)",
            flush=True,
        )


def _all_hold(suite: Suite, names: Sequence[str]) -> Callable[[], bool]:
    return lambda: all(_holds(suite, name) == PARTITIONS // len(names) for name in names)


def _holds(suite: Suite, name: str) -> int:
    status, text = suite.get("/metrics", name)
    found = re.search(r"^newsloom_assigned_partitions\{[^}]*\} (\S+)", text, re.MULTILINE)
    return int(float(found[1])) if status == 200 and found and suite.get("/readyz", name)[0] == 200 else -1


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", choices=("load", "workers"), help="measure one thing")
    parser.add_argument("--share", type=float, default=1.0, help="share of the articles; below 1 the figures are rough")
    parser.add_argument("--write", action="store_true", help=f"keep the figures of the load in deploy/{MEASURED.name}")
    arguments = parser.parse_args()
    only: str | None = arguments.only
    share: float = arguments.share
    print(f"{machine()}; services: {', '.join(SERVICES)}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newsloom-bench-")))
        running = Running(folder, stack)
        if only in (None, "load"):
            load(running, share, write=arguments.write)
        if only in (None, "workers"):
            workers(running, share)
    return 0


if __name__ == "__main__":
    sys.exit(main())
