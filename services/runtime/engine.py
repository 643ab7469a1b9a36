"""One batch of records: decode, process, publish, settle. Knows no broker.

The order of these steps is the suite's delivery guarantee: a caller acknowledges a batch's records only after
`Engine.run` returned, and `Engine.run` returns only when everything the batch led to (events, discards, dead letters)
is settled on its topic. Whatever else happens leaves it by an exception, with nothing acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from prometheus_client import Histogram

from schemas.dead_letters import (
    ATTEMPTS,
    DEAD_LETTER_HEADERS,
    ERROR_CLASS,
    ERROR_MESSAGE,
    ERROR_OFFSET,
    ERROR_PARTITION,
    ERROR_STAGE,
    ERROR_TOPIC,
    FIRST_FAILED_AT,
    REASON,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    UNREADABLE,
    VERSION,
    Coordinates,
    DiscardedRecord,
)
from schemas.events import SCHEMA_VERSION, Event, InvalidEventError, format_instant, read_event
from schemas.topics import Topic, dead_letters, discards
from services.runtime import clock
from services.runtime.errors import ConfigurationError, DependencyError, SuiteError
from services.runtime.metrics import (
    BATCH,
    FRESHNESS,
    IN_PROGRESS,
    LAST_PROCESSED,
    PROCESSING,
    PUBLISHED,
    RECORDS,
    SETTLING,
    UNKNOWN_FIELDS,
    release,
)
from services.runtime.pausing import pause, pause_is_due, until_it_waits
from services.runtime.retry import Backoff, until_answered
from services.runtime.service import (
    AfterSettle,
    Discard,
    Emit,
    Failure,
    InvalidRecordError,
    Outcome,
    Publish,
    Record,
    Service,
)
from services.runtime.tracing import TRACEPARENT, RecordSpans, Trace, Tracer, exemplar, trace_of

logger = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)
T = TypeVar("T")

TOMBSTONE: Final = "tombstone"
_MESSAGE_CHARS: Final = 500
_REMAINING: Final = frozenset(name for name in DEAD_LETTER_HEADERS)


class BreakerError(SuiteError):
    """So much of what is read becomes dead letters that the service stops; nothing of the batch is acknowledged."""


class Breaker:
    """Stops a service rather than divert its whole traffic to the dead letters.

    Opens when `run` records in a row, or at least `ratio` of the last `window`, are dead letters. `run` 0 turns it off.
    `dead_run` is how many the worker before this one had in a row.
    """

    def __init__(self, *, run: int, ratio: float, window: int, dead_run: int = 0) -> None:
        self._run = run
        self._ratio = ratio
        self._last: deque[str] = deque(maxlen=window)
        self.dead_run = dead_run

    def check(self, reasons: Sequence[str]) -> None:
        """Raise BreakerError when `reasons` ("" for what is no dead letter) on top of what was noted are too many."""
        if not self._run:
            return
        run, longest = self.dead_run, 0
        for reason in reasons:
            run = run + 1 if reason else 0
            longest = max(longest, run)
        if not reasons:
            longest = run
        last = [*self._last, *reasons][-(self._last.maxlen or 1) :]
        dead = [reason for reason in last if reason]
        if longest >= self._run:
            what = f"{longest} records in a row became dead letters"
        elif len(last) == self._last.maxlen and len(dead) >= self._ratio * len(last):
            what = f"{len(dead)} of the last {len(last)} records became dead letters"
        else:
            return
        counts = ", ".join(f"{count} {reason}" for reason, count in Counter(dead or ["unknown"]).most_common())
        raise BreakerError(
            f"stopped because {what} ({counts}); nothing beyond them was acknowledged. Look at them with `newsloom "
            "dead-letters list`, correct the cause and start again; NEWSLOOM_BREAKER_RUN and NEWSLOOM_BREAKER_RATIO "
            "say how many are too many, NEWSLOOM_BREAKER_RUN=0 turns this off"
        )

    def note(self, reasons: Sequence[str]) -> None:
        """These were settled."""
        for reason in reasons:
            self.dead_run = self.dead_run + 1 if reason else 0
            self._last.append(reason)


class RefusedError(SuiteError):
    """This message will never be taken (too large, invalid); the same message sent again fails again."""


class TooSlowError(SuiteError):
    """One record took longer than a record may."""


@dataclass(frozen=True)
class Message:
    """What is sent: bytes for a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Outbox(Protocol):
    """Where messages are sent. Messages of one key reach their partition in the order of `enqueue`."""

    async def enqueue(self, message: Message) -> Awaitable[None]:
        """Take `message`; what is returned ends when it is settled on its topic.

        Raises, here or from what it returned, RefusedError for a message that will never be taken, and
        DependencyError when it may be sent again.
        """
        ...


@dataclass(slots=True)
class _Plan:
    """What is to become of one record."""

    record: Record
    outcome: str
    reason: str
    messages: list[Message]
    hooks: tuple[AfterSettle, ...]
    fetched_at: float | None = None
    attempts: int = 1
    processed: tuple[float, float] | None = None
    """Readings of `clock.seconds` when `process` began and ended."""
    seconds: float | None = None
    """Its own share of that time; None where `process` led to no outcome."""


class _Sends:
    """The sends of one batch in order, up to the first that failed: what comes after that one is only kept."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._pending: list[Awaitable[None]] = []
        self._failure: tuple[int, Exception] | None = None
        self.queue: list[tuple[_Plan, Message]] = []
        self.plans = 0

    async def add(self, plans: Sequence[_Plan]) -> None:
        """Enqueue what those of `plans` led to that come after the ones already added."""
        for plan in plans[self.plans :]:
            self.plans += 1
            for message in plan.messages:
                self.queue.append((plan, message))
                if self._failure is not None:
                    continue
                try:
                    # one after the other: this is what keeps the order per key
                    self._pending.append(await self._outbox.enqueue(message))
                except (RefusedError, DependencyError) as error:
                    self._failure = (len(self.queue) - 1, error)

    async def failure(self) -> tuple[int, Exception] | None:
        """Where in `queue` the first one failed, and why, once every one that was enqueued has ended."""
        failure = self._failure
        # each in turn rather than gathered, which would make a task of each
        for index, pending in enumerate(self._pending):
            try:
                await pending
            except (RefusedError, DependencyError) as error:
                if failure is None or index < failure[0]:
                    failure = (index, error)
        return failure


class Engine(Generic[E]):
    """Runs the batches of one service. One batch at a time."""

    def __init__(
        self,
        service: Service[E],
        outbox: Outbox,
        *,
        topic_prefix: str = "",
        backoff: Backoff | None = None,
        breaker: Breaker | None = None,
        record_seconds: float | None = None,
        on_wait: Callable[[], Awaitable[None]] | None = None,
        tracer: Tracer | None = None,
        sends_early: bool = False,
    ) -> None:
        """`record_seconds` is the longest that one call of `process` may wait; `on_wait` is called before each wait for
        a dependency, which is then known to be what holds the record up. With `sends_early` the events of a batch are
        sent while its later records are worked on; their acknowledgements are awaited after the last."""
        self._service = service
        self._breaker = breaker
        self._record_seconds = record_seconds
        self._on_wait = on_wait
        self._tracer = tracer
        self._last_trace: tuple[Record, Trace] | None = None
        self._outbox = outbox
        self._prefix = topic_prefix
        self._backoff = backoff or Backoff()
        self._version = release()
        self._discard_reasons = frozenset((*service.discard_reasons, TOMBSTONE))
        self._allowed = frozenset(topic.name for topic in service.publishes)
        self._sends_early = sends_early
        self._same_headers: dict[str, tuple[tuple[str, bytes], tuple[str, bytes], tuple[str, bytes]]] = {}
        self._processing = PROCESSING.labels(service.name)
        self._freshness = FRESHNESS.labels(service.name)

    async def run(self, records: Sequence[Record], condemned: Mapping[str, Failure] | None = None) -> None:
        """Bring every record of the batch to its one outcome and settle all it led to.

        `condemned` names, by their coordinates, records that become dead letters without being processed.
        Returns when the caller may acknowledge them all. Tries again for as long as a dependency is away. Anything
        unforeseen is raised, and then none of the batch may be acknowledged; so is BreakerError.
        """
        if not records:
            return
        name = self._service.name
        BATCH.labels(name).observe(len(records))
        in_progress = IN_PROGRESS.labels(name)
        in_progress.inc(len(records))
        began = clock.seconds()
        sends = _Sends(self._outbox)
        try:
            plans = await self._plan_all(records, condemned or {}, sends)
            if self._breaker is not None:
                self._breaker.check(_letters(plans))
            started = clock.seconds()
            await self._settle(plans, sends)
            settled = clock.seconds()
            SETTLING.labels(name).observe(settled - started)
            for plan in plans:
                for hook in plan.hooks:
                    await self._until_answered(hook, "after_settle")
            await self._until_answered(self._service.settled, "after_settle")
            self._count(plans)
            if self._tracer is not None:
                self._record(self._tracer, plans, began, (started, settled))
            if self._breaker is not None:
                # an output that is refused is known only now
                self._breaker.note(_letters(plans))
                self._breaker.check(())
        finally:
            in_progress.dec(len(records))

    # -- from records to plans

    async def _until_answered(self, call: Callable[[], Awaitable[T]], stage: str) -> tuple[T, int]:
        return await until_answered(
            call, backoff=self._backoff, service=self._service.name, stage=stage, on_wait=self._on_wait
        )

    async def _in_time(self, work: Awaitable[T]) -> T:
        """What `work` returns; TooSlowError when it waits too long. What never waits is the watchdog's (worker.py)."""
        return await until_it_waits(work, self._limited)

    async def _limited(self, work: Awaitable[T]) -> T:
        limit = asyncio.timeout(self._record_seconds)
        try:
            async with limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
            raise TooSlowError(f"no outcome within {self._record_seconds:g} s") from None

    async def _plan_all(
        self, records: Sequence[Record], condemned: Mapping[str, Failure], sends: _Sends
    ) -> list[_Plan]:
        def decode(record: Record) -> E | Failure | None:
            failure = condemned.get(record.coordinates) if condemned else None
            return failure or self._decode(record)

        readable = [each for each in records if each.value is not None and each.unreadable is None]
        if readable:
            await self._until_answered(lambda: self._service.prepare(readable), "prepare")
        if self._service.process_batch is None:
            singly: list[_Plan] = []
            # a dead letter, and what comes after it, waits for the breaker
            early = self._sends_early
            for record in records:
                # in its turn: what was read a batch before has left the processor's caches, 4 % of a page's time
                plan = await self._plan_one(record, decode(record))
                singly.append(plan)
                early = early and plan.outcome != "dead_lettered"
                if pause_is_due():
                    if early:
                        await sends.add(singly)
                    await pause()
            return singly
        decoded = [decode(record) for record in records]
        plans: list[_Plan | None] = [None] * len(records)
        run: list[int] = []
        # a tombstone between two events of its key must act between them, so it ends the run
        for index, (record, event) in enumerate(zip(records, decoded, strict=True)):
            if event is None or isinstance(event, Failure):
                if event is None:
                    await self._plan_run(records, decoded, run, plans)
                    run = []
                plans[index] = await self._plan_one(record, event)
            else:
                run.append(index)
        await self._plan_run(records, decoded, run, plans)
        return [plan for plan in plans if plan is not None]

    async def _plan_run(
        self,
        records: Sequence[Record],
        decoded: Sequence[E | Failure | None],
        run: Sequence[int],
        plans: list[_Plan | None],
    ) -> None:
        process_batch = self._service.process_batch
        items = [(event, records[index]) for index in run if isinstance(event := decoded[index], Event)]
        if not items or process_batch is None:
            return
        started = clock.seconds()
        try:
            outcomes, attempts = await self._until_answered(lambda: self._in_time(process_batch(items)), "process")
        except (MemoryError, ConfigurationError):
            raise
        except Exception as error:
            logger.warning("batch failed, going through it singly", extra={"error": repr(error)[:_MESSAGE_CHARS]})
            for index, (event, record) in zip(run, items, strict=True):
                plans[index] = await self._plan_one(record, event)
            return
        if len(outcomes) != len(items):
            raise RuntimeError(f"process_batch gave {len(outcomes)} outcomes for {len(items)} records")
        ended = clock.seconds()
        each = (ended - started) / len(items)
        for index, (event, record), outcome in zip(run, items, outcomes, strict=True):
            plans[index] = plan = self._plan(record, event, outcome, attempts)
            plan.processed, plan.seconds = (started, ended), each

    def _decode(self, record: Record) -> E | Failure | None:
        """The record's event; None for a tombstone; a Failure for what is no event."""
        if record.unreadable is not None:
            return Failure(record.unreadable.reason, "decode", UNREADABLE, record.unreadable.message)
        if record.value is None:
            return None
        source = self._service.source
        if len(record.value) > source.max_message_bytes:
            message = f"the value has {len(record.value)} bytes, {source.name} takes {source.max_message_bytes}"
            return Failure("too_large", "decode", "RecordTooLargeError", message)
        if source.event is None:
            raise RuntimeError(f"{source.name} has no event type")
        try:
            event, unknown = read_event(source.event, record.value)
        except InvalidEventError as error:
            return Failure(error.kind, "decode", type(error).__name__, str(error))
        if unknown:
            UNKNOWN_FIELDS.labels(self._service.name, self._source_label(record)).inc(len(unknown))
        return event

    async def _plan_one(self, record: Record, event: E | Failure | None) -> _Plan:
        if isinstance(event, Failure):
            return self._dead_letter(record, event)
        started = clock.seconds()
        attempts = 0

        async def attempt() -> Outcome:
            nonlocal attempts
            attempts += 1
            if event is not None:
                return await self._in_time(self._service.process(event, record))
            if self._service.process_tombstone is None or record.key is None:
                return Discard(TOMBSTONE)
            try:
                key = record.key.decode()
            except UnicodeDecodeError:
                return Discard(TOMBSTONE)
            return await self._service.process_tombstone(key, record)

        try:
            outcome, _ = await self._until_answered(attempt, "process")
        except (MemoryError, ConfigurationError):
            # nothing can be trusted after the one, no record is to blame for the other: the process ends with nothing
            # acknowledged
            raise
        except InvalidRecordError as error:
            return self._dead_letter(record, Failure("invalid", "process", type(error).__name__, str(error), attempts))
        except TooSlowError as error:
            return self._dead_letter(record, Failure("too_slow", "process", "TooSlowError", str(error), attempts))
        except Exception as error:
            logger.warning(
                "process raised, the record becomes a dead letter",
                extra={"record": record.coordinates, "error": repr(error)[:_MESSAGE_CHARS]},
                exc_info=True,
            )
            message = f"{type(error).__name__}: {error}"
            return self._dead_letter(
                record, Failure("processing_error", "process", type(error).__name__, message, attempts)
            )
        ended = clock.seconds()
        plan = self._plan(record, event, outcome, attempts)
        plan.processed, plan.seconds = (started, ended), ended - started
        return plan

    def _plan(self, record: Record, event: E | None, outcome: Outcome, attempts: int) -> _Plan:
        fetched_at = getattr(event, "fetched_at", None)
        fetched = fetched_at.timestamp() if fetched_at is not None else None
        if isinstance(outcome, Emit):
            if not outcome.publishes:
                # no topic would show what became of the record
                failure = Failure("processing_error", "process", "EmptyEmit", "process emitted no event", attempts)
                return self._dead_letter(record, failure)
            try:
                messages = [self._message(record, publish, index) for index, publish in enumerate(outcome.publishes)]
            except ValueError as error:
                failure = Failure("processing_error", "encode", type(error).__name__, str(error), attempts)
                return self._dead_letter(record, failure)
            return _Plan(record, "emitted", "", messages, outcome.after_settle, fetched, attempts)
        if outcome.reason not in self._discard_reasons:
            raise RuntimeError(f"{self._service.name} discards with {outcome.reason!r}, which it did not declare")
        return _Plan(
            record,
            "discarded",
            outcome.reason,
            [self._discard(record, outcome)],
            outcome.after_settle,
            fetched,
            attempts,
        )

    # -- messages

    def _message(self, record: Record, publish: Publish, index: int) -> Message:
        if publish.topic.name not in self._allowed:
            raise RuntimeError(f"{self._service.name} publishes to {publish.topic.name}, which it did not declare")
        value = publish.event.to_bytes() if publish.event is not None else None
        key = publish.key.encode() if publish.key is not None else None
        return Message(
            self._prefix + publish.topic.name,
            key,
            value,
            self._event_headers(record, publish.topic, publish.key, index),
        )

    def _event_headers(
        self, record: Record, topic: Topic[Event], subject: str | None, index: int
    ) -> tuple[tuple[str, bytes], ...]:
        """CloudEvents 1.0 binary headers, trace context and source coordinates; the same on every redelivery."""
        same = self._same_headers.get(topic.name)
        if same is None:
            same = self._same_headers[topic.name] = (
                ("ce_source", f"/newsloom/{self._service.name}".encode()),
                ("ce_type", f"newsloom.{topic.name}.v{SCHEMA_VERSION}".encode()),
                ("ce_dataschema", f"urn:newsloom:schema:{topic.name}:{SCHEMA_VERSION}".encode()),
            )
        source, kind, schema = same
        place = f"{self._service.name}/{record.coordinates}"
        headers: tuple[tuple[str, bytes], ...] = (
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{place}/{index}".encode()),
            source,
            kind,
            ("ce_time", format_instant(record.timestamp).encode()),
            schema,
            ("content-type", b"application/json"),
            (TRACEPARENT, self._trace(record).header),
            (SOURCE_TOPIC, record.topic.encode()),
            (SOURCE_PARTITION, b"%d" % record.partition),
            (SOURCE_OFFSET, b"%d" % record.offset),
        )
        if subject is not None:
            headers = (*headers, ("ce_subject", subject.encode()))
        if record.headers:
            headers = (*headers, *(header for header in record.headers if header[0] == "tracestate"))
        return headers

    def _trace(self, record: Record) -> Trace:
        """`trace_of`, kept for the record that was asked for last: a record is asked for several times in a row."""
        if self._last_trace is None or self._last_trace[0] is not record:
            self._last_trace = (record, trace_of(record, self._service.name, self._tracer))
        return self._last_trace[1]

    def _discard(self, record: Record, outcome: Discard) -> Message:
        event = DiscardedRecord(
            service=self._service.name,
            source=Coordinates(topic=record.topic, partition=record.partition, offset=record.offset),
            reason=outcome.reason,
            recorded_at=record.timestamp,
            page_id=outcome.page_id,
            article_id=outcome.article_id,
            version_id=outcome.version_id,
        )
        topic = discards(self._service.name)
        headers = self._event_headers(record, topic, None, 0)
        return Message(self._prefix + topic.name, record.key, event.to_bytes(), headers)

    def _dead_letter(self, record: Record, failure: Failure) -> _Plan:
        """The record whole, bytes and headers untouched, with what went wrong in headers beside them."""
        kept = tuple((name, value) for name, value in record.headers if name not in _REMAINING)
        message = failure.message[:_MESSAGE_CHARS].encode(errors="replace")
        headers = (
            (ERROR_TOPIC, record.topic.encode()),
            (ERROR_PARTITION, str(record.partition).encode()),
            (ERROR_OFFSET, str(record.offset).encode()),
            (ERROR_STAGE, failure.stage.encode()),
            (ERROR_CLASS, failure.error.encode()),
            (ERROR_MESSAGE, message),
            (REASON, failure.reason.encode()),
            (ATTEMPTS, str(failure.attempts).encode()),
            (FIRST_FAILED_AT, format_instant(clock.now()).encode()),
            (VERSION, self._version.encode()),
        )
        topic = self._prefix + dead_letters(self._service.name).name
        letter = Message(topic, record.key, record.value, (*kept, *headers))
        return _Plan(record, "dead_lettered", failure.reason, [letter], (), attempts=failure.attempts)

    # -- from plans to settled

    async def _settle(self, plans: Sequence[_Plan], sends: _Sends) -> None:
        await sends.add(plans)
        failure = await sends.failure()
        if failure is None:
            return
        first, error = failure
        logger.warning("a send failed, sending the rest singly", extra={"error": str(error)[:_MESSAGE_CHARS]})
        # One refused message fails its neighbours in the producer's batch, and what came after a failed message of its
        # key must not stay before it: everything from the first failure on is sent again, one by one.
        refused: set[int] = set()
        for plan, message in sends.queue[first:]:
            if id(plan) in refused:
                continue
            try:
                await self._send(message)
            except RefusedError as refusal:
                if plan.outcome == "dead_lettered":
                    raise
                refused.add(id(plan))
                letter = self._dead_letter(plan.record, Failure("refused", "send", "RefusedError", str(refusal)))
                plan.outcome, plan.reason, plan.hooks, plan.messages = (
                    letter.outcome,
                    letter.reason,
                    (),
                    letter.messages,
                )
                await self._send(letter.messages[0])

    async def _send(self, message: Message) -> None:
        async def once() -> None:
            await (await self._outbox.enqueue(message))

        await self._until_answered(once, "send")

    def _source_label(self, record: Record) -> str:
        return record.topic.removeprefix(self._prefix)

    def _count(self, plans: Sequence[_Plan]) -> None:
        name = self._service.name
        now = clock.now().timestamp()
        outcomes = Counter((plan.record.topic, plan.outcome, plan.reason) for plan in plans)
        for (topic, outcome, reason), count in outcomes.items():
            RECORDS.labels(name, topic.removeprefix(self._prefix), outcome, reason).inc(count)
        for topic, count in Counter(message.topic for plan in plans for message in plan.messages).items():
            PUBLISHED.labels(name, topic.removeprefix(self._prefix)).inc(count)
        for plan in plans:
            if plan.outcome == "dead_lettered":
                logger.warning("dead letter written", extra={"record": plan.record.coordinates, "reason": plan.reason})
        LAST_PROCESSED.labels(name).set(now)
        processing = [(plan.seconds, plan.record) for plan in plans if plan.seconds is not None]
        fresh = [
            (max(0.0, now - plan.fetched_at), plan.record)
            for plan in plans
            if plan.fetched_at is not None and plan.outcome != "dead_lettered"
        ]
        self._observe(self._processing, processing)
        self._observe(self._freshness, fresh)

    def _observe(self, histogram: Histogram, found: Sequence[tuple[float, Record]]) -> None:
        """Observe each value; the longest of the batch with its trace, which is the one that somebody will look for."""
        if not found:
            return
        longest = max(range(len(found)), key=lambda index: found[index][0])
        for index, (seconds, record) in enumerate(found):
            about = exemplar(self._trace(record), record) if index == longest else None
            histogram.observe(seconds, about)

    def _record(self, tracer: Tracer, plans: Sequence[_Plan], began: float, sent: tuple[float, float]) -> None:
        ended = clock.seconds()
        for plan in plans:
            trace = self._trace(plan.record)
            if not trace.is_sampled:
                continue
            published = Counter(message.topic.removeprefix(self._prefix) for message in plan.messages)
            tracer.record(
                RecordSpans(
                    plan.record, trace, began, plan.processed, sent, ended, plan.outcome, plan.reason, published
                )
            )


def _letters(plans: Sequence[_Plan]) -> list[str]:
    return [plan.reason if plan.outcome == "dead_lettered" else "" for plan in plans]
