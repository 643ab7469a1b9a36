"""An index in several parts, and on a Redis Cluster: the same answers as in one part, at no more round trips a part."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
import redis as redis_client

from schemas.articles import CleanArticle
from schemas.topics import DUPLICATE_ALERTS, DUPLICATE_CLUSTERS
from services.duplicates.redis_index import IndexLostError, IndexSettings, RedisArticleIndex
from services.duplicates.service import DuplicateFinder, DuplicatesSettings, build
from services.local.redis_server import RedisServer
from services.runtime.cache import Cache
from services.runtime.settings import RuntimeSettings
from tests.duplicates_support import WordMill, article, feed, records, runtime, values
from tests.support import eventually

MILL = WordMill(41)


def _events() -> list[CleanArticle]:
    """Copies, excerpts, updates, round-ups that unite two families, and withdrawals."""
    chance = random.Random(5)
    bases = [MILL.text(160) for _ in range(8)]
    events: list[CleanArticle] = []
    for place in range(90):
        base = chance.choice(bases)
        text = chance.choice(
            (
                MILL.edited(base, 0.02),
                base,
                base + "\n" + chance.choice(bases),
                MILL.text(150),
                base[: len(base) // 2] + "\n" + MILL.text(90),
            )
        )
        page = f"p{chance.randrange(70)}"
        status = "withdrawn" if chance.random() < 0.06 else "usable"
        events.append(
            article(
                text if status == "usable" else "",
                name=page,
                outlet=f"Outlet {page[-1]}{len(page)}",
                headline=f"Headline {place}",
                minutes=place,
                status=status,
            )
        )
    return events


EVENTS = _events()
Lines = list[list[tuple[str, str | None, bytes | None]]]


def _outcomes(settings: RuntimeSettings, shards: int, *, batch: int = 16) -> Lines:
    async def main() -> Lines:
        service = build(settings, DuplicatesSettings(shards=shards))
        await service.start()
        outcomes = await feed(service, EVENTS, batch=batch)
        again = await feed(service, EVENTS[40:], batch=batch, first=40)
        await service.stop()
        # what comes again is byte-equal here too
        assert [values(one) for one in again] == [values(one) for one in outcomes[40:]]
        return [values(one) for one in outcomes]

    return asyncio.run(main())


def test_several_shards_say_what_one_says(redis_url):
    one = _outcomes(runtime(redis_url), 1)
    topics = Counter(topic for outcome in one for topic, _, _ in outcome)
    assert topics[DUPLICATE_ALERTS.name] > 20
    assert topics[DUPLICATE_CLUSTERS.name] > 60
    assert any(key is not None and value is None for outcome in one for _, key, value in outcome if key != "no_match")
    for shards in (3, 4):
        assert _outcomes(runtime(redis_url), shards) == one


class CountedIndex(RedisArticleIndex):
    """The index, with the prefixes of each round trip."""

    trips: list[set[str]]

    async def _run(self, operation: str, calls: Iterable[tuple[str, str, list[Any]]]) -> list[Any]:
        sent = list(calls)
        self.trips.append({prefix for _, prefix, _ in sent})
        return await super()._run(operation, sent)


@pytest.mark.parametrize("shards", [1, 4])
def test_a_hundred_articles_cost_a_shard_at_most_two_round_trips(redis_url, shards):
    texts = [MILL.text(120) for _ in range(60)]
    events = [
        article(texts[place % 60], name=f"q{place}", outlet=f"Outlet {place}", minutes=place) for place in range(100)
    ]

    async def main() -> tuple[list[set[str]], int]:
        cache = Cache(runtime(redis_url), "duplicates")
        index = CountedIndex(cache, IndexSettings(shards=shards))
        index.trips = []
        finder = DuplicateFinder(index, None)
        await finder.open()
        index.trips.clear()
        outcomes = await finder.process_batch(list(zip(events, records(events), strict=True)))
        await cache.close()
        alerts = [one for one in outcomes if values(one)[0][0] == DUPLICATE_ALERTS.name]
        return index.trips, len(alerts)

    trips, alerts = asyncio.run(main())
    assert alerts == 40
    assert len({prefix for trip in trips for prefix in trip}) == (1 if shards == 1 else shards + 1)
    assert max(Counter(prefix for trip in trips for prefix in trip).values()) <= 2


def _free_port() -> int:
    """A port whose cluster bus, 10,000 above it, is free too."""
    for _ in range(100):
        port = random.randrange(20_000, 30_000)
        with socket.socket() as one, socket.socket() as other:
            try:
                one.bind(("127.0.0.1", port))
                other.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port
    raise AssertionError("no free pair of ports")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sequence[RedisServer]]:
    """A Redis Cluster of three nodes on 127.0.0.1."""
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(RedisServer(port=_free_port(), arguments=("--cluster-enabled", "yes")))
            for _ in range(3)
        ]
        clients = [stack.enter_context(redis_client.Redis(port=node.port, decode_responses=True)) for node in nodes]
        for place, client in enumerate(clients):
            first, last = 16384 * place // 3, 16384 * (place + 1) // 3
            client.execute_command("CLUSTER ADDSLOTS", *range(first, last))
            client.execute_command("CLUSTER MEET", "127.0.0.1", nodes[0].port)
        eventually(lambda: all(_is_whole(client) for client in clients), within_seconds=30)
        yield nodes


def _is_whole(client: Any) -> bool:
    info = client.execute_command("CLUSTER INFO")
    fields = info if isinstance(info, dict) else dict(line.split(":") for line in info.split())
    return fields["cluster_state"] == "ok" and fields["cluster_known_nodes"] == "3"


@pytest.mark.parametrize("shards", [1, 4])
def test_a_redis_cluster_holds_the_shards_on_its_nodes(cluster, redis_url, shards):
    expected = _outcomes(runtime(redis_url), 1)
    settings = runtime(cluster[0].url).model_copy(update={"redis_cluster": True})
    assert _outcomes(settings, shards) == expected
    holding = 0
    for node in cluster:
        with redis_client.Redis(port=node.port) as client:
            holding += any(b"of4}" in key if shards == 4 else b"{0}" in key for key in client.scan_iter(count=10_000))
    assert holding == (1 if shards == 1 else 3)


def _lose(lose: Callable[[redis_client.Redis], None], redis_url: str) -> tuple[str, str]:
    """The generation before and after, when one part of an index in three is lost between two batches."""

    async def main() -> tuple[str, str]:
        cache = Cache(runtime(redis_url), "duplicates")
        index = RedisArticleIndex(cache, IndexSettings(shards=3))
        finder = DuplicateFinder(index, None)
        pairs = list(zip(EVENTS, records(EVENTS), strict=True))
        await finder.process_batch(pairs[:20])
        before = index.generation
        with redis_client.Redis.from_url(redis_url) as client:
            lose(client)
        for _ in range(3):
            try:
                await finder.process_batch(pairs[20:40])
                break
            except IndexLostError:
                continue
        after = index.generation
        await cache.close()
        return before, after

    return asyncio.run(main())


@pytest.mark.parametrize("part", ["0.of3", "0.0of3", "0.2of3"])
def test_an_index_of_which_one_part_is_lost_is_lost(redis_url, part):
    def lose(client: redis_client.Redis) -> None:
        keys = list(client.scan_iter(match=f"newsloom:duplicates:{{{part}}}:*", count=10_000))
        assert keys
        client.delete(*keys)

    before, after = _lose(lose, redis_url)
    assert before
    assert after
    assert before != after
