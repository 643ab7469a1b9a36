"""What a local Kafka and a local Redis have in common: a folder, a port that stays, a log, start and stop."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from services.local.errors import StartFailed
from services.local.folders import PrivateFolder
from services.local.maven import require_space
from services.local.ports import free_port, is_free, require_free
from services.local.processes import Child, Command, spawn
from services.local.settings import LocalSettings, silent

_PORT_ATTEMPTS = 5
_POLL_SECONDS = 0.02
# where the log is cut before a start, so that it does not grow for ever
_LARGEST_LOG_BYTES = 10 * 2**20


class Server(ABC):
    """A server process with its data. Use it as a context manager, or call `close` when done.

    Without a `folder` it is ephemeral: the data lie in a private temporary folder that `close` removes, and any number
    may run side by side. `stop` and `kill` leave the data and the port as they are, so that `start` goes on from there.
    """

    name: ClassVar[str]
    port_setting: ClassVar[str]

    def __init__(
        self,
        settings: LocalSettings | None = None,
        *,
        folder: Path | None = None,
        port: int = 0,
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings or LocalSettings()
        self._private = PrivateFolder() if folder is None else None
        self.folder = (self._private.path if self._private else folder or Path()) / self.name
        self.log = self.folder / f"{self.name}.log"
        self._on_progress = on_progress or silent
        self._asked_port = port
        self._port = port
        self._child: Child | None = None
        self._log_start = 0
        self._is_told = False  # whether clients may know the port

    @property
    def port(self) -> int:
        """The port on 127.0.0.1; the same over restarts. Raises RuntimeError before the first start."""
        if self._port == 0:
            raise RuntimeError(f"{self.name} has no port before it is started")
        return self._port

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.alive

    @property
    def pid(self) -> int | None:
        """The process id, or None if it does not run."""
        return self._child.pid if self._child is not None and self._child.alive else None

    @property
    def process(self) -> Child | None:
        """The process started last, also when it has ended; None before the first start."""
        return self._child

    def start(self) -> None:
        """Start the server and return once it answers. Does nothing if it runs.

        Raises PortTaken, StartFailed (with the end of the log), MissingTool, DiskFull, DownloadFailed or
        ChecksumMismatch; nothing runs then.
        """
        self.begin()
        self.finish()

    def begin(self) -> None:
        """The first half of `start`: fetch what is missing and start the process, without waiting for it."""
        if self.alive:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        require_space(self.folder, self.settings)
        self._prepare()
        self._launch()

    def finish(self) -> None:
        """The second half of `start`: wait until the server answers."""
        deadline = time.monotonic() + self.settings.start_timeout_seconds
        try:
            for _ in range(_PORT_ATTEMPTS):
                if self._answers_before(deadline):
                    self._is_told = True
                    (self.folder / "port").write_text(str(self.port))
                    return
                # somebody was faster at a port between our choice and the server's bind
                self._launch()
            raise StartFailed(f"{self.name} found its ports taken {_PORT_ATTEMPTS} times in a row (log: {self.log})")
        except BaseException:
            if self._child is not None:
                self._child.kill()
            raise

    def stop(self) -> None:
        """End it in order (SIGTERM, SIGKILL after the settings' timeout); data and port stay. Again does nothing."""
        if self._child is not None and self._child.alive:
            self._child.stop(self._stop_timeout_seconds)

    def kill(self) -> None:
        """SIGKILL, as a crash would be; data and port stay."""
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        """Stop and start with the same data on the same port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop, and remove the data of an ephemeral server."""
        try:
            self.stop()
        finally:
            if self._private is not None:
                self._private.remove()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _stop_timeout_seconds(self) -> float:
        return self.settings.stop_timeout_seconds

    @abstractmethod
    def _prepare(self) -> None:
        """Fetch and write what a start needs; nothing if it is there."""

    @abstractmethod
    def _command(self) -> Command:
        """The command that serves `self.port`."""

    @abstractmethod
    def _is_ready(self, new_log: str) -> bool:
        """Whether it serves, given what it logged since its launch."""

    def _launch(self) -> None:
        if self._asked_port:
            require_free(self._asked_port, self.port_setting)
        elif self._port and not is_free(self._port):
            if self._is_told:
                raise StartFailed(
                    f"{self.name}: another program has taken port {self._port} meanwhile, which clients were told. "
                    "Stop that program"
                )
            self._port = 0
        if self._port == 0:
            self._port = self._last_port() or free_port()
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._child = spawn(self._command())

    def _last_port(self) -> int | None:
        """The port of an earlier run over the same data, if it is free: what clients were told stays true."""
        try:
            port = int((self.folder / "port").read_text())
        except (OSError, ValueError):
            return None
        return port if 0 < port < 65536 and is_free(port) else None

    def _answers_before(self, deadline: float) -> bool:
        """True once it serves, False if it ended because a port was taken."""
        assert self._child is not None
        while True:
            ended = not self._child.alive
            new_log = self._new_log()
            if ended:
                if "Address already in use" in new_log:
                    return False
                raise StartFailed(
                    f"{self.name} ended with exit code {self._child.exit_code} while starting. {self._log_end(new_log)}"
                )
            if self._is_ready(new_log):
                return True
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"{self.name} did not answer within {self.settings.start_timeout_seconds:g} s; "
                    f"NEWSLOOM_LOCAL_START_TIMEOUT_SECONDS allows more. {self._log_end(new_log)}"
                )
            time.sleep(_POLL_SECONDS)

    def _new_log(self) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                return log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _log_end(self, new_log: str) -> str:
        lines = [line for line in new_log.splitlines() if line.strip() and not line.startswith(("\t", " "))]
        return f"Its log ({self.log}) ends: " + " | ".join(line[:300] for line in lines[-3:])
