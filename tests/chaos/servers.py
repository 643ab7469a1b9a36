"""The broker of the harness: its disk can really be full, its clock can jump, and rights can be taken away.

The disk is a tmpfs in a mount namespace that only the broker enters: nothing is mounted for anybody else, nothing is
left when the holder of the namespace ends, and it needs no root where user namespaces are allowed. The clock is
libfaketime's (Debian: apt-get install libfaketime).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from services.local.broker import Broker
from services.local.processes import Child, Command, spawn
from tests.support import eventually

_ROOMY_BYTES: Final = 1 << 30
_NAMESPACES: Final = (("--mount",), ("--user", "--map-root-user", "--mount"))


def namespaces() -> tuple[str, ...] | None:
    """The options of `unshare` that let this user mount; None where none does."""
    if not (sys.platform == "linux" and shutil.which("unshare") and shutil.which("nsenter")):
        return None
    for options in _NAMESPACES:
        tried = subprocess.run(
            ["unshare", *options, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True, check=False, timeout=20
        )
        if tried.returncode == 0:
            return options
    return None


class Clock:
    """The time of the processes that are started with `environment`: it jumps while they run."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.jump(0)

    @staticmethod
    def library() -> Path | None:
        """libfaketime, where this machine has it."""
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        return found[0] if found else None

    def environment(self) -> dict[str, str]:
        """What a process is started with."""
        return {
            "LD_PRELOAD": str(self.library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            # clocks of machines jump, the time since their start does not; without the fix off Java spins
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def jump(self, seconds: int) -> None:
        """The clock stands `seconds` after the machine's (before, where negative), within a second or so."""
        partial = self._file.with_suffix(".partial")
        partial.write_text(f"{seconds:+d}\n")
        partial.replace(self._file)


class ChaosBroker(Broker):
    """As `Broker`. `fill` leaves its log's disk as good as nothing, `free` gives it room again; `clock`, when set, is
    its time from the next start on; `deny` and `allow` take rights from everybody and give them back."""

    def __init__(self, options: tuple[str, ...] | None) -> None:
        """`options` are those of `namespaces`; None for a broker on the machine's own disk."""
        super().__init__()
        self._options = options or ()
        self._holder: Child | None = None
        self.clock: Clock | None = None

    @property
    def has_small_disk(self) -> bool:
        return bool(self._options)

    def _write_config(self, path: Path, data: Path, port: int, controller_port: int) -> None:
        super()._write_config(path, data, port, controller_port)
        authorizer = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        path.write_text(f"{path.read_text()}\n{authorizer}\nallow.everyone.if.no.acl.found=true\n")

    def _prepare(self) -> None:
        super()._prepare()
        if self._holder is not None or not self._options:
            return
        data = self.folder / "data"
        template = self.folder / "formatted"
        shutil.copytree(data, template)
        script = f"mount -t tmpfs -o size={_ROOMY_BYTES} tmpfs {data} && cp -a {template}/. {data}/ && touch {data}/.up"
        self._holder = spawn(
            Command(
                "disk",
                (str(shutil.which("unshare")), *self._options, "sh", "-c", f"{script} && exec sleep infinity"),
                self.folder / "disk.log",
            )
        )
        eventually(lambda: (self._inside() / ".up").exists(), message="the small disk is mounted")

    def _inside(self) -> Path:
        """The folder of the log, as the broker sees it."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root{self.folder}/data")

    def _command(self) -> Command:
        command = super()._command()
        if self.clock is not None:
            command = replace(command, env={**(command.env or os.environ), **self.clock.environment()})
        return replace(command, argv=(*self._enter(), *command.argv))

    def _enter(self) -> tuple[str, ...]:
        if self._holder is None:
            return ()
        user = ("--user", "--preserve-credentials") if "--user" in self._options else ()
        return (str(shutil.which("nsenter")), "--target", str(self._holder.pid), *user, "--mount", "--")

    def _resize(self, size: int) -> bool:
        """False where the disk holds more than that by now: the broker goes on writing."""
        resized = subprocess.run(
            [*self._enter(), "mount", "-o", f"remount,size={size}", str(self.folder / "data")],
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
        )
        # 32: the mount failed, which it does for a size below what is in use
        assert resized.returncode in {0, 32}, resized.stderr
        return resized.returncode == 0

    @property
    def free_bytes(self) -> int:
        """What the disk has left."""
        found = os.statvfs(self._inside())
        return found.f_bavail * found.f_frsize

    def fill(self, left_bytes: int) -> None:
        """Leave the disk `left_bytes`."""

        def filled() -> bool:
            found = os.statvfs(self._inside())
            return self._resize((found.f_blocks - found.f_bfree) * found.f_frsize + left_bytes)

        eventually(filled, every_seconds=0.01, message="the disk has no more room than what is in use")

    def free(self) -> None:
        """Give the disk its room back."""
        assert self._resize(_ROOMY_BYTES)

    # -- rights

    def deny(self, topics: Iterable[str]) -> None:
        """Nobody may write to `topics` any more; everything else stays allowed."""
        from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

        rules = [(ACLOperation.ALL, ACLPermissionType.ALLOW), (ACLOperation.WRITE, ACLPermissionType.DENY)]
        with self._admin() as admin:
            admin.create_acls(
                [
                    ACL("User:ANONYMOUS", "*", operation, permission, ResourcePattern(ResourceType.TOPIC, topic))
                    for topic in topics
                    for operation, permission in rules
                ]
            )

    def allow(self, topics: Iterable[str]) -> None:
        """Take back what `deny` did."""
        from kafka.admin import (
            ACLFilter,
            ACLOperation,
            ACLPermissionType,
            ACLResourcePatternType,
            ResourcePatternFilter,
            ResourceType,
        )

        with self._admin() as admin:
            admin.delete_acls(
                [
                    ACLFilter(
                        None,
                        None,
                        ACLOperation.ANY,
                        ACLPermissionType.ANY,
                        ResourcePatternFilter(ResourceType.TOPIC, topic, ACLResourcePatternType.LITERAL),
                    )
                    for topic in topics
                ]
            )

    def configure(self, topic: str, settings: Mapping[str, str]) -> None:
        """Change a topic's settings."""
        from kafka.admin import ConfigResource, ConfigResourceType

        with self._admin() as admin:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(settings))])

    @contextlib.contextmanager
    def _admin(self) -> Generator[Any]:
        from kafka import KafkaAdminClient

        admin: Any = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            yield admin
        finally:
            admin.close()

    def close(self) -> None:
        """As `Broker.close`; the disk goes with its holder."""
        try:
            super().close()
        finally:
            if self._holder is not None:
                self._holder.kill()
