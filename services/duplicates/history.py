"""The clean articles that the group has already processed, read again from Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from itertools import islice
from typing import Final

from schemas.topics import CLEAN_ARTICLES
from services.duplicates.rebuild import HistoryRecord
from services.runtime import clock, kafka
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

_CHUNK: Final = 2000


class KafkaHistory:
    """A `History` on `clean-articles` and the service's consumer group. Kafka's errors come as DependencyError."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings
        self._topic = settings.topic_prefix + CLEAN_ARTICLES.name

    async def gaps(self, indexed: Mapping[str, int], since_ms: int) -> dict[str, tuple[int, int]]:
        """See `History.gaps`."""
        return await asyncio.to_thread(self._gaps, indexed, since_ms)

    def _gaps(self, indexed: Mapping[str, int], since_ms: int) -> dict[str, tuple[int, int]]:
        with kafka.Admin(self._settings) as admin:
            partitions = admin.partitions([self._topic])
            committed = admin.committed_offsets(self._settings.group("duplicates"), partitions)
            ends = {part: offset for part, offset in committed.items() if offset is not None and offset > 0}
            behind = {part: offset for part, offset in ends.items() if indexed.get(_label(part), -1) + 1 < offset}
            if not behind:
                return {}
            beginning = admin.beginning_offsets(behind)
            newest = admin.end_offsets(ends)
            since = self._oldest_waiting_ms(ends, newest) - since_ms
            by_time = admin.offsets_since(behind, since)
        gaps: dict[str, tuple[int, int]] = {}
        for part, end in behind.items():
            first = max(beginning[part], indexed.get(_label(part), -1) + 1, min(by_time[part], end))
            if first < end:
                gaps[_label(part)] = (first, end)
        return gaps

    def _oldest_waiting_ms(self, committed: Mapping[tuple[str, int], int], ends: Mapping[tuple[str, int], int]) -> int:
        """The time of the oldest record that is still to be processed; now when there is none."""
        now = int(clock.now().timestamp() * 1000)
        waiting = {part: offset for part, offset in committed.items() if offset < ends[part]}
        until = {part: offset + 1 for part, offset in waiting.items()}
        first = kafka.read_records(self._settings, waiting, until=until) if waiting else iter(())
        return min((_milliseconds(record) for record in first), default=now)

    async def read(self, gaps: Mapping[str, tuple[int, int]]) -> AsyncIterator[HistoryRecord]:
        """See `History.read`."""
        parts = {label: (self._topic, int(label.rpartition("/")[2])) for label in gaps}
        records = kafka.read_records(
            self._settings,
            {parts[label]: first for label, (first, _) in gaps.items()},
            until={parts[label]: end for label, (_, end) in gaps.items()},
        )
        while chunk := await asyncio.to_thread(lambda: list(islice(records, _CHUNK))):
            for record in sorted(chunk, key=lambda record: (record.timestamp, record.partition, record.offset)):
                yield HistoryRecord(
                    _label((record.topic, record.partition)),
                    record.offset,
                    record.key,
                    record.value,
                    _milliseconds(record),
                )


def _label(part: tuple[str, int]) -> str:
    return f"{part[0]}/{part[1]}"


def _milliseconds(record: Record) -> int:
    return int(record.timestamp.timestamp() * 1000)
