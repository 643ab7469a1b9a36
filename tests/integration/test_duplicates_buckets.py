"""Where a sketch hash lies in Redis, at any number of buckets: a running index is read by the release after it."""

from __future__ import annotations

import asyncio
import random

import pytest
import redis as redis_client

from services.duplicates.index import Found
from services.duplicates.matching import arrive
from services.duplicates.redis_index import IndexSettings, RedisArticleIndex
from services.duplicates.service import DuplicateFinder
from services.runtime.cache import Cache
from tests.duplicates_support import WordMill, article, runtime

MILL = WordMill(97)
LEAD = b"newsloom:duplicates:{%s}:"


def _place(tag: bytes, buckets: int) -> int:
    """Litwin's linear hashing on the first three bytes, lowest first."""
    span = 1
    while span <= buckets:
        span *= 2
    place = int.from_bytes(tag[:3], "little") % span
    return place if place < buckets else place - span // 2


@pytest.mark.parametrize(
    "buckets", [200, 256, 257, 300, 4096, 4097, 5000, 8191, 32768, 40000, 65535, 65536, 65537, 94000, 131073, 470000]
)
def test_a_hash_lies_where_linear_hashing_puts_it(redis_url: str, buckets: int) -> None:
    texts = [MILL.text(random.Random(place).randrange(200, 900)) for place in range(12)]

    async def main() -> list[int]:
        cache = Cache(runtime(redis_url), "duplicates")
        index = RedisArticleIndex(cache, IndexSettings(name=f"{buckets}"))
        await DuplicateFinder(index, None).open()
        await cache.client.hset(f"newsloom:duplicates:{{{buckets}}}:layout", mapping={"buckets": buckets})
        found: list[int] = []
        for turn in ("first", "copy"):
            for place, text in enumerate(texts):
                event = article(text, name=f"{turn}-{place}", outlet=f"{turn} {place}", minutes=place)
                _, arrival = arrive(event, event.article_id)
                [reply] = await index.add([arrival], {}, {})
                assert isinstance(reply, Found)
                found += [candidate.hits - len(arrival.sketch) for candidate in reply.candidates[:1]]
        await cache.close()
        return found

    # each copy finds its original by every hash
    assert asyncio.run(main()) == [0] * len(texts)
    with redis_client.Redis.from_url(redis_url) as client:
        lead = LEAD % str(buckets).encode() + b"p:"
        held = 0
        for key in client.scan_iter(match=lead + b"*", count=10_000):
            for tag in client.hkeys(key):
                if tag:
                    assert key == lead + _place(tag, buckets).to_bytes(3, "little")
                    held += 1
        assert held > 12 * 24
