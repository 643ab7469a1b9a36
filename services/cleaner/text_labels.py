"""What each line of a flattened page is: labels by rules, or by the model where there is one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

from services.cleaner.outlets import OutletRegistry
from services.cleaner.text_body import LineTable
from services.cleaner.text_features import line_features
from services.cleaner.text_lines import Line, Meta, read_meta, split_lines
from services.cleaner.text_model import TextModels

Label = Literal["headline", "outlet", "time", "outlet_and_time", "byline", "body", "other"]

MOST_LINES: Final = 20_000
"""A page of more lines is a dump of some kind; rules label it in a tenth of the time."""

BODY_CHANCE: Final = 0.5
"""Swept .4 to .6 on development pages by models of other sites: flat from .45 to .55."""

CRF_WEIGHT: Final = 0.2
"""Of the line labels' model beside the body's: on development pages nothing is won or lost from 0 to .3."""

_SENTENCE: Final = re.compile(r"[.!?…。！？।؟][\"'”’»)\]]*(?=\s|$)|[。！？]")
_ENDS_SENTENCE: Final = re.compile(r"[.!?…。！？।؟:][\"'”’»)\]]*$")
CHROME: Final = re.compile(
    r"cookie|subscri|sign ?(?:in|up)|log ?in\b|newsletter|advert|©|copyright|all rights|privacy|terms of|follow us"
    r"|share (?:this|on)|download (?:the|our)|app store|google play|no comments|leave a (?:comment|reply)"
    r"|read (?:more|next|also)|related articles|click here|your email|try our|explore what|get started"
    r"|most read|more from|trending",
    re.IGNORECASE,
)


@dataclass(slots=True)
class PageLines:
    """A flattened page's lines with what each says, and, once labelled, their labels."""

    flattened: str
    lines: list[Line]
    metas: list[Meta | None]
    labels: list[Label] = field(default_factory=list[Label])
    labelled_by: Literal["rules", "model"] = "rules"
    certainty: list[float] = field(default_factory=list[float])
    body_chance: list[float] = field(default_factory=list[float])
    headline_chance: list[float] = field(default_factory=list[float])

    @classmethod
    def read(cls, flattened: str, registry: OutletRegistry) -> Self:
        """The lines of `flattened` (see `ledger.flatten_text`), not labelled yet."""
        lines = split_lines(flattened)
        return cls(flattened, lines, [read_meta(line.text, registry) for line in lines])

    def doubt(self, indices: Sequence[int]) -> float:
        """How unsure the labels of these lines are, in [0, 1], weighted by length; 0 without a model."""
        if not self.certainty:
            return 0.0
        total = sum(self.lines[index].units for index in indices) or 1
        return sum((1 - self.certainty[index]) * self.lines[index].units for index in indices) / total


def label_lines(page: PageLines, models: TextModels | None) -> list[Label]:
    """A label for each line of `page`, by `models`, or by rules without any and on pages of very many lines.

    Labels and how certain they are also stay in `page`.
    """
    if models is None or len(page.lines) > MOST_LINES:
        page.labels, page.labelled_by = label_by_rules(page), "rules"
        return page.labels
    model = models.lines
    scores = model.scores(line_features(page.lines, page.metas))
    path, marginals = model.decode(scores), model.marginals(scores)
    page.labels = [cast("Label", model.labels[number]) for number in path]
    page.certainty = [row[number] for row, number in zip(marginals, path, strict=True)]
    body, headline = model.labels.index("body"), model.labels.index("headline")
    page.body_chance = [row[body] for row in marginals]
    page.headline_chance = [row[headline] for row in marginals]
    page.labelled_by = "model"
    return page.labels


def body_of_one(page: PageLines, models: TextModels, url: str | None) -> list[int]:
    """The body's lines on a page, already labelled, that holds one article; `url` is its address, where known."""
    if models.body is None:
        return [index for index, label in enumerate(page.labels) if label == "body"]
    chances = np.clip(models.body.chances(LineTable(page.lines, page.metas, page.flattened, url)), 1e-9, 1 - 1e-9)
    # where the one is in two minds the other decides: a page without a headline begins with its body
    chances = _chance(_log_odds(chances) + CRF_WEIGHT * _log_odds(np.clip(page.body_chance, 1e-3, 1 - 1e-3)))
    page.certainty = np.maximum(chances, 1 - chances).tolist()
    return np.flatnonzero(chances > BODY_CHANCE).tolist()


def _log_odds(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(chances) - np.log1p(-chances)


def _chance(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-log_odds))


def label_by_rules(page: PageLines) -> list[Label]:
    """Labels from length, copies and neighbours alone."""
    lines, metas = page.lines, page.metas
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.key] = counts.get(line.key, 0) + 1
    labels: list[Label] = ["other"] * len(lines)
    for index, line in enumerate(lines):
        long = line.units >= 140 and _SENTENCE.search(line.text) is not None
        sentence = line.units >= 55 and _ENDS_SENTENCE.search(line.text) is not None
        if (long and line.units >= 260) or ((long or sentence) and not CHROME.search(line.text)):
            labels[index] = "body"
    for index, (line, meta) in enumerate(zip(lines, metas, strict=True)):
        if meta is None or not meta.is_whole or labels[index] == "body":
            continue
        if meta.time is not None:
            labels[index] = "outlet_and_time" if meta.outlet else "time"
        elif meta.byline:
            labels[index] = "byline"
        elif meta.registered is not None or (line.bullet and counts[line.key] > 1):
            labels[index] = "outlet"
    for index, meta in enumerate(metas):
        # a name beside a time, and printed again near it
        if labels[index] == "other" and meta is not None and meta.is_whole and meta.outlet:
            beside = [labels[other] for other in (index - 1, index + 1) if 0 <= other < len(lines)]
            if "time" in beside and not CHROME.search(lines[index].text):
                labels[index] = "outlet"
    last_seen: dict[str, int] = {}
    for index, line in enumerate(lines):
        repeated = counts[line.key] > 1 and index - last_seen.get(line.key, -99) <= 10
        says = metas[index]
        if (
            repeated
            and 15 <= line.units <= 220
            and len(line.text.split()) > 2
            and (says is None or not says.is_whole)
            and not CHROME.search(line.text)
        ):
            labels[index] = labels[last_seen[line.key]] = "headline"
        last_seen[line.key] = index
    open_headline = False
    for index in range(len(lines) - 1, -1, -1):
        label = labels[index]
        if label == "body":
            open_headline = True
        elif label == "headline":
            open_headline = False
        elif (
            open_headline
            and label == "other"
            and 15 <= lines[index].units <= 220
            and not CHROME.search(lines[index].text)
            and (
                (index + 1 < len(lines) and labels[index + 1] in ("outlet", "time", "outlet_and_time", "byline"))
                or (index and labels[index - 1] in ("outlet", "time", "outlet_and_time", "byline"))
                or "body" not in labels[:index]
            )
        ):
            labels[index] = "headline"
            open_headline = False
    return labels
