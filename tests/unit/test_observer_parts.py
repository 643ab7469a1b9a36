"""The observer's arithmetic: lag, conservation, heartbeats, outlets, dead letters."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.articles import RawArticle
from schemas.topics import SERVICES
from services.observer.conservation import Ledger
from services.observer.dead_letters import Shelf
from services.observer.heartbeat import Heartbeats, heartbeat_event
from services.observer.lag import partition_lags
from services.observer.outlets import OTHER, OutletBoard
from services.observer.stages import stages

P, Q = ("raw-articles", 0), ("raw-articles", 1)
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_the_stages_are_the_suites_services_in_order() -> None:
    assert tuple(stage.service for stage in stages()) == SERVICES
    assert stages(("a", "b"))[0].inputs == ("a", "b")


def test_lag_starts_at_the_commit_at_the_logs_begin_or_at_what_retention_left() -> None:
    beginning = {P: 10, Q: 10}
    end = {P: 30, Q: 30}
    lags = partition_lags({P: 25, Q: None}, beginning, end)
    assert (lags[P].records, lags[P].next_offset) == (5, 25)
    assert (lags[Q].records, lags[Q].next_offset) == (20, 10)
    assert partition_lags({P: 4, Q: 30}, beginning, end)[P].records == 20
    # a topic made anew has fewer records than the group committed
    assert partition_lags({P: 99}, {P: 0}, {P: 3})[P].records == 0


# -- conservation


def test_what_is_acknowledged_without_an_outcome_is_missing_and_what_is_not_yet_acknowledged_is_not() -> None:
    ledger = Ledger()
    ledger.begin({P: 5, Q: None}, {P: 0, Q: 2})
    for offset in (5, 6, 8, 9):
        ledger.note(P, offset, "emitted")
    ledger.note(Q, 2, "discarded")
    settled = ledger.settle({P: 9, Q: 3})
    assert settled.outcomes == {"emitted": 3, "discarded": 1}
    assert settled.missing == ((P, 7),)
    # judged once; the outcome of 9 was kept until its commit
    settled = ledger.settle({P: 10, Q: 3})
    assert (settled.outcomes, settled.missing) == ({"emitted": 1}, ())


def test_what_lay_before_the_begin_is_not_judged_nor_is_a_redelivery() -> None:
    ledger = Ledger()
    ledger.begin({P: 5}, {P: 0})
    ledger.note(P, 3, "emitted")
    ledger.note(P, 5, "emitted")
    ledger.note(P, 5, "dead_lettered")
    assert ledger.settle({P: 6}).outcomes == {"emitted": 1}
    ledger.note(P, 5, "emitted")
    assert ledger.settle({P: 2}).missing == ()
    assert ledger.settle({P: 6}).outcomes == {}


@given(st.sets(st.integers(0, 60)), st.lists(st.integers(0, 60), max_size=5))
def test_every_record_is_judged_exactly_once_however_commits_fall(lost: set[int], commits: list[int]) -> None:
    ledger = Ledger()
    ledger.begin({P: 0}, {P: 0})
    emitted, missing, noted = 0, [], 0
    for commit in [*commits, 61]:
        for offset in range(noted, commit):
            if offset not in lost:
                ledger.note(P, offset, "emitted")
        noted = max(noted, commit)
        settled = ledger.settle({P: commit})
        emitted += settled.outcomes.get("emitted", 0)
        missing += [offset for _, offset in settled.missing]
    assert missing == sorted(lost)
    assert emitted == 61 - len(lost)


# -- heartbeats


def test_a_heartbeat_is_followed_by_coordinates_through_the_clean_article_to_both_readers() -> None:
    beats = Heartbeats()
    beats.sent(P, 7, NOW)
    clean, later = ("clean-articles", 1), NOW + timedelta(seconds=2)
    assert beats.note("cleaner", "clean-articles", (P, 8), (clean, 40), later) is None
    beat = beats.note("cleaner", "clean-articles", (P, 7), (clean, 41), later)
    assert beat is not None
    assert (beat.service, beat.seconds) == ("cleaner", 2.0)
    assert beats.note("cleaner", "clean-articles", (P, 7), (clean, 42), later) is None, "a redelivery"
    for service, topic in (("entities", "article-entities"), ("duplicates", "duplicates-discards")):
        found = beats.note(service, topic, (clean, 41), ((topic, 0), 0), later)
        assert found is not None
        assert (found.service, found.sent_at) == (service, NOW)


def test_the_heartbeat_is_a_raw_article_that_takes_something_back() -> None:
    event = RawArticle.closed_from_bytes(heartbeat_event(3, NOW).to_bytes())
    assert event.status == "withdrawn"
    assert event.html is event.text is None


# -- outlets


def test_the_busiest_outlets_have_rows_and_the_rest_is_other() -> None:
    board = OutletBoard(most=2)
    for _ in range(3):
        board.note("ledger", 100.0, 0.9)
    board.note("gazette", 101.0, 0.5)
    board.note("courier", 102.0, 0.7)
    assert {row.outlet: row.articles for row in board.rows} == {"ledger": 3, "gazette": 1, OTHER: 1}
    for _ in range(4):
        board.note("courier", 103.0, 0.7)
    board.rank(103.0)
    rows = {row.outlet: row for row in board.rows}
    assert set(rows) == {"ledger", "courier", OTHER}
    assert rows["courier"].articles == 0, "a counter begins at zero"
    assert rows["courier"].last_seen == 103.0
    board.note("courier", 104.0, 0.7)
    assert rows["courier"].articles == 1


def test_an_outlet_that_was_busy_long_ago_makes_room() -> None:
    board = OutletBoard(most=1)
    for _ in range(10):
        board.note("ledger", 0.0, 1.0)
    month = 30 * 86400.0
    for _ in range(3):
        board.note("courier", month, 1.0)
    board.rank(month)
    assert [row.outlet for row in board.rows if row.outlet != OTHER] == ["courier"]


def test_two_outlets_of_a_size_do_not_take_turns() -> None:
    board = OutletBoard(most=1)
    held: list[str] = []
    for turn in range(20):
        board.note("ledger", float(turn), 1.0)
        board.note("courier", float(turn), 1.0)
        board.note("courier", float(turn), 1.0) if turn % 5 == 4 else None
        board.rank(float(turn))
        held.append(next(row.outlet for row in board.rows if row.outlet != OTHER))
    assert set(held) == {"ledger"}


def test_the_board_survives_a_restart_and_refuses_what_is_none() -> None:
    board = OutletBoard(most=2)
    board.note("ledger", 100.0, 0.9)
    other = OutletBoard(most=2)
    other.load(board.dump())
    assert other.rows == board.rows
    for nonsense in ("", "[]", "{}", '{"weights": {"a": [1]}, "rows": []}', '{"weights": {}, "rows": [1]}'):
        with pytest.raises(ValueError):  # noqa: PT011  # json's own message differs from ours
            other.load(nonsense)
    assert other.rows == board.rows


def test_ten_thousand_outlets_cost_no_more_than_their_bound() -> None:
    board = OutletBoard(most=20)
    started = time.monotonic()
    for number in range(10_000):
        board.note(f"outlet-{number}", float(number), 1.0)
    board.rank(10_000.0)
    assert len(board.rows) == 21
    assert len(board.dump()) < 50_000
    assert time.monotonic() - started < 5


# -- dead letters


def test_dead_letters_are_counted_by_reason_until_retention_takes_them() -> None:
    shelf = Shelf()
    place = ("cleaner-dead-letters", 0)
    shelf.add(place, 0, "invalid", 10.0)
    shelf.add(place, 1, "invalid", 30.0)
    shelf.add(place, 2, "too_large", 20.0)
    assert shelf.depth() == {"invalid": 2, "too_large": 1}
    assert shelf.newest() == {"invalid": 30.0, "too_large": 20.0}
    shelf.forget_before(place, 2)
    assert shelf.depth() == {"too_large": 1}
    shelf.forget_before(("cleaner-dead-letters", 1), 5)
