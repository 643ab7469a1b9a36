"""What finding duplicates costs: articles a second, latency, memory and growth, beside other tools in the same run.

    uv run --group measure python -m tests.benchmarks.duplicates [speed latency workers memory growth] [--articles N]

Articles are made by `tests.duplicates_support.WordMill` (lengths as news has them: median 840 words), or, with --data,
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
import resource
import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import redis as redis_client

from schemas.articles import CleanArticle
from schemas.events import content_hash
from services.duplicates.index import Arrival, Found
from services.duplicates.matching import arrive, judge_candidates, settle_plan
from services.duplicates.redis_index import IndexSettings, RedisArticleIndex
from services.duplicates.relations import Article
from services.duplicates.service import DuplicateFinder, build
from services.local.redis_server import RedisServer
from services.runtime.cache import Cache
from tests.duplicates_support import WordMill, article, records, runtime

DATA = Path(os.environ.get("NEWSLOOM_DATA", "../shared/data")) / "duplicates" / "articles.jsonl.gz"
HOURS = 72


def made_texts(count: int, seed: int = 1) -> Iterator[str]:
    """Texts of our own making; one in twenty is an edited copy of one of the last thousand."""
    mill, chance = WordMill(seed, reports=True), random.Random(seed)
    recent: list[str] = []
    for _ in range(count):
        if recent and chance.random() < 0.05:
            yield mill.edited(chance.choice(recent), chance.choice((0.0, 0.01, 0.02, 0.05)))
            continue
        text = mill.text(mill.length())
        recent.append(text)
        if len(recent) > 1000:
            recent.pop(0)
        yield text


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


# -- others


def common_shingles(text: str) -> set[str]:
    """The shingler that all tools are given in the second table: as a user of those tools writes it."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", ""))
    return {" ".join(words[at : at + 5]) for at in range(len(words) - 4)}


def datasketch_run(texts: Sequence[str], redis_url: str | None, sets: Sequence[set[str]] | None) -> float:
    """Seconds to query and insert every text in turn; the shingles are made here unless `sets` brings them."""
    from datasketch import MinHash, MinHashLSH

    storage = None
    if redis_url is not None:
        host, _, port = redis_url.removeprefix("redis://").split("/")[0].partition(":")
        storage = {"type": "redis", "basename": b"bench", "redis": {"host": host, "port": int(port)}}
    lsh = MinHashLSH(threshold=0.5, num_perm=128, storage_config=storage)
    started = time.perf_counter()
    for place, text in enumerate(texts):
        shingles = sets[place] if sets is not None else common_shingles(text)
        minhash = MinHash(num_perm=128)
        minhash.update_batch([shingle.encode() for shingle in shingles])
        lsh.query(minhash)
        lsh.insert(str(place), minhash)
    return time.perf_counter() - started


def rensa_run(texts: Sequence[str], sets: Sequence[set[str]] | None) -> float:
    """As `datasketch_run`, with rensa's RMinHash in memory."""
    from rensa import RMinHash, RMinHashLSH

    lsh = RMinHashLSH(threshold=0.5, num_perm=128, num_bands=32)
    started = time.perf_counter()
    for place, text in enumerate(texts):
        minhash = RMinHash(num_perm=128, seed=42)
        minhash.update(list(sets[place] if sets is not None else common_shingles(text)))
        lsh.query(minhash)
        lsh.insert(place, minhash)
    return time.perf_counter() - started


def simhash_run(texts: Sequence[str], sets: Sequence[set[str]] | None) -> float:
    """As `datasketch_run`, with 64-bit simhash within 3 bits in memory."""
    from simhash import Simhash, SimhashIndex

    index = SimhashIndex([], k=3)
    started = time.perf_counter()
    for place, text in enumerate(texts):
        value = Simhash(list(sets[place] if sets is not None else common_shingles(text)))
        index.get_near_dups(value)
        index.add(str(place), value)
    return time.perf_counter() - started


# -- ours


async def _opened(url: str, **settings: int) -> tuple[RedisArticleIndex, Cache]:
    cache = Cache(runtime(url), "duplicates")
    index = RedisArticleIndex(cache, IndexSettings(**settings))
    await DuplicateFinder(index, None).open()
    return index, cache


async def _index_run(
    url: str, articles: Sequence[CleanArticle], *, batch: int, keeps_texts: bool, prepared: bool
) -> float:
    """Seconds to insert, query, check and settle every article in turn."""
    index, cache = await _opened(url)
    owners = [content_hash("owner", event.article_id) for event in articles]
    ready: list[tuple[Article, Arrival]] = []
    if prepared:
        ready = [arrive(event, owner, keeps_texts=keeps_texts) for event, owner in zip(articles, owners, strict=True)]
    started = time.perf_counter()
    for at in range(0, len(articles), batch):
        part: list[Article] = []

        def arriving(first: int = at, part: list[Article] = part) -> Iterator[Arrival]:
            for place in range(first, min(first + batch, len(articles))):
                arrived, arrival = (
                    ready[place] if prepared else arrive(articles[place], owners[place], keeps_texts=keeps_texts)
                )
                part.append(arrived)
                yield arrival

        replies = await index.add(arriving(), {})
        settlements = []
        for found_for, reply in zip(part, replies, strict=True):
            assert isinstance(reply, Found)
            verdicts = judge_candidates(found_for, reply, window_ms=index.window_ms)
            settlement = settle_plan(found_for, reply, verdicts, is_capped=False)
            if settlement is not None:
                settlements.append(settlement)
        await index.settle(settlements, {})
    seconds = time.perf_counter() - started
    await cache.close()
    return seconds


def speed(count: int, use_data: bool) -> None:
    """Articles a second, streaming, one core plus Redis where Redis is used."""
    texts = sample(count, use_data)
    events = articles_of(texts)
    few = max(50, count // 10)
    sets = [common_shingles(text) for text in texts]

    def ours(*, batch: int, keeps_texts: bool, prepared: bool) -> float:
        with RedisServer() as server:
            return asyncio.run(
                _index_run(server.url, events, batch=batch, keeps_texts=keeps_texts, prepared=prepared)
            ) / len(events)

    def datasketch_on_redis(given: Sequence[set[str]] | None) -> float:
        with RedisServer() as server:
            return datasketch_run(texts[:few], server.url, given) / few

    def datasketch_in_memory(given: Sequence[set[str]] | None) -> float:
        return datasketch_run(texts, None, given) / count

    def rensa_in_memory(given: Sequence[set[str]] | None) -> float:
        return rensa_run(texts, given) / count

    def simhash_in_memory(given: Sequence[set[str]] | None) -> float:
        return simhash_run(texts[:few], given[:few] if given else None) / few

    print(f"speed: {count} {'development' if use_data else 'made'} articles, load {os.getloadavg()[0]:.1f}")
    for title, given in (("end to end from text", None), ("with the shingles ready before", sets)):
        prepared = given is not None
        rows: list[tuple[str, float]] = []
        for name, run in (
            ("newsloom, index and check", partial(ours, batch=100, keeps_texts=False, prepared=prepared)),
            ("newsloom, with texts kept", partial(ours, batch=100, keeps_texts=True, prepared=prepared)),
            ("newsloom, with texts kept, one by one", partial(ours, batch=1, keeps_texts=True, prepared=prepared)),
            ("datasketch in memory", partial(datasketch_in_memory, given)),
            ("datasketch on Redis", partial(datasketch_on_redis, given)),
            ("rensa in memory", partial(rensa_in_memory, given)),
            ("simhash in memory", partial(simhash_in_memory, given)),
        ):
            try:
                rows.append((name, min(run() for _ in range(2))))
            except ImportError as error:
                print(f"  {name}: not measured, {error.name} is not installed (uv sync --group measure)")
        ours_seconds = rows[0][1]
        print(f" {title}:")
        for name, seconds in rows:
            print(f"  {name:40} {1 / seconds:9.0f} articles/s {seconds * 1e6:9.0f} us  x{seconds / ours_seconds:.1f}")


def latency(count: int, use_data: bool) -> None:
    """How long one article takes by itself, through the service, with `count` articles in the index."""
    events = articles_of(sample(count + 1000, use_data), total=count + 1000)

    async def main(url: str) -> list[float]:
        service = build(runtime(url))
        assert service.process_batch is not None
        pairs = list(zip(events, records(events), strict=True))
        for at in range(0, count, 100):
            await service.process_batch(pairs[at : min(at + 100, count)])
        times: list[float] = []
        for event, record in pairs[count:]:
            started = time.perf_counter()
            await service.process(event, record)
            times.append(time.perf_counter() - started)
        await service.stop()
        return times

    with RedisServer() as server:
        times = sorted(asyncio.run(main(server.url)))
    print(
        f"latency of one article, {count} in the index, load {os.getloadavg()[0]:.1f}: "
        f"median {statistics.median(times) * 1e3:.2f} ms, p99 {times[int(len(times) * 0.99)] * 1e3:.2f} ms, "
        f"longest {times[-1] * 1e3:.2f} ms"
    )


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


def workers(count: int) -> None:
    """Articles a second of 1, 2 and 4 worker processes on one Redis."""
    print(f"workers on one Redis, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}:")
    context = multiprocessing.get_context("spawn")
    for number in (1, 2, 4):
        with RedisServer() as server:

            async def prepare(url: str = server.url) -> None:
                _, cache = await _opened(url)
                await cache.close()

            asyncio.run(prepare())
            barrier, results = context.Barrier(number), context.Queue()
            share = count // number
            processes = [
                context.Process(target=_worker, args=(server.url, place * share, share, count, place, barrier, results))
                for place in range(number)
            ]
            for process in processes:
                process.start()
            longest = max(results.get() for _ in processes)
            for process in processes:
                process.join()
            with redis_client.Redis.from_url(server.url) as client:
                used = client.info("cpu")
            busy = used["used_cpu_user"] + used["used_cpu_sys"]
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
    return totals


KINDS = {"p": "postings", "r": "check hashes", "t": "texts", "a": "versions and results", "c": "clusters"}


def memory(count: int, use_data: bool) -> None:
    """Bytes of Redis an article, by what they are for, with `count` articles held."""
    with RedisServer() as server, redis_client.Redis.from_url(server.url) as client:
        before = client.info("memory")["used_memory"]
        asyncio.run(_fill(server.url, count, use_data, [count]))
        after = client.info("memory")["used_memory"]
        kinds = _bytes_by_kind(client)
    print(f"memory with {count} {'development' if use_data else 'made'} articles held:")
    for kind, total in sorted(kinds.items(), key=lambda item: -item[1]):
        print(f"  {KINDS.get(kind, kind):24} {total / count:7.0f} bytes an article")
    index = kinds.get("p", 0) + kinds.get("r", 0)
    rest = sum(kinds.values()) - index
    print(f"  index and check {index / count:.0f}; texts, versions, results and clusters {rest / count:.0f}")
    print(f"  all that Redis allocated: {(after - before) / count:.0f} bytes an article")


async def _fill(url: str, count: int, use_data: bool, marks: Sequence[int]) -> list[tuple[int, float, float]]:
    """Bring `count` articles in; at each mark, articles so far and processor seconds an article."""
    service = build(runtime(url))
    assert service.process_batch is not None
    found: list[tuple[int, float, float]] = []
    texts = iter(sample(count, True)) if use_data else made_texts(count)
    chunk, done, spent = 1000, 0, 0.0
    last: list[tuple[float, float]] = []
    with redis_client.Redis.from_url(url) as client:
        while done < count:
            part = list(islice(texts, min(chunk, count - done)))
            if not part:
                break
            events = articles_of(part, done, count)
            pairs = list(zip(events, records(events), strict=True))
            cpu = client.info("cpu")
            busy = cpu["used_cpu_user"] + cpu["used_cpu_sys"]
            used = resource.getrusage(resource.RUSAGE_SELF)
            started = used.ru_utime + used.ru_stime
            for at in range(0, len(pairs), 100):
                await service.process_batch(pairs[at : at + 100])
            used = resource.getrusage(resource.RUSAGE_SELF)
            cpu = client.info("cpu")
            spent = used.ru_utime + used.ru_stime - started
            last.append((spent / len(part), (cpu["used_cpu_user"] + cpu["used_cpu_sys"] - busy) / len(part)))
            done += len(part)
            last = last[-5:]
            if done in marks:
                found.append((done, statistics.mean(a for a, _ in last), statistics.mean(b for _, b in last)))
    await service.stop()
    return found


def growth(count: int) -> None:
    """Cost of an article as the window fills: processor time of worker and of Redis, which other load moves least."""
    marks = [mark for mark in (10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000) if mark <= count]
    with RedisServer() as server:
        found = asyncio.run(_fill(server.url, count, False, marks))
    print("growth, processor time an article:")
    for done, ours, theirs in found:
        print(f"  {done:7} articles in the window: worker {ours * 1e6:5.0f} us, Redis {theirs * 1e6:5.0f} us")


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
        "speed": lambda: speed(options.articles or 3000, options.data),
        "latency": lambda: latency(options.articles or 5000, options.data),
        "workers": lambda: workers(options.articles or 8000),
        "memory": lambda: memory(options.articles or (6912 if options.data else 100_000), options.data),
        "growth": lambda: growth(options.articles or 500_000),
    }
    for name in parts if options.what == ["all"] else options.what:
        parts[name]()


if __name__ == "__main__":
    main()
