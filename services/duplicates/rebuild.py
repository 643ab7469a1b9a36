"""Opening the index, and indexing again what a Redis has lost."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from services.duplicates.redis_index import IndexLostError, RedisArticleIndex
from services.runtime.errors import DependencyError

logger = logging.getLogger(__name__)

HOLD_SECONDS: Final = 30
"""How long a rebuilder that was killed keeps others from taking over."""


@dataclass(frozen=True)
class HistoryRecord:
    """A record of `clean-articles` as it is read again."""

    partition: str
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int


class History(Protocol):
    """The articles already processed, as their topic keeps them."""

    async def gaps(self, indexed: Mapping[str, int], since_ms: int) -> dict[str, tuple[int, int]]:
        """By partition, the offsets [first, end) that the group has committed and the index lacks, not older than
        `since_ms` before the newest record. Empty where nothing is missing."""
        ...

    def read(self, gaps: Mapping[str, tuple[int, int]]) -> AsyncIterator[HistoryRecord]:
        """The records of `gaps`; oldest first over all partitions as far as timestamps tell."""
        ...


Reindex = Callable[[Sequence[HistoryRecord]], Awaitable[None]]


async def open_index(
    index: RedisArticleIndex, history: History | None, reindex: Reindex, *, batch_records: int = 100
) -> int:
    """Make the index whole and open it; returns how many records were indexed again.

    One worker does it, for all partitions; the others get IndexLostError (and are tried again by the engine) until it
    is done. An index nobody has lost is opened at once.
    """
    while True:
        generation = await index.current_generation()
        if generation is not None:
            gaps = await _gaps(index, history)
            if not gaps:
                index.generation = generation
                return 0
            # from here on nobody inserts: an older article indexed later than a newer one would lose their pair
            logger.warning("the index is behind, it is closed and its gap indexed", extra={"partitions": len(gaps)})
            await index.close_generation(generation)
        token = "r" + uuid.uuid4().hex
        if not await index.take_rebuild(token, HOLD_SECONDS):
            raise IndexLostError("another worker is indexing what Redis has lost")
        return await _rebuild(index, history, reindex, token, batch_records)


async def _gaps(index: RedisArticleIndex, history: History | None) -> dict[str, tuple[int, int]]:
    if history is None:
        return {}
    since_ms = index.window_ms + index.settings.grace_hours * 3_600_000
    return await history.gaps(await index.indexed_offsets(), since_ms)


async def _rebuild(
    index: RedisArticleIndex, history: History | None, reindex: Reindex, token: str, batch_records: int
) -> int:
    async def hold() -> None:
        while True:
            await asyncio.sleep(HOLD_SECONDS / 3)
            await index.take_rebuild(token, HOLD_SECONDS)

    count = 0
    holding = asyncio.create_task(hold())
    try:
        gaps = await _gaps(index, history)
        index.generation = token
        if history is not None and gaps:
            logger.warning(
                "indexing again what Redis has lost",
                extra={"records": sum(end - first for first, end in gaps.values())},
            )
            batch: list[HistoryRecord] = []
            async for record in history.read(gaps):
                batch.append(record)
                if len(batch) == batch_records:
                    await reindex(batch)
                    count += len(batch)
                    batch = []
            if batch:
                await reindex(batch)
                count += len(batch)
        generation = "g" + uuid.uuid4().hex
        await index.publish_generation(generation, token)
        index.generation = generation
        return count
    except BaseException:
        index.generation = ""
        # the next try need not wait until the hold has run out
        with suppress(DependencyError):
            await index.leave_rebuild(token)
        raise
    finally:
        holding.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await holding
