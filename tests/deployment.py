"""What tests of the deployment share: the files, read once, and what the code says they may name."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
DEPLOY = REPOSITORY / "deploy"


@cache
def compose() -> dict[str, Any]:
    """docker-compose.yml with its anchors resolved."""
    return yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


@cache
def properties(path: Path) -> dict[str, str]:
    """A Java properties file of one line a setting."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def interpolated(value: str, environment: dict[str, str]) -> str:
    """`value` with compose's ${NAME:-default} and ${NAME} filled in."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda found: environment.get(found[1], found[2] or ""), value)
