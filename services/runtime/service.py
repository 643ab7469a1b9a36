"""What a service is: where its records come from, what it makes of one, and what it needs to be ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Generic, Literal, TypeVar

from schemas.dead_letters import DeadLetterReason
from schemas.events import Event, value_hash
from schemas.topics import Topic
from services.runtime.errors import RecordError

E = TypeVar("E", bound=Event)


class InvalidRecordError(RecordError):
    """An event of the right shape that cannot be: `process` raises it, the engine writes a dead letter `invalid`."""


@dataclass(frozen=True)
class Unreadable:
    """Why the bytes of a record could not be had from Kafka: the dead letter's reason, and what is to be done."""

    reason: Literal["too_large", "decode_error"]
    message: str


@dataclass(frozen=True)
class Record:
    """One record as it lies on its topic. `timestamp` is the record's own, aware, in UTC. One that is `unreadable` has
    an empty value and no key."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: datetime
    unreadable: Unreadable | None = None

    @cached_property
    def owner(self) -> str:
        """H(record value): who a memo or a stored result belongs to. The same after a redelivery, and only then."""
        return value_hash(self.value or b"")

    @property
    def coordinates(self) -> str:
        """topic/partition/offset, for messages and logs."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True)
class Publish:
    """An event for a topic; `event` None is a tombstone. `key` None leaves the partition to the producer."""

    topic: Topic[Event]
    key: str | None
    event: Event | None


AfterSettle = Callable[[], Awaitable[None]]
"""Run once every record of the batch is settled on its topic, in order; may be skipped when the process dies, so it
may write only what another run would write again (memos, stored results)."""


@dataclass(frozen=True)
class Emit:
    """The record led to these events, in this order."""

    publishes: tuple[Publish, ...]
    after_settle: tuple[AfterSettle, ...] = ()


@dataclass(frozen=True)
class Discard:
    """The record was understood and leads to nothing, for one of the service's `discard_reasons`.

    The ids are those that are known, for the discards topic.
    """

    reason: str
    page_id: str | None = None
    article_id: str | None = None
    version_id: str | None = None
    after_settle: tuple[AfterSettle, ...] = ()


Outcome = Emit | Discard
Item = tuple[E, Record]
Process = Callable[[E, Record], Awaitable[Outcome]]
ProcessBatch = Callable[[Sequence[Item[E]]], Awaitable[Sequence[Outcome]]]
ProcessTombstone = Callable[[str, Record], Awaitable[Outcome]]


@dataclass(frozen=True)
class Positions:
    """Per partition of the source topic: what the group has committed (None: nothing yet), and where the log begins."""

    committed: Mapping[tuple[str, int], int | None]
    beginning: Mapping[tuple[str, int], int]


async def _nothing() -> None:
    return None


async def _always_ready() -> str | None:
    return None


async def _prepared_nothing(records: Sequence[Record]) -> None:
    del records


async def _assigned_nothing(positions: Positions) -> None:
    del positions


@dataclass(frozen=True)
class Service(Generic[E]):
    """A stream processor, as the engine and the worker run it.

    `process` gets one event and its record and may see the same record twice: it then returns the same events, byte
    for byte. It raises DependencyError to be tried again, InvalidRecordError for a dead letter `invalid`; any other
    exception is a dead letter `processing_error`. `process_batch`, where given, gets what `process` would get one by
    one and returns as many outcomes; when it raises, the engine goes through the batch with `process`.
    """

    name: str
    source: Topic[E]
    process: Process[E]
    publishes: tuple[Topic[Event], ...]
    discard_reasons: tuple[str, ...] = ()
    process_batch: ProcessBatch[E] | None = None
    process_tombstone: ProcessTombstone | None = None
    """What a null value means, given its key; without it a null value is discarded as `tombstone`."""
    prepare: Callable[[Sequence[Record]], Awaitable[None]] = _prepared_nothing
    """Called with the records of a batch that hold a value, before the first is read, to look up for all at once what
    `process` would look up for each. Any bytes may be in them, and raising stops the worker. `process` must do without:
    what was prepared may be missing or old by a batch."""
    settled: Callable[[], Awaitable[None]] = _nothing
    """Called once after the `after_settle` hooks of a batch, to write for all at once what they only noted."""
    start: Callable[[], Awaitable[None]] = _nothing
    """Load models and check dependencies; ConfigurationError ends the process before it reads a record."""
    stop: Callable[[], Awaitable[None]] = _nothing
    ready: Callable[[], Awaitable[str | None]] = _always_ready
    """Why the service cannot work just now, or None: asked by /readyz."""
    assigned: Callable[[Positions], Awaitable[None]] = _assigned_nothing
    """Called after each assignment and before its first record is processed: a lost index is rebuilt here."""
    model: Mapping[str, str] = field(default_factory=dict[str, str])
    """name and version of the model it runs, for the metrics."""


@dataclass(frozen=True)
class Failure:
    """Why a record becomes a dead letter."""

    reason: DeadLetterReason
    stage: str
    error: str
    message: str
    attempts: int = 1
