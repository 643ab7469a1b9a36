"""Whatever the order in which workers reach the index: the same pairs, and the same members in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import redis as redis_client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.articles import CleanArticle
from services.duplicates.check import compare
from services.duplicates.redis_index import IndexSettings, RedisArticleIndex
from services.duplicates.service import DuplicateFinder
from services.duplicates.shingles import fold, shingle, tokenize
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError
from services.runtime.service import Outcome
from tests.duplicates_support import WordMill, article, pairs_and_members, records, runtime, values

MILL = WordMill(11)
_BASES = [MILL.text(150) for _ in range(3)]
# two families that a joint text unites, copies with edits, and texts alone
_TEXTS = [
    _BASES[0],
    MILL.edited(_BASES[0], 0.02),
    MILL.edited(_BASES[0], 0.03),
    _BASES[1],
    MILL.edited(_BASES[1], 0.02),
    _BASES[0] + "\n" + _BASES[1],
    _BASES[2],
    MILL.edited(_BASES[0], 0.02),
    _BASES[1] + " And a line.",
    MILL.text(150),
]
EVENTS = [article(text, name=f"p{i}", outlet=f"Outlet {i}", minutes=i) for i, text in enumerate(_TEXTS)]


class Turnstile:
    """Lets one worker at a time go on to its next call of Redis: which one, the example says."""

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = list(choices)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._running = 0

    async def pass_through(self, worker: int) -> None:
        """Returns when it is this worker's turn."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[worker] = mine
        self._running -= 1
        self._release()
        await mine

    def enter(self) -> None:
        """A worker begins."""
        self._running += 1

    def leave(self) -> None:
        """A worker is done."""
        self._running -= 1
        self._release()

    def _release(self) -> None:
        if self._running or not self._waiting:
            return
        order = sorted(self._waiting)
        chosen = order[(self._choices.pop() if self._choices else 0) % len(order)]
        self._running += 1
        self._waiting.pop(chosen).set_result(None)


class GatedIndex(RedisArticleIndex):
    """The index, with a turnstile before each call."""

    turnstile: Turnstile
    worker: int

    async def _run(self, operation: str, calls: Iterable[tuple[str, str, list[Any]]]) -> list[Any]:
        await self.turnstile.pass_through(self.worker)
        return await super()._run(operation, calls)


async def _work(
    url: str, plan: Sequence[Sequence[int]], choices: Sequence[int], batch: int, shards: int
) -> list[Outcome]:
    """The outcomes of all workers; each goes through its own articles, again from the start where it is told to."""
    turnstile = Turnstile(choices)
    opener = RedisArticleIndex(Cache(runtime(url), "duplicates"), IndexSettings(shards=shards))
    await DuplicateFinder(opener, None).open()
    await opener._cache.close()

    async def worker(number: int, mine: Sequence[int]) -> list[Outcome]:
        cache = Cache(runtime(url), "duplicates")
        index = GatedIndex(cache, IndexSettings(shards=shards))
        index.turnstile, index.worker = turnstile, number
        finder = DuplicateFinder(index, None)
        await finder.open()
        outcomes: list[Outcome] = []
        turnstile.enter()
        try:
            for at in range(0, len(mine), batch):
                part: list[CleanArticle] = [EVENTS[place] for place in mine[at : at + batch]]
                while True:
                    try:
                        outcomes += await finder.process_batch(list(zip(part, records(part), strict=True)))
                        break
                    except DependencyError:
                        continue
        finally:
            turnstile.leave()
            await cache.close()
        return outcomes

    # everyone is inside before the first is let through
    turnstile._running += 1
    tasks = [asyncio.create_task(worker(number, mine)) for number, mine in enumerate(plan)]
    await asyncio.sleep(0)
    turnstile.leave()
    return [outcome for outcomes in await asyncio.gather(*tasks) for outcome in outcomes]


def _found(outcomes: Sequence[Outcome]) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    return pairs_and_members((topic, value) for outcome in outcomes for topic, _, value in values(outcome))


def _expected() -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """The same by comparing everything with everything."""
    shingles = [shingle(tokenize(fold(text))) for text in _TEXTS]
    pairs: set[frozenset[str]] = set()
    sets = [{event.article_id} for event in EVENTS]
    for i, one in enumerate(EVENTS):
        for j in range(i):
            overlap = compare(shingles[i], shingles[j])
            if overlap.jaccard >= 0.5 or overlap.containment >= 0.8:
                pairs.add(frozenset((one.article_id, EVENTS[j].article_id)))
                joined = sets[i] | sets[j]
                for held in joined:
                    sets[[event.article_id for event in EVENTS].index(held)] = joined
    return pairs, {frozenset(held) for held in sets if len(held) > 1}


EXPECTED = _expected()


# no shrinking: an example takes a quarter of a second, and any that fails says enough
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    order=st.permutations(range(len(EVENTS))),
    cuts=st.lists(st.integers(0, len(EVENTS)), min_size=2, max_size=2),
    redelivered=st.lists(st.integers(0, len(EVENTS) - 1), max_size=4, unique=True),
    choices=st.lists(st.integers(0, 2), max_size=40),
    batch=st.sampled_from([1, 2, 5]),
    shards=st.sampled_from([1, 1, 3]),
)
def test_pairs_and_members_are_the_same_in_every_interleaving(
    redis_url, order, cuts, redelivered, choices, batch, shards
):
    with redis_client.Redis.from_url(redis_url) as client:
        client.flushall()
    first, second = sorted(cuts)
    plan = [order[:first], order[first:second], [*order[second:], *redelivered]]
    outcomes = asyncio.run(_work(redis_url, plan, choices, batch, shards))
    assert len(EXPECTED[0]) == 16
    assert _found(outcomes) == EXPECTED
