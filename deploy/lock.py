"""Pin every dependency anew: `uv run --no-project deploy/lock.py`.

Resolves the newest versions that pyproject.toml allows, writes `requirements.lock` (hashes, no host), and the same
versions into `[tool.uv] constraint-dependencies`, so that `uv run` on a fresh clone takes them although `uv.lock`,
which names hosts, is not kept. A test compares the two.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PYPROJECT = ROOT / "pyproject.toml"
# heavy tools for training and for measuring against other systems: not part of what runs or is tested
LEFT_OUT = ("train", "measure", "cleaner-html")


def export_command() -> list[str]:
    """The `uv export` that prints the lock."""
    groups = tomllib.loads(PYPROJECT.read_text())["dependency-groups"]
    left_out = [f"--no-group={name}" for name in LEFT_OUT if name in groups]
    return ["uv", "export", "-q", "--all-extras", "--all-groups", *left_out, *_QUIET]


_QUIET = ("--no-emit-project", "--no-annotate", "--no-header")


def pins(lock: str) -> list[str]:
    """The pinned requirements in the text of a lock, with their markers, sorted."""
    found = re.findall(r"^([A-Za-z0-9_.\[\]-]+==[^\\\n]+?)\s*\\?$", lock, re.MULTILINE)
    return sorted({re.sub(r"\s+", " ", line).strip() for line in found})


def main() -> int:
    """Write both; exit code 0."""
    text = PYPROJECT.read_text()
    start = text.index("constraint-dependencies = [")
    end = text.index("]\n", start) + 2
    (ROOT / "uv.lock").unlink(missing_ok=True)
    PYPROJECT.write_text(text[:start] + "constraint-dependencies = []\n" + text[end:])
    subprocess.run(["uv", "lock", "-q"], cwd=ROOT, check=True)
    lock = subprocess.run(export_command(), cwd=ROOT, check=True, capture_output=True, text=True).stdout
    LOCK.write_text(lock)
    lines = "".join(f"    {json.dumps(pin)},\n" for pin in pins(lock))
    PYPROJECT.write_text(text[:start] + "constraint-dependencies = [\n" + lines + "]\n" + text[end:])
    print(f"{len(pins(lock))} pins")
    return 0


if __name__ == "__main__":
    sys.exit(main())
