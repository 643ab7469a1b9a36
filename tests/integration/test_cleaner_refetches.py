"""What the cleaner remembers of a page, in the real Redis: the owner rule, and what happens without Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.articles import CleanArticle, RawArticle
from schemas.topics import RAW_ARTICLES
from services.cleaner.service import CleanerSettings, build
from services.local.redis_server import RedisServer
from services.runtime.service import Discard, Emit, InvalidRecordError, Outcome, Record
from services.runtime.settings import RuntimeSettings
from tests.newsroom import MadeArticle, made_articles

ARTICLE = next(iter(made_articles(1, copied=0, seed=5)))


def record_of(value: bytes) -> Record:
    return Record(RAW_ARTICLES.name, 0, 0, b"k", value, (), datetime(2026, 3, 2, 12, tzinfo=UTC))


def fetch(article: MadeArticle = ARTICLE, **fields: Any) -> bytes:
    return json.dumps({**json.loads(article.raw()), **fields}).encode()


def outcomes(
    redis_url: str, *values: bytes, settle: bool = True, between: Callable[[], None] | None = None
) -> list[Outcome]:
    """What the cleaner makes of `values`, one after the other; hooks are run when `settle`."""

    async def run() -> list[Outcome]:
        service = build(RuntimeSettings(redis_url=redis_url, redis_timeout_seconds=0.5), CleanerSettings())  # type: ignore[arg-type]
        await service.start()
        found: list[Outcome] = []
        for value in values:
            outcome = await service.process(RawArticle.from_bytes(value), record_of(value))
            found.append(outcome)
            if settle:
                for hook in outcome.after_settle:
                    await hook()
                await service.settled()
            if between is not None:
                between()
        await service.stop()
        return found

    return asyncio.run(run())


def bodies(outcome: Outcome) -> list[bytes]:
    assert isinstance(outcome, Emit)
    return [publish.event.to_bytes() for publish in outcome.publishes if publish.event is not None]


LATER = {"fetched_at": "2026-03-02T09:00:00Z"}


def test_a_page_that_says_the_same_later_is_unchanged(redis_url: str) -> None:
    first, second = outcomes(redis_url, fetch(), fetch(**LATER))
    assert isinstance(first, Emit)
    assert isinstance(second, Discard)
    assert second.reason == "unchanged"


def test_the_same_record_again_is_emitted_again_byte_for_byte(redis_url: str) -> None:
    first, again = outcomes(redis_url, fetch(), fetch())
    assert bodies(first) == bodies(again)
    # and in a process that has only Redis to remember
    [restarted] = outcomes(redis_url, fetch())
    assert bodies(restarted) == bodies(first)


def test_a_page_is_remembered_by_other_workers_only_once_it_is_settled(redis_url: str) -> None:
    outcomes(redis_url, fetch(), settle=False)
    [second] = outcomes(redis_url, fetch(**LATER))
    assert isinstance(second, Emit), "what was never settled must not hide a later fetch"


def test_within_one_worker_batches_do_not_matter(redis_url: str) -> None:
    _, second = outcomes(redis_url, fetch(), fetch(**LATER), settle=False)
    assert isinstance(second, Discard)


def test_a_page_that_says_something_else_is_emitted(redis_url: str) -> None:
    other = next(iter(made_articles(1, copied=0, seed=6)))
    changed = fetch(other, url=ARTICLE.url, **LATER)
    first, second = outcomes(redis_url, fetch(), changed)
    assert isinstance(second, Emit)
    ids = [CleanArticle.from_bytes(bodies(outcome)[0]).article_id for outcome in (first, second)]
    assert ids[0] == ids[1]


def test_a_withdrawn_page_is_withdrawn_and_news_again_when_it_comes_back(redis_url: str) -> None:
    withdrawn = fetch(status="withdrawn", html=None, **LATER)
    first, gone, back = outcomes(redis_url, fetch(), withdrawn, fetch(fetched_at="2026-03-02T10:00:00Z"))
    article = CleanArticle.from_bytes(bodies(gone)[0])
    assert (article.status, article.text) == ("withdrawn", "")
    assert article.article_id == CleanArticle.from_bytes(bodies(first)[0]).article_id
    assert isinstance(back, Emit)


def test_without_redis_everything_is_emitted(fresh_redis: Callable[..., RedisServer]) -> None:
    server = fresh_redis()
    first, second = outcomes(server.url, fetch(), fetch(**LATER), between=server.stop)
    assert isinstance(first, Emit)
    assert isinstance(second, Emit)


def test_a_fetch_from_the_future_is_invalid(redis_url: str) -> None:
    with pytest.raises(InvalidRecordError, match="fetched_at"):
        outcomes(redis_url, fetch(fetched_at="2026-03-02T13:30:00Z"))
