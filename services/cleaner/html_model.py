"""The block model: how likely each line of a flattened page is part of its article's body.

A small neural network over the line's features (one hidden layer, a few of them averaged), trained by
`services/cleaner/training/html_train.py` and evaluated here on numpy arrays alone: 0.1 ms a page, where boosted trees
of the same accuracy take 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from typing import Final

import numpy as np

from services.cleaner.html_blocks import Blocks
from services.cleaner.html_features import NAMES, Floats, features

FILE: Final = "html_blocks.npz"
FORMAT: Final = 2
_LOG_WORDS: Final = NAMES.index("log_words")


class ModelError(ValueError):
    """A model file that this release cannot evaluate."""


@dataclass(frozen=True)
class BlockModel:
    """`networks` of one hidden layer each, over standardised features; their chances are averaged."""

    mean: Floats
    scale: Floats
    """A feature is (value - mean) * scale, held to [-4, 4]."""
    hidden: Floats
    """(features, networks * units) weights, and `hidden_bias` beside them; rectified."""
    hidden_bias: Floats
    out: Floats
    """(networks, units) weights, and one `out_bias` a network; a logistic function ends it."""
    out_bias: Floats
    version: str

    def scores(self, table: Floats) -> Floats:
        """The chance of each row of `features` to be body, in [0, 1]."""
        if len(table) == 0:
            return np.zeros(0, dtype=np.float32)
        # lines as columns, as the features are laid out in memory
        inputs = (table.T - self.mean[:, None]) * self.scale[:, None]
        np.clip(inputs, -4.0, 4.0, out=inputs)
        units = self.hidden.T @ inputs
        units += self.hidden_bias[:, None]
        np.maximum(units, 0.0, out=units)
        networks, width = self.out.shape
        logits = np.einsum("nul,nu->nl", units.reshape(networks, width, len(table)), self.out)
        logits += self.out_bias[:, None]
        chances = 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))
        # rounded: the last bits of a matrix product differ between machines, and output must not
        return np.asarray(np.round(chances.mean(axis=0), 4), dtype=np.float32)


def columns_hash() -> str:
    """A hash of the features' names and order: a model trained on others is refused."""
    return sha256(" ".join(NAMES).encode()).hexdigest()[:16]


def read_model(content: bytes) -> BlockModel:
    """The model in a file's bytes. Raises ModelError for another format or other features."""
    with np.load(BytesIO(content), allow_pickle=False) as file:
        if int(file["format"]) != FORMAT or str(file["columns_hash"]) != columns_hash():
            raise ModelError(
                "the block model was trained for other features than this release computes; "
                "train it again with services/cleaner/training/html_train.py"
            )
        arrays = {
            name: np.ascontiguousarray(file[name], dtype=np.float32)
            for name in ("mean", "scale", "hidden", "hidden_bias", "out", "out_bias")
        }
    return BlockModel(**arrays, version=sha256(content).hexdigest()[:12])


@lru_cache(maxsize=1)
def default_model() -> BlockModel:
    """The model that ships, read once."""
    return read_model((files("services.cleaner") / "model" / FILE).read_bytes())


@dataclass(frozen=True)
class Scored:
    """What the model says of a page: a chance for each line, and how good the choice of all above 0.5 will be."""

    chances: Floats
    confidence: float


def score(blocks: Blocks, model: BlockModel) -> Scored:
    """The model's word on each line of `blocks`; lines past the features' limit have no chance.

    `confidence` is the F1 that is to be expected if the chances are right, each line weighed by its words: 0 for a
    page on which nothing is above 0.5.
    """
    table = features(blocks)
    chances = model.scores(table)
    words = np.expm1(table[:, _LOG_WORDS])
    chosen = chances > 0.5
    right = float((chances * words)[chosen].sum())
    wrong = float(((1 - chances) * words)[chosen].sum())
    missed = float((chances * words)[~chosen].sum())
    confidence = 2 * right / (2 * right + wrong + missed) if right else 0.0
    return Scored(chances, confidence)
