"""Promos between sentences are found whole, and sentences that only speak of newsletters and apps are not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cleaner.promos import find_promos

BEFORE, AFTER = "The ferry left an hour late. ", " Nobody on board complained about it."


@pytest.mark.parametrize(
    ("promo", "kind"),
    [
        ("Sign up to Harbour Notes A weekly look at tides and timber after newsletter promotion", "newsletter"),
        ("For exclusive shipping insights, sign up to our newsletter.", "newsletter"),
        ("Sign up here to get the morning briefing in your inbox.", "newsletter"),
        ("Get our best reports delivered to your inbox.", "newsletter"),
        ("Download our app from the App Store today.", "app"),
        ("Download exclusive insights from the Ports & Locks 2025 conference in May.", "event"),
        ("Register now for our free webinar on the future of ferries.", "event"),
        ("Register now for the Harbour Summit on 4 May.", "event"),
        ("Listen to our weekly podcast wherever you get yours.", "promo"),
        ("(Photo: Ines Castell/Harbour Pictures)", "caption"),
        ("READ MORE: The island that lost its ferry.", "related"),
        ("Click here for reprint permission.", "related"),
        ("Follow us on Facebook and Instagram.", "promo"),
        ("Advertisement", "advertisement"),
    ],
)
def test_a_promo_is_found_whole(promo: str, kind: str) -> None:
    text = BEFORE + promo + AFTER
    found = find_promos(text)
    assert [(text[one.start : one.end], one.kind) for one in found] == [(promo, kind)]


@pytest.mark.parametrize(
    "promo",
    [
        "Sign up to our newsletter",
        "Sign up here for the morning briefing",
        "Get our best reports delivered to your inbox",
        "Download our app from the App Store today",
        "READ MORE: The island that lost its ferry",
        "Click here",
        "Register now for our free webinar on the future of ferries here",
    ],
)
@pytest.mark.parametrize(
    "sentence", ["The mayor said the bridge would stay shut for a week.", "In May it had reopened."]
)
def test_an_insert_without_full_stop_leaves_the_next_sentence_alone(promo: str, sentence: str) -> None:
    text = f"{BEFORE}{promo} {sentence}{AFTER}"
    assert [text[one.start : one.end] for one in find_promos(text)] == [promo]


@pytest.mark.parametrize(
    "promo",
    [
        "Sign up to our newsletter The Evening Tide for a weekly look at the harbour.",
        "Get The Morning Tide in your inbox every weekday before the ferries leave.",
        "READ MORE: How The Island lost its ferry and found another.",
        "READ MORE: The Man In Black returns to the stage of Merrow.",
    ],
)
def test_a_name_with_an_article_is_no_sentence(promo: str) -> None:
    text = BEFORE + promo + AFTER
    assert [text[one.start : one.end] for one in find_promos(text)] == [promo]


def test_a_chart_line_ends_where_the_next_sentence_begins() -> None:
    text = "It grew. CHART: Tonnes of timber landed by port (2019-2023) In May the board met. It left."
    found = find_promos(text)
    assert [text[one.start : one.end] for one in found] == ["CHART: Tonnes of timber landed by port (2019-2023)"]


@pytest.mark.parametrize(
    "text",
    [
        "The newsletter, which goes to 4,000 readers, will close. Its app stays.",
        "He asked her to sign up for the army. She would not follow him.",
        "Readers get the paper by boat. More ferries are planned, he said.",
        "She told them to download the report and read it. Join or leave, he said.",
        "He will register for the Harbour Summit. She listens to the podcast of the port.",
        "The advertisement showed a seal. See it once and you remember it.",
    ],
)
def test_an_article_about_such_things_stays_whole(text: str) -> None:
    assert find_promos(text) == []


@given(st.text(max_size=300))
def test_spans_are_in_order_apart_and_trimmed(text: str) -> None:
    position = 0
    for promo in find_promos(BEFORE + "Sign up now for our newsletter. " + text):
        assert position <= promo.start < promo.end
        position = promo.end


def test_time_is_linear_in_the_text() -> None:
    began = time.perf_counter()
    find_promos("Get " * 100_000 + ". Sign up to " * 5_000)
    assert time.perf_counter() - began < 20


def test_a_line_that_says_who_distributes_the_text_is_no_text() -> None:
    text = "The slope held.\nDistributed by Orrin Press Agency."
    [found] = find_promos(text)
    assert (text[found.start : found.end], found.rule) == ("Distributed by Orrin Press Agency.", "distribution_line")
    assert find_promos("Distributed by Tidal Films, the documentary opens on Friday in three harbours.") == []
