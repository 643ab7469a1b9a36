"""The duplicates service: clean articles in; alerts, revisions and clusters out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas.articles import CleanArticle
from schemas.events import InvalidEventError, content_hash, format_instant
from schemas.topics import ARTICLE_REVISIONS, CLEAN_ARTICLES, DUPLICATE_ALERTS, DUPLICATE_CLUSTERS
from services.duplicates import metrics
from services.duplicates.composing import events_of, removal_events
from services.duplicates.history import KafkaHistory
from services.duplicates.index import Arrival, Found, Gone, KnownVersion, Recall, Settled, Settlement, WithdrawnVersion
from services.duplicates.matching import Verdict, arrive, judge_candidates, settle_plan
from services.duplicates.rebuild import History, HistoryRecord, open_index
from services.duplicates.redis_index import MOST_TEXTS, RedisArticleIndex
from services.duplicates.relations import Article
from services.duplicates.settings import DuplicatesSettings
from services.duplicates.stored import key_of, milliseconds
from services.runtime.cache import Cache
from services.runtime.errors import ConfigurationError, DependencyError
from services.runtime.service import (
    Discard,
    Emit,
    InvalidRecordError,
    Item,
    Outcome,
    Positions,
    Publish,
    Record,
    Service,
)
from services.runtime.settings import RuntimeSettings, read_settings
from services.runtime.worker import run

DISCARD_REASONS = ("no_match", "too_short", "same_matches", "known_version", "withdrawn")
_FUTURE = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEASURE_SECONDS = 5.0
_MEASURE_SECONDS_AN_ARTICLE = 0.001
_MEASURE_SECONDS_MOST = 60.0


@dataclass
class _Pending:
    """An article of a batch on its way to its outcome."""

    position: int
    event: CleanArticle
    record: Record


class DuplicateFinder:
    """Brings batches of articles through the index. One batch at a time, as the engine does it."""

    def __init__(self, index: RedisArticleIndex, history: History | None) -> None:
        self._index = index
        self._history = history
        self._indexed: dict[str, int] = {}
        self._opening = asyncio.Lock()
        self._refused: ConfigurationError | None = None

    async def open(self) -> None:
        """Returns when the index is whole. Raises DependencyError while it is not, or while Redis is away."""
        async with self._opening:
            if not self._index.generation and await open_index(self._index, self._history, self._reindex):
                metrics.REBUILDS.inc()

    def forget_positions(self) -> None:
        """Partitions may have gone to other workers: what this one had indexed no longer says what must be there."""
        self._indexed = {}

    def close(self) -> None:
        """Look at the whole index again before the next record."""
        self._index.generation = ""

    async def process_batch(self, items: Sequence[Item[CleanArticle]]) -> list[Outcome]:
        """The outcome of each item, in order; what arrives together is no different from what arrives singly.

        Raises InvalidRecordError for an article from the future, DependencyError while the index is away.
        """
        if self._refused:
            raise self._refused
        await self.open()
        outcomes: dict[int, Outcome] = {}
        run: list[_Pending] = []
        keys: set[str] = set()
        last: dict[str, int] = {}
        for position, (event, record) in enumerate(items):
            _refuse_future(event, record)
            key = key_of(event.article_id)
            if event.status == "withdrawn" or key in keys:
                # what comes before in the batch must be settled before the article is looked at again
                await self._run(run, outcomes, last)
                run, keys, last = [], set(), {}
            if event.status == "withdrawn":
                outcomes[position] = await self.remove(
                    event.article_id, record.owner, milliseconds(event.fetched_at), reason="withdrawn"
                )
                await self._note(record)
                continue
            keys.add(key)
            run.append(_Pending(position, event, record))
            last[f"{record.topic}/{record.partition}"] = record.offset
        await self._run(run, outcomes, last)
        return [outcomes[position] for position in range(len(items))]

    async def remove(self, article_id: str, owner: str, withdrawn_ms: int, *, reason: str) -> Outcome:
        """Take an article out of index and cluster; discarded for `reason` when it was in no cluster."""
        await self.open()
        removed = await self._index.remove(key_of(article_id), owner, withdrawn_ms)
        publishes = tuple(Publish(*event) for event in removal_events(article_id, removed)) if removed else ()
        return Emit(publishes) if publishes else Discard(reason, article_id=article_id)

    async def _run(self, run: Sequence[_Pending], outcomes: dict[int, Outcome], last: dict[str, int]) -> None:
        if not run:
            return
        expected = self._indexed if self._history is not None else {}
        progress = last if self._history is not None else {}
        articles: list[Article] = []
        replies = await self._index.add(_arriving(run, articles), expected, progress)
        requests: list[Settlement | Recall] = []
        waiting: list[tuple[_Pending, Article]] = []
        for pending, article, reply in zip(run, articles, replies, strict=True):
            if isinstance(reply, KnownVersion):
                outcomes[pending.position] = _discard("known_version", pending.event)
            elif isinstance(reply, WithdrawnVersion):
                outcomes[pending.position] = _discard("withdrawn", pending.event)
            elif (request := self._request(article, pending.record.owner, reply)) is not None:
                requests.append(request)
                waiting.append((pending, article))
            else:
                outcomes[pending.position] = _no_match(article, pending.event)
        settled = await self._index.settle(requests, progress)
        for (pending, article), request, result in zip(waiting, requests, settled, strict=True):
            if result is None:
                outcomes[pending.position] = _no_match(article, pending.event)
            elif isinstance(result, Gone):
                outcomes[pending.position] = _discard("withdrawn", pending.event)
            else:
                is_new = isinstance(request, Settlement)
                outcomes[pending.position] = self._outcome(pending, article, result, is_new=is_new)
        if self._history is not None:
            self._indexed.update(last)

    def _request(self, article: Article, owner: str, found: Found) -> Settlement | Recall | None:
        """What is to be settled; for a record that came before at least what was, whatever is found for it by now."""
        metrics.CANDIDATES.observe(len(found.candidates))
        verdicts: list[Verdict] = []
        if found.candidates:
            verdicts = judge_candidates(article, found, window_ms=self._index.window_ms)
            for verdict in verdicts:
                metrics.DECISIONS.labels(verdict.decision.kind).inc()
        plan = settle_plan(article, owner, found, verdicts, is_capped=len(found.candidates) > MOST_TEXTS)
        if plan is None and found.is_again:
            return Recall(article.stored.article_key, key_of(article.stored.ref.version_id), owner)
        return plan

    def _outcome(self, pending: _Pending, article: Article, settled: Settled, *, is_new: bool) -> Outcome:
        publishes = tuple(Publish(*event) for event in events_of(settled, article.stored.ref))
        if not publishes:
            return _discard("same_matches" if settled.is_same_matches else "no_match", pending.event)
        if is_new:
            for publish in publishes:
                if publish.topic is DUPLICATE_ALERTS:
                    metrics.count_alert(publish.event)
                elif publish.topic is ARTICLE_REVISIONS:
                    metrics.REVISIONS.inc()
            metrics.MERGES.inc(len(settled.merged))
        return Emit(publishes)

    async def _note(self, record: Record) -> None:
        if self._history is not None:
            part = f"{record.topic}/{record.partition}"
            await self._index.note({part: record.offset})
            self._indexed[part] = record.offset

    async def _reindex(self, records: Sequence[HistoryRecord]) -> None:
        """Index records again as they were indexed the first time; nothing is published."""
        run: list[_Pending] = []
        keys: set[str] = set()
        last: dict[str, int] = {}

        async def flush() -> None:
            requests: list[Settlement | Recall] = []
            articles: list[Article] = []
            replies = await self._index.add(_arriving(run, articles), {}, {})
            for pending, article, reply in zip(run, articles, replies, strict=True):
                if isinstance(reply, Found):
                    request = self._request(article, pending.record.owner, reply)
                    if request is not None:
                        requests.append(request)
            await self._index.settle(requests, {})
            await self._index.note(last)
            metrics.REINDEXED.inc(len(run))
            run.clear()
            keys.clear()
            last.clear()

        for item in records:
            read = _read_again(item)
            if read is None:
                last[item.partition] = item.offset
                continue
            event, record = read
            if event is None or event.status == "withdrawn":
                await flush()
                article_id = event.article_id if event is not None else (item.key or b"").decode(errors="replace")
                at_ms = milliseconds(event.fetched_at) if event is not None else item.timestamp_ms
                await self._index.remove(key_of(article_id), record.owner, at_ms)
                last[item.partition] = item.offset
                continue
            if key_of(event.article_id) in keys:
                await flush()
            keys.add(key_of(event.article_id))
            run.append(_Pending(0, event, record))
            last[item.partition] = item.offset
        await flush()

    async def measure(self, stopped: asyncio.Event) -> None:
        """Tell the index's size until `stopped`, records or none; the larger it is, the less often.

        A right that Redis does not grant ends it, and the worker with the next record.
        """
        while not stopped.is_set():
            pause = _MEASURE_SECONDS
            # while Redis is away the last size stands; the observer tells that it is away
            with suppress(DependencyError):
                try:
                    size = await self._index.size()
                except ConfigurationError as error:
                    self._refused = error
                    return
                metrics.ARTICLES.set(size.articles)
                metrics.RECORD_BYTES.set(size.record_bytes)
                metrics.TEXT_BYTES.set(size.text_bytes)
                metrics.REDIS_BYTES.set(size.redis_bytes)
                pause = min(_MEASURE_SECONDS_MOST, pause + size.articles * _MEASURE_SECONDS_AN_ARTICLE)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), pause)


def _arriving(run: Sequence[_Pending], articles: list[Article]) -> Iterator[Arrival]:
    """The arrivals of `run`, each counted when it is asked for; its article goes to `articles`."""
    for pending in run:
        article, arrival = arrive(pending.event, pending.record.owner)
        articles.append(article)
        yield arrival


def _discard(reason: str, event: CleanArticle) -> Discard:
    return Discard(reason, page_id=event.page_id or None, article_id=event.article_id, version_id=event.version_id)


def _no_match(article: Article, event: CleanArticle) -> Discard:
    return _discard("too_short" if article.is_short else "no_match", event)


def _refuse_future(event: CleanArticle, record: Record) -> None:
    if event.fetched_at > record.timestamp + _FUTURE:
        raise InvalidRecordError(
            f"fetched_at {format_instant(event.fetched_at)} is more than an hour after the record's own time "
            f"{format_instant(record.timestamp)}; correct the clock of the program that fetched the page"
        )


def _read_again(item: HistoryRecord) -> tuple[CleanArticle | None, Record] | None:
    """The event and record of what is read again; None for what was a dead letter the first time."""
    topic, _, partition = item.partition.rpartition("/")
    at = timedelta(milliseconds=item.timestamp_ms)
    record = Record(topic, int(partition), item.offset, item.key, item.value, (), _EPOCH + at)
    if item.value is None:
        return (None, record) if item.key is not None else None
    try:
        event = CleanArticle.from_bytes(item.value)
        _refuse_future(event, record)
    except (InvalidEventError, InvalidRecordError):
        return None
    return event, record


def build(
    runtime: RuntimeSettings, settings: DuplicatesSettings | None = None, *, history: History | None = None
) -> Service[CleanArticle]:
    """The service on the Redis of `runtime`. With `history`, what Redis has lost is indexed again from there."""
    settings = settings or read_settings(DuplicatesSettings)
    redis = Cache(runtime, "duplicates")
    index = RedisArticleIndex(redis, settings.layout())
    finder = DuplicateFinder(index, history)
    metrics.start_duplicates_at_zero()

    stopped = asyncio.Event()
    measuring: list[asyncio.Task[None]] = []

    async def start() -> None:
        await redis.require_noeviction()
        measuring.append(asyncio.create_task(finder.measure(stopped)))

    async def stop() -> None:
        # not cancelled: the Redis client was seen to lose a cancellation, and then it is waited for in vain
        stopped.set()
        await asyncio.gather(*measuring)
        await redis.close()

    async def process(event: CleanArticle, record: Record) -> Outcome:
        return (await finder.process_batch([(event, record)]))[0]

    async def process_tombstone(key: str, record: Record) -> Outcome:
        # the value of every tombstone is the same: its owner is where it lies
        owner = content_hash(key, record.coordinates)
        return await finder.remove(key, owner, milliseconds(record.timestamp), reason="tombstone")

    async def assigned(positions: Positions) -> None:
        finder.forget_positions()
        finder.close()
        await finder.open()

    async def ready() -> str | None:
        return None if index.generation else "the index is being opened"

    return Service(
        "duplicates",
        source=CLEAN_ARTICLES,
        process=process,
        process_batch=finder.process_batch,
        process_tombstone=process_tombstone,
        publishes=(DUPLICATE_ALERTS, ARTICLE_REVISIONS, DUPLICATE_CLUSTERS),
        discard_reasons=DISCARD_REASONS,
        start=start,
        stop=stop,
        ready=ready,
        assigned=assigned,
    )


def main() -> None:
    """The worker, as containers run it."""
    run(lambda runtime: build(runtime, history=KafkaHistory(runtime)))


if __name__ == "__main__":
    main()
