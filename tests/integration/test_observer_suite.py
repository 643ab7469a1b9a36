"""The observer on a real Kafka and Redis, with the real services: it tells what a dead worker cannot."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.local.broker import Broker
from services.local.redis_server import RedisServer
from tests.observed import ObservedSuite, raw
from tests.support import eventually


@pytest.fixture
def suite(kafka: Broker, redis_url: str, tmp_path: Path, topic_prefix: str) -> Iterator[ObservedSuite]:
    suite = ObservedSuite(kafka.bootstrap, redis_url, tmp_path, topic_prefix)
    yield suite
    suite.close()


def samples(suite: ObservedSuite, name: str, **labels: str) -> float:
    """The sum of the samples of the observer's metric `name` that have `labels`."""
    status, text = suite.get("observer", "/metrics")
    assert status == 200
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_lag_dead_letters_outlets_and_conservation_are_those_of_the_topics(suite: ObservedSuite) -> None:
    suite.start("observer")
    suite.ready("observer")
    suite.publish([raw(number) for number in range(20)] + [b"no json", b"[]", b'{"url": "x"}'])
    # nobody reads yet: all of it is lag, and it ages
    eventually(lambda: samples(suite, "newsloom_consumer_lag_records", service="cleaner") >= 23)
    eventually(lambda: samples(suite, "newsloom_consumer_lag_seconds", service="cleaner") > 1.5)
    assert samples(suite, "newsloom_group_members", service="cleaner") == 0
    suite.start("cleaner")
    suite.ready("cleaner")
    eventually(lambda: samples(suite, "newsloom_consumer_lag_records", service="cleaner") <= 1)
    eventually(lambda: samples(suite, "newsloom_group_members", service="cleaner") == 1)
    eventually(
        lambda: samples(suite, "newsloom_dead_letter_depth_records", service="cleaner", reason="decode_error") == 1
    )
    eventually(lambda: samples(suite, "newsloom_dead_letter_depth_records", service="cleaner", reason="invalid") == 2)
    eventually(
        lambda: samples(suite, "newsloom_audited_records_total", service="cleaner", outcome="dead_lettered") == 3
    )
    eventually(lambda: samples(suite, "newsloom_audited_records_total", service="cleaner", outcome="emitted") >= 20)
    assert samples(suite, "newsloom_conservation_gap_records") == 0
    assert samples(suite, "newsloom_outlet_articles_total") == 20
    assert samples(suite, "newsloom_outlet_last_seen_timestamp_seconds") > 1e9
    quality = samples(suite, "newsloom_outlet_quality_ratio_sum")
    assert 0 < quality <= 20


@pytest.mark.long
def test_a_heartbeat_comes_out_of_every_service_and_stays_away_with_one_of_them(suite: ObservedSuite) -> None:
    for name in ("cleaner", "entities", "duplicates", "observer"):
        suite.start(name)
    suite.ready("cleaner", "entities", "duplicates", "observer")
    for name in ("cleaner", "entities", "duplicates"):
        eventually(lambda name=name: samples(suite, "newsloom_heartbeat_seconds_count", service=name) >= 2, 40)
    # consumers are told nothing: withdrawals of articles that never were
    assert suite.records("duplicate-alerts") == []
    assert {record.value for record in suite.records("article-entities")} == {None}

    def last(service: str) -> float:
        return samples(suite, "newsloom_heartbeat_last_timestamp_seconds", service=service)

    def others_go_on() -> None:
        before = last("duplicates")
        eventually(lambda: last("duplicates") > before + 5, 40)

    suite.stop("entities", signal.SIGKILL)
    # what it had written before is seen, however late
    others_go_on()
    silent = last("entities")
    others_go_on()
    assert last("entities") == silent
    assert samples(suite, "newsloom_conservation_gap_records") == 0


def test_a_record_that_a_worker_acknowledged_and_forgot_is_missed_and_named(suite: ObservedSuite) -> None:
    suite.start("observer")
    # a cleaner whose outcomes for some records never reach a topic, with the offsets committed all the same
    suite.start("cleaner", "tests.integration.forgetful_cleaner")
    suite.ready("cleaner", "observer")
    suite.publish([raw(number) for number in range(10)] + [raw(100, headline="forget this headline")])
    eventually(lambda: samples(suite, "newsloom_conservation_gap_records", service="cleaner") == 1, 40)
    assert samples(suite, "newsloom_audited_records_total", service="cleaner", outcome="missing") == 1
    assert "record has no outcome" in suite.log("observer")
    assert "member_metadata" not in suite.log("observer")
    eventually(lambda: samples(suite, "newsloom_audited_records_total", service="cleaner", outcome="emitted") >= 10)
    suite.stop("observer")
    # a new observer begins at what is committed now: no false gap
    suite.start("observer")
    suite.ready("observer")
    suite.publish([raw(number) for number in range(200, 205)])
    eventually(lambda: samples(suite, "newsloom_audited_records_total", service="cleaner", outcome="emitted") >= 5)
    assert samples(suite, "newsloom_conservation_gap_records") == 0
    # the outlet is still known: the board was kept in Redis
    assert samples(suite, "newsloom_outlet_articles_total") >= 15


@pytest.mark.long
def test_it_stays_up_without_redis_and_says_so(kafka: Broker, tmp_path: Path, topic_prefix: str) -> None:
    with RedisServer() as redis:
        suite = ObservedSuite(kafka.bootstrap, redis.url, tmp_path, topic_prefix)
        try:
            suite.start("observer")
            suite.ready("observer")
            assert samples(suite, "newsloom_redis_up") == 1
            assert samples(suite, "newsloom_redis_used_memory_bytes") > 100_000
            redis.stop()
            eventually(lambda: samples(suite, "newsloom_redis_up") == 0)
            assert "redis" in suite.get("observer", "/readyz")[1]
            assert suite.get("observer", "/healthz")[0] == 200
            redis.start()
            eventually(lambda: samples(suite, "newsloom_redis_up") == 1)
            suite.ready("observer")
            assert suite.stop("observer") == 0
        finally:
            suite.close()


@pytest.mark.long
def test_a_broker_that_is_away_at_the_start_is_waited_for_and_a_wrong_setting_is_named(
    tmp_path: Path, redis_url: str
) -> None:
    with Broker() as broker:
        suite = ObservedSuite(broker.bootstrap, redis_url, tmp_path)
        try:
            broker.stop()
            suite.start("observer")
            eventually(lambda: "look failed" in suite.log("observer"), 40)
            assert suite.get("observer", "/healthz")[0] == 200
            broker.start()
            suite.ready("observer")
            suite.stop("observer")
            suite.start("observer", NEWSLOOM_OBSERVER_OUTLETS="many")
            assert suite.processes["observer"].wait(timeout=20) == 78
            assert "NEWSLOOM_OBSERVER_OUTLETS" in suite.log("observer")
        finally:
            suite.close()
