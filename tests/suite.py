"""The whole suite for a test: topics of its own, workers that are started again when they die, and what came out."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from schemas.events import Event
from schemas.topics import ALL_TOPICS, SERVICES
from services.commands import pipeline
from services.local.processes import Command, Supervisor
from services.runtime.errors import DependencyError
from services.runtime.kafka import Admin, Publisher
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings
from tests.support import eventually

REPOSITORY = Path(__file__).resolve().parents[1]


class Suite:
    """Use as a context manager. `pids` are those of the workers now; `stop_workers` ends them for good."""

    def __init__(
        self,
        bootstrap: str,
        redis_url: str,
        *,
        prefix: str,
        folder: Path,
        partitions: int = 2,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = RuntimeSettings(kafka_bootstrap=bootstrap, redis_url=redis_url, topic_prefix=prefix)  # type: ignore[arg-type]
        self.prefix = prefix
        self.folder = folder
        self._environment = dict(environment or {})
        self._supervisor = Supervisor(first_pause_seconds=0.2, longest_pause_seconds=2)
        with Admin(self.settings) as admin:
            admin.create_topics(ALL_TOPICS, prefix=prefix, partitions=partitions)

    def __enter__(self) -> Suite:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop_workers()

    def start(self, services: Sequence[str] = SERVICES, *, number: int = 0, **environment: str) -> None:
        """Start a worker of each of `services`; with another `number`, one more of each."""
        for service in services:
            name = f"{service}-{number}"
            self._supervisor.start(
                [
                    Command(
                        name,
                        (sys.executable, "-m", f"services.{service}.service"),
                        self.folder / f"{name}.log",
                        env={
                            **os.environ,
                            "PYTHONPATH": str(REPOSITORY),
                            "NEWSLOOM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
                            "NEWSLOOM_REDIS_URL": self.settings.redis_url.get_secret_value(),
                            "NEWSLOOM_TOPIC_PREFIX": self.prefix,
                            "NEWSLOOM_SESSION_TIMEOUT_SECONDS": "6",
                            "NEWSLOOM_HTTP_PORT_FILE": str(self.folder / f"{name}.port"),
                            **self._environment,
                            **environment,
                        },
                    )
                ]
            )

    @property
    def pids(self) -> dict[str, int]:
        return self._supervisor.pids

    def restarts(self) -> dict[str, int]:
        return {state.name: state.restarts for state in self._supervisor.states}

    def stop_workers(self) -> None:
        self._supervisor.stop()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def get(self, path: str, name: str) -> tuple[int, str]:
        """What a worker answers on its status port, as (status, body)."""
        port_file = self.folder / f"{name}.port"
        assert port_file.exists()
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port_file.read_text().strip()}{path}", timeout=10
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            raise AssertionError(str(error)) from None

    def wait_until_ready(self, services: Sequence[str] = SERVICES, *, within_seconds: float = 60) -> None:
        for service in services:
            eventually(lambda name=f"{service}-0": self.get("/readyz", name)[0] == 200, within_seconds)

    def publish(self, values: Iterable[bytes | None], *, topic: str = "raw-articles", key: bytes | None = None) -> None:
        """Publish raw articles, keyed by what the test says or by their place."""
        with Publisher(self.settings) as publisher:
            for number, value in enumerate(values):
                publisher.send(self.prefix + topic, key if key is not None else str(number).encode(), value)
            publisher.flush()

    def lag(self, services: Sequence[str] = SERVICES) -> dict[str, int]:
        return pipeline.lag(self.settings, services)

    def wait_until_done(self, services: Sequence[str] = SERVICES, *, within_seconds: float = 120) -> None:
        """Returns when the services have read everything; fails when that takes too long."""
        try:
            pipeline.wait_until_done(self.settings, services=services, longest_seconds=within_seconds, pause=time.sleep)
        except DependencyError as error:
            logs = "\n".join(f"{name}: {self.log(name)[-1500:]}" for name in self.restarts())
            raise AssertionError(f"{error}\n{logs}") from None

    def records(self, topic: str) -> list[Record]:
        return pipeline.read_topic(self.settings, topic)

    def values(self, topic: str) -> list[bytes]:
        return [record.value for record in self.records(topic) if record.value is not None]

    def events(self, topic: str, kind: type[Event]) -> list[Event]:
        return pipeline.read_events(self.settings, topic, kind)
