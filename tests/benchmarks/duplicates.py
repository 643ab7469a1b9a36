"""What finding duplicates costs: articles a second, latency, memory and growth, beside other tools in the same run.

    uv run --group measure python -m tests.benchmarks.duplicates [speed latency workers memory growth] [--articles N]

Articles are made by `tests.duplicates_support.NewsMill` (lengths as news has them: median 840 words), or, with --data,
the development articles. A twentieth of the made articles are copies of earlier ones with edits. Everything is measured
in turns on the same machine; what counts are the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import multiprocessing
import os
import random
import re
import statistics
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import redis as redis_client

from schemas.articles import CleanArticle
from schemas.events import content_hash
from services.duplicates.check import Record, leading
from services.duplicates.index import Arrival, Found, Settlement
from services.duplicates.matching import arrival_of, arrive, judge_candidates, settle_plan
from services.duplicates.redis_index import TOGETHER, IndexSettings, RedisArticleIndex
from services.duplicates.relations import Article
from services.duplicates.service import DuplicateFinder, build
from services.duplicates.shingles import Words, fold, shingle, tokenize
from services.duplicates.sketch import RATE, sketch
from services.duplicates.stored import milliseconds
from services.local.redis_server import RedisServer
from services.runtime.cache import Cache
from tests.duplicates_support import NOON, NewsMill, article, records, runtime

DATA = Path(os.environ.get("NEWSLOOM_DATA", "../shared/data")) / "duplicates" / "articles.jsonl.gz"
HOURS = 72


def made_texts(count: int, seed: int = 1) -> Iterator[str]:
    """Texts of our own making; one in twenty is an edited copy of one of the last thousand."""
    mill, chance = NewsMill(seed), random.Random(seed)
    recent: deque[str] = deque(maxlen=1000)
    for _ in range(count):
        if recent and chance.random() < 0.05:
            yield mill.edited(chance.choice(recent), chance.choice((0.0, 0.01, 0.02, 0.05)))
            continue
        recent.append(mill.text())
        yield recent[-1]


def articles_of(texts: Sequence[str], first: int = 0, total: int | None = None) -> list[CleanArticle]:
    """Articles of 500 outlets, fetched evenly over the window."""
    total = total or len(texts)
    return [
        article(
            text,
            name=f"page-{first + place}",
            outlet=f"Outlet {(first + place) % 500}",
            headline=" ".join(text.split(" ", 9)[:9]),
            url=f"https://outlet-{(first + place) % 500}.example/news/2026/03/{content_hash(str(first + place))[:12]}",
            minutes=HOURS * 60 * (first + place) / total,
        )
        for place, text in enumerate(texts)
    ]


def sample(count: int, use_data: bool) -> list[str]:
    """`count` texts: of our own making, or the development articles."""
    if not use_data:
        return list(made_texts(count))
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        texts = [unicodedata.normalize("NFC", json.loads(line)["text"]) for line in lines]
    return (texts * (count // len(texts) + 1))[:count]


# -- what is timed: each tool takes the same articles, a hundred at a time, in turns with the others


def common_shingles(text: str) -> set[str]:
    """The shingles as a user of those tools writes them."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", ""))
    return {" ".join(words[at : at + 5]) for at in range(len(words) - 4)}


@dataclass(frozen=True)
class Input:
    """One article as the tools get it. `shingles` are set where one shingler went before all of them: 64-bit hashes for
    newsloom and, as eight bytes each, for the others, which take strings of bytes."""

    place: int
    text: str
    event: CleanArticle
    owner: str
    hashes: Words | None = None
    shingles: Sequence[bytes] | None = None


Take = Callable[[Sequence[Input]], None]


@contextmanager
def datasketch_tool(redis_url: str | None, *, together: int = 1) -> Iterator[Take]:
    """MinHashLSH with 128 permutations and threshold .5. With `together`, insertions are sent so many at once: faster,
    and blind to copies among them."""
    from datasketch import MinHash, MinHashLSH

    storage = None
    if redis_url is not None:
        host, _, port = redis_url.removeprefix("redis://").split("/")[0].partition(":")
        storage = {"type": "redis", "basename": b"bench", "redis": {"host": host, "port": int(port)}}
    lsh = MinHashLSH(threshold=0.5, num_perm=128, storage_config=storage)

    def minhash_of(item: Input) -> MinHash:
        shingles = item.shingles
        if shingles is None:
            shingles = [shingle.encode() for shingle in common_shingles(item.text)]
        minhash = MinHash(num_perm=128)
        minhash.update_batch(shingles)
        return minhash

    def take(items: Sequence[Input]) -> None:
        if together == 1:
            for item in items:
                minhash = minhash_of(item)
                lsh.query(minhash)
                lsh.insert(str(item.place), minhash)
            return
        for at in range(0, len(items), together):
            with lsh.insertion_session(buffer_size=1_000_000) as session:
                for item in items[at : at + together]:
                    minhash = minhash_of(item)
                    lsh.query(minhash)
                    session.insert(str(item.place), minhash)

    yield take


@contextmanager
def rensa_tool() -> Iterator[Take]:
    """RMinHashLSH with 128 permutations and 32 bands, in memory."""
    from rensa import RMinHash, RMinHashLSH

    lsh = RMinHashLSH(threshold=0.5, num_perm=128, num_bands=32)

    def take(items: Sequence[Input]) -> None:
        for item in items:
            minhash = RMinHash(num_perm=128, seed=42)
            minhash.update(list(item.shingles if item.shingles is not None else common_shingles(item.text)))
            lsh.query(minhash)
            lsh.insert(item.place, minhash)

    yield take


@contextmanager
def simhash_tool() -> Iterator[Take]:
    """64-bit simhash within 3 bits, in memory."""
    from simhash import Simhash, SimhashIndex

    index = SimhashIndex([], k=3)

    def take(items: Sequence[Input]) -> None:
        for item in items:
            shingles = item.shingles
            value = Simhash([part.hex() for part in shingles] if shingles else list(common_shingles(item.text)))
            index.get_near_dups(value)
            index.add(str(item.place), value)

    yield take


async def _opened(url: str, *, together: int = TOGETHER, **settings: int) -> tuple[RedisArticleIndex, Cache]:
    cache = Cache(runtime(url), "duplicates")
    index = RedisArticleIndex(cache, IndexSettings(**settings), together=together)
    await DuplicateFinder(index, None).open()
    return index, cache


def _arrived(item: Input, keeps_texts: bool) -> tuple[Article, Arrival]:
    if item.hashes is None:
        return arrive(item.event, item.owner, keeps_texts=keeps_texts)
    article, halves = Article(item.event), leading(item.hashes)
    # what the common shingler made stands for words and shingles
    article.__dict__.update(
        sequence=item.hashes, halves=halves, sketch=sketch(halves), digest=int(item.hashes[0]), is_short=False
    )
    return article, arrival_of(article, item.event, item.owner, keeps_texts=keeps_texts)


@contextmanager
def newsloom_tool(url: str, *, batch: int, keeps_texts: bool, together: int = TOGETHER) -> Iterator[Take]:
    """Index, check and settlement as the service does them, `batch` records at a time, `together` in a call to Redis.

    With one in a call each article is inserted and looked for by a command of its own, sent before the ones before it
    are answered.
    """
    with asyncio.Runner() as runner:
        index, cache = runner.run(_opened(url, together=together))

        async def take_batch(items: Sequence[Input]) -> None:
            part: list[Article] = []

            def arriving() -> Iterator[Arrival]:
                for item in items:
                    arrived, arrival = _arrived(item, keeps_texts)
                    part.append(arrived)
                    yield arrival

            replies = await index.add(arriving(), {}, {})
            settlements: list[Settlement] = []
            for item, arrived, reply in zip(items, part, replies, strict=True):
                assert isinstance(reply, Found)
                verdicts = judge_candidates(arrived, reply, window_ms=index.window_ms)
                settlement = settle_plan(arrived, item.owner, reply, verdicts, is_capped=False)
                if settlement is not None:
                    settlements.append(settlement)
            await index.settle(settlements, {})

        async def take_all(items: Sequence[Input]) -> None:
            for at in range(0, len(items), batch):
                await take_batch(items[at : at + batch])

        yield lambda items: runner.run(take_all(items))
        runner.run(cache.close())


@contextmanager
def _on_core(place: int) -> Iterator[None]:
    """This thread, and what it starts, on the core at `place` of those it may use; anywhere where none can be named."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[place]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def speed(count: int, use_data: bool) -> None:
    """Articles a second, streaming, one core plus Redis where Redis is used.

    Newsloom takes a hundred articles at once, as a worker may; every article is looked for before the next is inserted.
    A turn is four times as many: after nine other tools the first of them meet cold caches, which a stream does not.
    In batches newsloom and its Redis work at once, on a core each where there are two: left alone, a scheduler puts
    both on the core that the data came from, in some runs and not in others. Tools that wait for their Redis are left
    to it. Beside the time by the clock stands the processor time of the tool's own process, without Redis, which other
    load moves less.
    """
    batch, turn = 96, 384
    texts = sample(count, use_data)
    events = articles_of(texts)
    inputs = [
        Input(place, text, event, content_hash("owner", event.article_id))
        for place, (text, event) in enumerate(zip(texts, events, strict=True))
    ]
    print(f"speed: {count} {'development' if use_data else 'made'} articles, load {os.getloadavg()[0]:.1f}")
    for title, is_prepared in (("end to end from text", False), ("after one common shingler", True)):
        if is_prepared:
            inputs = [_with_shingles(item) for item in inputs]
        with ExitStack() as stack:
            # every tool that uses Redis has one of its own, or its memory would slow the others
            with _on_core(-1):
                apart = [stack.enter_context(RedisServer()).url for _ in range(3)]
            urls = iter([*apart, *(stack.enter_context(RedisServer()).url for _ in range(4))])
            tools: dict[str, Take] = {}
            for name, tool in (
                ("newsloom, index and check", newsloom_tool(next(urls), batch=batch, keeps_texts=False)),
                ("newsloom, texts and evidence too", newsloom_tool(next(urls), batch=batch, keeps_texts=True)),
                (
                    f"newsloom, a command each, {batch} in flight",
                    newsloom_tool(next(urls), batch=batch, together=1, keeps_texts=False),
                ),
                ("newsloom, index and check, one by one", newsloom_tool(next(urls), batch=1, keeps_texts=False)),
                ("newsloom, texts too, one by one", newsloom_tool(next(urls), batch=1, keeps_texts=True)),
                ("datasketch in memory", datasketch_tool(None)),
                ("datasketch on Redis", datasketch_tool(next(urls))),
                ("datasketch on Redis, inserts together", datasketch_tool(next(urls), together=batch)),
                ("rensa in memory", rensa_tool()),
                ("simhash in memory", simhash_tool()),
            ):
                try:
                    tools[name] = stack.enter_context(tool)
                except ImportError as error:
                    print(f"  {name}: not measured, {error.name} is not installed (uv sync --group measure)")
            turns: dict[str, list[tuple[float, float]]] = {name: [] for name in tools}
            for at in range(0, count, turn):
                part = inputs[at : at + turn]
                for place, (name, take) in enumerate(tools.items()):
                    with _on_core(0) if place < len(apart) else nullcontext():
                        started, used = time.perf_counter(), time.process_time()
                        take(part)
                        seconds = time.perf_counter() - started, time.process_time() - used
                    turns[name].append((seconds[0] / len(part), seconds[1] / len(part)))
        ours = turns["newsloom, index and check"]
        print(f" {title}: medians of {len(ours)} turns of {turn} articles, and ratios within a turn")
        for name, taken in turns.items():
            wall, used = (statistics.median(column) for column in zip(*taken, strict=True))
            pairs = list(zip(taken, ours, strict=True))
            by_clock = statistics.median(theirs[0] / own[0] for theirs, own in pairs)
            by_core = statistics.median(theirs[1] / own[1] for theirs, own in pairs)
            print(
                f"  {name:38} {1 / wall:7.0f} articles/s, {wall * 1e6:6.0f} us x{by_clock:.1f}; "
                f"its own core {used * 1e6:6.0f} us x{by_core:.1f}"
            )


def _with_shingles(item: Input) -> Input:
    hashes = shingle(tokenize(fold(item.text)))
    return replace(item, hashes=hashes, shingles=[part.tobytes() for part in hashes])


def latency(count: int, use_data: bool) -> None:
    """How long one article takes by itself, through the service, with `count` articles in the index."""
    measured = 2000
    events = articles_of(sample(measured, use_data), count, count + measured)

    async def main(url: str) -> list[tuple[float, float]]:
        await _hold(url, count, count + measured)
        service = build(runtime(url))
        times: list[tuple[float, float]] = []
        for event, record in zip(events, records(events), strict=True):
            started, used = time.perf_counter(), time.process_time()
            await service.process(event, record)
            times.append((time.perf_counter() - started, time.process_time() - used))
        await service.stop()
        return times

    with RedisServer() as server:
        by_clock, own = (sorted(column) for column in zip(*asyncio.run(main(server.url)), strict=True))
    print(f"latency of one article, {count} in the index, load {os.getloadavg()[0]:.1f}:")
    for name, times in (("by the clock", by_clock), ("the worker's processor time", own)):
        median, p99 = statistics.median(times), times[int(len(times) * 0.99)]
        print(f"  {name}: median {median * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, longest {times[-1] * 1e3:.2f} ms")


def _worker(url: str, first: int, count: int, total: int, seed: int, barrier: object, results: object) -> None:
    events = articles_of(list(made_texts(count, seed)), first, total)

    async def main() -> float:
        service = build(runtime(url))
        assert service.process_batch is not None
        pairs = list(zip(events, records(events), strict=True))
        barrier.wait()  # type: ignore[attr-defined]
        started = time.perf_counter()
        for at in range(0, len(pairs), 32):
            await service.process_batch(pairs[at : at + 32])
        seconds = time.perf_counter() - started
        await service.stop()
        return seconds

    results.put(asyncio.run(main()))  # type: ignore[attr-defined]


def workers(count: int, held: int = 100_000) -> None:
    """Articles a second of 1, 2 and 4 worker processes on one Redis that holds `held` others."""
    print(f"workers on one Redis with {held} articles, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}:")
    context = multiprocessing.get_context("spawn")
    for number in (1, 2, 4):
        with RedisServer() as server:
            asyncio.run(_hold(server.url, held, held + count))
            barrier, results = context.Barrier(number), context.Queue()
            share = count // number
            processes = [
                context.Process(
                    target=_worker,
                    args=(server.url, held + place * share, share, held + count, place, barrier, results),
                )
                for place in range(number)
            ]
            with redis_client.Redis.from_url(server.url) as client:
                before = _redis_seconds(client)
            for process in processes:
                process.start()
            longest = max(results.get() for _ in processes)
            for process in processes:
                process.join()
            with redis_client.Redis.from_url(server.url) as client:
                busy = _redis_seconds(client) - before
            print(
                f"  {number}: {share * number / longest:7.0f} articles/s; "
                f"Redis itself {busy / (share * number) * 1e6:.0f} us an article"
            )


def _bytes_by_kind(client: redis_client.Redis) -> dict[str, int]:
    totals: dict[str, int] = {}
    keys = list(client.scan_iter(count=5000))
    chance = random.Random(1)
    by_kind: dict[str, list[bytes]] = {}
    for key in keys:
        kind = key.split(b":")[3].decode()
        by_kind.setdefault(kind, []).append(key)
    for kind, of_kind in by_kind.items():
        asked = of_kind if len(of_kind) < 2000 else chance.sample(of_kind, 2000)
        pipeline = client.pipeline(transaction=False)
        for key in asked:
            pipeline.memory_usage(key, samples=0 if kind not in "rt" else 200)
        # a key in a table of 24 + 24 (expiry) bytes beside what MEMORY USAGE counts, at 1 to 2 slots of 8 an entry
        sizes = [int(size or 0) + 24 + 12 + 12 for size in pipeline.execute()]
        totals[kind] = round(sum(sizes) * len(of_kind) / len(asked))
    # check hashes and text of an article are one value: what it costs is shared out by their lengths
    kept = [value for key in by_kind["r"][:20] for value in client.hvals(key)]
    share = sum(int.from_bytes(value[:2], "big") for value in kept) / sum(map(len, kept))
    text = round(totals["r"] * (1 - share))
    totals["r"] -= text
    totals["t"] = totals.get("t", 0) + text
    return totals


KINDS = {
    "p": "postings and versions",
    "q": "long postings",
    "r": "check hashes",
    "t": "texts",
    "a": "results",
    "c": "clusters",
}


def memory(count: int, use_data: bool) -> None:
    """Bytes of Redis an article, by what they are for, with `count` articles held."""
    with RedisServer() as server, redis_client.Redis.from_url(server.url) as client:
        before = client.info("memory")["used_memory"]
        asyncio.run(_fill(server.url, count, use_data))
        after = client.info("memory")["used_memory"]
        kinds = _bytes_by_kind(client)
    print(f"memory with {count} {'development' if use_data else 'made'} articles held:")
    for kind, total in sorted(kinds.items(), key=lambda item: -item[1]):
        print(f"  {KINDS.get(kind, kind):24} {total / count:7.0f} bytes an article")
    index = sum(kinds.get(kind, 0) for kind in "pqrv")
    rest = sum(kinds.values()) - index
    print(f"  index, versions and check {index / count:.0f}; texts, results and clusters {rest / count:.0f}")
    print(f"  all that Redis allocated: {(after - before) / count:.0f} bytes an article")


async def _fill(url: str, count: int, use_data: bool) -> None:
    """Bring `count` articles in through the service."""
    service = build(runtime(url))
    assert service.process_batch is not None
    texts = iter(sample(count, True)) if use_data else made_texts(count)
    done = 0
    while part := list(islice(texts, min(1000, count - done))):
        events = articles_of(part, done, count)
        pairs = list(zip(events, records(events), strict=True))
        for at in range(0, len(pairs), 100):
            await service.process_batch(pairs[at : at + 100])
        done += len(part)
    await service.stop()


def made_arrivals(count: int, first: int, total: int, seed: int) -> Iterator[Arrival]:
    """Arrivals of unrelated articles as the index gets them, without their texts having been written.

    Sketch, record and packed text have the sizes of news. Two to four of the sketch hashes are turns of phrase that
    many articles share, some of them hundreds.
    """
    random_ = np.random.default_rng(seed)
    noise = random_.bytes(1 << 20)
    common = np.random.default_rng(0).integers(0, 2**32 // RATE, 50_000, dtype=np.uint32)
    weights = 1 / (np.arange(len(common)) + 10.0)
    drawn = random_.choice(len(common), size=1 << 18, p=weights / weights.sum())
    noon_ms = milliseconds(NOON)
    for place in range(first, first + count):
        shingles = int(np.clip(random_.lognormal(6.73, 0.6), 60, 6000))
        own = random_.integers(0, 2**32 // RATE, max(24, shingles // RATE), dtype=np.uint32)
        shared = common[drawn[random_.integers(0, len(drawn), int(random_.integers(2, 5)))]]
        hashes = np.concatenate((own, shared))
        at = int(random_.integers(0, 1 << 19))
        key = random_.bytes(16).hex()
        record = Record(key, at, at, shingles, len(hashes), noon_ms, noise[at : at + shingles])
        yield Arrival(
            article_key=key,
            version_key=noise[at : at + 16].hex(),
            owner=noise[at + 16 : at + 32].hex(),
            fetched_ms=noon_ms + round(HOURS * 3_600_000 * place / total),
            sketch=hashes,
            record=record.to_bytes(),
            text=noise[at : at + 200 + round(2.45 * shingles)],
        )


async def _hold(url: str, count: int, total: int) -> None:
    """Put `count` made arrivals into the index, in the first hours of a window that `total` share."""
    index, cache = await _opened(url)
    for at in range(0, count, 1000):
        await index.add(made_arrivals(min(1000, count - at), at, total, at + 1), {}, {})
    await cache.close()


def growth(count: int) -> None:
    """Cost of an article as the window fills: processor time of worker and of Redis, which other load moves least.

    The window is filled with made arrivals; at each mark articles come through the service, from their text on.
    """
    marks = [mark for mark in (10_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000) if mark <= count]
    measured = 1024
    texts = list(made_texts(measured * len(marks), 7))

    async def main(url: str) -> None:
        service = build(runtime(url))
        assert service.process_batch is not None
        index, cache = await _opened(url)
        done = 0
        with redis_client.Redis.from_url(url) as client:
            for turn, mark in enumerate(marks):
                before, filled = _redis_seconds(client), mark - done
                for at in range(done, mark, 1000):
                    await index.add(made_arrivals(min(1000, mark - at), at, count, at + 1), {}, {})
                filling = (_redis_seconds(client) - before) / filled
                done = mark
                events = articles_of(texts[turn * measured : (turn + 1) * measured], mark, count)
                pairs = list(zip(events, records(events), strict=True))
                started, redis_started = time.process_time(), _redis_seconds(client)
                for at in range(0, measured, 32):
                    await service.process_batch(pairs[at : at + 32])
                worker = (time.process_time() - started) / measured
                theirs = (_redis_seconds(client) - redis_started) / measured
                memory = client.info("memory")["used_memory"] / mark
                print(
                    f"  {mark:7} articles in the window: worker {worker * 1e6:4.0f} us, Redis {theirs * 1e6:4.0f} us "
                    f"(while filling {filling * 1e6:4.0f} us); {memory:.0f} bytes of Redis an article",
                    flush=True,
                )
        await cache.close()
        await service.stop()

    print(f"growth, processor time an article, load {os.getloadavg()[0]:.1f}:")
    with RedisServer() as server:
        asyncio.run(main(server.url))


def _redis_seconds(client: redis_client.Redis) -> float:
    used = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def main() -> None:
    """Run what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["all"])
    parser.add_argument("--articles", type=int, default=0, help="How many; each part has its own number without.")
    parser.add_argument("--data", action="store_true", help="Measure on the development articles.")
    options = parser.parse_args()
    if options.data and not DATA.exists():
        raise SystemExit(f"no development articles at {DATA}; name their folder in NEWSLOOM_DATA")
    parts: dict[str, Callable[[], None]] = {
        "speed": lambda: speed(options.articles or 1536, options.data),
        "latency": lambda: latency(options.articles or 100_000, options.data),
        "workers": lambda: workers(options.articles or 8000),
        "memory": lambda: memory(options.articles or (6912 if options.data else 100_000), options.data),
        "growth": lambda: growth(options.articles or 500_000),
    }
    for name in parts if options.what == ["all"] else options.what:
        parts[name]()


if __name__ == "__main__":
    main()
