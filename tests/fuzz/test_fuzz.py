"""A short run of Hypothesis over each target, the inputs that failed once, and the fuzzer's own eyes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.articles import RawArticle
from services.runtime.service import Outcome, Record, Service
from tests.fuzz.__main__ import KEPT, keep, with_hypothesis
from tests.fuzz.tally import Tally
from tests.fuzz.targets import TARGETS, FuzzFailure

GOOD = b'{"url":"https://g.example/1","fetched_at":"2026-03-02T08:00:00Z","text":"t","publisher":{"name":"f"}}'
ECHO = TARGETS["decode"].service()


@pytest.mark.parametrize("name", TARGETS)
def test_any_input_ends_in_exactly_one_outcome_in_time(name: str) -> None:
    found = with_hypothesis(name, inputs=40, seed_number=11)
    assert found["failures"] == {}
    assert found["inputs"] >= 40
    assert len(found["outcomes"]) > 1, "the inputs are all alike"


def test_an_input_that_failed_once_fails_no_more() -> None:
    for path in sorted(KEPT.glob("*/*.bin")):
        TARGETS[path.parent.name].run(path.read_bytes())


def broken(process: Callable[[RawArticle, Record], Outcome]) -> Service[RawArticle]:
    async def call(event: RawArticle, record: Record) -> Outcome:
        return process(event, record)

    return replace(ECHO, process=call)


def raising(event: RawArticle, record: Record) -> Outcome:
    raise KeyError("a bug")


def ending(event: RawArticle, record: Record) -> Outcome:
    raise MemoryError


@pytest.mark.parametrize(
    ("process", "words"),
    [(raising, "a dead letter processing_error"), (ending, "the engine raised MemoryError")],
)
def test_a_bug_is_told_and_its_input_kept(
    process: Callable[[RawArticle, Record], Outcome], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = replace(TARGETS["decode"], service=lambda: broken(process))
    tally = Tally(target)
    for data in (b"no json", GOOD.replace(b'"t"', b'"tt"'), GOOD):
        tally.run(data)
    assert tally.outcomes == {"dead_lettered:decode_error": 1, "failed": 2}
    [(what, smallest)] = tally.failures.values()
    assert words in what
    assert smallest == GOOD
    monkeypatch.setattr("tests.fuzz.__main__.KEPT", tmp_path)
    monkeypatch.setattr("tests.fuzz.__main__.REPOSITORY", tmp_path)
    [line] = keep("decode", tally.as_dict())
    [kept] = (tmp_path / "decode").iterdir()
    assert kept.read_bytes() == GOOD
    assert words in line


def test_an_input_over_the_time_limit_is_a_failure() -> None:
    target = replace(TARGETS["decode"], service=lambda: replace(ECHO, process=_slowly), cpu_seconds=0.1)
    with pytest.raises(FuzzFailure, match="processor time"):
        target.run(GOOD)


async def _slowly(event: RawArticle, record: Record) -> Outcome:
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    return await ECHO.process(event, record)
