"""A Redis that lost the index, or the end of it: the gap is indexed again from the topic before work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import kafka as kafka_client
import pytest
import redis as redis_client
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from schemas.articles import CleanArticle
from schemas.duplicates import DuplicateAlert
from schemas.topics import CLEAN_ARTICLES, DUPLICATE_ALERTS
from services.duplicates.history import KafkaHistory
from services.duplicates.service import build
from services.runtime.errors import DependencyError
from services.runtime.kafka import Admin, Publisher, read_records
from services.runtime.service import Item, Outcome, Positions, Record, Service
from services.runtime.settings import RuntimeSettings
from tests.duplicates_support import NOON, WordMill, article, runtime, values

MILL = WordMill(5)
PARTITIONS = 3


def settings_of(redis_url: str, bootstrap: str, prefix: str) -> RuntimeSettings:
    return runtime(redis_url).model_copy(update={"kafka_bootstrap": bootstrap, "topic_prefix": prefix})


class Topic:
    """clean-articles of one test, and what its group has committed."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self.settings = settings
        self.name = settings.topic_prefix + CLEAN_ARTICLES.name
        with Admin(settings) as admin:
            admin.create_topics([CLEAN_ARTICLES], prefix=settings.topic_prefix, partitions=PARTITIONS)
        self._read: dict[tuple[str, int], int] = {(self.name, number): 0 for number in range(PARTITIONS)}

    def publish(self, events: Sequence[CleanArticle]) -> list[Item[CleanArticle]]:
        """The events as they lie on the topic, in the order in which they were given."""
        with Publisher(self.settings) as publisher:
            for event in events:
                publisher.send(self.name, event.article_id.encode(), event.to_bytes())
            publisher.flush()
        with Admin(self.settings) as admin:
            ends = admin.end_offsets(self._read)
        lying = {record.value: record for record in read_records(self.settings, self._read, until=ends)}
        self._read = ends
        return [(event, lying[event.to_bytes()]) for event in events]

    def commit(self, items: Sequence[Item[CleanArticle]]) -> None:
        """Commit the group's offsets past `items`, as the worker does once they are settled."""
        offsets: dict[TopicPartition, OffsetAndMetadata] = {}
        for _, record in items:
            offsets[TopicPartition(record.topic, record.partition)] = OffsetAndMetadata(record.offset + 1, "", -1)
        consumer = kafka_client.KafkaConsumer(
            bootstrap_servers=[self.settings.kafka_bootstrap],
            group_id=self.settings.group("duplicates"),
            enable_auto_commit=False,
        )
        consumer.assign(list(offsets))
        consumer.commit(offsets)
        consumer.close()


async def process(service: Service[CleanArticle], items: Sequence[Item[CleanArticle]]) -> list[Outcome]:
    """What the engine does: the batch again for as long as a dependency is away."""
    assert service.process_batch is not None
    for _ in range(100):
        try:
            return list(await service.process_batch(items))
        except DependencyError:
            await asyncio.sleep(0.05)
    raise AssertionError("the index was never opened again")


def alerts_of(outcomes: Sequence[Outcome]) -> list[DuplicateAlert]:
    return [
        DuplicateAlert.closed_from_bytes(value)
        for outcome in outcomes
        for topic, _, value in values(outcome)
        if topic == DUPLICATE_ALERTS.name and value is not None
    ]


TEXTS = [MILL.text(200) for _ in range(40)]
FIRST = [article(text, name=f"first-{i}", outlet=f"Outlet {i}", minutes=i) for i, text in enumerate(TEXTS)]
# two that are in one cluster before the loss
FIRST.append(article(TEXTS[0], name="copy-before", outlet="Before", minutes=45))
COPIES = [article(text, name=f"copy-{i}", outlet=f"Copier {i}", minutes=60 + i) for i, text in enumerate(TEXTS)]


def _after(
    settings: RuntimeSettings, lose: Callable[[], None], *, same_worker: bool
) -> tuple[list[DuplicateAlert], list[DuplicateAlert]]:
    """The alerts on the copies when Redis loses something between them and their originals; and those before."""
    topic = Topic(settings)
    first, copies = topic.publish(FIRST), topic.publish(COPIES)

    async def main() -> tuple[list[DuplicateAlert], list[DuplicateAlert]]:
        service = build(settings, history=KafkaHistory(settings))
        before: list[Outcome] = []
        for at in range(0, len(first), 10):
            before += await process(service, first[at : at + 10])
        topic.commit(first)
        await asyncio.to_thread(lose)
        if not same_worker:
            await service.stop()
            service = build(settings, history=KafkaHistory(settings))
            for _ in range(100):
                try:
                    await service.assigned(Positions({}, {}))
                    break
                except DependencyError:
                    await asyncio.sleep(0.05)
            assert await service.ready() is None
        outcomes: list[Outcome] = []
        for at in range(0, len(copies), 10):
            outcomes += await process(service, copies[at : at + 10])
        await service.stop()
        return alerts_of(outcomes), alerts_of(before)

    return asyncio.run(main())


def _check(alerts: Sequence[DuplicateAlert], before: Sequence[DuplicateAlert]) -> None:
    assert len(alerts) == len(COPIES)
    for place, alert in enumerate(alerts):
        assert FIRST[place].article_id in {match.article.article_id for match in alert.matches}
    [old] = before
    # the cluster has come back with its members
    assert alerts[0].cluster.size == 3
    assert old.cluster.size == 2


@pytest.mark.parametrize("same_worker", [True, False])
def test_a_flushed_redis_is_indexed_again(kafka, fresh_redis, topic_prefix, same_worker):
    server = fresh_redis()

    def flush() -> None:
        with redis_client.Redis.from_url(server.url) as client:
            client.flushall()

    settings = settings_of(server.url, kafka.bootstrap, topic_prefix)
    _check(*_after(settings, flush, same_worker=same_worker))


def test_an_empty_server_in_its_place_is_indexed_again(kafka, fresh_redis, topic_prefix):
    server = fresh_redis()

    def replace() -> None:
        server.kill()
        server.restart()

    settings = settings_of(server.url, kafka.bootstrap, topic_prefix)
    _check(*_after(settings, replace, same_worker=True))


@pytest.mark.parametrize("same_worker", [True, False])
def test_a_redis_that_comes_back_from_an_older_file_is_indexed_again(kafka, fresh_redis, topic_prefix, same_worker):
    server = fresh_redis(append_only=True, arguments=("--appendfsync", "everysec"))

    def crash() -> None:
        server.kill()
        # a crash of the machine: the last writes never reached the disk
        [log] = [path for path in server.folder.rglob("*.aof") if "base" not in path.name and path.stat().st_size]
        with log.open("r+b") as file:
            file.truncate(log.stat().st_size * 3 // 5)
        server.restart()

    settings = settings_of(server.url, kafka.bootstrap, topic_prefix)
    _check(*_after(settings, crash, same_worker=same_worker))


def test_nothing_is_indexed_again_where_nothing_was_lost(kafka, fresh_redis, topic_prefix):
    settings = settings_of(fresh_redis().url, kafka.bootstrap, topic_prefix)
    history = KafkaHistory(settings)
    topic = Topic(settings)
    items = topic.publish(FIRST[:9])

    async def main() -> dict[str, tuple[int, int]]:
        service = build(settings, history=history)
        await process(service, items)
        topic.commit(items)
        await service.stop()
        indexed: dict[str, int] = {}
        for _, record in items:
            indexed[f"{record.topic}/{record.partition}"] = record.offset
        assert await history.gaps({}, 3_600_000) != {}
        return await history.gaps(indexed, 3_600_000)

    assert asyncio.run(main()) == {}


def test_what_was_a_dead_letter_is_passed_over(redis_url):
    from services.duplicates.rebuild import HistoryRecord
    from services.duplicates.service import _read_again

    ms = int(NOON.timestamp() * 1000)
    assert _read_again(HistoryRecord("t/0", 0, b"k", b"not JSON", ms)) is None
    future = article(TEXTS[0], minutes=200)
    assert _read_again(HistoryRecord("t/0", 0, b"k", future.to_bytes(), ms)) is None
    read = _read_again(HistoryRecord("t/0", 0, b"k", None, ms))
    assert read is not None
    event, record = read
    assert event is None
    assert isinstance(record, Record)
