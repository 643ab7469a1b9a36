"""A heartbeat through the whole suite: the withdrawal of an article that never was.

It is a raw record like any other to every service, and nothing to whoever reads their topics: the cleaner announces
the withdrawal, entities write a tombstone, duplicates have nothing to forget. Which event belongs to which heartbeat is
told by the coordinates in the headers, not by what it says, so a discard or a dead letter is followed as well.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from schemas.articles import Publisher, RawArticle
from schemas.topics import CLEAN_ARTICLES
from services.observer.stages import Place

HOST = "heartbeat.newsloom.invalid"
# more than are ever under way: one a minute, and a suite that stands still for a day
_MOST_FOLLOWED = 2000


def heartbeat_event(number: int, sent_at: datetime) -> RawArticle:
    """The heartbeat's raw article. A few addresses in turn, so that nothing grows with the number of heartbeats."""
    return RawArticle(
        url=f"https://{HOST}/{number}",
        fetched_at=sent_at,
        status="withdrawn",
        publisher=Publisher(name="newsloom-observer"),
    )


@dataclass(frozen=True)
class Beat:
    """A heartbeat came out of `service`, `seconds` after it was sent at `sent_at`."""

    service: str
    sent_at: datetime
    seconds: float


class Heartbeats:
    """Follows heartbeats from topic to topic."""

    def __init__(self) -> None:
        self._followed: OrderedDict[tuple[Place, int], datetime] = OrderedDict()
        self._seen: OrderedDict[tuple[str, Place, int], None] = OrderedDict()

    def sent(self, place: Place, offset: int, at: datetime) -> None:
        """A heartbeat lies at `offset` of `place` since `at`."""
        self._followed[place, offset] = at
        while len(self._followed) > _MOST_FOLLOWED:
            self._followed.popitem(last=False)

    def note(
        self, service: str, topic: str, source: tuple[Place, int], own: tuple[Place, int], at: datetime
    ) -> Beat | None:
        """`service` wrote a record at `own` on `topic` (without prefix), at `at`, out of the one at `source`.

        The heartbeat it belongs to, where it is one and the first outcome of this service for it.
        """
        sent_at = self._followed.get(source)
        if sent_at is None:
            return None
        if topic == CLEAN_ARTICLES.name:
            self.sent(*own, sent_at)
        key = (service, *source)
        if key in self._seen:
            return None
        self._seen[key] = None
        while len(self._seen) > 3 * _MOST_FOLLOWED:
            self._seen.popitem(last=False)
        return Beat(service, sent_at, max(0.0, (at - sent_at).total_seconds()))
