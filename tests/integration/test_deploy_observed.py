"""The deployed Prometheus configuration, rules and dashboards against the real suite."""

from __future__ import annotations

import importlib.util
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from schemas.topics import SERVICES
from services.local.broker import Broker
from services.local.redis_server import RedisServer
from services.local.sample import raw_records
from tests.deployment import DEPLOY
from tests.observed import ALL_WORKERS, ObservedSuite, Prometheus, raw
from tests.support import eventually, report

pytestmark = pytest.mark.long


def generator() -> ModuleType:
    """deploy/grafana/generate.py, which is no package."""
    spec = importlib.util.spec_from_file_location("generate_dashboards", DEPLOY / "grafana/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def with_variables(expression: str) -> str:
    """A panel's query as Grafana would send it for a fast scrape."""
    filled = {"$__rate_interval": "30s", "$service": "cleaner", "$outlet": ".+"}
    for name, value in filled.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


COPY = "\n".join(
    f"The harbour board of Eastwick voted on Tuesday to deepen berth {number}, and the {number + 3} dredgers that it "
    f"hired in the spring will start at the northern quay before the week of the regatta is over, its clerk said."
    for number in range(8)
)


def sample_pages() -> list[bytes]:
    """Pages of our own: 60 articles, copy carried by three outlets, a refetch, and records that are none."""
    pages = [raw(number, outlet=f"Harbour Ledger {number % 4}") for number in range(60)]
    pages += [
        raw(500 + number, COPY, outlet=name) for number, name in enumerate(("Quay Post", "Tide Mail", "Mole News"))
    ]
    pages += [pages[0], raw(900, "Too short."), b"no json", b"[]"]
    return pages


@pytest.fixture(scope="module")
def suite(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedSuite]:
    # a Redis of its own: an index that another test filled with the same articles would make them known, not alerts
    with RedisServer() as redis:
        suite = ObservedSuite(kafka.bootstrap, redis.url, tmp_path_factory.mktemp("suite"), "observed-")
        try:
            for name in ALL_WORKERS:
                suite.start(name)
            suite.ready(*ALL_WORKERS)
            yield suite
        finally:
            suite.close()


@pytest.fixture(scope="module")
def prometheus(suite: ObservedSuite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), suite.targets)
    yield prometheus
    prometheus.close()


def test_every_query_of_every_panel_and_rule_returns_data_where_it_is_due(
    suite: ObservedSuite, prometheus: Prometheus
) -> None:
    targets = eventually(
        lambda: [t for t in prometheus.get("targets")["activeTargets"] if t["health"] == "up"], message="scraped"
    )
    eventually(lambda: len(prometheus.query('up{job="newsloom"} == 1')) == len(ALL_WORKERS), message=str(targets))
    before = prometheus.value("sum(newsloom_published_total)")
    assert before is not None
    # a rate needs records before and after: published in two halves
    suite.publish([value for _, value in raw_records()])
    pages = sample_pages()
    suite.publish(pages[:30])
    eventually(lambda: (prometheus.value('sum(newsloom_records_total{service="duplicates"})') or 0) >= 30, 60)
    suite.publish(pages[30:])
    eventually(lambda: (prometheus.value("sum(newsloom_dead_letter_depth_records)") or 0) >= 2, 60)
    eventually(lambda: (prometheus.value("sum(newsloom_duplicate_alerts_total)") or 0) >= 2, 60)
    eventually(lambda: (prometheus.value("sum(newsloom_heartbeat_seconds_count)") or 0) >= 6, 60)
    executed = panels = 0
    empty: list[str] = []
    for uid, (_, by_title) in generator().build().items():
        for title, queries in by_title.items():
            panels += 1
            for query in queries:
                executed += 1
                # a look takes a second and a rate two scrapes
                found = (
                    eventually(
                        lambda query=query: prometheus.query(with_variables(query.expr)) or query.quiet or None,
                        within_seconds=20,
                        every_seconds=0.3,
                        message=f"{uid}: {title}: {query.expr}",
                    )
                    if not query.quiet
                    else prometheus.query(with_variables(query.expr))
                )
                if not found:
                    empty.append(f"{uid}: {title}")
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
    alerts = [rule for rule in rules if rule["type"] == "alerting"]
    recorded = [rule for rule in rules if rule["type"] == "recording"]
    report(
        f"{len(generator().build())} dashboards: {panels} panels with queries, {executed} queries executed on a real "
        f"Prometheus, {len(empty)} of the quiet ones empty; {len(recorded)} recording rules and {len(alerts)} alerts "
        "evaluated"
    )
    assert executed > 100
    assert len(alerts) == len(
        yaml.safe_load((DEPLOY / "prometheus/rules/alerts.yml").read_text())["groups"][0]["rules"]
    )
    # a healthy suite with a few bad records wakes nobody
    assert prometheus.firing() <= {"NewsloomRedisNotPersistent"}


def test_what_prometheus_tells_is_what_was_published(suite: ObservedSuite, prometheus: Prometheus) -> None:
    for service in SERVICES:
        audited = f'sum(newsloom_audited_records_total{{service="{service}", outcome!="missing"}})'
        counted = f'sum(newsloom_records_total{{service="{service}"}})'

        def agree(audited: str = audited, counted: str = counted) -> bool:
            return prometheus.value(f"abs({audited} - {counted}) <= 2") is not None

        eventually(agree, 30, message=f"{service}: {prometheus.query(audited)} {prometheus.query(counted)}")
    assert prometheus.value("sum(newsloom_conservation_gap_records)") == 0

    def carried() -> dict[tuple[str, str], float]:
        found = prometheus.query("newsloom_duplicate_carried_articles_total")
        return {(labels["outlet"], labels["earliest_outlet"]): value for labels, value in found}

    # the copy of one outlet's report in two others
    eventually(lambda: sum(carried().values()) >= 2, 60, message=f"pairs of outlets: {carried()}")


def test_the_record_that_was_late_or_slow_is_told_beside_the_histograms(
    suite: ObservedSuite, prometheus: Prometheus
) -> None:
    suite.publish([raw(700)])

    def exemplars(metric: str) -> list[dict[str, str]]:
        now = time.time()
        found = prometheus.get("query_exemplars", query=f"{metric}_bucket", start=str(now - 600), end=str(now))
        return [
            {"service": series["seriesLabels"]["service"], **each["labels"]}
            for series in found
            for each in series["exemplars"]
        ]

    for metric in ("newsloom_freshness_seconds", "newsloom_processing_seconds"):
        eventually(
            lambda metric=metric: {each["service"] for each in exemplars(metric)} >= set(SERVICES),
            40,
            message=f"{metric}: each service has an exemplar",
        )
    # each names a record that is there, and the trace that stands in the headers of what the record led to
    told = [each for each in exemplars("newsloom_freshness_seconds") if each["service"] == "entities"]
    assert told
    # asked after Prometheus was: heartbeats keep coming, and their exemplars with them
    traces: dict[str, str] = {}
    for record in suite.records("article-entities"):
        about = {name: value.decode() for name, value in record.headers}
        source = "/".join(about[f"newsloom.source.{part}"] for part in ("topic", "partition", "offset"))
        traces[source] = about["traceparent"].split("-")[1]
    assert {each["record"]: each["trace_id"] for each in told}.items() <= traces.items()
    report(f"{len(told)} exemplars of freshness for the entities, each with the record and the trace of its event")


def test_an_empty_prometheus_answers_every_query_without_an_error(tmp_path: Path) -> None:
    prometheus = Prometheus(tmp_path, {})
    try:
        for _, by_title in generator().build().values():
            for queries in by_title.values():
                for query in queries:
                    prometheus.query(with_variables(query.expr))
    finally:
        prometheus.close()


def test_a_killed_service_wakes_somebody_and_all_is_quiet_once_it_is_back(
    kafka: Broker, redis_url: str, tmp_path: Path, topic_prefix: str
) -> None:
    suite = ObservedSuite(kafka.bootstrap, redis_url, tmp_path / "suite", topic_prefix)
    prometheus: Prometheus | None = None
    try:
        for name in ALL_WORKERS:
            suite.start(name)
        suite.ready(*ALL_WORKERS)
        # the deployed rules with time run thirty times faster: two minutes are four seconds
        prometheus = Prometheus(tmp_path / "prometheus", suite.targets, hasten=30)
        suite.publish([raw(number) for number in range(20)])
        eventually(lambda: (prometheus.value("min(newsloom_group_members)") or 0) >= 1, 40)
        eventually(lambda: not _named(prometheus, "NewsloomServiceDown"), 40)
        broken = time.monotonic()
        suite.stop("entities", signal.SIGKILL)
        suite.publish([raw(number) for number in range(100, 120)])
        alert = eventually(lambda: _named(prometheus, "NewsloomServiceDown"), 60, message="the alert fires")
        fired = time.monotonic()
        assert [each["labels"]["service"] for each in alert] == ["entities"]
        [annotations] = [each["annotations"] for each in alert]
        assert annotations["summary"] == "entities: no worker is in the consumer group"
        assert not any("<no value>" in text or "%!" in text for text in annotations.values())
        anchor = annotations["runbook_url"].split("#")[1]
        assert anchor == "newsloomservicedown"
        # the lag is seen from outside, and nothing is lost meanwhile
        eventually(lambda: (prometheus.value('service:newsloom_lag_records:sum{service="entities"}') or 0) >= 20, 40)
        suite.start("entities")
        eventually(lambda: not _named(prometheus, "NewsloomServiceDown"), 150, message="the alert resolves")
        eventually(lambda: prometheus.value('service:newsloom_lag_records:sum{service="entities"}') == 0, 90)
        assert prometheus.value("sum(newsloom_conservation_gap_records)") == 0
        report(f"NewsloomServiceDown fired {fired - broken:.0f} s after SIGKILL (time 30 times faster), then resolved")
    finally:
        if prometheus is not None:
            prometheus.close()
        suite.close()


def test_a_forgotten_record_and_a_broken_publisher_each_wake_somebody(
    kafka: Broker, redis_url: str, tmp_path: Path, topic_prefix: str
) -> None:
    suite = ObservedSuite(kafka.bootstrap, redis_url, tmp_path / "suite", topic_prefix)
    prometheus: Prometheus | None = None
    try:
        suite.start("cleaner", "tests.integration.forgetful_cleaner")
        suite.start("observer", NEWSLOOM_OBSERVER_AUDIT_WINDOW_SECONDS="15")
        suite.ready("cleaner", "observer")
        prometheus = Prometheus(tmp_path / "prometheus", suite.targets, hasten=30)
        eventually(lambda: (prometheus.value("sum(newsloom_ready)") or 0) == 2, 30)
        suite.publish([raw(number) for number in range(10)] + [raw(100, headline="forget this headline")])
        [alert] = eventually(lambda: _named(prometheus, "NewsloomConservationGap"), 40, message="the gap is told")
        assert alert["annotations"]["summary"] == "cleaner: 1 acknowledged records have no outcome"
        # the observer's log names the record, as the runbook says
        assert re.search(r'"record": "[\w-]*raw-articles/\d/\d+"', suite.log("observer"))
        eventually(lambda: not _named(prometheus, "NewsloomConservationGap"), 60, message="its window is over")
        # a publisher that sends something else: two in five
        for start in range(200, 320, 20):
            suite.publish([b"{}" if number % 5 < 2 else raw(number) for number in range(start, start + 20)])
            counted = f'sum(newsloom_records_total{{service="cleaner"}}) >= {start - 180}'
            eventually(lambda counted=counted: prometheus.value(counted), 40)
        [alert] = eventually(lambda: _named(prometheus, "NewsloomDeadLetterRatioHigh"), 40, message="the ratio is told")
        assert "%" in alert["annotations"]["summary"]
        eventually(lambda: not _named(prometheus, "NewsloomDeadLetterRatioHigh"), 90, message="it is over")
        report("NewsloomConservationGap and NewsloomDeadLetterRatioHigh fired on real faults, then resolved")
    finally:
        if prometheus is not None:
            prometheus.close()
        suite.close()


def _named(prometheus: Prometheus, name: str) -> list[dict[str, dict[str, str]]]:
    found = prometheus.get("alerts")["alerts"]
    return [alert for alert in found if alert["labels"]["alertname"] == name and alert["state"] == "firing"]


def test_every_metric_that_a_worker_serves_has_a_good_name(suite: ObservedSuite) -> None:
    for name in ALL_WORKERS:
        status, body = suite.get(name, "/metrics")
        assert status == 200
        for line in body.splitlines():
            if found := re.match(r"# TYPE (newsloom_\w+) (\w+)", line):
                metric, kind = found.groups()
                assert (kind == "counter") == metric.endswith("_total"), line
                assert not re.search(r"_(milliseconds|ms|minutes|kilobytes|percent)(_|$)", metric), line
