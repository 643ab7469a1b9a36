"""How many articles a call holds, and how many calls wait for an answer, changes no answer."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from services.duplicates.index import AddReply, Arrival, Found
from services.duplicates.matching import arrive
from services.duplicates.redis_index import IndexSettings, RedisArticleIndex
from services.duplicates.service import DuplicateFinder
from services.local.redis_server import RedisServer
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError
from tests.duplicates_support import WordMill, article, runtime

MILL = WordMill(61)


def test_answers_are_those_of_one_article_after_the_other(redis_url: str) -> None:
    rng = random.Random(11)
    texts = [MILL.text(rng.randrange(60, 700)) for _ in range(25)]
    # copies of what stands before them, in the same call, the same batch or an earlier one
    texts = [texts[rng.randrange(place + 1)] if rng.random() < 0.5 else texts[place] for place in range(25)] * 2
    events = [article(text, name=f"{n}", outlet=f"outlet {n}", minutes=n) for n, text in enumerate(texts)]
    arrivals = [arrive(event, event.article_id)[1] for event in events]

    async def answers(name: str, *, batch: int, together: int) -> list[AddReply]:
        cache = Cache(runtime(redis_url), "duplicates")
        index = RedisArticleIndex(cache, IndexSettings(name=name), together=together)
        await DuplicateFinder(index, None).open()
        found: list[AddReply] = []
        for at in range(0, len(arrivals), batch):
            found += await index.add(arrivals[at : at + batch], {}, {})
        await cache.close()
        return found

    alone = asyncio.run(answers("alone", batch=1, together=1))
    assert sum(bool(reply.candidates) for reply in alone if isinstance(reply, Found)) > 25
    assert asyncio.run(answers("inflight", batch=50, together=1)) == alone
    assert asyncio.run(answers("together", batch=50, together=8)) == alone
    assert asyncio.run(answers("some", batch=7, together=3)) == alone


def test_a_redis_that_stands_still_is_given_up_in_time_and_no_late_answer_is_taken_for_another(
    fresh_redis: Callable[..., RedisServer],
) -> None:
    server = fresh_redis()
    settings = runtime(server.url).model_copy(update={"redis_timeout_seconds": 0.3})
    events = [article(MILL.text(300), name=f"{n}", outlet=f"outlet {n}", minutes=n) for n in range(20)]
    arrivals = [arrive(event, event.article_id)[1] for event in events]

    async def main() -> list[AddReply]:
        cache = Cache(settings, "duplicates")
        index = RedisArticleIndex(cache, IndexSettings(), together=1)
        await DuplicateFinder(index, None).open()
        try:
            await index.add(arrivals[:5], {}, {})
            assert server.pid is not None
            os.kill(server.pid, signal.SIGSTOP)
            try:
                started = time.monotonic()
                with pytest.raises(DependencyError, match="Redis failed at add"):
                    await index.add(arrivals[5:], {}, {})
                assert time.monotonic() - started < 3
            finally:
                os.kill(server.pid, signal.SIGCONT)
            # what was sent before is done by now, and answered to nobody
            return await index.add(arrivals, {}, {})
        finally:
            await cache.close()

    replies = asyncio.run(main())
    assert [reply.number for reply in replies if isinstance(reply, Found)] == list(range(1, 21))


def test_answers_that_nobody_read_are_not_taken_for_those_of_the_next_articles(redis_url: str) -> None:
    events = [article(MILL.text(300), name=f"{n}", outlet=f"outlet {n}", minutes=n) for n in range(20)]
    arrivals = [arrive(event, event.article_id)[1] for event in events]

    def broken() -> Iterator[Arrival]:
        yield from arrivals[:15]
        raise ZeroDivisionError

    async def main() -> list[AddReply]:
        cache = Cache(runtime(redis_url), "duplicates")
        index = RedisArticleIndex(cache, IndexSettings(), together=1)
        await DuplicateFinder(index, None).open()
        with pytest.raises(ZeroDivisionError):
            await index.add(broken(), {}, {})
        replies = await index.add(arrivals[15:], {}, {}) + await index.add(arrivals[:15], {}, {})
        await cache.close()
        return replies

    replies = [reply for reply in asyncio.run(main()) if isinstance(reply, Found)]
    assert len(replies) == 20
    # what was sent before the error has its number already
    first = min(reply.number for reply in replies[:5])
    assert [reply.number for reply in replies[:5]] == list(range(first, first + 5))
    assert 1 < first <= 16
