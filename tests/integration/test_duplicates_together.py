"""How many articles a call holds, and how many calls wait for an answer, changes no answer."""

from __future__ import annotations

import asyncio
import random

from services.duplicates.index import AddReply, Found
from services.duplicates.matching import arrive
from services.duplicates.redis_index import IndexSettings, RedisArticleIndex
from services.duplicates.service import DuplicateFinder
from services.runtime.cache import Cache
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
