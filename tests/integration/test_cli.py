"""The command line against the real servers: what a person types, what comes back, and what is left afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from schemas.articles import RawArticle
from services.local.broker import Broker
from tests.newsroom import made_articles
from tests.suite import REPOSITORY
from tests.support import eventually, run_newsloom

NOWHERE = "127.0.0.1:9"  # the discard port: nothing listens there


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


def newsloom(*words: str, input: str | None = None, **environment: str) -> Said:
    typed = None if input is None else input.encode()
    done = run_newsloom(*words, environment={"COLUMNS": "200", **environment}, input=typed, timeout=120)
    said = Said(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in said.err, said.err
    return said


def on_a_terminal(*words: str, **environment: str) -> tuple[str, int]:
    """What a person sees who types the command, and its exit code."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "services.cli", *words],
        cwd=REPOSITORY,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "300", "TERM": "dumb", **environment},
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # Linux says so when the other side is closed
        while chunk := os.read(ours, 4096):
            seen += chunk
    os.close(ours)
    return seen.decode(), child.wait(timeout=60)


@pytest.fixture
def connected(kafka: Broker, topic_prefix: str) -> dict[str, str]:
    environment = {"NEWSLOOM_KAFKA_BOOTSTRAP": kafka.bootstrap, "NEWSLOOM_TOPIC_PREFIX": topic_prefix}
    said = newsloom("topics", "create", "--partitions", "1", **environment)
    assert said.code == 0, said.err
    return environment


def test_topics_are_created_once_as_the_code_says_and_listed(kafka: Broker, topic_prefix: str) -> None:
    environment = {"NEWSLOOM_KAFKA_BOOTSTRAP": kafka.bootstrap, "NEWSLOOM_TOPIC_PREFIX": topic_prefix}
    first = json.loads(newsloom("topics", "create", "--json", **environment).out)
    assert {topic["outcome"] for topic in first} == {"created"}
    again = json.loads(newsloom("topics", "create", "--json", **environment).out)
    assert {topic["outcome"] for topic in again} == {"exists"}, again
    listed = json.loads(newsloom("topics", "list", "--json", **environment).out)
    assert listed["missing"] == []
    raw = next(topic for topic in listed["topics"] if topic["topic"] == f"{topic_prefix}raw-articles")
    assert raw["partitions"] == 12
    assert raw["max.message.bytes"] == str(24 * 2**20)
    differing = json.loads(newsloom("topics", "create", "--partitions", "3", "--json", **environment).out)
    assert all("partitions" in topic["differences"][0] for topic in differing if topic["outcome"] == "differs")


def test_what_is_published_can_be_read_back(connected: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><body><p>A page.</p></body></html>")
    said = newsloom("publish", str(page), "--url", "https://outlet.example/a?utm_source=b", **connected)
    assert (said.code, json.loads(said.out)["published"]) == (0, 1)
    read = newsloom("tail", "raw-articles", "--from-beginning", "--limit", "1", "--keys", **connected)
    key, value = read.out.rstrip("\n").split("\t", 1)
    assert key == "https://outlet.example/a"
    assert RawArticle.closed_from_bytes(value.encode()).url == "https://outlet.example/a?utm_source=b"


def test_a_tail_leaves_heartbeats_out_and_counts_them(connected: dict[str, str]) -> None:
    from schemas.articles import CleanArticle, Outlet
    from services.cleaner.articles import identify
    from services.observer.heartbeat import heartbeat_event
    from services.runtime import clock
    from services.runtime.kafka import Publisher
    from services.runtime.settings import RuntimeSettings

    prefix = connected["NEWSLOOM_TOPIC_PREFIX"]
    settings = RuntimeSettings(kafka_bootstrap=connected["NEWSLOOM_KAFKA_BOOTSTRAP"], topic_prefix=prefix)
    beat = heartbeat_event(11, clock.now())
    article_id = identify(beat).article_id
    withdrawn = CleanArticle(
        article_id=article_id,
        status="withdrawn",
        outlet=Outlet(name=""),
        headline="",
        text="",
        fetched_at=clock.now(),
    ).to_bytes()
    with Publisher(settings) as publisher:
        for value in (b'"first"', None, b'"last"', None):
            publisher.send(f"{prefix}clean-articles", b"k" if value else article_id.encode(), value or withdrawn)
            publisher.send(f"{prefix}article-entities", b"k" if value else article_id.encode(), value)
            publisher.send(f"{prefix}raw-articles", b"k" if value else (beat.url or "").encode(), value or b"{}")
        publisher.flush()
    for topic in ("raw-articles", "clean-articles", "article-entities"):
        last = newsloom("tail", topic, "--last", "2", **connected)
        assert last.out.splitlines() == ['"first"', '"last"'], topic
        assert "left out 2 of the observer" in last.err
        begun = newsloom("tail", topic, "--from-beginning", "--limit", "2", **connected)
        assert begun.out == last.out
        assert "left out 1 of the observer" in begun.err
        every = newsloom("tail", topic, "--last", "4", "--heartbeats", **connected)
        assert len(every.out.splitlines()) == 4
        assert "left out" not in every.err


def test_lines_that_cannot_be_published_are_named_and_the_others_are_published(
    connected: dict[str, str], tmp_path: Path
) -> None:
    good = next(iter(made_articles(1, copied=0))).raw().decode()
    said = newsloom("publish", "-", input=f"{good}\nnot json\n{good}\n", **connected)
    assert said.code == 65
    assert json.loads(said.out) == {
        "topic": f"{connected['NEWSLOOM_TOPIC_PREFIX']}raw-articles",
        "published": 2,
        "refused": 1,
        "places": [f"{connected['NEWSLOOM_TOPIC_PREFIX']}raw-articles/0/{offset}" for offset in (0, 1)],
    }
    assert "line 2" in said.err


def test_where_a_few_records_lie_is_told_and_where_many_lie_is_not(connected: dict[str, str], tmp_path: Path) -> None:
    lines = [article.raw() for article in made_articles(21, copied=0)]
    (tmp_path / "few.jsonl").write_bytes(b"\n".join(lines[:20]))
    (tmp_path / "many.jsonl").write_bytes(b"\n".join(lines))
    few = json.loads(newsloom("publish", str(tmp_path / "few.jsonl"), **connected).out)
    assert len(set(few["places"])) == few["published"] == 20
    for place, line in list(zip(few["places"], lines, strict=False))[::19]:
        assert newsloom("record", place, "--value", **connected).out == line.decode()
    many = json.loads(newsloom("publish", str(tmp_path / "many.jsonl"), "--json", **connected).out)
    assert (many["published"], "places" in many) == (21, False)


@pytest.mark.parametrize(("count", "told"), [(1, True), (3, True), (4, False)])
def test_a_person_is_told_where_up_to_three_records_lie(
    connected: dict[str, str], tmp_path: Path, count: int, told: bool
) -> None:
    (tmp_path / "raw.jsonl").write_bytes(b"\n".join(article.raw() for article in made_articles(count, copied=0)))
    seen, code = on_a_terminal("publish", str(tmp_path / "raw.jsonl"), **connected)
    topic = f"{connected['NEWSLOOM_TOPIC_PREFIX']}raw-articles"
    assert (code, f"published {count} to {topic}" in seen) == (0, True), seen
    commands = re.findall(r"`newsloom record (\S+)`", seen)
    assert commands == ([f"{topic}/0/{offset}" for offset in range(count)] if told else []), seen


def test_a_page_of_30_mb_is_refused(connected: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "large.html"
    page.write_bytes(b"<p>" + b"x" * (30 << 20))
    said = newsloom("publish", str(page), **connected)
    assert said.code == 65
    assert "30.0 MiB is more than the 24 MiB" in said.err


def test_a_page_of_20_mb_is_taken(connected: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "large.html"
    page.write_bytes(b"<p>" + b"x" * (20 << 20))
    said = newsloom("publish", str(page), **connected)
    assert (said.code, json.loads(said.out)["published"]) == (0, 1), said.err


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["publish", "missing.html"], 78, "missing.html"),
        (["tail", "nowhere"], 78, "topics create"),
        (["publish", "-", "--topic", "nowhere"], 78, "nowhere"),
        (["process", "cleaner", "--input", "missing.jsonl"], 78, "missing.jsonl"),
        (["dead-letters", "show", "cleaner", "0/99"], 65, "dead-letters list"),
        (["up", "--services", "printer"], 78, "printer"),
        (["dead-letters", "list", "printer"], 2, "printer"),
    ],
)
def test_a_wrong_word_is_named_with_what_to_do(
    connected: dict[str, str], words: list[str], code: int, expected: str
) -> None:
    said = newsloom(*words, input="", **connected)
    assert said.code == code, said.err
    assert expected in said.err


def test_an_empty_file_is_named(connected: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.html").write_bytes(b"")
    said = newsloom("publish", str(tmp_path / "empty.html"), **connected)
    assert said.code == 65
    assert "empty.html" in said.err


@pytest.mark.parametrize(
    "words", [["topics", "list"], ["tail", "raw-articles"], ["publish", "-"], ["topics", "create"]]
)
def test_a_broker_that_is_away_is_named_with_the_setting(words: list[str]) -> None:
    said = newsloom(*words, input="", NEWSLOOM_KAFKA_BOOTSTRAP=NOWHERE)
    assert said.code == 69, said.err
    assert NOWHERE in said.err
    assert "NEWSLOOM_KAFKA_BOOTSTRAP" in said.err


def test_a_redis_that_is_away_is_named_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "clean.jsonl").write_text("")
    said = newsloom(
        *("process", "duplicates", "--input", str(tmp_path / "clean.jsonl"), "--redis", f"redis://{NOWHERE}/0")
    )
    assert said.code == 69, said.err
    assert NOWHERE in said.err


def test_a_wrong_setting_is_named_and_its_value_kept_to_itself() -> None:
    said = newsloom("topics", "list", NEWSLOOM_BATCH_RECORDS="hunter2")
    assert said.code == 78
    assert "NEWSLOOM_BATCH_RECORDS" in said.err
    assert "hunter2" not in said.err


def test_process_writes_events_dead_letters_and_a_summary(tmp_path: Path) -> None:
    lines = [article.raw() for article in made_articles(6, copied=1, copies=2)]
    (tmp_path / "raw.jsonl").write_bytes(b"\n".join([lines[0], b"not json", *lines[1:]]) + b"\n")
    said = newsloom(
        *("process", "cleaner", "--input", str(tmp_path / "raw.jsonl"), "--output", str(tmp_path / "clean.jsonl")),
        *("--dead-letters", str(tmp_path / "letters.jsonl"), "--json"),
    )
    assert said.code == 0, said.err
    summary = json.loads(said.err.splitlines()[-1])
    assert summary["records"] == 7
    assert summary["events"] == {"clean-articles": 6}
    assert summary["dead_lettered"] == {"decode_error": 1}
    [letter] = [json.loads(line) for line in (tmp_path / "letters.jsonl").read_text().splitlines()]
    assert (letter["line"], letter["value"]) == (2, "not json")
    again = newsloom("process", "cleaner", "--input", str(tmp_path / "raw.jsonl"))
    assert again.code == 65
    assert again.out.encode() == (tmp_path / "clean.jsonl").read_bytes()


def test_dead_letters_are_listed_and_shown_with_escapes_made_harmless(connected: dict[str, str]) -> None:
    from services.runtime.kafka import Publisher
    from services.runtime.settings import RuntimeSettings

    settings = RuntimeSettings(
        kafka_bootstrap=connected["NEWSLOOM_KAFKA_BOOTSTRAP"], topic_prefix=connected["NEWSLOOM_TOPIC_PREFIX"]
    )
    with Publisher(settings) as publisher:
        headers = (("newsloom.reason", b"invalid"), ("__connect.errors.exception.message", b"\x1b[2Jno time"))
        publisher.send(f"{settings.topic_prefix}cleaner-dead-letters", b"k", b'{"a": "\x1b[31m"}', headers)
        publisher.flush()
    listed = newsloom("dead-letters", "list", "cleaner", **connected)
    assert "0/0\tinvalid" in listed.out
    columns, row = (line.split("\t") for line in listed.out.splitlines())
    assert dict(zip(columns, row, strict=True))["replayed"] == "no"
    assert "\x1b" not in listed.out
    shown = newsloom("dead-letters", "show", "cleaner", "0/0", **connected)
    assert '{"a": "' in shown.out
    assert "\x1b" not in shown.out


@pytest.fixture
def folder(tmp_path: Path) -> Generator[dict[str, str]]:
    """A data folder of this test's own for `up`; whatever runs in it is ended afterwards."""
    environment = {"NEWSLOOM_LOCAL_DATA_FOLDER": str(tmp_path / "stack")}
    yield environment
    newsloom("down", **environment)


def test_up_shows_what_runs_a_second_up_says_so_and_down_leaves_nothing(folder: dict[str, str]) -> None:
    said = newsloom("up", "--detach", "--services", "cleaner", **folder)
    assert said.code == 0, said.err
    state = json.loads(said.out)
    assert "running kafka, redis, cleaner; stop it with `newsloom down`" in said.err
    assert "Ctrl-C" not in said.err
    line = f"export NEWSLOOM_KAFKA_BOOTSTRAP={state['bootstrap']}"
    assert line in said.err
    pids = [process["pid"] for process in state["processes"]]
    assert all(psutil.pid_exists(pid) for pid in pids)
    again = newsloom("up", "--services", "none", **folder)
    assert again.code == 78
    assert str(state["pid"]) in again.err
    shown: dict[str, Any] = {}

    def lag_is_known() -> bool:
        shown.update(json.loads(newsloom("status", "--json", **folder).out))
        return shown["lag"] is not None

    # a broker that has just started has no coordinator for every group yet
    eventually(lag_is_known, within_seconds=60)
    assert shown["stack"]["pid"] == state["pid"]
    assert set(shown["lag"]) == {"cleaner", "entities", "duplicates"}
    # commands of another terminal find the stack by themselves
    assert newsloom("topics", "list", **folder).code == 0
    # and its Redis, also where the broker was exported for other programs
    exported = {**folder, "NEWSLOOM_KAFKA_BOOTSTRAP": state["bootstrap"]}
    doctor = {each["what"]: each for each in json.loads(newsloom("doctor", "--json", **exported).out)}
    assert doctor["Redis"]["verdict"] == "fine", doctor["Redis"]
    told = newsloom("status", **folder)
    assert "service\tunread records\n" in told.out
    assert line in told.err
    stopped = newsloom("down", **folder)
    assert stopped.code == 0
    assert f"topics and index are kept in {state['folder']}" in stopped.err
    assert f"rm -r {state['folder']}" in stopped.err
    assert "nothing was running" in newsloom("down", **folder).err
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in [*pids, state["pid"]]), within_seconds=20)


def test_ctrl_c_at_any_moment_of_the_demo_leaves_nothing_running() -> None:
    for wait in (0.2, 0.4, 0.7, 1.2, 2.5, 6.0):
        demo = subprocess.Popen(
            [sys.executable, "-m", "services", "demo"],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        time.sleep(wait)  # the moment itself is what is tried
        children = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.SIGINT)
        _, said = demo.communicate(timeout=60)
        assert demo.returncode in (130, -signal.SIGINT), said
        # before the first line of ours Python itself says what it was doing
        assert not re.search("Traceback", said) or "services/" not in said, said
        alive = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        assert alive == []


def test_why_says_on_what_a_pair_was_decided(redis_url: str, tmp_path: Path) -> None:
    articles = list(made_articles(4, copied=1, copies=2))
    (tmp_path / "raw.jsonl").write_bytes(b"".join(article.raw() + b"\n" for article in articles))
    for service, source, output in (("cleaner", "raw", "clean"), ("duplicates", "clean", "alerts")):
        words = ("--input", str(tmp_path / f"{source}.jsonl"), "--output", str(tmp_path / f"{output}.jsonl"))
        assert newsloom("process", service, *words, "--redis", redis_url).code == 0
    copies = [article for article in articles if article.group == 0]
    others = [article for article in articles if article.group != 0]
    environment = {"NEWSLOOM_REDIS_URL": redis_url}
    [pair] = json.loads(newsloom("why", copies[0].url, copies[1].url, "--json", **environment).out)
    assert (pair["decision"], pair["relation"]) == ("duplicate", "near")
    assert pair["overlap"]["jaccard"] > 0.5
    passage = pair["passages"][0]
    assert passage["article_text"].split()[:20] == passage["match_text"].split()[:20]
    shown = newsloom("why", copies[0].url, others[0].url, **environment)
    assert shown.out.startswith("none: ")
    [view] = json.loads(newsloom("why", copies[0].url, "--json", **environment).out)
    assert [member["url"] for member in view["members"]] == [copies[1].url]
    missing = newsloom("why", "https://nowhere.example/", **environment)
    assert missing.code == 65
    assert "nowhere.example" in missing.err
