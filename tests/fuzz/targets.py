"""What is fuzzed: one record from its bytes to its one outcome, through the engine, for four kinds of input.

`decode` gives any bytes to the engine as a record; `clean` makes them a page of HTML, `split` an aggregator's page of
text, both for the real cleaner; `shingle` makes them two articles, for the words, sketches, comparisons and events of
the duplicates service, with everything but its Redis.
"""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from pydantic import SecretStr

from schemas.articles import Author, CleanArticle, Outlet, RawArticle, main_article_id, page_id
from schemas.dead_letters import REASON
from schemas.events import Event
from schemas.topics import (
    ALL_TOPICS,
    ARTICLE_REVISIONS,
    CLEAN_ARTICLES,
    DUPLICATE_ALERTS,
    DUPLICATE_CLUSTERS,
    RAW_ARTICLES,
)
from services.cleaner import service as cleaner
from services.cleaner.encoding import decode_page
from services.duplicates.composing import events_of
from services.duplicates.index import Candidate, Found, Joined, Settled
from services.duplicates.matching import arrive, judge_candidates, settle_plan
from services.runtime.engine import Engine, Message
from services.runtime.service import Discard, Emit, Outcome, Publish, Record, Service
from services.runtime.settings import RuntimeSettings

MAX_BYTES: Final = 8 * 1024
CPU_SECONDS: Final = 2.0
"""Processor time that an input of at most MAX_BYTES may take; the median takes a few milliseconds."""

_AT: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
_WINDOW_MS: Final = 72 * 3600 * 1000
_EVENTS: Final[dict[str, type[Event] | None]] = {topic.name: topic.event for topic in ALL_TOPICS}


class FuzzFailure(AssertionError):
    """An input that did not end in exactly one outcome, in time; `where` tells failures of one cause together."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(what)
        self.where = where


class _Outbox:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def enqueue(self, message: Message) -> Awaitable[None]:
        self.messages.append(message)
        return _settled()


async def _settled() -> None:
    return None


@dataclass(frozen=True)
class Target:
    """`record_of` makes a record of an input; `service` is what it is given to; `also` is run on the input besides."""

    name: str
    service: Callable[[], Service[Any]]
    record_of: Callable[[bytes], Record]
    also: Callable[[bytes], None] = lambda data: None
    cpu_seconds: float = CPU_SECONDS

    def run(self, data: bytes) -> tuple[str, float]:
        """The outcome of `data` (emitted, discarded:REASON or dead_lettered:REASON) and the seconds of processor time
        that it took. Raises FuzzFailure."""
        data = data[:MAX_BYTES]
        began = time.process_time()
        record = self.record_of(data)
        outcome, messages = self.outcome(record)
        try:
            self.also(data)
        except Exception as error:
            raise FuzzFailure(f"{type(error).__name__}: {error}", _place(error)) from error
        took = time.process_time() - began
        if took > self.cpu_seconds:
            raise FuzzFailure(f"took {took:.1f} s of processor time", "slow")
        # a redelivery is byte-equal; asked of some inputs, because it costs as much again
        if zlib.crc32(data) % 16 == 0 and not outcome.startswith("dead") and self.outcome(record)[1] != messages:
            raise FuzzFailure("a second pass wrote other bytes", "redelivery")
        return outcome, took

    def outcome(self, record: Record) -> tuple[str, list[Message]]:
        """What became of `record`, and what was written. Raises FuzzFailure."""
        engine, outbox = _engine(self.service())
        outbox.messages = []
        try:
            _loop().run_until_complete(engine.run([record]))
        except Exception as error:
            raise FuzzFailure(f"the engine raised {type(error).__name__}: {error}", _place(error)) from error
        return _read(outbox.messages), outbox.messages


def _read(messages: list[Message]) -> str:
    letters = [message for message in messages if message.topic.endswith("-dead-letters")]
    discards = [message for message in messages if message.topic.endswith("-discards")]
    events = len(messages) - len(letters) - len(discards)
    if (bool(letters), bool(discards), bool(events)).count(True) != 1 or len(letters) > 1 or len(discards) > 1:
        what = f"{events} events, {len(discards)} discards, {len(letters)} dead letters"
        raise FuzzFailure(f"not exactly one outcome: {what}", "outcomes")
    for message in messages:
        event = _EVENTS[message.topic]
        if event is not None and message.value is not None:
            event.closed_from_bytes(message.value)
    if letters:
        headers = dict(letters[0].headers)
        reason = headers[REASON].decode()
        if reason not in ("decode_error", "invalid"):
            what = headers["__connect.errors.exception.message"].decode(errors="replace")
            raise FuzzFailure(f"a dead letter {reason}: {what}", f"{reason}: {what[:60]}")
        return f"dead_lettered:{reason}"
    if discards:
        return f"discarded:{json.loads(discards[0].value or b'')['reason']}"
    return "emitted"


def _place(error: BaseException) -> str:
    """The line that raised, for telling causes apart."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {line}"


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


_engines: dict[int, tuple[Engine[Any], _Outbox, Service[Any]]] = {}


def _engine(service: Service[Any]) -> tuple[Engine[Any], _Outbox]:
    """One engine to a service: making one costs more than most inputs."""
    if id(service) not in _engines:
        outbox = _Outbox()
        _engines[id(service)] = (Engine(service, outbox), outbox, service)
    return _engines[id(service)][:2]


def _record(topic: str, value: bytes) -> Record:
    return Record(topic, 0, 0, b"key", value, (), _AT)


# -- decode


@cache
def _echo() -> Service[RawArticle]:
    async def process(raw: RawArticle, record: Record) -> Outcome:
        del record
        page = page_id(url_key=raw.url, publisher=raw.publisher.name, record_id=raw.record_id)
        article = CleanArticle(
            article_id=main_article_id(page),
            outlet=Outlet(name=raw.outlet or "an outlet"),
            headline=raw.headline or "",
            text=raw.text or raw.html or "",
            fetched_at=raw.fetched_at,
        )
        return Emit((Publish(CLEAN_ARTICLES, article.article_id, article),))

    return Service("cleaner", source=RAW_ARTICLES, process=process, publishes=(CLEAN_ARTICLES,))


def _decode_as_page(data: bytes) -> None:
    text, charset = decode_page(data, content_type="text/html; charset=shift_jis" if data[:1] < b"\x80" else None)
    assert isinstance(text, str)
    assert charset


# -- clean, split


@cache
def _cleaner() -> Service[RawArticle]:
    # without Redis, which is asked only for what is unchanged
    settings = cleaner.CleanerSettings(discard_unchanged=False)
    return cleaner.build(RuntimeSettings(redis_url=SecretStr("redis://127.0.0.1:1/0")), settings)


def raw_record(**fields: object) -> Record:
    """A raw article with `fields` as a record."""
    value = {"url": "https://gazette.example/news/1", "fetched_at": _AT.isoformat(), "publisher": {"name": "fuzz"}}
    return _record(RAW_ARTICLES.name, json.dumps({**value, **fields}).encode())


def _page(data: bytes) -> Record:
    return raw_record(html=data.decode(errors="surrogateescape"))


def _text(data: bytes) -> Record:
    # an aggregator's page is split; a page of one article goes another way
    aggregator = {"aggregator": "Newsheap"} if len(data) % 4 else {}
    return raw_record(text=data.decode(errors="surrogateescape"), **aggregator)


# -- shingle


def _clean(data: bytes) -> Record:
    text = data.decode(errors="replace")
    value = {
        "article_id": "0" * 32,
        "outlet": {"name": "Gazette"},
        "headline": text[:60],
        "text": text,
        "fetched_at": _AT.isoformat(),
    }
    return _record(CLEAN_ARTICLES.name, json.dumps(value).encode())


@cache
def _duplicates() -> Service[CleanArticle]:
    async def process(event: CleanArticle, record: Record) -> Outcome:
        article, arrival = arrive(event, record.owner)
        others = [
            arrive(_other(event, text, number, outlet), f"{number:032x}")
            for number, (text, outlet) in enumerate(_copies(event.text), start=1)
        ]
        candidates = tuple(
            Candidate(
                number, len(set(arrival.sketch.tolist()) & set(other.sketch.tolist())), other.record, other.text or None
            )
            for number, (_, other) in enumerate(others, start=1)
        )
        earlier, _ = arrive(
            event.model_copy(update={"text": event.text[::2], "fetched_at": _AT - timedelta(hours=1)}), "e"
        )
        found = Found(len(others) + 1, earlier.stored.to_bytes(), candidates)
        verdicts = judge_candidates(article, found, window_ms=_WINDOW_MS)
        settlement = settle_plan(article, record.owner, found, verdicts, is_capped=False)
        if settlement is None:
            return Discard("too_short" if article.is_short else "no_match", article_id=event.article_id)
        settled = Settled(
            payload=settlement.payload,
            is_same_matches=False,
            previous_alert_id=None,
            cluster_id="c" * 32 if settlement.needs_cluster or settlement.links else None,
            size=1 + len(settlement.links),
            outlets=1 + len(settlement.links),
            earliest_reason=settlement.member.reason,
            earliest=settlement.member.ref,
            merged=(),
            joined=(Joined(settlement.member.ref, is_sighting=False, is_update=False),),
        )
        events = tuple(Publish(*event) for event in events_of(settled, article.stored.ref))
        return Emit(events) if events else Discard("no_match", article_id=event.article_id)

    return Service(
        "duplicates",
        source=CLEAN_ARTICLES,
        process=process,
        publishes=(DUPLICATE_ALERTS, ARTICLE_REVISIONS, DUPLICATE_CLUSTERS),
        discard_reasons=("no_match", "too_short"),
    )


def _copies(text: str) -> list[tuple[str, str]]:
    """The text with its end first, its first half within other words, and whole in capitals: under three outlets."""
    cut = len(text) // 3
    around = " ".join(f"word{number} goes here" for number in range(40))
    return [
        (text[cut:] + "\n" + text[:cut], "Courier"),
        (f"{around}\n{text[: len(text) // 2]}\n{around}", "Ledger"),
        (text.swapcase(), "Gazette"),
    ]


def _other(event: CleanArticle, text: str, number: int, outlet: str) -> CleanArticle:
    return CleanArticle(
        article_id=f"{number:032x}",
        outlet=Outlet(name=outlet),
        headline=event.headline,
        byline=(Author(name="Agency", kind="agency"),) if number == 1 else (),
        text=text,
        fetched_at=_AT - timedelta(minutes=number),
    )


TARGETS: Final = {
    target.name: target
    for target in (
        Target("decode", _echo, lambda data: _record(RAW_ARTICLES.name, data), _decode_as_page),
        Target("clean", _cleaner, _page),
        Target("split", _cleaner, _text),
        Target("shingle", _duplicates, _clean),
    )
}
