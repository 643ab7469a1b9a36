"""Mentions that name one thing come together under its fullest name, and two things stay apart."""

from __future__ import annotations

import random
import re
import time

import pytest

from services.entities.grouping import grouped
from services.entities.mentions import Article, Span

MARK = re.compile(r"\[(PER|ORG|LOC|MISC) ([^\]]+)\]")


def groups_of(marked: str, headline: str = "") -> list[tuple[str, str, list[str]]]:
    """(label, name, surfaces in order) of the groups in text whose names are marked as in [PER Anna Berg]."""
    spans: list[Span] = []
    plain = []
    for field, source in (("headline", headline), ("text", marked)):
        text, last = "", 0
        for match in MARK.finditer(source):
            text += source[last : match.start()]
            surface = match.group(2)
            spans.append(Span(field, len(text), len(text) + len(surface), surface, match.group(1), 0.9))  # type: ignore[arg-type]
            text += surface
            last = match.end()
        plain.append(text + source[last:])
    return [(g.label, g.name, [spans[i].surface for i in g.members]) for g in grouped(Article(*plain), spans)]


def test_a_surname_is_the_person_named_in_full() -> None:
    assert groups_of("[PER Vladimir Putin] spoke. [PER Putin] left.", "[PER Putin] speaks") == [
        ("PER", "Vladimir Putin", ["Putin", "Vladimir Putin", "Putin"])
    ]


def test_a_bare_surname_goes_to_the_person_named_last() -> None:
    groups = groups_of("[PER Bill Clinton] met [PER Hillary Clinton]. [PER Clinton] smiled.")
    assert groups == [
        ("PER", "Bill Clinton", ["Bill Clinton"]),
        ("PER", "Hillary Clinton", ["Hillary Clinton", "Clinton"]),
    ]


def test_a_title_tells_which_of_two_is_meant() -> None:
    text = "Mr. [PER Tom Lane] met Mrs. [PER Eva Lane]. Mr. [PER Lane] smiled, Mrs. [PER Lane] too."
    assert groups_of(text) == [("PER", "Tom Lane", ["Tom Lane", "Lane"]), ("PER", "Eva Lane", ["Eva Lane", "Lane"])]


def test_two_brothers_stay_apart() -> None:
    groups = groups_of("Brothers [PER Huseyn] and [PER Ziyaddin Safarov] died.")
    assert [name for _, name, _ in groups] == ["Huseyn", "Ziyaddin Safarov"]


def test_the_father_is_not_the_son() -> None:
    groups = groups_of("[PER Ilhan Aliyev] rules. [PER Aliyev]'s father, [PER Heydar], did before. [PER Aliyev] knows.")
    assert groups == [("PER", "Ilhan Aliyev", ["Ilhan Aliyev", "Aliyev", "Aliyev"]), ("PER", "Heydar", ["Heydar"])]


def test_a_title_inside_a_name_is_no_part_of_it() -> None:
    assert groups_of("[PER President Ruto] spoke. [PER William Ruto] left.") == [
        ("PER", "William Ruto", ["President Ruto", "William Ruto"])
    ]


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("The [ORG Nuclear Regulatory Commission] ([ORG NRC]) said. The [ORG NRC] knows.", None, 1),
        ("[ORG South Carolina Nuclear Advisory Council] ([ORG SCNAC]) met", None, 1),
        ("[ORG Westinghouse Electric Company] and [ORG Westinghouse]", "Westinghouse Electric Company", 1),
        ("[ORG Apple Inc.] and [ORG Apple]", "Apple Inc.", 1),
        ("the [ORG Russian Foreign Ministry], the [ORG Foreign Ministry]", "Russian Foreign Ministry", 1),
        ("[ORG Santee Cooper] and [ORG Santee Coooper]", "Santee Cooper", 1),
        ("[ORG Bank of England] and [ORG Bank of Japan]", None, 2),
        ("[ORG Supreme Court] and [ORG Supreme Soviet]", None, 2),
        ("[ORG University of Leeds], [ORG University of York] and the [ORG University]", None, 3),
    ],
)
def test_organisations_come_together_under_the_fullest_name(text: str, name: str | None, count: int) -> None:
    groups = groups_of(text)
    assert len(groups) == count
    if name:
        assert groups[0][1] == name


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[LOC US], [LOC U.S.], the [LOC United States] and [LOC America]", 1),
        ("[LOC Britain] and the [LOC UK]", 1),
        ("[LOC Washington, D.C.] and [LOC Washington]", 1),
        ("[LOC Taipei City] and [LOC Taipei]", 1),
        ("[LOC Karabakh] and [LOC Nagorno-Karabakh]", 1),
        ("[LOC North Korea] and [LOC South Korea]", 2),
        ("[LOC New York] and [LOC York]", 2),
        ("[LOC Guinea] and [LOC Guinea-Bissau]", 2),
    ],
)
def test_names_of_one_place_come_together(text: str, count: int) -> None:
    assert len(groups_of(text)) == count


def test_every_span_is_in_one_group_however_many_there_are() -> None:
    text = " ".join(
        f"[PER Given{i % 7} Name{i % 31}] of [ORG Company {i % 50}] in [LOC Town{i % 40}]." for i in range(600)
    )
    groups = groups_of(text)
    assert sum(len(surfaces) for _, _, surfaces in groups) == 1800
    assert len(groups) == 217 + 50 + 40


def test_an_article_that_lists_thousands_of_names_stays_quick() -> None:
    # the first form of this took 44 s: every name was compared with every other
    rng = random.Random(1)
    syllables = [a + b for a in "bcdfglmnprst" for b in "aeiou"]

    def name() -> str:
        return "".join(rng.choices(syllables, k=3)).title()

    for label in ("PER", "ORG", "LOC"):
        text = " ".join(f"[{label} {name()} {name()}], [{label} {name()}]," for _ in range(1500))
        began = time.process_time()
        groups_of(text)
        assert time.process_time() - began < 6
