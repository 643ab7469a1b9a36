"""The Faust app of a worker: whole batches in, messages out, and offsets committed only once they are settled.

The only module that imports Faust. Of Faust it uses the process, the group membership and the producer. Records do not
go through its conductor and streams: those acknowledge what was skipped at a rebalance, commit over a hole of one, and
make two tasks and a wait of each record. Here a batch is taken straight from the consumer's thread, nothing that was
taken is ever dropped, and what is committed is what `Consumer.settle` was told.
"""

# Faust's types are partial: what comes from it is unknown here, and typed before it leaves this module.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import tempfile
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import aiokafka.errors
import faust
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver

from services.runtime import batches
from services.runtime import kafka as kafka_admin
from services.runtime.engine import Message, RefusedError
from services.runtime.errors import ConfigurationError, DependencyError
from services.runtime.pausing import stop_at_next_pause
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

logger = logging.getLogger(__name__)

Place = tuple[str, int]
"""A partition: topic and number."""

_FETCH_WAIT_MS: Final = 100
"""How long the broker may hold a fetch that finds nothing.

aiokafka has one fetch to a broker under way. While a partition's records are worked on it asks for those of the idle
ones, and the busy one's next are not asked for before that has ended: with Faust's 1.5 s a worker whose traffic was in
one partition of four stood still for most of its time.
"""

_REFUSALS: Final = (
    aiokafka.errors.MessageSizeTooLargeError,
    aiokafka.errors.RecordListTooLargeError,
    aiokafka.errors.InvalidMessageError,
    aiokafka.errors.CorruptRecordException,
)
_FORBIDDEN: Final = (
    aiokafka.errors.TopicAuthorizationFailedError,
    aiokafka.errors.GroupAuthorizationFailedError,
    aiokafka.errors.ClusterAuthorizationFailedError,
)
_ENDED: Final = (
    aiokafka.errors.UnknownMemberIdError,
    aiokafka.errors.IllegalGenerationError,
    aiokafka.errors.RebalanceInProgressError,
)
# a commit that takes longer is given up and made again; a worker that stops does not wait for a broker that is away
_COMMIT_SECONDS: Final = 10.0
_LAST_COMMIT_SECONDS: Final = 3.0


class ProducerOutbox:
    """Sends through the Faust app's aiokafka producer. `producer` gives it once the app has started."""

    def __init__(self, producer: Callable[[], Any]) -> None:
        self._producer = producer

    async def enqueue(self, message: Message) -> Awaitable[None]:
        """See `services.runtime.engine.Outbox`."""
        try:
            producer = self._producer()
            future = await producer.send(
                message.topic,
                value=message.value,
                key=message.key,
                partition=_partition(producer, message),
                headers=list(message.headers),
            )
        except Exception as error:
            raise _translated(error, message) from error
        return _Settled(future, message)


def _partition(producer: Any, message: Message) -> int | None:
    """Where Kafka's own partitioner sends `message`; None leaves that to the producer's, which is the same, slowly."""
    if message.key is None:
        return None
    partitions: Any = producer._metadata.partitions_for_topic(message.topic)
    # not known yet, or, which the producer would have to tell apart, not numbered without holes
    if not partitions or max(partitions) != len(partitions) - 1:
        return None
    return (murmur2(message.key) & 0x7FFFFFFF) % len(partitions)


def murmur2(data: bytes) -> int:
    """MurmurHash2 as Kafka's clients hash keys, in 2 us where aiokafka's takes 5 (32 bytes)."""
    m, all_bits = 0x5BD1E995, 0xFFFFFFFF
    hashed = 0x9747B28C ^ len(data)
    for word in struct.unpack_from(f"<{len(data) >> 2}I", data):
        mixed = (word * m) & all_bits
        hashed = ((hashed * m) ^ ((mixed ^ (mixed >> 24)) * m)) & all_bits
    rest = len(data) & 3
    if rest:
        hashed = ((hashed ^ int.from_bytes(data[-rest:], "little")) * m) & all_bits
    hashed = ((hashed ^ (hashed >> 13)) * m) & all_bits
    return hashed ^ (hashed >> 15)


class _Settled:
    """Ends when its message is settled, with the engine's word for what went wrong. Cheaper than a coroutine, and not
    missed where it is never awaited."""

    __slots__ = ("_future", "_message")

    def __init__(self, future: asyncio.Future[Any], message: Message) -> None:
        self._future = future
        self._message = message

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            yield from self._future
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise _translated(error, self._message) from error


def _translated(error: Exception, message: Message) -> Exception:
    """What the producer said, as the engine's two kinds; anything else stays what it is and ends the process."""
    size = len(message.value or b"")
    what = f"{message.topic}: {type(error).__name__}: {error} (a value of {size} bytes)"
    if isinstance(error, _REFUSALS):
        return RefusedError(what)
    if isinstance(error, _FORBIDDEN):
        return ConfigurationError(
            f"Kafka does not allow this user to write to {message.topic} ({type(error).__name__}); "
            "grant the rights that deploy/README.md lists"
        )
    if isinstance(error, aiokafka.errors.InvalidTimestampError):
        # the record is not to blame, and as a dead letter it would be refused too
        return DependencyError(f"{what}; the clock of this machine or of the broker is wrong: correct it")
    if isinstance(error, aiokafka.errors.ProducerClosed):
        return error
    if isinstance(error, aiokafka.errors.KafkaError | OSError | TimeoutError):
        return DependencyError(what)
    return error


class Membership(NamedTuple):
    """What a consumer is in its group from one rebalance to the next: its partitions (an object of its own for every
    assignment), and the generation and the member that the broker knows it by."""

    assignment: Any
    generation: int
    member: str


def membership(consumer: Any) -> Membership:
    """That of an aiokafka consumer now. To be called on the loop that the consumer lives on."""
    subscription, coordinator = consumer._subscription.subscription, consumer._coordinator
    assignment = None if subscription is None else subscription.assignment
    return Membership(assignment, coordinator.generation, coordinator.member_id)


async def commit_as(consumer: Any, expected: Membership, offsets: Mapping[Place, tuple[int, str]]) -> None:
    """Commit `offsets`, each with its text, as the member that `expected` was, and as no other.

    aiokafka's own commit asks once whether the partitions are assigned, and may then wait: for the coordinator, for
    another commit, after an answer that may be tried again. What it sends after that carries whatever generation the
    consumer is of by then, so a rebalance meanwhile turned old offsets into valid ones, over those of whoever had the
    partition in between. Here the question is asked with nothing between it and the sending. Raises CommitFailedError
    when the membership has ended, and what `AIOKafkaConsumer.commit` raises otherwise.
    """
    coordinator = consumer._coordinator
    to_commit = {TopicPartition(*place): OffsetAndMetadata(*offset) for place, offset in offsets.items()}
    while True:
        await coordinator.ensure_coordinator_known()
        async with coordinator._commit_lock:
            if membership(consumer) != expected:
                raise aiokafka.errors.CommitFailedError("the group has given its partitions out again")
            try:
                return await asyncio.shield(coordinator._do_commit_offsets(expected.assignment, to_commit))
            except _ENDED as error:
                raise aiokafka.errors.CommitFailedError(str(error)) from error
            except aiokafka.errors.KafkaError as error:
                if not error.retriable:
                    raise
        await asyncio.sleep(coordinator._retry_backoff_ms / 1000)


@dataclass(frozen=True)
class Taken:
    """Records in the order of each partition, and the membership they were taken under."""

    membership: Membership
    records: Sequence[Record]


class Consumer(driver.Consumer):
    """Faust's consumer with batches and commits of its own. Made by Faust, one to an app.

    A batch that is taken must be settled, in order, or the process must end: then whatever is committed lies below
    everything that is not settled, over every rebalance. Offsets settled under an assignment that has ended are not
    committed; the records come again, to whoever has the partition now.
    """

    on_revoked: Callable[[], None] = staticmethod(lambda: None)
    """Called as soon as partitions are given up, before the group knows."""
    mark: Callable[[], str] = staticmethod(lambda: "")
    """The text that is committed beside each offset."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settled_as: Membership | None = None
        self._to_commit: dict[Place, int] = {}
        self._marked: tuple[Membership, Place, int] | None = None
        self._committing = asyncio.Lock()

    async def take(self, most: int) -> Taken:
        """The next records, at most `most`, as soon as there is one. Raises what the broker refused."""
        while True:
            if not self.flow_active:
                await self.can_resume_flow.wait()
            active = self._get_active_partitions()
            if not active:
                await asyncio.sleep(0.1)
                continue
            thread: Any = self._thread

            async def fetch(thread: Any = thread, active: Any = active) -> tuple[Membership, dict[Any, list[Any]]]:
                consumer = thread._ensure_consumer()
                fetched = await thread._fetch_records(consumer, active, timeout=1.0, max_records=most)
                # on the consumer's own loop: asked on this one, a rebalance may have come between
                return membership(consumer), fetched

            try:
                taken_as, fetched = await thread.call_thread(fetch)
            except _FORBIDDEN as error:
                raise ConfigurationError(
                    f"Kafka does not allow this user to read {error} ({type(error).__name__}); "
                    "grant the rights that deploy/README.md lists"
                ) from error
            if fetched:
                return Taken(taken_as, [_record(raw) for part in fetched.values() for raw in part])

    def settle(self, taken: Taken, records: Sequence[Record]) -> None:
        """Everything that `records` led to is settled: their offsets may be committed."""
        if taken.membership != self._settled_as:
            self._to_commit.clear()
            self._settled_as = taken.membership
        for record in records:
            place = (record.topic, record.partition)
            self._to_commit[place] = record.offset + 1
            if self._marked == (taken.membership, place, record.offset):
                self._marked = None

    async def commit_mark(self, taken: Taken, record: Record, mark: str) -> None:
        """Commit the offset of `record`, which is worked on next, with `mark`, before returning.

        Nothing happens when the partition is no longer this worker's. The mark is taken back by `unmark`, and when
        partitions are given up or the worker stops: whoever comes next must not count that as a death. Raises
        DependencyError when the broker does not answer in time.
        """
        place = (record.topic, record.partition)
        async with self._committing:
            if await self._commit_offsets_now(taken.membership, {place: (record.offset, mark)}, _COMMIT_SECONDS):
                self._marked = (taken.membership, place, record.offset)

    async def unmark(self) -> None:
        """Take the mark back: what holds the record up is no fault of its own. Does nothing without one."""
        async with self._committing:
            marked, self._marked = self._marked, None
            if marked is None:
                return
            marked_as, place, offset = marked
            try:
                await self._commit_offsets_now(marked_as, {place: (offset, self.mark())}, _LAST_COMMIT_SECONDS)
            except DependencyError as error:
                logger.warning("a mark was not taken back", extra={"error": str(error)})

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what is settled. False when nothing was committed; then it is tried again at the next interval."""
        del topics, start_new_transaction
        return await self._commit_settled(last=self.should_stop or self.app.should_stop)

    async def _commit_settled(self, *, last: bool) -> bool:
        """The `last` one before the partitions are given up takes a mark back too, and does not wait for long."""
        async with self._committing:
            settled_as, waiting = self._settled_as, dict(self._to_commit)
            if last and self._marked is not None:
                marked_as, place, offset = self._marked
                if not waiting:
                    settled_as = marked_as
                if settled_as == marked_as:
                    waiting.setdefault(place, offset)
            if settled_as is None or not waiting:
                return False
            mark = self.mark()
            offsets = {place: (offset, mark) for place, offset in waiting.items()}
            try:
                done = await self._commit_offsets_now(
                    settled_as, offsets, _LAST_COMMIT_SECONDS if last else _COMMIT_SECONDS
                )
            except DependencyError as error:
                logger.warning("offsets not committed, trying again", extra={"error": str(error)})
                return False
            if settled_as == self._settled_as:
                # committed; or never to be: the records come again, to whoever has the partition now
                for place, offset in waiting.items():
                    if self._to_commit.get(place) == offset:
                        del self._to_commit[place]
            return done

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def commit_and_end_transactions(self) -> None:
        """Faust's last commit when it stops: what is settled, and nothing else."""
        await self.commit()

    async def _commit_offsets_now(
        self, member: Membership, offsets: Mapping[Place, tuple[int, str]], seconds: float
    ) -> bool:
        thread: Any = self._thread

        async def commit() -> None:
            await asyncio.wait_for(commit_as(thread._ensure_consumer(), member, offsets), seconds)

        try:
            # twice the time: the thread itself may be gone
            await asyncio.wait_for(thread.call_thread(commit), 2 * seconds)
        except aiokafka.errors.CommitFailedError:
            return False  # rebalanced meanwhile
        except _FORBIDDEN as error:
            raise ConfigurationError(
                f"Kafka does not allow this user to commit offsets ({type(error).__name__}); "
                "grant the rights that deploy/README.md lists"
            ) from error
        except (aiokafka.errors.KafkaError, OSError, TimeoutError) as error:
            raise DependencyError(f"Kafka did not take offsets: {type(error).__name__}: {error}") from error
        return True

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Faust's hook, ahead of its own work. What is settled is committed while the group still knows this member."""
        self.on_revoked()
        await self._commit_settled(last=True)
        self._marked = None
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        """Faust's hook, ahead of its own work. A worker that lost its partitions unasked hears only this one."""
        self._marked = None
        self.on_revoked()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _drain_messages(self, fetcher: Any) -> None:
        # records are taken by `take`; Faust's fetcher only has to live until it is stopped
        with contextlib.suppress(asyncio.CancelledError):
            # a cancellation that reached Faust amid a rebalance would count as a crash
            await fetcher.wait_until_stopped()

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Faust's watch over its own streams, through which nothing goes here."""
        del now, tp


class _Thread(driver.AIOKafkaConsumerThread):
    """Faust's thread with a shorter wait at the broker."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        return consumer


class _Transport(driver.Transport):
    Consumer = Consumer  # pyright: ignore[reportAssignmentType]  # Faust's types name its own interface


class _QuietWorker(faust.Worker):
    """Faust's worker without its spinner and its logging setup: the process's own is already there."""

    stop_seconds: float
    on_deadline: Callable[[], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spinner = None

    def _setup_logging(self) -> None:
        pass

    def _flag_as_shutdown_by_signal(self) -> None:
        stop_at_next_pause()
        super()._flag_as_shutdown_by_signal()

    def carp(self, msg: str) -> None:
        """Faust's greeting of Ctrl-C, left out."""
        del msg

    def _schedule_shutdown(self, signal: Any) -> None:
        if not self._signal_stop_time:
            # Faust waits for its producer and its consumer, and those for a broker that may be away
            timer = threading.Timer(self.stop_seconds, self.on_deadline)
            timer.daemon = True
            timer.start()
        super()._schedule_shutdown(signal)


class Stream:
    """The app of one worker. `run` gives `consume` the consumer and the outbox, and returns the exit code."""

    def __init__(
        self,
        settings: RuntimeSettings,
        *,
        service: str,
        topics: Sequence[str],
        loop: asyncio.AbstractEventLoop,
        on_assigned: Callable[[frozenset[Place]], None],
        on_deadline: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._on_deadline = on_deadline
        batches.install()
        self._app = _app(settings, service, loop)
        self._app.transport = _Transport(self._app.conf.broker_consumer, self._app, loop)
        self._topics = frozenset(topics)
        # raw, because a value that does not decode would be acknowledged before our code sees it
        self._channel = self._app.topic(
            *topics, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes
        )
        self._name = f"newsloom-{service}"

        async def assigned(sender: Any, assigned: Any, **_: Any) -> None:
            del sender
            places = ((part.topic, int(part.partition)) for part in assigned)
            on_assigned(frozenset(place for place in places if place[0] in self._topics))

        cast("Any", self._app.on_partitions_assigned).connect(assigned, weak=False)

    @property
    def consumer(self) -> Consumer:
        """The app's consumer."""
        return cast("Consumer", self._app.consumer)

    @property
    def outbox(self) -> ProducerOutbox:
        """Where the engine sends."""
        return ProducerOutbox(lambda: cast("Any", self._app.producer)._ensure_producer())

    def run(self, consume: Callable[[], Awaitable[None]]) -> int:
        """Run until told to stop; 0, or what Faust ended with."""

        @self._app.agent(self._channel, name=self._name, concurrency=1)
        async def agent(stream: Any) -> None:
            # the agent brings the subscription and the life cycle; the records come through `Consumer.take`
            del stream
            await consume()

        del agent
        worker = _QuietWorker(self._app, loop=self._loop, loglevel=None, redirect_stdouts=False)
        worker.stop_seconds = self._settings.stop_seconds
        worker.on_deadline = self._on_deadline
        try:
            worker.execute_from_commandline()
        except SystemExit as stopped:
            return stopped.code if isinstance(stopped.code, int) else 1
        return 0


def _app(settings: RuntimeSettings, service: str, loop: asyncio.AbstractEventLoop) -> faust.App:
    servers = [f"aiokafka://{server.strip()}" for server in settings.kafka_bootstrap.split(",")]
    return faust.App(
        settings.group(service),
        broker=servers,
        broker_credentials=_credentials(settings),
        loop=loop,
        store="memory://",
        # Faust makes this folder and keeps nothing in it without tables: one that is there
        datadir=tempfile.gettempdir(),
        topic_disable_leader=True,
        topic_allow_declare=False,
        # True hangs on SIGTERM while a dependency is down; False is safe because nothing is acknowledged early
        stream_wait_empty=False,
        broker_commit_interval=settings.commit_interval_seconds,
        # Faust's 60 s block whoever takes over from a killed worker
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.session_timeout_seconds / 4,
        broker_max_poll_interval=86400.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 * 1024 * 1024,
        producer_acks=-1,
        # a batch is sent whole, and waited for: lingering would only add to each
        producer_linger_ms=0,
        producer_linger=0.0,
        producer_max_batch_size=1024 * 1024,
        producer_max_request_size=kafka_admin.MAX_REQUEST_BYTES,
        producer_request_timeout=20.0,
        producer_compression_type=None if settings.compression == "none" else settings.compression,
        web_enabled=False,
        logging_config=None,
    )


def _record(raw: Any) -> Record:
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=raw.key,
        value=raw.value,
        headers=tuple([(name, value or b"") for name, value in raw.headers]) if raw.headers else (),
        # milliseconds; a record written without a timestamp has a negative one
        timestamp=datetime.fromtimestamp(max(0, raw.timestamp or 0) / 1000, UTC),
        unreadable=raw.value.why if isinstance(raw.value, batches.Withheld) else None,
    )


def _credentials(settings: RuntimeSettings) -> Any:
    if settings.kafka_security == "PLAINTEXT":
        return None
    context = kafka_admin.tls_context(settings)
    if settings.kafka_security.startswith("SASL"):
        password = settings.kafka_password.get_secret_value() if settings.kafka_password else None
        return faust.SASLCredentials(
            username=settings.kafka_username,
            password=password,
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context)
