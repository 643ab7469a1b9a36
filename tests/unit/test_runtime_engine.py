"""The engine over an outbox that only remembers: outcomes, order, retries, refusals."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.articles import CleanArticle, Outlet, RawArticle
from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES
from services.runtime.engine import Breaker, BreakerError, Engine, Message, RefusedError
from services.runtime.errors import ConfigurationError, DependencyError
from services.runtime.retry import Backoff
from services.runtime.service import Discard, Emit, Item, Outcome, Process, ProcessBatch, Publish, Record, Service


class Remembering:
    """An outbox that keeps what it took; `fail(message, number_of_sends)` may raise when the send is awaited."""

    def __init__(self, fail: Callable[[Message, int], None] = lambda message, number: None) -> None:
        self.settled: list[Message] = []
        self.sends = 0
        self._fail = fail

    async def enqueue(self, message: Message) -> Awaitable[None]:
        self.sends += 1
        number = self.sends

        async def settle() -> None:
            self._fail(message, number)
            self.settled.append(message)

        return asyncio.ensure_future(settle())

    def texts(self, topic: str = "clean-articles") -> list[str]:
        return [json.loads(message.value or b"")["text"] for message in self.settled if message.topic == topic]

    def reasons(self) -> list[bytes]:
        return [dict(message.headers)["newsloom.reason"] for message in self.settled if "dead" in message.topic]


def emit(text: str, *hooks: Callable[[], Awaitable[None]]) -> Emit:
    article = CleanArticle(
        article_id=text, outlet=Outlet(name="o"), headline="h", text=text, fetched_at=datetime(2026, 3, 2, tzinfo=UTC)
    )
    return Emit((Publish(CLEAN_ARTICLES, article.article_id, article),), hooks)


async def echo(raw: RawArticle, record: Record) -> Outcome:
    return emit(raw.text or "")


def service(process: Process[RawArticle] = echo, batch: ProcessBatch[RawArticle] | None = None) -> Service[RawArticle]:
    return Service(
        "cleaner",
        source=RAW_ARTICLES,
        process=process,
        process_batch=batch,
        publishes=(CLEAN_ARTICLES,),
        discard_reasons=("unchanged",),
    )


def records(*texts: str | None) -> list[Record]:
    return [
        Record(
            topic="raw-articles",
            partition=0,
            offset=offset,
            key=b"k",
            value=None
            if text is None
            else json.dumps(
                {
                    "url": "https://o.example/",
                    "fetched_at": "2026-03-02T08:00:00Z",
                    "text": text,
                    "publisher": {"name": "t"},
                }
            ).encode(),
            headers=(),
            timestamp=datetime(2026, 3, 2, 9, tzinfo=UTC),
        )
        for offset, text in enumerate(texts)
    ]


def run(a_service: Service[RawArticle], outbox: Remembering, batch: Sequence[Record]) -> None:
    asyncio.run(Engine(a_service, outbox, backoff=Backoff(0.001, 0.002)).run(batch))


def test_events_keep_the_order_of_their_records() -> None:
    outbox = Remembering()
    run(service(), outbox, records("a", "b", "c"))
    assert outbox.texts() == ["a", "b", "c"]


def test_a_dependency_that_comes_back_is_asked_again_for_the_same_record() -> None:
    asked: list[str] = []

    async def process(raw: RawArticle, record: Record) -> Outcome:
        asked.append(raw.text or "")
        if asked.count("b") < 3 and raw.text == "b":
            raise DependencyError("Redis away")
        return emit(raw.text or "")

    outbox = Remembering()
    run(service(process), outbox, records("a", "b", "c"))
    assert asked == ["a", "b", "b", "b", "c"]
    assert outbox.texts() == ["a", "b", "c"]


def test_running_out_of_memory_leaves_the_engine_with_nothing_sent() -> None:
    async def process(raw: RawArticle, record: Record) -> Outcome:
        if raw.text == "b":
            raise MemoryError
        return emit(raw.text or "")

    outbox = Remembering()
    with pytest.raises(MemoryError):
        run(service(process), outbox, records("a", "b", "c"))
    assert outbox.settled == []


def test_one_refused_event_is_a_dead_letter_and_what_followed_is_sent_again_in_order() -> None:
    def fail(message: Message, number: int) -> None:
        if message.value and b'"text":"b"' in message.value and "clean" in message.topic:
            raise RefusedError("too large")
        if number == 3:
            raise DependencyError("failed with its neighbour")

    outbox = Remembering(fail)
    run(service(), outbox, records("a", "b", "c"))
    assert outbox.texts() == ["a", "c"]
    assert outbox.reasons() == [b"refused"]


def test_after_a_failed_send_no_later_event_of_the_batch_stays_before_it() -> None:
    def fail(message: Message, number: int) -> None:
        if number == 1:
            raise DependencyError("broker away")

    outbox = Remembering(fail)
    run(service(), outbox, records("a", "b", "c"))
    # b and c went through at first; they stand again after a, as repeats
    assert outbox.texts() == ["b", "c", "a", "b", "c"]


@pytest.mark.parametrize("refused", [DependencyError, RefusedError])
def test_nothing_is_handed_over_past_an_event_that_the_producer_did_not_even_take(refused: type[Exception]) -> None:
    class Full(Remembering):
        """Raises while the second event is handed over, once for a dependency, always for a refusal."""

        async def enqueue(self, message: Message) -> Awaitable[None]:
            always = refused is RefusedError and b'"text":"b"' in (message.value or b"")
            if "clean" in message.topic and (self.sends == 1 or always):
                self.sends += 1
                raise refused("the buffer is full")
            return await super().enqueue(message)

    outbox = Full()
    run(service(), outbox, records("a", "b", "c"))
    # without repeats: c was kept back until b had its outcome
    assert outbox.texts() == (["a", "b", "c"] if refused is DependencyError else ["a", "c"])
    assert outbox.reasons() == ([] if refused is DependencyError else [b"refused"])


def test_a_dead_letter_that_is_refused_ends_the_run() -> None:
    def fail(message: Message, number: int) -> None:
        raise RefusedError("nothing is taken")

    with pytest.raises(RefusedError):
        run(service(), Remembering(fail), records("a"))


def test_hooks_run_after_every_send_is_settled_and_not_when_one_is_not() -> None:
    seen: list[int] = []
    outbox = Remembering()

    async def process(raw: RawArticle, record: Record) -> Outcome:
        async def hook() -> None:
            seen.append(len(outbox.settled))

        return emit(raw.text or "", hook)

    run(service(process), outbox, records("a", "b"))
    assert seen == [2, 2]

    def fail(message: Message, number: int) -> None:
        raise ValueError("unforeseen")

    seen.clear()
    outbox = Remembering(fail)
    with pytest.raises(ValueError, match="unforeseen"):
        run(service(process), outbox, records("a", "b"))
    assert seen == []


def test_a_batch_is_prepared_before_its_first_record_and_settled_once_after_its_last_hook() -> None:
    seen: list[str] = []

    async def prepare(batch: Sequence[Record]) -> None:
        seen.append("prepare " + " ".join(RawArticle.from_bytes(each.value or b"").text or "" for each in batch))

    async def process(raw: RawArticle, record: Record) -> Outcome:
        async def hook() -> None:
            seen.append(f"hook {raw.text}")

        seen.append(f"process {raw.text}")
        return emit(raw.text or "", hook)

    async def settled() -> None:
        seen.append("settled")

    # a tombstone has nothing to prepare
    run(replace(service(process), prepare=prepare, settled=settled), Remembering(), records("a", None, "b"))
    assert seen == ["prepare a b", "process a", "process b", "hook a", "hook b", "settled"]


def test_a_batch_that_raises_is_gone_through_singly() -> None:
    async def batch(items: Sequence[Item[RawArticle]]) -> list[Outcome]:
        raise KeyError("one of them")

    async def process(raw: RawArticle, record: Record) -> Outcome:
        if raw.text == "b":
            raise KeyError("poison")
        return emit(raw.text or "")

    outbox = Remembering()
    run(service(process, batch), outbox, records("a", "b", "c"))
    assert outbox.texts() == ["a", "c"]
    assert outbox.reasons() == [b"processing_error"]


def test_a_tombstone_between_two_events_is_met_between_them() -> None:
    met: list[str] = []

    async def batch(items: Sequence[Item[RawArticle]]) -> list[Outcome]:
        met.extend(raw.text or "" for raw, _ in items)
        return [emit(raw.text or "") for raw, _ in items]

    async def tombstone(key: str, record: Record) -> Outcome:
        met.append(f"tombstone {key}")
        return Discard("tombstone")

    a_service = Service(
        "cleaner",
        source=RAW_ARTICLES,
        process=echo,
        process_batch=batch,
        process_tombstone=tombstone,
        publishes=(CLEAN_ARTICLES,),
    )
    run(a_service, Remembering(), records("a", None, "b"))
    assert met == ["a", "tombstone k", "b"]


def test_a_discard_for_a_reason_that_was_not_declared_is_a_bug_and_ends_the_run() -> None:
    async def process(raw: RawArticle, record: Record) -> Outcome:
        return Discard("whim")

    with pytest.raises(RuntimeError, match="whim"):
        run(service(process), Remembering(), records("a"))


def test_headers_of_a_redelivered_record_are_the_same() -> None:
    first, second = Remembering(), Remembering()
    run(service(), first, records("a"))
    run(service(), second, records("a"))
    assert first.settled == second.settled


def test_a_right_that_is_missing_ends_the_run_and_makes_no_dead_letter() -> None:
    async def process(raw: RawArticle, record: Record) -> Outcome:
        raise ConfigurationError("Redis does not allow this user the memo_get")

    async def batch(items: Sequence[Item[RawArticle]]) -> list[Outcome]:
        raise ConfigurationError("Redis does not allow this user the add")

    for a_service in (service(process), service(echo, batch)):
        outbox = Remembering()
        with pytest.raises(ConfigurationError):
            run(a_service, outbox, records("a", "b"))
        assert outbox.settled == []


def run_early(
    outbox: Remembering, batch: Sequence[Record], process: Process[RawArticle], breaker: Breaker | None = None
) -> None:
    engine = Engine(service(process), outbox, backoff=Backoff(0.001, 0.002), breaker=breaker, sends_early=True)
    asyncio.run(engine.run(batch))


def test_an_event_is_sent_while_later_records_are_worked_on() -> None:
    outbox = Remembering()
    seen: list[list[str]] = []

    async def slowly(raw: RawArticle, record: Record) -> Outcome:
        seen.append(outbox.texts())
        time.sleep(0.01)  # work, as a page is
        return emit(raw.text or "")

    run_early(outbox, records("a", "b", "c"), slowly)
    assert seen == [[], ["a"], ["a", "b"]]
    assert outbox.texts() == ["a", "b", "c"]


def test_no_hook_runs_before_everything_is_settled_though_it_was_sent_early() -> None:
    outbox = Remembering()
    settled_at_hook: list[list[str]] = []

    async def hook() -> None:
        settled_at_hook.append(outbox.texts())

    async def slowly(raw: RawArticle, record: Record) -> Outcome:
        time.sleep(0.01)
        return emit(raw.text or "", hook)

    run_early(outbox, records("a", "b"), slowly)
    assert settled_at_hook == [["a", "b"], ["a", "b"]]


def test_a_send_that_fails_early_is_sent_again_before_what_followed_it() -> None:
    def fail(message: Message, number: int) -> None:
        if number == 1:
            raise DependencyError("broker away")

    async def slowly(raw: RawArticle, record: Record) -> Outcome:
        time.sleep(0.01)
        return emit(raw.text or "")

    outbox = Remembering(fail)
    run_early(outbox, records("a", "b", "c"), slowly)
    assert outbox.texts() == ["b", "c", "a", "b", "c"]


def test_a_dead_letter_is_not_sent_before_the_breaker_has_looked_at_the_whole_batch() -> None:
    async def slowly(raw: RawArticle, record: Record) -> Outcome:
        time.sleep(0.01)
        if raw.text == "a":
            return emit("a")
        raise ValueError(raw.text)

    outbox = Remembering()
    with pytest.raises(BreakerError):
        run_early(outbox, records("a", "b", "c"), slowly, Breaker(run=2, ratio=1, window=10))
    assert outbox.texts() == ["a"]
    assert outbox.reasons() == []
