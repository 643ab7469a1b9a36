"""Edges of names are drawn as a reader would draw them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.entities.recognizer import Found
from services.entities.spans import tidied


def _tidied(text: str, *spans: tuple[int, int, str]) -> list[str]:
    found = [Found(a, b, label, 0.9) for a, b, label in spans]  # type: ignore[arg-type]
    return [text[f.start : f.end] for f in tidied(text, found)]


@pytest.mark.parametrize(
    ("text", "name", "tidy"),
    [
        ("He met “Anna Berg” today", "“Anna Berg”", "Anna Berg"),
        ("Baku's offices", "Baku's", "Baku"),
        ("in the U.S. on Monday", "U.S", "U.S."),
        ("She left Boston. Then", "Boston.", "Boston"),
        ("Apple Inc. said", "Apple Inc", "Apple Inc."),
        ("the council (SCNAC) met", "(SCNAC)", "SCNAC"),
        ("Operations (North) met", "Operations (North)", "Operations (North)"),
        ("met Sammy Davis Jr. there", "Sammy Davis Jr", "Sammy Davis Jr."),
        ("see Smith, who", "Smith,", "Smith"),
    ],
)
def test_only_what_belongs_to_a_name_is_in_it(text: str, name: str, tidy: str) -> None:
    start = text.index(name)
    assert _tidied(text, (start, start + len(name), "ORG")) == [tidy]


def test_a_name_cut_at_an_abbreviation_is_joined() -> None:
    text = "from St. Petersburg, J. K. Rowling"
    assert _tidied(text, (5, 8, "LOC"), (9, 19, "LOC"), (21, 23, "PER"), (24, 34, "PER")) == [
        "St. Petersburg",
        "J. K. Rowling",
    ]


def test_small_words_end_no_name_where_capitals_mean_something() -> None:
    text = "the Somerset council and Cheddar caves"
    found = [Found(4, 20, "ORG", 0.9), Found(25, 38, "MISC", 0.9), Found(21, 24, "LOC", 0.9)]
    in_order = sorted(found, key=lambda f: f.start)
    assert [text[f.start : f.end] for f in tidied(text, in_order, is_cased=True)] == [
        "Somerset",
        "and",
        "Cheddar caves",
    ]
    assert [text[f.start : f.end] for f in tidied(text, in_order)] == ["Somerset council", "and", "Cheddar caves"]


def test_a_name_of_punctuation_alone_is_none() -> None:
    assert _tidied('he said "--" twice', (8, 12, "MISC")) == []


@given(st.text(alphabet="aB.'’ ()[]“-S", max_size=25), st.data())
def test_tidy_names_lie_in_the_text_in_order_and_without_overlaps(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    found = [Found(a, b, "PER", 0.5) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    tidy = tidied(text, found)
    assert all(0 <= f.start < f.end <= len(text) and text[f.start : f.end].strip() for f in tidy)
    assert all(a.end <= b.start for a, b in itertools.pairwise(tidy))
