"""What is committed beside an offset, and the breaker's arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.engine import Breaker, BreakerError
from services.runtime.marks import Mark


@given(st.integers(0, 10**6), st.integers(0, 99), st.integers(0, 99), st.integers(0, 2 * 10**12))
def test_a_mark_is_read_as_it_was_written(dead: int, tries: int, slow: int, at: int) -> None:
    mark = Mark(dead, tries, slow, at) if tries else Mark(dead)
    assert Mark.read(mark.text()) == mark


@given(st.text())
def test_any_other_text_is_no_mark(text: str) -> None:
    assert Mark.read(text) == Mark() or text.startswith("newsloom dead=")


@pytest.mark.parametrize(("after_ms", "reason"), [(59_999, "crashed"), (60_000, "too_slow")])
def test_a_try_that_ended_before_the_limit_was_a_crash(after_ms: int, reason: str) -> None:
    assert Mark(tries=1, at_ms=1000).found_at(1000 + after_ms, limit_seconds=60).reason == reason


def test_one_crash_among_slow_tries_is_a_crash() -> None:
    assert Mark(tries=3, slow=2).reason == "crashed"
    assert Mark(tries=3, slow=3).reason == "too_slow"


def test_the_breaker_opens_at_the_run_before_it_is_written_and_not_at_one_that_ended() -> None:
    breaker = Breaker(run=3, ratio=1.0, window=100)
    breaker.check(["invalid", "invalid"])
    breaker.note(["invalid", "invalid"])
    breaker.check(["", "invalid", "invalid"])
    with pytest.raises(BreakerError, match="3 records in a row"):
        breaker.check(["invalid", ""])
    breaker.note([""])
    breaker.check(["invalid"])
    with pytest.raises(BreakerError, match="3 records in a row"):
        Breaker(run=3, ratio=1.0, window=100, dead_run=2).check(["invalid"])


def test_the_breaker_opens_at_the_ratio_once_the_window_is_full() -> None:
    breaker = Breaker(run=100, ratio=0.5, window=10)
    breaker.note(["invalid", ""] * 4)
    breaker.check(["invalid"])
    with pytest.raises(BreakerError, match="5 of the last 10 records"):
        breaker.check(["invalid", ""])
    off = Breaker(run=0, ratio=0.5, window=10)
    off.note(["invalid"] * 50)
    off.check(["invalid"] * 50)
