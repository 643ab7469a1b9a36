"""Child processes that never outlive their parent: start, watch, restart, stop.

On Linux a child is started through a few lines of Python that ask the kernel for SIGKILL when the parent dies
(prctl(2), PR_SET_PDEATHSIG) and then become the program. Elsewhere one watcher process holds the read end of a pipe:
when the parent is gone, however it went, the pipe ends and the watcher kills what is still registered with it.

This is the only file of the stack that starts or signals processes.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.local.errors import MissingTool
from services.local.settings import silent

# PR_SET_PDEATHSIG is 1. The parent is asked for again after prctl: it may have died in between. `-I -S` start in 15 ms;
# a preexec_fn would run Python between fork and exec, which deadlocks in a process with threads.
_SHIM = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
if ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0) != 0:
    sys.exit("prctl(PR_SET_PDEATHSIG) was refused")
if os.getppid() != parent:
    sys.exit(0)
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""

_WATCHER = """
import sys, psutil
living = {}
for line in sys.stdin:
    verb, pid, started = line.split()
    if verb == "add":
        living[int(pid)] = float(started)
    else:
        living.pop(int(pid), None)
for pid, started in living.items():
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) < 1:
            process.kill()
    except psutil.Error:
        pass
"""

# A clock's step between two readings of a start time is far below this; a process id comes again only after thousands.
_SAME_START_SECONDS = 1.0


def start_time(pid: int) -> float | None:
    """When process `pid` started, in seconds since 1970, or None if there is none (a zombie counts as none)."""
    try:
        import psutil
    except ImportError as error:
        raise MissingTool("newsloom's local stack needs the package psutil; install it with: uv sync") from error
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.create_time()
    except psutil.Error:
        return None


def is_running(pid: int, started: float) -> bool:
    """Whether the process that had id `pid` and start time `started` is still there; another with that id is not it."""
    now = start_time(pid)
    return now is not None and abs(now - started) < _SAME_START_SECONDS


def signal_process(pid: int, started: float, number: signal.Signals) -> bool:
    """Send a signal to that very process; False if it is gone."""
    if not is_running(pid, started):
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def output_of(argv: Sequence[str], timeout_seconds: float = 30) -> str | None:
    """What a short command prints on both outputs, or None if it cannot be run, fails or takes longer."""
    try:
        answer = subprocess.run(
            list(argv), capture_output=True, text=True, errors="replace", timeout=timeout_seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout + answer.stderr if answer.returncode == 0 else None


@dataclass(frozen=True)
class Command:
    """What to run: a name for people, program and arguments, additions to the environment, where its output goes."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] | None = None
    folder: Path | None = None


class Child:
    """A running process of ours. Made by `spawn`."""

    def __init__(self, command: Command, popen: subprocess.Popen[bytes], started: float) -> None:
        self.command = command
        self.started = started
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """The exit code, minus the signal's number if a signal ended it, None while it runs."""
        code = self._popen.poll()
        if code is not None:
            _watch("remove", self.pid, self.started)
        return code

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """The exit code, or None if it still runs after the timeout."""
        try:
            self._popen.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None
        return self.exit_code

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if it has ended."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._popen.kill()
        self._popen.wait()
        _watch("remove", self.pid, self.started)

    def stop(self, timeout_seconds: float) -> int:
        """SIGTERM, then SIGKILL after the timeout; the exit code. Also kills when interrupted, so nothing is left."""
        try:
            self.send(signal.SIGTERM)
            code = self.wait(timeout_seconds)
        except BaseException:
            self.kill()
            raise
        if code is None:
            self.kill()
            code = self._popen.returncode
        return code


class _Spawner:
    """One thread that lives as long as the process and starts all its children.

    The kernel sends the death signal when the *thread* that started the child ends, not the process.
    """

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[Command, bool, Future[Child]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="newsloom-spawner", daemon=True).start()

    def spawn(self, command: Command, use_death_signal: bool) -> Child:
        future: Future[Child] = Future()
        self._orders.put((command, use_death_signal, future))
        try:
            return future.result()
        except BaseException:
            # interrupted while waiting: a child that starts all the same has no owner
            future.add_done_callback(_kill_unowned)
            raise

    def _run(self) -> None:
        while True:
            command, use_death_signal, future = self._orders.get()
            try:
                child = _start(command, use_death_signal)
            except BaseException as error:  # handed to the caller, whatever it is
                future.set_exception(error)
            else:
                future.set_result(child)
                del child
            del future


def _kill_unowned(future: Future[Child]) -> None:
    if future.exception() is None:
        future.result().kill()


def _start(command: Command, use_death_signal: bool) -> Child:
    argv = list(command.argv)
    if use_death_signal:
        argv = [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), *argv]
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        popen = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(command.env or {})},
            cwd=command.folder,
            # out of the terminal's process group: Ctrl-C comes to us alone, and we stop the children in order
            start_new_session=True,
        )
    child = Child(command, popen, start_time(popen.pid) or time.time())
    if not use_death_signal:
        _watch("add", child.pid, child.started)
    return child


_lock = threading.Lock()
_spawners: dict[int, _Spawner] = {}  # by process id: a forked process has no thread of its parent's
_watchers: dict[int, tuple[subprocess.Popen[str], IO[str]]] = {}


def _watch(verb: str, pid: int, started: float) -> None:
    with _lock:
        watcher = _watchers.get(os.getpid())
        if watcher is None:
            if verb != "add":
                return
            popen = subprocess.Popen(
                [sys.executable, "-c", _WATCHER], stdin=subprocess.PIPE, text=True, start_new_session=True
            )
            assert popen.stdin is not None
            watcher = _watchers[os.getpid()] = popen, popen.stdin
        watcher[1].write(f"{verb} {pid} {started}\n")
        watcher[1].flush()


def spawn(command: Command, *, use_death_signal: bool = sys.platform == "linux") -> Child:
    """Start a process that dies with this one; its output is appended to the command's log.

    `argv[0]` must be a path. Raises MissingTool if it cannot be run.
    """
    program = command.argv[0]
    if not os.access(program, os.X_OK) or Path(program).is_dir():
        raise MissingTool(f"{command.name}: {program!r} is not a program that this user may run")
    with _lock:
        spawner = _spawners.get(os.getpid())
        if spawner is None:
            spawner = _spawners[os.getpid()] = _Spawner()
    return spawner.spawn(command, use_death_signal)


_detached: list[subprocess.Popen[bytes]] = []  # kept, because a Popen that is dropped while its process runs warns


def spawn_detached(command: Command) -> tuple[int, float, Callable[[], int | None]]:
    """Start a process that outlives this one and its terminal: its id, start time, and what tells its exit code."""
    with command.log.open("ab") as log:
        popen = subprocess.Popen(
            list(command.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(command.env or {})},
            cwd=command.folder,
            start_new_session=True,
        )
    _detached.append(popen)
    return popen.pid, start_time(popen.pid) or time.time(), popen.poll


@dataclass(frozen=True)
class ProcessState:
    """A supervised process as `status` shows it; `pid` is None while it waits to be started again."""

    name: str
    pid: int | None
    started: float | None
    restarts: int
    last_exit_code: int | None
    log: Path


class Supervisor:
    """Keeps processes running: one that ends, however, is started again after a pause that grows.

    The pause doubles from `first_pause_seconds` to `longest_pause_seconds` and falls back once a process has lived
    longer than `longest_pause_seconds`. `on_change` is called, from other threads, with a line for people.
    """

    def __init__(
        self,
        *,
        on_change: Callable[[str], None] | None = None,
        first_pause_seconds: float = 0.5,
        longest_pause_seconds: float = 30.0,
        stop_timeout_seconds: float = 15.0,
    ) -> None:
        self._on_change = on_change or silent
        self._first_pause = first_pause_seconds
        self._longest_pause = longest_pause_seconds
        self._stop_timeout = stop_timeout_seconds
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._keepers: dict[str, _Keeper] = {}

    def start(self, commands: Sequence[Command]) -> None:
        """Start these processes and keep them running. Raises MissingTool if a program is not there."""
        for command in commands:
            with self._lock:
                if self._stopping.is_set():
                    return
                if command.name in self._keepers:
                    raise ValueError(f"a process named {command.name!r} is already supervised")
                keeper = _Keeper(
                    command, spawn(command), self._stopping, self._on_change, self._first_pause, self._longest_pause
                )
                self._keepers[command.name] = keeper
            keeper.thread.start()

    @property
    def states(self) -> tuple[ProcessState, ...]:
        """How each process is, in the order they were started."""
        with self._lock:
            return tuple(keeper.state for keeper in self._keepers.values())

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of those that run, by name."""
        return {state.name: state.pid for state in self.states if state.pid is not None}

    def stop(self) -> None:
        """SIGTERM to all at once, SIGKILL to those that remain; afterwards nothing runs and nothing is restarted."""
        self._stopping.set()
        with self._lock:
            keepers = list(self._keepers.values())
        try:
            for keeper in keepers:
                keeper.send(signal.SIGTERM)
            deadline = time.monotonic() + self._stop_timeout
            for keeper in keepers:
                keeper.thread.join(max(0.0, deadline - time.monotonic()))
        finally:
            for keeper in keepers:
                keeper.send(signal.SIGKILL)
            for keeper in keepers:
                keeper.thread.join()


class _Keeper:
    """One supervised process and the thread that waits for it."""

    def __init__(
        self,
        command: Command,
        child: Child,
        stopping: threading.Event,
        on_change: Callable[[str], None],
        first_pause: float,
        longest_pause: float,
    ) -> None:
        self.command = command
        self.thread = threading.Thread(target=self._run, name=f"newsloom-{command.name}", daemon=True)
        self._child: Child | None = child
        self._stopping = stopping
        self._on_change = on_change
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._restarts = 0
        self._last_exit_code: int | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> ProcessState:
        with self._lock:
            child = self._child
            running = child is not None and child.alive
            return ProcessState(
                self.command.name,
                child.pid if child and running else None,
                child.started if child and running else None,
                self._restarts,
                self._last_exit_code,
                self.command.log,
            )

    def send(self, number: signal.Signals) -> None:
        with self._lock:
            if self._child is not None:
                self._child.send(number)

    def _run(self) -> None:
        pause = self._first_pause
        while True:
            child = self._child
            if child is not None:
                born = time.monotonic()
                child.wait()
                with self._lock:
                    self._last_exit_code = child.exit_code
                    self._child = None
                if self._stopping.is_set():
                    return
                if time.monotonic() - born > self._longest_pause:
                    pause = self._first_pause
                self._on_change(
                    f"{self.command.name} ended with exit code {self._last_exit_code}; "
                    f"it is started again in {pause:g} s (log: {self.command.log})"
                )
            if self._stopping.wait(pause):
                return
            pause = min(2 * pause, self._longest_pause)
            try:
                with self._lock:  # `stop` sets the event, then signals under this lock: nothing slips between
                    if self._stopping.is_set():
                        return
                    self._child = spawn(self.command)
                    self._restarts += 1
                    pid = self._child.pid
            except (MissingTool, OSError) as error:
                self._on_change(f"{self.command.name} could not be started again: {error}")
            else:
                self._on_change(f"{self.command.name} runs again, process {pid}")
