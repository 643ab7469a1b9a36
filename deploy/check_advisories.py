"""Compare what the lock pins with known advisories: `uv run python deploy/check_advisories.py`.

Works without a network: `advisories.json` beside this script is a list kept by hand, an entry for each advisory that
concerns a package of the lock. Whoever updates the lock looks the new ones up and adds them. Prints what is affected;
exit code 1 if anything is.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
ADVISORIES = Path(__file__).with_name("advisories.json")


def pinned(lock: str) -> list[tuple[str, Version]]:
    """The packages and versions in the text of a lock; one may stand there twice, for different Pythons."""
    found = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock, re.MULTILINE)
    return [(canonicalize_name(name), Version(version)) for name, version in found]


def affected(lock: str, advisories: list[dict[str, str]]) -> list[str]:
    """A line for each pinned version that an advisory names."""
    return [
        f"{name} {version}: {advisory['id']}, affected {advisory['affected']}: {advisory['what']}"
        for name, version in pinned(lock)
        for advisory in advisories
        if canonicalize_name(advisory["package"]) == name
        and SpecifierSet(advisory["affected"], prereleases=True).contains(version)
    ]


def main() -> int:
    lock = (ROOT / "requirements.lock").read_text()
    advisories = json.loads(ADVISORIES.read_text())
    found = affected(lock, advisories)
    for line in found:
        print(line)
    print(f"{len(pinned(lock))} pins, {len(advisories)} advisories, {len(found)} affected")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
