"""How central an entity is to its article, in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.entities import Label


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What salience is judged by: how often, where, and beside how many others the article names an entity."""

    label: Label
    count: int
    in_headline: bool
    start: int
    """Code points before its first mention in the text; 0 when the headline names it."""
    spread: float
    """From its first to its last mention, as a share of the text."""
    rank: int
    """How many people, organisations and places are named before it."""
    paragraphs: float
    """Share of the article's paragraphs that name it."""
    share: float
    """Its mentions among those of people, organisations and places."""
    words: int
    """Words of the fullest name."""


# Fitted by training/salience.py to how many of five summaries of a GUM document name an entity (printed by
# `python -m tests.quality.entities salience --show`). GUM's names are no MISC: that is judged as a place, less what
# keeps a nationality behind its country.
WEIGHTS: Final[Mapping[str, float]] = {
    "bias": -2.646,
    "count": 1.526,
    "headline": 1.087,
    "start": -0.298,
    "rank": -0.308,
    "spread": 0.909,
    "paragraphs": -0.568,
    "share": 1.689,
    "words": 0.081,
    "PER": -0.104,
    "ORG": -0.396,
    "MISC": -0.3,
}


def features(item: Occurrence) -> dict[str, float]:
    """The regression's inputs."""
    return {
        "bias": 1.0,
        "count": math.log1p(item.count),
        "headline": float(item.in_headline),
        "start": math.log1p(item.start / 100),
        "rank": math.log1p(item.rank),
        "spread": item.spread,
        "paragraphs": item.paragraphs,
        "share": item.share,
        "words": float(min(item.words, 4)),
        item.label: 1.0,
    }


def salience(item: Occurrence, weights: Mapping[str, float] = WEIGHTS) -> float:
    """The share of an article's summaries that would name the entity, four digits."""
    total = sum(weights.get(name, 0.0) * value for name, value in features(item).items())
    return round(1 / (1 + math.exp(-total)), 4)


def positions(places: Sequence[tuple[bool, int]], length: int) -> tuple[bool, int, float]:
    """(in the headline, start, spread) of mentions given as (is in headline, start); the headline is position 0."""
    starts = [0 if headline else start for headline, start in places]
    return any(headline for headline, _ in places), min(starts), (max(starts) - min(starts)) / max(1, length)
