"""The entities service on the real Redis and the real broker."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
from prometheus_client import REGISTRY
from pydantic import SecretStr

from schemas.articles import CleanArticle, Language, Outlet
from schemas.entities import ArticleEntities
from schemas.topics import ARTICLE_ENTITIES, CLEAN_ARTICLES, dead_letters, discards
from services.entities.links import Named, Places
from services.entities.paragraph_cache import ParagraphCache
from services.entities.recognizer import Found
from services.entities.service import EntitiesSettings, EntityReader, build, load_knowledge_bases
from services.entities.transformer import TransformerRecognizer
from services.local.broker import Broker
from services.local.redis_server import RedisServer
from services.runtime.cache import Cache
from services.runtime.errors import ConfigurationError
from services.runtime.kafka import Admin, Publisher, read_records
from services.runtime.service import Emit, Record
from services.runtime.settings import RuntimeSettings
from tests.support import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
AGENCY_COPY = (
    "Margarethe Lindqvist, who has led Northmoor Water since 2019, told a committee in Stockholm that it was safe.\n"
    "Engineers from Skanska had checked it twice this spring, Lindqvist said, and the council of Falun had paid for it."
)


def article(number: int, *, text: str = AGENCY_COPY, language: str = "en", status: str = "usable") -> CleanArticle:
    return CleanArticle(
        article_id=f"article-{number}",
        outlet=Outlet(name=f"Outlet {number}"),
        headline="Dam is safe, says Lindqvist",
        text=text,
        language=Language(code=language),
        status=status,  # type: ignore[arg-type]
        fetched_at="2026-03-12T08:00:00Z",  # type: ignore[arg-type]
    )


class Counting:
    """The default recognizer, counting what it is asked to read."""

    def __init__(self) -> None:
        self._inner = TransformerRecognizer.load()
        self.name, self.version, self.languages = self._inner.name, self._inner.version, self._inner.languages
        self.read: list[str] = []

    def recognize(self, paragraphs: Sequence[str]) -> list[tuple[Found, ...]]:
        self.read.extend(paragraphs)
        return self._inner.recognize(paragraphs)


def lookups(result: str) -> float:
    return REGISTRY.get_sample_value("newsloom_entities_paragraphs_total", {"cache": result}) or 0.0


def run(url: str, use: Callable[[Callable[..., ParagraphCache]], Any], *, timeout_seconds: float = 5.0) -> Any:
    """`await use(make)`, where make(...) makes a paragraph cache on the Redis at `url`."""

    async def main() -> Any:
        cache = Cache(RuntimeSettings(redis_url=SecretStr(url), redis_timeout_seconds=timeout_seconds), "entities")
        defaults: dict[str, Any] = {"model": "m 1", "slots": 1000, "ttl_seconds": 60}
        try:
            return await use(lambda **given: ParagraphCache(cache, **{**defaults, **given}))
        finally:
            await cache.close()

    return asyncio.run(main())


def reader(recognizer: Any, cache: ParagraphCache | None) -> EntityReader:
    return EntityReader(recognizer, cache, max_text_chars=400_000, bases=(Places(),))


def test_agency_copy_is_recognised_once_however_many_outlets_print_it(redis_url: str) -> None:
    recognizer = Counting()
    hits = lookups("hit")

    async def use(make: Callable[..., ParagraphCache]) -> None:
        entities = reader(recognizer, make())
        for number in range(10):
            await entities.read([article(number)])

    run(redis_url, use)
    for paragraph in AGENCY_COPY.split("\n"):
        assert recognizer.read.count(paragraph) == 1
    assert lookups("hit") - hits == 9 * 2


def test_events_are_byte_equal_with_a_cold_a_warm_and_no_cache(redis_url: str) -> None:
    recognizer = TransformerRecognizer.load()
    articles = [
        article(1),
        article(2, text="word " * 300 + "Karim Benhaddou of Marseille."),
        article(3, text="José 🙂"),
    ]

    async def use(make: Callable[..., ParagraphCache]) -> list[list[bytes]]:
        cold = await reader(recognizer, make()).read(articles)
        warm = await reader(recognizer, make()).read(articles)
        alone = [(await reader(recognizer, None).read([a]))[0] for a in articles]
        return [[e.to_bytes() for e in events] for events in (cold, warm, alone)]

    cold, warm, alone = run(redis_url, use)
    assert cold == warm == alone
    assert any(ArticleEntities.from_bytes(event).mentions for event in cold)


def test_another_model_does_not_read_what_this_one_wrote(redis_url: str) -> None:
    paragraph = AGENCY_COPY.split("\n")[0]

    async def use(make: Callable[..., ParagraphCache]) -> tuple[Any, Any]:
        await make(model="m 1").put({paragraph: (Found(0, 20, "PER", 0.9),)})
        return await make(model="m 1").get([paragraph]), await make(model="m 2").get([paragraph])

    mine, others = run(redis_url, use)
    assert mine == {paragraph: (Found(0, 20, "PER", 0.9),)}
    assert others == {}


def test_the_cache_never_holds_more_than_its_slots_and_its_entries_expire(redis_url: str) -> None:
    texts = {f"A paragraph that is long enough to be kept, number {n}.": () for n in range(200)}

    async def use(make: Callable[..., ParagraphCache]) -> dict[str, Any]:
        cache = make(slots=16)
        await cache.put(texts)
        return await cache.get(list(texts))

    known = run(redis_url, use)
    with redis.Redis.from_url(redis_url) as client:
        keys = client.keys("*")
        assert 0 < len(keys) <= 16
        assert all(0 < client.ttl(key) <= 60 for key in keys)
    assert 0 < len(known) <= 16


@pytest.mark.parametrize("garbage", [b"", b"null", b"[]", b'["x"]', b"\xff", b'{"a":1}'])
def test_an_entry_that_is_not_ours_is_read_again(redis_url: str, garbage: bytes) -> None:
    paragraph = AGENCY_COPY.split("\n")[0]

    async def use(make: Callable[..., ParagraphCache]) -> dict[str, Any]:
        cache = make(slots=1)
        await cache.put({paragraph: ()})
        with redis.Redis.from_url(redis_url) as client:
            (key,) = client.keys("*")
            client.set(key, garbage)
        return await cache.get([paragraph])

    assert run(redis_url, use) == {}


def test_a_redis_that_is_away_costs_one_wait_and_changes_no_event(fresh_redis: Callable[..., RedisServer]) -> None:
    server = fresh_redis()
    recognizer = TransformerRecognizer.load()
    missing = lookups("unavailable")

    async def use(make: Callable[..., ParagraphCache]) -> list[bytes]:
        entities = reader(recognizer, make(pause_seconds=3600))
        before = await entities.read([article(1)])
        server.kill()
        after = [(await entities.read([article(1)]))[0] for _ in range(3)]
        return [e.to_bytes() for e in (*before, *after)]

    assert len(set(run(server.url, use, timeout_seconds=1.0))) == 1
    assert lookups("unavailable") - missing == 3 * 2


def test_an_article_in_another_language_has_no_mentions_and_says_why(redis_url: str) -> None:
    service = build(RuntimeSettings(redis_url=SecretStr(redis_url)), EntitiesSettings())
    german = article(1, text="Der Damm oberhalb von Falun sei sicher, sagte Margarethe Lindqvist.", language="de")

    async def process() -> Emit:
        try:
            return await service.process(german, None)  # type: ignore[arg-type, return-value]
        finally:
            await service.stop()

    (publish,) = asyncio.run(process()).publishes
    assert isinstance(publish.event, ArticleEntities)
    assert publish.event.mentions == ()
    assert publish.event.model.skipped == "language:de"
    assert publish.event.model.name == service.model["name"]


def test_a_text_that_is_no_article_by_its_length_has_no_mentions_and_says_why() -> None:
    entities = EntityReader(TransformerRecognizer.load(), None, max_text_chars=100, bases=())
    (event,) = asyncio.run(entities.read([article(1)]))
    assert event.mentions == ()
    assert event.model.skipped == f"length:{len(article(1).headline) + len(AGENCY_COPY)}"


def test_a_recognizer_that_is_not_installed_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="NEWSLOOM_ENTITIES_RECOGNIZER"):
        build(RuntimeSettings(), EntitiesSettings(recognizer="spacy:no_such_pipeline"))


class Registry:
    """A knowledge base of a user: two organisations and their registry numbers."""

    def links(self, entities: Sequence[Named], headline: str, text: str) -> list[dict[str, str]]:
        del headline, text
        known = {"Northmoor Water": "NW-1", "Skanska": "SK-7"}
        return [{"registry": known[e.name]} if e.name in known else {} for e in entities]


def test_a_knowledge_base_of_ones_own_is_plugged_in_by_a_setting() -> None:
    bases = load_knowledge_bases("tests.integration.test_entities_service:Registry")
    entities = EntityReader(TransformerRecognizer.load(), None, max_text_chars=10_000, bases=bases)
    (event,) = asyncio.run(entities.read([article(1)]))
    links = {entity.name: entity.links for entity in event.entities}
    assert links["Northmoor Water"] == {"registry": "NW-1"}
    assert links["Stockholm"].keys() == {"geonames"}


@pytest.mark.parametrize(
    "name", ["no_such_module:Base", "json:no_such_name", "json", "builtins:dict", "builtins:int,json:loads"]
)
def test_a_knowledge_base_that_is_none_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match="NEWSLOOM_ENTITIES_KNOWLEDGE_BASES"):
        load_knowledge_bases(name)


def test_articles_come_out_of_kafka_with_their_entities_and_withdrawn_ones_as_tombstones(
    kafka: Broker, redis_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    settings = RuntimeSettings(kafka_bootstrap=kafka.bootstrap, topic_prefix=topic_prefix)
    with Admin(settings) as admin:
        topics = [CLEAN_ARTICLES, ARTICLE_ENTITIES, dead_letters("entities"), discards("entities")]
        admin.create_topics(topics, prefix=topic_prefix, partitions=1)
    poison = [b"not json", b'{"article_id": "x"}']
    with Publisher(settings) as publisher:
        topic = topic_prefix + CLEAN_ARTICLES.name
        publisher.send(topic, b"article-1", article(1).to_bytes(), ())
        for value in poison:
            publisher.send(topic, b"x", value, ())
        publisher.send(topic, b"article-2", article(2, status="withdrawn").to_bytes(), ())
        publisher.send(topic, b"article-3", article(3).to_bytes(), ())
        publisher.flush()

    def records(name: str) -> list[Record]:
        with Admin(settings) as admin:
            parts = admin.partitions([topic_prefix + name])
            ends = admin.end_offsets(parts)
        return list(read_records(settings, dict.fromkeys(parts, 0), until=ends))

    environment = {
        **os.environ,
        "NEWSLOOM_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "NEWSLOOM_REDIS_URL": redis_url,
        "NEWSLOOM_TOPIC_PREFIX": topic_prefix,
    }
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "services.entities.service"],
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
            env=environment,
        )
        try:
            eventually(
                lambda: len(records("article-entities")) >= 3,
                within_seconds=60,
                message=(tmp_path / "worker.log").read_text(),
            )
        finally:
            worker.terminate()
            worker.wait(20)
    written = {(record.key or b"").decode(): record.value for record in records("article-entities")}
    assert written["article-2"] is None
    event = ArticleEntities.closed_from_bytes(written["article-1"] or b"")
    assert {(e.label, e.name) for e in event.entities} >= {("PER", "Margarethe Lindqvist"), ("LOC", "Stockholm")}
    assert len(records("entities-dead-letters")) == len(poison)
