"""The README's examples for publishers and consumers, run as they are printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from services.local.broker import Broker
from services.runtime.kafka import Admin
from services.runtime.settings import RuntimeSettings
from tests.newsroom import made_articles
from tests.suite import Suite
from tests.support import eventually

REPOSITORY = Path(__file__).resolve().parents[2]


def example(name: str) -> str:
    text = (REPOSITORY / "README.md").read_text()
    [code] = re.findall(rf"<!-- example: {name} -->\n```python\n(.*?)```", text, re.DOTALL)
    return code


def test_the_examples_publish_a_page_and_read_its_article(kafka: Broker, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(next(iter(made_articles(1, copied=0, seed=99))).html())
    environment = {**os.environ, "NEWSLOOM_KAFKA_BOOTSTRAP": kafka.bootstrap}
    # the examples name the topics without a prefix, as users do
    with Suite(kafka.bootstrap, redis_url, prefix="", folder=tmp_path, partitions=1) as suite:
        suite.start(["cleaner"])
        published = subprocess.run(
            [sys.executable, "-c", example("publish")], cwd=tmp_path, env=environment, capture_output=True, timeout=60
        )
        assert published.returncode == 0, published.stderr.decode()
        log = tmp_path / "consumer.txt"
        with (
            log.open("wb") as file,
            subprocess.Popen(
                [sys.executable, "-u", "-c", example("subscribe")], cwd=tmp_path, env=environment, stdout=file
            ) as consumer,
        ):
            try:
                eventually(lambda: "clean-articles" in log.read_text(), within_seconds=60)
            finally:
                consumer.terminate()
    topic, key, headline = log.read_text().splitlines()[0].split(" ", 2)
    assert (topic, len(key)) == ("clean-articles", 32)
    assert headline
    with Admin(RuntimeSettings(kafka_bootstrap=kafka.bootstrap)) as admin:
        assert "raw-articles" in admin.topic_names()
