"""What carrying costs: `uv run python -m tests.benchmarks.runtime` prints every figure, ratios from one run.

The machine is shared: CPU per record is the process's own CPU time and says more than records per second.
`--only` measures one thing, `--share 0.1` with a tenth of the records.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from schemas.articles import RawArticle
from schemas.events import read_event
from services.local.broker import Broker
from services.local.redis_server import RedisServer
from services.runtime.engine import Engine, Message
from services.runtime.kafka import Admin, Publisher, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings
from tests.benchmarks import bare_service
from tests.benchmarks.bench import Bench, Drained, machine, percentile, raw
from tests.benchmarks.echo_service import echo
from tests.newsroom import made_articles
from tests.support import eventually

BARE = "tests.benchmarks.bare_service"
ECHO = "tests.benchmarks.echo_service"
NAIVE = "tests.benchmarks.naive_agent"
PLAIN = "tests.benchmarks.plain_aiokafka"
# about what the cleaner takes for a page of a real site, and less than the entities take for an article
_ARTICLE_US = 7000


def pure_us(size: int, count: int, work: Callable[[RawArticle], object]) -> float:
    """Microseconds of CPU that decoding, working and encoding take without Kafka and without the engine."""
    values = [raw(number, size) for number in range(count)]
    began = time.process_time()
    for value in values:
        event, _ = read_event(RawArticle, value)
        work(event)
    return (time.process_time() - began) / count * 1e6


def carrying(broker: Broker, share: float) -> None:
    for size, count in ((5_000, int(16_000 * share)), (50_000, int(2_500 * share))):
        bench = Bench(broker)
        bench.publish(raw(number, size) for number in range(count))
        found = bench.drain(ECHO, count)
        pure = pure_us(size, min(count, 2000), lambda event: echo(event).to_bytes())
        print(
            f"records of {size // 1000:3} KB: {found.cpu_us:6.0f} us of CPU a record in the worker, "
            f"{pure:5.0f} us of it decode, work and encode: Kafka and the engine add {found.cpu_us - pure:4.0f} us "
            f"({found.rate:.0f} records/s, {found.rss_mb:.0f} MB); where an article costs {_ARTICLE_US // 1000} ms, "
            f"{_ARTICLE_US / (_ARTICLE_US + found.cpu_us - pure):.1%} of a worker's CPU is useful work",
            flush=True,
        )


def against_naive(broker: Broker, share: float) -> None:
    """Kafka to Kafka, 4 KB: both naive agents, the engine with a service that does nothing, and aiokafka alone."""
    plan = (
        ("naive Faust agent, send only", NAIVE, int(20_000 * share), False),
        ("naive Faust agent, awaits each", NAIVE, int(4_000 * share), True),
        ("bare engine", BARE, int(60_000 * share), False),
        ("aiokafka alone, batches", PLAIN, int(60_000 * share), False),
    )
    found: list[Drained] = []
    for name, module, count, awaits in plan:
        bench = Bench(broker)
        bench.publish(raw(number, 4_000) for number in range(count))
        result = bench.drain(module, count, **({"BENCHMARK_AWAITS": "1"} if awaits else {}))
        found.append(result)
        print(f"{name:31} 4 KB: {result.rate:6.0f} records/s, {result.cpu_us:5.0f} us of CPU a record", flush=True)
    forgets, awaits, ours, plain = found
    print(
        f"the engine does {ours.rate / forgets.rate:.1f} times the naive agent's records a second with "
        f"{forgets.cpu_us / ours.cpu_us:.1f} times less CPU, though that agent does not wait for the broker; "
        f"{ours.rate / awaits.rate:.1f} times those of the one that does; "
        f"{ours.rate / plain.rate:.2f} of what aiokafka does alone, unread and without headers",
        flush=True,
    )
    stages(ours.cpu_us, plain.cpu_us)


class _Nowhere:
    """An outbox that takes everything at once."""

    def __init__(self) -> None:
        self.bytes = 0

    async def enqueue(self, message: Message) -> Awaitable[None]:
        self.bytes += len(message.value or b"")
        return asyncio.sleep(0)


def stages(whole_us: float, plain_us: float, count: int = 10_000) -> None:
    """Where the engine's CPU goes, in three parts that are measured by themselves and one that is what remains."""
    values = [raw(number, 4_000) for number in range(count)]
    # as the worker does
    gc.collect()
    gc.freeze()
    began = time.process_time()
    events = [read_event(RawArticle, value)[0] for value in values]
    decode = (time.process_time() - began) / count * 1e6
    began = time.process_time()
    for event in events:
        event.to_bytes()
    encode = (time.process_time() - began) / count * 1e6
    records = [
        Record("raw-articles", 0, number, b"k", value, (), datetime.now(UTC)) for number, value in enumerate(values)
    ]
    engine = Engine(bare_service.build(RuntimeSettings()), _Nowhere())

    async def run() -> None:
        for start in range(0, count, 1000):
            await engine.run(records[start : start + 1000])

    began = time.process_time()
    asyncio.run(run())
    whole_engine = (time.process_time() - began) / count * 1e6
    print(
        f"  of its {whole_us:.0f} us: decode and validate {decode:.0f}, encode {encode:.0f}, the engine's plans, "
        f"headers and counts {whole_engine - decode - encode:.0f}, aiokafka alone {plain_us:.0f}, the rest (hand-over "
        f"between threads, typed records, larger messages) {whole_us - whole_engine - plain_us:.0f}",
        flush=True,
    )


def backlog(broker: Broker, share: float) -> None:
    count = int(200_000 * share)
    bench = Bench(broker)
    bench.publish(raw(number, 1_000) for number in range(count))
    found = bench.drain(BARE, count)
    tenths = " ".join(f"{rate:.0f}" for rate in found.tenths)
    steady = found.tenths[1:]
    print(
        f"backlog of {count} records of 1 KB: {found.rate:.0f} records/s, {found.cpu_us:.0f} us of CPU a record, "
        f"{found.rss_mb:.0f} MB at the end\n  records/s by tenth: {tenths}\n"
        f"  last tenth to second: {steady[-1] / steady[0]:.2f}; slowest to fastest of those after the first: "
        f"{min(steady) / max(steady):.2f}",
        flush=True,
    )


def partitions(broker: Broker, share: float) -> None:
    first = 0.0
    for number in (1, 2, 4, 8, 16, 32):
        count, start = int(40_000 * share), 100 * number
        bench = Bench(broker, partitions=number)
        bench.publish(raw(place, 4_000) for place in range(start))
        # the first 32 records of each partition run singly, which is a cost of an assignment and none of a record
        values = (raw(place, 4_000) for place in range(count))
        found = bench.drain(BARE, count, warm=start, values=values)
        first = first or found.cpu_us
        print(
            f"{number:3} partitions: {found.cpu_us:5.0f} us of CPU a record ({found.cpu_us / first:.2f} of one "
            f"partition's), {found.rate:.0f} records/s",
            flush=True,
        )


def skew(broker: Broker, share: float) -> float:
    """Prints, and gives, how many times as long a backlog in one partition of four takes as one in all of them."""
    count = int(500 * share)
    rates: list[float] = []
    for key in (None, "one"):
        bench = Bench(broker)
        bench.publish((raw(place, 50_000) for place in range(count)), key=key)
        rates.append(bench.drain(BARE, count, BENCHMARK_WORK_MS="5").rate)
    print(
        f"{count} pages of 50 KB that take 5 ms each: {rates[0]:.0f} records/s in four partitions, {rates[1]:.0f} in "
        f"one of four: {rates[0] / rates[1]:.2f} times as long",
        flush=True,
    )
    return rates[0] / rates[1]


def latency(broker: Broker, redis: RedisServer, share: float) -> None:
    """From `send` of a raw page to a consumer's having the clean article, one page every 0.1 s."""
    count = max(10, int(100 * share))
    bench = Bench(broker)
    articles = list(made_articles(count, seed=3, copied=count // 20))
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
        f"raw -> clean at rest: p50 {percentile(waits, 0.5) * 1000:.0f} ms, "
        f"p99 {percentile(waits, 0.99) * 1000:.0f} ms ({len(waits)} pages)",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    choices = ("carrying", "naive", "latency", "backlog", "partitions", "skew")
    parser.add_argument("--only", choices=choices, help="measure one thing")
    parser.add_argument("--share", type=float, default=1.0, help="share of the records; below 1 the figures are rough")
    arguments = parser.parse_args()
    only: str | None = arguments.only
    share: float = arguments.share
    print(machine(), flush=True)
    with Broker() as broker, RedisServer() as redis:
        if only in (None, "carrying"):
            carrying(broker, share)
        if only in (None, "naive"):
            against_naive(broker, share)
        if only in (None, "latency"):
            latency(broker, redis, share)
        if only in (None, "backlog"):
            backlog(broker, share)
        if only in (None, "partitions"):
            partitions(broker, share)
        if only in (None, "skew"):
            skew(broker, share)
    return 0


if __name__ == "__main__":
    sys.exit(main())
