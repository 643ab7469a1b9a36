"""Reads what the services write: conservation, dead letters, heartbeats and outlets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from schemas.articles import CleanArticle
from schemas.dead_letters import (
    DEAD_LETTER_REASONS,
    ERROR_OFFSET,
    ERROR_PARTITION,
    ERROR_TOPIC,
    REASON,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
)
from schemas.duplicates import DuplicateAlert
from schemas.events import InvalidEventError
from schemas.topics import CLEAN_ARTICLES, DUPLICATE_ALERTS, RAW_ARTICLES, discards
from services.observer import metrics
from services.observer.conservation import Ledger
from services.observer.dead_letters import Shelf
from services.observer.heartbeat import Heartbeats, heartbeat_event
from services.observer.outlets import OTHER, OutletBoard
from services.observer.stages import Place, Stage
from services.runtime import clock
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError
from services.runtime.kafka import Admin, Publisher, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

logger = logging.getLogger(__name__)

_BOARD_KEY = "newsloom:observer:outlets"
_BOARD_TTL_SECONDS = 90 * 86400
# records without an outcome that one look names in the log; offsets reset by hand may skip millions
_MOST_NAMED = 20
# pairs of outlets, one carrying the other's articles, that have a series of their own
_PAIRS = 50
# An outcome lies on its topic before its record's offset is committed, seconds before at most; who starts to read
# outcomes this far back has those of every record that was not yet committed.
_LOOK_BACK = timedelta(minutes=5)


class Audit:
    """One reader of all outcome topics. Positions are kept in memory: a restart looks back a few minutes."""

    def __init__(
        self,
        settings: RuntimeSettings,
        stages: Iterable[Stage],
        *,
        window_seconds: float,
        outlets: int,
        alive: Callable[[], None],
        keeps_board: bool = True,
    ) -> None:
        """`keeps_board`: load the outlets from Redis and store them there; only one may."""
        self._settings = settings
        self._prefix = settings.topic_prefix
        self._stages = tuple(stages)
        self._window_seconds = window_seconds
        self._alive = alive
        self._ledgers = {stage.service: Ledger() for stage in self._stages}
        self._shelves = {stage.service: Shelf() for stage in self._stages}
        self._missing: dict[str, deque[float]] = {stage.service: deque() for stage in self._stages}
        self._heartbeats = Heartbeats()
        self._beats = 0
        self._positions: dict[Place, int] = {}
        self._writer: dict[str, Stage] = {
            self._prefix + topic: stage for stage in self._stages for topic in stage.outcomes
        }
        self._keeps_board = keeps_board
        self._is_loaded = False
        self.board = OutletBoard(outlets)
        self.pairs = OutletBoard(_PAIRS)

    # -- the heartbeat

    def beat(self) -> None:
        """Send a heartbeat to the first raw topic. Raises DependencyError and ConfigurationError."""
        topic = self._prefix + self._stages[0].inputs[0]
        sent_at = clock.now()
        number = self._beats % RAW_ARTICLES.partitions
        event = heartbeat_event(number, sent_at)
        with Admin(self._settings) as admin:
            partitions = len(admin.partitions([topic]))
        with Publisher(self._settings) as publisher:
            # the partitions in turn: each has its own worker
            key = (event.url or "").encode()
            place = publisher.send_now(topic, key, event.to_bytes(), partition=number % partitions)
        self._beats += 1
        self._heartbeats.sent((topic, place[0]), place[1], sent_at)
        metrics.HEARTBEAT_SENT.inc()

    # -- one look

    def look(self) -> None:
        """Read everything written since the last look. Raises DependencyError and ConfigurationError."""
        if self._keeps_board and not self._is_loaded:
            self._load_board()
        upstream = {self._prefix + CLEAN_ARTICLES.name}
        with Admin(self._settings) as admin:
            committed = {stage.service: self._committed(admin, stage) for stage in self._stages}
            places = admin.partitions(sorted(self._writer))
            if new := places - set(self._positions):
                self._positions |= self._first_positions(admin, new)
            for stage in self._stages:
                own = committed[stage.service]
                self._ledgers[stage.service].begin(own, admin.beginning_offsets(own))
            beginning = admin.beginning_offsets(places)
            # ends of what comes later first, and clean articles read first: no event is met before its source
            ends = admin.end_offsets({place for place in places if place[0] not in upstream})
            clean_ends = admin.end_offsets({place for place in places if place[0] in upstream})
        self._read(clean_ends, beginning)
        self._read(ends, beginning)
        for stage in self._stages:
            self._judge(stage, committed[stage.service])
            self._count_dead_letters(stage, beginning)
        self.board.rank(clock.now().timestamp())
        self.pairs.rank(clock.now().timestamp())
        if self._keeps_board:
            self._store_board()

    def _committed(self, admin: Admin, stage: Stage) -> dict[Place, int | None]:
        places = admin.partitions([self._prefix + name for name in stage.inputs])
        return admin.committed_offsets(self._settings.group(stage.service), places)

    def _first_positions(self, admin: Admin, places: set[Place]) -> dict[Place, int]:
        letters = {self._prefix + stage.dead_letters for stage in self._stages}
        all_letters = {place for place in places if place[0] in letters}
        found = admin.offsets_at(places - all_letters, clock.now() - _LOOK_BACK)
        return found | admin.beginning_offsets(all_letters)

    def _read(self, ends: Mapping[Place, int], beginning: Mapping[Place, int]) -> None:
        # retention may have passed a position while nobody looked
        starts = {place: max(self._positions[place], beginning[place]) for place in ends}
        with contextlib.closing(read_records(self._settings, starts, until=ends)) as records:
            for record in records:
                self._alive()
                self._note(record)
                # a failure later in this look must not count this record again
                self._positions[record.topic, record.partition] = record.offset + 1
        self._positions.update({place: max(end, self._positions[place]) for place, end in ends.items()})

    def _note(self, record: Record) -> None:
        stage = self._writer[record.topic]
        topic = record.topic.removeprefix(self._prefix)
        headers = dict(record.headers)
        own = ((record.topic, record.partition), record.offset)
        if topic == stage.dead_letters:
            source = _coordinates(headers, ERROR_TOPIC, ERROR_PARTITION, ERROR_OFFSET)
            reason = headers.get(REASON, b"").decode(errors="replace")
            # a letter of another release, or put there by hand, has no reason of ours
            known = reason if reason in DEAD_LETTER_REASONS else "processing_error"
            self._shelves[stage.service].add(*own, known, record.timestamp.timestamp())
            outcome = "dead_lettered"
        else:
            source = _coordinates(headers, SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET)
            outcome = "discarded" if topic == discards(stage.service).name else "emitted"
        if source is not None:
            self._ledgers[stage.service].note(*source, outcome)
            beat = self._heartbeats.note(stage.service, topic, source, own, record.timestamp)
            if beat is not None:
                metrics.HEARTBEAT_SECONDS.labels(beat.service).observe(beat.seconds)
                metrics.HEARTBEAT_LAST.labels(beat.service).set(beat.sent_at.timestamp())
        if record.value is not None:
            with contextlib.suppress(InvalidEventError):  # of another release; who reads it makes a dead letter of it
                if topic == CLEAN_ARTICLES.name:
                    self._note_article(CleanArticle.from_bytes(record.value), record.timestamp.timestamp())
                elif topic == DUPLICATE_ALERTS.name:
                    self._note_alert(DuplicateAlert.from_bytes(record.value), record.timestamp.timestamp())

    def _note_article(self, article: CleanArticle, at: float) -> None:
        if article.status == "usable":
            self.board.note(article.outlet.id or OTHER, at, article.extraction.quality)

    def _note_alert(self, alert: DuplicateAlert, at: float) -> None:
        metrics.CLUSTER_OUTLETS.observe(alert.cluster.outlet_count)
        outlet, earliest = alert.article.outlet_id or OTHER, alert.cluster.earliest.outlet_id or OTHER
        if outlet != earliest:
            self.pairs.note(f"{outlet}{metrics.PAIR_SEPARATOR}{earliest}", at, 0.0)

    def _judge(self, stage: Stage, committed: Mapping[Place, int | None]) -> None:
        settled = self._ledgers[stage.service].settle(committed)
        for outcome, count in settled.outcomes.items():
            metrics.AUDITED.labels(stage.service, outcome).inc(count)
        missing = self._existing(settled.missing)
        now = time.monotonic()
        metrics.AUDITED.labels(stage.service, "missing").inc(len(missing))
        self._missing[stage.service].extend([now] * len(missing))
        if len(missing) > _MOST_NAMED:
            logger.error("records have no outcome", extra={"service": stage.service, "count": len(missing)})
        for place, offset in missing[:_MOST_NAMED]:
            logger.error(
                "record has no outcome",
                extra={"service": stage.service, "record": f"{place[0]}/{place[1]}/{offset}"},
            )
        recent = self._missing[stage.service]
        while recent and now - recent[0] > self._window_seconds:
            recent.popleft()
        metrics.GAP.labels(stage.service).set(len(recent))

    def _existing(self, missing: Iterable[tuple[Place, int]]) -> list[tuple[Place, int]]:
        """Those of `missing` that are records: transactions and compaction leave offsets without one."""
        wanted: dict[Place, set[int]] = {}
        for place, offset in missing:
            wanted.setdefault(place, set()).add(offset)
        if not wanted:
            return []
        with Admin(self._settings) as admin:
            beginning = admin.beginning_offsets(wanted)
        # what retention took cannot be looked up any more, and is not held against the service
        starts = {place: max(min(offsets), beginning[place]) for place, offsets in wanted.items()}
        until = {place: max(offsets) + 1 for place, offsets in wanted.items()}
        with contextlib.closing(read_records(self._settings, starts, until=until)) as records:
            found = {((record.topic, record.partition), record.offset) for record in records}
        return sorted((place, each) for place, offsets in wanted.items() for each in offsets if (place, each) in found)

    def _count_dead_letters(self, stage: Stage, beginning: Mapping[Place, int]) -> None:
        shelf = self._shelves[stage.service]
        for place, first in beginning.items():
            if place[0] == self._prefix + stage.dead_letters:
                shelf.forget_before(place, first)
        depth, newest = shelf.depth(), shelf.newest()
        for reason in DEAD_LETTER_REASONS:
            metrics.DEAD_LETTERS.labels(stage.service, reason).set(depth.get(reason, 0))
            metrics.DEAD_LETTER_NEWEST.labels(stage.service, reason).set(newest.get(reason, 0.0))

    # -- the outlet board outlives a restart in Redis; without Redis it starts empty

    def _load_board(self) -> None:
        try:
            stored = self._call("board_get", lambda client: client.get(self._prefix + _BOARD_KEY))
            self._is_loaded = True
            if stored:
                self.board.load(stored.decode())
        except DependencyError:
            return
        except ValueError as error:
            logger.warning("stored outlets cannot be read, starting anew", extra={"error": str(error)})

    def _store_board(self) -> None:
        if not self._is_loaded:
            return  # what is stored has not been seen, and must not be written over
        value = self.board.dump()
        with contextlib.suppress(DependencyError):
            self._call("board_set", lambda client: client.set(self._prefix + _BOARD_KEY, value, ex=_BOARD_TTL_SECONDS))

    def _call(self, operation: str, command: Callable[[Any], Awaitable[Any]]) -> bytes | None:
        async def once() -> Any:
            cache = Cache(self._settings, "observer")
            try:
                return await cache.call(operation, _BOARD_KEY, command)
            finally:
                await cache.close()

        found = asyncio.run(once())
        return found if isinstance(found, bytes) else None


def _coordinates(headers: Mapping[str, bytes], topic: str, partition: str, offset: str) -> tuple[Place, int] | None:
    """Where the record came from, by its headers; None where they do not say."""
    try:
        return (headers[topic].decode(), int(headers[partition])), int(headers[offset])
    except (KeyError, ValueError):
        return None
