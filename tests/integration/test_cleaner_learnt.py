"""What outlets repeat, in the real Redis: learnt from one day's pages and taken off the next day's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from prometheus_client import REGISTRY

from schemas.articles import CleanArticle, RawArticle
from schemas.topics import RAW_ARTICLES
from services.cleaner.learnt import Sighting
from services.cleaner.learnt_lines import MOST_LINES, MOST_VOTERS, LearntLines
from services.cleaner.service import CleanerSettings, build
from services.local.redis_server import RedisServer
from services.runtime.cache import Cache
from services.runtime.service import Discard, Emit, Outcome, Record
from services.runtime.settings import RuntimeSettings
from tests.newsroom import made_articles

DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
MOTTO = "The Courier has reported from Corran harbour since 1894 and belongs to those who read it."
ARTICLES = [
    replace(article, url=f"https://courier.example/news/{article.number}", outlet="Corran Courier")
    for article in made_articles(24, copied=0, seed=9)
]

Fetch = tuple[bytes, datetime]


def fetch(number: int, day: int, *, line: str = MOTTO, late: timedelta = timedelta(), **changes: Any) -> Fetch:
    """Article `number` as fetched on `day`, with `line` in its text, and when its record was written."""
    article = ARTICLES[number]
    paragraphs = [*article.paragraphs[:-1], line, article.paragraphs[-1]] if line else article.paragraphs
    article = replace(article, **{"paragraphs": tuple(paragraphs), **changes})
    fetched_at = DAY + timedelta(days=day, minutes=number)
    return replace(article, fetched_at=fetched_at).raw(), fetched_at + timedelta(seconds=5) + late


def outcomes(redis_url: str, fetches: Sequence[Fetch], **settings: Any) -> list[Outcome]:
    """What a cleaner that has just started makes of `fetches`, each settled before the next."""

    async def run() -> list[Outcome]:
        service = build(RuntimeSettings(redis_url=redis_url, redis_timeout_seconds=0.5), CleanerSettings(**settings))  # type: ignore[arg-type]
        await service.start()
        found: list[Outcome] = []
        for value, recorded_at in fetches:
            record = Record(RAW_ARTICLES.name, 0, 0, b"k", value, (), recorded_at)
            found.append(await service.process(RawArticle.from_bytes(value), record))
            for hook in found[-1].after_settle:
                await hook()
            await service.settled()
        await service.stop()
        return found

    return asyncio.run(run())


def articles(found: Sequence[Outcome]) -> list[CleanArticle]:
    events: list[CleanArticle] = []
    for outcome in found:
        assert isinstance(outcome, Emit)
        for publish in outcome.publishes:
            assert isinstance(publish.event, CleanArticle)
            events.append(publish.event)
    return events


def lookups(result: str) -> float:
    return REGISTRY.get_sample_value("newsloom_cleaner_learnt_lookups_total", {"result": result}) or 0.0


def test_a_line_that_recurs_is_taken_off_from_the_next_day_on(redis_url: str) -> None:
    first_day = articles(outcomes(redis_url, [fetch(number, 0) for number in range(6)]))
    assert all(MOTTO in article.text and not article.extraction.epoch for article in first_day)
    [second] = articles(outcomes(redis_url, [fetch(7, 1)]))
    assert MOTTO not in second.text
    assert second.extraction.epoch == "2026-03-02"
    assert [(span.kind, span.rule, span.text) for span in second.removed if span.text == MOTTO] == [
        ("boilerplate", "recurs_at_outlet", MOTTO)
    ]
    # what else the article says stays
    assert second.text.split("\n") == list(ARTICLES[7].paragraphs)


def test_a_page_without_such_lines_is_as_if_nothing_were_learnt(redis_url: str) -> None:
    outcomes(redis_url, [fetch(number, 0) for number in range(6)])
    [article] = articles(outcomes(redis_url, [fetch(7, 1, line="")]))
    [alone] = articles(outcomes(redis_url, [fetch(7, 1, line="")], learn_boilerplate=False))
    assert article.to_bytes() == alone.to_bytes()


def test_nothing_is_learnt_where_it_is_switched_off(redis_url: str) -> None:
    outcomes(redis_url, [fetch(number, 0) for number in range(6)])
    [article] = articles(outcomes(redis_url, [fetch(7, 1)], learn_boilerplate=False))
    assert MOTTO in article.text


def test_redelivery_gives_the_same_bytes_whatever_was_counted_since(redis_url: str) -> None:
    outcomes(redis_url, [fetch(number, 0) for number in range(3)])
    [first] = articles(outcomes(redis_url, [fetch(7, 1)]))
    assert MOTTO in first.text  # three pages are too few
    # late pages of the first day, and more of the second: today's snapshot is frozen, tomorrow's holds them
    outcomes(redis_url, [fetch(number, 0, late=timedelta(days=1)) for number in range(8, 13)])
    outcomes(redis_url, [fetch(number, 1) for number in range(13, 16)])
    [again] = articles(outcomes(redis_url, [fetch(7, 1)]))
    assert again.to_bytes() == first.to_bytes()
    [tomorrow] = articles(outcomes(redis_url, [fetch(16, 2)]))
    assert MOTTO not in tomorrow.text
    [tomorrow_again] = articles(outcomes(redis_url, [fetch(16, 2)]))
    assert tomorrow_again.to_bytes() == tomorrow.to_bytes()


def test_a_redelivered_page_is_counted_once(redis_url: str) -> None:
    for _ in range(6):
        outcomes(redis_url, [fetch(1, 0)])
    [article] = articles(outcomes(redis_url, [fetch(7, 1)]))
    assert MOTTO in article.text
    with redis.Redis.from_url(redis_url) as client:
        [lines] = client.keys("newsloom:cleaner:*:lines:*:2026-03-02")
        assert set(client.hvals(lines)) == {b"1"}


def test_an_article_that_is_fetched_day_after_day_does_not_teach_its_own_text(redis_url: str) -> None:
    for day in range(5):
        # a changed last paragraph, so that it is no unchanged refetch; the headline changes as well
        outcomes(
            redis_url, [fetch(1, day, line=f"Updated for the {day}th time.", headline=f"Harbour vote, part {day}")]
        )
    # most of it is rewritten then
    paragraphs = (ARTICLES[1].paragraphs[0], *ARTICLES[2].paragraphs)
    [article] = articles(outcomes(redis_url, [fetch(1, 5, paragraphs=paragraphs)]))
    assert article.text.split("\n") == list(paragraphs)


def test_an_article_under_many_addresses_does_not_teach_its_own_text(redis_url: str) -> None:
    copies = [fetch(1, 0, url=f"https://courier.example/news/{copy}/1") for copy in range(8)]
    outcomes(redis_url, copies)
    paragraphs = (ARTICLES[1].paragraphs[0], *ARTICLES[2].paragraphs)
    [article] = articles(outcomes(redis_url, [fetch(3, 1, paragraphs=paragraphs)]))
    assert article.text.split("\n") == list(paragraphs)


def test_what_most_of_a_text_consists_of_is_never_taken_off(redis_url: str) -> None:
    # a template: other headlines and addresses, one text
    body = ARTICLES[1].paragraphs
    outcomes(
        redis_url,
        [fetch(n, 0, line="", paragraphs=(*body, ARTICLES[n].paragraphs[0])) for n in range(2, 10)],
    )
    [article] = articles(outcomes(redis_url, [fetch(11, 1, line="", paragraphs=(*body, ARTICLES[11].paragraphs[0]))]))
    assert article.text.split("\n")[0] == body[0]


def test_lines_learnt_at_one_outlet_say_nothing_of_another(redis_url: str) -> None:
    outcomes(redis_url, [fetch(number, 0) for number in range(6)])
    elsewhere = {"url": "https://tidewater.example/news/1", "outlet": "Tidewater Post"}
    [article] = articles(outcomes(redis_url, [fetch(7, 1, **elsewhere)]))
    assert MOTTO in article.text
    # nor does a page elsewhere that calls itself the outlet
    [article] = articles(outcomes(redis_url, [fetch(8, 1, url="https://tidewater.example/news/2")]))
    assert MOTTO in article.text


def test_a_line_of_few_articles_among_many_is_not_learnt(redis_url: str) -> None:
    outcomes(redis_url, [fetch(number, 0, line=MOTTO if number < 4 else "") for number in range(20)])
    [article] = articles(outcomes(redis_url, [fetch(21, 1)]))
    assert MOTTO in article.text


def test_what_changes_with_learning_alone_is_an_unchanged_page(redis_url: str) -> None:
    outcomes(redis_url, [fetch(number, 0) for number in range(6)])
    [outcome] = outcomes(redis_url, [fetch(1, 1)])
    assert isinstance(outcome, Discard)
    assert outcome.reason == "unchanged"


def test_a_page_that_was_published_long_after_its_fetch_neither_learns_nor_teaches(redis_url: str) -> None:
    late = timedelta(days=8)
    outcomes(redis_url, [fetch(number, 0, late=late) for number in range(6)])
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys("newsloom:cleaner:*:lines:*") == []
    outcomes(redis_url, [fetch(number, 0) for number in range(6)])
    [article] = articles(outcomes(redis_url, [fetch(7, 1, late=late)]))
    assert MOTTO in article.text
    assert not article.extraction.epoch


def test_without_redis_articles_are_emitted_and_it_is_counted(fresh_redis: Callable[..., RedisServer]) -> None:
    server = fresh_redis()
    outcomes(server.url, [fetch(number, 0) for number in range(6)])
    server.stop()
    before = lookups("unavailable")
    [article] = articles(outcomes(server.url, [fetch(7, 1)]))
    assert MOTTO in article.text
    assert not article.extraction.epoch
    assert lookups("unavailable") == before + 1


def test_everything_in_redis_expires_and_is_bounded(redis_url: str) -> None:
    """More articles, lines and places than the bounds: the first are kept, and all keys have a time to live."""

    async def run() -> None:
        cache = Cache(RuntimeSettings(redis_url=redis_url), "cleaner")  # type: ignore[arg-type]
        lines = LearntLines(cache, places=16 * 3, min_articles=4, min_share=0.25)
        for number in range(MOST_VOTERS):
            own = [f"{number} {line}".encode().ljust(8)[:8] for line in range(60)]
            seen = Sighting("a" * 32, (f"p{number}".encode(), f"h{number}".encode()), (b"motto---", *own))
            await lines.count([(seen, DAY.date())])
        for number in range(10):
            seen = Sighting(f"a{number:031}", (b"p", b"h"), (b"motto---",))
            await lines.count([(seen, DAY.date())])
        epoch, learnt = await lines.snapshot("a" * 32, fetched_at=DAY + timedelta(days=1))
        assert (epoch, learnt) == ("2026-03-02", {b"motto---"})
        await cache.close()

    asyncio.run(run())
    with redis.Redis.from_url(redis_url) as client:
        [held] = client.keys(f"newsloom:cleaner:*:lines:{'a' * 32}:*")
        assert client.hlen(held) <= MOST_LINES
        assert client.hget(held, "n") == str(MOST_VOTERS // 2).encode()
        [voters] = client.keys(f"newsloom:cleaner:*:voters:{'a' * 32}:*")
        assert client.hlen(voters) == MOST_VOTERS
        assert client.memory_usage(held) + client.memory_usage(voters) < 16_000
        # three places of one shard, whatever asks
        assert len(client.keys("newsloom:cleaner:*:lines:*")) == 3
        assert all(client.ttl(key) > 0 for key in client.keys("*"))


@pytest.mark.parametrize("operation", ["freeze", "count"])
def test_racing_workers_count_once_and_freeze_once(redis_url: str, operation: str) -> None:
    async def run() -> None:
        caches = [Cache(RuntimeSettings(redis_url=redis_url), "cleaner") for _ in range(4)]  # type: ignore[arg-type]
        workers = [LearntLines(cache, places=1600, min_articles=2, min_share=0.25) for cache in caches]
        seen = [Sighting("b" * 32, (b"p%d" % n, b"h%d" % n), (b"motto---", b"own%05d" % n)) for n in range(6)]

        async def work(number: int) -> frozenset[bytes]:
            for sighting in seen if operation == "count" else seen[number : number + 2]:
                await workers[number].count([(sighting, DAY.date())])
            return (await workers[number].snapshot("b" * 32, fetched_at=DAY + timedelta(days=1)))[1]

        snapshots = await asyncio.gather(*(work(number) for number in range(4)))
        if operation == "freeze":
            assert len(set(snapshots)) == 1
        for cache in caches:
            await cache.close()

    asyncio.run(run())
    with redis.Redis.from_url(redis_url) as client:
        [held] = client.keys(f"newsloom:cleaner:*:lines:{'b' * 32}:*")
        counts = client.hgetall(held)
        assert all(count == b"1" for line, count in counts.items() if line.startswith(b"own"))


def test_articles_counted_together_are_those_counted_one_by_one(fresh_redis: Callable[..., RedisServer]) -> None:
    """Known, full and enough among them; together they are one call."""
    seen = [
        Sighting(
            f"{number % 5:x}" * 32, (b"p%d" % (number % 70), b"h%d" % (number % 90)), (b"motto---", b"%08d" % number)
        )
        for number in range(100)
    ]
    seen += [Sighting("0" * 32, (b"q%d" % number, b"r%d" % number), (b"motto---",)) for number in range(MOST_VOTERS)]
    seen += [Sighting(f"0{number:031}", (b"p", b"h"), (b"motto---",)) for number in range(1, 4)]

    async def counted(url: str, together: int) -> dict[str, float]:
        cache = Cache(RuntimeSettings(redis_url=url), "cleaner")  # type: ignore[arg-type]
        lines = LearntLines(cache, places=16 * 2, min_articles=4, min_share=0.25)
        before = {result: counts(result) for result in ("counted", "known", "full", "enough")}
        for at in range(0, len(seen), together):
            await lines.count_later(seen[at : at + together], fetched_at=DAY)()
            await lines.flush()
        await cache.close()
        return {result: counts(result) - number for result, number in before.items()}

    def counts(result: str) -> float:
        return REGISTRY.get_sample_value("newsloom_cleaner_learnt_articles_total", {"result": result}) or 0.0

    def held(server: RedisServer) -> tuple[dict[Any, Any], int]:
        client: Any
        with redis.Redis.from_url(server.url) as client:
            keys = sorted(client.keys("*"))
            found = {key: client.hgetall(key) if client.type(key) == b"hash" else client.smembers(key) for key in keys}
            stats: Any = client.info("commandstats")
            return found, stats["cmdstat_eval"]["calls"]

    one, many = fresh_redis(), fresh_redis()
    singly, together = asyncio.run(counted(one.url, 1)), asyncio.run(counted(many.url, 50))
    assert singly == together
    assert all(number > 0 for number in singly.values())
    assert held(one)[0] == held(many)[0]
    assert (held(one)[1], held(many)[1]) == (len(seen), len(seen) // 50 + 1)
