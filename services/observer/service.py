"""The observer: what a dead worker cannot tell of itself, asked of Kafka, of Redis and of the topics."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.observer import metrics
from services.observer.audit import Audit
from services.observer.stages import stages
from services.observer.watch import look_at_kafka, look_at_redis
from services.runtime import clock
from services.runtime import logging as json_logging
from services.runtime.errors import ConfigurationError, SuiteError
from services.runtime.http import StatusServer
from services.runtime.metrics import BUILD, READY, release
from services.runtime.settings import RuntimeSettings, read_settings

logger = logging.getLogger(__name__)

NAME: Final = "observer"
EXIT_CONFIGURATION: Final = 78
EXIT_FATAL: Final = 70


class ObserverSettings(BaseSettings):
    """What the observer can be told, beside what every service shares."""

    model_config = SettingsConfigDict(env_prefix="NEWSLOOM_OBSERVER_", frozen=True)

    interval_seconds: float = Field(default=15.0, gt=0, description="Time between two looks at lag, Redis and topics.")
    heartbeat_interval_seconds: float = Field(
        default=60.0, ge=0, description="Time between two heartbeats through the suite; 0 sends none."
    )
    audit_window_seconds: float = Field(
        default=3600.0, gt=0, description="How long a record without an outcome counts in the conservation gap."
    )
    outlets: int = Field(
        default=200, ge=1, le=1000, description="Outlets with metrics of their own; the rest is other."
    )


class _Part:
    """One thing that is done again and again, on a thread of its own; a failure is counted and tried again."""

    def __init__(self, name: str, act: Callable[[], None], interval_seconds: float, stopping: threading.Event) -> None:
        self.name = name
        self._act = act
        self._interval_seconds = interval_seconds
        self._stopping = stopping
        self.tick = clock.seconds()
        self.problem: str | None = "has not looked yet"
        self.fatal: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name=f"observer-{name}", daemon=True)

    def alive(self) -> None:
        """Called by whatever takes long, so that it is told from what hangs."""
        self.tick = clock.seconds()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                started = clock.seconds()
                self._once()
                rest = self._interval_seconds - (clock.seconds() - started)
                # woken each second, so that the thread shows that it lives through a long interval
                while rest > 0 and not self._stopping.wait(min(rest, 1.0)):
                    self.alive()
                    rest -= 1.0
        except BaseException as error:
            self.fatal = error
            self._stopping.set()

    def _once(self) -> None:
        self.alive()
        started = clock.seconds()
        try:
            self._act()
        except SuiteError as error:
            self.problem = str(error)
            metrics.LOOK_ERRORS.labels(self.name).inc()
            logger.warning("look failed", extra={"part": self.name, "error": str(error)[:500]})
        else:
            self.problem = None
            metrics.LOOKED.labels(self.name).set(clock.now().timestamp())
        metrics.LOOK_SECONDS.labels(self.name).observe(clock.seconds() - started)


def observe(runtime: RuntimeSettings, settings: ObserverSettings) -> int:
    """Watch the suite until SIGTERM or SIGINT (0) or something unforeseen (70)."""
    suite = stages(runtime.raw_topics)
    metrics.start_at_zero(suite, clock.now().timestamp())
    BUILD.labels(NAME, release()).set(1)
    stopping = threading.Event()
    parts: list[_Part] = []
    audit = Audit(
        runtime,
        suite,
        window_seconds=settings.audit_window_seconds,
        outlets=settings.outlets,
        alive=lambda: parts[2].alive(),
    )
    metrics.expose_outlets(lambda: audit.board, lambda: audit.pairs)
    parts += [
        _Part("lag", lambda: look_at_kafka(runtime, suite), settings.interval_seconds, stopping),
        _Part("redis", lambda: look_at_redis(runtime), settings.interval_seconds, stopping),
        _Part("audit", audit.look, settings.interval_seconds, stopping),
    ]
    if settings.heartbeat_interval_seconds:
        parts.append(_Part("heartbeat", audit.beat, settings.heartbeat_interval_seconds, stopping))

    def why_unhealthy() -> str | None:
        for part in parts:
            still = clock.seconds() - part.tick
            if still > runtime.stall_seconds:
                return f"{part.name}: nothing for {still:.0f} s"
        return None

    def why_not_ready() -> str | None:
        problems = [f"{part.name}: {part.problem}" for part in parts if part.problem is not None]
        READY.labels(NAME).set(not problems)
        return "; ".join(problems) or None

    why_not_ready()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server = StatusServer(runtime.http_host, runtime.http_port, healthy=why_unhealthy, ready=why_not_ready)
    logger.info("observer started", extra={"http_port": server.port, "pid": os.getpid()})
    if runtime.http_port_file:
        server.write_port(runtime.http_port_file)
    for part in parts:
        part.thread.start()
    # a timeout, because a wait without one cannot be interrupted on every platform
    while not stopping.wait(1.0):
        why_not_ready()
    server.stop()
    for part in parts:
        part.thread.join(timeout=5)
        if part.fatal is not None:
            logger.critical("observer ends over an unforeseen failure", exc_info=part.fatal, extra={"part": part.name})
            return EXIT_FATAL
    return 0


def main() -> None:
    """The observer's process, as containers run it."""
    try:
        runtime = read_settings(RuntimeSettings)
        settings = read_settings(ObserverSettings)
        json_logging.configure(runtime.log_level)
        code = observe(runtime, settings)
    except ConfigurationError as error:
        print(f"newsloom: {error}", file=sys.stderr)
        code = EXIT_CONFIGURATION
    sys.stdout.flush()
    sys.stderr.flush()
    # a look that hangs on a dead broker must not hold a stopped observer
    os._exit(code)


if __name__ == "__main__":
    main()
