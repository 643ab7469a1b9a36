"""The models that label lines, evaluated without the libraries that trained them: a linear-chain CRF as a table of

weights, which tells all labels apart and finds several articles on a page, and networks and boosted trees as arrays,
which tell body lines from others on a page of one article.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from math import exp
from pathlib import Path
from typing import Any, Final, cast
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from services.cleaner.html_model import BlockModel
from services.cleaner.text_body import COLUMNS_HASH, LineTable

LINES_FILE: Final = "text_lines.json.gz"
BODY_FILE: Final = "text_body.npz"


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
class Trees:
    """Boosted trees as arrays, one entry a node, tree after tree.

    A node whose test fails rules out the leaves on its left: the bits that are 0 in its mask. What all failed nodes
    of a tree leave, the lowest bit of it, is the leaf (Lucchese et al., "QuickScorer", 2015).
    """

    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float32]
    mask: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    """The first node of each tree."""
    values: npt.NDArray[np.float64]
    """(trees, 32) leaf values, from the left."""

    def log_odds(self, table: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """For each row of `table` the sum of its leaves' values."""
        found = np.empty(len(table))
        trees = np.arange(len(self.starts))
        # a few megabytes at a time, whatever the page's length
        for first in range(0, len(table), _ROWS):
            rows = table[first : first + _ROWS]
            masks = np.where(rows[:, self.feature] > self.threshold, self.mask, _ALL)
            left = np.bitwise_and.reduceat(masks, self.starts, axis=1)
            leaf = np.frexp((left & (~left + np.uint32(1))).astype(np.float64))[1] - 1
            found[first : first + _ROWS] = self.values[trees, leaf].sum(axis=1)
        return found


_ALL: Final = np.uint32(0xFFFFFFFF)
_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class BodyModel:
    """Two passes over the lines of a page of one article: networks, and trees that know what the networks said."""

    networks: BlockModel
    trees: Trees

    def chances(self, table: LineTable) -> npt.NDArray[np.float64]:
        """For each line the chance that it is of the body; 0 for those that are not worth asking about."""
        first = self.networks.scores(table.first()).astype(np.float64)
        found, asked = np.zeros(len(first)), table.asked_again(first)
        odds = self.trees.log_odds(table.second(first)[asked])
        # rounded: the last bits of sums differ between machines, and output must not
        found[asked] = np.round(1 / (1 + np.exp(-np.clip(odds, -30, 30))), 4)
        return found


def read_body_model(content: bytes) -> BodyModel:
    """The model in a file's bytes. Raises ValueError for what is none, or wants other features than this release's."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"not a body model ({type(error).__name__}: {error})") from None
    if arrays.get("columns") != COLUMNS_HASH:
        raise ValueError("the body model was trained on other features; train it again")
    networks = {
        name: np.ascontiguousarray(arrays[name], dtype=np.float32)
        for name in ("mean", "scale", "hidden", "hidden_bias", "out", "out_bias")
    }
    return BodyModel(
        BlockModel(**networks, version=sha256(content).hexdigest()[:12]),
        Trees(
            arrays["feature"].astype(np.int64), arrays["threshold"], arrays["mask"], arrays["starts"].astype(np.int64),
            arrays["values"].astype(np.float64),
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextModels:
    """The two models that belong together: trained on the same pages."""

    lines: LineModel
    body: BodyModel | None = None


@lru_cache(maxsize=1)
def shipped_models() -> TextModels | None:
    """The models that come with the suite; None where their files are missing, and rules label instead."""
    folder = files("services.cleaner").joinpath("model")
    try:
        lines = read_model(folder.joinpath(LINES_FILE).read_bytes())
    except FileNotFoundError:
        return None
    try:
        return TextModels(lines, read_body_model(folder.joinpath(BODY_FILE).read_bytes()))
    except FileNotFoundError:
        return TextModels(lines)


def models_at(lines: str | Path, body: str | Path) -> TextModels:
    """The models in two files."""
    return TextModels(read_model(Path(lines).read_bytes()), read_body_model(Path(body).read_bytes()))
