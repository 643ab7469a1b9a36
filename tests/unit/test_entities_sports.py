"""What sports copy says of a name: sides, the towns they are called after, countries, players."""

from __future__ import annotations

import time

import pytest

from services.entities.layout import laid_out
from services.entities.mentions import Article, Span
from services.entities.sports import teams_told
from tests.quality.entities_text import unmarked

REPORT = (
    "[LOC Leeds] beat [LOC Chelsea] 2-1 in the league on Saturday.\n"
    "The goalkeeper saved a penalty and the fans left [LOC Leeds] singing. \n"
)


def told(marked: str, *, confidence: float = 0.8) -> list[tuple[str, str]]:
    """(surface, label) of each name of `marked` after the pass; the marks are what the recognizer read."""
    text, names = unmarked(marked)
    spans = [Span("text", a, b, text[a:b], label, confidence) for a, b, label in sorted(names)]  # type: ignore[arg-type]
    out = teams_told(Article("", text), spans)
    assert all(text[s.start : s.end] == s.surface for s in out)
    return [(s.surface, s.label) for s in out]


def test_who_beats_whom_by_a_score_is_a_side_and_where_they_play_is_a_place() -> None:
    assert told("[LOC Leeds] beat [LOC Chelsea] 2-1 in the league match in [LOC Norwich].") == [
        ("Leeds", "ORG"),
        ("Chelsea", "ORG"),
        ("Norwich", "LOC"),
    ]


def test_a_side_of_one_sentence_is_one_in_the_others_but_not_where_the_town_is_meant() -> None:
    assert told(
        REPORT + "[LOC Leeds]'s defence stood firm. [LOC Leeds] police were there. Trains run from [LOC Leeds].\n"
        "[LOC Leeds], [LOC England] - reported on Saturday."
    ) == [
        ("Leeds", "ORG"),
        ("Chelsea", "ORG"),
        ("Leeds", "LOC"),
        ("Leeds", "ORG"),
        ("Leeds", "LOC"),
        ("Leeds", "LOC"),
        ("Leeds", "LOC"),
        ("England", "LOC"),
    ]


def test_the_town_is_a_place_where_a_sure_in_stands_before_it() -> None:
    assert told(REPORT + "Snow fell in [ORG Leeds].")[-1] == ("Leeds", "LOC")


def test_countries_stay_places_where_they_play() -> None:
    assert told(
        "[LOC Japan] beat [ORG Syria] 2-1 in the Asian Cup match, [LOC England] won the toss.", confidence=0.6
    ) == [
        ("Japan", "LOC"),
        ("Syria", "LOC"),
        ("England", "LOC"),
    ]


@pytest.mark.parametrize(
    "marked",
    [
        "[LOC Texas] beat [LOC California] in job growth; [LOC Ohio] won a lawsuit against [LOC Michigan].",
        "[LOC Moscow] defeated a motion by [LOC Kyiv] 8-5. [LOC Ankara] hosts the talks, [LOC Berlin] faces a vote.",
        "[LOC Hamburg] beat [LOC Lyon] to host the summit, 21 votes to 14.",
        "[LOC Leeds] lost 400 jobs. A football coach lives there. [LOC Leeds] would host the festival.",
        "In [PER Gill] v. [PER Whitford] the court punted, in a football metaphor.",
        "Channel 4 beat BBC 2. Route 95 and Interstate 80 met in [LOC Akron].",
    ],
)
def test_what_is_not_about_sport_stays_as_it_was(marked: str) -> None:
    text, names = unmarked(marked)
    assert told(marked) == [(text[a:b], label) for a, b, label in sorted(names)]


def test_results_standings_and_fixtures_name_sides_found_or_not() -> None:
    assert told(
        "National league results and standings\n"
        "Leeds 2 [LOC Chelsea] 1\n"
        "[LOC Kansas] City 97 [LOC New York] 88 (OT)\n"
        "[LOC Japan] 3 Syria 1\n"
        "[LOC Derby] 12 3 5 4 12 15 14\n"
        "[LOC DETROIT] 58 66 .468 14 1/2\n"
        "[LOC Boston] at [LOC Oakland], late\n"
        "[LOC Bari] v [PER Verona] (1500)\n"
        "March 12 April 13"
    ) == [
        ("Leeds", "ORG"),
        ("Chelsea", "ORG"),
        ("Kansas City", "ORG"),
        ("New York", "ORG"),
        ("Japan", "LOC"),
        ("Syria", "LOC"),
        ("Derby", "ORG"),
        ("DETROIT", "ORG"),
        ("Boston", "ORG"),
        ("Oakland", "ORG"),
        ("Bari", "ORG"),
        ("Verona", "ORG"),
    ]


def test_a_line_that_is_all_results_between_towns_needs_no_article_around_it() -> None:
    assert told("[LOC Toronto] 97 [LOC Atlanta] 88") == [("Toronto", "ORG"), ("Atlanta", "ORG")]
    assert told("[LOC Toronto] 97 times [LOC Atlanta] 88") == [("Toronto", "LOC"), ("Atlanta", "LOC")]


def test_two_players_of_a_match_stay_people() -> None:
    assert told("Darts championship, semi-finals\n[PER Priestley] 5 [PER Warriner] 2") == [
        ("Priestley", "PER"),
        ("Warriner", "PER"),
    ]


@pytest.mark.parametrize(
    ("marked", "side"),
    [
        ("[PER Tor Hallam] scored twice for [LOC Bergen] this season.", "Bergen"),
        ("The striker joined from [LOC Bergen] on Friday after 40 goals.", "Bergen"),
        ("The team lost 3-0 to [LOC Derby] in the cup.", "Derby"),
        ("The team were beaten 3-0 by [LOC Derby] in the cup.", "Derby"),
        ("[LOC Derby] goalkeeper [PER Jan Brauer] saved a penalty for the club.", "Derby"),
        ("The league leaders drew 1-1 with struggling [LOC Cologne] in front of 20,000 fans.", "Cologne"),
        ("[LOC Essex], seven points behind, lost three wickets before the innings ended.", "Essex"),
        ("The batsmen reached 101-3 v Kent 291 at the end of their second innings.", "Kent"),
        ("[PER Kano] host Enugu in the football league, and the coach is calm.", "Kano"),
    ],
)
def test_slots_of_sports_copy(marked: str, side: str) -> None:
    if side == "Kano":
        marked = marked.replace("Enugu", "[LOC Enugu]")
    assert (side, "ORG") in told(marked)


def test_whose_surname_is_a_towns_is_no_side() -> None:
    assert told("[PER Jack London] trained hard. [PER London] beat [LOC Bristol] 2-1 in the football match.")[1] == (
        "London",
        "PER",
    )
    assert ("Lincoln", "LOC") in told("President [LOC Lincoln] beat [LOC Bristol] 2-1 in the football match.")


def test_initials_before_a_surname_are_a_persons() -> None:
    marked = "[LOC Surrey] 410 (G. Thorn 120, [LOC A. Ratcliffe] 72), the innings closed and the match is even."
    assert told(marked, confidence=0.5) == [
        ("Surrey", "ORG"),
        ("A. Ratcliffe", "PER"),
    ]


def test_who_scored_is_named_in_brackets_and_a_surname_is_the_players() -> None:
    assert told(
        "Utrecht 1 (Sturing 65) Heerenveen 0. Attendance: 6,696. The league season began.\n"
        "[PER Allen Everett] rested. Then [ORG Everett] scored for Utrecht."
    ) == [
        ("Utrecht", "ORG"), ("Sturing", "PER"), ("Heerenveen", "ORG"), ("Allen Everett", "PER"), ("Everett", "PER"),
    ]  # fmt: skip


def test_where_a_side_is_known_towns_that_nothing_places_are_sides() -> None:
    assert told(
        "[LOC Seattle] beat [LOC Boston] 4-0 in the league.\n"
        "[LOC Detroit], which was swept by [LOC Kansas City], flew to [LOC Dallas]. The season ends in [LOC Miami], "
        "[LOC Tampa] and [LOC Houston], [LOC Texas], with a baseball game."
    ) == [
        ("Seattle", "ORG"), ("Boston", "ORG"), ("Detroit", "ORG"), ("Kansas City", "ORG"), ("Dallas", "LOC"),
        ("Miami", "LOC"), ("Tampa", "LOC"), ("Houston", "LOC"), ("Texas", "LOC"),
    ]  # fmt: skip


def test_the_dateline_of_a_match_report_is_where_it_was_written() -> None:
    assert told("[LOC Denver] - [LOC Denver] routed [LOC Dallas] 118-91 in a basketball game.")[0] == ("Denver", "LOC")


def test_an_article_that_mentions_matches_among_much_else_is_not_about_sport() -> None:
    text = "The minister spoke of the budget for an hour and of nothing else that day. " * 40
    marked = f"The football season began.\n{text}\n[LOC Leeds], winless, has a team.\n{text}\n[LOC Derby], too."
    assert told(marked) == [("Leeds", "LOC"), ("Derby", "LOC")]


def test_a_headline_in_capitals_names_the_sides_of_the_text() -> None:
    text = "Philadelphia beat Phoenix 112-95 in a basketball game."
    spans = [Span("text", 0, 12, "Philadelphia", "LOC", 0.8), Span("text", 18, 25, "Phoenix", "LOC", 0.8)]
    headline = "PHILADELPHIA NIP PHOENIX"
    read = teams_told(Article(headline, text), [Span("headline", 13, 24, "NIP PHOENIX", "ORG", 0.2), *spans])
    assert [(s.surface, s.label) for s in read] == [
        ("PHILADELPHIA", "ORG"), ("PHOENIX", "ORG"), ("Philadelphia", "ORG"), ("Phoenix", "ORG"),
    ]  # fmt: skip


def test_long_paragraphs_and_long_lists_are_read_in_time() -> None:
    started = time.process_time()
    told("Leeds 2 " * 4000 + "football match " * 2000)
    told("football match\n" + "[LOC Leeds] beat [LOC Derby] 2-1, " * 3000)
    told("football match\n" + "[LOC Leeds] 2 [LOC Derby] 1\n" * 3000)
    laid_out(Article("", "1. Jan Brauer (Germany) Ferrari 1:23.4\n" * 3000), [])
    assert time.process_time() - started < 10
