"""Trains the model that labels the lines of flattened pages.

    uv run --with python-crfsuite python -m services.cleaner.training.text_train --data ../shared/data
    uv run --with python-crfsuite python -m services.cleaner.training.text_train --data ../shared/data --folds-out DIR

A linear-chain CRF (L-BFGS, L1 and L2) over `text_features`, trained on synthetic aggregators' pages in random layouts
and on the development pages flattened in four ways. Its weights become a JSON table, `model/text_lines.json.gz`, which
is evaluated without the library. With --folds-out nothing is written but one model per fold of sites, for measuring.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib
import io
import json
import random
import tempfile
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from services.cleaner.ledger import flatten_text
from services.cleaner.outlets import OutletRegistry, default_registry
from services.cleaner.text_features import line_features
from services.cleaner.text_labels import Label, PageLines
from services.cleaner.training.text_flat import FLATTENERS, GoldPage, flatten, gold_labels, read_pages
from services.cleaner.training.text_synthetic import SourceArticle, SyntheticPage, random_page

SETS = ("fundus", "scrapinghub", "wcxb")
FOLDS = 5
Sample = tuple[list[list[str]], list[Label]]


def fold_of(site: str) -> int:
    """The fold a site is in: the same in every run."""
    return int.from_bytes(hashlib.sha256(site.encode()).digest()[:4], "big") % FOLDS


def source_articles(folder: Path, limit: int) -> list[SourceArticle]:
    """Articles to make pages of: English ones from the duplicates set, spread evenly over its file."""
    sources: list[SourceArticle] = []
    with gzip.open(folder / "duplicates" / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number % 3 or len(sources) >= limit:
                continue
            article = json.loads(line)
            paragraphs = clean_paragraphs(article["text"])
            if len(paragraphs) >= 3 and 15 <= len(article["title"]) <= 200:
                sources.append(SourceArticle(" ".join(article["title"].split()), paragraphs))
    return sources


_LEFT_BY_SCRAPERS = (
    *("advertisement", "read more", "related", "story highlights"),
    *("media playback", "image copyright", "photo"),
)


def clean_paragraphs(text: str) -> tuple[str, ...]:
    """The paragraphs of a set's article, without the labels its own scraper left in it."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n"))
    return tuple(
        paragraph
        for paragraph in paragraphs
        if len(paragraph) >= 40 and not paragraph.lower().startswith(_LEFT_BY_SCRAPERS)
    )


def page_sources(pages: Iterable[GoldPage]) -> list[SourceArticle]:
    """The articles of development pages, for synthetic pages in many languages."""
    languages = {
        "de": "de",
        "at": "de",
        "ch": "de",
        "fr": "fr",
        "es": "es",
        "mx": "es",
        "pt": "pt",
        "br": "pt",
        "it": "it",
    }
    sources: list[SourceArticle] = []
    for page in pages:
        paragraphs = tuple(" ".join(line.split()) for line in page.text.split("\n") if len(line.strip()) >= 40)
        if len(paragraphs) >= 3 and page.headline:
            country = page.id.split("/")[1] if page.id.count("/") >= 2 else "us"
            sources.append(SourceArticle(" ".join(page.headline.split()), paragraphs, languages.get(country, "en")))
    return sources


def synthetic_sample(page: SyntheticPage, registry: OutletRegistry) -> Sample:
    """Features and labels of a synthetic page's lines."""
    lines = PageLines.read(flatten_text(page.text), registry)
    starts: list[tuple[int, Label]] = []
    position = 0
    for text, label in page.lines:
        if label is not None:
            starts.append((position, label))
        position += len(text) + 1
    labels: list[Label] = []
    at = 0
    for line in lines.lines:
        while at + 1 < len(starts) and starts[at + 1][0] <= line.start:
            at += 1
        labels.append(starts[at][1])
    return line_features(lines.lines, lines.metas), labels


def flat_samples(pages: Iterable[GoldPage], registry: OutletRegistry) -> list[Sample]:
    """Features and labels of development pages, each flattened in two of the ways, in turn."""
    samples: list[Sample] = []
    pairs = list(combinations(FLATTENERS, 2))
    for number, page in enumerate(pages):
        for how in pairs[number % len(pairs)]:
            flattened = flatten(page, how)
            if flattened is None:
                continue
            lines = PageLines.read(flattened, registry)
            labels = gold_labels(page, lines)
            if "body" in labels and len(labels) < 4000:
                samples.append((line_features(lines.lines, lines.metas), labels))
    return samples


def synthetic_samples(
    sources: Sequence[SourceArticle], foreign: Sequence[SourceArticle], registry: OutletRegistry, count: int, seed: int
) -> list[Sample]:
    """`count` pages in random layouts."""
    rng = random.Random(seed)
    names = [outlet.name for outlet in registry.entries()]
    samples: list[Sample] = []
    for _ in range(count):
        pool = foreign if foreign and rng.random() < 0.25 else sources
        chosen = rng.sample(pool, min(len(pool), rng.choice((1, 2, 4, 6, 8, 10))))
        if rng.random() < 0.5:
            language = chosen[0].language
            chosen = [source for source in chosen if source.language == language]
        samples.append(synthetic_sample(random_page(rng, chosen, names), registry))
    return samples


def train(samples: Sequence[Sample], *, c1: float, c2: float, iterations: int) -> dict[str, Any]:
    """The weights of a CRF trained on `samples`: labels, transitions, and per feature a weight for each label."""
    pycrfsuite: Any = importlib.import_module("pycrfsuite")
    trainer: Any = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(
        {"c1": c1, "c2": c2, "max_iterations": iterations, "feature.minfreq": 3, "feature.possible_transitions": True}
    )
    for features, labels in samples:
        trainer.append(features, labels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.crf"
        trainer.train(str(path))
        tagger: Any = pycrfsuite.Tagger()
        tagger.open(str(path))
        info: Any = tagger.info()
        tagger.close()
    labels = sorted(info.labels, key=lambda label: int(info.labels[label]))
    at = {label: number for number, label in enumerate(labels)}
    weights: dict[str, list[float]] = {}
    for (feature, label), weight in info.state_features.items():
        if abs(weight) >= 0.02:
            weights.setdefault(feature, [0.0] * len(labels))[at[label]] = round(weight, 2)
    transitions = [[round(info.transitions.get((one, two), 0.0), 2) for two in labels] for one in labels]
    return {"labels": labels, "transitions": transitions, "weights": dict(sorted(weights.items()))}


def write_model(model: dict[str, Any], path: Path) -> None:
    """Writes a model so that equal models are equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        file.write(json.dumps(model, ensure_ascii=False, separators=(",", ":")).encode())
    path.write_bytes(buffer.getvalue())


def main() -> None:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description="Trains the model that labels the lines of flattened pages.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with pages/ and duplicates/")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "model" / "text_lines.json.gz")
    parser.add_argument("--folds-out", type=Path, help="folder for one model per fold of sites, and nothing else")
    parser.add_argument("--synthetic", type=int, default=2500, help="how many synthetic pages")
    parser.add_argument("--seed", type=int, default=20250704)
    parser.add_argument("--c1", type=float, default=0.3)
    parser.add_argument("--c2", type=float, default=0.3)
    parser.add_argument("--iterations", type=int, default=120)
    arguments = parser.parse_args()
    registry = default_registry()
    pages = list(read_pages(arguments.data, *SETS))
    sources = source_articles(arguments.data, 2000)
    for fold in range(FOLDS) if arguments.folds_out else [None]:
        chosen = [page for page in pages if fold is None or fold_of(page.site) != fold]
        samples = flat_samples(chosen, registry)
        flat = len(samples)
        samples += synthetic_samples(sources, page_sources(chosen), registry, arguments.synthetic, arguments.seed)
        model = train(samples, c1=arguments.c1, c2=arguments.c2, iterations=arguments.iterations)
        path = arguments.output if fold is None else arguments.folds_out / f"text_lines.fold{fold}.json.gz"
        write_model(model, path)
        counts = f"{flat} flattened and {len(samples) - flat} synthetic pages, {len(model['weights'])} features"
        print(f"{path.name}: {counts}, {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main()
