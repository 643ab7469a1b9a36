"""The README's first command on the sample set: what came out is what had to, and nothing is left running."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from schemas.articles import CleanArticle, main_article_id, page_id
from schemas.duplicates import ArticleRevision, ClusterEvent, DuplicateAlert
from schemas.entities import ArticleEntities
from schemas.events import Event
from services.cleaner.urls import url_key
from services.local import sample
from services.local.sample import ExpectedArticle

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class DemoRun:
    code: int
    out: str
    err: str
    folder: Path

    def lines(self, topic: str) -> list[bytes]:
        return (self.folder / f"{topic}.jsonl").read_bytes().splitlines()

    def events(self, topic: str, kind: type[Event]) -> list[Event]:
        return [kind.from_bytes(line) for line in self.lines(topic)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "demo", "--output", str(folder)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "COLUMNS": "200"},
    )
    return DemoRun(done.returncode, done.stdout, done.stderr, folder)


@pytest.fixture(scope="module")
def articles(demo: DemoRun) -> dict[str, CleanArticle]:
    """The last emitted version of each expected article, by its name in the manifest."""
    emitted = [CleanArticle.from_bytes(line) for line in demo.lines("clean-articles")]
    return {name: found for name, wanted in names() if (found := find(emitted, name, wanted)) is not None}


def names() -> Iterator[tuple[str, ExpectedArticle]]:
    yield from sample.expectations().articles().items()


def record_url(name: str) -> str:
    [record] = [record for record in sample.expectations().records if record.name == name.split("/")[0]]
    return str(record.raw["url"])


def fetched_at(name: str) -> datetime:
    [record] = [record for record in sample.expectations().records if record.name == name.split("/")[0]]
    return datetime.fromisoformat(str(record.raw["fetched_at"]))


def find(emitted: list[CleanArticle], name: str, wanted: ExpectedArticle) -> CleanArticle | None:
    page = page_id(url_key=url_key(record_url(name)))
    for article in emitted:
        if article.page_id != page or article.part != wanted.part or article.fetched_at != fetched_at(name):
            continue
        if wanted.part == "main" or article.headline == wanted.headline:
            assert article.part == "inlined" or article.article_id == main_article_id(page)
            return article
    return None


def test_it_ends_well_and_shows_a_person_what_came_out(demo: DemoRun) -> None:
    assert demo.code == 0, demo.err
    for words in ("Clean articles", "Duplicate alerts", "people:", "records published"):
        assert words in demo.out
    assert "Traceback" not in demo.err


def test_it_leaves_no_process_and_no_open_port(demo: DemoRun) -> None:
    [port] = re.findall(r"Kafka answers at 127\.0\.0\.1:(\d+)", demo.err)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)), timeout=2)
    [redis_port] = re.findall(r"Redis answers at redis://127\.0\.0\.1:(\d+)", demo.err)
    running = [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline"])
        if f":{redis_port}" in " ".join(process.info["cmdline"] or ())
    ]
    assert running == []


@pytest.mark.parametrize("name", [name for name, _ in names()])
def test_the_article_is_emitted_with_its_fields(articles: dict[str, CleanArticle], name: str) -> None:
    wanted = sample.expectations().article(name)
    assert name in articles, "not emitted"
    article = articles[name]
    assert (article.outlet.name, article.outlet.id) == (wanted.outlet, wanted.outlet_id)
    assert article.status == wanted.status
    if wanted.headline is not None:
        assert article.headline == wanted.headline
    if wanted.aggregator is not None:
        assert [given.name for given in article.attribution if given.role == "aggregator"] == [wanted.aggregator]
    if wanted.byline:
        assert tuple(author.name for author in article.byline) == wanted.byline
    if wanted.language is not None and wanted.status == "usable":
        assert article.language.code.split("-")[0] == wanted.language
    if wanted.published_at is not None:
        assert article.published.at == datetime.fromisoformat(wanted.published_at)
    if wanted.earliest_at is not None and wanted.latest_at is not None:
        assert article.published.at is None
        assert article.published.earliest_at == datetime.fromisoformat(wanted.earliest_at)
        assert article.published.latest_at == datetime.fromisoformat(wanted.latest_at)


@pytest.mark.parametrize("name", [name for name, wanted in names() if wanted.text and wanted.is_exact])
def test_its_text_is_what_a_person_would_take(articles: dict[str, CleanArticle], name: str) -> None:
    wanted = sample.gold(sample.expectations().article(name))
    assert articles[name].text.split() == wanted.split()


def test_every_other_page_is_discarded_for_its_reason(demo: DemoRun) -> None:
    wanted = Counter(record.expect.discarded for record in sample.expectations().records if record.expect.discarded)
    assert Counter(json.loads(line)["reason"] for line in demo.lines("cleaner-discards")) == wanted


def test_every_malformed_record_is_a_dead_letter_with_its_reason(demo: DemoRun) -> None:
    rows = re.findall(r"^cleaner\t(\w+)\tdead letter\t(\d+)$", demo.out, re.MULTILINE)
    wanted = Counter(str(record.reason) for record in sample.expectations().malformed)
    assert {reason: int(count) for reason, count in rows} == wanted


def test_exactly_the_expected_pairs_alert_with_their_relation(demo: DemoRun, articles: dict[str, CleanArticle]) -> None:
    by_id = {article.article_id: name for name, article in articles.items()}
    found = {
        (frozenset((by_id[alert.article.article_id], by_id[match.article.article_id])), match.relation)
        for alert in demo.events("duplicate-alerts", DuplicateAlert)
        if isinstance(alert, DuplicateAlert)
        for match in alert.matches
    }
    canonical = {name: by_id[article.article_id] for name, article in articles.items()}
    wanted = {
        (frozenset(canonical[name] for name in alert.articles), alert.relation)
        for alert in sample.expectations().alerts
    }
    assert found == wanted


def test_the_passages_of_an_alert_hold_the_same_words(demo: DemoRun) -> None:
    texts = {
        event.version_id: event
        for event in demo.events("clean-articles", CleanArticle)
        if isinstance(event, CleanArticle)
    }
    shown = 0
    for alert in demo.events("duplicate-alerts", DuplicateAlert):
        assert isinstance(alert, DuplicateAlert)
        for match in alert.matches:
            one, other = texts[alert.article.version_id].text, texts[match.article.version_id].text
            for passage in match.passages:
                words = [
                    re.findall(r"\w+", text.casefold())
                    for text in (
                        one[passage.article_start : passage.article_end],
                        other[passage.match_start : passage.match_end],
                    )
                ]
                assert words[0] == words[1]
                shown += 1
    assert shown


def test_a_revision_says_what_changed(demo: DemoRun, articles: dict[str, CleanArticle]) -> None:
    [(before, after)] = sample.expectations().revisions
    revisions = demo.events("article-revisions", ArticleRevision)
    [revision] = [event for event in revisions if isinstance(event, ArticleRevision)]
    assert revision.previous_version_id == articles[before].version_id
    assert revision.version_id == articles[after].version_id
    assert {change.kind for change in revision.changes} == {"inserted", "deleted"}


def test_a_sighting_is_a_member_and_not_counted(demo: DemoRun, articles: dict[str, CleanArticle]) -> None:
    ids = {articles[name].article_id for pair in sample.expectations().sightings for name in pair}
    members = [
        event
        for event in demo.events("duplicate-clusters", ClusterEvent)
        if isinstance(event, ClusterEvent) and event.member is not None and event.member.article_id in ids
    ]
    assert {event.member.article_id for event in members if event.member} == ids
    assert any(event.is_sighting for event in members)


def test_entities_point_into_their_articles(demo: DemoRun) -> None:
    texts = {
        event.version_id: event
        for event in demo.events("clean-articles", CleanArticle)
        if isinstance(event, CleanArticle)
    }
    mentions = 0
    for event in demo.events("article-entities", ArticleEntities):
        assert isinstance(event, ArticleEntities)
        article = texts[event.version_id]
        known = {entity.entity_id for entity in event.entities}
        for mention in event.mentions:
            field = article.headline if mention.field == "headline" else article.text
            assert field[mention.start : mention.end] == mention.surface
            assert mention.entity_id in known
            mentions += 1
    assert mentions > 300
