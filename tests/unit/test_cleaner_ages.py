"""Ages and dates as pages print them become intervals and days before the fetch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cleaner.ages import find_times, read_time, relative_interval, shown_date_order

FETCHED_AT = datetime(2025, 7, 4, 21, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("printed", "oldest", "newest", "precision"),
    [
        ("a day ago", 2 * DAY, 22 * HOUR, "day"),
        ("an hour ago", 2 * HOUR, 0.75 * HOUR, "hour"),
        ("1 hour ago", 2 * HOUR, 0.75 * HOUR, "hour"),
        ("3 hours ago", 4 * HOUR, 2.5 * HOUR, "hour"),
        ("5 days ago", 6 * DAY, 4.5 * DAY, "day"),
        ("3h ago", 4 * HOUR, 2.5 * HOUR, "hour"),
        ("vor 3 Stunden", 4 * HOUR, 2.5 * HOUR, "hour"),
        ("il y a une heure", 2 * HOUR, 0.75 * HOUR, "hour"),
        ("hace un día", 2 * DAY, 22 * HOUR, "day"),
        ("3時間前", 4 * HOUR, 2.5 * HOUR, "hour"),
        ("час назад", 2 * HOUR, 0.75 * HOUR, "hour"),
        ("timean hour ago", 2 * HOUR, 0.75 * HOUR, "hour"),
        ("Merrow Dispatcha day ago", 2 * DAY, 22 * HOUR, "day"),
    ],
)
def test_an_age_is_an_interval_and_never_a_moment(
    printed: str, oldest: timedelta, newest: timedelta, precision: str
) -> None:
    published = read_time(printed, fetched_at=FETCHED_AT)
    assert published is not None
    assert published.at is None
    assert published.earliest_at == FETCHED_AT - oldest
    assert published.latest_at == FETCHED_AT - newest
    assert published.precision == precision
    assert published.evidence == "relative_age"


@pytest.mark.parametrize(
    ("printed", "order", "day"),
    [
        ("02-07-2025", "dmy", (2025, 7, 2)),
        ("02-07-2025", "mdy", (2025, 2, 7)),
        ("12/25/2024", "dmy", (2024, 12, 25)),  # no thirteenth-and-later month
        ("05-08-2025", "dmy", (2025, 5, 8)),  # the fifth of August lies after the fetch
        ("July 3, 2025", "dmy", (2025, 7, 3)),
        ("3 de julio de 2025", "dmy", (2025, 7, 3)),
        ("2025年7月3日", "dmy", (2025, 7, 3)),
        ("Merrow DispatchJul 3, 2025", "dmy", (2025, 7, 3)),
        ("December 30", "dmy", (2024, 12, 30)),  # no year: the last one there was
    ],
)
def test_a_date_is_its_day_read_by_the_habit_of_the_site(printed: str, order: str, day: tuple[int, int, int]) -> None:
    published = read_time(printed, fetched_at=FETCHED_AT, order=order)  # type: ignore[arg-type]
    assert published is not None
    assert published.earliest_at == datetime(*day, tzinfo=UTC)
    assert published.precision == "day"
    assert published.at is None


def test_a_date_with_time_and_zone_is_a_moment() -> None:
    published = read_time("4 July 2025, 10:15 BST", fetched_at=FETCHED_AT)
    assert published is not None
    assert published.at == datetime(2025, 7, 4, 9, 15, tzinfo=UTC)


@pytest.mark.parametrize("printed", ["05.08.2025", "31.12.2025", "99-99-2025", "no time at all", ""])
def test_what_is_no_day_before_the_fetch_is_no_time(printed: str) -> None:
    assert read_time(printed, fetched_at=FETCHED_AT) is None


def test_a_page_shows_its_own_order() -> None:
    times = [found for line in ("03-25-2025", "04-02-2025") for found in find_times(line)]
    assert shown_date_order(times, FETCHED_AT) == "mdy"
    assert shown_date_order([], FETCHED_AT) is None


@given(st.integers(0, 400), st.sampled_from([60, 3600, 86_400, 604_800]))
def test_an_interval_runs_backwards_from_the_fetch(count: int, unit: int) -> None:
    earliest, latest = relative_interval(count, unit, FETCHED_AT)
    assert earliest < latest <= FETCHED_AT


@given(st.text(max_size=120), st.datetimes(timezones=st.just(UTC)), st.sampled_from(["dmy", "mdy", "ymd"]))
def test_no_text_breaks_it_and_nothing_lies_after_the_fetch(text: str, fetched_at: datetime, order: str) -> None:
    published = read_time(text, fetched_at=fetched_at, order=order)  # type: ignore[arg-type]
    if published is not None and published.earliest_at is not None:
        assert published.earliest_at <= fetched_at + timedelta(hours=14)
