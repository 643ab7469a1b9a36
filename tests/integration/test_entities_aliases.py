"""The alias cache on the real Redis: what outlets teach one day is used the next, and no outlet alone can teach."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import redis
from prometheus_client import REGISTRY
from pydantic import SecretStr

from schemas.articles import CleanArticle, Language, Outlet
from schemas.entities import ArticleEntities, Label
from services.entities.alias_cache import MOST_ALIASES, AliasCache, day_of
from services.entities.aliases import Observation
from services.entities.recognizer import Found
from services.entities.service import EntitiesSettings, EntityReader, build
from services.local.redis_server import RedisServer
from services.runtime.cache import Cache
from services.runtime.service import Emit
from services.runtime.settings import RuntimeSettings

T = TypeVar("T")
MONDAY = datetime(2026, 3, 9, 12, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
FULL = "Ilse Varga opened the bridge on Monday. Varga had promised it for years."
SHORT = "Varga will not stand again."


class Listed:
    """Finds the names of a list: no model is needed to show what becomes of names."""

    name, version, languages = "listed", "1", frozenset({"en"})
    labels: dict[str, Label] = {"Ilse Varga": "PER", "Imre Varga": "PER", "Varga": "PER"}  # noqa: RUF012

    def recognize(self, paragraphs: Sequence[str]) -> list[tuple[Found, ...]]:
        pattern = re.compile("|".join(self.labels))
        return [
            tuple(Found(m.start(), m.end(), self.labels[m.group()], 0.95) for m in pattern.finditer(text))
            for text in paragraphs
        ]


def article(text: str, *, outlet: str = "courier", at: datetime = MONDAY, url: str | None = None) -> CleanArticle:
    return CleanArticle(
        article_id=f"{outlet}-{at.date()}",
        url=url or f"https://www.{outlet}.example/bridge",
        outlet=Outlet(name=outlet, domain=f"{outlet}.example"),
        headline="Bridge",
        text=text,
        language=Language(code="en"),
        fetched_at=at,
    )


def run(url: str, use: Callable[[Cache], Awaitable[T]], *, timeout_seconds: float = 5.0) -> T:
    async def main() -> T:
        cache = Cache(RuntimeSettings(redis_url=SecretStr(url), redis_timeout_seconds=timeout_seconds), "entities")
        try:
            return await use(cache)
        finally:
            await cache.close()

    return asyncio.run(main())


def reader(cache: Cache, **given: Any) -> EntityReader:
    aliases = AliasCache(cache, **{"slots": 1024, **given})
    return EntityReader(Listed(), None, max_text_chars=10_000, bases=(), aliases=aliases)


async def publish(reader: EntityReader, item: CleanArticle) -> ArticleEntities:
    """Reads and settles one article, as the engine does."""
    (read,) = await reader.read_whole([item])
    await reader.vote(item, read)
    return read.event


def stored(url: str) -> dict[bytes, bytes]:
    """Everything in Redis, byte for byte."""
    with redis.Redis.from_url(url) as client:
        return {key: client.dump(key) for key in client.keys("*")}


def count(metric: str, result: str) -> float:
    return REGISTRY.get_sample_value(f"newsloom_entities_alias_{metric}_total", {"result": result}) or 0.0


def test_what_three_outlets_print_is_known_the_day_after_and_not_before(redis_url: str) -> None:
    async def use(cache: Cache) -> tuple[ArticleEntities, ArticleEntities]:
        entities = reader(cache)
        for outlet in ("courier", "tidewater", "ledger"):
            await publish(entities, article(FULL, outlet=outlet))
        return await publish(entities, article(SHORT)), await publish(reader(cache), article(SHORT, at=TUESDAY))

    same_day, next_day = run(redis_url, use)
    assert (same_day.entities[0].links, same_day.model.epoch) == ({}, "")
    assert (next_day.entities[0].links, next_day.model.epoch) == ({"full_name": "Ilse Varga"}, "2026-03-09")
    assert next_day.entities[0].name == "Varga"  # the fullest that the article prints


def test_an_article_that_no_alias_changes_is_byte_equal_with_and_without_them(redis_url: str) -> None:
    async def use(cache: Cache) -> tuple[ArticleEntities, ArticleEntities]:
        entities = reader(cache)
        for outlet in ("courier", "tidewater", "ledger"):
            await publish(entities, article(FULL, outlet=outlet))
        without = EntityReader(Listed(), None, max_text_chars=10_000, bases=())
        item = article(FULL + "\n" + SHORT, at=TUESDAY)
        return await publish(reader(cache), item), (await without.read([item]))[0]

    with_them, without = run(redis_url, use)
    assert with_them.to_bytes() == without.to_bytes()


def test_one_outlet_that_repeats_a_wrong_name_changes_nothing(redis_url: str) -> None:
    wrong = FULL.replace("Ilse", "Imre")

    async def after(cache: Cache, poison: bool) -> list[bytes]:
        entities = reader(cache)
        for day in range(5):
            for outlet in ("courier", "tidewater", "ledger"):
                await publish(entities, article(FULL, outlet=outlet, at=MONDAY + timedelta(days=day)))
            for _ in range(20 if poison else 0):
                await publish(entities, article(wrong, outlet="poison", at=MONDAY + timedelta(days=day)))
        asked = [article(SHORT, at=MONDAY + timedelta(days=day)) for day in range(6)]
        return [(await publish(reader(cache), item)).to_bytes() for item in asked]

    clean = run(redis_url, lambda cache: after(cache, False))
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert run(redis_url, lambda cache: after(cache, True)) == clean
    assert b"Ilse Varga" in clean[-1]


def test_one_outlet_alone_teaches_nothing_however_often_it_says_it(redis_url: str) -> None:
    async def use(cache: Cache) -> ArticleEntities:
        entities = reader(cache)
        for hour in range(60):
            await publish(entities, article(FULL, at=MONDAY - timedelta(hours=hour * 6)))
        return await publish(reader(cache), article(SHORT, at=TUESDAY))

    assert run(redis_url, use).entities[0].links == {}


def test_what_an_aggregator_shows_is_not_the_outlets_vote(redis_url: str) -> None:
    async def use(cache: Cache) -> ArticleEntities:
        entities = reader(cache)
        for outlet in ("courier", "tidewater", "ledger", "gazette"):
            item = article(FULL, outlet=outlet, url="https://aggregator.example/a")
            await publish(entities, item)
        return await publish(reader(cache), article(SHORT, at=TUESDAY))

    assert run(redis_url, use).entities[0].links == {}
    assert not any(b"bucket" in key for key in stored(redis_url))


def test_a_redelivered_article_leaves_redis_as_it_was(redis_url: str) -> None:
    async def use(cache: Cache) -> None:
        await publish(reader(cache), article(FULL))

    run(redis_url, use)
    before = stored(redis_url)
    known = count("votes", "known")
    run(redis_url, use)
    assert stored(redis_url) == before
    assert any(b"bucket" in key for key in before)
    assert count("votes", "known") == known + 1


def test_a_days_snapshot_stays_as_it_was_first_read_whatever_is_voted_later(redis_url: str) -> None:
    async def use(cache: Cache) -> list[bytes]:
        entities = reader(cache)
        for outlet in ("courier", "tidewater", "ledger"):
            await publish(entities, article(FULL, outlet=outlet))
        first = await publish(entities, article(SHORT, at=TUESDAY))
        for outlet in "abcdefgh":  # late arrivals of Monday, with another name
            await publish(entities, article(FULL.replace("Ilse", "Imre"), outlet=outlet))
        return [
            event.to_bytes()
            for event in (
                first,
                await publish(entities, article(SHORT, at=TUESDAY)),
                await publish(reader(cache), article(SHORT, at=TUESDAY)),
            )
        ]

    assert len(set(run(redis_url, use))) == 1


def test_of_two_workers_that_make_a_days_snapshot_at_once_the_first_decides_for_both(redis_url: str) -> None:
    async def use(cache: Cache) -> list[Any]:
        first = AliasCache(cache, slots=64)

        class Overtaken(AliasCache):
            async def _made(self, client: Any, day: int) -> dict[Any, str]:
                made = await super()._made(client, day)
                await first.known(TUESDAY)
                return dict.fromkeys(made, "Someone Else")

        for outlet in ("courier", "tidewater", "ledger"):
            await first.vote(outlet, day_of(MONDAY), [Observation("PER", "varga", "Ilse Varga")])
        return [(await Overtaken(cache, slots=64).known(TUESDAY))[1], (await first.known(TUESDAY))[1]]

    assert run(redis_url, use) == [{("PER", "varga"): "Ilse Varga"}] * 2


def test_the_cache_is_bounded_in_aliases_candidates_and_time(redis_url: str) -> None:
    day = day_of(MONDAY)

    async def use(cache: Cache) -> None:
        aliases = AliasCache(cache, slots=2 * MOST_ALIASES)
        for number in range(40):
            seen = [Observation("PER", f"alias{number}x{n}", f"Full Alias{n}") for n in range(25)]
            await aliases.vote(f"outlet{number}.example", day, seen)
            await aliases.vote(f"outlet{number}.example", day, [Observation("PER", "varga", f"Name{number} Varga")])

    run(redis_url, use)
    with redis.Redis.from_url(redis_url) as client:
        buckets = [key for key in client.keys("*") if b"bucket" in key]
        assert sum(client.hlen(key) for key in buckets) <= 2 * MOST_ALIASES
        assert all(client.ttl(key) > 0 for key in buckets)
        entries = [value for key in buckets for value in client.hvals(key)]
    assert max(entry.count(b'"n":') for entry in entries) <= 8


def test_an_outlet_that_floods_the_cache_makes_room_among_its_own(redis_url: str) -> None:
    day = day_of(MONDAY)

    async def use(cache: Cache) -> str:
        aliases = AliasCache(cache, slots=MOST_ALIASES)
        for outlet in ("courier.example", "tidewater.example"):
            await aliases.vote(outlet, day, [Observation("PER", "varga", "Ilse Varga")])
        await aliases.vote("ledger.example", day, [Observation("PER", f"quiet{n}", f"A Quiet{n}") for n in range(20)])
        for start in range(0, 1000, 50):
            flood = [Observation("PER", f"flood{n}", f"A Flood{n}") for n in range(start, start + 50)]
            await aliases.vote("flood.example", day, flood)
        await aliases.vote("ledger.example", day, [Observation("PER", "varga", "Ilse Varga")])
        return (await AliasCache(cache, slots=MOST_ALIASES).known(TUESDAY))[1]["PER", "varga"]

    assert run(redis_url, use) == "Ilse Varga"
    with redis.Redis.from_url(redis_url) as client:
        (bucket,) = (key for key in client.keys("*") if b"bucket" in key)
        fields = client.hkeys(bucket)
    assert sum(field.startswith(b"PER:flood") for field in fields) <= MOST_ALIASES // 4
    assert sum(field.startswith(b"PER:quiet") for field in fields) == MOST_ALIASES // 4


def test_a_redis_that_is_away_costs_the_aliases_and_no_article(fresh_redis: Callable[..., RedisServer]) -> None:
    server = fresh_redis()
    away = count("snapshots", "unavailable"), count("votes", "unavailable")

    async def use(cache: Cache) -> list[ArticleEntities]:
        entities = reader(cache, pause_seconds=3600)
        for outlet in ("courier", "tidewater", "ledger"):
            await publish(entities, article(FULL, outlet=outlet))
        server.kill()
        return [await publish(entities, article(text, at=TUESDAY)) for text in (FULL, SHORT, SHORT)]

    events = run(server.url, use, timeout_seconds=1.0)
    assert [event.model.epoch for event in events] == ["", "", ""]
    assert all(event.mentions for event in events)
    assert (count("snapshots", "unavailable"), count("votes", "unavailable")) == (away[0] + 3, away[1] + 1)


def test_what_lies_in_redis_and_is_not_ours_teaches_nothing(redis_url: str) -> None:
    async def use(cache: Cache) -> ArticleEntities:
        await publish(reader(cache, slots=64), article(FULL))
        with redis.Redis.from_url(redis_url) as client:
            (bucket,) = (key for key in client.keys("*") if b"bucket" in key)
            client.hset(bucket, mapping={"PER:x": b"\xff", "PER:y": b"[]", "PER:z": b'{"c": {"a": 1}}'})
        return await publish(reader(cache, slots=64), article(SHORT, at=TUESDAY))

    assert run(redis_url, use).entities[0].links == {}


def test_the_service_votes_only_once_an_article_is_settled(redis_url: str) -> None:
    service = build(RuntimeSettings(redis_url=SecretStr(redis_url)), EntitiesSettings())
    item = article("Margarethe Lindqvist told a committee that the dam was safe. Lindqvist said it twice.")

    async def process() -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
        try:
            outcome = await service.process(item, None)  # type: ignore[arg-type]
            assert isinstance(outcome, Emit)
            before = stored(redis_url)
            for hook in outcome.after_settle:
                await hook()
            return before, stored(redis_url)
        finally:
            await service.stop()

    before, after = asyncio.run(process())
    assert not any(b"bucket" in key for key in before)
    assert any(b"bucket" in key for key in after)
