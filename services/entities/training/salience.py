"""The weights of `salience.py`, fitted; `python -m tests.quality.entities salience --show` prints and scores them."""
# pyright: basic

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.entities.salience import Occurrence, features

Row = tuple[str, list[tuple[Occurrence, int]]]
"""A document's name, its entities, and how many of five summaries name each."""

SUMMARIES: Final = 5
FOLDS: Final = 5
PENALTY: Final = 30.0  # 3 to 100 score the same to within .005 in cross-validation
_NAMES: Final = (
    "bias", "count", "headline", "start", "rank", "spread", "paragraphs", "share", "words", "PER", "ORG",
)  # fmt: skip


def fold_of(document: str) -> int:
    """The fold that holds the document back, the same on every machine."""
    return hashlib.sha256(document.encode()).digest()[0] % FOLDS


def fitted(rows: Sequence[Row]) -> dict[str, float]:
    """Weights of a logistic regression on how many of five summaries name an entity, each summary one judgement.

    Newton's method with an L2 penalty on standardised inputs.
    """
    inputs = np.array([[features(item).get(name, 0.0) for name in _NAMES] for _, items in rows for item, _ in items])
    named: NDArray[np.float64] = np.array([count / SUMMARIES for _, items in rows for _, count in items])
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    mean[0], scale[0] = 0.0, 1.0
    x = (inputs - mean) / np.maximum(scale, 1e-9)
    penalty = np.full(len(_NAMES), PENALTY)
    penalty[0] = 0.0
    w = np.zeros(len(_NAMES))
    for _ in range(30):
        p = 1 / (1 + np.exp(-(x @ w)))
        gradient = x.T @ (p - named) + penalty * w
        w = w - np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty), gradient)
    raw = w / np.maximum(scale, 1e-9)
    raw[0] -= float((w[1:] * mean[1:] / np.maximum(scale[1:], 1e-9)).sum())
    return {name: round(float(value), 3) for name, value in zip(_NAMES, raw, strict=True)}


def held_back_weights(rows: Sequence[Row]) -> dict[int, Mapping[str, float]]:
    """For each fold, weights fitted without its documents."""
    return {fold: fitted([row for row in rows if fold_of(row[0]) != fold]) for fold in range(FOLDS)}
