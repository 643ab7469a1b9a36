"""How central an entity is to its article, in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.entities import Label


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What salience is judged by: counts, and positions as shares of the text's length."""

    label: Label
    count: int
    in_headline: bool
    first: float
    last: float
    paragraphs: float
    """Share of the article's paragraphs that name it."""
    share: float
    """Share of the article's mentions."""
    words: int
    """Words of the fullest name."""


# Logistic regression on GUM's salience annotation; see tests/quality/entities.py for what it scores.
WEIGHTS: Final[dict[str, float]] = {
    "bias": -1.6,
    "count": 0.9,
    "headline": 1.6,
    "first": -1.6,
    "spread": 0.6,
    "paragraphs": 0.8,
    "share": 1.0,
    "words": 0.1,
    "PER": 0.2,
    "ORG": 0.1,
    "LOC": 0.0,
    "MISC": -0.3,
}


def features(item: Occurrence) -> dict[str, float]:
    """The regression's inputs."""
    return {
        "bias": 1.0,
        "count": math.log1p(item.count),
        "headline": float(item.in_headline),
        "first": item.first,
        "spread": max(0.0, item.last - item.first),
        "paragraphs": item.paragraphs,
        "share": item.share,
        "words": float(min(item.words, 4)),
        item.label: 1.0,
    }


def salience(item: Occurrence) -> float:
    """The probability that a summary of the article would name it, four digits."""
    total = sum(WEIGHTS[name] * value for name, value in features(item).items())
    return round(1 / (1 + math.exp(-total)), 4)


def occurrences(places: Sequence[tuple[bool, int]], length: int) -> tuple[bool, float, float]:
    """(in the headline, first, last) of mentions given as (is in headline, start); the headline is position 0."""
    starts = [0 if headline else start for headline, start in places]
    span = max(1, length)
    return any(headline for headline, _ in places), min(starts) / span, max(starts) / span
