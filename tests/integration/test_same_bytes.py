"""`newsloom process` and the Kafka path write the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.local import sample
from services.local.broker import Broker
from tests.newsroom import made_articles
from tests.suite import REPOSITORY, Suite


def process(service: str, source: Path, output: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "services.cli", "process", service),
            *("--input", str(source), "--output", f"{output}/", "--dead-letters", f"{output}.letters"),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr


def sample_values() -> list[bytes]:
    """The sample set's records that are one line each, and some made-up copies, in one order."""
    values = [value for _, value in sample.raw_records(key_of=lambda url: url) if b"\n" not in value]
    return values + [article.raw() for article in made_articles(60, copied=8, copies=3)]


@pytest.mark.timeout(280)
def test_process_and_the_kafka_path_give_byte_equal_values(
    kafka: Broker, redis_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    values = sample_values()
    raw = tmp_path / "raw.jsonl"
    raw.write_bytes(b"".join(value + b"\n" for value in values))
    environment = {"NEWSLOOM_CLEANER_OUTLETS_FILE": str(sample.outlets_path())}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        process("cleaner", raw, tmp_path / "cleaner")
        clean = tmp_path / "cleaner" / "clean-articles.jsonl"
        process("entities", clean, tmp_path / "entities")
        process("duplicates", clean, tmp_path / "duplicates")
    with Suite(
        kafka.bootstrap, redis_url, prefix=topic_prefix, folder=tmp_path, partitions=1, environment=environment
    ) as suite:
        suite.publish(values, key=b"one partition")
        suite.start()
        suite.wait_until_done()
        for service, topics in {
            "cleaner": ["clean-articles"],
            "entities": ["article-entities"],
            "duplicates": ["duplicate-alerts", "article-revisions", "duplicate-clusters"],
        }.items():
            for topic in topics:
                lines = (tmp_path / service / f"{topic}.jsonl").read_bytes().splitlines()
                assert suite.values(topic) == lines, topic
                assert lines, f"{topic} shows nothing"
        assert json.loads(lines[0])["schema_version"] == "1"
