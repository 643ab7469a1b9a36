"""A service as a worker process: its life, its readiness, and the loop from batch to acknowledgement.

What is acknowledged has been settled: the loop takes a batch, the engine settles it, and only then may its offsets be
committed (stream.py). Whatever is unforeseen ends the process with nothing of the batch acknowledged; whoever
supervises it starts another. After an assignment the first records of each partition run singly, each marked beside the
committed offset before work on it begins, so that a record that ends its worker is known by the next one.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, NoReturn, TypeVar

from schemas.events import Event
from schemas.topics import RAW_ARTICLES, dead_letters, discards
from services.runtime import clock
from services.runtime import kafka as kafka_admin
from services.runtime import logging as json_logging
from services.runtime.engine import TOMBSTONE, Breaker, BreakerError, Engine
from services.runtime.errors import ConfigurationError, SuiteError
from services.runtime.http import StatusServer
from services.runtime.marks import Mark
from services.runtime.metrics import ASSIGNED, ASSIGNMENTS, MODEL, READY, start_at_zero
from services.runtime.pace import FIRST_RECORDS, Pace
from services.runtime.pausing import pause
from services.runtime.retry import Backoff, until_answered
from services.runtime.service import Failure, Positions, Record, Service
from services.runtime.settings import RuntimeSettings, read_settings
from services.runtime.stream import Consumer, Place, Stream, Taken
from services.runtime.tracing import open_tracer

logger = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)

EXIT_BREAKER: Final = 65  # EX_DATAERR
EXIT_CONFIGURATION: Final = 78  # EX_CONFIG
EXIT_FATAL: Final = 70  # EX_SOFTWARE

# A batch's records together: 32 pages of 20 MB at once would not fit a small machine.
_BATCH_BYTES: Final = 32 * 1024 * 1024
# the kernel ends what even the interpreter's own watchdog thread could not
_KERNEL_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True)
class _Careful:
    """Records of a partition before `until` run singly; `mark` is what was committed beside `offset`."""

    offset: int | None
    until: int
    mark: Mark


class Worker(Generic[E]):
    """One worker process of `service`. `run` returns its exit code."""

    def __init__(self, service: Service[E], settings: RuntimeSettings) -> None:
        self._service = service
        self._settings = settings
        self._backoff = Backoff(settings.retry_first_seconds, settings.retry_longest_seconds)
        self._topics = self._source_topics()
        self._tick = clock.seconds()
        self._not_ready: str | None = "starting"
        self._assigned = asyncio.Event()
        self._assignment: frozenset[Place] | None = None
        self._assigning: asyncio.Task[None] | None = None
        self._working = asyncio.Lock()
        self._careful: dict[Place, _Careful] = {}
        self._is_watched = False
        self._tracer = open_tracer(settings, service.name)
        self._pace = Pace(most=settings.batch_records)
        self._breaker = Breaker(run=settings.breaker_run, ratio=settings.breaker_ratio, window=settings.breaker_window)

    def _source_topics(self) -> tuple[str, ...]:
        source = self._service.source
        names = self._settings.raw_topics if source.name == RAW_ARTICLES.name else (source.name,)
        return tuple(self._settings.topic_prefix + name for name in names)

    def _target_topics(self) -> tuple[str, ...]:
        name = self._service.name
        targets = (*self._service.publishes, dead_letters(name), discards(name))
        return tuple(self._settings.topic_prefix + topic.name for topic in targets)

    # -- life

    def run(self) -> int:
        """Work until SIGTERM or SIGINT (0), a wrong setting (78), too many dead letters (65) or the unforeseen (70)."""
        service, settings = self._service, self._settings
        start_at_zero(
            service.name,
            topics=[name.removeprefix(settings.topic_prefix) for name in self._topics],
            publishes=[name.removeprefix(settings.topic_prefix) for name in self._target_topics()],
            discard_reasons=(*service.discard_reasons, TOMBSTONE),
        )
        if service.model:
            MODEL.labels(service.name, service.model.get("name", ""), service.model.get("version", "")).set(1)
        server = StatusServer(
            settings.http_host, settings.http_port, healthy=self._why_unhealthy, ready=lambda: self._not_ready
        )
        logger.info("worker started", extra={"service": service.name, "http_port": server.port, "pid": os.getpid()})
        if settings.http_port_file:
            server.write_port(settings.http_port_file)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        ticking = loop.create_task(self._keep_ticking())
        try:
            if not self._prepared(loop):
                return 0
            return self._stream(loop)
        finally:
            # Faust closes the loop it ran on
            if not loop.is_closed():
                ticking.cancel()
            READY.labels(service.name).set(0)
            server.stop()
            if self._tracer is not None:
                self._tracer.close()

    def _prepared(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Topics exist, models are loaded, dependencies are what they must be; False when told to stop meanwhile."""

        async def prepare() -> None:
            await until_answered(
                lambda: asyncio.to_thread(self._check_topics),
                backoff=self._backoff,
                service=self._service.name,
                stage="start",
            )
            await until_answered(self._service.start, backoff=self._backoff, service=self._service.name, stage="start")

        task = loop.create_task(prepare())
        asked: list[int] = []

        def stop(number: int) -> None:
            asked.append(number)
            task.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            # never removed, only replaced by Faust's: a signal in between is not lost, and ends no process half-way
            loop.add_signal_handler(number, stop, number)
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            return False
        # one that came during the last uninterrupted piece of work has not been seen by the loop yet
        loop.run_until_complete(asyncio.sleep(0.01))
        if asked:
            loop.run_until_complete(self._service.stop())
            return False
        return True

    def _check_topics(self) -> None:
        with kafka_admin.Admin(self._settings) as admin:
            admin.partitions((*self._topics, *self._target_topics()))
            # a group that may not be joined would leave a worker that lives and does nothing
            admin.committed(self._settings.group(self._service.name), admin.partitions(self._topics))

    def _stream(self, loop: asyncio.AbstractEventLoop) -> int:
        settings = self._settings
        stream = Stream(
            settings,
            service=self._service.name,
            topics=self._topics,
            loop=loop,
            on_assigned=self._on_assigned,
            on_deadline=self._end_late,
        )
        engine = Engine(
            self._service,
            stream.outbox,
            topic_prefix=settings.topic_prefix,
            backoff=self._backoff,
            breaker=self._breaker,
            record_seconds=settings.record_seconds,
            on_wait=lambda: stream.consumer.unmark(),
            tracer=self._tracer,
            sends_early=True,
        )

        async def consume() -> None:
            consumer = stream.consumer
            consumer.on_revoked = self._assigned.clear
            consumer.mark = lambda: Mark(self._breaker.dead_run).text()
            try:
                while True:
                    await self._work(consumer, engine, await consumer.take(self._pace.records))
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException as error:
                if isinstance(error, BreakerError | ConfigurationError):
                    # a missing right is no fault of the record that met it: no death is counted against it
                    await consumer.unmark()
                self._die(error)

        self._is_watched = True
        # What is there now stays: going through models and libraries again every few thousand records took a fifth of a
        # small record's time (85 to 68 us). Cycles made from here on are still found.
        gc.collect()
        gc.freeze()
        return 0 if stream.run(consume) == 0 else EXIT_FATAL

    async def _work(self, consumer: Consumer, engine: Engine[E], taken: Taken) -> None:
        """Settle what was taken. Records of an assignment that ended meanwhile too: dropping some and keeping others
        of one partition is how records are lost, and whoever has it now writes the same bytes."""
        await self._assigned.wait()
        for batch in self._batches(taken):
            # a partition is taken over between two batches, never amid one
            async with self._working:
                condemned = await self._marked(consumer, taken, batch[0]) if len(batch) == 1 else {}
                started = clock.seconds()
                await engine.run(batch, condemned)
                consumer.settle(taken, batch)
                self._pace.note(len(batch), clock.seconds() - started)
            await pause()
            await self._assigned.wait()

    def _batches(self, taken: Taken) -> list[list[Record]]:
        """The records in order: singly where care is due, else in groups of at most `_BATCH_BYTES` (or one record)."""
        groups: list[list[Record]] = []
        size = 0
        for record in taken.records:
            alone = self._is_careful(record)
            length = len(record.value or b"")
            if not groups or alone or size + length > _BATCH_BYTES:
                groups.append([])
                size = 0
            groups[-1].append(record)
            # whatever comes after one that runs alone begins a group of its own
            size = size + length if not alone else _BATCH_BYTES + 1
        return groups

    def _is_careful(self, record: Record) -> bool:
        careful = self._careful.get((record.topic, record.partition))
        return careful is not None and record.offset < careful.until

    async def _marked(self, consumer: Consumer, taken: Taken, record: Record) -> dict[str, Failure]:
        """Mark `record` as begun; or condemn it, where it has ended too many workers already."""
        if not self._is_careful(record):
            return {}
        careful = self._careful[record.topic, record.partition]
        mark = careful.mark if careful.offset == record.offset else Mark()
        if mark.tries >= self._settings.record_deaths:
            reason = mark.reason
            what = f"{mark.tries} workers ended while they worked on it"
            if reason == "too_slow":
                what += f", each after standing still for {self._settings.stall_seconds:g} s"
            logger.error("a record ends its workers", extra={"record": record.coordinates, "reason": reason})
            failure = Failure(reason, "process", "WorkerEndedError", what, mark.tries)
            return {record.coordinates: failure}
        now_ms = int(clock.now().timestamp() * 1000)
        text = Mark(self._breaker.dead_run, mark.tries + 1, mark.slow, now_ms).text()
        await until_answered(
            lambda: consumer.commit_mark(taken, record, text),
            backoff=self._backoff,
            service=self._service.name,
            stage="mark",
        )
        return {}

    def _die(self, error: BaseException) -> NoReturn:
        """End the process now: nothing of the batch is acknowledged, and Faust gets no chance to."""
        code = EXIT_FATAL
        if isinstance(error, BreakerError | ConfigurationError):
            code = EXIT_BREAKER if isinstance(error, BreakerError) else EXIT_CONFIGURATION
            logger.critical("worker ends", extra={"service": self._service.name, "error": str(error)})
            print(f"newsloom: {error}", file=sys.stderr)
        else:
            logger.critical(
                "worker ends over an unforeseen failure", exc_info=error, extra={"service": self._service.name}
            )
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)

    def _end_late(self) -> NoReturn:
        """Told to stop, the worker did not in time: a dependency is away. What is not committed comes again."""
        logger.warning("ended without waiting any longer", extra={"service": self._service.name})
        logging.shutdown()
        sys.stderr.flush()
        os._exit(0)

    # -- assignment and readiness

    def _on_assigned(self, assignment: frozenset[Place]) -> None:
        ASSIGNED.labels(self._service.name).set(len(assignment))
        ASSIGNMENTS.labels(self._service.name).inc()
        self._assigned.clear()
        if self._assigning is not None:
            self._assigning.cancel()
        self._assigning = asyncio.get_running_loop().create_task(self._take_over(assignment))

    async def _take_over(self, assignment: frozenset[Place]) -> None:
        async def once() -> None:
            async with self._working:
                positions, marks = await asyncio.to_thread(self._positions, assignment)
                await self._service.assigned(positions)
            self._be_careful(positions, marks)

        try:
            await until_answered(once, backoff=self._backoff, service=self._service.name, stage="assigned")
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._die(error)
        self._assignment = assignment
        self._assigned.set()
        logger.info("partitions assigned", extra={"service": self._service.name, "partitions": len(assignment)})

    def _be_careful(self, positions: Positions, marks: dict[Place, Mark]) -> None:
        """Whoever had these partitions may have died over one of the records that come first."""
        now_ms = int(clock.now().timestamp() * 1000)
        self._careful = {}
        for place, offset in positions.committed.items():
            first = offset if offset is not None else positions.beginning[place]
            mark = marks[place].found_at(now_ms, limit_seconds=self._settings.stall_seconds)
            self._careful[place] = _Careful(offset, first + min(FIRST_RECORDS, self._settings.batch_records), mark)
        if not self._breaker.dead_run:
            self._breaker.dead_run = max((mark.dead_run for mark in marks.values()), default=0)

    def _positions(self, assignment: frozenset[Place]) -> tuple[Positions, dict[Place, Mark]]:
        with kafka_admin.Admin(self._settings) as admin:
            committed = admin.committed(self._settings.group(self._service.name), assignment)
            positions = Positions(
                committed={place: offset for place, (offset, _) in committed.items()},
                beginning=admin.beginning_offsets(assignment),
            )
        return positions, {place: Mark.read(text) for place, (_, text) in committed.items()}

    def _why_unhealthy(self) -> str | None:
        still = clock.seconds() - self._tick
        if still > self._settings.stall_seconds:
            return f"the event loop has not turned for {still:.0f} s"
        return None

    async def _keep_ticking(self) -> None:
        while True:
            self._tick = clock.seconds()
            self._arm_watchdog()
            self._not_ready = await self._why_not_ready()
            READY.labels(self._service.name).set(self._not_ready is None)
            await asyncio.sleep(0.5)

    def _arm_watchdog(self) -> None:
        """End the process when this is not called again in time, whoever holds the interpreter's lock.

        A thread of ours would wait for that lock for ever. faulthandler's is one of C that never takes it: it prints
        where every thread stands and ends the process. Should even that hang, the kernel's own alarm ends it.
        """
        if not self._is_watched:
            return
        limit = self._settings.stall_seconds
        faulthandler.dump_traceback_later(limit, exit=True)
        signal.setitimer(signal.ITIMER_REAL, limit + _KERNEL_GRACE_SECONDS)

    async def _why_not_ready(self) -> str | None:
        if self._assignment is None:
            return "no partitions assigned yet"
        if not self._assigned.is_set():
            return "taking over partitions"
        try:
            return await asyncio.wait_for(self._service.ready(), timeout=self._settings.redis_timeout_seconds + 1)
        except (SuiteError, TimeoutError) as error:
            return str(error) or type(error).__name__


def _limit_memory(most_bytes: int) -> None:
    """Let allocations beyond `most_bytes` fail: a MemoryError ends this worker, instead of the kernel any process."""
    if most_bytes:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))


def run(build: Callable[[RuntimeSettings], Service[Any]]) -> NoReturn:
    """Run the service that `build` makes as this process, and exit with the worker's code.

    Settings are read here, so that a wrong one ends in a line on standard error and exit code 78.
    """
    try:
        runtime = read_settings(RuntimeSettings)
        _limit_memory(runtime.memory_limit_bytes)
        json_logging.configure(runtime.log_level)
        service = build(runtime)
        code = Worker(service, runtime).run()
    except ConfigurationError as error:
        print(f"newsloom: {error}", file=sys.stderr)
        code = EXIT_CONFIGURATION
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    sys.stderr.flush()
    # threads of native libraries must not hold a stopped worker
    if threading.active_count() > 1:
        os._exit(code)
    sys.exit(code)
