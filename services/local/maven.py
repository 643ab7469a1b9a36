"""Verified jars from a Maven repository, fetched once into the user's cache folder.

The list says `group:artifact:version sha256`, a line each, so that what runs is what was committed, from whichever
mirror it came. jgo fetches (it knows its default repository, proxies and mirrors); it verifies nothing and is not safe
for two processes at once, so this file does both. This is the only file that imports jgo.

`python -m services.local.maven ROOT...` resolves coordinates with everything they need and prints such a list.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from services.local.errors import ChecksumMismatch, DiskFull, DownloadFailed, MissingTool
from services.local.settings import LocalSettings, silent

KAFKA_JARS = Path(__file__).with_name("kafka-jars.txt")
REDIS_JARS = Path(__file__).with_name("redis-jars.txt")

_ATTEMPTS = 3
_PARALLEL = 4
_PARTING_SECONDS = 0.5


@dataclass(frozen=True)
class Jar:
    """An artifact and the SHA-256 of its file, in hex."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinate(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_list(path: Path) -> tuple[Jar, ...]:
    """The jars a list names, in its order. Raises ValueError naming a line of another form."""
    jars: list[Jar] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        coordinate, _, sha256 = line.partition(" ")
        parts = coordinate.split(":")
        if len(parts) != 3 or len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
            raise ValueError(f"{path.name}, line {number}: not `group:artifact:version sha256`: {line[:120]!r}")
        group, artifact, version = parts
        jars.append(Jar(group, artifact, version, sha256))
    return tuple(jars)


def fetch(list_path: Path, settings: LocalSettings, on_progress: Callable[[str], None] = silent) -> tuple[Path, ...]:
    """Paths of all jars of a list, in its order; downloads them when the cache has none.

    Only whole, verified sets are ever visible in the cache: they are fetched into a temporary folder and renamed. A
    file lock makes a second process wait for the first.
    Raises DownloadFailed, ChecksumMismatch, DiskFull or MissingTool.
    """
    jars = read_list(list_path)
    # named by content: a release with another list fetches another folder and leaves this one to older releases
    folder = settings.cache_folder / f"{list_path.stem}-{hashlib.sha256(list_path.read_bytes()).hexdigest()[:12]}"
    paths = tuple(folder / jar.file_name for jar in jars)
    if folder.is_dir():
        return paths
    with locked(settings.cache_folder / "download.lock", on_progress):
        if folder.is_dir():
            return paths
        require_space(settings.cache_folder, settings)
        for abandoned in settings.cache_folder.glob(".download-*"):  # nobody's: whoever downloads holds the lock
            shutil.rmtree(abandoned, ignore_errors=True)
        # a transfer that is abandoned may still write while the folder is removed
        with tempfile.TemporaryDirectory(
            prefix=".download-", dir=settings.cache_folder, ignore_cleanup_errors=True
        ) as temporary:
            _download(jars, Path(temporary), settings, on_progress)
            kept = Path(temporary) / "jars"
            kept.rename(folder)
    return paths


class HeldLock:
    """The file lock `path`, held until `release` or the end of this process."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock

    def release(self) -> None:
        self._lock.close()


def try_lock(path: Path) -> HeldLock | None:
    """The file lock `path`, or None if somebody holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return HeldLock(path, lock)


@contextmanager
def locked(path: Path, on_progress: Callable[[str], None] = silent) -> Generator[None]:
    """Hold the file lock `path`; waits for another process that holds it, and says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_progress("waiting for another newsloom that prepares the same files")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def require_space(folder: Path, settings: LocalSettings) -> None:
    """Raises DiskFull if the disk of `folder` has less free space than the settings ask for."""
    free = shutil.disk_usage(folder).free
    if free < settings.min_free_bytes:
        raise DiskFull(
            f"only {free / 2**20:.0f} MiB are free in {folder}, newsloom wants {settings.min_free_bytes / 2**20:.0f}: "
            "free some space, point NEWSLOOM_LOCAL_CACHE_FOLDER and NEWSLOOM_LOCAL_DATA_FOLDER to another disk, "
            "or lower NEWSLOOM_LOCAL_MIN_FREE_BYTES"
        )


def _context(repository: Path, settings: LocalSettings) -> Any:
    try:
        from jgo.maven import MavenContext
    except ImportError as error:
        raise MissingTool("newsloom's local stack needs the package jgo; install it with: uv sync") from error
    mirror = {"mirror": settings.maven_repository.rstrip("/")} if settings.maven_repository else None
    return MavenContext(
        repo_cache=repository,
        remote_repos=mirror,
        timeout=settings.download_timeout_seconds,  # pyright: ignore[reportArgumentType] requests takes a float
    )


def _download(jars: tuple[Jar, ...], folder: Path, settings: LocalSettings, on_progress: Callable[[str], None]) -> None:
    context = _context(folder / "repository", settings)
    kept = folder / "jars"
    kept.mkdir()
    on_progress(f"downloading {len(jars)} jars (once)")
    waiting: queue.SimpleQueue[Jar | None] = queue.SimpleQueue()
    results: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    for jar in (*jars, *[None] * _PARALLEL):
        waiting.put(jar)
    given_up = threading.Event()

    def work() -> None:
        while (jar := waiting.get()) is not None and not given_up.is_set():
            try:
                _fetch_one(jar, context, settings).rename(kept / jar.file_name)
            except BaseException as error:  # raised again in the thread that waits
                results.put(error)
            else:
                results.put(None)

    # not an executor: that one is joined when the interpreter exits, and Ctrl-C must not wait for a silent network
    workers = [threading.Thread(target=work, name="newsloom-download", daemon=True) for _ in range(_PARALLEL)]
    for worker in workers:
        worker.start()
    try:
        for done in range(1, len(jars) + 1):
            error = results.get()
            if error is not None:
                raise error
            if done % 10 == 0 or done == len(jars):
                on_progress(f"downloaded {done} of {len(jars)} jars")
    finally:
        given_up.set()
        # those that are about to end leave nothing in the folder that is removed next
        until = time.monotonic() + _PARTING_SECONDS
        for worker in workers:
            worker.join(max(0.0, until - time.monotonic()))


def _fetch_one(jar: Jar, context: Any, settings: LocalSettings) -> Path:
    import requests

    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact("", "jar")
    found = failed = ""
    for _ in range(_ATTEMPTS):
        artifact.cached_path.unlink(missing_ok=True)  # jgo leaves a half of a file behind when a transfer breaks
        try:
            path: Path = artifact.resolve()
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found == jar.sha256:
                return path
        except requests.RequestException as error:
            failed = _explain(jar, error, settings)
        except RuntimeError as error:  # what jgo raises for a file that the repository does not have
            failed = _explain(jar, error, settings)
            break
        except OSError as error:
            raise DiskFull(f"{jar.coordinate} could not be written to {settings.cache_folder}: {error}") from error
    if failed and not found:
        # not raised where it was caught: jgo's error keeps its answer alive, and with it the open connection
        raise DownloadFailed(failed)
    raise ChecksumMismatch(
        f"{jar.coordinate} has SHA-256 {found[:16]}…, but {jar.sha256[:16]}… is committed; nothing was kept. "
        "A proxy or mirror may have answered with another file: "
        "try again, or set NEWSLOOM_LOCAL_MAVEN_REPOSITORY to a repository you trust"
    )


def _explain(jar: Jar, error: Exception, settings: LocalSettings) -> str:
    reason = str(error).split("\n")[0]
    proxy = next((name for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY") if os.environ.get(name)), None)
    return (
        f"{jar.coordinate} could not be fetched ({type(error).__name__}: {reason[:200]}). "
        "The first start downloads Kafka and needs the network, later ones do not. "
        + (f"The proxy in {proxy} was used. " if proxy else "Behind a proxy, set HTTPS_PROXY. ")
        + (
            "The mirror in NEWSLOOM_LOCAL_MAVEN_REPOSITORY was asked. "
            if settings.maven_repository
            else "For a mirror, set NEWSLOOM_LOCAL_MAVEN_REPOSITORY. "
        )
        + "Or point NEWSLOOM_KAFKA_BOOTSTRAP and NEWSLOOM_REDIS_URL to running servers"
    )


def resolve(roots: tuple[str, ...], settings: LocalSettings) -> tuple[Jar, ...]:
    """The artifacts `roots` (`group:artifact:version`) and all they need at run time, with the SHA-256 of what came."""
    with tempfile.TemporaryDirectory() as temporary:
        context = _context(Path(temporary), settings)
        # the marker `!` takes a coordinate as it is; without it jgo reads it as a list of versions to prefer, and
        # log4j's pulls kafka-clients down to 3.8
        inputs, needed = context.resolver.resolve([context.create_dependency(f"{root}!") for root in roots])
        jars = [
            Jar(
                dependency.groupId,
                dependency.artifactId,
                dependency.version,
                hashlib.sha256(dependency.artifact.resolve().read_bytes()).hexdigest(),
            )
            for dependency in {d.artifact.key: d for d in [*inputs, *needed]}.values()
        ]
    return tuple(sorted(jars, key=lambda jar: jar.coordinate))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m services.local.maven group:artifact:version...")
    print(f"# python -m services.local.maven {' '.join(sys.argv[1:])}")
    for jar in resolve(tuple(sys.argv[1:]), LocalSettings()):
        print(jar.coordinate, jar.sha256)
