"""How well flattened pages are taken apart.

    uv run python -m tests.quality.cleaner_text [--data ../shared/data] [--pages 40] [--models DIR] [--no-hint]

Prints the real aggregator page against its gold, aggregators' pages in layouts that no model was trained on, and the
development pages flattened in two ways beside trafilatura on their HTML.

The development data is not in the repository: it is looked for at --data, then NEWSLOOM_DATA, then ../shared/data.
Without it, the aggregators' pages are made of articles of our own writing and the rest is left out, which is said.

The shipped models were trained on the development pages. The figures of these are therefore printed only by models that
did not see a page's site: `--models DIR` names the folder to which `text_train --folds-out DIR` and `text_body
--folds-out DIR` wrote them.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from services.cleaner.ledger import unaccounted
from services.cleaner.outlets import default_registry
from services.cleaner.parts import Hints, PageParts
from services.cleaner.text_model import TextModels, models_at, shipped_models
from services.cleaner.text_pages import split_text_page
from services.cleaner.training.text_flat import FLATTENERS, flatten, read_pages
from services.cleaner.training.text_synthetic import LAYOUTS, SourceArticle, SyntheticPage, page_in_layout, random_page
from services.cleaner.training.text_train import FOLDS, clean_paragraphs, fold_of

REGISTRY = default_registry()
Grams = collections.Counter[tuple[str, ...]]
POOLED = ("fundus", "scrapinghub")
"""The sets whose gold people made."""


def grams(text: str) -> Grams:
    """4-grams of the words, as the scrapinghub benchmark counts them."""
    words = re.findall(r"\w+", text.casefold())
    if len(words) < 4:
        return collections.Counter([tuple(words)] if words else [])
    return collections.Counter(tuple(words[at : at + 4]) for at in range(len(words) - 3))


def overlap(found: str, gold: str) -> tuple[float, float, float]:
    """Shares of one page's grams: in both, only found, only gold."""
    mine, theirs = grams(found), grams(gold)
    both = sum((mine & theirs).values())
    only_mine, only_theirs = sum(mine.values()) - both, sum(theirs.values()) - both
    total = both + only_mine + only_theirs or 1
    return both / total, only_mine / total, only_theirs / total


def f1(shares: Sequence[tuple[float, float, float]]) -> float:
    """F1 over pages, each page weighing the same."""
    both, only_mine, only_theirs = (sum(column) for column in zip(*shares, strict=True)) if shares else (0.0, 1.0, 1.0)
    return 2 * both / (2 * both + only_mine + only_theirs)


def real_page(data: Path) -> None:
    """The mission's own sample against its gold."""
    gold = json.loads((data / "pages" / "daily8-russia-azerbaijan.gold.json").read_text())
    text = (data / "pages" / gold["page"]).read_text()
    fetched_at = datetime.fromisoformat(gold["fetched_at"])
    page = split_text_page(text, fetched_at=fetched_at, registry=REGISTRY, url=gold["url"])
    assert page is not None
    ledger = "whole" if not unaccounted(page) else "BROKEN"
    print(f"real page: {len(page.parts)} parts of {len(gold['articles'])}, ledger {ledger}")
    for wanted, part in zip(gold["articles"], page.parts, strict=False):
        start, end = wanted["body_span"]
        body = text[start:end]
        for promo in reversed(wanted["remove"]):
            first, last = (place - start for place in promo["span"])
            body = body[:first].rstrip() + " " + body[last:].lstrip()
        promos = [(span.kind, [span.start, span.end]) for span in part.removed if start <= span.start < end]
        checks = {
            "headline": part.headline == wanted["headline"],
            "outlet": part.outlet is not None and part.outlet.name == wanted["outlet"],
            "aggregator": any(a.role == "aggregator" and a.name == gold["aggregator"] for a in part.attribution),
            "time": part.published.at is None and part.published.evidence == "relative_age",
            "body": part.text == body,
            "promos": promos == [(promo["kind"], promo["span"]) for promo in wanted["remove"]],
        }
        wrong = [name for name, right in checks.items() if not right]
        print(f"  {part.headline[:60]:60}  {'all right' if not wrong else 'WRONG: ' + ', '.join(wrong)}")


def development_articles(data: Path) -> list[SourceArticle]:
    """Articles that no model was trained on: the thirds of the duplicates set that training leaves out."""
    sources: list[SourceArticle] = []
    with gzip.open(data / "duplicates" / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number % 3 == 1 and len(sources) < 1500:
                article = json.loads(line)
                paragraphs = clean_paragraphs(article["text"])
                if len(paragraphs) >= 3 and 15 <= len(article["title"]) <= 200:
                    sources.append(SourceArticle(" ".join(article["title"].split()), paragraphs))
    return sources


def measure_layout(
    pages: Sequence[SyntheticPage], model: TextModels | str, aggregator: str | None
) -> collections.Counter[str]:
    """Counts over pages: articles, recovered, spurious, and of the recovered those with outlet and time right."""
    count: collections.Counter[str] = collections.Counter()
    for page in pages:
        parts = _split(page, model, aggregator)
        free = list(parts.parts) if parts is not None else []
        if parts is not None and unaccounted(parts):
            count["ledger_broken"] += 1
        count["articles"] += len(page.articles)
        for article in page.articles:
            gold = "\n".join(article.paragraphs)
            scores = [f1([overlap(part.text, gold)]) for part in free]
            best = max(range(len(free)), key=scores.__getitem__, default=None)
            if best is None or scores[best] < 0.5:
                continue
            part = free.pop(best)
            if scores[best] < 0.9:
                count["partly"] += 1
                continue
            count["recovered"] += 1
            known = REGISTRY.by_name(article.outlet)
            wanted = known.id if known is not None else article.outlet
            if part.outlet is not None:
                count["outlet"] += (part.outlet.id if known is not None else part.outlet.name) == wanted
            earliest, latest = part.published.earliest_at, part.published.latest_at
            if earliest is not None and latest is not None:
                count["time"] += earliest <= article.published_at.replace(second=0) and article.published_at <= max(
                    latest, latest.replace(second=59)
                )
            count["headline"] += part.headline == article.headline
        count["spurious"] += len(free)
    return count


def _split(page: SyntheticPage, model: TextModels | str, aggregator: str | None) -> PageParts | None:
    return split_text_page(
        page.text, fetched_at=page.fetched_at, registry=REGISTRY, hints=Hints(aggregator=aggregator),
        models=model if isinstance(model, TextModels) else "none" if model == "none" else "shipped",
    )  # fmt: skip


def layouts(
    sources: Sequence[SourceArticle], pages: int, seed: int, model: TextModels | str, aggregator: str | None
) -> None:
    """Aggregators' pages in the fixed layouts, and in random ones; `aggregator` is what the scraper says of them."""
    names = [outlet.name for outlet in REGISTRY.entries()]
    total: collections.Counter[str] = collections.Counter()
    print(f"  {'layout':22} articles recovered spurious  headline  outlet  time")

    def shares(name: str, count: collections.Counter[str]) -> None:
        recovered, articles = count["recovered"] or 1, count["articles"] or 1
        print(
            f"  {name:22} {articles:8} {count['recovered'] / articles:9.3f} {count['spurious'] / articles:8.3f}"
            f"  {count['headline'] / recovered:8.3f}  {count['outlet'] / recovered:6.3f}"
            f"  {count['time'] / recovered:.3f}"
            + (f"  LEDGER BROKEN ON {count['ledger_broken']}" if count["ledger_broken"] else ""),
            flush=True,
        )

    def row(name: str, made: list[SyntheticPage]) -> collections.Counter[str]:
        count = measure_layout(made, model, aggregator)
        shares(name, count)
        return count

    def made(make: Callable[[random.Random, list[SourceArticle]], SyntheticPage], name: str) -> list[SyntheticPage]:
        rng = random.Random(f"{seed} {name}")
        return [make(rng, rng.sample(sources, min(len(sources), 2 * rng.randint(2, 5)))) for _ in range(pages)]

    for name in LAYOUTS:
        total += row(name, made(lambda rng, some, name=name: page_in_layout(name, rng, some, names), name))
    shares("all fixed layouts", total)
    row("random layouts", made(lambda rng, some: random_page(rng, some, names), "random"))


def flattened_pages(
    data: Path, models: Sequence[TextModels] | str, hows: Sequence[str], sets: Sequence[str], compare: bool
) -> None:
    """Flattened development pages against trafilatura on their HTML; each page by a model that never saw its site."""
    pooled: dict[str, list[tuple[float, float, float]]] = {}
    for name in sets:
        pages = list(read_pages(data, name))
        line = f"  {name:12} {len(pages):4} pages"
        for how in hows:
            shares: list[tuple[float, float, float]] = []
            spent, several, broken = 0.0, 0, 0
            for page in pages:
                flattened = flatten(page, how) or ""
                model = models if isinstance(models, str) else models[fold_of(page.site)]
                began = time.perf_counter()
                parts = split_text_page(
                    flattened, fetched_at=_fetched(page.fetched_at), registry=REGISTRY, url=page.url,
                    models=model if isinstance(model, TextModels) else "none",
                )  # fmt: skip
                spent += time.perf_counter() - began
                several += parts is not None and len(parts.parts) > 1
                broken += parts is not None and bool(unaccounted(parts))
                shares.append(overlap(parts.parts[0].text if parts else "", page.text))
            line += (
                f"   {how} {f1(shares):.3f} ({len(pages) / spent:.0f}/s, {several} split{', BROKEN' if broken else ''})"
            )
            if name in POOLED:
                pooled.setdefault(how, []).extend(shares)
        if compare:
            import trafilatura

            shares, spent = [], 0.0
            for page in pages:
                began = time.perf_counter()
                text = trafilatura.extract(page.html, include_comments=False) or ""
                spent += time.perf_counter() - began
                shares.append(overlap(text, page.text))
            line += f"   trafilatura on HTML {f1(shares):.3f} ({len(pages) / spent:.0f}/s)"
        print(line, flush=True)
    for how, shares in pooled.items():
        print(f"  {' and '.join(POOLED)}, {how}: {f1(shares):.4f}", flush=True)


def _fetched(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = datetime.fromisoformat("2026-01-01")
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.fromisoformat("2026-01-01T00:00:00Z").tzinfo)


def data_folder(given: Path | None) -> Path | None:
    """Where the development data is, or None."""
    for folder in (given, os.environ.get("NEWSLOOM_DATA"), "../shared/data"):
        if folder and (Path(folder) / "pages").is_dir():
            return Path(folder)
    return None


def sample_articles() -> list[SourceArticle]:
    """Articles of our own writing, from tests/data."""
    path = Path(__file__).parent.parent / "data" / "cleaner_text" / "articles.json"
    articles: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return [SourceArticle(article["headline"], tuple(article["paragraphs"])) for article in articles]


def main() -> None:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description="How well flattened pages are taken apart.")
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--pages", type=int, default=40, help="pages per layout")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--models", type=Path, help="folder of the folds' models")
    parser.add_argument("--no-hint", action="store_true", help="do not say that the pages are an aggregator's")
    parser.add_argument("--rules", action="store_true", help="measure the rules instead of the model")
    parser.add_argument("--flatteners", default="blocks,nodes", help=f"of {','.join(FLATTENERS)}")
    parser.add_argument("--sets", default="fundus,scrapinghub,wcxb")
    parser.add_argument("--skip-layouts", action="store_true")
    parser.add_argument("--skip-trafilatura", action="store_true")
    arguments = parser.parse_args()
    data = data_folder(arguments.data)
    folds: list[TextModels] = []
    if arguments.models:
        folds = [
            models_at(
                arguments.models / f"text_lines.fold{number}.json.gz", arguments.models / f"text_body.fold{number}.npz"
            )
            for number in range(FOLDS)
        ]
    by: TextModels | str = "none" if arguments.rules or shipped_models() is None else "shipped"
    if folds and by == "none" and not arguments.rules:
        by = folds[0]
    print(f"lines labelled by {'the model' if by != 'none' else 'rules'}")
    if data is None:
        print("no development data at --data, NEWSLOOM_DATA or ../shared/data: only pages of our own writing")
    else:
        real_page(data)
    sources = development_articles(data) if data is not None else sample_articles()
    if not arguments.skip_layouts:
        print(f"aggregators' pages, {arguments.pages} a layout, seed {arguments.seed}, of {len(sources)} articles:")
        layouts(sources, arguments.pages, arguments.seed, by, None if arguments.no_hint else "Example Feed")
    if data is None:
        return
    if not folds and by != "none":
        print("flattened pages: left out, the shipped model has seen them; give --models")
        return
    print("flattened development pages, body F1 (4-grams, a page weighs one):")
    flattened_pages(
        data,
        folds or "none",
        arguments.flatteners.split(","),
        arguments.sets.split(","),
        not arguments.skip_trafilatura,
    )


if __name__ == "__main__":
    main()
