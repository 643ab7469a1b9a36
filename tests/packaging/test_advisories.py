"""No pinned dependency has an advisory that is on the list, and the list speaks of what is pinned."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "deploy"))

import check_advisories  # noqa: E402  # a script beside the package

LOCK = (REPOSITORY / "requirements.lock").read_text()
ADVISORIES = json.loads(check_advisories.ADVISORIES.read_text())


def test_nothing_that_is_pinned_has_a_known_advisory() -> None:
    assert check_advisories.affected(LOCK, ADVISORIES) == []


def test_every_pin_is_read_and_every_advisory_concerns_one() -> None:
    pins = check_advisories.pinned(LOCK)
    assert len(pins) == len(re.findall(r"^\S+==", LOCK, re.MULTILINE))
    assert {advisory["package"] for advisory in ADVISORIES} <= {name for name, _ in pins}


def test_an_old_version_is_told_with_what_is_wrong_with_it() -> None:
    old = "requests==2.31.0 \\\n    --hash=sha256:0\nurllib3[x]==2.4.0 ; python_version > '3' \\\nidna==3.7 \\\n"
    found = check_advisories.affected(old, ADVISORIES)
    assert [line.split(",")[0] for line in found] == [
        "requests 2.31.0: CVE-2024-35195",
        "requests 2.31.0: CVE-2024-47081",
        "urllib3 2.4.0: CVE-2025-50181",
    ]
