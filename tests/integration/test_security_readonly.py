"""Every worker as its image runs it: no root, no capability, nothing to write on but a temporary file system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest

from schemas.topics import SERVICES
from services.local.broker import Broker
from services.local.ports import free_port
from tests.deployment import REPOSITORY
from tests.newsroom import made_articles
from tests.suite import Suite
from tests.support import eventually

pytestmark = pytest.mark.long

# uid 10001 is the images'; everything that is mounted becomes read-only, then /tmp is memory, as compose has it. A
# checkout below /tmp is held on /mnt while /tmp goes out of sight
_SCRIPT = """
set -e
checkout=$1; shift
mount --bind "$checkout" /mnt
awk '{print $2}' /proc/self/mounts | while read -r place; do
    case $place in /proc*|/sys*|/dev*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done
mount -t tmpfs tmpfs /tmp
if ! [ -e "$checkout" ]; then
    mkdir -p "$checkout"
    mount --bind /mnt "$checkout"
    mount -o remount,bind,ro "$checkout"
fi
umount /mnt
cd /tmp
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""


def contained(*command: str) -> list[str]:
    """`command` on a read-only root, as user 10001 and without capabilities."""
    unshare = ["unshare", "--user", "--map-user=10001", "--map-group=10001", "--mount", "--keep-caps"]
    return [*unshare, "sh", "-c", _SCRIPT, "sh", str(REPOSITORY), *command]


@pytest.fixture(scope="module")
def _can_contain() -> None:
    if sys.platform != "linux" or not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("needs Linux with unshare and setpriv")
    tried = subprocess.run(contained("true"), capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no user namespaces here: {tried.stderr.strip()}")


@pytest.fixture
def workers() -> Generator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for worker in running:
        worker.terminate()
    for worker in running:
        try:
            worker.wait(timeout=30)
        except subprocess.TimeoutExpired:
            worker.kill()


@pytest.mark.usefixtures("_can_contain")
def test_the_container_of_this_test_lets_nothing_be_written(tmp_path: Path) -> None:
    code = (
        "import os\n"
        "assert os.geteuid() == 10001\n"
        "assert 'CapEff:\\t0000000000000000' in open('/proc/self/status').read()\n"
        "open('/tmp/scratch', 'w').close()\n"
        f"open({str(REPOSITORY / 'written')!r}, 'w')\n"
    )
    done = subprocess.run(
        contained(sys.executable, "-c", code), capture_output=True, text=True, check=False, timeout=60
    )
    assert "Read-only file system" in done.stderr, done.stderr
    assert not (REPOSITORY / "written").exists()


@pytest.mark.usefixtures("_can_contain")
def test_the_suite_works_without_root_on_a_read_only_file_system(
    kafka: Broker, redis_url: str, topic_prefix: str, tmp_path: Path, workers: list[subprocess.Popen[bytes]]
) -> None:
    [article] = made_articles(1, copied=0)
    with Suite(kafka.bootstrap, redis_url, prefix=topic_prefix, folder=tmp_path) as suite:
        ports = {name: free_port() for name in (*SERVICES, "observer")}
        for name, port in ports.items():
            with (tmp_path / f"{name}.log").open("wb") as log:
                workers.append(
                    subprocess.Popen(
                        contained(sys.executable, "-m", f"services.{name}.service"),
                        stdout=log,
                        stderr=log,
                        env={
                            **os.environ,
                            "PYTHONPATH": str(REPOSITORY),
                            "PYTHONDONTWRITEBYTECODE": "1",
                            "NEWSLOOM_KAFKA_BOOTSTRAP": kafka.bootstrap,
                            "NEWSLOOM_REDIS_URL": redis_url,
                            "NEWSLOOM_TOPIC_PREFIX": topic_prefix,
                            "NEWSLOOM_HTTP_PORT": str(port),
                        },
                    )
                )

        def is_ready(port: int) -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                    return answer.status == 200
            except (urllib.error.URLError, OSError):
                return False

        for name, port in ports.items():
            eventually(
                lambda port=port: is_ready(port), within_seconds=120, message=(tmp_path / f"{name}.log").read_text()
            )
        suite.publish([article.raw()])
        suite.wait_until_done(within_seconds=120)
        assert len(suite.records("article-entities")) >= 1
        assert suite.records("duplicates-discards")
        for worker in workers:
            assert worker.poll() is None
