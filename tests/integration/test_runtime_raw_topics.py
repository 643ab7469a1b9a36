"""The cleaner's input can be several topics, by setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.commands.pipeline import create_topics
from services.local.broker import Broker
from services.runtime.settings import RuntimeSettings
from tests.newsroom import made_articles
from tests.suite import Suite


def test_raw_articles_are_read_from_every_topic_that_the_setting_names(
    kafka: Broker, redis_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLOOM_RAW_TOPICS", "raw-articles, archive-pages")
    create_topics(RuntimeSettings(kafka_bootstrap=kafka.bootstrap, topic_prefix=topic_prefix), partitions=2)
    articles = list(made_articles(8, copied=0))
    with Suite(kafka.bootstrap, redis_url, prefix=topic_prefix, folder=tmp_path) as suite:
        suite.publish([article.raw() for article in articles[:4]])
        suite.publish([article.raw() for article in articles[4:]], topic="archive-pages")
        suite.start(["cleaner"])
        suite.wait_until_done(["cleaner"])
        found = suite.records("clean-articles")
    assert len({record.key for record in found}) == 8
    origins = {dict(record.headers)["newsloom.source.topic"].decode() for record in found}
    assert origins == {f"{topic_prefix}raw-articles", f"{topic_prefix}archive-pages"}
