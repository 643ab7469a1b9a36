"""A service as a Faust worker process. The only module that imports Faust.

Faust alone acknowledges what failed, what it merely took, and what it never decoded (measured: DESIGN, "Guarantees").
So it only carries: raw bytes in, batches through `noack_take`, sends awaited, then the batch's own `ack` in order.
Whatever is unforeseen ends the process with nothing acknowledged; whoever supervises it starts another.
"""

# Faust's types are partial: what comes from it is unknown here, and typed before it leaves this module.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUnknownLambdaType=false

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, NoReturn, TypeVar, cast

import aiokafka.errors
import faust

from schemas.events import Event
from schemas.topics import RAW_ARTICLES, dead_letters, discards
from services.runtime import clock
from services.runtime import kafka as kafka_admin
from services.runtime import logging as json_logging
from services.runtime.engine import TOMBSTONE, Engine, Message, RefusedError
from services.runtime.errors import ConfigurationError, DependencyError, SuiteError
from services.runtime.http import StatusServer
from services.runtime.metrics import ASSIGNED, ASSIGNMENTS, MODEL, READY, start_at_zero
from services.runtime.pausing import stop_at_next_pause
from services.runtime.retry import Backoff, until_answered
from services.runtime.service import Positions, Record, Service
from services.runtime.settings import RuntimeSettings, read_settings

logger = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)

EXIT_CONFIGURATION: Final = 78  # EX_CONFIG
EXIT_FATAL: Final = 70  # EX_SOFTWARE

# A batch's records together: 32 pages of 20 MB at once would not fit a small machine.
_BATCH_BYTES: Final = 32 * 1024 * 1024

_REFUSALS: Final = (
    aiokafka.errors.MessageSizeTooLargeError,
    aiokafka.errors.RecordListTooLargeError,
    aiokafka.errors.InvalidMessageError,
    aiokafka.errors.InvalidTimestampError,
    aiokafka.errors.CorruptRecordException,
)


class ProducerOutbox:
    """Sends through the Faust app's aiokafka producer. `producer` gives it once the app has started."""

    def __init__(self, producer: Callable[[], Any]) -> None:
        self._producer = producer

    async def enqueue(self, message: Message) -> Awaitable[None]:
        """See `services.runtime.engine.Outbox`."""
        try:
            future = await self._producer().send(
                message.topic, value=message.value, key=message.key, headers=list(message.headers)
            )
        except Exception as error:
            raise _translated(error, message) from error
        return _settled(future, message)


async def _settled(future: Awaitable[Any], message: Message) -> None:
    try:
        await future
    except asyncio.CancelledError:
        raise
    except Exception as error:
        raise _translated(error, message) from error


def _translated(error: Exception, message: Message) -> Exception:
    """What the producer said, as the engine's two kinds; anything else stays what it is and ends the process."""
    size = len(message.value or b"")
    what = f"{message.topic}: {type(error).__name__}: {error} (a value of {size} bytes)"
    if isinstance(error, _REFUSALS):
        return RefusedError(what)
    if isinstance(error, aiokafka.errors.ProducerClosed):
        return error
    if isinstance(error, aiokafka.errors.KafkaError | OSError | TimeoutError):
        return DependencyError(what)
    return error


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
        self._assignment: frozenset[tuple[str, int]] | None = None
        self._assigning: asyncio.Task[None] | None = None

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
        """Work until SIGTERM or SIGINT (0), a wrong setting (78) or something unforeseen (70)."""
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
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            return False
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        return True

    def _check_topics(self) -> None:
        with kafka_admin.Admin(self._settings) as admin:
            admin.partitions((*self._topics, *self._target_topics()))

    def _stream(self, loop: asyncio.AbstractEventLoop) -> int:
        app = self._app(loop)
        engine = Engine(
            self._service,
            ProducerOutbox(lambda: cast("Any", app.producer)._ensure_producer()),
            topic_prefix=self._settings.topic_prefix,
            backoff=self._backoff,
        )
        # raw, because a value that does not decode would be acknowledged before this code sees it
        channel = app.topic(
            *self._topics, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes
        )

        @app.agent(channel, name=f"newsloom-{self._service.name}", concurrency=1)
        async def consume(stream: Any) -> None:
            try:
                async for events in stream.noack_take(
                    self._settings.batch_records, within=self._settings.batch_wait_seconds
                ):
                    await self._assigned.wait()
                    for batch in _bounded(events):
                        await engine.run([_record(event) for event in batch])
                        for event in batch:
                            event.ack()
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException as error:
                self._die(error)

        del consume

        async def on_assigned(sender: Any, assigned: Any, **_: Any) -> None:
            del sender
            self._on_assigned(frozenset((part.topic, int(part.partition)) for part in assigned))

        cast("Any", app.on_partitions_assigned).connect(on_assigned, weak=False)
        worker = _QuietWorker(app, loop=loop, loglevel=None, redirect_stdouts=False)
        try:
            worker.execute_from_commandline()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 1
            return 0 if code == 0 else EXIT_FATAL
        return 0

    def _app(self, loop: asyncio.AbstractEventLoop) -> faust.App:
        settings = self._settings
        servers = [f"aiokafka://{server.strip()}" for server in settings.kafka_bootstrap.split(",")]
        return faust.App(
            settings.group(self._service.name),
            broker=servers,
            broker_credentials=_credentials(settings),
            loop=loop,
            store="memory://",
            topic_disable_leader=True,
            topic_allow_declare=False,
            # True hangs on SIGTERM while a dependency is down; False is safe because nothing is acknowledged early
            stream_wait_empty=False,
            stream_buffer_maxsize=128,
            broker_commit_interval=settings.commit_interval_seconds,
            # Faust's 60 s block whoever takes over from a killed worker
            broker_session_timeout=settings.session_timeout_seconds,
            broker_heartbeat_interval=settings.session_timeout_seconds / 4,
            broker_max_poll_interval=86400.0,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=4 * 1024 * 1024,
            producer_acks=-1,
            producer_linger_ms=5,
            producer_linger=0.005,
            producer_max_batch_size=1024 * 1024,
            producer_max_request_size=kafka_admin.MAX_REQUEST_BYTES,
            producer_request_timeout=20.0,
            producer_compression_type=None if settings.compression == "none" else settings.compression,
            web_enabled=False,
            logging_config=None,
        )

    def _die(self, error: BaseException) -> NoReturn:
        """End the process now: nothing of the batch is acknowledged, and Faust gets no chance to."""
        logger.critical("worker ends over an unforeseen failure", exc_info=error, extra={"service": self._service.name})
        logging.shutdown()
        sys.stderr.flush()
        os._exit(EXIT_FATAL)

    # -- assignment and readiness

    def _on_assigned(self, assignment: frozenset[tuple[str, int]]) -> None:
        ours = frozenset(part for part in assignment if part[0] in self._topics)
        ASSIGNED.labels(self._service.name).set(len(ours))
        ASSIGNMENTS.labels(self._service.name).inc()
        self._assigned.clear()
        if self._assigning is not None:
            self._assigning.cancel()
        self._assigning = asyncio.get_running_loop().create_task(self._take_over(ours))

    async def _take_over(self, assignment: frozenset[tuple[str, int]]) -> None:
        async def once() -> None:
            await self._service.assigned(await asyncio.to_thread(self._positions, assignment))

        try:
            await until_answered(once, backoff=self._backoff, service=self._service.name, stage="assigned")
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._die(error)
        self._assignment = assignment
        self._assigned.set()
        logger.info("partitions assigned", extra={"service": self._service.name, "partitions": len(assignment)})

    def _positions(self, assignment: frozenset[tuple[str, int]]) -> Positions:
        with kafka_admin.Admin(self._settings) as admin:
            return Positions(
                committed=admin.committed_offsets(self._settings.group(self._service.name), assignment),
                beginning=admin.beginning_offsets(assignment),
            )

    def _why_unhealthy(self) -> str | None:
        still = clock.seconds() - self._tick
        if still > self._settings.stall_seconds:
            return f"the event loop has not turned for {still:.0f} s"
        return None

    async def _keep_ticking(self) -> None:
        while True:
            self._tick = clock.seconds()
            self._not_ready = await self._why_not_ready()
            READY.labels(self._service.name).set(self._not_ready is None)
            await asyncio.sleep(0.5)

    async def _why_not_ready(self) -> str | None:
        if self._assignment is None:
            return "no partitions assigned yet"
        if not self._assigned.is_set():
            return "taking over partitions"
        try:
            return await asyncio.wait_for(self._service.ready(), timeout=self._settings.redis_timeout_seconds + 1)
        except (SuiteError, TimeoutError) as error:
            return str(error) or type(error).__name__


class _QuietWorker(faust.Worker):
    """Faust's worker without its spinner and its logging setup: the process's own is already there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spinner = None

    def _setup_logging(self) -> None:
        pass

    def _flag_as_shutdown_by_signal(self) -> None:
        stop_at_next_pause()
        super()._flag_as_shutdown_by_signal()


def _bounded(events: Sequence[Any]) -> list[list[Any]]:
    """`events` in order, in groups of at most `_BATCH_BYTES` of value (or one event)."""
    groups: list[list[Any]] = [[]]
    size = 0
    for event in events:
        length = len(event.message.value or b"")
        if groups[-1] and size + length > _BATCH_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(event)
        size += length
    return groups


def _record(event: Any) -> Record:
    message = event.message
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple((name, value or b"") for name, value in _pairs(message.headers)),
        # Faust gives seconds; a record written without a timestamp has a negative one
        timestamp=datetime.fromtimestamp(round(max(0.0, message.timestamp or 0.0) * 1000) / 1000, UTC),
    )


def _pairs(headers: Any) -> Sequence[tuple[str, bytes]]:
    if not headers:
        return ()
    if isinstance(headers, dict):
        return tuple(cast("dict[str, bytes]", headers).items())
    return tuple(headers)


def _credentials(settings: RuntimeSettings) -> Any:
    if settings.kafka_security == "PLAINTEXT":
        return None
    context: ssl.SSLContext | None = None
    if settings.kafka_security.endswith("SSL"):
        try:
            context = ssl.create_default_context(cafile=settings.kafka_ca_file)
            if settings.kafka_cert_file:
                context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"NEWSLOOM_KAFKA_CA_FILE, _CERT_FILE or _KEY_FILE cannot be loaded: {error}; name readable PEM files"
            ) from None
    if settings.kafka_security.startswith("SASL"):
        password = settings.kafka_password.get_secret_value() if settings.kafka_password else None
        return faust.SASLCredentials(
            username=settings.kafka_username,
            password=password,
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context)


def run(build: Callable[[RuntimeSettings], Service[Any]]) -> NoReturn:
    """Run the service that `build` makes as this process, and exit with the worker's code.

    Settings are read here, so that a wrong one ends in a line on standard error and exit code 78.
    """
    try:
        runtime = read_settings(RuntimeSettings)
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
