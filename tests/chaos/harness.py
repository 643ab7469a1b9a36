"""Faults of every kind against the whole suite at load, and what is left on the topics afterwards.

`uv run python -m tests.chaos.harness --seed 7` prints a table, a row for each fault; `--short` is what CI runs. Each
fault meets fresh articles: copies in groups, poison, and pages published in several versions. After it every id must be
on clean-articles and article-entities, every pair of copies in the alerts, the repeats byte-equal, the versions of each
key in order, no lag left, and the audit balanced.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final, cast

from schemas.articles import CleanArticle, main_article_id, page_id
from schemas.duplicates import DuplicateAlert
from schemas.topics import SERVICES
from services.cleaner.urls import url_key
from services.commands.audit import audit
from services.local.broker import Broker
from services.local.redis_server import RedisServer
from services.runtime.errors import SuiteError
from services.runtime.kafka import Admin, Publisher, read_records
from tests.newsroom import MadeArticle, expected_pairs, made_articles
from tests.suite import Suite
from tests.support import eventually

VERSIONS: Final = 4
_PAGES_IN_VERSIONS: Final = 5
_OUTPUTS: Final = {"cleaner": "clean-articles", "entities": "article-entities", "duplicates": "duplicates-discards"}


@dataclass(frozen=True)
class Row:
    """What one fault did: how many articles it met, how many events came twice, seconds until all was settled."""

    fault: str
    articles: int
    repeats: int
    seconds: float
    note: str
    failure: str = ""


class Chaos:
    """The suite under test, its servers, and everything published so far."""

    def __init__(self, folder: Path, *, seed: int, count: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.count = count
        self.folder = folder
        self._stack = ExitStack()
        self.broker = self._stack.enter_context(Broker())
        self.redis = self._stack.enter_context(RedisServer(append_only=True))
        self.prefix = f"chaos-{uuid.uuid4().hex[:8]}-"
        self.suite = self._stack.enter_context(
            Suite(self.broker.bootstrap, self.redis.url, prefix=self.prefix, folder=folder)
        )
        self.articles: list[MadeArticle] = []
        self.poison: set[bytes] = set()
        self.repeats = 0

    def close(self) -> None:
        self._stack.close()

    def start(self) -> None:
        self.suite.start()
        self.suite.wait_until_ready(within_seconds=120)

    def another(self) -> Suite:
        """One more worker of each service, in a folder of its own; use as a context manager."""
        folder = self.folder / uuid.uuid4().hex[:6]
        folder.mkdir()
        return Suite(self.broker.bootstrap, self.redis.url, prefix=self.prefix, folder=folder)

    # -- load

    def publish(self) -> None:
        """Fresh articles, some in versions, with poison between them."""
        base = len(self.articles) + 1000 * (self.seed % 1000)
        fresh = [
            replace(
                article,
                number=base + article.number,
                group=base + article.group,
                url=f"{article.url.rsplit('/', 1)[0]}/{base + article.number}",
            )
            for article in made_articles(self.count, seed=base + 1, copied=self.count // 10, copies=3)
        ]
        self.articles += fresh
        values = [article.raw() for article in fresh]
        for version in range(1, VERSIONS):
            values += [_version(article, version).raw() for article in _alone(fresh)[:_PAGES_IN_VERSIONS]]
        poison = [f"not json {base} {number}".encode() for number in range(3)]
        self.poison |= set(poison)
        for place, value in enumerate(poison, start=1):
            values.insert(place * self.count // 4, value)
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
        eventually(lambda: self.written(_OUTPUTS[service]) >= before + 5, within_seconds=90, every_seconds=0.2)

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
        self.repeats = repeats
        self._check_order()
        alerts = cast("list[DuplicateAlert]", self.suite.events("duplicate-alerts", DuplicateAlert))
        pairs = {
            frozenset((ids[alert.article.article_id], ids[match.article.article_id]))
            for alert in alerts
            for match in alert.matches
        }
        _equal(pairs, expected_pairs(self.articles), "duplicate-alerts")
        _equal({record.value for record in self.suite.records("cleaner-dead-letters")}, self.poison, "dead letters")
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
                self.publish()
        return f"{times * len(SERVICES)} workers ended" + (f", slowest {slowest:.1f} s" if number != 9 else "")

    def _end(self, name: str, number: signal.Signals) -> float:
        before, pid = self.suite.restarts()[name], self.suite.pids[name]
        told = time.monotonic()
        os.kill(pid, number)
        eventually(lambda: self.suite.pids.get(name) != pid, within_seconds=15, every_seconds=0.02)
        took = time.monotonic() - told
        assert took < 10, f"{name} took {took:.1f} s to end"
        eventually(lambda: self.suite.restarts()[name] > before, within_seconds=30)
        return took

    def _pause(self, least: float, most: float) -> None:
        time.sleep(self.rng.uniform(least, most))  # a random moment; nothing waits for it

    def sigkill(self) -> str:
        """SIGKILL of each worker at random moments."""
        return self.signal_each(signal.SIGKILL, 4 if self.count > 100 else 1)

    def sigterm(self) -> str:
        """SIGTERM of each worker at load."""
        return self.signal_each(signal.SIGTERM, 1)

    def broker_stopped(self) -> str:
        """The broker stopped for 15 s."""
        self.under_way()
        self.broker.stop()
        time.sleep(15)  # how long the fault lasts
        self.broker.start()
        return "away 15 s"

    def broker_killed(self) -> str:
        """The broker killed, and its log recovered."""
        self.under_way()
        self.broker.kill()
        self._pause(1, 3)
        self.broker.start()
        return "log recovered"

    def sigterm_without_broker(self) -> str:
        """Every worker told to stop while the broker is away."""
        self.under_way()
        self.broker.kill()
        self._pause(2, 4)
        slowest = max(self._end(f"{service}-0", signal.SIGTERM) for service in SERVICES)
        self.broker.start()
        return f"slowest end {slowest:.1f} s"

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
            other.wait_until_ready(within_seconds=90)
            self.publish()
            self.under_way()
            pids = [self.suite.pids[f"{service}-0"] for service in SERVICES]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(14)  # more than twice the session
            self.publish()
            self.under_way()
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            self._pause(3, 6)
        return "14 s, session 6 s"

    def run(self, fault: Callable[[], str]) -> Row:
        """One fault, and the check after it."""
        before, began = len(self.articles), time.monotonic()
        self.publish()
        name = getattr(fault, "__name__", "fault")
        note = failure = ""
        try:
            note = fault()
            self.suite.wait_until_done(within_seconds=240)
            self.check()
        except (AssertionError, SuiteError) as error:
            failure = str(error)[:1500]
        return Row(name, len(self.articles) - before, self.repeats, round(time.monotonic() - began, 1), note, failure)


SHORT: Final = ("sigkill", "sigterm", "broker_killed", "redis_killed", "frozen")
ALL: Final = (
    "sigkill",
    "sigterm",
    "broker_stopped",
    "broker_killed",
    "sigterm_without_broker",
    "redis_stopped",
    "redis_killed",
    "redis_full",
    "joining_and_leaving",
    "frozen",
    "redis_emptied",
)


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
    print(f"{'fault':24} {'articles':>8} {'repeats':>8} {'seconds':>8}  outcome")
    rows = run(
        names,
        seed=arguments.seed,
        count=count,
        show=lambda row: print(
            f"{row.fault:24} {row.articles:8} {row.repeats:8} {row.seconds:8}  "
            + (row.failure or f"nothing lost: {row.note}"),
            flush=True,
        ),
    )
    return 1 if any(row.failure for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
