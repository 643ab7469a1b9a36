"""`newsloom outlets` and `newsloom record`: which outlet stopped and why, and what became of a record."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import kafka as kafka_python
import pytest

from schemas.articles import CleanArticle, Outlet
from schemas.dead_letters import REASON, SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TOPIC, Coordinates, DiscardedRecord
from schemas.topics import ALL_TOPICS
from services.commands import records
from services.commands.outlets import look, nearest, story
from services.local.broker import Broker
from services.runtime.errors import ConfigurationError, SuiteError
from services.runtime.kafka import Admin
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings
from tests.observed import raw

MINUTE = 60
WRITERS_TIME = {"message.timestamp.type": "CreateTime"}


class Past:
    """Writes what a suite would have written, at instants that have gone by: `ago` in seconds."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.settings = RuntimeSettings(kafka_bootstrap=bootstrap, topic_prefix=prefix)
        with Admin(self.settings) as admin:
            # the suite's own topics bear the broker's time, which cannot be another than now
            topics = [replace(topic, config={**topic.config, **WRITERS_TIME}) for topic in ALL_TOPICS]
            admin.create_topics(topics, prefix=prefix, partitions=2)
        self._now = time.time()
        self._producer: Any = kafka_python.KafkaProducer(bootstrap_servers=bootstrap, acks="all")

    def close(self) -> None:
        self._producer.close()

    def write(self, topic: str, value: bytes, ago: float, **headers: str) -> Coordinates:
        sent = self._producer.send(
            self.settings.topic_prefix + topic,
            key=topic.encode(),  # compacted topics take no record without
            value=value,
            headers=[(name, text.encode()) for name, text in headers.items()],
            timestamp_ms=int((self._now - ago) * 1000),
            partition=int(ago) % 2,
        ).get(timeout=30)
        return Coordinates(topic=sent.topic, partition=sent.partition, offset=sent.offset)

    def page(self, outlet: str, number: int, ago: float, publisher: str) -> Coordinates:
        return self.write("raw-articles", raw(number, outlet=outlet, publisher={"name": publisher}), ago)

    def cleaned(self, outlet: str, number: int, ago: float, publisher: str, quality: float = 0.9) -> Coordinates:
        return self.article(outlet, number, ago - 1, self.page(outlet, number, ago, publisher), quality)

    def article(self, outlet: str, number: int, ago: float, source: Coordinates, quality: float = 0.9) -> Coordinates:
        host = outlet.lower().replace(" ", "-")
        article = CleanArticle(
            article_id=f"{host}{number}",
            url=f"https://www.{host}.example/news/{number}",
            outlet=Outlet(name=outlet),
            headline="Pier measured",
            text="The pier was measured.",
            fetched_at="2026-03-02T08:00:00Z",  # type: ignore[arg-type]
            extraction={"quality": quality},  # type: ignore[arg-type]
        )
        return self.write("clean-articles", article.to_bytes(), ago, **of(source))

    def discarded(self, source: Coordinates, reason: str, ago: float) -> Coordinates:
        event = DiscardedRecord(service="cleaner", source=source, reason=reason, recorded_at="2026-03-02T08:00:00Z")  # type: ignore[arg-type]
        return self.write("cleaner-discards", event.to_bytes(), ago, **of(source))


def of(source: Coordinates) -> dict[str, str]:
    return {SOURCE_TOPIC: source.topic, SOURCE_PARTITION: str(source.partition), SOURCE_OFFSET: str(source.offset)}


@pytest.fixture
def past(kafka: Broker, topic_prefix: str) -> Iterator[Past]:
    past = Past(kafka.bootstrap, topic_prefix)
    yield past
    past.close()


def test_the_outlets_that_stopped_come_first_each_with_what_became_of_its_pages(past: Past) -> None:
    for number in range(30):
        past.cleaned("Tide Mail", number, ago=(30 - number) * MINUTE, publisher="feeds-a")
        # these two stopped twenty minutes ago
        if number < 10:
            past.cleaned("Quay Post", number, ago=(30 - number) * MINUTE, publisher="feeds-b", quality=0.5)
            past.cleaned("Mole News", number, ago=(30 - number) * MINUTE, publisher="feeds-a")
        else:
            page = past.page("Mole News", number, ago=(30 - number) * MINUTE, publisher="feeds-a")
            past.discarded(page, "no_article", ago=(30 - number) * MINUTE - 1)
    # one that was never regular is not said to be silent
    past.cleaned("Rare Review", 0, ago=25 * MINUTE, publisher="feeds-a")
    past.write("clean-articles", b"no json", ago=5)
    past.write("raw-articles", b"[1]", ago=5)
    states, _ = look(past.settings, hours=1)
    assert [(each.outlet, each.is_silent) for each in states] == [
        ("mole-news", True),
        ("quay-post", True),
        ("rare-review", False),
        ("tide-mail", False),
    ]
    assert [(each.articles, round(each.quality, 2)) for each in states] == [(10, 0.9), (10, 0.5), (1, 0.9), (30, 0.9)]
    assert 20 * MINUTE < states[1].silent_seconds < 23 * MINUTE
    assert states[1].usual_seconds == pytest.approx(MINUTE, abs=1)
    stopped = story(past.settings, "Quay Post", hours=1)
    assert (stopped.publisher, stopped.hosts, stopped.pages) == ("feeds-b", ("quay-post.example",), ())
    assert "feeds-b stopped fetching it" in stopped.verdict()
    broken = story(past.settings, "mole-news", hours=1)
    assert [(each.publisher, each.outcome, each.reason, each.count) for each in broken.pages] == [
        ("feeds-a", "discarded", "no_article", 20)
    ]
    assert f"newsloom record {broken.pages[0].newest}" in broken.verdict()
    # the record that it names is a page of that outlet, and the command says the same of it
    place, offset = records.parse(broken.pages[0].newest)
    page = records.read_one(past.settings, place, offset)
    assert json.loads(page.value or b"")["outlet"] == "Mole News"
    [fate] = records.fates(past.settings, page)
    assert (fate.service, fate.outcome, fate.reason) == ("cleaner", "discarded", "no_article")
    with pytest.raises(SuiteError, match="newsloom outlets"):
        story(past.settings, "Nobody's Gazette", hours=1)
    with pytest.raises(SuiteError, match=r"no article of 'quay' .*did you mean quay-post\?"):
        story(past.settings, "quay", hours=1)
    healthy = story(past.settings, "Tide Mail", hours=1).verdict()
    assert re.fullmatch(r"last article .* ago; not silent \(usual silence at most 1\.0 min\)", healthy)
    rare = story(past.settings, "Rare Review", hours=1).verdict()
    assert "stopped" not in rare
    assert "1 article in this time are too few" in rare


def test_each_of_several_publishers_of_an_outlet_is_named_with_its_pages(past: Past) -> None:
    for number in range(24):
        past.cleaned("Quay Post", number, ago=3000 - number, publisher="feeds-a" if number % 4 else "feeds-b")
    for number in range(24):
        past.cleaned("Tide Mail", number, ago=(24 - number) * 11, publisher="feeds-a" if number % 3 else "feeds-b")
    healthy = story(past.settings, "tide-mail", hours=1)
    assert dict(healthy.publishers) == {"feeds-a": 14, "feeds-b": 6}
    assert "not silent" in healthy.verdict()
    assert "several publishers: feeds-a 14, feeds-b 6" in healthy.verdict()
    stopped = story(past.settings, "quay-post", hours=1)
    assert stopped.state.is_silent
    assert "none of its publishers fetches it any more (of its last pages, feeds-a 15, feeds-b 5)" in stopped.verdict()


def test_of_pages_written_together_any_may_have_given_the_last_article(past: Past) -> None:
    for number in range(6):
        past.cleaned("Quay Post", number, ago=(30 - number) * MINUTE, publisher="feeds-b")
    pages = [past.page("Quay Post", number, ago=24 * MINUTE - number, publisher="feeds-b") for number in (6, 7)]
    # the older page waited longer to be read
    past.article("Quay Post", 7, 24 * MINUTE - 10, pages[1])
    past.article("Quay Post", 6, 24 * MINUTE - 11, pages[0])
    told = story(past.settings, "Quay Post", hours=1)
    assert told.pages == ()
    assert told.verdict().startswith("no page of quay-post.example came since its last article")
    past.article("Tide Mail", 8, 20 * MINUTE, past.page("Quay Post", 8, ago=21 * MINUTE, publisher="feeds-b"))
    told = story(past.settings, "Quay Post", hours=1)
    assert [(each.count, each.outcome) for each in told.pages] == [(1, "emitted")]


def test_an_unknown_outlet_is_answered_with_those_that_contain_it_first_and_then_those_like_it() -> None:
    known = ["heron-gazette", "grey-heron", "harbour-ledger", "heroin-gazette"]
    assert nearest("heron", known)[:2] == ["grey-heron", "heron-gazette"]
    assert nearest("heron-gazete", known) == ["heron-gazette", "heroin-gazette"]
    assert nearest("nobody-s-mail", known) == []


def test_a_record_is_shown_with_all_that_each_of_its_readers_made_of_it(past: Past) -> None:
    article = past.cleaned("Tide Mail", 1, ago=100, publisher="feeds-a")
    alert = past.write("duplicate-alerts", b"{}", 98, **of(article))
    cluster = past.write("duplicate-clusters", b"{}", 98, **of(article))
    place, offset = records.parse(f"clean-articles/{article.partition}/{article.offset}", past.settings.topic_prefix)
    found = {
        fate.service: fate for fate in records.fates(past.settings, records.read_one(past.settings, place, offset))
    }
    assert set(found) == {"entities", "duplicates"}
    assert (found["entities"].outcome, found["entities"].lies_at) == ("none yet", ())
    assert found["duplicates"].outcome == "emitted"
    assert set(found["duplicates"].lies_at) == {
        f"{each.topic}/{each.partition}/{each.offset}" for each in (alert, cluster)
    }
    dead = {
        f"__connect.errors.{name}": value
        for name, value in zip(("topic", "partition", "offset"), of(article).values(), strict=True)
    }
    past.write("entities-dead-letters", b"{}", 97, **{**dead, REASON: "processing_error"})
    found = {
        fate.service: fate for fate in records.fates(past.settings, records.read_one(past.settings, place, offset))
    }
    assert (found["entities"].outcome, found["entities"].reason) == ("dead_lettered", "processing_error")


def test_what_is_no_record_is_named(past: Past) -> None:
    past.write("raw-articles", b"{}", ago=2)
    for bad in ("raw-articles", "raw-articles/0", "raw-articles/x/1", "raw-articles/0/-1", "/0/1"):
        with pytest.raises(ConfigurationError, match="TOPIC/PARTITION/OFFSET"):
            records.parse(bad)
    topic = past.settings.topic_prefix + "raw-articles"
    with pytest.raises(SuiteError, match="holds 0 to 0: no 7"):
        records.read_one(past.settings, (topic, 0), 7)
    with pytest.raises(SuiteError, match="no partition 9"):
        records.read_one(past.settings, (topic, 9), 0)


def test_the_last_records_of_a_topic_are_the_newest_of_all_partitions(past: Past) -> None:
    for number in range(9):
        past.write("raw-articles", str(number).encode(), ago=100 - number)
    topic = past.settings.topic_prefix + "raw-articles"
    assert [each.value for each in records.read_last(past.settings, topic, 3)[0]] == [b"6", b"7", b"8"]
    assert len(records.read_last(past.settings, topic, 100)[0]) == 9


def test_the_last_records_are_as_many_as_asked_for_with_some_left_out_in_between(past: Past) -> None:
    for number in range(40):
        past.write("raw-articles", str(number).encode(), ago=100 - number)
    topic = past.settings.topic_prefix + "raw-articles"

    def after_four(record: Record) -> bool:
        return int(record.value or b"") > 4

    found, left_out = records.read_last(past.settings, topic, 3, leave_out=after_four)
    assert ([each.value for each in found], left_out) == ([b"2", b"3", b"4"], 35)
    found, left_out = records.read_last(past.settings, topic, 9, leave_out=after_four)
    assert (len(found), left_out) == (5, 35)
