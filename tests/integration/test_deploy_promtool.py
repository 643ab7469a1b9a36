"""promtool on the deployed files: the configuration is read, each alert fires on one history and not on another."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deployment import DEPLOY
from tests.observed import tool
from tests.support import report


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False
    )


def test_the_configuration_and_the_rules_are_read() -> None:
    result = promtool("check", "config", DEPLOY / "prometheus/prometheus.yml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert sum(int(count) for count in re.findall(r"(\d+) rules found", result.stdout)) >= 42


@pytest.mark.long
def test_each_alert_fires_where_it_should_and_is_silent_where_it_should_be() -> None:
    files = sorted((DEPLOY / "prometheus/tests").glob("*.yml"))
    result = promtool("test", "rules", *files)
    assert result.returncode == 0, result.stdout + result.stderr
    names = [test["name"] for path in files for test in yaml.safe_load(path.read_text())["tests"]]
    fire, silent = ({n.split()[0] for n in names if f" {word}" in n} for word in ("fires", "stays silent"))
    report(f"promtool: {len(names)} tests; {len(fire)} alerts seen to fire and {len(silent)} to stay silent")
    assert fire == silent


@pytest.mark.long
def test_the_tests_of_the_alerts_can_fail(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    for path in (DEPLOY / "prometheus/rules").glob("*.yml"):
        # a gap of a thousand instead of one: the alert stays silent, and its test has to notice
        text = path.read_text().replace(
            "newsloom_conservation_gap_records > 0", "newsloom_conservation_gap_records > 999"
        )
        (rules / path.name).write_text(text)
    (tmp_path / "tests").mkdir()
    copy = tmp_path / "tests/minutes.yml"
    copy.write_text((DEPLOY / "prometheus/tests/minutes.yml").read_text())
    result = promtool("test", "rules", copy)
    assert result.returncode != 0
    assert "NewsloomConservationGap" in result.stdout + result.stderr
