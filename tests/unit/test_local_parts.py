"""The small parts of the embedded stack: settings, ports, lists of jars, private folders."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.local import folders, ports
from services.local.errors import DiskFull, PortTaken
from services.local.folders import PrivateFolder
from services.local.maven import KAFKA_JARS, REDIS_JARS, Jar, read_list, require_space
from services.local.ports import free_port, is_free, require_free
from services.local.settings import LocalSettings, default_cache_folder
from services.local.stack import StackState


def test_the_cache_folder_is_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "newsloom"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_cache_folder() == tmp_path / ".cache" / "newsloom"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_cache_folder() == tmp_path / "Library" / "Caches" / "newsloom"


def test_settings_come_from_the_environment_and_say_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLOOM_LOCAL_DATA_FOLDER", "/somewhere")
    monkeypatch.setenv("NEWSLOOM_LOCAL_KAFKA_PORT", "9092")
    settings = LocalSettings()
    assert settings.stack_folder == Path("/somewhere")
    assert settings.kafka_port == 9092
    monkeypatch.setenv("NEWSLOOM_LOCAL_KAFKA_PORT", "90920")
    with pytest.raises(ValidationError, match="kafka_port"):
        LocalSettings()


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in LocalSettings.model_fields.items() if not field.description] == []


def test_the_committed_lists_hold_kafka_4_1_and_a_redis_and_name_no_host() -> None:
    kafka = {jar.coordinate for jar in read_list(KAFKA_JARS)}
    assert len(kafka) == 46
    assert "org.apache.kafka:kafka_2.13:4.1.1" in kafka
    # what jgo resolves when it reads log4j's list of preferred versions
    assert {coordinate for coordinate in kafka if ":kafka-clients:" in coordinate} == {
        "org.apache.kafka:kafka-clients:4.1.1"
    }
    assert [jar.coordinate for jar in read_list(REDIS_JARS)] == ["com.github.codemonstur:embedded-redis:1.4.3"]
    for path in (KAFKA_JARS, REDIS_JARS):
        assert "://" not in path.read_text()


@pytest.mark.parametrize("line", ["a:b 1234", "a:b:c", f"a:b:c {'G' * 64}", f"a:b:c:d {'0' * 64}"])
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "jars.txt"
    path.write_text(f"# comment\n\na:b:c {'0' * 64}\n")
    assert read_list(path) == (Jar("a", "b", "c", "0" * 64),)
    path.write_text(f"a:b:c {'0' * 64}\n{line}\n")
    with pytest.raises(ValueError, match=r"jars\.txt, line 2: not `group:artifact:version sha256`"):
        read_list(path)


def test_too_little_disk_is_said_with_the_remedy(tmp_path: Path) -> None:
    require_space(tmp_path, LocalSettings(min_free_bytes=0))
    with pytest.raises(DiskFull, match=r"only \d+ MiB are free in .*NEWSLOOM_LOCAL_CACHE_FOLDER"):
        require_space(tmp_path, LocalSettings(min_free_bytes=2**60))


def test_a_taken_port_is_not_free_and_is_named_with_its_setting() -> None:
    port = free_port()
    require_free(port, "SETTING")
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", port))
        somebody.listen()
        assert not is_free(port)
        with pytest.raises(PortTaken, match=f"SETTING={port}: somebody else listens .*unset SETTING"):
            require_free(port, "SETTING")
    assert is_free(port)


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    """A client that reconnects while the broker is away could otherwise be given the broker's own port."""
    assert all(15000 <= free_port() < ports.first_outgoing_port() for _ in range(50))


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: False)
    with pytest.raises(PortTaken, match="none of 200 ports tried"):
        free_port()


def test_a_private_folder_is_removed_and_one_of_a_dead_process_swept(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path)
    (folder.path / "data").write_text("x")
    dead = tmp_path / "newsloom-dead"
    dead.mkdir()
    (dead / ".lock").touch()
    stranger = tmp_path / "newsloom-without-a-lock"
    stranger.mkdir()

    other = PrivateFolder(tmp_path)
    assert not dead.exists()
    assert stranger.exists()
    assert folder.path.exists()  # its lock is held
    for each in (folder, other):
        each.remove()
        each.remove()
        assert not each.path.exists()


def test_the_sweep_leaves_other_users_folders_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "newsloom-theirs"
    theirs.mkdir()
    (theirs / ".lock").touch()
    monkeypatch.setattr(folders.os, "getuid", lambda: os.geteuid() + 1)
    PrivateFolder(tmp_path).remove()
    assert theirs.exists()


def test_a_held_private_folder_survives_a_sweep_of_another_process(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path)
    with (folder.path / ".lock").open("r+") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    folder.remove()


def test_a_state_is_described_in_one_line() -> None:
    state = StackState(pid=7, started=1_750_000_000, phase="running", folder=Path("/data"), bootstrap="127.0.0.1:1")
    assert state.describe() == (
        "process 7, running since 2025-06-15 15:06:40 UTC, Kafka 127.0.0.1:1, Redis not up yet, 0 processes, "
        "data in /data"
    )
