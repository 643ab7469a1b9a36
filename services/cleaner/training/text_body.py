"""Trains the model that says which lines of a flattened page of one article are its body.

    uv run --with lightgbm python -m services.cleaner.training.text_body --data ../shared/data [--folds-out DIR]

Networks (as the HTML path's) and then boosted trees, over the columns of `services/cleaner/text_body.py`, on the
development pages flattened in two or three ways each; a line weighs by its words, and pages about the same. The trees
learn from chances that the networks give to pages of sites they were not trained on (five folds). All becomes arrays
in `model/text_body.npz`, evaluated without lightgbm. With --folds-out only the models of the folds are written, for
measuring: no line of the fold's sites was among those that its networks and trees learnt from, though the networks
that gave its trees their chances for other sites saw them. One thread; the same data, seed and releases of numpy and
lightgbm give the same bytes on one machine.
"""

from __future__ import annotations

import argparse
import importlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from services.cleaner.html_model import BlockModel
from services.cleaner.outlets import default_registry
from services.cleaner.text_body import COLUMNS_HASH, SECOND, LineTable
from services.cleaner.text_labels import PageLines
from services.cleaner.text_model import BODY_FILE
from services.cleaner.training.html_train import fit
from services.cleaner.training.text_flat import body_lines, flatten, read_pages
from services.cleaner.training.text_train import FOLDS, SETS, fold_of

NETWORKS: Final = {"networks": 4, "units": 32, "passes": 10}
TREES: Final = 120
OPTIONS: Final[dict[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.08,
    "num_leaves": 20,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "lambda_l2": 10,
    "max_bin": 63,
    "verbose": -1,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
}
_MOST_LEAVES: Final = 32
"""Bits of a mask; see `text_model.Trees`."""
_MOST_LINES: Final = 4000


@dataclass(slots=True)
class Sample:
    """A flattened page: its fold, its lines in numbers, which are body, and what each counts in both passes."""

    fold: int
    table: LineTable
    is_body: np.ndarray
    network_weight: np.ndarray
    tree_weight: np.ndarray


def read_samples(folder: Path) -> list[Sample]:
    """The development pages, each as blocks and as text nodes, a half of them in a third way."""
    registry, samples = default_registry(), list[Sample]()
    for number, page in enumerate(read_pages(folder, *SETS)):
        for how in ("blocks", "nodes", *((), ("spaced",), (), ("raw",))[number % 4]):
            flattened = flatten(page, how)
            lines = PageLines.read(flattened, registry) if flattened else None
            if lines is None or not 0 < len(lines.lines) < _MOST_LINES:
                continue
            is_body, sizes, _ = body_lines(page, lines)
            words = np.array(sizes, dtype=np.float64)
            share = (words + 1) / max(float(words[np.array(is_body)].sum()), 50.0) * (words > 0)
            samples.append(
                Sample(
                    fold_of(page.site),
                    LineTable(lines.lines, lines.metas, lines.flattened, page.url),
                    np.array(is_body, dtype=np.float32),
                    share**0.75,
                    20 * np.minimum(share**0.85, 0.5),
                )
            )
    return samples


def train_networks(samples: list[Sample]) -> dict[str, np.ndarray]:
    """The networks' arrays, as they are after they were stored."""
    arrays = fit([(each.table.first(), each.is_body, each.network_weight) for each in samples], **NETWORKS)
    return {
        name: values.astype(np.float16 if name == "hidden" else np.float32).astype(np.float32)
        for name, values in arrays.items()
    }


def train_trees(samples: list[Sample], chances: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The trees' arrays, from the networks' chances for the same samples."""
    lightgbm: Any = importlib.import_module("lightgbm")
    rows, is_body, weight = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for sample, each in zip(samples, chances, strict=True):
        asked = sample.table.asked_again(each)
        rows.append(sample.table.second(each)[asked])
        is_body.append(sample.is_body[asked])
        weight.append(sample.tree_weight[asked])
    data = lightgbm.Dataset(np.concatenate(rows), np.concatenate(is_body), weight=np.concatenate(weight))
    booster: Any = lightgbm.train(OPTIONS, data, TREES)
    return tree_arrays([tree["tree_structure"] for tree in booster.dump_model()["tree_info"]], len(SECOND))


def tree_arrays(trees: list[dict[str, Any]], columns: int) -> dict[str, np.ndarray]:
    """Trees, as lightgbm writes them, as the arrays of `text_model.Trees`.

    Raises ValueError for a tree of more than 32 leaves, and for a feature that is not among `columns`.
    """
    features, thresholds, masks, starts = list[int](), list[float](), list[int](), list[int]()
    values = np.zeros((len(trees), _MOST_LEAVES), dtype=np.float32)

    def place(node: dict[str, Any], leaves: list[float]) -> None:
        if "leaf_value" in node:
            leaves.append(node["leaf_value"])
            return
        if not 0 <= node["split_feature"] < columns:
            raise ValueError(f"feature {node['split_feature']} of {columns}")
        at, before = len(features), len(leaves)
        features.append(node["split_feature"])
        thresholds.append(node["threshold"])
        masks.append(0)
        place(node["left_child"], leaves)
        # what a failed test rules out: the leaves on its left
        masks[at] = 0xFFFFFFFF & ~sum(1 << leaf for leaf in range(before, len(leaves)))
        place(node["right_child"], leaves)

    for number, tree in enumerate(trees):
        leaves = list[float]()
        starts.append(len(features))
        place(tree, leaves)
        if not 1 < len(leaves) <= _MOST_LEAVES:
            raise ValueError(f"a tree of {len(leaves)} leaves")
        values[number, : len(leaves)] = leaves
    return {
        "feature": np.array(features, dtype=np.int16),
        "threshold": np.array(thresholds, dtype=np.float32),
        "mask": np.array(masks, dtype=np.uint32),
        "starts": np.array(starts, dtype=np.int32),
        "values": values,
    }


def write(networks: dict[str, np.ndarray], trees: dict[str, np.ndarray], path: Path) -> None:
    """Writes a model so that equal models are equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {**networks, "hidden": networks["hidden"].astype(np.float16), **trees}
    np.savez_compressed(buffer, columns=np.array(COLUMNS_HASH), **arrays)
    path.write_bytes(buffer.getvalue())
    print(f"{path.name}: {path.stat().st_size} bytes", flush=True)


def main() -> None:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description="Trains the model that tells body lines from others.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with pages/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "model" / BODY_FILE)
    parser.add_argument("--folds-out", type=Path, help="folder for one model per fold of sites, and nothing else")
    arguments = parser.parse_args()
    samples = read_samples(arguments.data)
    print(f"{len(samples)} flattened pages, {sum(len(each.is_body) for each in samples)} lines", flush=True)
    unseen = [train_networks([each for each in samples if each.fold != fold]) for fold in range(FOLDS)]
    models = [BlockModel(**arrays, version="") for arrays in unseen]
    chances = [models[each.fold].scores(each.table.first()).astype(np.float64) for each in samples]
    if arguments.folds_out:
        for fold in range(FOLDS):
            chosen = [number for number, each in enumerate(samples) if each.fold != fold]
            trees = train_trees([samples[number] for number in chosen], [chances[number] for number in chosen])
            write(unseen[fold], trees, arguments.folds_out / f"text_body.fold{fold}.npz")
        return
    write(train_networks(samples), train_trees(samples, chances), arguments.out)


if __name__ == "__main__":
    main()
