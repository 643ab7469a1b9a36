"""What the HTML path is worth on annotated pages: `python -m tests.quality.cleaner_html [--data DIR] [--set NAME…]`.

Prints, in one run, one process and one thread: the body's F1 (the word 4-gram F1 of the scrapinghub article extraction
benchmark: precision and recall averaged over pages) beside trafilatura's, resiliparse's, newspaper4k's and
readability's, with pages a second as ratios to trafilatura's and 95 % bootstrap intervals of the difference; the
fields on fundus; and whether `extraction.quality` follows the truth (Spearman).

The block model is cross-validated by site: five models are trained first, each without the sites it is measured on
(half a minute). What is compared is bytes-decoded HTML to body text; `cleaner` adds fields, ledger and language.
Without the development data it says so and ends with 0, without the other extractors it leaves those out:
`uv run --group cleaner-html python -m tests.quality.cleaner_html` has them all.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import time
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from services.cleaner.fields import read_fields, read_head
from services.cleaner.html_blocks import blocks_of, forget, parse
from services.cleaner.html_model import BlockModel
from services.cleaner.html_pages import DEFAULT_OPTIONS, HtmlOptions, choose, look_at_html_page
from services.cleaner.html_quality import QualityModel
from services.cleaner.ledger import unaccounted
from services.cleaner.outlets import default_registry
from services.cleaner.parts import PageParts
from services.cleaner.training.html_quality import (
    Row,
    by_fold,
    compare,
    cross_validated,
    fetched_at,
    page_f1,
    signs_and_truth,
    spearman,
)
from services.cleaner.training.html_train import SETS, fold_of, read_pages
from services.cleaner.urls import host_of

Page = dict[str, Any]
TURN = 20
_WORD = re.compile(r"\w+")


def f1(rows: Sequence[Row]) -> float:
    """The benchmark's F1: of the means over pages of precision and recall."""
    precision = float(np.mean([a / (a + b) for a, b, _ in rows if a + b] or [0.0]))
    recall = float(np.mean([a / (a + c) for a, _, c in rows if a + c] or [0.0]))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def interval(ours: Sequence[Row], theirs: Sequence[Row], draws: int = 500) -> tuple[float, float]:
    """The 95 % bootstrap interval, over pages, of the difference of two F1."""
    random = np.random.default_rng(1)
    found: list[float] = []
    for _ in range(draws):
        take = random.integers(0, len(ours), len(ours))
        found.append(f1([ours[at] for at in take]) - f1([theirs[at] for at in take]))
    return float(np.percentile(found, 2.5)), float(np.percentile(found, 97.5))


def extractors(models: list[BlockModel]) -> dict[str, Callable[[Page], str]]:
    """Body extractors by name; those that are not installed are left out."""
    found: dict[str, Callable[[Page], str]] = {}

    def body(page: Page, options: HtmlOptions) -> str:
        blocks = blocks_of(parse(page["html"]))
        choice = choose(blocks, models[fold_of(page["url"])], options)
        if choice is None:
            return ""
        return "\n".join(text for text, is_body in zip(blocks.texts, choice.chosen, strict=True) if is_body)

    def cleaner(page: Page) -> str:
        read = read_page(page, models)
        return read.parts[0].text if isinstance(read, PageParts) else ""

    found["newsloom"] = lambda page: body(page, DEFAULT_OPTIONS)
    found["newsloom, model alone"] = lambda page: body(page, HtmlOptions(hand_over_below=0.0))
    found["newsloom, .93 handed over"] = lambda page: body(page, HtmlOptions(hand_over_below=0.93))
    found["newsloom cleaner"] = cleaner
    trafilatura: Any = import_module("trafilatura")
    found["trafilatura"] = lambda page: trafilatura.extract(page["html"], include_comments=False) or ""
    found["trafilatura precision"] = lambda page: (
        trafilatura.extract(page["html"], include_comments=False, favor_precision=True) or ""
    )
    found["trafilatura fast"] = lambda page: trafilatura.extract(page["html"], include_comments=False, fast=True) or ""
    try:
        plain: Any = import_module("resiliparse.extract.html2text").extract_plain_text
        found["resiliparse"] = lambda page: plain(page["html"], main_content=True)
    except ImportError:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            newspaper: Any = import_module("newspaper")

        def by_newspaper(page: Page) -> str:
            article = newspaper.Article(page["url"], fetch_images=False)
            try:
                article.download(input_html=page["html"])
                article.parse()
            except Exception:
                return ""
            return article.text

        found["newspaper4k"] = by_newspaper
    except ImportError:
        pass
    try:
        readability: Any = import_module("readability")
        logging.getLogger("readability").setLevel(logging.CRITICAL)
        lxml_html: Any = import_module("lxml.html")

        def by_readability(page: Page) -> str:
            try:
                return lxml_html.fromstring(readability.Document(page["html"]).summary()).text_content()
            except Exception:
                return ""

        found["readability-lxml"] = by_readability
    except ImportError:
        pass
    return found


def read_page(page: Page, models: list[BlockModel], judges: list[QualityModel] | None = None) -> Any:
    """The whole HTML path over one page, by models that have not seen its site."""
    return look_at_html_page(
        page["html"],
        url=page["url"],
        fetched_at=fetched_at(page),
        registry=default_registry(),
        model=models[fold_of(page["url"])],
        judge=judges[fold_of(page["url"])] if judges else None,
    ).page


def fold(text: str) -> str:
    """`text` for comparison: NFKC, lower case, words alone."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text.replace("\xad", "")).casefold()))


def print_bodies(pages: dict[str, list[Page]], names: Sequence[str], models: list[BlockModel]) -> None:
    """The table of F1 and speed, and the difference to trafilatura."""
    tools = extractors(models)
    rows: dict[str, dict[str, list[Row]]] = {tool: {} for tool in tools}
    seconds = dict.fromkeys(tools, 0.0)
    for extract in tools.values():
        # what each loads at its first page is not measured
        extract(pages[names[0]][0])
    for name in names:
        for start in range(0, len(pages[name]), TURN):
            # turn by turn over a few pages, so that a busy moment of the machine hits all alike, and each is first in
            # turn: who is first finds the pages in no cache
            order = list(tools.items())
            first = start // TURN % len(order)
            for tool, extract in order[first:] + order[:first]:
                # each sees every site for the first time: what another has learnt of its markup is no help
                forget()
                for page in pages[name][start : start + TURN]:
                    started = time.process_time()
                    text = extract(page)
                    seconds[tool] += time.process_time() - started
                    rows[tool].setdefault(name, []).append(compare(page["text"], text))
    count = sum(len(pages[name]) for name in names)
    pooled = [name for name in ("scrapinghub", "fundus") if name in names]
    base = seconds["trafilatura"]
    print(f"\nbody F1 over {count} pages, models cross-validated by site")
    print(f"{'':28}" + "".join(f"{name:>13}" for name in names) + f"{'pooled':>9}{'pages/s':>9}{'x trafilatura':>15}")
    for tool in tools:
        each = "".join(f"{f1(rows[tool][name]):13.4f}" for name in names)
        together = f1([row for name in pooled for row in rows[tool][name]])
        print(f"{tool:28}{each}{together:9.4f}{count / seconds[tool]:9.1f}{base / seconds[tool]:15.1f}")
    for label, group in (("pooled (scrapinghub, fundus)", pooled), *((name, [name]) for name in names)):
        one = [row for name in group for row in rows["newsloom"][name]]
        other = [row for name in group for row in rows["trafilatura"][name]]
        low, high = interval(one, other)
        print(f"newsloom less trafilatura, {label}: {f1(one) - f1(other):+.4f}  95 % [{low:+.4f}, {high:+.4f}]")


def print_quality(pages: dict[str, list[Page]], names: Sequence[str], models: list[BlockModel]) -> None:
    """Whether quality follows the truth, which path won how often, and whether the ledger held."""
    print()
    judges = by_fold(signs_and_truth(pages, models))
    methods: Counter[str] = Counter()
    broken = 0
    everything: list[tuple[float, float]] = []
    for name in names:
        pairs: list[tuple[float, float]] = []
        for page in pages[name]:
            read = read_page(page, models, judges)
            if not isinstance(read, PageParts):
                methods[read.why] += 1
                pairs.append((0.0, 0.0))
                continue
            broken += bool(unaccounted(read))
            methods[read.parts[0].method] += 1
            pairs.append((read.parts[0].quality, page_f1(compare(page["text"], read.parts[0].text))))
        everything += pairs
        print(f"Spearman of quality and page F1, {name}: {spearman(*zip(*pairs, strict=True)):.3f}")
    print(f"Spearman of quality and page F1, all: {spearman(*zip(*everything, strict=True)):.3f}")
    print("paths: " + ", ".join(f"{method} {count}" for method, count in methods.most_common()))
    print(f"pages whose removal ledger is not whole: {broken}")


def print_headlines(pages: list[Page]) -> None:
    """The headline on wcxb, whose gold a model made."""
    registry = default_registry()
    right: list[bool] = []
    for page in (page for page in pages if page.get("headline")):
        site = registry.by_domain(host_of(page["url"]))
        found = read_fields(
            read_head(parse(page["html"])),
            url=page["url"],
            fetched_at=fetched_at(page),
            registry=registry,
            outlet_names=(site.name, *site.aliases) if site else (),
        )
        right.append(fold(found.headline) == fold(page["headline"]))
    print(f"headline exact after folding on wcxb ({len(right)} pages) {sum(right) / len(right):.3f}")


def print_fields(pages: list[Page]) -> None:
    """Headline, authors and date on fundus, and what all fields cost."""
    registry = default_registry()
    headlines = authors = dates = dated = 0
    seconds = 0.0
    for page in pages:
        tree = parse(page["html"])
        started = time.process_time()
        site = registry.by_domain(host_of(page["url"]))
        found = read_fields(
            read_head(tree),
            url=page["url"],
            fetched_at=fetched_at(page),
            registry=registry,
            country=site.country if site else str(page["country"]).upper(),
            order=site.date_order if site else "dmy",
            outlet_names=(site.name, *site.aliases) if site else (),
        )
        seconds += time.process_time() - started
        headlines += fold(found.headline) == fold(page["headline"])
        authors += {fold(author.name) for author in found.byline} == {fold(name) for name in page["authors"]}
        if page["published_at"]:
            dated += 1
            gold = datetime.fromisoformat(page["published_at"])
            gold = gold if gold.tzinfo else gold.replace(tzinfo=UTC)
            at, first, last = found.published.at, found.published.earliest_at, found.published.latest_at
            if at is not None:
                dates += at.date() == gold.astimezone(UTC).date()
            elif first is not None and last is not None:
                # a day: right when the truth lies in it
                dates += first <= gold <= last
    count = len(pages)
    print(f"\nfields on fundus ({count} pages)")
    print(f"headline exact after folding {headlines / count:.3f}   (wanted .90)")
    print(f"author set exact             {authors / count:.3f}   (wanted .85)")
    print(f"date by day                  {dates / max(dated, 1):.3f}   (wanted .97)")
    print(f"ms a page, all fields        {seconds / count * 1000:.2f}   (wanted 3)")


def main() -> int:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("NEWSLOOM_DATA", "../shared/data")))
    parser.add_argument("--set", dest="sets", action="append", choices=SETS)
    arguments = parser.parse_args()
    if not (arguments.data / "pages").is_dir():
        print(
            f"no development data at {arguments.data}: nothing measured (name its folder with --data or NEWSLOOM_DATA)"
        )
        return 0
    names = arguments.sets or list(SETS)
    pages = {name: read_pages(arguments.data / "pages", name) for name in SETS}
    models = cross_validated(pages)
    print_bodies(pages, names, models)
    print_quality(pages, names, models)
    if "fundus" in names:
        print_fields(pages["fundus"])
    if "wcxb" in names:
        print_headlines(pages["wcxb"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
