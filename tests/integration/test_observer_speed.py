"""What watching costs: `pytest -m benchmark tests/integration/test_observer_speed.py -s` prints it."""

from __future__ import annotations

import json
import resource
import time

import pytest
from pydantic import SecretStr

from schemas.topics import ALL_TOPICS, CLEAN_ARTICLES
from services.local.broker import Broker
from services.observer.audit import Audit
from services.observer.stages import stages
from services.observer.watch import look_at_kafka
from services.runtime.kafka import Admin, Publisher
from services.runtime.settings import RuntimeSettings
from tests.deployment import REPOSITORY

pytestmark = pytest.mark.benchmark
_ARTICLES = 20_000


def test_the_observer_keeps_up_with_thousands_of_articles_a_second(
    kafka: Broker, redis_url: str, topic_prefix: str
) -> None:
    settings = RuntimeSettings(
        kafka_bootstrap=kafka.bootstrap, redis_url=SecretStr(redis_url), topic_prefix=topic_prefix
    )
    with Admin(settings) as admin:
        admin.create_topics(ALL_TOPICS, prefix=topic_prefix)
    audit = Audit(settings, stages(), window_seconds=3600, outlets=200, alive=lambda: None)
    started = time.monotonic()
    audit.look()
    idle = time.monotonic() - started
    article = json.loads((REPOSITORY / "schemas/examples/clean-articles/full.json").read_text())
    article["text"] = "word " * 700
    with Publisher(settings) as publisher:
        for number in range(_ARTICLES):
            article["outlet"]["id"] = f"outlet-{number % 150}"
            headers = (
                ("newsloom.source.topic", f"{topic_prefix}raw-articles".encode()),
                ("newsloom.source.partition", b"0"),
                ("newsloom.source.offset", b"%d" % number),
            )
            publisher.send(topic_prefix + CLEAN_ARTICLES.name, b"%d" % number, json.dumps(article).encode(), headers)
        publisher.flush()
    started, used = time.monotonic(), time.process_time()
    audit.look()
    seconds, used = time.monotonic() - started, time.process_time() - used
    started = time.monotonic()
    look_at_kafka(settings, stages())
    lag = time.monotonic() - started
    print(
        f"\nlook with nothing new {idle:.2f} s; {_ARTICLES} clean articles of {len(json.dumps(article))} bytes: "
        f"{_ARTICLES / seconds:.0f}/s ({used / _ARTICLES * 1e6:.0f} µs of processor each); "
        f"lag of three groups over 36 partitions with a backlog {lag:.2f} s; "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB resident"
    )
    assert sum(row.articles for row in audit.board.rows) == _ARTICLES
    assert _ARTICLES / seconds > 1000
