"""The lines that recur at an outlet, counted in Redis and used through snapshots that are frozen per UTC day.

Keys, `{s}` being the place's first hex digit, so that all keys of a place lie on one node of a cluster:

    newsloom:cleaner:{s}:lines:<place>:<day>      hash: line -> articles of that day that hold it; "n" -> articles
    newsloom:cleaner:{s}:voters:<place>:<day>     hash: pages and headlines that were counted that day
    newsloom:cleaner:{s}:learnt:<place>:<day>     string: the snapshot, eight bytes a line; never changed
    newsloom:cleaner:{s}:places:<day>             set: the places that were counted that day

All expire. A place holds at most MOST_LINES lines and MOST_VOTERS voters a day, in Redis' compact form (some 10 KB).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any, Final

from services.cleaner import metrics
from services.cleaner.learnt import Sighting, take_off
from services.cleaner.parts import PageParts
from services.runtime import clock
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError
from services.runtime.service import AfterSettle

WINDOW_DAYS: Final = 7
"""Days that a snapshot is made of."""
SNAPSHOT_TTL_SECONDS: Final = 16 * 86_400
"""Past the window and `raw-articles`' retention: a record that comes again finds the snapshot of the first time."""
COUNT_TTL_SECONDS: Final = (WINDOW_DAYS + 2) * 86_400
MOST_LINES: Final = 480
MOST_VOTERS: Final = 120
"""Both below 512, where Redis leaves its compact form for one that is five times as large."""
MOST_LEARNT: Final = 128
SHARDS: Final = 16
_HELD: Final = 4096
_TOGETHER: Final = 64
"""Articles counted in one call: some milliseconds of Redis' time."""
_NOTHING: Final = frozenset[bytes]()


def _script(name: str) -> str:
    return files("services.cleaner").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


class LearntLines:
    """Snapshots to read with, and what today's pages add to the next ones.

    A pure cache in so far as the cleaner works without it: when Redis does not answer, nothing is learnt and nothing
    is taken off, Redis is left alone for `pause_seconds`, and `newsloom_cleaner_learnt_lookups_total` counts it.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        places: int,
        min_articles: int,
        min_share: float,
        pause_seconds: float = 5.0,
        now: Callable[[], float] = clock.seconds,
    ) -> None:
        self._cache = cache
        self._places = max(1, places // SHARDS)
        self._min_articles = min_articles
        self._min_share = min_share
        self._pause_seconds = pause_seconds
        self._now = now
        self._resume_at = float("-inf")
        self._held: OrderedDict[tuple[str, date], frozenset[bytes]] = OrderedDict()
        self._noted: list[tuple[Sighting, date]] = []
        self._freeze, self._count = _script("freeze"), _script("count")

    async def snapshot(self, place: str, *, fetched_at: datetime) -> tuple[str, frozenset[bytes]]:
        """(epoch, lines): what was learnt of `place` up to the UTC day before `fetched_at`, the same at every call.

        The first call for a day freezes it. Empty while Redis is away.
        """
        day = fetched_at.date() - timedelta(days=1)
        held = self._held.get((place, day))
        if held is None:
            keys = [_key("learnt", place, day)]
            keys += [_key("lines", place, day - timedelta(days=back)) for back in range(WINDOW_DAYS)]
            arguments = [SNAPSHOT_TTL_SECONDS, self._min_articles, str(self._min_share), MOST_LEARNT]
            packed: bytes | None = await self._call("learnt_freeze", self._freeze, keys, arguments)
            if packed is None:
                metrics.LEARNT.labels("unavailable").inc()
                return "", _NOTHING
            held = frozenset(packed[at : at + 8] for at in range(0, len(packed), 8))
            self._held[(place, day)] = held
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        metrics.LEARNT.labels("some" if held else "none").inc()
        return day.isoformat(), held

    async def take_off(self, page: PageParts, seen: Sequence[Sighting], *, fetched_at: datetime) -> PageParts:
        """`page` without the lines that were learnt of its articles' places; `page` itself where there are none."""
        for number, sighting in enumerate(seen):
            epoch, lines = await self.snapshot(sighting.place, fetched_at=fetched_at)
            page = take_off(page, number, lines, epoch)
        return page

    def count_later(self, seen: Sequence[Sighting], *, fetched_at: datetime) -> AfterSettle:
        """The hook that has the page's articles counted at the next `flush`, once its events are settled."""

        async def note() -> None:
            self._noted += [(sighting, fetched_at.date()) for sighting in seen if sighting.lines]

        return note

    async def flush(self) -> None:
        """Count what the hooks of a batch noted."""
        noted, self._noted = self._noted, []
        by_call: dict[str, list[tuple[Sighting, date]]] = {}
        for sighting, day in noted:
            # keys of a cluster lie on several nodes
            by_call.setdefault(sighting.place[:1] if self._cache.is_cluster else "", []).append((sighting, day))
        for together in by_call.values():
            for at in range(0, len(together), _TOGETHER):
                await self.count(together[at : at + _TOGETHER])

    async def count(self, seen: Sequence[tuple[Sighting, date]]) -> None:
        """Add articles to their places' days, each once: a page or headline that the window knows adds nothing.

        In a cluster the places must be of one shard.
        """
        keys: list[str] = []
        arguments: list[Any] = [COUNT_TTL_SECONDS, self._places, MOST_LINES, MOST_VOTERS, WINDOW_DAYS]
        for sighting, day in seen:
            keys += [_key("places", sighting.place, day), _key("lines", sighting.place, day)]
            keys += [_key("voters", sighting.place, day - timedelta(days=back)) for back in range(WINDOW_DAYS)]
            arguments += [sighting.place, len(sighting.voters), len(sighting.lines), *sighting.voters, *sighting.lines]
        results = await self._call("learnt_count", self._count, keys, arguments)
        for result in results if results is not None else [b"unavailable"] * len(seen):
            metrics.COUNTED.labels(result.decode()).inc()

    def is_open_to(self, fetched_at: datetime, recorded_at: datetime) -> bool:
        """Whether a page takes part: not one fetched so long before its record was written that a snapshot for it may
        have expired."""
        return recorded_at - fetched_at <= timedelta(days=WINDOW_DAYS)

    async def _call(self, operation: str, script: str, keys: list[str], arguments: list[Any]) -> Any:
        if self._now() < self._resume_at:
            return None
        try:
            return await self._cache.call(
                operation, keys[0], lambda client: client.eval(script, len(keys), *keys, *arguments)
            )
        except DependencyError:
            self._resume_at = self._now() + self._pause_seconds
            return None


def _key(what: str, place: str, day: date) -> str:
    shard = place[:1]
    own = "" if what == "places" else f"{place}:"
    return f"newsloom:cleaner:{{{shard}}}:{what}:{own}{day.isoformat()}"
