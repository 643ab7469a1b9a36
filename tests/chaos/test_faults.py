"""Five hundred articles through all three services, with poison in the middle and each worker ended amid its work:
every id arrives, every pair of copies is in the alerts, and what came twice is byte-equal."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import cast

import pytest

from schemas.articles import CleanArticle, main_article_id, page_id
from schemas.duplicates import DuplicateAlert
from schemas.entities import ArticleEntities
from schemas.topics import SERVICES
from services.cleaner.urls import url_key
from services.local.broker import Broker
from tests.newsroom import MadeArticle, expected_pairs, made_articles
from tests.suite import Suite
from tests.support import eventually

COUNT = 500
POISON = (b"not json at all", b'{"fetched_at": "yesterday"}')


def article_id_of(article: MadeArticle) -> str:
    return main_article_id(page_id(url_key=url_key(article.url)))


def check_nothing_is_lost(suite: Suite, articles: list[MadeArticle]) -> None:
    """Every id on clean-articles and article-entities, every pair in the alerts, repeats byte-equal."""
    ids = {article_id_of(article): article.number for article in articles}
    clean_values = suite.values("clean-articles")
    clean = [CleanArticle.from_bytes(value) for value in set(clean_values)]
    assert {event.article_id for event in clean} == set(ids)
    assert len(clean) == len(ids), "an article came twice with different bytes"
    entity_values = set(suite.values("article-entities"))
    entities = [ArticleEntities.from_bytes(value) for value in entity_values]
    assert {event.article_id for event in entities} == set(ids)
    assert len(entities) == len(ids), "entities came twice with different bytes"
    alerts = cast("list[DuplicateAlert]", suite.events("duplicate-alerts", DuplicateAlert))
    assert len({alert.alert_id for alert in alerts}) == len(alerts), "an alert came twice with different bytes"
    pairs = {
        frozenset((ids[alert.article.article_id], ids[match.article.article_id]))
        for alert in alerts
        for match in alert.matches
    }
    expected = expected_pairs(articles)
    assert pairs == expected, f"missing {len(expected - pairs)}, more than there are {len(pairs - expected)}"


@pytest.mark.long
@pytest.mark.timeout(280)
def test_nothing_is_lost_over_poison_and_the_end_of_every_worker(
    kafka: Broker, redis_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    articles = list(made_articles(COUNT))
    values = [article.raw() for article in articles]
    for place, poison in enumerate(POISON, start=1):
        values.insert(place * COUNT // 3, poison)
    with Suite(kafka.bootstrap, redis_url, prefix=topic_prefix, folder=tmp_path) as suite:
        suite.start()
        suite.wait_until_ready()
        suite.publish(values)
        rng = random.Random(11)
        outputs = {"cleaner": "clean-articles", "entities": "article-entities", "duplicates": "duplicates-discards"}
        for number in (signal.SIGKILL, signal.SIGTERM):
            for service in SERVICES:
                # amid its work: it has written something and has more to read
                eventually(lambda topic=outputs[service]: suite.records(topic), within_seconds=60)
                time.sleep(rng.uniform(0.05, 0.4))  # a random moment; nothing waits for it
                before = suite.restarts()[f"{service}-0"]
                os.kill(suite.pids[f"{service}-0"], number)
                eventually(lambda name=f"{service}-0", seen=before: suite.restarts()[name] > seen, within_seconds=30)
        suite.wait_until_done(within_seconds=150)
        assert {name: count >= 2 for name, count in suite.restarts().items()} == {
            f"{service}-0": True for service in SERVICES
        }
        check_nothing_is_lost(suite, articles)
        letters = {record.value for record in suite.records("cleaner-dead-letters")}
        assert letters == set(POISON)
