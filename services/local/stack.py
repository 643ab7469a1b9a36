"""The embedded stack: a real Kafka, a real Redis and the suite's services as processes of this one.

    with Stack(on_progress=print) as stack:             # data of `newsloom up`; ephemeral=True: private, thrown away
        create_topics(stack.bootstrap)                  # "127.0.0.1:port"; stack.redis_url is "redis://127.0.0.1:port/0"
        stack.start_services([ServiceCommand("cleaner", (sys.executable, "-m", "services.cleaner.service"))])
        stack.wait()                                    # until Ctrl-C, SIGTERM, SIGHUP or `down` from another terminal
                                                        # afterwards nothing runs, however the block was left

    status(settings)          what runs in the data folder, or None
    down(settings)            stop it from anywhere; what was stopped, or None
    start_detached(argv, …)   run a command that opens a Stack, on its own, and return once it waits

Services are given NEWSLOOM_KAFKA_BOOTSTRAP and NEWSLOOM_REDIS_URL and are started again when they die; so are Kafka and
Redis, on the same ports with the same data. What goes wrong is a `SuiteError` whose message names the remedy
(`services.local.errors`). One stack runs per data folder; ephemeral ones run side by side.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from services.local.broker import Broker
from services.local.errors import StackRunning, StartFailed
from services.local.folders import PrivateFolder
from services.local.processes import (
    Command,
    Supervisor,
    is_running,
    signal_process,
    spawn_detached,
    start_time,
)
from services.local.redis_server import RedisServer
from services.local.servers import Server
from services.local.settings import LocalSettings, silent
from services.runtime.errors import SuiteError

__all__ = [
    "Broker",
    "LocalSettings",
    "RedisServer",
    "ServiceCommand",
    "Stack",
    "StackProcess",
    "StackState",
    "down",
    "start_detached",
    "status",
]

_CHECK_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class ServiceCommand:
    """A service to run: its name, its command (the program as a path), and what to add to its environment."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])


class StackProcess(BaseModel):
    """A process of the stack. `pid` is None while it waits to be started again; `started` in seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int | None
    started: float | None
    restarts: int
    last_exit_code: int | None
    log: Path


class StackState(BaseModel):
    """What `newsloom status` shows; kept in a file in the data folder, from which other terminals read it.

    `phase` is "running" from `Stack.wait` on. `bootstrap` and `redis_url` are None until their server answers.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float
    phase: Literal["starting", "running", "stopping"]
    folder: Path
    bootstrap: str | None = None
    redis_url: str | None = None
    processes: tuple[StackProcess, ...] = ()

    def describe(self) -> str:
        """One line for people: since when, and where Kafka and Redis are."""
        since = datetime.fromtimestamp(self.started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (
            f"process {self.pid}, {self.phase} since {since}, Kafka {self.bootstrap or 'not up yet'}, "
            f"Redis {self.redis_url or 'not up yet'}, {len(self.processes)} processes, data in {self.folder}"
        )


class Stack:
    """Kafka, Redis and services, up from `start` to `close`; see the head of this file.

    `bootstrap` and `redis_url` name outside servers to use instead of our own. In the main thread, `with` turns SIGTERM
    and SIGHUP into KeyboardInterrupt for its length, so that leaving is always the same.
    """

    def __init__(
        self,
        settings: LocalSettings | None = None,
        *,
        ephemeral: bool = False,
        bootstrap: str | None = None,
        redis_url: str | None = None,
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings or LocalSettings()
        self._ephemeral = ephemeral
        self._on_progress = _unbreakable(on_progress or silent)
        self._outside_bootstrap = bootstrap
        self._outside_redis_url = redis_url
        self._cleanup = ExitStack()
        self._folder: Path | None = None
        self._broker: Broker | None = None
        self._redis: RedisServer | None = None
        self._supervisor = Supervisor(on_change=self._changed, stop_timeout_seconds=self.settings.stop_timeout_seconds)
        self._watcher: threading.Thread | None = None
        self._stopping = threading.Event()
        self._phase: Literal["starting", "running", "stopping"] = "starting"
        self._restarts: dict[str, int] = {}
        self._exit_codes: dict[str, int | None] = {}
        self._state_lock = threading.Lock()
        self._started = start_time(os.getpid()) or time.time()

    @property
    def bootstrap(self) -> str:
        """Kafka's `host:port`. Raises RuntimeError before the start."""
        if self._outside_bootstrap is not None:
            return self._outside_bootstrap
        if self._broker is None:
            raise RuntimeError("the stack is not started")
        return self._broker.bootstrap

    @property
    def redis_url(self) -> str:
        """Redis' address. Raises RuntimeError before the start."""
        if self._outside_redis_url is not None:
            return self._outside_redis_url
        if self._redis is None:
            raise RuntimeError("the stack is not started")
        return self._redis.url

    @property
    def folder(self) -> Path:
        """Where data and logs lie (`logs/<service>.log`). Raises RuntimeError before the start."""
        if self._folder is None:
            raise RuntimeError("the stack is not started")
        return self._folder

    @property
    def broker(self) -> Broker | None:
        """Our own broker, None with an outside one."""
        return self._broker

    @property
    def redis(self) -> RedisServer | None:
        """Our own Redis, None with an outside one."""
        return self._redis

    @property
    def environment(self) -> dict[str, str]:
        """What a service needs in its environment to find this stack."""
        return {"NEWSLOOM_KAFKA_BOOTSTRAP": self.bootstrap, "NEWSLOOM_REDIS_URL": self.redis_url}

    @property
    def state(self) -> StackState:
        """How the stack and each of its processes is now."""
        servers = [server for server in (self._broker, self._redis) if server is not None]
        return StackState(
            pid=os.getpid(),
            started=self._started,
            phase=self._phase,
            folder=self.folder,
            bootstrap=self._outside_bootstrap
            or (self._broker.bootstrap if self._broker and self._broker.process else None),
            redis_url=self._outside_redis_url or (self._redis.url if self._redis and self._redis.process else None),
            processes=(
                *(self._server_state(server) for server in servers),
                *(StackProcess(**vars(state)) for state in self._supervisor.states),
            ),
        )

    def start(self) -> None:
        """Start Kafka and Redis and return once both answer.

        Raises StackRunning if another process runs the stack in this data folder, and what `Server.start` raises;
        nothing runs then.
        """
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def start_services(self, commands: Sequence[ServiceCommand]) -> None:
        """Start services and keep them running. Raises MissingTool if a program is not there."""
        for command in commands:
            self._supervisor.start(
                [
                    Command(
                        command.name,
                        command.argv,
                        self.folder / "logs" / f"{command.name}.log",
                        env={**self.environment, **command.env},
                    )
                ]
            )
            self._on_progress(f"{command.name} started")
        self._write_state()

    def wait(self) -> None:
        """Return when the stack is asked to stop: Ctrl-C, SIGTERM, SIGHUP (inside `with`), or `close` elsewhere."""
        try:
            self._phase = "running"
            self._write_state()
            # a timeout, because a wait without one cannot be interrupted on every platform
            while not self._stopping.wait(1.0):
                pass
        except KeyboardInterrupt:
            return

    def close(self) -> None:
        """Stop services, then Redis and Kafka; afterwards nothing of ours runs. Again does nothing.

        Ctrl-C meanwhile cuts the wait for the process that is being stopped: it is killed, the others follow.
        """
        self._phase = "stopping"
        self._write_state()
        self._stopping.set()
        self._cleanup.close()

    def __enter__(self) -> Self:
        self._signals = _signals_interrupt()
        try:
            self.start()
        except BaseException:
            self._signals.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._on_progress("stopping")
        finally:
            try:
                self.close()
            finally:
                self._signals.close()

    def _start(self) -> None:
        if self._ephemeral:
            private = PrivateFolder()
            self._cleanup.callback(private.remove)
            self._folder = private.path
        else:
            # the folder is set only once it is ours: a second `up` must not write into the state of the first
            self._cleanup.enter_context(_Ownership(self.settings.stack_folder))
            self._folder = self.settings.stack_folder
            _remove_leftovers(_read_state(self._folder))
            self._cleanup.callback((self._folder / "stack.json").unlink, missing_ok=True)
        self._write_state()
        if self._outside_bootstrap is None:
            self._broker = Broker(
                self.settings,
                folder=self._folder,
                port=0 if self._ephemeral else self.settings.kafka_port,
                on_progress=self._on_progress,
            )
            self._cleanup.callback(self._broker.close)
        if self._outside_redis_url is None:
            self._redis = RedisServer(
                self.settings,
                folder=self._folder,
                port=0 if self._ephemeral else self.settings.redis_port,
                append_only=self.settings.redis_append_only and not self._ephemeral,
                on_progress=self._on_progress,
            )
            self._cleanup.callback(self._redis.close)
        # Kafka takes seconds and Redis does not: it comes up in between
        if self._broker is not None:
            self._on_progress("starting Kafka")
            self._broker.begin()
        if self._redis is not None:
            self._redis.start()
            self._on_progress(f"Redis answers at {self._redis.url}")
        if self._broker is not None:
            self._broker.finish()
            self._on_progress(f"Kafka answers at {self._broker.bootstrap}")
        self._cleanup.callback(self._stop_watching)
        self._cleanup.callback(self._supervisor.stop)
        self._watcher = threading.Thread(target=self._watch, name="newsloom-stack", daemon=True)
        self._watcher.start()
        self._write_state()

    def _watch(self) -> None:
        """Start Kafka and Redis again when they die."""
        pauses: dict[str, float] = {}
        again_at: dict[str, float] = {}
        while not self._stopping.wait(_CHECK_SECONDS):
            for server in (self._redis, self._broker):
                if server is None or server.alive or time.monotonic() < again_at.get(server.name, 0):
                    continue
                assert server.process is not None
                code = self._exit_codes[server.name] = server.process.exit_code
                self._changed(f"{server.name} ended with exit code {code}; it is started again (log: {server.log})")
                pause = pauses[server.name] = min(2 * pauses.get(server.name, 0.5), _LONGEST_PAUSE_SECONDS)
                again_at[server.name] = time.monotonic() + pause
                try:
                    server.start()
                except (SuiteError, OSError) as error:
                    if not self._stopping.is_set():
                        self._changed(f"{server.name} could not be started again, next try in {pause:g} s: {error}")
                    continue
                pauses.pop(server.name)
                self._restarts[server.name] = self._restarts.get(server.name, 0) + 1
                self._changed(f"{server.name} runs again, process {server.pid}")

    def _stop_watching(self) -> None:
        # a server that is just being started again is ended under the watcher, which then finds that we stop
        while self._watcher is not None and self._watcher.is_alive():
            for server in (self._redis, self._broker):
                if server is not None:
                    server.stop()
            self._watcher.join(0.1)

    def _changed(self, line: str) -> None:
        self._on_progress(line)
        self._write_state()

    def _server_state(self, server: Server) -> StackProcess:
        process = server.process
        alive = process is not None and process.alive
        return StackProcess(
            name=server.name,
            pid=process.pid if process and alive else None,
            started=process.started if process and alive else None,
            restarts=self._restarts.get(server.name, 0),
            last_exit_code=self._exit_codes.get(server.name),
            log=server.log,
        )

    def _write_state(self) -> None:
        if self._ephemeral or self._folder is None or self._stopping.is_set():
            return
        with self._state_lock:
            new = self._folder / "stack.json.new"
            new.write_text(self.state.model_dump_json(indent=2), encoding="utf-8")
            new.replace(self._folder / "stack.json")


def status(settings: LocalSettings | None = None) -> StackState | None:
    """What runs in the data folder, or None. Reads a file and looks the process up; asks nobody."""
    state = _read_state((settings or LocalSettings()).stack_folder)
    if state is None or not is_running(state.pid, state.started):
        return None
    return state


def down(
    settings: LocalSettings | None = None, *, on_progress: Callable[[str], None] | None = None
) -> StackState | None:
    """Stop the stack of the data folder and return what ran, or None if nothing did.

    SIGTERM to its main process, which stops the others in order; SIGKILL, which takes the others along, if it has not
    ended after three times the settings' stop timeout and five seconds. Also ends what a killed stack left behind.
    """
    settings = settings or LocalSettings()
    on_progress = on_progress or silent
    state = _read_state(settings.stack_folder)
    if state is None:
        return None
    stopped = False
    if signal_process(state.pid, state.started, signal.SIGTERM):
        stopped = True
        on_progress(f"stopping process {state.pid}")
        if not _ended(state, 3 * settings.stop_timeout_seconds + 5):
            on_progress(f"process {state.pid} does not end; it is killed")
            signal_process(state.pid, state.started, signal.SIGKILL)
            _ended(state, 5)
    stopped |= _remove_leftovers(state)
    (settings.stack_folder / "stack.json").unlink(missing_ok=True)
    return state if stopped else None


def start_detached(
    argv: Sequence[str],
    settings: LocalSettings | None = None,
    *,
    on_progress: Callable[[str], None] | None = None,
    timeout_seconds: float = 600,
) -> StackState:
    """Run a command that opens a Stack in this data folder, apart from this terminal; its state once it waits.

    What it prints goes to `up.log` in the data folder and, while we wait, line by line to `on_progress`. Raises
    StackRunning if one runs already, StartFailed if the command ends or does not get there in time; it is ended then.
    """
    settings = settings or LocalSettings()
    on_progress = on_progress or silent
    running = status(settings)
    if running is not None:
        raise StackRunning(_already(running))
    log = settings.stack_folder / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    pid, started, exit_code = spawn_detached(Command("newsloom up", tuple(argv), log))
    deadline = time.monotonic() + timeout_seconds
    shown = 0
    lines: list[str] = []
    try:
        while True:
            code = exit_code()
            state = status(settings)
            # after the state: what was printed before it said "running" is shown
            lines = log.read_text("utf-8", "replace").split("\n")[:-1]
            for line in lines[shown:]:
                on_progress(line)
            shown = len(lines)
            if state is not None and state.pid == pid and state.phase == "running":
                return state
            if code is not None:
                raise StartFailed(f"newsloom up ended with exit code {code} (log: {log}): {' | '.join(lines[-3:])}")
            if time.monotonic() > deadline:
                raise StartFailed(f"newsloom up is not ready after {timeout_seconds:g} s and was stopped (log: {log})")
            time.sleep(0.1)
    except BaseException:
        if signal_process(pid, started, signal.SIGTERM):
            _wait_until(lambda: exit_code() is not None, 2 * settings.stop_timeout_seconds)
            signal_process(pid, started, signal.SIGKILL)
        raise


def _already(state: StackState) -> str:
    return f"newsloom is already up: {state.describe()}. `newsloom down` stops it"


class _Ownership:
    """Hold a data folder for this process, or raise StackRunning saying who does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[str] | None = None

    def __enter__(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / "stack.lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            state = _read_state(self._folder)
            raise StackRunning(
                _already(state) if state else f"another newsloom starts or stops in {self._folder}; try again"
            ) from None

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()


def _unbreakable(on_progress: Callable[[str], None]) -> Callable[[str], None]:
    """The callback without its OSErrors: a terminal that is gone (SIGHUP, `| head`) must not keep us from stopping."""

    def tell(line: str) -> None:
        with suppress(OSError):
            on_progress(line)

    return tell


def _read_state(folder: Path) -> StackState | None:
    try:
        return StackState.model_validate_json((folder / "stack.json").read_text("utf-8"))
    except (OSError, ValidationError):
        return None


def _remove_leftovers(state: StackState | None) -> bool:
    """Kill what a killed stack left behind (only where the kernel does not see to it); whether there was any."""
    found = False
    for process in state.processes if state else ():
        if process.pid is not None and process.started is not None:
            found |= signal_process(process.pid, process.started, signal.SIGKILL)
    return found


def _ended(state: StackState, within_seconds: float) -> bool:
    return _wait_until(lambda: not is_running(state.pid, state.started), within_seconds)


def _wait_until(predicate: Callable[[], bool], within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while not predicate():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _signals_interrupt() -> ExitStack:
    """Make SIGTERM and SIGHUP raise KeyboardInterrupt until the result is closed. Ignored ones (nohup) stay ignored."""
    restore = ExitStack()
    if threading.current_thread() is not threading.main_thread():
        return restore

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            restore.callback(signal.signal, number, signal.signal(number, interrupt))
    return restore


if __name__ == "__main__":
    # the stack without services, as tests and people who look into it start it
    with Stack(ephemeral="--ephemeral" in sys.argv, on_progress=lambda line: print(line, flush=True)) as stack:
        print(stack.state.model_dump_json(), flush=True)
        stack.wait()
