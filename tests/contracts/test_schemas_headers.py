"""What the engine sends is what the AsyncAPI document says: headers and values, event, discard and dead letter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from jsonschema import Draft202012Validator

from schemas.articles import CleanArticle, Outlet, RawArticle
from schemas.export import asyncapi, json_schema
from schemas.topics import ALL_TOPICS, CLEAN_ARTICLES, RAW_ARTICLES
from services.runtime.engine import Engine, Message
from services.runtime.service import Discard, Emit, Outcome, Publish, Record, Service

TOPICS = {topic.name: topic for topic in ALL_TOPICS}
TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


class Remembering:
    def __init__(self) -> None:
        self.settled: list[Message] = []

    async def enqueue(self, message: Message) -> Awaitable[None]:
        async def settle() -> None:
            self.settled.append(message)

        return asyncio.ensure_future(settle())


async def process(raw: RawArticle, record: Record) -> Outcome:
    if raw.headline is None:
        return Discard("unchanged")
    article = CleanArticle(
        article_id="a",
        outlet=Outlet(name="Tideway Courier"),
        headline=raw.headline,
        text=raw.text or "",
        fetched_at=raw.fetched_at,
    )
    return Emit((Publish(CLEAN_ARTICLES, article.article_id, article),))


def sent() -> list[Message]:
    raw = {
        "url": "https://www.tideway-courier.example/a",
        "fetched_at": "2026-03-12T08:00:00Z",
        "text": "Body.",
        "publisher": {"name": "sample-scraper"},
    }
    values = [json.dumps({**raw, "headline": "H"}).encode(), json.dumps(raw).encode(), b"<html>"]
    records = [
        Record("raw-articles", 3, offset, b"k", value, (TRACE, ("own", b"kept")), datetime(2026, 3, 12, 9, tzinfo=UTC))
        for offset, value in enumerate(values)
    ]
    service = Service(
        "cleaner", source=RAW_ARTICLES, process=process, publishes=(CLEAN_ARTICLES,), discard_reasons=("unchanged",)
    )
    outbox = Remembering()
    asyncio.run(Engine(service, outbox).run(records))
    return outbox.settled


def header_schema(topic: str) -> dict[str, Any]:
    """The schema of the headers of the first kind of message on `topic`."""
    document = asyncapi()
    message = next(iter(document["channels"][topic]["messages"].values()))
    (trait,) = (document["components"]["messageTraits"][item["$ref"].rpartition("/")[2]] for item in message["traits"])
    schema: dict[str, Any] = trait["headers"]
    return schema


def test_headers_and_values_are_those_of_the_document() -> None:
    messages = {message.topic: message for message in sent()}
    assert sorted(messages) == ["clean-articles", "cleaner-dead-letters", "cleaner-discards"]
    for name, message in messages.items():
        headers = {header: value.decode() for header, value in message.headers}
        schema = header_schema(name)
        Draft202012Validator(schema).validate(headers)
        topic = TOPICS[name]
        if topic.event is None:
            assert headers["own"] == "kept"
            assert message.value == b"<html>"
            continue
        assert set(headers) <= set(schema["properties"])
        assert headers["ce_dataschema"] == topic.schema_id == json_schema(topic)["$id"]
        assert headers["ce_type"] == f"newsloom.{name}.v1"
        Draft202012Validator(json_schema(topic, closed=True)).validate(json.loads(message.value or b""))
