"""One record by its coordinates, and what became of it: what logs, alerts, discards and exemplars name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

from schemas.articles import main_article_id, page_id
from schemas.dead_letters import (
    ERROR_MESSAGE,
    ERROR_OFFSET,
    ERROR_PARTITION,
    ERROR_TOPIC,
    REASON,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    DiscardedRecord,
)
from schemas.events import InvalidEventError
from schemas.topics import RAW_ARTICLES, discards
from services.cleaner.urls import url_key
from services.observer.heartbeat import heartbeat_event
from services.observer.stages import Stage, stages
from services.runtime import clock
from services.runtime.errors import ConfigurationError, SuiteError
from services.runtime.kafka import Admin, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

Place = tuple[str, int]

# an outcome is written after its record; the clocks of those who wrote the two may differ by as much
_CLOCKS: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Fate:
    """What a service made of a record: its outcome, the reason, and where what it led to lies."""

    service: str
    outcome: str
    reason: str
    message: str
    lies_at: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The fate as JSON."""
        return {
            "service": self.service,
            "outcome": self.outcome,
            "reason": self.reason,
            "message": self.message,
            "lies_at": list(self.lies_at),
        }


def parse(coordinates: str, prefix: str = "") -> tuple[Place, int]:
    """Partition and offset of TOPIC/PARTITION/OFFSET; the prefix may be left out. Raises ConfigurationError."""
    topic, _, rest = coordinates.partition("/")
    partition, _, offset = rest.partition("/")
    if not topic or not partition.isdecimal() or not offset.isdecimal():
        raise ConfigurationError(
            f"{coordinates!r} is no record; write TOPIC/PARTITION/OFFSET, as in raw-articles/3/17, as logs do"
        )
    return (topic if topic.startswith(prefix) else prefix + topic, int(partition)), int(offset)


def read_one(settings: RuntimeSettings, place: Place, offset: int) -> Record:
    """The record at `offset`. Raises SuiteError where the topic holds none there, saying what it holds."""
    with Admin(settings) as admin:
        if place not in admin.partitions([place[0]]):
            raise SuiteError(f"{place[0]} has no partition {place[1]}")
        [first], [end] = admin.beginning_offsets([place]).values(), admin.end_offsets([place]).values()
    if not first <= offset < end:
        raise SuiteError(f"{place[0]}/{place[1]} holds {first} to {end - 1}: no {offset} (any more, or yet)")
    for record in read_records(settings, {place: offset}, until={place: offset + 1}):
        return record
    raise SuiteError(
        f"no record lies at {place[0]}/{place[1]}/{offset}: compaction took it, or a transaction ended there"
    )


def read_last(
    settings: RuntimeSettings, topic: str, count: int, *, leave_out: Callable[[Record], bool] = lambda record: False
) -> tuple[list[Record], int]:
    """The last `count` records of `topic` but for those left out, oldest first, by their time; how many were left out
    among them."""
    with Admin(settings) as admin:
        parts = admin.partitions([topic])
        beginning, ends = admin.beginning_offsets(parts), admin.end_offsets(parts)
    reach = count
    while True:
        begins = {part: max(beginning[part], ends[part] - reach) for part in parts}
        records = sorted(read_records(settings, begins, until=ends), key=lambda each: (each.timestamp, each.offset))
        is_whole = begins == beginning
        kept: list[Record] = []
        left_out = 0
        # among older ones may be missing what lies before a partition's first record that was read
        for record in reversed(records if is_whole else records[-reach:]):
            if len(kept) == count:
                break
            if leave_out(record):
                left_out += 1
            else:
                kept.append(record)
        if is_whole or len(kept) == count:
            return kept[::-1], left_out
        reach *= 4


@cache
def _heartbeat_keys() -> frozenset[bytes]:
    urls = [heartbeat_event(number, clock.now()).url or "" for number in range(RAW_ARTICLES.partitions)]
    # as `services.cleaner.articles.identify` has it, whose import takes 0.4 s
    ids = [main_article_id(page_id(url_key=url_key(url))) for url in urls]
    return frozenset(key.encode() for key in (*urls, *ids))


def is_heartbeat(record: Record) -> bool:
    """Whether the record is the observer's heartbeat, or what a service made of it: told by its key."""
    return record.key in _heartbeat_keys()


def fates(
    settings: RuntimeSettings, record: Record, *, on_progress: Callable[[str], None] = lambda line: None
) -> list[Fate]:
    """What each service that reads the record's topic made of it; outcome `none yet` where no topic says.

    Reads what the services wrote from the record's own time on, until all have been found.
    """
    topic = record.topic.removeprefix(settings.topic_prefix)
    readers = [stage for stage in stages(settings.raw_topics) if topic in stage.inputs]
    wanted = {settings.topic_prefix + name: stage for stage in readers for name in stage.outcomes}
    found: dict[str, list[Record]] = {stage.service: [] for stage in readers}
    if not wanted:
        return []
    with Admin(settings) as admin:
        places = admin.partitions(wanted)
        begins, ends = admin.offsets_at(places, record.timestamp - _CLOCKS), admin.end_offsets(places)
    # what one record led to is written at once: so many records after the last one that was missing, it is whole
    left = 2000
    with contextlib.closing(read_records(settings, begins, until=ends)) as written:
        for count, each in enumerate(written, start=1):
            stage = wanted[each.topic]
            is_letter = each.topic == settings.topic_prefix + stage.dead_letters
            if source_of(each, is_letter=is_letter) == ((record.topic, record.partition), record.offset):
                found[stage.service].append(each)
            if all(found.values()):
                left -= 1
                if not left:
                    break
            if count % 1000 == 0:
                on_progress(f"{count} records read")
    return [_fate(stage, found[stage.service], settings.topic_prefix) for stage in readers]


def _fate(stage: Stage, records: Iterable[Record], prefix: str) -> Fate:
    outcome, reason, message = "none yet", "", ""
    lies_at: list[str] = []
    for record in records:
        topic = record.topic.removeprefix(prefix)
        headers = dict(record.headers)
        lies_at.append(record.coordinates)
        if topic == stage.dead_letters:
            outcome, reason = "dead_lettered", headers.get(REASON, b"").decode(errors="replace")
            message = headers.get(ERROR_MESSAGE, b"").decode(errors="replace")
        elif topic == discards(stage.service).name:
            outcome = "discarded"
            with contextlib.suppress(InvalidEventError):
                reason = DiscardedRecord.from_bytes(record.value or b"").reason
        else:
            outcome = "emitted"
    return Fate(stage.service, outcome, reason, message, tuple(lies_at))


def source_of(record: Record, *, is_letter: bool) -> tuple[Place, int] | None:
    """Where the record came from, by its headers; None for what the suite did not write."""
    names = (
        (ERROR_TOPIC, ERROR_PARTITION, ERROR_OFFSET) if is_letter else (SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET)
    )
    headers = dict(record.headers)
    try:
        topic, partition, offset = (headers[name].decode() for name in names)
        return (topic, int(partition)), int(offset)
    except (KeyError, ValueError):
        return None
