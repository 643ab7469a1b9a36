"""The models that label lines, evaluated without any library: a linear-chain CRF as a table of weights, which tells all

labels apart and finds several articles on a page, and boosted trees as arrays, which tell body lines from others on a
page of one article.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import exp, log
from pathlib import Path
from typing import Any, Final, cast

from services.cleaner.text_features import BODY_FEATURES

LINES_FILE: Final = "text_lines.json.gz"
BODY_FILE: Final = "text_body.json.gz"


@dataclass(frozen=True, slots=True)
class LineModel:
    """A trained model: its labels, `transitions[from][to]`, and for each feature a weight per label."""

    labels: tuple[str, ...]
    transitions: tuple[tuple[float, ...], ...]
    weights: dict[str, tuple[float, ...]]

    def scores(self, features: Sequence[Sequence[str]]) -> list[list[float]]:
        """For each line the sum of its features' weights, per label."""
        weights, size = self.weights, len(self.labels)
        found: list[list[float]] = []
        for own in features:
            rows = [row for feature in own if (row := weights.get(feature)) is not None]
            found.append([sum(column) for column in zip(*rows, strict=True)] if rows else [0.0] * size)
        return found

    def decode(self, scores: Sequence[Sequence[float]]) -> list[int]:
        """The most likely sequence of labels, as indices into `labels` (Viterbi)."""
        if not scores:
            return []
        size = range(len(self.labels))
        into = [[self.transitions[one][two] for one in size] for two in size]
        best = list(scores[0])
        back: list[list[int]] = []
        for row in scores[1:]:
            chosen: list[int] = []
            following: list[float] = []
            for two in size:
                reached = [value + step for value, step in zip(best, into[two], strict=True)]
                top = max(reached)
                chosen.append(reached.index(top))
                following.append(top + row[two])
            back.append(chosen)
            best = following
        label = best.index(max(best))
        labels = [label]
        for chosen in reversed(back):
            label = chosen[label]
            labels.append(label)
        labels.reverse()
        return labels

    def marginals(self, scores: Sequence[Sequence[float]]) -> list[list[float]]:
        """For each line the probability of each label, all sequences considered (forward-backward, scaled)."""
        if not scores:
            return []
        size = range(len(self.labels))
        step = [[exp(value) for value in row] for row in self.transitions]
        into = [[step[one][two] for one in size] for two in size]
        local: list[list[float]] = []
        for row in scores:
            top = max(row)
            local.append([exp(max(value - top, -60.0)) for value in row])
        forward: list[list[float]] = []
        previous = [1.0] * len(self.labels)
        for number, row in enumerate(local):
            if number:
                current = [sum(a * b for a, b in zip(previous, into[two], strict=True)) * row[two] for two in size]
            else:
                current = list(row)
            total = sum(current) or 1.0
            previous = [value / total for value in current]
            forward.append(previous)
        backward = [1.0] * len(self.labels)
        found: list[list[float]] = [[]] * len(local)
        for number in range(len(local) - 1, -1, -1):
            both = [a * b for a, b in zip(forward[number], backward, strict=True)]
            total = sum(both) or 1.0
            found[number] = [value / total for value in both]
            weighted = [a * b for a, b in zip(backward, local[number], strict=True)]
            backward = [sum(a * b for a, b in zip(step[one], weighted, strict=True)) for one in size]
            total = sum(backward) or 1.0
            backward = [value / total for value in backward]
        return found


def read_model(content: bytes) -> LineModel:
    """The model in a file's bytes. Raises ValueError for what is not one."""
    try:
        data = cast("dict[str, Any]", json.loads(gzip.decompress(content)))
        labels = tuple(cast("list[str]", data["labels"]))
        transitions = tuple(tuple(float(value) for value in row) for row in data["transitions"])
        weights = {name: tuple(float(value) for value in row) for name, row in data["weights"].items()}
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise ValueError(f"not a line model ({type(error).__name__}: {error})") from None
    if any(len(row) != len(labels) for row in (*transitions, *weights.values())) or len(transitions) != len(labels):
        raise ValueError("not a line model: its rows are not as long as its labels")
    return LineModel(labels, transitions, weights)


@dataclass(frozen=True, slots=True)
class BodyModel:
    """Boosted trees. A child that is negative is a leaf: -1 the first value, -2 the second."""

    trees: tuple[tuple[tuple[int, ...], tuple[float, ...], tuple[int, ...], tuple[int, ...], tuple[float, ...]], ...]

    def log_odds(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """For each row of `text_features.body_features` the log-odds that the line is of the body."""
        found: list[float] = []
        for row in rows:
            total = 0.0
            for feature, threshold, left, right, values in self.trees:
                node = 0
                while node >= 0:
                    node = left[node] if row[feature[node]] <= threshold[node] else right[node]
                total += values[-1 - node]
            found.append(total)
        return found


def read_body_model(content: bytes, features: Sequence[str]) -> BodyModel:
    """The trees in a file's bytes. Raises ValueError for what is none, or wants other features than `features`."""
    try:
        data = cast("dict[str, Any]", json.loads(gzip.decompress(content)))
        names = tuple(cast("list[str]", data["features"]))
        trees = tuple(
            (
                tuple(int(value) for value in tree[0]),
                tuple(float(value) for value in tree[1]),
                tuple(int(value) for value in tree[2]),
                tuple(int(value) for value in tree[3]),
                tuple(float(value) for value in tree[4]),
            )
            for tree in data["trees"]
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, IndexError) as error:
        raise ValueError(f"not a body model ({type(error).__name__}: {error})") from None
    if names != tuple(features):
        raise ValueError("the body model was trained on other features; train it again")
    return BodyModel(trees)


@dataclass(frozen=True, slots=True)
class TextModels:
    """The two models that belong together: trained on the same pages."""

    lines: LineModel
    body: BodyModel | None = None


def logit(probability: float) -> float:
    """The log-odds of a probability, kept finite."""
    kept = min(max(probability, 1e-9), 1 - 1e-9)
    return log(kept / (1 - kept))


@lru_cache(maxsize=1)
def shipped_models() -> TextModels | None:
    """The models that come with the suite; None where their files are missing, and rules label instead."""
    folder = files("services.cleaner").joinpath("model")
    try:
        lines = read_model(folder.joinpath(LINES_FILE).read_bytes())
    except FileNotFoundError:
        return None
    try:
        return TextModels(lines, read_body_model(folder.joinpath(BODY_FILE).read_bytes(), BODY_FEATURES))
    except FileNotFoundError:
        return TextModels(lines)


def models_at(lines: str | Path, body: str | Path) -> TextModels:
    """The models in two files."""
    return TextModels(read_model(Path(lines).read_bytes()), read_body_model(Path(body).read_bytes(), BODY_FEATURES))
