"""Dependencies go one way: import-linter's contracts hold, and importing a module opens nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_import_contract_is_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_a_contract_that_is_broken_is_reported(tmp_path: Path) -> None:
    for name in ("schemas", "services"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "schemas" / "bad.py").write_text("import services\n")
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_packages=\n  schemas\n  services\n"
        "[importlinter:contract:1]\nname=c\ntype=forbidden\nsource_modules=schemas\nforbidden_modules=services\n"
    )
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout


_OPENS_NOTHING = """
import socket, sys, os
real = socket.socket.connect
def refuse(*args, **kwargs):
    raise SystemExit("a module connects while it is imported")
socket.socket.connect = refuse
before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
import pkgutil, importlib, schemas, services
for package in (schemas, services):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if ".training" not in module.name:
            importlib.import_module(module.name)
import threading
started = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
print("threads", started)
sys.exit(1 if started else 0)
"""


def test_importing_any_module_opens_no_connection_and_starts_no_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _OPENS_NOTHING], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
