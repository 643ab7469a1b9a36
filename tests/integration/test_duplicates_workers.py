"""The same pairs and the same members through `newsloom process duplicates` and through Kafka with three workers."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.articles import CleanArticle
from schemas.topics import CLEAN_ARTICLES, DUPLICATE_ALERTS, DUPLICATE_CLUSTERS
from services.local.broker import Broker
from services.runtime.kafka import Publisher
from tests.duplicates_support import WordMill, article, pairs_and_members
from tests.suite import REPOSITORY, Suite
from tests.support import eventually

MILL = WordMill(53)
WORKERS = 3


def _events() -> list[CleanArticle]:
    """300 articles of as many outlets: families of copies, texts that unite two families, and texts alone."""
    chance = random.Random(9)
    bases = [MILL.text(140) for _ in range(45)]
    texts = [MILL.edited(chance.choice(bases), 0.02) for _ in range(215)]
    texts += ["\n".join(chance.sample(bases, 2)) for _ in range(5)]
    texts += [MILL.text(140) for _ in range(80)]
    chance.shuffle(texts)
    return [
        article(text, name=f"w{place}", outlet=f"Outlet {place}", minutes=place / 10)
        for place, text in enumerate(texts)
    ]


@pytest.mark.long
@pytest.mark.timeout(280)
def test_three_workers_find_what_one_process_finds(
    kafka: Broker, redis_url: str, fresh_redis, topic_prefix: str, tmp_path: Path
) -> None:
    events = _events()
    source = tmp_path / "clean.jsonl"
    source.write_bytes(b"".join(event.to_bytes() + b"\n" for event in events))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSLOOM_REDIS_URL", fresh_redis().url)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "services.cli", "process", "duplicates", "--input", str(source)),
                *("--output", f"{tmp_path}/alone/", "--dead-letters", str(tmp_path / "letters")),
            ],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 0, done.stderr
    alone = pairs_and_members(
        (topic.name, line)
        for topic in (DUPLICATE_ALERTS, DUPLICATE_CLUSTERS)
        for line in (tmp_path / "alone" / f"{topic.name}.jsonl").read_bytes().splitlines()
    )
    assert len(alone[0]) > 300
    assert 20 < len(alone[1]) < 45

    with Suite(kafka.bootstrap, redis_url, prefix=topic_prefix, folder=tmp_path, partitions=6) as suite:
        for number in range(WORKERS):
            suite.start(["duplicates"], number=number)
        eventually(lambda: all(suite.get("/readyz", f"duplicates-{number}")[0] == 200 for number in range(WORKERS)), 60)
        with Publisher(suite.settings) as publisher:
            for event in events:
                publisher.send(topic_prefix + CLEAN_ARTICLES.name, event.article_id.encode(), event.to_bytes())
            publisher.flush()
        suite.wait_until_done(["duplicates"])
        together = pairs_and_members(
            (topic.name, record.value)
            for topic in (DUPLICATE_ALERTS, DUPLICATE_CLUSTERS)
            for record in suite.records(topic.name)
        )
        shares = [_records(suite.get("/metrics", f"duplicates-{number}")[1]) for number in range(WORKERS)]
    assert sum(shares) == len(events)
    assert min(shares) > 0
    assert together == alone


def _records(metrics: str) -> float:
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith("newsloom_records_total{")
    )
