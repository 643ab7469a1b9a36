"""What an operator sees: each dashboard drawn by a real browser from its JSON and from what a real Prometheus answered.

Pictures go to the folder named in NEWSLOOM_PICTURES, for looking at.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.local.broker import Broker
from services.local.redis_server import RedisServer
from services.local.sample import raw_records
from tests.deployment import DEPLOY
from tests.integration.test_deploy_observed import generator, sample_pages, with_variables
from tests.observed import ALL_WORKERS, ObservedSuite, Prometheus, raw, tool
from tests.support import eventually

pytestmark = pytest.mark.long

DASHBOARDS = sorted(path.stem for path in (DEPLOY / "grafana/dashboards").glob("*.json"))
PAGE = Path(__file__).with_name("panels.html")


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    """Not the session's: an index that holds these articles already would make them known, not alerts."""
    with RedisServer() as redis:
        yield redis


@pytest.fixture(scope="module")
def prometheus(kafka: Broker, own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    tool("chromium")
    suite = ObservedSuite(kafka.bootstrap, own_redis.url, tmp_path_factory.mktemp("suite"), "drawn-")
    prometheus: Prometheus | None = None
    try:
        for name in ALL_WORKERS:
            suite.start(name)
        suite.ready(*ALL_WORKERS)
        prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), suite.targets)
        eventually(lambda: (prometheus.value("count(newsloom_ready)") or 0) >= len(ALL_WORKERS))
        pages = [value for _, value in raw_records()]
        halves = [pages[: len(pages) // 2], pages[len(pages) // 2 :], sample_pages()[:30], sample_pages()[30:]]
        read = 0
        for number, half in enumerate(halves):
            suite.publish([*half, raw(3000 + number)])
            read += len(half) + 1
            counted = 'sum(newsloom_records_total{service="cleaner"})'
            eventually(lambda read=read, counted=counted: (prometheus.value(counted) or 0) >= read, 60)
        eventually(lambda: (prometheus.value("sum(newsloom_dead_letter_depth_records)") or 0) >= 2, 30)
        eventually(lambda: (prometheus.value("sum(newsloom_duplicate_carried_articles_total)") or 0) >= 2, 60)
        eventually(lambda: prometheus.value("sum(service:newsloom_lag_records:sum)") == 0, 60)
        yield prometheus
    finally:
        if prometheus is not None:
            prometheus.close()
        suite.close()


@pytest.fixture(scope="module")
def span(prometheus: Prometheus) -> tuple[float, float]:
    """From when the first page was published to when all was read, however long the browser then takes."""
    end = time.time()
    first = 'min_over_time(timestamp(sum(newsloom_records_total{service="cleaner"}) > 10)[15m:1s])'
    begin = prometheus.value(first)
    assert begin is not None
    return min(begin - 30, end - 90), end


def answers(prometheus: Prometheus, dashboard: dict[str, Any], start: float, end: float) -> dict[str, list[Any]]:
    """What Prometheus says to each target of each panel, by the panel's id."""
    found: dict[str, list[Any]] = {}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            expression = with_variables(target["expr"])
            if target.get("instant"):
                data = prometheus.get("query", query=expression, time=str(end))
                result = data["result"] if data["resultType"] == "vector" else [{"metric": {}, "value": data["result"]}]
            else:
                data = prometheus.get("query_range", query=expression, start=str(start), end=str(end), step="1")
                result = data["result"]
            found.setdefault(str(panel["id"]), []).append(result)
    return found


def browse(page: Path, *arguments: str) -> str:
    """Standard output of headless Chromium for `page`."""
    profile = page.with_suffix(".profile")
    command = [
        tool("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--hide-scrollbars", "--disable-extensions", "--no-first-run", f"--user-data-dir={profile}",
        "--virtual-time-budget=4000", *arguments, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    shutil.rmtree(profile, ignore_errors=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_is_drawn_with_what_was_published(
    uid: str, prometheus: Prometheus, span: tuple[float, float], tmp_path: Path
) -> None:
    dashboard = json.loads((DEPLOY / f"grafana/dashboards/{uid}.json").read_text())
    start, end = span
    data = {
        "dashboard": dashboard,
        "start": start,
        "end": end,
        "answers": answers(prometheus, dashboard, start, end),
    }
    page = tmp_path / f"{uid}.html"
    inlined = json.dumps(data).replace("</", "<\\/")
    page.write_text(PAGE.read_text().replace("/*DATA*/null", inlined))
    drawn = browse(page, "--dump-dom")
    assert 'data-done="yes"' in drawn, "the page's script stopped with an error"
    states = {html.unescape(t): state for t, state in re.findall(r'data-title="([^"]*)" data-state="(\w+)"', drawn)}
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert set(states) == {panel["title"] for panel in panels}
    _, queries = generator().build()[uid]
    due = {title for title, each in queries.items() if not all(query.quiet for query in each)}
    assert {title for title in due if states[title] != "drawn"} == set()
    if uid == "newsloom-overview":
        shown = dict(re.findall(r'<h2>([^<]*)</h2><div class="stat"[^>]*>([^<]*)<', drawn))
        assert shown["Conservation gap"] == "0"
        assert "raw pages read" in drawn
    if uid == "newsloom-outlets":
        assert "harbour" in drawn
    pictures = os.environ.get("NEWSLOOM_PICTURES")
    if pictures:
        height = re.search(r'data-height="(\d+)"', drawn)
        assert height is not None
        target = Path(pictures) / f"{uid}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        browse(page, f"--screenshot={target}", f"--window-size=1600,{height[1]}")
        assert target.stat().st_size > 10_000
