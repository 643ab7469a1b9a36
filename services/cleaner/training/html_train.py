"""Train the block model: `python -m services.cleaner.training.html_train [--data DIR] [--out FILE] [--folds-out FILE]`.

Reads the development pages (scrapinghub, fundus, wcxb) from DIR and writes the model that ships. Each line of a page
is labelled with the share of its words that the gold body holds (word 4-grams; short lines by whole lines), and
weighed so that every page counts alike and long lines more. With --folds-out, the chances that each of five models
gives the pages of sites it was not trained on are written too: `tests/quality/cleaner_html.py` measures with those.
Half a minute on one core; the same data, seed and release of numpy on one machine give the same file.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
from hashlib import sha1
from pathlib import Path
from typing import Any

import numpy as np

from services.cleaner.html_blocks import Blocks, blocks_of, parse
from services.cleaner.html_features import NAMES, features
from services.cleaner.html_model import FILE, FORMAT, BlockModel, columns_hash, read_model
from services.cleaner.urls import host_of, registrable_domain

SETS = ("scrapinghub", "fundus", "wcxb")
FOLDS = 5
NETWORKS, UNITS = 6, 32
SEED = 1
PASSES = 14
BATCH = 512
RATE = 8e-3
DECAY = 1e-2
DRAWN = 0.5
"""Lines that weigh less than this share of the mean are drawn at random, and then weigh more."""
# chosen on these pages by cross-validation over sites. Boosted trees (24 leaves, 90 rounds) were .0075 lower, one
# network .002; dropout, soft labels and a stronger decay gained nothing

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
    buffer = io.BytesIO()
    arrays: dict[str, Any] = fit(tables)
    np.savez_compressed(buffer, format=FORMAT, columns_hash=columns_hash(), **arrays)
    return buffer.getvalue()


def fit(
    tables: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    networks: int = NETWORKS,
    units: int = UNITS,
    passes: int = PASSES,
) -> dict[str, np.ndarray]:
    """A model's arrays, from (features, shares, weights) of pages.

    Adam with a warm-up and a rate that falls to nothing (cosine); all networks see the same lines and differ in what
    they begin with. Lines of little weight are drawn at a share of it, anew in each pass.
    """
    rows = np.vstack([table for table, _, _ in tables])
    shares = np.concatenate([share for _, share, _ in tables])
    weight = np.concatenate([each for _, _, each in tables])
    rows, shares, weight = rows[weight > 0], shares[weight > 0], weight[weight > 0]
    mean, scale = rows.mean(axis=0), 1.0 / (rows.std(axis=0) + 0.05)
    inputs = np.clip((rows - mean) * scale, -4.0, 4.0).astype(np.float32)
    is_body = (shares > 0.5).astype(np.float32)
    weight = np.clip(weight / weight.mean(), 0, 20)
    drawn = np.minimum(1.0, weight / DRAWN)
    weight = (weight / drawn).astype(np.float32)

    random = np.random.default_rng(SEED)
    width = networks * units
    hidden = _float32(random.standard_normal((inputs.shape[1], width)) * np.sqrt(2 / inputs.shape[1]))
    out = _float32(random.standard_normal((networks, units)) / np.sqrt(units))
    weights_of = [hidden, np.zeros(width, np.float32), out, np.zeros(networks, np.float32)]
    first, second = [np.zeros_like(each) for each in weights_of], [np.zeros_like(each) for each in weights_of]
    steps, step = passes * int(drawn.sum() // BATCH), 0
    for _ in range(passes):
        order = random.permutation(np.flatnonzero(random.random(len(inputs)) < drawn))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            step += 1
            batch = order[at : at + BATCH]
            slopes = _slopes(weights_of, inputs[batch], is_body[batch], weight[batch])
            rate = RATE * min(1.0, step / 100) * (0.51 + 0.5 * np.cos(np.pi * min(1.0, step / steps)))
            for value, slope, mean_slope, mean_square in zip(weights_of, slopes, first, second, strict=True):
                mean_slope += 0.1 * (slope - mean_slope)
                mean_square += 0.001 * (slope * slope - mean_square)
                value -= rate * (mean_slope / (1 - 0.9**step)) / (np.sqrt(mean_square / (1 - 0.999**step)) + 1e-8)
            hidden *= 1 - rate * DECAY
            out *= 1 - rate * DECAY
    return {
        "mean": mean.astype(np.float32),
        "scale": scale.astype(np.float32),
        "hidden": weights_of[0],
        "hidden_bias": weights_of[1],
        "out": weights_of[2],
        "out_bias": weights_of[3],
    }


def _float32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def _slopes(weights_of: list[np.ndarray], rows: np.ndarray, is_body: np.ndarray, weight: np.ndarray) -> list[Any]:
    """The gradient of the weighted cross entropy of a batch, for each of `weights_of`."""
    hidden, hidden_bias, out, out_bias = weights_of
    units = rows @ hidden + hidden_bias
    active = units > 0
    units *= active
    by_network = units.reshape(len(rows), *out.shape)
    logits = np.einsum("bnu,nu->bn", by_network, out) + out_bias
    chances = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    error = _float32((chances - is_body[:, None]) * weight[:, None] / len(rows))
    back = (error[:, :, None] * out).reshape(units.shape) * active
    return [rows.T @ back, back.sum(axis=0), np.einsum("bn,bnu->nu", error, by_network), error.sum(axis=0)]


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
