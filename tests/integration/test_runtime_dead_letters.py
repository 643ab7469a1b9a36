"""Dead letters put back and cleared away, and the audit, over the real broker and through the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.topics import ALL_TOPICS
from services.commands.audit import audit
from services.local.broker import Broker
from services.runtime.kafka import Admin, Publisher, commit_offsets
from tests.integration.test_runtime_worker import Bench, headlines, raw
from tests.support import run_newsloom

_BOMB_BYTES = 400 * 2**20


@pytest.fixture
def bench(kafka: Broker, topic_prefix: str, tmp_path: Path) -> Generator[Bench]:
    bench = Bench(kafka, topic_prefix, tmp_path)
    with Admin(bench.settings) as admin:
        admin.create_topics(ALL_TOPICS, prefix=topic_prefix, partitions=2)
    yield bench
    bench.stop()


def newsloom(bench: Bench, *arguments: str, input: bytes = b"") -> tuple[int, Any, str]:
    """Exit code, the JSON on standard output, and standard error of a command."""
    code, answer, complaint = typed(bench, *arguments, "--json", input=input)
    return code, json.loads(answer) if answer else None, complaint


def typed(bench: Bench, *arguments: str, input: bytes = b"") -> tuple[int, bytes, str]:
    """Exit code, standard output and standard error of a command."""
    done = run_newsloom(
        *arguments,
        environment={
            "NEWSLOOM_KAFKA_BOOTSTRAP": bench.settings.kafka_bootstrap,
            "NEWSLOOM_TOPIC_PREFIX": bench.prefix,
        },
        input=input,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def test_a_replayed_letter_is_the_record_again_and_goes_round_three_times_at_most(bench: Bench) -> None:
    bench.start()
    bench.publish(b"not json", key=b"page", headers=(("trace", b"\xff"),))
    for round_ in range(1, 4):
        bench.settled()
        assert newsloom(bench, "dead-letters", "replay", "cleaner") == (
            0,
            {"replayed": 1, "refused": [], "left": 0, "skipped": round_ - 1},
            "",
        )
        again = bench.records("raw-articles")
        assert len({record.partition for record in again}) == 1
        assert again[-1].key == b"page"
        assert again[-1].value == b"not json"
        assert again[-1].headers == (("trace", b"\xff"), ("newsloom.replays", str(round_).encode()))
    bench.settled()
    code, answer, complaint = newsloom(bench, "dead-letters", "replay", "cleaner")
    assert (code, answer["replayed"]) == (65, 0)
    assert "replayed 3 times" in complaint


def test_a_replay_takes_what_it_is_told_and_nothing_twice(bench: Bench) -> None:
    bench.start()
    bench.publish(b"not json", b"[]", b"not json either")
    bench.settled()
    code, answer, _ = newsloom(bench, "dead-letters", "replay", "cleaner", "--reason", "invalid")
    assert (code, answer) == (0, {"replayed": 1, "refused": [], "left": 0, "skipped": 0})
    bench.settled()
    assert newsloom(bench, "dead-letters", "replay", "cleaner", "--limit", "2")[1]["replayed"] == 2
    bench.settled()
    [first] = [letter["id"] for letter in newsloom(bench, "dead-letters", "list", "cleaner")[1]][-1:]
    again = newsloom(bench, "dead-letters", "replay", "cleaner", "--id", first)[1]
    assert again["replayed"] == 1
    topic, partition, offset = again["places"][first].split("/")
    newest = max(bench.records("raw-articles"), key=lambda record: record.timestamp)
    assert (newest.topic, newest.partition, newest.offset) == (topic, int(partition), int(offset))
    code, _, complaint = newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/999999")
    assert (code, "no dead letter 0/999999" in complaint) == (65, True)


def shelve(bench: Bench, *values: bytes, reason: bytes = b"invalid") -> None:
    """Dead letters of the cleaner as it writes them, all in partition 0; no worker runs that would make more."""
    with Publisher(bench.settings) as publisher:
        for number, value in enumerate(values):
            headers = (
                ("__connect.errors.topic", f"{bench.prefix}raw-articles".encode()),
                ("__connect.errors.partition", b"1"),
                ("__connect.errors.offset", str(number).encode()),
                ("newsloom.reason", reason),
            )
            publisher.send(f"{bench.prefix}cleaner-dead-letters", b"k", value, headers, partition=0)
        publisher.flush()


def put_back(bench: Bench) -> list[bytes]:
    return [record.value or b"" for record in bench.records("raw-articles")]


def test_a_letter_that_was_replayed_is_skipped_by_the_next_replay_and_sent_when_it_is_named(bench: Bench) -> None:
    shelve(bench, *(b"%d" % number for number in range(5)))
    shelve(bench, b"5", b"6", reason=b"too_slow")
    assert newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/2")[1]["replayed"] == 1
    assert newsloom(bench, "dead-letters", "replay", "cleaner", "--reason", "too_slow", "--limit", "1")[1] == {
        "replayed": 1,
        "refused": [],
        "left": 1,
        "skipped": 0,
    }
    listed = {letter["id"]: letter["replayed"] for letter in newsloom(bench, "dead-letters", "list", "cleaner")[1]}
    assert listed == {f"0/{offset}": offset in (2, 5) for offset in range(7)}
    assert newsloom(bench, "dead-letters", "replay", "cleaner", "--reason", "invalid")[1] == {
        "replayed": 4,
        "refused": [],
        "left": 0,
        "skipped": 1,
    }
    assert newsloom(bench, "dead-letters", "replay", "cleaner")[1] == {
        "replayed": 1,
        "refused": [],
        "left": 0,
        "skipped": 6,
    }
    assert newsloom(bench, "dead-letters", "replay", "cleaner")[1]["replayed"] == 0
    assert sorted(put_back(bench)) == [b"%d" % number for number in range(7)]
    assert newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/2")[1]["replayed"] == 1
    assert sorted(put_back(bench)) == sorted([b"2", *(b"%d" % number for number in range(7))])


def test_a_refused_letter_is_not_taken_for_a_replayed_one(bench: Bench) -> None:
    with Publisher(bench.settings) as publisher:
        publisher.send(f"{bench.prefix}cleaner-dead-letters", b"k", b"lost", partition=0)
        publisher.flush()
    shelve(bench, b"1", b"2")
    # neither does it stand in the way of the others
    for replayed in (1, 1, 0):
        code, answer, _ = newsloom(bench, "dead-letters", "replay", "cleaner", "--limit", "1")
        assert (code, answer["replayed"], len(answer["refused"])) == (65, replayed, 1)
    assert sorted(put_back(bench)) == [b"1", b"2"]
    listed = [letter["replayed"] for letter in newsloom(bench, "dead-letters", "list", "cleaner")[1]]
    assert sorted(listed) == [False, True, True]


def test_a_letter_is_corrected_and_put_back_in_three_steps(bench: Bench, tmp_path: Path) -> None:
    bench.start()
    died = b'{"url": "https://outlet.example/a", "note": "\\ud800 \xc3\xa4"}\n'
    bench.publish(died, key=b"page", headers=(("trace", b"\xff"),))
    bench.settled()
    [listed] = newsloom(bench, "dead-letters", "list", "cleaner")[1]
    file = tmp_path / "record.json"
    assert typed(bench, "dead-letters", "show", "cleaner", listed["id"], "--value") == (0, died, "")
    again = ("dead-letters", "replay", "cleaner", "--id", listed["id"], "--value")
    # what is not mended would only die again, of the same
    file.write_bytes(died)
    code, answer, complaint = newsloom(bench, *again, str(file))
    assert (code, answer) == (65, None)
    assert "fetched_at: required and missing; add it" in listed["message"]
    assert f"{file}: {listed['message']}" in complaint
    assert put_back(bench) == [died]
    file.write_bytes(b"\n" + raw(7) + b"\n")
    code, answer, complaint = newsloom(bench, *again, str(file))
    assert (code, answer["replayed"]) == (0, 1), complaint
    bench.settled()
    first, second = sorted(bench.records("raw-articles"), key=lambda record: record.offset)
    assert (second.partition, second.key, second.value) == (first.partition, b"page", raw(7))
    assert second.headers == (("trace", b"\xff"), ("newsloom.replays", b"1"))
    assert headlines(bench.records("clean-articles")) == ["Headline 7"]
    [listed] = newsloom(bench, "dead-letters", "list", "cleaner")[1]
    assert listed["replayed"]
    # a named letter is always sent, from standard input too
    assert newsloom(bench, *again, "-", input=raw(8))[1]["replayed"] == 1
    bench.settled()
    assert sorted(headlines(bench.records("clean-articles"))) == ["Headline 7", "Headline 8"]


def test_a_corrected_value_goes_with_one_id_and_may_be_the_fourth(bench: Bench, tmp_path: Path) -> None:
    with Publisher(bench.settings) as publisher:
        headers = (
            ("__connect.errors.topic", f"{bench.prefix}raw-articles".encode()),
            ("__connect.errors.partition", b"1"),
            ("newsloom.replays", b"3"),
        )
        publisher.send(f"{bench.prefix}cleaner-dead-letters", b"k", b"[]", headers, partition=0)
        publisher.flush()
    (tmp_path / "good.json").write_bytes(raw(1))
    good = ("--value", str(tmp_path / "good.json"))
    for options in (good, ("--id", "0/0", "--id", "0/1", *good), ("--id", "0/0", "--reason", "invalid", *good)):
        code, _, complaint = newsloom(bench, "dead-letters", "replay", "cleaner", *options)
        assert (code, "--value corrects one dead letter: name it with one --id" in complaint) == (78, True)
    for path, expected, words in ((tmp_path / "missing.json", 78, "missing.json"), ("-", 65, "not UTF-8 JSON")):
        code, _, complaint = newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/0", "--value", str(path))
        assert (code, words in complaint) == (expected, True), complaint
    # a raw article is nothing that the entities read
    code, _, complaint = newsloom(bench, "dead-letters", "replay", "entities", "--id", "0/0", *good)
    assert (code, "not a CleanArticle" in complaint) == (65, True)
    code, _, complaint = newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/0")
    assert (code, "correct the record (--value)" in complaint) == (65, True)
    assert put_back(bench) == []
    assert newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/0", *good)[1]["replayed"] == 1
    [record] = bench.records("raw-articles")
    assert (record.partition, record.value, record.headers) == (1, raw(1), (("newsloom.replays", b"4"),))
    for id in ("0/1", "9/0", "first"):
        code, _, complaint = typed(bench, "dead-letters", "show", "cleaner", id, "--value")
        assert (code, f"no dead letter {id}" in complaint) == (65, True)


def test_a_purge_deletes_what_was_replayed_and_all_only_when_told(bench: Bench) -> None:
    assert newsloom(bench, "dead-letters", "purge", "cleaner")[1] == {
        "deleted": 0,
        "kept": [f"{bench.prefix}cleaner-dead-letters holds none"],
    }
    shelve(bench, b"0", b"1", b"2", b"3")
    untouched = newsloom(bench, "dead-letters", "purge", "cleaner")[1]
    assert untouched["deleted"] == 0
    assert "none of the 4 was replayed yet" in untouched["kept"][0]
    newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/2", "--id", "0/3")
    behind = newsloom(bench, "dead-letters", "purge", "cleaner")[1]
    assert behind["deleted"] == 0
    [why] = behind["kept"]
    assert "0/2 and 1 more behind it were replayed, and 0/0 was not" in why
    assert "replay 0/0 too" in why
    newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/0")
    assert newsloom(bench, "dead-letters", "purge", "cleaner")[1] == {
        "deleted": 1,
        "kept": [why.replace("0/0", "0/1")],
    }
    newsloom(bench, "dead-letters", "replay", "cleaner", "--id", "0/1")
    assert newsloom(bench, "dead-letters", "purge", "cleaner")[1] == {"deleted": 3, "kept": []}
    shelve(bench, b"4")
    assert [letter["id"] for letter in newsloom(bench, "dead-letters", "list", "cleaner")[1]] == ["0/4"]
    assert newsloom(bench, "dead-letters", "purge", "cleaner", "--all")[1] == {"deleted": 1, "kept": []}
    assert newsloom(bench, "dead-letters", "list", "cleaner")[1] == []


def test_the_audit_balances_and_names_a_record_without_outcome(bench: Bench) -> None:
    worker = bench.start()
    bench.publish(b"not json", raw(1), raw(2, do="discard"), None, raw(3))
    bench.settled()
    cleaner = audit(bench.settings)[0]
    assert cleaner.as_dict() == {
        "service": "cleaner",
        "records": 5,
        "emitted": 2,
        "discarded": 2,
        "dead_lettered": 1,
        "several": 0,
        "waiting": 0,
        "missing_count": 0,
        "missing": [],
    }
    worker.terminate()
    assert worker.wait(timeout=15) == 0
    # someone moves the group on: a record is acknowledged that nobody worked on
    with Publisher(bench.settings) as publisher:
        partition, offset = publisher.send_now(bench.prefix + "raw-articles", b"k", raw(4))
    place = (bench.prefix + "raw-articles", partition)
    commit_offsets(bench.settings, bench.settings.group("cleaner"), {place: offset + 1})
    code, answer, complaint = newsloom(bench, "audit")
    lost = f"{place[0]}/{partition}/{offset}"
    assert code == 65
    assert answer[0]["missing"] == [lost]
    assert f"cleaner: no outcome of {lost}" in complaint
    assert newsloom(bench, "audit", "--since", "2999-01-01T00:00:00Z")[0] == 0
    code, _, complaint = newsloom(bench, "audit", "--since", "yesterday")
    assert (code, "--since" in complaint) == (78, True)
    assert sorted(headlines(bench.records("clean-articles"))) == ["Headline 1", "Headline 3"]


def test_a_batch_that_decompresses_to_more_than_the_memory_is_a_dead_letter_and_the_partition_moves_on(
    bench: Bench,
) -> None:
    topic = f"{bench.prefix}raw-articles"
    bench.publish(raw("before"), key=b"page")
    [place] = {record.partition for record in bench.records("raw-articles")}

    async def bomb() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=bench.settings.kafka_bootstrap,
            compression_type="gzip",
            max_batch_size=_BOMB_BYTES + 2**20,
            max_request_size=_BOMB_BYTES + 2**20,
        )
        async with producer:
            await producer.send_and_wait(topic, b"0" * _BOMB_BYTES, key=b"page", partition=place)

    asyncio.run(bomb())
    bench.publish(raw("after"), key=b"page")
    worker = bench.start(NEWSLOOM_MEMORY_LIMIT_BYTES=str(_BOMB_BYTES))
    bench.settled()
    assert worker.poll() is None
    assert sorted(headlines(bench.records("clean-articles"))) == ["Headline after", "Headline before"]
    [letter] = bench.records("cleaner-dead-letters")
    about = dict(letter.headers)
    assert letter.value == b""
    assert about["newsloom.reason"] == b"too_large"
    assert about["__connect.errors.offset"] == b"1"
    assert b"the offsets 1 to 1" in about["__connect.errors.exception.message"]
    # there is nothing to put back
    code, told, _ = newsloom(bench, "dead-letters", "replay", "cleaner")
    assert (code, told["replayed"]) == (65, 0)
    assert "publish the record again" in json.dumps(told)
    balance = audit(bench.settings)[0]
    assert (balance.missing_count, balance.dead_lettered, balance.waiting) == (0, 1, 0)
