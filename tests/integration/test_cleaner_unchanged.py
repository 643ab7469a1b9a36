"""Unchanged refetches on a real Redis: who may be discarded, what happens without Redis, and in what batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import redis
from pydantic import SecretStr

from schemas.articles import RawArticle
from services.cleaner.service import CleanerSettings, build
from services.local.redis_server import RedisServer
from services.runtime.service import Discard, Emit, Outcome, Record, Service
from services.runtime.settings import RuntimeSettings

BODY = "".join(
    f"<p>The harbour council of {town} voted on Monday to open its bridge to cyclists after a long debate.</p>"
    for town in ("Tollgate", "Merrow", "Saltby", "Quay End")
)


def record(number: int, body: str = BODY, **fields: Any) -> Record:
    raw = RawArticle.model_validate(
        {
            "url": "https://one.example/news/1",
            "fetched_at": f"2026-03-02T09:{number:02}:00Z",
            "html": f"<title>Bridges open</title><article><h1>Bridges open</h1>{body}</article>",
            "publisher": {"name": "tests"},
            **fields,
        }
    )
    return Record("raw-articles", 0, number, None, raw.to_bytes(), (), datetime(2026, 3, 2, 10, tzinfo=UTC))


def run(url: str, batches: Sequence[Sequence[Record]], refused: Collection[int] = (), **settings: Any) -> list[Outcome]:
    """The outcomes of the records; hooks run once their whole batch is through, as in the engine.

    A refused record (`refused` counts them from 0) has its hooks taken from it.
    """

    async def through() -> list[Outcome]:
        runtime = RuntimeSettings(redis_url=SecretStr(url), redis_timeout_seconds=1)
        service: Service[RawArticle] = build(runtime, CleanerSettings(**settings))
        outcomes: list[Outcome] = []
        for batch in batches:
            items = [(RawArticle.from_bytes(each.value or b""), each) for each in batch]
            await service.prepare(batch)
            fresh = [await service.process(*item) for item in items]
            for number, outcome in enumerate(fresh, len(outcomes)):
                for hook in () if number in refused else outcome.after_settle:
                    await hook()
            await service.settled()
            outcomes += fresh
        await service.stop()
        return outcomes

    return asyncio.run(through())


def kinds(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.reason if isinstance(outcome, Discard) else "emitted" for outcome in outcomes]


def test_another_fetch_of_the_same_is_discarded_and_a_redelivery_is_emitted_again(redis_url: str) -> None:
    changed = record(4, BODY.replace("Merrow", "Farrow"))
    outcomes = run(redis_url, [[record(1)], [record(1)], [record(2)], [record(2)], [changed], [changed], [record(5)]])
    assert kinds(outcomes) == ["emitted", "emitted", "unchanged", "unchanged", "emitted", "emitted", "emitted"]
    first, again = outcomes[0], outcomes[1]
    assert isinstance(first, Emit)
    assert isinstance(again, Emit)
    assert [publish.event and publish.event.to_bytes() for publish in first.publishes] == [
        publish.event and publish.event.to_bytes() for publish in again.publishes
    ]


def test_outcomes_do_not_depend_on_how_records_fall_into_batches(
    redis_url: str, fresh_redis: Callable[..., RedisServer]
) -> None:
    records = [record(1), record(2), record(1), record(3, BODY.replace("Merrow", "Farrow"))]
    assert kinds(run(redis_url, [records])) == kinds(run(fresh_redis().url, [[each] for each in records]))


def test_a_memo_is_written_only_once_its_batch_is_settled(redis_url: str) -> None:
    async def process_only() -> None:
        service = build(RuntimeSettings(redis_url=SecretStr(redis_url)), CleanerSettings())
        one = record(1)
        await service.process(RawArticle.from_bytes(one.value or b""), one)
        await service.stop()

    asyncio.run(process_only())
    # the process died before its events were settled: the next fetch is emitted
    assert kinds(run(redis_url, [[record(2)]])) == ["emitted"]


def test_a_page_whose_event_was_refused_has_said_nothing(redis_url: str) -> None:
    assert kinds(run(redis_url, [[record(1)], [record(2)]], refused=[0])) == ["emitted", "emitted"]


def test_a_batch_asks_redis_once_and_tells_it_once(fresh_redis: Callable[..., RedisServer]) -> None:
    server = fresh_redis()
    batch = [record(number, url=f"https://one.example/news/{number}") for number in range(1, 9)]
    assert set(kinds(run(server.url, [batch], learn_boilerplate=False))) == {"emitted"}
    again = [record(number + 20, url=f"https://one.example/news/{number}") for number in range(1, 9)]
    assert set(kinds(run(server.url, [again], learn_boilerplate=False))) == {"unchanged"}
    with redis.Redis.from_url(server.url) as client:
        stats: Any = client.info("commandstats")
    # two questions, and one answer to remember: what is unchanged is remembered already
    assert stats["cmdstat_eval"]["calls"] == 3
    assert stats["cmdstat_get"]["calls"] == 16


def test_without_redis_pages_are_emitted(fresh_redis: Callable[..., RedisServer]) -> None:
    server = fresh_redis()
    server.stop()
    assert kinds(run(server.url, [[record(1)], [record(2)]])) == ["emitted", "emitted"]


def test_another_generation_emits_again(redis_url: str) -> None:
    assert kinds(run(redis_url, [[record(1)]])) == ["emitted"]
    assert kinds(run(redis_url, [[record(2)]])) == ["unchanged"]
    assert kinds(run(redis_url, [[record(3)]], generation="2")) == ["emitted"]
    assert kinds(run(redis_url, [[record(4)]], discard_unchanged=False)) == ["emitted"]


def test_a_withdrawal_passes_without_a_memo(redis_url: str) -> None:
    assert kinds(run(redis_url, [[record(1)], [record(2, status="withdrawn")]])) == ["emitted", "emitted"]
