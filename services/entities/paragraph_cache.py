"""What the recognizer found in a paragraph, kept in Redis: agency copy is read once, however many outlets print it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, cast, get_args

from schemas.entities import Label
from services.entities.metrics import PARAGRAPHS
from services.entities.recognizer import Found
from services.runtime import clock
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError

logger = logging.getLogger(__name__)

_LABELS: Final = get_args(Label)
_MIN_CHARS: Final = 40  # a short line is read faster than it is fetched
_MAX_CHARS: Final = 20_000


class ParagraphCache:
    """A direct-mapped cache of `slots` entries: a paragraph's hash chooses its slot, and a newer paragraph of the same
    slot takes its place. So it never holds more than `slots` entries of at most a few hundred bytes, and needs no
    eviction by Redis, which the suite forbids.

    It is a pure cache. When Redis does not answer, paragraphs are read as if they were new, and Redis is left alone for
    `pause_seconds`; `newsloom_entities_paragraphs_total{cache="unavailable"}` counts them.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        model: str,
        slots: int,
        ttl_seconds: int,
        pause_seconds: float = 10.0,
        now: Callable[[], float] = clock.seconds,
    ) -> None:
        self._cache = cache
        self._model = model.encode()
        self._slots = slots
        self._ttl_seconds = ttl_seconds
        self._pause_seconds = pause_seconds
        self._now = now
        self._resume_at = float("-inf")

    def _place(self, paragraph: str) -> tuple[str, str]:
        """(key, tag): the slot's key, and the hash that tells whose entry it is."""
        digest = hashlib.sha256(b"%d:%s" % (len(self._model), self._model) + paragraph.encode(errors="replace"))
        tag = digest.hexdigest()[:32]
        slot = int.from_bytes(digest.digest()[16:24], "big") % self._slots
        return f"newsloom:entities:{{paragraphs}}:slot:{slot}", tag

    async def get(self, paragraphs: Sequence[str]) -> dict[str, tuple[Found, ...]]:
        """What is known of `paragraphs`, in one round trip; a paragraph that is not known is not in the answer."""
        wanted = [text for text in dict.fromkeys(paragraphs) if _MIN_CHARS <= len(text) <= _MAX_CHARS]
        short = len(set(paragraphs)) - len(wanted)
        PARAGRAPHS.labels("miss").inc(short)
        if not wanted:
            return {}
        places = [self._place(text) for text in wanted]
        values = await self._ask("paragraphs_get", lambda client: client.mget([key for key, _ in places]))
        if values is None:
            PARAGRAPHS.labels("unavailable").inc(len(wanted))
            return {}
        known: dict[str, tuple[Found, ...]] = {}
        for text, (_, tag), value in zip(wanted, places, cast("list[bytes | None]", values), strict=True):
            found = None if value is None else _decoded(value, tag, len(text))
            if found is not None:
                known[text] = found
        PARAGRAPHS.labels("hit").inc(len(known))
        PARAGRAPHS.labels("miss").inc(len(wanted) - len(known))
        return known

    async def put(self, found: Mapping[str, tuple[Found, ...]]) -> None:
        """Remembers what was found, in one round trip; a failure is counted and forgotten."""
        entries = {text: names for text, names in found.items() if _MIN_CHARS <= len(text) <= _MAX_CHARS}
        if not entries:
            return

        async def write(client: Any) -> None:
            pipeline = client.pipeline(transaction=False)
            for text, names in entries.items():
                key, tag = self._place(text)
                pipeline.set(key, _encoded(tag, names), ex=self._ttl_seconds)
            await pipeline.execute()

        await self._ask("paragraphs_set", write)

    async def _ask(self, operation: str, command: Callable[[Any], Awaitable[Any]]) -> Any:
        """What Redis answers; None while it is away."""
        if self._now() < self._resume_at:
            return None
        try:
            return await self._cache.call(operation, "newsloom:entities:{paragraphs}", command)
        except DependencyError as error:
            self._resume_at = self._now() + self._pause_seconds
            logger.warning("paragraph cache unavailable", extra={"operation": operation, "error": str(error)})
            return None


def _encoded(tag: str, names: Sequence[Found]) -> bytes:
    rows = [[n.start, n.end, n.label, n.confidence] for n in names]
    return json.dumps([tag, rows], separators=(",", ":")).encode()


def _decoded(value: bytes, tag: str, length: int) -> tuple[Found, ...] | None:
    """The entry, or None when it is another paragraph's or not one that we wrote: then it is read again."""
    try:
        stored = json.loads(value)
        if stored[0] != tag:
            return None
        found: list[Found] = []
        end = 0
        for row in stored[1]:
            name = Found(int(row[0]), int(row[1]), row[2], float(row[3]))
            if not (end <= name.start < name.end <= length and name.label in _LABELS and 0 <= name.confidence <= 1):
                return None
            end = name.end
            found.append(name)
        return tuple(found)
    except (ValueError, TypeError, IndexError, KeyError):
        return None
