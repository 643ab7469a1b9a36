"""How good the extraction of an HTML page is: the F1 to be expected of its body, from signs known without the truth.

A line through seven signs, fitted by `services/cleaner/training/html_quality.py`. The block model's own confidence is
one of them, under another name: alone it says too little, because it is as sure of a body with holes as of a whole one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np

from services.cleaner.html_blocks import GROUP_NAMES, GROUPS, LEAF, LEAVES, TAG_NAMES, TAGS, Blocks
from services.cleaner.html_features import Floats

FILE: Final = "html_quality.json"
CEILING: Final = 1.02
"""The line is fitted to -log(CEILING - F1): the difference of .95 and .99 is worth as much as that of .5 and .8."""
NAMES: Final = (
    "wrong",  # how much of the body the block model would rather not have
    "gaps",  # how often lines between two of the body are left out
    "in_p",  # the share of it that stands in <p>
    "description",  # whether it holds the beginning of the page's own description
    "short",  # the share of short paragraphs
    "headings",  # the share of lines in headings below the first
    "quotes",  # the share of it in boxes, quotations and embedded posts
)
_SHORT_CHARS: Final = 40
_DESCRIPTION_CHARS: Final = 60
_P: Final = LEAVES.index("p")
_HEADINGS: Final = sum(1 << TAG_NAMES.index(name) for name in ("h2", "h3", "h4"))
_QUOTE: Final = 1 << GROUP_NAMES.index("quote")

Signs = tuple[float, ...]
"""A number for each of NAMES."""


class QualityModelError(ValueError):
    """A file of weights that this release cannot use."""


def signs_of(
    blocks: Blocks, chosen: Sequence[bool], chances: Floats, paragraphs: Sequence[str], description: str
) -> Signs:
    """The signs of a body: the lines chosen for it, the model's chance of each line, and what became of them."""
    is_body = np.array(chosen, dtype=bool)
    place = np.flatnonzero(is_body)
    if len(place) == 0:
        return (0.0,) * len(NAMES)
    sizes = np.fromiter(map(len, blocks.texts), dtype=np.float64, count=len(blocks.texts))[place]
    total = max(float(sizes.sum()), 1.0)
    chance = np.zeros(len(blocks.texts))
    chance[: len(chances)] = chances
    leaves, tags, groups = (blocks.columns[row][place] for row in (LEAF, TAGS, GROUPS))
    opening = description[:_DESCRIPTION_CHARS]
    return (
        math.log1p(100 * float(((1 - chance[place]) * sizes).sum()) / total),
        math.log1p(int(np.count_nonzero(np.diff(place) > 1))),
        float(sizes[leaves == _P].sum()) / total,
        float(bool(opening) and any(opening in text for text in paragraphs)),
        sum(len(text) < _SHORT_CHARS for text in paragraphs) / max(len(paragraphs), 1),
        float(np.count_nonzero(tags & _HEADINGS)) / len(place),
        float(sizes[(groups & _QUOTE) != 0].sum()) / total,
    )


@dataclass(frozen=True)
class QualityModel:
    """A weight for each of NAMES, and what stands beside them."""

    weights: tuple[float, ...]
    bias: float

    def quality(self, signs: Signs) -> float:
        """The F1 to be expected, in [0, 1]."""
        line = self.bias + sum(weight * sign for weight, sign in zip(self.weights, signs, strict=True))
        # three digits: the last bits of sums differ between machines, and output must not
        return round(min(1.0, max(0.0, CEILING - math.exp(-line))), 3)


def read_quality_model(text: str) -> QualityModel:
    """The model in a file's text. Raises QualityModelError for one of other signs."""
    read = json.loads(text)
    if list(read["weights"]) != list(NAMES):
        raise QualityModelError(
            "the quality model was fitted to other signs than this release computes; "
            "fit it again with services/cleaner/training/html_quality.py"
        )
    return QualityModel(tuple(map(float, read["weights"].values())), float(read["bias"]))


@lru_cache(maxsize=1)
def default_quality_model() -> QualityModel:
    """The model that ships, read once."""
    return read_quality_model((files("services.cleaner") / "model" / FILE).read_text(encoding="utf-8"))
