"""`newsloom top` and `newsloom up --observe`: the same figures for people without Grafana."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from rich.console import Console

from schemas.topics import SERVICES
from services.commands.observe import describe_prometheus, find_alerts, prometheus_config
from services.commands.top import OutletRow, Picture, ServiceRow, TopicRow, render
from services.local.broker import Broker
from services.local.ports import free_port
from services.local.stack import StackProcess, StackState
from tests.deployment import DEPLOY, REPOSITORY
from tests.observed import ObservedSuite, raw, tool
from tests.support import eventually

NEWSLOOM = (sys.executable, "-m", "services.cli")


@pytest.fixture
def suite(kafka: Broker, redis_url: str, tmp_path: Path, topic_prefix: str) -> Iterator[ObservedSuite]:
    suite = ObservedSuite(kafka.bootstrap, redis_url, tmp_path, topic_prefix)
    yield suite
    suite.close()


def newsloom(suite: ObservedSuite, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "NEWSLOOM_KAFKA_BOOTSTRAP": suite.settings.kafka_bootstrap,
        "NEWSLOOM_TOPIC_PREFIX": suite.settings.topic_prefix,
    }
    return subprocess.run(
        [*NEWSLOOM, *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_top_tells_of_unread_records_outcomes_dead_letters_and_outlets(suite: ObservedSuite) -> None:
    suite.publish([raw(number) for number in range(6)] + [b"no json"])
    done = newsloom(suite, "top", "--count", "1", "--interval-seconds", "0.5")
    assert done.returncode == 0, done.stderr
    [idle] = [json.loads(line) for line in done.stdout.splitlines()]
    services: dict[str, dict[str, Any]] = {row["service"]: row for row in idle["services"]}
    assert list(services) == list(SERVICES)
    assert (services["cleaner"]["workers"], services["cleaner"]["lag_records"]) == (0, 7)
    assert services["cleaner"]["lag_seconds"] > 0
    suite.start("cleaner")
    suite.ready("cleaner")
    eventually(lambda: len(suite.records("clean-articles")) == 6, 30)
    eventually(lambda: suite.records("cleaner-dead-letters"), 30)

    def settled() -> dict[str, Any] | None:
        done = newsloom(suite, "top", "--count", "2", "--interval-seconds", "0.5", "--json")
        pictures = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(pictures) == 2, done.stderr
        return pictures[1] if pictures[1]["services"][0]["lag_records"] == 0 else None

    last = eventually(settled, 60)
    cleaner = last["services"][0]
    assert (cleaner["workers"], cleaner["dead_letters"]) == (1, 1)
    assert last["gap"] == 0
    assert [(row["outlet"], row["articles"]) for row in last["outlets"]] == [("harbour-ledger", 6)]
    assert {row["topic"]: row["records"] for row in last["topics"]}["clean-articles"] == 6
    # what the dead letter was, byte for byte, and what became of it
    [letter] = suite.records("cleaner-dead-letters")
    about = {name: value.decode() for name, value in letter.headers}
    place = "/".join(about[f"__connect.errors.{part}"] for part in ("topic", "partition", "offset"))
    assert newsloom(suite, "record", place, "--value").stdout == "no json"
    shown = json.loads(newsloom(suite, "record", place, "--json").stdout)
    assert [(fate["outcome"], fate["reason"]) for fate in shown["fates"]] == [("dead_lettered", "decode_error")]
    assert newsloom(suite, "tail", "raw-articles", "--last", "50").stdout.count("\n") >= 7
    silent = json.loads(newsloom(suite, "outlets", "Harbour Ledger", "--json").stdout)
    assert (silent["outlet"], silent["articles"], silent["publisher"]) == ("harbour-ledger", 6, "tests")


def test_top_without_a_broker_says_what_to_do(suite: ObservedSuite) -> None:
    away = {**os.environ, "NEWSLOOM_KAFKA_BOOTSTRAP": f"127.0.0.1:{free_port()}"}
    done = subprocess.run(
        [*NEWSLOOM, "top", "--count", "1"], cwd=REPOSITORY, env=away, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 69
    assert "newsloom up" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_person_sees_what_is_wrong_in_red() -> None:
    outcomes = {"emitted": 5, "discarded": 1, "dead_lettered": 2, "missing": 1}
    picture = Picture(
        at="2026-03-02T08:00:00+00:00",
        gap=1,
        services=(ServiceRow("cleaner", 0, 12, 4000.0, 0.0, outcomes, 2),),
        topics=(TopicRow("raw-articles", 1.5, 20),),
        outlets=(OutletRow("harbour\x1b[31mledger", 3, 90.0, 0.87),),
    )
    console = Console(width=140, force_terminal=True, color_system="standard", record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(render(picture))
    console.file.close()
    text = console.export_text(clear=False)
    assert "1 records WITHOUT outcome" in text
    assert "1.1 h" in text
    assert "87%" in text
    assert "\x1b[31mledger" not in text, "an outlet's name cannot colour the terminal"


@pytest.mark.parametrize("width", [80, 140])
def test_every_header_and_figure_is_whole_on_a_narrow_and_on_a_wide_screen(width: int) -> None:
    outcomes = {"emitted": 1234567, "discarded": 34567, "dead_lettered": 12, "missing": 1}
    picture = Picture(
        at="2026-03-02T08:00:00+00:00",
        gap=1,
        services=(ServiceRow("duplicates", 2, 123456, 4000.0, 1234.5, outcomes, 54321),),
        topics=(TopicRow("duplicate-clusters", 12.5, 7654321),),
        outlets=(OutletRow("harbour-ledger", 3, 90.0, 0.87), OutletRow("a-very-long-name-" * 6, 1, 1.0, 0.5)),
    )
    written = StringIO()
    Console(file=written, width=width).print(render(picture))
    shown = written.getvalue()
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    words = [
        "oldest unread",
        "records/s",
        "discarded",
        "dead-lettered",
        "missing",
        "dead letters",
        "kept",
        "silent for",
    ]
    figures = ["1234567", "34567", "123456", "1234.5", "54321", "7654321", "87%"]
    assert [word for word in (*words, *figures) if word not in shown] == []
    assert "Busiest outlets, from 5 minutes before" in shown
    # one table where there is room for it
    assert ("Services, with outcomes since" in shown) == (width == 140)


def test_observe_uses_the_deployed_configuration() -> None:
    deployed = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    ours = prometheus_config({"cleaner": "127.0.0.1:1"})
    assert ours["global"] == deployed["global"]
    [job], [other] = ours["scrape_configs"], [j for j in deployed["scrape_configs"] if j["job_name"] == "newsloom"]
    assert (job["job_name"], job["honor_labels"]) == (other["job_name"], other["honor_labels"])
    assert Path(ours["rule_files"][0]).parent == DEPLOY / "prometheus/rules"


class Pages(BaseHTTPRequestHandler):
    """A Prometheus that has these pages, and no others."""

    there: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        self.send_response(200 if self.path in self.there else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        del format, args


@pytest.mark.parametrize(
    ("there", "page"),
    [
        ({"/-/ready", "/alerts"}, "/alerts"),
        ({"/-/ready", "/alerts", "/classic/alerts"}, "/alerts"),
        ({"/-/ready", "/classic/alerts"}, "/classic/alerts"),
        ({"/-/ready"}, "/"),
        (set[str](), "/"),
    ],
)
def test_the_alerts_are_where_this_prometheus_has_them(there: set[str], page: str, tmp_path: Path) -> None:
    handler = type("Handler", (Pages,), {"there": there})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    folder = tmp_path / "prometheus"
    folder.mkdir()
    (folder / "address").write_text(address)
    running = StackProcess(name="prometheus", pid=1, started=1, restarts=0, last_exit_code=None, log=tmp_path)
    state = StackState(pid=1, started=1, phase="running", folder=tmp_path, processes=(running,))
    try:
        assert describe_prometheus(state) == f"Prometheus {address}"
        assert find_alerts(folder, address, within_seconds=0.3) == address + page
        assert describe_prometheus(state) == f"Prometheus {address}, with the alerts at {address}{page}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.long
def test_up_observe_runs_observer_and_prometheus_and_leaves_nothing(tmp_path: Path) -> None:
    tool("prometheus")
    log = tmp_path / "up.log"
    with log.open("wb") as output:
        up = subprocess.Popen(
            [*NEWSLOOM, "up", "--observe", "--services", "cleaner"],
            cwd=REPOSITORY,
            env={**os.environ, "NEWSLOOM_LOCAL_DATA_FOLDER": str(tmp_path / "stack"), "COLUMNS": "200"},
            stdout=output,
            stderr=output,
        )
    try:
        found = eventually(lambda: re.search(r"Prometheus (http://[\d.:]+),", log.read_text()), 60)
        url = found[1]
        alerts = eventually(lambda: re.search(r"with the alerts at (\S+)", log.read_text()), 60)
        with urllib.request.urlopen(alerts[1], timeout=5) as answer:
            assert answer.status == 200

        def scraped() -> bool:
            try:
                with urllib.request.urlopen(f"{url}/api/v1/query?query=sum(newsloom_ready)", timeout=2) as answer:
                    result = json.load(answer)["data"]["result"]
            except OSError:
                return False
            return bool(result) and float(result[0]["value"][1]) == 2

        eventually(scraped, 90, every_seconds=0.5, message=log.read_text())
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(timeout=60)
    with pytest.raises(OSError):  # noqa: PT011  # refused, reset: whatever the system calls it
        urllib.request.urlopen(f"{url}/-/ready", timeout=2)
