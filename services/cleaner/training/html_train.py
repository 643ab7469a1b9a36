"""Train the block model: `python -m services.cleaner.training.html_train [--data DIR] [--out FILE] [--folds-out FILE]`.

Reads the development pages (scrapinghub, fundus, wcxb) from DIR and writes the model that ships. Each line of a page
is labelled with the share of its words that the gold body holds (word 4-grams; short lines by whole lines), and
weighed so that every page counts alike and long lines more. With --folds-out, the chances that each of five models
gives the pages of sites it was not trained on are written too: `tests/quality/cleaner_html.py` measures with those.
Wants `scikit-learn` (dependency group `train`); the same seed, data and release of it give the same file.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import warnings
from hashlib import sha1
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from services.cleaner.html_blocks import Blocks, blocks_of, parse
from services.cleaner.html_features import NAMES, features
from services.cleaner.html_model import FILE, FORMAT, BlockModel, columns_hash, read_model
from services.cleaner.urls import host_of, registrable_domain

SETS = ("scrapinghub", "fundus", "wcxb")
FOLDS = 5
UNITS = 48
SEEDS = (1, 2, 3)
ALPHA = 0.01
PASSES = 6
# chosen on these pages by cross-validation over sites; boosted trees (24 leaves, 90 rounds) were .0075 lower

_WORDS = re.compile(r"\w+")


def read_pages(folder: Path, name: str) -> list[dict[str, Any]]:
    """The pages of one development set: `url`, `html`, `text` (the gold body) and the set's own fields."""
    with gzip.open(folder / f"{name}-dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def fold_of(url: str) -> int:
    """Which fold a page belongs to: by its site, so that no site is in training and test."""
    return int(sha1(registrable_domain(host_of(url)).encode()).hexdigest(), 16) % FOLDS


def labels(texts: list[str], gold: str) -> tuple[np.ndarray, np.ndarray]:
    """For each line the share of it that `gold` holds (-1: it has no words), and its number of words."""
    words = _WORDS.findall(gold)
    grams = {tuple(words[at : at + 4]) for at in range(len(words) - 3)}
    whole = {tuple(_WORDS.findall(line)) for line in gold.split("\n")}
    shares, sizes = list[float](), list[float]()
    for text in texts:
        own = _WORDS.findall(text)
        sizes.append(len(own))
        if not own:
            shares.append(-1.0)
        elif tuple(own) in whole:
            shares.append(1.0)
        elif len(own) >= 4:
            shares.append(sum(tuple(own[at : at + 4]) in grams for at in range(len(own) - 3)) / (len(own) - 3))
        else:
            shares.append(0.0)
    return np.array(shares), np.array(sizes)


def weights(shares: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """What each line counts in training."""
    body = max(float(sizes[shares > 0.5].sum()), 50.0)
    return np.where(shares < 0, 0.0, ((sizes + 1) / body) ** 0.75)


def train(tables: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> bytes:
    """A model file's bytes, from (features, shares, weights) of pages."""
    # a dependency of training alone; met here as Any
    network_of: Any = import_module("sklearn.neural_network").MLPClassifier

    rows = np.vstack([table for table, _, _ in tables])
    shares = np.concatenate([share for _, share, _ in tables])
    weight = np.concatenate([each for _, _, each in tables])
    rows, shares, weight = rows[weight > 0], shares[weight > 0], weight[weight > 0]
    mean, scale = rows.mean(axis=0), 1.0 / (rows.std(axis=0) + 0.05)
    inputs = np.clip((rows - mean) * scale, -4.0, 4.0)
    weight = np.clip(weight / weight.mean(), 0, 20)
    networks: list[Any] = []
    for seed in SEEDS:
        network: Any = network_of(
            (UNITS,), alpha=ALPHA, batch_size=256, max_iter=PASSES, learning_rate_init=1e-3, random_state=seed
        )
        with warnings.catch_warnings():
            # it is stopped on purpose before it converges
            warnings.simplefilter("ignore")
            networks.append(network.fit(inputs, (shares > 0.5).astype(int), sample_weight=weight))
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        format=FORMAT,
        columns_hash=columns_hash(),
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        hidden=np.hstack([network.coefs_[0] for network in networks]).astype(np.float32),
        hidden_bias=np.hstack([network.intercepts_[0] for network in networks]).astype(np.float32),
        out=np.vstack([network.coefs_[1][:, 0] for network in networks]).astype(np.float32),
        out_bias=np.array([network.intercepts_[1][0] for network in networks], dtype=np.float32),
    )
    return buffer.getvalue()


def main() -> None:
    """Train on all pages and write the model; with --folds-out cross-validated models too."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "model" / FILE)
    parser.add_argument("--folds-out", type=Path, help="folder for the five models of the cross-validation")
    arguments = parser.parse_args()
    pages: list[tuple[int, tuple[np.ndarray, np.ndarray, np.ndarray], Blocks]] = []
    for name in SETS:
        for page in read_pages(arguments.data / "pages", name):
            blocks = blocks_of(parse(page["html"]))
            table = features(blocks)
            if len(table):
                shares, sizes = labels(blocks.texts[: len(table)], page["text"])
                pages.append((fold_of(page["url"]), (table, shares, weights(shares, sizes)), blocks))
    print(f"{len(pages)} pages, {sum(len(table[0]) for _, table, _ in pages)} lines, {len(NAMES)} features")
    if arguments.folds_out:
        arguments.folds_out.mkdir(parents=True, exist_ok=True)
        for fold in range(FOLDS):
            content = train([table for number, table, _ in pages if number != fold])
            (arguments.folds_out / f"fold-{fold}.npz").write_bytes(content)
            print(f"fold {fold}: {len(content)} bytes")
    content = train([table for _, table, _ in pages])
    model: BlockModel = read_model(content)
    arguments.out.write_bytes(content)
    print(f"{arguments.out.name}: {len(content)} bytes, version {model.version}")


if __name__ == "__main__":
    main()
