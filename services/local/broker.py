"""A real Kafka 4.1 broker (KRaft, one node) on 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from services.local.errors import StartFailed
from services.local.java import find_java
from services.local.maven import KAFKA_JARS, fetch, locked
from services.local.ports import free_port
from services.local.processes import Command, spawn
from services.local.servers import Server

# Largest raw article 24 MiB (the design), and room for headers and for a batch of its own.
MAX_MESSAGE_BYTES = 26 * 2**20

_LOG4J = Path(__file__).with_name("kafka-log4j2.properties")
_STARTED = "Kafka Server started"

# One client of ours at a time needs little; two cores and a second to the first record matter more than the last
# percent of throughput. C1 alone starts fastest (2.1 s from launch to the first acknowledged record).
_JVM = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Xms128m",
    "-Djava.awt.headless=true",
)

_CONFIG = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # a topic that nobody created is a mistake in a name
    "auto.create.topics.enable": "false",
    "message.max.bytes": MAX_MESSAGE_BYTES,
    "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
    # one node holds the only copy of everything
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "num.partitions": 4,
    # a worker that joins gets its partitions at once instead of after 3 s
    "group.initial.rebalance.delay.ms": 0,
    # each partition maps two index files of this size; 64 MiB of log need 192 KiB of index
    "log.segment.bytes": 64 * 2**20,
    "log.index.size.max.bytes": 256 * 2**10,
    "log.segment.delete.delay.ms": 1000,
    # the default of 128 MiB is a quarter of our heap
    "log.cleaner.dedupe.buffer.size": 16 * 2**20,
    # after a crash the broker waits until its former self's session has ended: 12 s with the default of 9
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.recovery.threads.per.data.dir": 2,
}


class Broker(Server):
    """A Kafka broker of its own; see `Server` for start, stop, kill, restart and ephemeral ones."""

    name: ClassVar[str] = "kafka"
    port_setting: ClassVar[str] = "NEWSLOOM_LOCAL_KAFKA_PORT"

    _jars: tuple[Path, ...] = ()
    _java: Path = Path()

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:port`, what clients are given as bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    def _prepare(self) -> None:
        self._java = find_java(self.settings)
        self._jars = fetch(KAFKA_JARS, self.settings, self._on_progress)
        storage = self.folder / "data"
        if not (storage / "meta.properties").exists():
            template = self._formatted()
            fresh = Path(tempfile.mkdtemp(prefix=".data-", dir=self.folder))
            shutil.copytree(template, fresh, dirs_exist_ok=True)
            shutil.rmtree(storage, ignore_errors=True)
            fresh.rename(storage)

    def _formatted(self) -> Path:
        """A folder with freshly formatted storage, made once: the format costs another start of Java."""
        template = self.settings.cache_folder / f"kafka-storage-{self._jars[0].parent.name.removeprefix('kafka-jars-')}"
        if template.is_dir():
            return template
        with locked(self.settings.cache_folder / "format.lock", self._on_progress):
            if template.is_dir():
                return template
            self._on_progress("formatting Kafka's storage (once)")
            with tempfile.TemporaryDirectory(prefix=".format-", dir=self.settings.cache_folder) as temporary:
                folder = Path(temporary)
                self._write_config(folder / "server.properties", folder / "data", 9092, 9093)
                log = folder / "format.log"
                arguments = ("format", "--cluster-id", "bmV3c2xvb20tbG9jYWwtMQ", "--config", "server.properties")
                command = Command(
                    "kafka-format",
                    (*self._java_command("kafka.tools.StorageTool"), *arguments),
                    log,
                    folder=folder,
                )
                child = spawn(command)
                try:
                    code = child.wait(self.settings.start_timeout_seconds)
                finally:
                    child.kill()
                if code != 0:
                    raise StartFailed(
                        f"formatting Kafka's storage failed with exit code {code}: {self._log_end(log.read_text())}"
                    )
                for unwanted in (folder / "data").glob("*.lock"):
                    unwanted.unlink()
                (folder / "data").rename(template)
        return template

    def _write_config(self, path: Path, data: Path, port: int, controller_port: int) -> None:
        config = {
            **_CONFIG,
            "log.dirs": data,
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        }
        # a backslash begins an escape in a properties file, as in a folder's name
        lines = (f"{key}={str(value).replace(chr(92), chr(92) * 2)}\n" for key, value in config.items())
        path.write_text("".join(lines), encoding="utf-8")

    def _java_command(self, main_class: str) -> tuple[str, ...]:
        return (
            str(self._java),
            *_JVM,
            f"-Xmx{self.settings.kafka_heap_bytes}",
            f"-Dlog4j2.configurationFile={_LOG4J.as_uri()}",
            "-cp",
            os.pathsep.join(str(jar) for jar in self._jars),
            main_class,
        )

    def _command(self) -> Command:
        config = self.folder / "server.properties"
        controller_port = free_port()
        while controller_port == self.port:
            controller_port = free_port()
        self._write_config(config, self.folder / "data", self.port, controller_port)
        return Command(self.name, (*self._java_command("kafka.Kafka"), str(config)), self.log, folder=self.folder)

    def _is_ready(self, new_log: str) -> bool:
        # logged after the broker has registered and its listener takes requests
        return _STARTED in new_log
