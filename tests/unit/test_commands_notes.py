"""What Kafka keeps of a replay says which letters were put back, and no more than fits is kept."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.commands.notes import Noted

OFFSETS = st.sets(st.integers(min_value=0, max_value=3000), max_size=200)


def again(note: Noted, beginning: int = 0) -> Noted:
    return Noted.read(note.position, note.text(), beginning=beginning)


@given(OFFSETS, OFFSETS)
def test_what_was_put_back_is_read_back(first: set[int], then: set[int]) -> None:
    note = again(again(Noted(0).adding(first)).adding(then))
    assert {offset for offset in range(3001) if offset in note} == first | then
    # the offset that is committed is the first letter that was not put back
    assert note.position not in note


@given(OFFSETS, st.integers(min_value=0, max_value=3000))
def test_what_the_topic_no_longer_holds_counts_as_passed(offsets: set[int], beginning: int) -> None:
    note = again(Noted(0).adding(offsets), beginning)
    held = range(beginning, 3001)
    assert {offset for offset in held if offset in note} == {offset for offset in offsets if offset >= beginning}
    assert note.position >= beginning


def test_letters_put_back_in_a_row_need_no_text() -> None:
    note = Noted(5).adding([7, 6]).adding([5])
    assert (note, note.text()) == (Noted(8), "")


@pytest.mark.parametrize("text", ["", "hello", "newsloom ahead=", "newsloom ahead=~~~", "newsloom ahead=abcde", "\xff"])
def test_a_text_that_is_not_ours_says_nothing(text: str) -> None:
    assert Noted.read(4, text, beginning=0) == Noted(4)
    assert Noted.read(None, text, beginning=9) == Noted(9)


def test_any_choice_among_25_000_fits_and_of_more_the_oldest_are_kept() -> None:
    dice = random.Random(1)
    ahead = [offset for offset in range(1, 25_001) if dice.random() < 0.5]
    note = Noted(0).adding(ahead)
    assert note.fitting() == note
    more = Noted(0).adding(offset for offset in range(1, 200_000) if dice.random() < 0.5)
    kept = more.fitting()
    assert len(kept.text()) <= 4096
    assert 10_000 < len(kept.ahead) < len(more.ahead)
    assert max(kept.ahead) < min(more.ahead - kept.ahead)
    far = Noted(0).adding([3, 10**8])
    assert again(far.fitting()).ahead == {3}
