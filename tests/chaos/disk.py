"""A broker whose log lies on a small disk of its own, which can really be full.

The disk is a tmpfs in a mount namespace that only the broker enters: nothing is mounted for anybody else, nothing is
left when the holder of the namespace ends, and it needs no root where user namespaces are allowed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

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


class SmallDiskBroker(Broker):
    """As `Broker`; `fill` leaves its log's disk hardly a megabyte, `free` gives it room again."""

    def __init__(self, options: tuple[str, ...]) -> None:
        super().__init__()
        self._options = options
        self._holder: Child | None = None

    def _prepare(self) -> None:
        super()._prepare()
        if self._holder is not None:
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
        return replace(command, argv=(*self._enter(), *command.argv))

    def _enter(self) -> tuple[str, ...]:
        assert self._holder is not None
        user = ("--user", "--preserve-credentials") if "--user" in self._options else ()
        return (str(shutil.which("nsenter")), "--target", str(self._holder.pid), *user, "--mount", "--")

    def _resize(self, size: int) -> None:
        subprocess.run(
            [*self._enter(), "mount", "-o", f"remount,size={size}", str(self.folder / "data")],
            check=True,
            capture_output=True,
            timeout=20,
        )

    @property
    def free_bytes(self) -> int:
        """What the disk has left."""
        found = os.statvfs(self._inside())
        return found.f_bavail * found.f_frsize

    def fill(self, left_bytes: int) -> None:
        """Leave the disk `left_bytes`."""
        found = os.statvfs(self._inside())
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self._resize(used + left_bytes)

    def free(self) -> None:
        """Give the disk its room back."""
        self._resize(_ROOMY_BYTES)

    def close(self) -> None:
        """As `Broker.close`; the disk goes with its holder."""
        try:
            super().close()
        finally:
            if self._holder is not None:
                self._holder.kill()
