"""Trains the model that says which lines of a flattened page of one article are its body.

    uv run --with lightgbm python -m services.cleaner.training.text_body --data ../shared/data [--folds 3]

Gradient-boosted trees over `text_features.body_features` on the development pages flattened in four ways; a line weighs
by its length, a page's lines together the same. The trees become arrays in `model/text_body.json.gz`, evaluated without
the library. With `--folds` models for measuring are written as well, each without the sites of its fold.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from services.cleaner.outlets import default_registry
from services.cleaner.text_features import BODY_FEATURES, body_features
from services.cleaner.text_labels import PageLines
from services.cleaner.training.text_flat import FLATTENERS, flatten, gold_labels, read_pages
from services.cleaner.training.text_train import SETS, fold_of, write_model

Row = tuple[str, list[list[float]], list[bool], list[int]]


def read_rows(folder: Path) -> list[Row]:
    """For each page and flattener: site, features, which lines are body, and lengths."""
    registry, rows = default_registry(), list[Row]()
    for page in read_pages(folder, *SETS):
        for how in FLATTENERS:
            flattened = flatten(page, how)
            if flattened is None:
                continue
            lines = PageLines.read(flattened, registry)
            labels = gold_labels(page, lines)
            if "body" in labels and len(labels) < 4000:
                features = body_features(lines.lines, lines.metas)
                body = [label == "body" for label in labels]
                rows.append((page.site, features, body, [line.units for line in lines.lines]))
    return rows


def train(rows: list[Row], *, trees: int, leaves: int, seed: int) -> dict[str, Any]:
    """The trees as arrays: per tree features, thresholds, left and right children (negative: leaf), leaf values."""
    lightgbm: Any = importlib.import_module("lightgbm")
    numpy: Any = importlib.import_module("numpy")
    features: Any = numpy.concatenate([numpy.array(row[1], dtype=numpy.float32) for row in rows])
    gold: Any = numpy.concatenate([numpy.array(row[2]) for row in rows])
    weights: list[Any] = []
    for _, _, body, units in rows:
        own: Any = numpy.clip(numpy.array(units), 15, 400)
        weights.append(own / max(1, (own * numpy.array(body)).sum()) * 2000)
    weight: Any = numpy.concatenate(weights)
    weight = numpy.clip(weight, 0, numpy.percentile(weight, 99.5))
    options: dict[str, Any] = {
        "objective": "binary",
        "learning_rate": 0.12,
        "num_leaves": leaves,
        "min_data_in_leaf": 80,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 5,
        "verbose": -1,
        "num_threads": 2,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
    }
    booster: Any = lightgbm.train(options, lightgbm.Dataset(features, gold, weight=weight), trees)
    info: list[dict[str, Any]] = booster.dump_model()["tree_info"]
    return {"features": list(BODY_FEATURES), "trees": [_arrays(tree["tree_structure"]) for tree in info]}


def _arrays(root: dict[str, Any]) -> list[list[float]]:
    feature, threshold, left, right, values = list[int](), list[float](), list[int](), list[int](), list[float]()

    def place(node: dict[str, Any]) -> int:
        if "leaf_value" in node:
            values.append(round(node["leaf_value"], 4))
            return -len(values)
        at = len(feature)
        feature.append(node["split_feature"])
        threshold.append(float(f"{node['threshold']:.6g}"))
        left.append(0)
        right.append(0)
        left[at], right[at] = place(node["left_child"]), place(node["right_child"])
        return at

    place(root)
    return [list[float](feature), threshold, list[float](left), list[float](right), values]


def main() -> None:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description="Trains the model that tells body lines from others.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with pages/")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "model" / "text_body.json.gz")
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--trees", type=int, default=90)
    parser.add_argument("--leaves", type=int, default=28)
    parser.add_argument("--seed", type=int, default=20250704)
    arguments = parser.parse_args()
    rows = read_rows(arguments.data)
    for fold in [*range(arguments.folds), None]:
        chosen = [row for row in rows if fold is None or fold_of(row[0], arguments.folds) != fold]
        model = train(chosen, trees=arguments.trees, leaves=arguments.leaves, seed=arguments.seed)
        path = arguments.output if fold is None else arguments.output.with_name(f"text_body.fold{fold}.json.gz")
        write_model(model, path)
        size = path.stat().st_size
        print(f"{path.name}: {len(chosen)} flattened pages, {len(model['trees'])} trees, {size} bytes", flush=True)


if __name__ == "__main__":
    main()
