"""What the layout of agency copy says of a name: datelines, and lists of people with their countries."""

from __future__ import annotations

import pytest

from services.entities.layout import laid_out
from services.entities.mentions import Article, Span
from tests.quality.entities_text import unmarked


def told(marked: str) -> list[tuple[str, str]]:
    """(surface, label) of each name of `marked` after the pass; the marks are what the recognizer read."""
    text, names = unmarked(marked)
    spans = [Span("text", a, b, text[a:b], label, 0.8) for a, b, label in sorted(names)]  # type: ignore[arg-type]
    out = laid_out(Article("", text), spans)
    assert all(text[s.start : s.end] == s.surface for s in out)
    return [(s.surface, s.label) for s in out]


@pytest.mark.parametrize(
    "marked",
    [
        "[ORG BAKU] (Reuters) - Talks began.",
        "BAKU ( Reuters ) - Talks began.",
        "[PER BAKU], Aug 24 - Talks began.",
        "BAKU 1996-08-30",
        "[ORG BAKU] — Talks began.",
        "[ORG BAKU], Azerbaijan -- Talks began.",
        "BAKU, March 3 (AP) - Talks began.",
    ],
)
def test_the_town_of_a_dateline_is_a_place(marked: str) -> None:
    assert told(marked)[0] == ("BAKU", "LOC")


@pytest.mark.parametrize(
    "marked",
    [
        "[PER SEAN HANDLEY] (HOST): I want to go over this.",
        "[ORG WHITE HOUSE]: TRADE WAR IS NO WAR",
        "[PER BOTUS] (Bunny of the United States)",
        "[PER NORDEN HALL] - he wrote it.",
        "[ORG FIFA] said so - again.",
        "[LOC LAKE GENEVA REGION] (Ice) - It melts.",
    ],
)
def test_other_capitals_at_a_lines_start_are_none(marked: str) -> None:
    text, names = unmarked(marked)
    assert told(marked) == [(text[a:b], label) for a, b, label in sorted(names)]


def test_the_slug_of_a_sports_report_is_no_name() -> None:
    assert told("[ORG BASEBALL] - SUNDAY'S RESULTS") == []


def test_a_list_names_people_their_countries_and_their_teams() -> None:
    assert told(
        "1. [PER Mikael Schoen] ([LOC Germany]) [ORG Ferrari] 1 hour 28 minutes\n"
        "2. [PER Jacques Vilnay] ([ORG Canada]) [PER Williams] 5.602 seconds behind\n"
        "3. [ORG Mika Hakala] (Finland) McLaren 15.710"
    ) == [
        ("Mikael Schoen", "PER"), ("Germany", "LOC"), ("Ferrari", "ORG"),
        ("Jacques Vilnay", "PER"), ("Canada", "LOC"), ("Williams", "ORG"),
        ("Mika Hakala", "PER"), ("Finland", "LOC"), ("McLaren", "ORG"),
    ]  # fmt: skip


def test_a_list_of_companies_and_their_countries_names_no_people() -> None:
    marked = "[ORG Norske Kraft] ([LOC Norway]), [ORG Alstrom Werke] ([LOC Germany]), [ORG Volta Corp] ([LOC France])"
    assert [label for _, label in told(marked)] == ["ORG", "LOC"] * 3


def test_a_ministry_is_an_organisation_found_or_not() -> None:
    assert told(
        "The Foreign Ministry said so. [ORG Israeli Health Ministry]. The [LOC INTERIOR] MINISTRY. His Ministry."
    ) == [
        ("Foreign Ministry", "ORG"),
        ("Israeli Health Ministry", "ORG"),
        ("INTERIOR MINISTRY", "ORG"),
    ]
    assert told("LAKE [LOC GENEVA] (AP) - Talks began.") == [("LAKE GENEVA", "LOC"), ("AP", "ORG")]
    assert told("BAKU (AP) - Talks began.") == [("BAKU", "LOC"), ("AP", "ORG")]
