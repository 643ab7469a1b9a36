"""What texts say of themselves: credits, quotations, standing text, templates, changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.duplicates.own_words import (
    introduced_spans,
    list_spans,
    own_words,
    post_spans,
    quoted_spans,
    standing_spans,
)
from services.duplicates.passages import LocatedText
from services.duplicates.relations import Article, judge
from services.duplicates.revisions import changes_between
from services.duplicates.stored import StoredArticle, is_outlet, key_of, to_stored
from services.duplicates.templates import figure_share, is_marked, is_refilled
from services.duplicates.wire import find_credit
from tests.duplicates_support import NOON, WordMill, article

MILL = WordMill(3)
BODY = MILL.text(200)


@pytest.mark.parametrize(
    ("text", "agency"),
    [
        ("BAKU, July 3 (Reuters) - " + BODY, "Reuters"),
        ("PORT CITY (AP) — " + BODY, "Associated Press"),
        ("By Ann Lee, Associated Press\n" + BODY, "Associated Press"),
        (BODY + "\n(With reporting by Reuters)\nReuters", "Reuters"),
        (BODY + "\n— AFP", "AFP"),
        (BODY + "\nThe Associated Press contributed to this report.", "Associated Press"),
        (BODY + "\n© 2026 AFP", "AFP"),
        (BODY + "\n(dpa)", "dpa"),
        ("МОСКВА, 3 июля. /ТАСС/. " + BODY, None),
        (BODY, None),
        ("The council of AP Hill and the map of CPUs. " + BODY, None),
        ("He told Reuters that it was late. " + BODY, None),
        (BODY + " A spokesman told The Associated Press on Friday that he knew nothing of it.", None),
        (MILL.text(90) + "\n(Reuters) - in the middle\n" + MILL.text(90), None),
        ("", None),
    ],
)
def test_a_credit_is_read_where_credits_stand(text, agency):
    credit = find_credit(text)
    assert (credit.agency if credit else None) == agency
    if credit is not None:
        assert credit.evidence


def test_a_byline_that_is_an_agency_is_a_credit():
    credit = find_credit(BODY, ("The Associated Press",))
    assert credit is not None
    assert credit.agency == "Associated Press"
    assert find_credit(BODY, ("Ann Reuters-Lee",)) is None


@given(st.text(max_size=300))
def test_reading_never_fails_and_spans_lie_in_the_text(text):
    find_credit(text)
    for spans in (quoted_spans(text), standing_spans(text), post_spans(text), list_spans(text), introduced_spans(text)):
        assert all(0 <= start < end <= len(text) for start, end in spans)
    located = LocatedText(text)
    assert len(own_words(located, is_excerpt=True)) == len(located.tokens)


def test_quotations_end_with_their_mark_or_their_paragraph():
    text = "He said “we are here” and left.\n“This goes on\nand “this ends”. It's 5\" long."
    assert [text[start:end] for start, end in quoted_spans(text)] == [
        "“we are here”",
        "“This goes on",
        "“this ends”",
    ]


def test_words_outside_quotations_are_the_articles_own():
    located = LocatedText("One two “three four five” six.\nAll rights reserved by the house.")
    assert own_words(located).tolist() == [True, True, False, False, False, True] + [False] * 6


def test_names_in_a_sentence_are_no_list():
    assert list_spans("In Harbour City the mayor Ann Lee met John Doe of Upper Fell. " * 10) == []
    names = " ".join(word.capitalize() for word in MILL.words(40))
    [(start, end)] = list_spans("Some words first. " + names + " and then some more.")
    assert end - start > 0.9 * len(names)


@pytest.mark.parametrize(
    ("headline", "marked"),
    [
        ("FACTBOX-What we know", True),
        ("UPDATE 2-Factbox: What we know", True),
        ("Timeline: A year of strikes", True),
        ("Morning Briefing for Tuesday", True),
        ("A timeline of lies", False),
        ("Results of the vote please nobody", True),
        ("Mayor resigns", False),
        ("", False),
    ],
)
def test_running_pieces_say_so_in_their_headline(headline, marked):
    assert is_marked(headline) == marked


def test_a_form_filled_in_twice_is_told_from_a_report_carried_on():
    form = "On {} the port took in {} ships and {} boats, {} more than on the day before, at {} degrees. " + BODY
    monday, tuesday = form.format("Monday", 12, 45, 3, 7), form.format("Tuesday", 15, 39, 1, 9)
    assert is_refilled(LocatedText(monday), LocatedText(tuesday))
    assert not is_refilled(LocatedText(BODY), LocatedText(BODY + " " + MILL.text(60)))
    assert not is_refilled(LocatedText(BODY), LocatedText(BODY))
    assert figure_share(monday) < 0.05
    assert figure_share("") == 0.0


@given(
    st.lists(st.sampled_from(["one", "two", "three.", "four,\n", "“five”"]), max_size=30),
    st.lists(st.sampled_from(["one", "two", "three.", "six", "four,\n"]), max_size=30),
)
def test_changes_turn_the_previous_text_into_the_new_one(before, after):
    previous, text = " ".join(before), " ".join(after)
    changes = changes_between(previous, text)
    gone = sorted((change.start, change.end) for change in changes if change.kind == "deleted")
    new = sorted((change.start, change.end) for change in changes if change.kind == "inserted")
    for change in changes:
        whole = text if change.kind == "inserted" else previous
        assert whole[change.start : change.end] == change.text

    def without(whole: str, spans: list[tuple[int, int]]) -> list[str]:
        kept, at = "", 0
        for start, end in spans:
            kept += whole[at:start] + " "
            at = end
        return (kept + whole[at:]).split()

    assert without(previous, gone) == without(text, new)


def test_a_reversal_shows():
    changes = changes_between("A deal is unlikely, he said.", "A deal is likely, he said.")
    assert [(change.kind, change.text) for change in changes] == [("deleted", "unlikely,"), ("inserted", "likely,")]


def test_white_space_is_no_change():
    assert changes_between("One two.\nThree.", "One  two.\n\n Three. ") == []


def test_an_aggregator_and_nobody_are_no_outlets():
    assert is_outlet(article(BODY, outlet="Alpha", aggregator="Allnews"))
    assert not is_outlet(article(BODY, outlet="Allnews", aggregator="allnews"))
    assert not is_outlet(article(BODY, outlet="unknown"))


def test_a_stored_article_is_read_back():
    text = "Zeile 1\nZeile 2 “€” 漢字 𝒳"
    for event in (
        article(text, outlet="Ä", published_minutes=5),
        article(text, part="inlined", url=None, byline=[{"name": "AFP", "kind": "agency"}]),
        article(text, published={"earliest_at": NOON, "latest_at": NOON + timedelta(hours=1)}),
    ):
        stored = to_stored(event)
        assert StoredArticle.from_bytes(stored.to_bytes()) == stored


def test_ids_of_another_form_become_keys():
    assert key_of("0123456789abcdef0123456789abcdef") == "0123456789abcdef0123456789abcdef"
    assert len(key_of("an id of somebody else")) == 32
    assert key_of("A" * 32) != "A" * 32


def _decision(first: str, second: str, *, same_outlet: bool = False):
    from services.duplicates.check import compare

    one, other = (Article(to_stored(article(text))) for text in (first, second))
    return judge(
        one,
        other,
        compare(one.shingles, other.shingles),
        is_exact=one.digest == other.digest,
        is_same_outlet=same_outlet,
    )


def test_a_short_article_inside_a_long_one_is_no_near_copy_of_it():
    brief = MILL.text(80)
    decision = _decision(brief, brief + "\n" + MILL.text(700))
    assert decision.overlap.containment > 0.9
    assert decision.relation == "excerpt"


def test_a_cut_copy_is_near():
    decision = _decision(BODY[: len(BODY) // 3], BODY)
    assert decision.relation == "near"
    assert decision.reason == "containment"
