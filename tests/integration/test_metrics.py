"""Every service's /metrics is valid exposition format, and known labels start at zero."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.dead_letters import DEAD_LETTER_REASONS
from schemas.topics import SERVICES
from services.local.broker import Broker
from services.local.redis_server import RedisServer
from tests.suite import Suite


@pytest.fixture(scope="module")
def suite(kafka: Broker, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Suite]:
    folder = tmp_path_factory.mktemp("metrics")
    with Suite(kafka.bootstrap, redis_server.url, prefix="test-metrics-", folder=folder, partitions=1) as suite:
        suite.start()
        suite.wait_until_ready()
        yield suite


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_valid_and_known_labels_are_zero(suite: Suite, service: str) -> None:
    status, text = suite.get("/metrics", f"{service}-0")
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert len(families) > 20
    ours = [family for name, family in families.items() if name.startswith("newsloom_")]
    for family in ours:
        assert family.documentation, family.name
        assert family.type in ("counter", "gauge", "histogram"), family.name
    records = {
        (sample.labels["outcome"], sample.labels["reason"]): sample.value
        for sample in families["newsloom_records"].samples
        if sample.name == "newsloom_records_total"
    }
    assert set(records.values()) == {0.0}
    assert {("dead_lettered", reason) for reason in DEAD_LETTER_REASONS} < set(records)
    assert ("emitted", "") in records
