"""Conservation, read from the topics: every record that a service acknowledged has an outcome, or is named.

Counters of processes die with them and count repeats; what lies on the topics does not. Each event carries the
coordinates of the record it came from, each discard and each dead letter too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from services.commands.records import source_of
from services.observer.stages import Stage, stages
from services.runtime.kafka import Admin, read_records
from services.runtime.settings import RuntimeSettings

Place = tuple[str, int]

_EMITTED: Final = 1
_DISCARDED: Final = 2
_DEAD: Final = 4
# an outcome is written after its record; the clocks of those who wrote the two may differ by as much
_CLOCKS: Final = timedelta(minutes=5)
_MOST_NAMED: Final = 1000


@dataclass(frozen=True)
class Balance:
    """One service over the window: `records` = `emitted` + `discarded` + `dead_lettered` + missing ones.

    `several` are records that have more than one kind of outcome; they count as the first of these words. `waiting`
    are not acknowledged yet. `missing` names records as topic/partition/offset, the first thousand of `missing_count`.
    """

    service: str
    records: int
    emitted: int
    discarded: int
    dead_lettered: int
    several: int
    waiting: int
    missing_count: int
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The balance as JSON."""
        return {
            "service": self.service,
            "records": self.records,
            "emitted": self.emitted,
            "discarded": self.discarded,
            "dead_lettered": self.dead_lettered,
            "several": self.several,
            "waiting": self.waiting,
            "missing_count": self.missing_count,
            "missing": list(self.missing),
        }


@dataclass
class _Window:
    """Outcomes found for the records of one partition from `begin` to `end`, a byte each."""

    begin: int
    end: int
    found: bytearray = field(init=False)

    def __post_init__(self) -> None:
        self.found = bytearray(max(0, self.end - self.begin))

    def note(self, offset: int, outcome: int) -> None:
        if self.begin <= offset < self.end:
            self.found[offset - self.begin] |= outcome


def audit(
    settings: RuntimeSettings,
    *,
    since: datetime | None = None,
    raw_topics: Iterable[str] | None = None,
    on_progress: Callable[[str], None] = lambda line: None,
) -> list[Balance]:
    """The balance of each service over what its input topics hold, or over what they hold since `since`.

    Judged is what the service has acknowledged: its outcomes were settled before. Offsets that hold no record (a
    transaction's end, a compacted one) are looked for and left out. Raises DependencyError and ConfigurationError.
    """
    return [_balance(settings, stage, since, on_progress) for stage in stages(tuple(raw_topics or settings.raw_topics))]


def _balance(
    settings: RuntimeSettings, stage: Stage, since: datetime | None, on_progress: Callable[[str], None]
) -> Balance:
    on_progress(stage.service)
    with Admin(settings) as admin:
        inputs = admin.partitions([settings.topic_prefix + name for name in stage.inputs])
        beginning = admin.beginning_offsets(inputs)
        begins = admin.offsets_at(inputs, since) if since is not None else beginning
        # the committed offsets first, the ends of what came out afterwards: whatever is below them has been settled
        committed = admin.committed_offsets(settings.group(stage.service), inputs)
        ends = admin.end_offsets(inputs)
        windows = {
            part: _Window(max(begins[part], beginning[part]), max(begins[part], min(committed[part] or 0, ends[part])))
            for part in inputs
        }
        outputs = admin.partitions([settings.topic_prefix + name for name in stage.outcomes])
        output_ends = admin.end_offsets(outputs)
        output_begins = (
            admin.offsets_at(outputs, since - _CLOCKS) if since is not None else admin.beginning_offsets(outputs)
        )
    letters = settings.topic_prefix + stage.dead_letters
    events = {settings.topic_prefix + name for name in stage.outputs}
    for record in read_records(settings, output_begins, until=output_ends):
        kind = _DEAD if record.topic == letters else _EMITTED if record.topic in events else _DISCARDED
        source = source_of(record, is_letter=kind == _DEAD)
        if source is not None and (window := windows.get(source[0])) is not None:
            window.note(source[1], kind)
    missing = [
        (part, window.begin + index)
        for part, window in windows.items()
        for index, outcome in enumerate(window.found)
        if not outcome
    ]
    gone = _without_record(settings, missing)
    lost = sorted(place for place in missing if place not in gone)
    counts = [0, 0, 0, 0]
    for window in windows.values():
        for outcome in window.found:
            if outcome:
                counts[0 if outcome & _EMITTED else 1 if outcome & _DISCARDED else 2] += 1
                counts[3] += outcome.bit_count() > 1
    return Balance(
        service=stage.service,
        records=sum(counts[:3]) + len(lost),
        emitted=counts[0],
        discarded=counts[1],
        dead_lettered=counts[2],
        several=counts[3],
        waiting=sum(max(0, ends[part] - max(window.end, beginning[part])) for part, window in windows.items()),
        missing_count=len(lost),
        missing=tuple(f"{topic}/{partition}/{offset}" for (topic, partition), offset in lost[:_MOST_NAMED]),
    )


def _without_record(settings: RuntimeSettings, missing: list[tuple[Place, int]]) -> set[tuple[Place, int]]:
    """Those of `missing` where the topic holds no record."""
    if not missing:
        return set()
    first: dict[Place, int] = {}
    last: dict[Place, int] = {}
    for part, offset in missing:
        first[part] = min(offset, first.get(part, offset))
        last[part] = max(offset + 1, last.get(part, 0))
    held = {((record.topic, record.partition), record.offset) for record in read_records(settings, first, until=last)}
    return {place for place in missing if place not in held}


def as_rows(balances: Iterable[Balance]) -> tuple[list[str], list[list[Any]]]:
    """The balances as a table: columns and rows."""
    columns = ["service", "records", "emitted", "discarded", "dead letters", "missing", "several", "waiting"]
    rows: list[list[Any]] = [
        [
            balance.service,
            balance.records,
            balance.emitted,
            balance.discarded,
            balance.dead_lettered,
            balance.missing_count,
            balance.several,
            balance.waiting,
        ]
        for balance in balances
    ]
    return columns, rows


def totals(balances: Iterable[Balance]) -> Mapping[str, int]:
    """How many records are missing, by service."""
    return {balance.service: balance.missing_count for balance in balances}
