"""The score of our recognizers on news of our own writing does not fall below its floor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.entities.scoring import SpanScore
from services.entities.transformer import TransformerRecognizer
from tests.quality.entities import sports_score
from tests.quality.entities_sports import SEEN, UNSEEN
from tests.quality.entities_text import MARKED, unmarked

FLOORS = json.loads((Path(__file__).parent / "entities_floors.json").read_text(encoding="utf-8"))


def test_names_in_our_own_news_are_found_as_well_as_ever() -> None:
    recognizer = TransformerRecognizer.load()
    score = SpanScore()
    for marked in MARKED:
        text, gold = unmarked(marked)
        found = {(f.start, f.end, str(f.label)) for f in recognizer.recognize([text])[0]}
        score.add(gold, found, masked=True)
    assert score.f1("PER", "ORG", "LOC") >= FLOORS["own_news_f1"], str(score)
    for label in ("PER", "ORG", "LOC"):
        assert score.f1(label) >= FLOORS[f"own_news_f1_{label}"], str(score)


def test_headlines_in_title_case_and_capitals_keep_most_of_their_names() -> None:
    recognizer = TransformerRecognizer.load()
    for style in (str.title, str.upper):
        score = SpanScore()
        for marked in MARKED:
            text, gold = unmarked(marked.split(". ")[0].split(", ")[0])
            found = {(f.start, f.end, str(f.label)) for f in recognizer.recognize([style(text)])[0]}
            score.add(gold, found, masked=True)
        assert score.f1("PER", "ORG", "LOC") >= FLOORS["own_headlines_f1"], (style.__name__, str(score))


@pytest.mark.parametrize("variant", ["default", "fast"])
def test_sports_copy_names_sides_players_and_places(variant: str) -> None:
    recognizer = TransformerRecognizer.load(variant=variant)
    for title, articles in (("seen", SEEN), ("unseen", UNSEEN)):
        score = sports_score(recognizer, articles, whole=True)
        assert score.f1("PER", "ORG", "LOC") >= FLOORS[f"own_sports_{title}_f1"], str(score)
