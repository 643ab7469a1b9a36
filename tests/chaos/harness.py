"""Faults of every kind against the whole suite at load, and what is left on the topics afterwards.

`uv run python -m tests.chaos.harness --seed 7` prints a table, a row for each fault; `--short` is what CI runs. Each
fault meets fresh articles: copies in groups, poison, and pages published in several versions. After it every id must be
on clean-articles and article-entities, every pair of copies in the alerts, the repeats byte-equal and no more than what
the interruptions account for, the versions of each key in order, no lag left, and the audit balanced. A fault that this
machine cannot inject is shown as skipped, with the reason.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import uuid
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

from schemas.articles import CleanArticle, main_article_id, page_id
from schemas.duplicates import DuplicateAlert
from schemas.topics import SERVICES
from services.cleaner.urls import url_key
from services.commands.audit import audit
from services.commands.letters import replay
from services.local.redis_server import RedisServer
from services.runtime.errors import DependencyError, SuiteError
from services.runtime.kafka import Admin, Publisher, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings
from tests.chaos.servers import ChaosBroker, Clock, namespaces
from tests.newsroom import MadeArticle, expected_pairs, made_articles
from tests.suite import Suite
from tests.support import eventually

VERSIONS: Final = 4
# what is settled waits as long for its commit, the commit takes a moment, and a batch is made to last a tenth of a
# second: on a machine that does other things too, several
REPEATED_SECONDS: Final = RuntimeSettings.model_fields["commit_interval_seconds"].default + 1.0
_PAGES_IN_VERSIONS: Final = 5
_OUTPUTS: Final = {"cleaner": "clean-articles", "entities": "article-entities", "duplicates": "duplicates-discards"}


@dataclass(frozen=True)
class Row:
    """What one fault did: how many articles it met, how many events came twice and how many were allowed to, seconds
    until all was settled."""

    fault: str
    articles: int
    repeats: int
    allowed: int
    seconds: float
    note: str
    failure: str = ""
    skipped: str = ""


class NotHereError(Exception):
    """This machine cannot inject the fault; the message says what is missing."""


class Chaos:
    """The suite under test, its servers, and everything published so far."""

    def __init__(self, folder: Path, *, seed: int, count: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.count = count
        self.folder = folder
        self._stack = ExitStack()
        self.broker = self._stack.enter_context(ChaosBroker(namespaces()))
        self.redis = self._stack.enter_context(RedisServer(append_only=True))
        self.prefix = f"chaos-{uuid.uuid4().hex[:8]}-"
        self.suite = self._stack.enter_context(
            Suite(self.broker.bootstrap, self.redis.url, prefix=self.prefix, folder=folder)
        )
        self.articles: list[MadeArticle] = []
        self.letters: dict[str, set[bytes]] = {service: set() for service in SERVICES}
        self.repeats = 0
        self.allowed = 0
        self.breaks: dict[str, list[float | None]] = {service: [] for service in SERVICES}
        """When each service's work was cut off, Unix time, where that is known: each time may repeat a batch and a
        commit interval."""

    def close(self) -> None:
        self._stack.close()

    def start(self) -> None:
        self.suite.start()
        self.suite.wait_until_ready(within_seconds=_PATIENCE_SECONDS)

    def another(self, **environment: str) -> Suite:
        """One more worker of each service, in a folder of its own; use as a context manager."""
        folder = self.folder / uuid.uuid4().hex[:6]
        folder.mkdir()
        return Suite(self.broker.bootstrap, self.redis.url, prefix=self.prefix, folder=folder, environment=environment)

    def cut_off(self, times: int = 1, services: Sequence[str] = SERVICES, *, at: float | None = None) -> None:
        """Work of a worker of each of `services` is cut off so many times, now or, without `at`, at a time unknown."""
        for service in services:
            self.breaks[service] += [at] * times

    # -- load

    def publish(self, count: int | None = None, *, now: bool = False) -> None:
        """Fresh articles, some in versions, with poison between them; fetched `now`, or on a day long gone."""
        count = count or self.count
        base = len(self.articles) + 1000 * (self.seed % 1000)
        later = datetime.now(UTC) - timedelta(minutes=10) - made_at(0) if now else timedelta(0)
        fresh = [
            replace(
                article,
                number=base + article.number,
                group=base + article.group,
                url=f"{article.url.rsplit('/', 1)[0]}/{base + article.number}",
                fetched_at=article.fetched_at + later,
            )
            for article in made_articles(count, seed=base + 1, copied=count // 10, copies=3)
        ]
        self.articles += fresh
        values = [article.raw() for article in fresh]
        for version in range(1, VERSIONS):
            values += [_version(article, version).raw() for article in _alone(fresh)[:_PAGES_IN_VERSIONS]]
        poison = [f"not json {base} {number}".encode() for number in range(3)]
        self.letters["cleaner"] |= set(poison)
        for place, value in enumerate(poison, start=1):
            values.insert(place * count // 4, value)
        self.send(values)

    def send(self, values: Sequence[bytes]) -> None:
        """Publish these, keyed by their page."""
        keys = [_url_of(value) for value in values]
        with Publisher(self.suite.settings) as publisher:
            for key, value in zip(keys, values, strict=True):
                publisher.send(f"{self.prefix}raw-articles", key, value)
            publisher.flush()

    def written(self, topic: str) -> int:
        with Admin(self.suite.settings) as admin:
            return sum(admin.end_offsets(admin.partitions([self.prefix + topic])).values())

    def under_way(self, service: str = "cleaner") -> None:
        """Returns when `service` has written something and has more to read."""
        before = self.written(_OUTPUTS[service])
        eventually(
            lambda: self.written(_OUTPUTS[service]) >= before + 5, within_seconds=_PATIENCE_SECONDS, every_seconds=0.2
        )

    def settled(self) -> None:
        """Returns when the services have read everything; fails when they get no further."""
        left, since, lag = -1, time.monotonic(), dict[str, int]()
        while True:
            with contextlib.suppress(DependencyError):  # a broker that has just started has no coordinator yet
                lag = self.suite.lag()
                if sum(lag.values()) != left:
                    left, since = sum(lag.values()), time.monotonic()
                if not left:
                    # the cleaner may have written since the others were looked at
                    if not sum(self.suite.lag().values()):
                        return
                    left = -1
            assert time.monotonic() - since < _STANDSTILL_SECONDS, f"no further for {_STANDSTILL_SECONDS} s: {lag} left"
            time.sleep(0.5)

    # -- what must hold

    def check(self) -> None:
        ids = {article_id(article): article.number for article in self.articles}
        clean = self.suite.records("clean-articles")
        _equal(
            {CleanArticle.from_bytes(record.value or b"").article_id for record in clean}, set(ids), "clean-articles"
        )
        entities = self.suite.records("article-entities")
        _equal({(record.key or b"").decode() for record in entities}, set(ids), "article-entities")
        repeats = 0
        for topic, records in (("clean-articles", clean), ("article-entities", entities)):
            by_source: dict[bytes, set[bytes]] = defaultdict(set)
            for record in records:
                by_source[dict(record.headers)["ce_id"]].add(record.value or b"")
            for ce_id, values in by_source.items():
                assert len(values) == 1, f"{topic}: {ce_id.decode()} came with different bytes: {_differences(values)}"
            repeats += len(records) - len(by_source)
        # what earlier faults repeated is on the topics still
        self.allowed = _most_repeats(clean, self.breaks["cleaner"]) + _most_repeats(entities, self.breaks["entities"])
        self.repeats = repeats
        assert repeats <= self.allowed, f"{repeats} events came twice; interruptions account for {self.allowed}"
        self._check_order()
        alerts = cast("list[DuplicateAlert]", self.suite.events("duplicate-alerts", DuplicateAlert))
        pairs = {
            frozenset((ids[alert.article.article_id], ids[match.article.article_id]))
            for alert in alerts
            for match in alert.matches
        }
        _equal(pairs, expected_pairs(self.articles), "duplicate-alerts")
        for service, letters in self.letters.items():
            topic = f"{service}-dead-letters"
            _equal({record.value or b"" for record in self.suite.records(topic)}, letters, topic)
        for balance in audit(self.suite.settings):
            assert not balance.missing_count, f"{balance.service}: no outcome of {balance.missing[:3]}"
            assert not balance.waiting, f"{balance.service}: {balance.waiting} not acknowledged"

    def _check_order(self) -> None:
        """The versions of each key come in the order in which they were published, once repeats are dropped."""
        with Admin(self.suite.settings) as admin:
            parts = admin.partitions([f"{self.prefix}clean-articles"])
            begins, ends = admin.beginning_offsets(parts), admin.end_offsets(parts)
        seen: dict[bytes, list[int]] = defaultdict(list)
        for record in read_records(self.suite.settings, begins, until=ends):
            offset = int(dict(record.headers)["newsloom.source.offset"])
            if offset not in seen[record.key or b""]:
                seen[record.key or b""].append(offset)
        assert sum(len(offsets) >= VERSIONS for offsets in seen.values()) >= _PAGES_IN_VERSIONS
        for key, offsets in seen.items():
            assert offsets == sorted(offsets), f"clean-articles: key {key!r} has {offsets}"

    # -- faults

    def signal_each(self, number: signal.Signals, times: int) -> str:
        slowest = 0.0
        for _ in range(times):
            for service in SERVICES:
                self.under_way()
                self._pause(0.05, 0.5)
                slowest = max(slowest, self._end(f"{service}-0", number))
                self.publish(40)
        return f"{times * len(SERVICES)} workers ended" + (f", slowest {slowest:.1f} s" if number != 9 else "")

    def _end(self, name: str, number: signal.Signals) -> float:
        before, pid = self.suite.restarts()[name], self.suite.pids[name]
        told = time.monotonic()
        os.kill(pid, number)
        self.cut_off(services=[name.split("-")[0]], at=time.time())
        eventually(lambda: self.suite.pids.get(name) != pid, within_seconds=15, every_seconds=0.02)
        took = time.monotonic() - told
        assert took < 10, f"{name} took {took:.1f} s to end"
        eventually(lambda: self.suite.restarts()[name] > before, within_seconds=_PATIENCE_SECONDS)
        return took

    def _pause(self, least: float, most: float) -> None:
        time.sleep(self.rng.uniform(least, most))  # a random moment; nothing waits for it

    def sigkill(self) -> str:
        """SIGKILL of each worker at random moments."""
        return self.signal_each(signal.SIGKILL, 10 if self.count > 100 else 4)

    def sigterm(self) -> str:
        """SIGTERM of each worker at load."""
        return self.signal_each(signal.SIGTERM, 1)

    def broker_stopped(self) -> str:
        """The broker stopped for 15 s."""
        self.under_way()
        self.cut_off(_OUTAGE)
        self.broker.stop()
        time.sleep(15)  # how long the fault lasts
        self.broker.start()
        return "away 15 s"

    def broker_killed(self) -> str:
        """The broker killed, and its log recovered."""
        self.under_way()
        self.cut_off(_OUTAGE)
        self.broker.kill()
        self._pause(1, 3)
        self.broker.start()
        return "log recovered"

    def sigterm_without_broker(self) -> str:
        """Every worker told to stop while the broker is away."""
        self.under_way()
        self.cut_off(_OUTAGE)
        self.broker.kill()
        self._pause(2, 4)
        slowest = max(self._end(f"{service}-0", signal.SIGTERM) for service in SERVICES)
        self.broker.start()
        return f"slowest end {slowest:.1f} s"

    def sigterm_without_redis(self) -> str:
        """Every worker told to stop while Redis is away."""
        self.under_way("duplicates")
        self.redis.kill()
        self._pause(1, 2)
        slowest = max(self._end(f"{service}-0", signal.SIGTERM) for service in SERVICES)
        self.redis.start()
        return f"slowest end {slowest:.1f} s"

    def disk_full(self) -> str:
        """The disk of the broker's log is full: the broker dies over it, and comes back when there is room."""
        if not self.broker.has_small_disk:
            raise NotHereError("no namespace to mount a small disk in: run as root, or allow user namespaces")
        self.under_way()
        self.cut_off(_OUTAGE)
        self.broker.fill(0)
        # what is on its way needs more than the rest of a page
        eventually(
            lambda: not self.broker.alive, within_seconds=_PATIENCE_SECONDS, message="the broker notices the full disk"
        )
        told = self.broker.log.read_text()
        assert "No space left on device" in told[-20_000:], told[-1000:]
        self._pause(3, 5)
        assert self.broker.free_bytes < 65536
        self.broker.free()
        self.broker.start()
        return "the broker died of it; room again, log recovered"

    def clock_jumps(self) -> str:
        """The clocks of one worker of each service, then the broker's, jump hours ahead and hours back."""
        if Clock.library() is None:
            raise NotHereError("no libfaketime on this machine (Debian: apt-get install libfaketime)")
        clock = Clock(self.folder)
        self.cut_off(4)
        with self.another(**clock.environment()) as other:
            other.start()
            other.wait_until_ready(within_seconds=_PATIENCE_SECONDS)
            ended = sum(other.restarts().values())
            for jump in (2 * 3600, -3 * 3600, 0):
                clock.jump(jump)
                self._pause(1.5, 2)
                self.publish(now=True)
                self.under_way()
            ended = sum(other.restarts().values()) - ended
        assert not ended, f"workers ended {ended} times over their clock"
        self.cut_off(2 * _OUTAGE)
        self.broker.stop()
        self.broker.clock = clock
        self.broker.start()
        try:
            for jump in (2 * 3600, 0):
                clock.jump(jump)
                self._pause(1.5, 2)
                self.publish(now=True)
                self.under_way()
            # caught up: what lies on the topics is settled before the machine's own time is back
            self.settled()
        finally:
            self.broker.stop()
            self.broker.clock = None
            self.broker.start()
        return "workers +2 h, -3 h; broker +2 h, and back"

    def right_missing(self) -> str:
        """The right to write is taken from each service at load, and given back."""
        topics = {service: self.prefix + topic for service, topic in _OUTPUTS.items()}
        self.under_way()
        self.cut_off(12)
        self.publish()
        # the last first: a cleaner that has ended gives the others nothing to write
        for service in reversed(SERVICES):
            name, at = f"{service}-0", len(self.suite.log(f"{service}-0"))
            self.broker.deny([topics[service]])
            said = f"does not allow this user to write to {topics[service]}"
            eventually(lambda name=name, at=at, said=said: said in self.suite.log(name)[at:], _PATIENCE_SECONDS)
        # long enough for more workers to end over the same record than a record may end
        before = self.suite.restarts()
        eventually(
            lambda: all(self.suite.restarts()[name] >= count + 4 for name, count in before.items()), _PATIENCE_SECONDS
        )
        self.broker.allow(topics.values())
        return "each worker said which, again and again"

    def refusals(self) -> str:
        """Events that the broker refuses: their records are dead letters, their neighbours pass, a replay mends it."""
        first = len(self.articles) + 10**6
        large = [
            replace(article, number=first + number, group=first + number, url=f"{article.url}-large")
            for number, article in enumerate(made_articles(4, seed=self.seed, copied=0, sentences=1200))
        ]
        limits = {
            "cleaner": (self.prefix + "clean-articles", 64 * 1024),
            "entities": (self.prefix + "article-entities", 32 * 1024),
        }
        for topic, limit in limits.values():
            self.broker.configure(topic, {"max.message.bytes": str(limit)})
        self.cut_off(3)
        self.send([article.raw() for article in large])
        self.publish()
        self.articles += large
        ids = {article_id(article) for article in large}
        for service, (topic, _) in limits.items():
            self.settled()
            refused = [
                record for record in self.suite.records(f"{service}-dead-letters") if _reason(record) == "refused"
            ]
            found = {_id_of(record.value or b"") for record in refused}
            assert found == ids, (
                f"{service}: {len(found & ids)} of {len(ids)} large ones refused, {len(found - ids)} others"
            )
            self.letters[service] |= {record.value or b"" for record in refused}
            self.broker.configure(topic, {"max.message.bytes": str(26 * 2**20)})
            done = replay(self.suite.settings, service, reasons=["refused"])
            assert (done.replayed, done.refused) == (len(refused), ())
        return f"{len(ids)} refused at each of two topics, replayed once allowed"

    def slow_consumer(self) -> str:
        """Every worker gets a fifth of its time, before a backlog larger than what it may take of memory."""
        names = [f"{service}-0" for service in SERVICES]
        pids = [self.suite.pids[name] for name in names]
        before = [_resident(pid) for pid in pids]
        for pid in pids:
            # the peak counts from here on
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        filler = b"<!--" + b"x" * _BACKLOG_PAGE_BYTES + b"-->"
        fresh = len(self.articles)
        self.publish(40)
        padded = [article.raw().replace(b"<nav>", filler + b"<nav>", 1) for article in self.articles[fresh:]]
        backlog = [padded[number % len(padded)] for number in range(_BACKLOG_PAGES)]
        self.send(backlog)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(0.4)  # how long it stands still
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            time.sleep(0.1)  # how long it may work
        self.settled()
        assert [self.suite.pids[name] for name in names] == pids, "a worker ended"
        grown = [(_peak(pid) - least) >> 20 for pid, least in zip(pids, before, strict=True)]
        waiting = _BACKLOG_PAGES * _BACKLOG_PAGE_BYTES >> 20
        assert max(grown) < _MOST_GROWTH_MB < waiting, f"grew by {grown} MiB before a backlog of {waiting} MiB"
        return f"backlog {waiting} MiB, workers grew by {', '.join(map(str, grown))} MiB at most"

    def redis_stopped(self) -> str:
        """Redis stopped for a while; it keeps what it knew."""
        self.under_way("duplicates")
        self.redis.stop()
        time.sleep(8)  # how long the fault lasts
        self.redis.start()
        return "away 8 s"

    def redis_killed(self) -> str:
        """Redis killed."""
        self.under_way("duplicates")
        self.redis.kill()
        self._pause(0.5, 2)
        self.redis.start()
        return "killed"

    def redis_emptied(self) -> str:
        """Redis lost everything: the index comes back from clean-articles."""
        self.under_way("duplicates")
        self.redis.kill()
        shutil.rmtree(self.redis.folder / "data")
        (self.redis.folder / "data").mkdir()
        self.redis.start()
        return "restarted empty"

    def redis_full(self) -> str:
        """Redis out of memory for a while."""
        import redis

        self.under_way("duplicates")
        with redis.Redis.from_url(self.redis.url) as client:
            before = cast("dict[str, str]", client.config_get("maxmemory"))["maxmemory"]
            client.config_set("maxmemory", int(cast("dict[str, int]", client.info("memory"))["used_memory"]) - 1)
            time.sleep(6)  # how long the fault lasts
            client.config_set("maxmemory", before)
        return "no memory for 6 s"

    def joining_and_leaving(self) -> str:
        """A second worker of each service, coming and going."""
        rounds = 4 if self.count > 100 else 2
        # both workers of a service lose what they hold, when one comes and when one goes
        self.cut_off(4 * rounds)
        for _ in range(rounds):
            with self.another() as other:
                other.start()
                self._pause(5, 9)
            self.publish()
        return f"{rounds} times"

    def frozen(self) -> str:
        """A worker of each service frozen past its session, its partitions worked on by another, and woken again."""
        with self.another() as other:
            other.start()
            other.wait_until_ready(within_seconds=_PATIENCE_SECONDS)
            self.publish()
            self.under_way()
            self.cut_off(8)
            pids = [self.suite.pids[f"{service}-0"] for service in SERVICES]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(14)  # more than twice the session
            self.publish()
            self.under_way()
            before = self._committed()
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            woken = time.monotonic()
            while time.monotonic() - woken < self.rng.uniform(4, 6):
                now = self._committed()
                fallen = {place: (offset, now[place]) for place, offset in before.items() if now[place] < offset}
                assert not fallen, f"a woken worker committed what it had before: {fallen}"
                before = now
        return "14 s, session 6 s; no commit of the woken one"

    def _committed(self) -> dict[tuple[str, str, int], int]:
        """How far each service has committed each partition of its input."""
        inputs = {"cleaner": "raw-articles", "entities": "clean-articles", "duplicates": "clean-articles"}
        with Admin(self.suite.settings) as admin:
            return {
                (service, *place): offset or 0
                for service, topic in inputs.items()
                for place, offset in admin.committed_offsets(
                    self.suite.settings.group(service), admin.partitions([self.prefix + topic])
                ).items()
            }

    def run(self, fault: Callable[[], str]) -> Row:
        """One fault, and the check after it."""
        before, began = len(self.articles), time.monotonic()
        repeats, allowed = self.repeats, self.allowed
        self.publish()
        name = getattr(fault, "__name__", "fault")
        note = failure = skipped = ""
        try:
            try:
                note = fault()
            except NotHereError as error:
                skipped = str(error)
            self.settled()
            self.check()
        except (AssertionError, SuiteError) as error:
            failure = str(error)[:1500]
        return Row(
            name,
            len(self.articles) - before,
            self.repeats - repeats,
            max(0, self.allowed - allowed),
            round(time.monotonic() - began, 1),
            note,
            failure,
            skipped,
        )


_OUTAGE: Final = 3
"""What an outage of the broker may cut off: the sends under way, the commit, and the work taken when the group meets
again."""
# a busy machine is slow, but it does not stand still; no guarantee is in these two, unlike the 10 s of a worker's end
_PATIENCE_SECONDS: Final = 300
_STANDSTILL_SECONDS: Final = 150
_BACKLOG_PAGES: Final = 300
_BACKLOG_PAGE_BYTES: Final = 1_500_000
_MOST_GROWTH_MB: Final = 256

SHORT: Final = ("sigkill", "sigterm", "broker_killed", "redis_killed", "frozen", "disk_full")
ALL: Final = (
    "sigkill",
    "sigterm",
    "broker_stopped",
    "broker_killed",
    "sigterm_without_broker",
    "disk_full",
    "redis_stopped",
    "redis_killed",
    "sigterm_without_redis",
    "redis_full",
    "joining_and_leaving",
    "frozen",
    "right_missing",
    "refusals",
    "slow_consumer",
    "clock_jumps",
    "redis_emptied",
)


def made_at(number: int) -> datetime:
    """When the `number`-th made article says it was fetched."""
    return next(made_articles(1, copied=0)).fetched_at + timedelta(seconds=number)


def _most_repeats(records: Sequence[Record], breaks: Sequence[float | None]) -> int:
    """How many of a service's `records` its interruptions account for: each, those written just before it."""
    times = sorted(record.timestamp.timestamp() for record in records)
    busiest = _busiest(times)
    return sum(
        busiest if at is None else bisect_right(times, at) - bisect_left(times, at - REPEATED_SECONDS) for at in breaks
    )


def _busiest(times: Sequence[float]) -> int:
    """The most that came within the time of a batch and its commit: what an interruption at an unknown time repeats."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] > REPEATED_SECONDS:
            first += 1
        most = max(most, last - first + 1)
    return most


def _reason(record: Record) -> str:
    return dict(record.headers).get("newsloom.reason", b"").decode()


def _id_of(value: bytes) -> str:
    """The main article's id of a raw or a clean article."""
    event = json.loads(value)
    return str(event.get("article_id") or main_article_id(page_id(url_key=url_key(event["url"]))))


def _status(pid: int, name: str) -> int:
    """A figure of /proc in bytes."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def _resident(pid: int) -> int:
    return _status(pid, "VmRSS")


def _peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def article_id(article: MadeArticle) -> str:
    return main_article_id(page_id(url_key=url_key(article.url)))


def _alone(articles: Sequence[MadeArticle]) -> list[MadeArticle]:
    """Those that are copies of nothing."""
    sizes: dict[int, int] = defaultdict(int)
    for article in articles:
        sizes[article.group] += 1
    return [article for article in articles if sizes[article.group] == 1]


def _version(article: MadeArticle, version: int) -> MadeArticle:
    last = f"Updated for the {version}. time that day, after the desk had heard from everyone it had asked."
    return replace(
        article,
        paragraphs=(*article.paragraphs, last),
        fetched_at=article.fetched_at + timedelta(minutes=version),
    )


def _url_of(value: bytes) -> bytes:
    try:
        return url_key(str(json.loads(value)["url"])).encode()
    except (ValueError, KeyError):
        return value


def _differences(values: set[bytes]) -> str:
    one, other = [json.loads(value or b"{}") for value in sorted(values)[:2]]
    return ", ".join(
        f"{name} {one[name]!r:.200} / {other.get(name)!r:.200}" for name in one if one[name] != other.get(name)
    )


def _equal(found: set[object] | set[str], wanted: set[object] | set[str], where: str) -> None:
    lost, more = wanted - found, found - wanted
    assert not lost, f"{where}: {len(lost)} missing, such as {list(lost)[:3]}"
    assert not more, f"{where}: {len(more)} unexpected, such as {list(more)[:3]}"


def told(row: Row) -> str:
    """What became of the row's fault, for a person."""
    if row.failure:
        return f"FAILED: {row.failure}"
    return f"SKIPPED: {row.skipped}" if row.skipped else f"nothing lost: {row.note}"


def run(names: Sequence[str], *, seed: int, count: int, show: Callable[[Row], None]) -> list[Row]:
    """Each fault of `names` in turn on one suite; a fault that fails ends the run."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="newsloom-chaos-") as folder:
        chaos = Chaos(Path(folder), seed=seed, count=count)
        try:
            chaos.start()
            for name in names:
                rows.append(chaos.run(getattr(chaos, name)))
                show(rows[-1])
                if rows[-1].failure:
                    for log in sorted(Path(folder).rglob("*.log")):
                        print(f"-- {log.name}\n{log.read_text()[-1200:]}", file=sys.stderr)
                    break
        finally:
            chaos.close()
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--short", action="store_true", help="fewer articles and the faults that find most")
    parser.add_argument("--count", type=int, help="articles published at a time")
    parser.add_argument("--fault", action="append", choices=ALL, help="only this one; may be repeated")
    arguments = parser.parse_args()
    names = arguments.fault or (SHORT if arguments.short else ALL)
    count = arguments.count or (60 if arguments.short else 150)
    print(f"seed {arguments.seed}, {count} articles at a time")
    print(f"{'fault':22} {'articles':>8} {'repeats':>7} {'allowed':>7} {'seconds':>7}  outcome")
    rows = run(
        names,
        seed=arguments.seed,
        count=count,
        show=lambda row: print(
            f"{row.fault:22} {row.articles:8} {row.repeats:7} {row.allowed:7} {row.seconds:7}  {told(row)}",
            flush=True,
        ),
    )
    return 1 if any(row.failure for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
