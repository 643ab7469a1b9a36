"""A real Kafka 4.1 broker (KRaft, one node) on 127.0.0.1."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import ClassVar

from services.local.errors import StartFailed
from services.local.java import find_java, java_release, released_version
from services.local.maven import KAFKA_JARS, HeldLock, fetch, locked, try_lock
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
    # as long as the dead letters, of which it is noted with offsets whether they were replayed
    "offsets.retention.minutes": 30 * 24 * 60,
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
    _java_version = 0  # as far as a file tells without starting it
    _fast_start: Path | None = None
    _training: HeldLock | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:port`, what clients are given as bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """See `Server.stop`. The first one on a machine takes 4 s longer and makes later starts faster."""
        if self._training is not None and self.alive:
            self._on_progress("stopping Kafka, and keeping what makes its later starts faster (once)")
        try:
            super().stop()
            if self._training is not None and self._fast_start is not None and self._exit_code() == -signal.SIGKILL:
                # too slow here: not tried again at each stop
                self._fast_start.with_suffix(".too-slow").touch()
        finally:
            self._end_training()

    @property
    def _stop_timeout_seconds(self) -> float:
        return self.settings.stop_timeout_seconds * (2 if self._training is not None else 1)

    def _exit_code(self) -> int | None:
        return self.process.exit_code if self.process is not None else None

    def kill(self) -> None:
        """SIGKILL, as a crash would be; data and port stay."""
        super().kill()
        self._end_training()

    def _end_training(self) -> None:
        """Keep what the ended broker wrote for faster starts, if it came to that."""
        training, self._training = self._training, None
        if training is None or self._fast_start is None:
            return
        written = self.folder / "fast-start.aot"
        # 143 is SIGTERM's: Java writes the file after Kafka's own shutdown, and one that was killed wrote half of it
        if self._exit_code() == 143 and written.exists():
            shutil.move(written, self._fast_start.with_suffix(".new"))
            self._fast_start.with_suffix(".new").rename(self._fast_start)
        written.unlink(missing_ok=True)
        training.release()

    def _prepare(self) -> None:
        self._java = find_java(self.settings)
        release = java_release(self._java)
        self._java_version = released_version(release)
        self._jars = fetch(KAFKA_JARS, self.settings, self._on_progress)
        if self.settings.kafka_fast_start and self._java_version >= 25:
            # made for exactly this Java, these files and these options; with others Java would ignore it
            files = [(str(jar), jar.stat().st_mtime_ns) for jar in self._jars]
            made_for = f"{release} {files} {_JVM} {self.settings.kafka_heap_bytes}"
            name = f"kafka-fast-start-{hashlib.sha256(made_for.encode()).hexdigest()[:12]}.aot"
            self._fast_start = self.settings.cache_folder / name
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

    def _java_options(self) -> tuple[str, ...]:
        return (
            *_JVM,
            f"-Xmx{self.settings.kafka_heap_bytes}",
            # Kafka unmaps its index files in a way that Java announces to take away, once in each log
            *(("--sun-misc-unsafe-memory-access=allow",) if self._java_version >= 23 else ()),
            f"-Dlog4j2.configurationFile={_LOG4J.as_uri()}",
        )

    def _java_command(self, main_class: str, *options: str) -> tuple[str, ...]:
        classpath = os.pathsep.join(str(jar) for jar in self._jars)
        return (str(self._java), *self._java_options(), *options, "-cp", classpath, main_class)

    def _fast_start_options(self) -> tuple[str, ...]:
        """Use the ahead-of-time cache (JEP 483, 514), or have this broker write it when it stops, if no other does."""
        if self._fast_start is None:
            return ()
        # loaded and linked classes, no machine code: Java 25 finds some of its own unfit at each start, with a warning
        only_classes = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching", "-XX:-AOTStubCaching")
        if self._fast_start.exists():
            return (*only_classes, f"-XX:AOTCache={self._fast_start}")
        if self._fast_start.with_suffix(".too-slow").exists():
            return ()
        self._training = self._training or try_lock(self._fast_start.with_suffix(".lock"))
        if self._training is None:
            return ()
        return (*only_classes, f"-XX:AOTCacheOutput={self.folder / 'fast-start.aot'}")

    def _command(self) -> Command:
        config = self.folder / "server.properties"
        controller_port = free_port()
        while controller_port == self.port:
            controller_port = free_port()
        self._write_config(config, self.folder / "data", self.port, controller_port)
        java = self._java_command("kafka.Kafka", *self._fast_start_options())
        return Command(self.name, (*java, str(config)), self.log, folder=self.folder)

    def _is_ready(self, new_log: str) -> bool:
        # logged after the broker has registered and its listener takes requests
        return _STARTED in new_log
