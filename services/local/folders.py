"""Private data folders that are removed when their process has gone, however it went."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO


class PrivateFolder:
    """A new folder in the system's temporary one, held by a file lock while this object is open.

    Making one also removes those whose lock nobody holds: a killed process cannot clean up after itself.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        _sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix="newsloom-", dir=parent))
        # locked under another name and then renamed: a sweep never sees the file unlocked
        new = self.path / ".lock-new"
        self._lock: IO[str] | None = new.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        new.rename(self.path / ".lock")

    def remove(self) -> None:
        """Delete the folder with all it holds; again does nothing."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            self._lock.close()
            self._lock = None


def _sweep(parent: Path) -> None:
    for lock_path in parent.glob("newsloom-*/.lock"):
        try:
            if lock_path.stat().st_uid != os.getuid():
                continue
            with lock_path.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_path.parent, ignore_errors=True)
        except OSError:
            continue  # held, or gone meanwhile
