"""`Stack` as `newsloom up` uses it: whatever happens to its process, nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from services.local.errors import MissingTool, PortTaken, StackRunning, StartFailed
from services.local.ports import is_free
from services.local.processes import Child, Command, Supervisor, spawn, start_time
from services.local.stack import LocalSettings, ServiceCommand, Stack, StackState, down, start_detached, status
from tests.integration.test_local_servers import create_topic, publish, read
from tests.support import eventually

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")

# a service that says how it is ended and whether Kafka and Redis are still there then
LAST_WORDS = """
import os, signal, socket, sys, time
def end(number, frame):
    for address in (os.environ["NEWSLOOM_KAFKA_BOOTSTRAP"], os.environ["NEWSLOOM_REDIS_URL"].split("/")[2]):
        host, port = address.split(":")
        socket.create_connection((host, int(port)), 1).close()
    sys.exit(f"{signal.Signals(number).name}, both servers there")
signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(600)
"""

# a stack with that service, its state printed once it is up
UP = f"""
import sys
from services.local.stack import ServiceCommand, Stack
with Stack(on_progress=lambda line: print(line, flush=True)) as stack:
    stack.start_services([ServiceCommand("sleeper", (sys.executable, "-c", {LAST_WORDS!r}))])
    print(stack.state.model_dump_json(), flush=True)
    stack.wait()
"""


class Up:
    """A process that runs a stack, as a terminal would have it."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", UP],
            env={**os.environ, "NEWSLOOM_LOCAL_DATA_FOLDER": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def read_until(self, beginning: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith(beginning):
                return line
        raise AssertionError(f"ended before a line began with {beginning!r}: {self.lines}")

    def state(self) -> StackState:
        return StackState.model_validate_json(self.read_until("{"))

    def end(self) -> int:
        """Its exit code; what it still printed is in `lines`."""
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        return self.process.wait(30)


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    return LocalSettings(data_folder=tmp_path / "stack")


@pytest.fixture
def run_up(settings: LocalSettings) -> Iterator[Callable[[], Up]]:
    ups: list[Up] = []

    def run() -> Up:
        ups.append(Up(settings.stack_folder))
        return ups[-1]

    yield run
    for up in ups:
        up.process.kill()
        up.process.wait()
        assert up.process.stdout is not None
        up.process.stdout.close()


def port_of(address: str) -> int:
    return int(address.split("/")[2 if "//" in address else 0].rpartition(":")[2])


def pids_of(state: StackState) -> list[int]:
    return [process.pid for process in state.processes if process.pid is not None]


def assert_nothing_is_left(state: StackState, within_seconds: float = 5) -> None:
    pids = pids_of(state)
    assert len(pids) == 3
    eventually(lambda: not [pid for pid in pids if start_time(pid)], within_seconds, message=f"{pids} end")
    assert state.bootstrap is not None
    assert state.redis_url is not None
    for port in (port_of(state.bootstrap), port_of(state.redis_url)):
        # a killed process is gone a moment before the kernel has closed its sockets
        eventually(lambda port=port: is_free(port), within_seconds, message=f"port {port} is free")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_stops_everything_in_order(
    run_up: Callable[[], Up], settings: LocalSettings, number: signal.Signals
) -> None:
    up = run_up()
    state = up.state()
    eventually(lambda: (now := status(settings)) and now.phase == "running", 5)
    log = state.folder / "logs" / "sleeper.log"
    eventually(lambda: log.read_text() == "ready\n", 10)
    assert all(start_time(pid) for pid in pids_of(state))
    # to the whole group, as a terminal sends Ctrl-C
    os.killpg(up.process.pid, number)
    assert up.end() == 0
    assert_nothing_is_left(state, within_seconds=0)
    assert not (state.folder / "stack.json").exists()
    assert log.read_text() == "ready\nSIGTERM, both servers there\n"


def test_a_killed_stack_leaves_no_process_and_its_data_go_on(run_up: Callable[[], Up], settings: LocalSettings) -> None:
    up = run_up()
    state = up.state()
    assert state.bootstrap is not None
    assert state.redis_url is not None
    create_topic(state.bootstrap, "records")
    publish(state.bootstrap, "records", b"kept")
    up.process.kill()
    assert_nothing_is_left(state)
    assert status(settings) is None

    again = run_up().state()
    assert (again.bootstrap, again.redis_url) == (state.bootstrap, state.redis_url)
    assert read(again.bootstrap or "", "records", 1) == [b"kept"]
    assert down(settings) is not None


@pytest.mark.parametrize("line", ["starting Kafka", "Redis answers"])
def test_ctrl_c_while_it_starts_leaves_nothing(run_up: Callable[[], Up], line: str) -> None:
    up = run_up()
    up.read_until(line)
    children = psutil.Process(up.process.pid).children(recursive=True)
    os.killpg(up.process.pid, signal.SIGINT)
    up.end()
    assert "KeyboardInterrupt" in "".join(up.lines)
    eventually(lambda: not [child for child in children if start_time(child.pid)], 5, message=f"{children} end")


def test_a_second_up_says_what_is_there_and_down_works_from_elsewhere(
    run_up: Callable[[], Up], settings: LocalSettings
) -> None:
    assert status(settings) is None
    assert down(settings) is None
    up = run_up()
    state = up.state()

    with pytest.raises(StackRunning, match=f"process {up.process.pid}.*Kafka {state.bootstrap}.*newsloom down"):
        Stack(settings).start()
    seen = eventually(lambda: (now := status(settings)) and now.phase == "running" and now, 5)
    assert seen.pid == up.process.pid
    assert seen.bootstrap == state.bootstrap
    assert [process.name for process in seen.processes] == ["kafka", "redis", "sleeper"]
    assert pids_of(seen) == pids_of(state)

    stopped = down(settings)
    assert stopped is not None
    assert stopped.pid == up.process.pid
    assert up.end() == 0
    assert_nothing_is_left(state, within_seconds=0)
    assert status(settings) is None


def test_down_leaves_a_stranger_with_the_same_process_id_alone(settings: LocalSettings, tmp_path: Path) -> None:
    stranger = spawn(Command("stranger", SLEEPER, tmp_path / "log"))
    try:
        old = StackState(
            pid=stranger.pid, started=stranger.started - 100, phase="running", folder=settings.stack_folder
        )
        settings.stack_folder.mkdir()
        (settings.stack_folder / "stack.json").write_text(old.model_dump_json())
        assert status(settings) is None
        assert down(settings) is None
        assert stranger.alive
    finally:
        stranger.kill()


def test_what_dies_is_started_again_on_the_same_port(settings: LocalSettings) -> None:
    lines: list[str] = []
    with Stack(settings, on_progress=lines.append) as stack:
        stack.start_services([ServiceCommand("sleeper", SLEEPER)])
        first = stack.state
        create_topic(stack.bootstrap, "records")
        publish(stack.bootstrap, "records", b"before")
        with redis.Redis.from_url(stack.redis_url) as client:
            client.set("key", "value")
        for pid in pids_of(first):
            os.kill(pid, signal.SIGKILL)
        second = eventually(
            lambda: (now := stack.state) and [process.restarts for process in now.processes] == [1, 1, 1] and now, 30
        )
        assert not set(pids_of(first)) & set(pids_of(second))
        assert (second.bootstrap, second.redis_url) == (first.bootstrap, first.redis_url)
        assert [process.last_exit_code for process in second.processes] == [-9, -9, -9]
        assert read(stack.bootstrap, "records", 1) == [b"before"]
        with redis.Redis.from_url(stack.redis_url) as client:
            assert (
                client.get("key") == b"value"
            )  # written by Redis before it died; only a crash of the machine loses it
        on_disk = eventually(lambda: (now := status(settings)) and pids_of(now) == pids_of(stack.state) and now, 5)
        assert json.loads(on_disk.model_dump_json())["processes"][0]["name"] == "kafka"
    assert_nothing_is_left(second, within_seconds=0)
    assert any("sleeper ended with exit code -9" in line for line in lines)


def test_services_find_the_stack_in_their_environment_and_write_a_log(settings: LocalSettings) -> None:
    script = "import os, time; print(os.environ['NEWSLOOM_KAFKA_BOOTSTRAP'], os.environ['NEWSLOOM_REDIS_URL'], \
os.environ['MORE'], flush=True); time.sleep(600)"
    with Stack(settings) as stack:
        stack.start_services([ServiceCommand("teller", (sys.executable, "-c", script), {"MORE": "more"})])
        log = settings.stack_folder / "logs" / "teller.log"
        said = eventually(lambda: log.exists() and log.read_text().strip(), 10)
        assert said == f"{stack.bootstrap} {stack.redis_url} more"
        with pytest.raises(MissingTool, match="nowhere"):
            stack.start_services([ServiceCommand("missing", ("/nowhere/program",))])


def test_two_ephemeral_stacks_run_side_by_side_and_leave_no_folder(settings: LocalSettings) -> None:
    with Stack(settings, ephemeral=True) as one, Stack(settings, ephemeral=True) as other:
        assert len({one.bootstrap, one.redis_url, other.bootstrap, other.redis_url}) == 4
        folders = one.folder, other.folder
    assert not any(folder.exists() for folder in folders)
    assert not settings.stack_folder.exists()


def test_outside_servers_are_used_and_none_is_started(settings: LocalSettings) -> None:
    with Stack(settings, bootstrap="127.0.0.1:9", redis_url="redis://127.0.0.1:9/0") as stack:
        assert stack.environment == {
            "NEWSLOOM_KAFKA_BOOTSTRAP": "127.0.0.1:9",
            "NEWSLOOM_REDIS_URL": "redis://127.0.0.1:9/0",
        }
        assert stack.state.processes == ()


@pytest.mark.parametrize("which", ["kafka", "redis"])
def test_a_port_that_is_taken_is_named_with_its_setting(tmp_path: Path, which: str) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        settings = LocalSettings.model_validate({"data_folder": tmp_path, f"{which}_port": port})
        with pytest.raises(PortTaken, match=f"NEWSLOOM_LOCAL_{which.upper()}_PORT={port}: somebody else listens"):
            Stack(settings).start()
    assert status(settings) is None
    # the other server may have been started by then; ours run in folders below the data folder
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if child.cwd().startswith(str(tmp_path))]


def test_a_detached_stack_runs_on_until_down(settings: LocalSettings) -> None:
    lines: list[str] = []
    environment = {"NEWSLOOM_LOCAL_DATA_FOLDER": str(settings.stack_folder)}
    argv = ("/usr/bin/env", *(f"{key}={value}" for key, value in environment.items()), sys.executable)
    state = start_detached((*argv, "-m", "services.local.stack"), settings, on_progress=lines.append)
    try:
        assert status(settings) == state
        assert f"Kafka answers at {state.bootstrap}" in lines
        with pytest.raises(StackRunning):
            start_detached((*argv, "-m", "services.local.stack"), settings)
    finally:
        assert down(settings) is not None
    assert not [pid for pid in pids_of(state) if start_time(pid)]
    with pytest.raises(StartFailed, match=r"exit code 3.*wrong thing"):
        start_detached((sys.executable, "-c", "print('wrong thing'); raise SystemExit(3)"), settings)


def test_a_process_that_keeps_dying_is_started_again_with_growing_pauses(tmp_path: Path) -> None:
    lines: list[str] = []
    supervisor = Supervisor(on_change=lines.append, first_pause_seconds=0.05, longest_pause_seconds=0.2)
    supervisor.start([Command("failing", (sys.executable, "-c", "raise SystemExit(7)"), tmp_path / "log")])
    try:
        eventually(lambda: supervisor.states[0].restarts >= 4, 20)
        assert supervisor.states[0].last_exit_code == 7
    finally:
        supervisor.stop()
    ended = [line for line in lines if "ended with exit code 7" in line]
    assert [line.split("started again in ")[1].split(" s")[0] for line in ended[:4]] == ["0.05", "0.1", "0.2", "0.2"]
    after = len(lines)
    assert supervisor.states[0].pid is None
    assert len(lines) == after


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    script = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
    supervisor = Supervisor(stop_timeout_seconds=0.3)
    supervisor.start([Command("stubborn", (sys.executable, "-c", script), tmp_path / "log")])
    eventually(lambda: "ready" in (tmp_path / "log").read_text(), 10)
    pid = supervisor.pids["stubborn"]
    supervisor.stop()
    assert start_time(pid) is None


@pytest.mark.parametrize("use_death_signal", [sys.platform == "linux", False])
def test_a_child_dies_with_a_killed_parent(tmp_path: Path, use_death_signal: bool) -> None:
    script = f"""
import sys, time
from pathlib import Path
from services.local.processes import Command, spawn
children = [
    spawn(Command("child", (sys.executable, "-c", "import time; time.sleep(600)"), Path({str(tmp_path / "log")!r})),
          use_death_signal={use_death_signal})
    for _ in range(2)
]
children[0].kill()
print(children[1].pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        helpers = psutil.Process(parent.pid).children()
        assert start_time(pid)
        parent.kill()
    eventually(lambda: not start_time(pid), 5)
    eventually(lambda: not [helper for helper in helpers if start_time(helper.pid)], 5)


def test_a_child_started_from_a_thread_outlives_that_thread(tmp_path: Path) -> None:
    """The kernel sends the death signal when the thread that started the child ends."""
    log = tmp_path / "log"
    script = "import time; print('ready', flush=True); time.sleep(600)"
    made: list[Child] = []

    def start() -> None:
        made.append(spawn(Command("child", (sys.executable, "-c", script), log)))
        eventually(lambda: "ready" in log.read_text(), 10)  # by then it has asked the kernel for the signal

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    try:
        assert made[0].wait(1.0) is None
    finally:
        made[0].kill()
