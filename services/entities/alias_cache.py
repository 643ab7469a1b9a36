"""The aliases that articles taught, kept in Redis: votes of outlets' domains, and a frozen snapshot a UTC day."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any, Final, cast

from schemas.entities import Label
from services.entities.aliases import WINDOW_DAYS, Alias, Candidate, Observation, settled
from services.entities.metrics import ALIAS_SNAPSHOTS, ALIAS_VOTES
from services.entities.names import folded
from services.runtime import clock
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError

logger = logging.getLogger(__name__)

MOST_CANDIDATES: Final = 8
MOST_DOMAINS: Final = 16
MOST_ALIASES: Final = 64
"""Of one bucket."""
KEPT_SNAPSHOTS: Final = 7
"""Days back from the newest snapshot for which one is still made: an older record goes without."""

_PREFIX: Final = "newsloom:entities:{aliases}:"
_TTL_SECONDS: Final = (WINDOW_DAYS + 2) * 24 * 3600
_EPOCH: Final = date(1970, 1, 1)
_IN_MEMORY: Final = 8
_NONE: Final[Mapping[Alias, str]] = {}


def day_of(instant: datetime) -> int:
    """Days since 1970, in UTC."""
    return (instant.astimezone(UTC).date() - _EPOCH).days


def epoch_name(day: int) -> str:
    """The day as it stands in events, 2026-03-11."""
    return date.fromordinal(_EPOCH.toordinal() + day).isoformat()


class AliasCache:
    """Votes in a fixed number of buckets, so that what is kept is bounded, and a frozen snapshot a day.

    A pure cache: when Redis does not answer, articles are read without aliases (their `epoch` is empty), votes are
    lost, both are counted in `newsloom_entities_alias_…_total{result="unavailable"}`, and Redis is left alone for
    `pause_seconds`.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        slots: int,
        pause_seconds: float = 10.0,
        now: Callable[[], float] = clock.seconds,
    ) -> None:
        self._cache = cache
        self._buckets = max(1, slots // MOST_ALIASES)
        self._pause_seconds = pause_seconds
        self._now = now
        self._resume_at = float("-inf")
        self._snapshots: dict[int, Mapping[Alias, str]] = {}
        constants = {
            "MOST_ALIASES": MOST_ALIASES,
            "MOST_CANDIDATES": MOST_CANDIDATES,
            "MOST_DOMAINS": MOST_DOMAINS,
            "WINDOW_DAYS": WINDOW_DAYS,
            "TTL": _TTL_SECONDS,
        }
        text = files("services.entities").joinpath("lua", "vote.lua").read_text(encoding="utf-8")
        for constant, value in constants.items():
            text = re.sub(rf"\b{constant}\b", str(value), text)
        self._script = text
        self._digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def _bucket(self, number: int) -> str:
        return f"{_PREFIX}bucket:{number}"

    def _place(self, alias: Alias) -> tuple[str, str]:
        """(the bucket's key, the alias's field in it)."""
        field = f"{alias[0]}:{alias[1]}"
        number = int.from_bytes(hashlib.sha256(field.encode()).digest()[:8], "big") % self._buckets
        return self._bucket(number), field

    async def vote(self, domain: str, day: int, seen: Sequence[Observation]) -> None:
        """Counts one article's observations for its outlet's domain, a Lua call each, in one round trip.

        The same observation again, on the same day and of the same domain, changes nothing. A failure is counted and
        forgotten.
        """
        if not seen:
            return
        voter = hashlib.sha256(domain.encode()).hexdigest()[:12]

        async def command(client: Any) -> list[Any]:
            pipeline = client.pipeline(transaction=False)
            for n, item in enumerate(seen):
                key, field = self._place((item.label, item.alias))
                # the first call brings the script, those after it name it: all keys are on one server
                script = ("EVALSHA", self._digest) if n else ("EVAL", self._script)
                pipeline.execute_command(*script, 1, key, field, folded(item.name), item.name, voter, str(day))
            return cast("list[Any]", await pipeline.execute())

        answers = await self._ask("aliases_vote", command)
        for answer in answers if answers is not None else [b"unavailable"] * len(seen):
            ALIAS_VOTES.labels(answer.decode()).inc()

    async def known(self, fetched_at: datetime) -> tuple[str, Mapping[Alias, str]]:
        """(epoch, names by alias) for a record fetched then: the snapshot of the UTC day before, frozen when first
        asked for. Both empty where there is none, or Redis is away.
        """
        day = day_of(fetched_at) - 1
        snapshot = self._snapshots.get(day)
        if snapshot is None:
            snapshot = await self._ask("aliases_snapshot", lambda client: self._snapshot(client, day))
            if snapshot is None:
                ALIAS_SNAPSHOTS.labels("unavailable").inc()
                return "", _NONE
            while len(self._snapshots) >= _IN_MEMORY:
                del self._snapshots[min(self._snapshots)]
            self._snapshots[day] = snapshot
        return (epoch_name(day), snapshot) if snapshot else ("", _NONE)

    async def _snapshot(self, client: Any, day: int) -> Mapping[Alias, str]:
        """The stored snapshot of `day`; where there is none yet, it is made of the votes and stored, once for all."""
        key = f"{_PREFIX}snapshot:{day}"
        stored = await client.get(key)
        if stored is None:
            newest = await client.get(f"{_PREFIX}newest")
            if newest is not None and day <= int(newest) - KEPT_SNAPSHOTS:
                ALIAS_SNAPSHOTS.labels("none").inc()
                return _NONE
            made = await self._made(client, day)
            written = await client.set(key, _packed(made), nx=True, ex=_TTL_SECONDS)
            if written and (newest is None or int(newest) < day):
                await client.set(f"{_PREFIX}newest", day, ex=_TTL_SECONDS)
            ALIAS_SNAPSHOTS.labels("made" if written else "read").inc()
            stored = await client.get(key)  # whoever was first decides
        else:
            ALIAS_SNAPSHOTS.labels("read").inc()
        return _unpacked(stored) if stored is not None else _NONE

    async def _made(self, client: Any, day: int) -> dict[Alias, str]:
        made: dict[Alias, str] = {}
        for start in range(0, self._buckets, 64):
            pipeline = client.pipeline(transaction=False)
            for number in range(start, min(start + 64, self._buckets)):
                pipeline.hgetall(self._bucket(number))
            for bucket in cast("list[dict[bytes, bytes]]", await pipeline.execute()):
                for field, entry in bucket.items():
                    label, _, alias = field.decode().partition(":")
                    name = settled(_candidates(entry), day)
                    if name is not None:
                        made[cast("Label", label), alias] = name
        return made

    async def _ask(self, operation: str, command: Callable[[Any], Awaitable[Any]]) -> Any:
        """What Redis answers; None while it is away."""
        if self._now() < self._resume_at:
            return None
        try:
            return await self._cache.call(operation, _PREFIX, command)
        except DependencyError as error:
            self._resume_at = self._now() + self._pause_seconds
            logger.warning("alias cache unavailable", extra={"operation": operation, "error": str(error)})
            return None


def _candidates(entry: bytes) -> list[Candidate]:
    """An alias as the script keeps it; nothing for what it did not write."""
    try:
        rows = json.loads(entry)["c"]
        return [
            Candidate(str(row["n"]), {voter: (int(first), int(last)) for voter, (first, last) in row["v"].items()})
            for row in rows.values()
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _packed(made: Mapping[Alias, str]) -> bytes:
    rows = sorted([label, alias, name] for (label, alias), name in made.items())
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode())


def _unpacked(stored: bytes) -> Mapping[Alias, str]:
    """The snapshot, empty when it is not one that we wrote."""
    try:
        return {(label, alias): str(name) for label, alias, name in json.loads(zlib.decompress(stored))}
    except (ValueError, TypeError, zlib.error):
        return _NONE
