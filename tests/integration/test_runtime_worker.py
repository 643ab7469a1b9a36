"""One worker process of a probe service on the real broker: every record has its one outcome, under faults too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.articles import CleanArticle
from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES, dead_letters, discards
from services.local.broker import Broker
from services.runtime.errors import DependencyError
from services.runtime.kafka import MAX_REQUEST_BYTES, Admin, Publisher, read_records
from services.runtime.marks import Mark
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings
from tests.support import eventually

REPOSITORY = Path(__file__).resolve().parents[2]


class Bench:
    """Topics, settings and worker processes of one test."""

    def __init__(self, broker: Broker, prefix: str, folder: Path) -> None:
        self.settings = RuntimeSettings(kafka_bootstrap=broker.bootstrap, topic_prefix=prefix)
        self.prefix = prefix
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        topics = [RAW_ARTICLES, CLEAN_ARTICLES, dead_letters("cleaner"), discards("cleaner")]
        with Admin(self.settings) as admin:
            admin.create_topics(topics, prefix=prefix, partitions=2)

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        number = len(self.workers)
        with (self.folder / f"worker-{number}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.probe_service"],
                cwd=REPOSITORY,
                stderr=log,
                stdout=log,
                env={
                    **os.environ,
                    "NEWSLOOM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
                    "NEWSLOOM_TOPIC_PREFIX": self.prefix,
                    "NEWSLOOM_HTTP_PORT_FILE": str(self.folder / f"port-{number}"),
                    "NEWSLOOM_SESSION_TIMEOUT_SECONDS": "6",
                    **environment,
                },
            )
        self.workers.append(worker)
        return worker

    def log(self, number: int = 0) -> str:
        return (self.folder / f"worker-{number}.log").read_text()

    def get(self, path: str, number: int = 0) -> tuple[int, str]:
        port_file = self.folder / f"port-{number}"
        assert port_file.exists()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port_file.read_text().strip()}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def publish(
        self, *values: bytes | None, key: bytes | None = b"k", headers: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        with Publisher(self.settings) as publisher:
            for value in values:
                publisher.send(self.prefix + RAW_ARTICLES.name, key, value, headers)
            publisher.flush()

    def records(self, topic: str) -> list[Record]:
        with Admin(self.settings) as admin:
            parts = admin.partitions([self.prefix + topic])
            ends = admin.end_offsets(parts)
        return list(read_records(self.settings, dict.fromkeys(parts, 0), until=ends))

    def lag(self) -> int:
        with Admin(self.settings) as admin:
            parts = admin.partitions([self.prefix + RAW_ARTICLES.name])
            committed = admin.committed_offsets(self.settings.group("cleaner"), parts)
            ends = admin.end_offsets(parts)
        return sum(ends[part] - (committed[part] or 0) for part in parts)

    def marks(self) -> list[Mark]:
        """The marks of records that are begun and not ended."""
        with Admin(self.settings) as admin:
            parts = admin.partitions([self.prefix + RAW_ARTICLES.name])
            committed = admin.committed(self.settings.group("cleaner"), parts)
        return [mark for _, text in committed.values() if (mark := Mark.read(text)).tries]

    def settled(self) -> None:
        def no_lag() -> bool:
            try:
                return self.lag() == 0
            except DependencyError:
                return False  # a broker that has just started has no coordinator yet

        eventually(no_lag, within_seconds=40, message="no lag is left")

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()


@pytest.fixture
def bench(kafka: Broker, topic_prefix: str, tmp_path: Path) -> Generator[Bench]:
    bench = Bench(kafka, topic_prefix, tmp_path)
    yield bench
    bench.stop()


def raw(number: int, **extra: object) -> bytes:
    return json.dumps(
        {
            "url": f"https://outlet.example/{number}",
            "fetched_at": "2026-03-02T08:00:00Z",
            "headline": f"Headline {number}",
            "text": f"Body of article {number}.",
            "publisher": {"name": "tests"},
            "extra": extra,
        }
    ).encode()


def headlines(records: list[Record]) -> list[str]:
    return [CleanArticle.from_bytes(record.value or b"").headline for record in records]


def test_every_kind_of_record_has_its_one_outcome_and_the_next_one_passes(bench: Bench) -> None:
    bench.start()
    bad = [
        (b"not json", "decode_error"),
        (b"\xff\xfe{}", "decode_error"),
        (b"[1, 2]", "invalid"),
        (b'{"url": "https://x.example/"}', "invalid"),
        (raw(1, do="raise"), "processing_error"),
        (raw(2, do="invalid"), "invalid"),
    ]
    bench.publish(*[value for value, _ in bad], raw(3, do="discard"), None, raw(4))
    bench.settled()
    assert headlines(bench.records("clean-articles")) == ["Headline 4"]
    letters = bench.records("cleaner-dead-letters")
    assert [(letter.value, dict(letter.headers)["newsloom.reason"].decode()) for letter in letters] == bad
    reasons = [json.loads(record.value or b"")["reason"] for record in bench.records("cleaner-discards")]
    assert reasons == ["unchanged", "tombstone"]
    status, text = bench.get("/metrics")
    assert status == 200
    counted = {
        (sample.labels["outcome"], sample.labels["reason"]): sample.value
        for family in text_string_to_metric_families(text)
        if family.name == "newsloom_records"
        for sample in family.samples
        if sample.name == "newsloom_records_total" and sample.value
    }
    assert counted == {
        ("dead_lettered", "decode_error"): 2,
        ("dead_lettered", "invalid"): 3,
        ("dead_lettered", "processing_error"): 1,
        ("discarded", "unchanged"): 1,
        ("discarded", "tombstone"): 1,
        ("emitted", ""): 1,
    }


def test_a_dead_letter_keeps_key_value_and_headers_and_says_what_failed(bench: Bench) -> None:
    bench.start()
    bench.publish(b"\x00bad\xff", key=b"\xff\x00key", headers=(("trace", b"\xffabc"), ("trace", b"twice")))
    bench.settled()
    [letter] = bench.records("cleaner-dead-letters")
    assert (letter.key, letter.value) == (b"\xff\x00key", b"\x00bad\xff")
    assert letter.headers[:2] == (("trace", b"\xffabc"), ("trace", b"twice"))
    added = dict(letter.headers[2:])
    assert added["__connect.errors.topic"].decode() == bench.prefix + "raw-articles"
    assert added["__connect.errors.offset"] == b"0"
    assert b"UTF-8 JSON" in added["__connect.errors.exception.message"]
    assert added["newsloom.attempts"] == b"1"


def test_events_carry_cloudevents_headers_the_publishers_trace_and_their_coordinates(bench: Bench) -> None:
    bench.start()
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    bench.publish(raw(1), headers=(("traceparent", trace),))
    bench.settled()
    [record] = bench.records("clean-articles")
    headers = dict(record.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"newsloom.clean-articles.v1"
    assert headers["ce_subject"] == record.key
    assert headers["content-type"] == b"application/json"
    assert headers["traceparent"].startswith(b"00-0af7651916cd43dd8448eb211c80319c-")
    assert headers["traceparent"] != trace
    assert headers["newsloom.source.topic"].decode() == bench.prefix + "raw-articles"
    assert headers["newsloom.source.offset"] == b"0"


@pytest.mark.parametrize(
    ("times", "who"), [(1_500_000, "broker"), (1_800_000, "client")], ids=["at-the-broker", "at-the-client"]
)
def test_an_output_that_is_refused_is_a_dead_letter_and_its_neighbours_pass(bench: Bench, times: int, who: str) -> None:
    # "Body of article 2." so often: more than clean-articles takes, or than the producer sends at all
    size = times * len("Body of article 2.")
    assert (size > MAX_REQUEST_BYTES) == (who == "client")
    assert size > CLEAN_ARTICLES.max_message_bytes
    bench.publish(raw(1), raw(2, do="large", times=times), raw(3))
    bench.start()
    bench.settled()
    assert sorted(set(headlines(bench.records("clean-articles")))) == ["Headline 1", "Headline 3"]
    [letter] = bench.records("cleaner-dead-letters")
    assert dict(letter.headers)["newsloom.reason"] == b"refused"
    assert letter.value == raw(2, do="large", times=times)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_lost_when_a_worker_is_ended_amid_its_work(bench: Bench, number: signal.Signals) -> None:
    count = 400
    bench.publish(
        *[raw(index, do="sleep", seconds=0.01) if index % 7 else raw(index, do="raise") for index in range(count)]
    )
    worker = bench.start()
    eventually(lambda: len(bench.records("clean-articles")) > 60, message="work is under way")
    worker.send_signal(number)
    code = worker.wait(timeout=15)
    assert code == (-number if number == signal.SIGKILL else 0), bench.log()
    assert bench.lag() > 0, "the worker was ended too late to show anything"
    bench.start()
    bench.settled()
    values: Counter[bytes] = Counter(record.value or b"" for record in bench.records("clean-articles"))
    found = {CleanArticle.from_bytes(value).headline for value in values}
    assert found == {f"Headline {index}" for index in range(count) if index % 7}
    # what came twice is byte-equal: as many different values as articles
    assert len(values) == len(found)
    letters = {record.value for record in bench.records("cleaner-dead-letters")}
    assert len(letters) == len([index for index in range(count) if index % 7 == 0])


def test_a_worker_that_dies_over_a_record_acknowledges_nothing_from_it_on(bench: Bench) -> None:
    bench.publish(*[raw(index) for index in range(5)], raw(5, do="exit"), *[raw(index) for index in range(6, 10)])
    worker = bench.start()
    assert worker.wait(timeout=40) == 1
    # the first records of an assignment run singly, so the five before it are settled and acknowledged
    assert bench.lag() == 5


def test_a_worker_that_dies_amid_a_batch_acknowledges_nothing_of_it(bench: Bench) -> None:
    # the first four run singly, the others by four; what is committed ends before the batch that holds the deadly one
    bench.publish(*[raw(index) for index in range(15)], raw(15, do="exit"), *[raw(index) for index in range(16, 20)])
    worker = bench.start(NEWSLOOM_BATCH_RECORDS="4")
    assert worker.wait(timeout=40) == 1
    assert 20 - 12 <= bench.lag() <= 20 - 3


def letters(bench: Bench) -> list[tuple[bytes | None, str, str]]:
    return [
        (record.value, headers["newsloom.reason"].decode(), headers["newsloom.attempts"].decode())
        for record in bench.records("cleaner-dead-letters")
        if (headers := dict(record.headers))
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    ("do", "reason"), [("exit", "crashed"), ("segfault", "crashed"), ("hang", "too_slow"), ("memory", "crashed")]
)
def test_a_record_that_ends_three_workers_is_a_dead_letter_and_the_next_one_passes(
    bench: Bench, do: str, reason: str
) -> None:
    values = [raw(0), raw(1, do=do), raw(2)]
    bench.publish(*values)
    limits = {
        "NEWSLOOM_STALL_SECONDS": "4" if do == "hang" else "60",
        "NEWSLOOM_MEMORY_LIMIT_BYTES": str(1 << 30) if do == "memory" else "0",
    }
    for _ in range(3):
        worker = bench.start(**limits)
        assert worker.wait(timeout=60) != 0
        assert headlines(bench.records("clean-articles"))[:1] == ["Headline 0"]
    bench.start(**limits)
    bench.settled()
    assert set(headlines(bench.records("clean-articles"))) == {"Headline 0", "Headline 2"}
    assert letters(bench) == [(values[1], reason, "3")]


def test_a_record_that_waits_too_long_is_a_dead_letter_at_once(bench: Bench) -> None:
    values = [raw(0), raw(1, do="sleep", seconds=3600), raw(2)]
    bench.publish(*values)
    bench.start(NEWSLOOM_RECORD_SECONDS="1")
    bench.settled()
    assert headlines(bench.records("clean-articles")) == ["Headline 0", "Headline 2"]
    assert letters(bench) == [(values[1], "too_slow", "1")]


@pytest.mark.long
def test_being_stopped_or_rebalanced_over_a_record_is_no_death(bench: Bench) -> None:
    bench.publish(raw(0, do="sleep", seconds=4))
    for _ in range(4):
        worker = bench.start()
        eventually(lambda: bench.marks(), within_seconds=30)
        worker.terminate()
        assert worker.wait(timeout=15) == 0
        assert not bench.marks()
    bench.start()
    # others come and go while the record is under way
    for _ in range(2):
        other = bench.start()
        eventually(lambda: "partitions assigned" in bench.log(len(bench.workers) - 1), within_seconds=30)
        other.terminate()
        assert other.wait(timeout=15) == 0
    bench.settled()
    assert set(headlines(bench.records("clean-articles"))) == {"Headline 0"}
    assert letters(bench) == []


@pytest.mark.long
def test_a_service_stops_rather_than_divert_its_whole_traffic(bench: Bench) -> None:
    bench.publish(raw(0), *[b"not json"] * 100)
    worker = bench.start(NEWSLOOM_BREAKER_RUN="40")
    assert worker.wait(timeout=40) == 65
    assert "records in a row became dead letters" in bench.log()
    assert "decode_error" in bench.log()
    assert "Traceback" not in bench.log()
    diverted = len(letters(bench))
    assert 0 < diverted < 40
    assert bench.lag() >= 61
    # another worker goes on counting where the first one stopped: the rest is not diverted piece by piece
    for number in (1, 2):
        assert bench.start(NEWSLOOM_BREAKER_RUN="40").wait(timeout=40) == 65, bench.log(number)
    assert len(letters(bench)) <= 80
    # whoever knows better turns it off
    bench.start(NEWSLOOM_BREAKER_RUN="0")
    bench.settled()
    assert len({letter[0] for letter in letters(bench)}) == 1


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_stops_in_time_with_its_broker_away(
    fresh_broker: Callable[..., Broker], topic_prefix: str, tmp_path: Path, number: signal.Signals
) -> None:
    broker = fresh_broker()
    bench = Bench(broker, topic_prefix, tmp_path)
    try:
        bench.publish(*[raw(index, do="sleep", seconds=0.05) for index in range(200)])
        worker = bench.start()
        eventually(lambda: len(bench.records("clean-articles")) > 20, within_seconds=30)
        broker.kill()
        # it is amid a batch and cannot send it
        eventually(lambda: worker.poll() is None and time.monotonic() > began + 3) if (began := time.monotonic()) else 0
        told = time.monotonic()
        worker.send_signal(number)
        assert worker.wait(timeout=12) == 0
        assert time.monotonic() - told < 10
    finally:
        bench.stop()


def test_readiness_follows_the_worker_and_health_its_loop(bench: Bench) -> None:
    bench.start()
    eventually(lambda: bench.get("/readyz")[0] == 200, within_seconds=30)
    assert bench.get("/healthz") == (200, '{"ok": true, "reason": null}')
    assert bench.get("/nowhere")[0] == 404


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"NEWSLOOM_BATCH_RECORDS": "many"}, "NEWSLOOM_BATCH_RECORDS"),
        ({"NEWSLOOM_RAW_TOPICS": "nowhere"}, "newsloom topics create"),
        ({"NEWSLOOM_KAFKA_SECURITY": "SASL_PLAINTEXT"}, "NEWSLOOM_KAFKA_USERNAME"),
    ],
)
def test_a_wrong_setting_ends_the_worker_with_its_name_and_a_remedy(
    bench: Bench, environment: dict[str, str], words: str
) -> None:
    worker = bench.start(**environment)
    assert worker.wait(timeout=30) == 78
    assert words in bench.log()
    assert "Traceback" not in bench.log()


def test_a_worker_waits_for_a_broker_that_is_away_and_then_works(
    fresh_broker: Callable[..., Broker], topic_prefix: str, tmp_path: Path
) -> None:
    broker = fresh_broker()
    bench = Bench(broker, topic_prefix, tmp_path)
    try:
        bench.publish(raw(1))
        broker.stop()
        bench.start()
        eventually(lambda: "dependency did not answer" in bench.log(), within_seconds=30)
        assert bench.get("/readyz")[0] == 503
        assert bench.get("/healthz")[0] == 200
        broker.start()
        eventually(lambda: bench.records("clean-articles"), within_seconds=60)
    finally:
        bench.stop()
