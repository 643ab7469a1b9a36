"""Fit the quality of HTML extractions: `python -m services.cleaner.training.html_quality [--data DIR] [--out FILE]`.

Trains five block models, each without the sites of its fold, reads every development page with the model that has not
seen its site, and fits a line from the signs of `html_quality.py` to the page's F1 (ridge regression on
-log(CEILING - F1)). Prints the rank correlation of quality and F1, cross-validated by site. Half a minute on one core;
the same data and release of numpy on one machine give the same file.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from services.cleaner.html_blocks import blocks_of, parse
from services.cleaner.html_features import features
from services.cleaner.html_model import BlockModel, read_model
from services.cleaner.html_pages import NoArticle, look_at_html_page
from services.cleaner.html_quality import CEILING, FILE, NAMES, QualityModel, Signs, read_quality_model
from services.cleaner.outlets import default_registry
from services.cleaner.training.html_train import FOLDS, SETS, fold_of, labels, read_pages, train, weights

RIDGE = 30.0
# 44 signs were tried (lengths, links, lists, tables, JSON-LD's articleBody, truncation, language, ...). These seven,
# taken forward one by one, are level with all of them, .62 by rank against .49 for the block model's confidence; the
# strength of the ridge between 10 and 100 changes .002

Row = tuple[float, float, float]
_WORD = re.compile(r"\w+")


def grams(text: str) -> Counter[tuple[str, ...]]:
    """Word 4-grams with their counts, as the scrapinghub article extraction benchmark has them."""
    words = _WORD.findall(text)
    return Counter(tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3))) if words else Counter()


def compare(gold: str, text: str) -> Row:
    """Shares of 4-grams right, wrong and missed."""
    wanted, found = grams(gold), grams(text)
    right = sum((wanted & found).values())
    wrong, missed = sum(found.values()) - right, sum(wanted.values()) - right
    total = right + wrong + missed or 1
    return right / total, wrong / total, missed / total


def page_f1(row: Row) -> float:
    """F1 of one page."""
    return 2 * row[0] / (2 * row[0] + row[1] + row[2])


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Rank correlation, ties at their mean rank."""

    def ranks(values: Sequence[float]) -> np.ndarray:
        array = np.asarray(values)
        _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - (counts - 1) / 2)[inverse]

    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def cross_validated(pages: dict[str, list[dict[str, Any]]]) -> list[BlockModel]:
    """A block model for each fold, trained on the pages of the others."""
    tables: list[tuple[int, Any]] = []
    for page in (page for name in SETS for page in pages[name]):
        blocks = blocks_of(parse(page["html"]))
        table = features(blocks)
        if len(table):
            shares, sizes = labels(blocks.texts[: len(table)], page["text"])
            tables.append((fold_of(page["url"]), (table, shares, weights(shares, sizes))))
    return [read_model(train([table for number, table in tables if number != fold])) for fold in range(FOLDS)]


def fetched_at(page: dict[str, Any]) -> datetime:
    """When the page was fetched, or a time after all of them."""
    given = page.get("fetched_at")
    read = datetime.fromisoformat(given) if given else datetime(2026, 12, 1, tzinfo=UTC)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def signs_and_truth(
    pages: dict[str, list[dict[str, Any]]], models: Sequence[BlockModel]
) -> list[tuple[int, Signs, float]]:
    """(fold, signs, F1) of every page that gives an article, read with the block model that has not seen its site."""
    found: list[tuple[int, Signs, float]] = []
    for page in (page for name in SETS for page in pages[name]):
        fold = fold_of(page["url"])
        look = look_at_html_page(
            page["html"],
            url=page["url"],
            fetched_at=fetched_at(page),
            registry=default_registry(),
            model=models[fold],
        )
        if not isinstance(look.page, NoArticle):
            found.append((fold, look.signs, page_f1(compare(page["text"], look.page.parts[0].text))))
    return found


def fit(rows: Sequence[tuple[int, Signs, float]]) -> QualityModel:
    """The line through `rows`; four digits of each weight."""
    table, truth = np.array([signs for _, signs, _ in rows]), np.array([f1 for _, _, f1 in rows])
    wanted = -np.log(CEILING - truth)
    mean, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    inputs = (table - mean) / scale
    linear: Any = np.linalg
    matrix = inputs.T @ inputs + RIDGE * np.eye(len(NAMES))
    slopes: list[float] = (linear.solve(matrix, inputs.T @ (wanted - wanted.mean())) / scale).tolist()
    bias = float(wanted.mean() - np.array(slopes) @ mean)
    return QualityModel(tuple(round(slope, 4) for slope in slopes), round(bias, 4))


def by_fold(rows: Sequence[tuple[int, Signs, float]]) -> list[QualityModel]:
    """A model for each fold, fitted to the pages of the others."""
    return [fit([row for row in rows if row[0] != fold]) for fold in range(FOLDS)]


def main() -> None:
    """Fit to all pages and write the model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "model" / FILE)
    arguments = parser.parse_args()
    pages = {name: read_pages(arguments.data / "pages", name) for name in SETS}
    rows = signs_and_truth(pages, cross_validated(pages))
    models = by_fold(rows)
    given = [models[fold].quality(signs) for fold, signs, _ in rows]
    print(f"{len(rows)} pages, Spearman of quality and F1 by site {spearman(given, [f1 for _, _, f1 in rows]):.3f}")
    model = fit(rows)
    content = {"weights": dict(zip(NAMES, model.weights, strict=True)), "bias": model.bias}
    text = json.dumps(content, indent=2) + "\n"
    assert read_quality_model(text) == model
    arguments.out.write_text(text, encoding="utf-8")
    print(f"{arguments.out.name}: {text}")


if __name__ == "__main__":
    main()
