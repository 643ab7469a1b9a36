"""Articles a second of the entities service, and its memory: `uv run python -m tests.benchmarks.entities`.

The service's own `process_batch` and what it does once a batch is settled, on a Redis of its own; Kafka is left out.
Articles are those of NEWSLOOM_DATA (or ../shared/data) where it is there, else made of our own paragraphs. `--memory N`
sends N articles of our own through, of many outlets and over two weeks of their time, and prints the slope; with
`--paragraphs 1` the default recognizer is through 20,000 in minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import itertools
import json
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from schemas.articles import CleanArticle, Language, Outlet
from services.entities.service import EntitiesSettings, build
from services.local.redis_server import RedisServer
from services.runtime.settings import RuntimeSettings
from tests.quality.entities_text import MARKED, unmarked

BATCH = 32


def data_articles() -> list[tuple[str, str]]:
    """(headline, text) of the development articles, or none."""
    named = os.environ.get("NEWSLOOM_DATA")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "data"
    file = folder / "duplicates" / "articles.jsonl.gz"
    if not file.is_file():
        return []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return [(row["title"], row["text"]) for row in itertools.islice(rows, 3000)]


def own_articles(seed: int, *, paragraphs: int = 8) -> Iterator[tuple[str, str]]:
    """(headline, text) without end: our own paragraphs in random order, with numbers that make each one new."""
    rng = random.Random(seed)
    texts = [unmarked(marked)[0] for marked in MARKED]
    for number in itertools.count():
        chosen = rng.sample(texts, paragraphs)
        yield f"Report {number} from the region", "\n".join(f"{text} It was report {number}." for text in chosen)


def clean(number: int, headline: str, text: str, *, of: int = 0) -> CleanArticle:
    """One clean article; `of` a count of articles, it is one of fifty outlets', and their days go by."""
    outlet = f"outlet{number % 50}"
    fetched_at = datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(days=14 * number / of if of else 11)
    return CleanArticle(
        article_id=f"article-{number}",
        url=f"https://{outlet}.example/{number}",
        outlet=Outlet(name=outlet, domain=f"{outlet}.example"),
        headline=headline,
        text=text,
        language=Language(code="en", confidence=1.0),
        fetched_at=fetched_at,
    )


async def through(service: Any, articles: list[CleanArticle]) -> None:
    """One batch as the engine runs it: processed, and then what is left to do once it is settled."""
    for outcome in await service.process_batch([(article, None) for article in articles]):
        for hook in outcome.after_settle:
            await hook()


def resident_mb() -> float:
    """Resident memory now, in MB; the peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


async def speed(service: Any, articles: list[CleanArticle], title: str) -> None:
    """Prints articles and words a second, by processor time of this process."""
    started, wall = time.process_time(), time.monotonic()
    for start in range(0, len(articles), BATCH):
        await through(service, articles[start : start + BATCH])
    used, took = time.process_time() - started, time.monotonic() - wall
    words = sum(len(article.text.split()) for article in articles)
    print(f"{title:14} {len(articles) / used:8.1f} articles/s  {words / used:9,.0f} words/s of processor time", end="")
    print(f"  ({len(articles) / took:.1f} articles/s by the clock)")


async def memory(service: Any, count: int, *, paragraphs: int) -> float:
    """Prints resident memory while `count` new articles go through; the slope after the first tenth, MB per 1,000.

    Memory goes by articles and names, time by words: articles of one paragraph let the default recognizer see as many.
    """
    points: list[tuple[int, float]] = []
    source = own_articles(7, paragraphs=paragraphs)
    for start in range(0, count, BATCH):
        await through(service, [clean(start + i, *next(source), of=count) for i in range(min(BATCH, count - start))])
        if (start // BATCH) % max(1, count // BATCH // 50) == 0:
            points.append((start + BATCH, resident_mb()))
            if len(points) % 5 == 1:
                print(f"   after {points[-1][0]:6} articles {points[-1][1]:7.1f} MB", flush=True)
    later = points[len(points) // 10 :]
    slope = statistics.linear_regression([n / 1000 for n, _ in later], [mb for _, mb in later]).slope
    print(f"memory slope {slope:+.3f} MB per 1,000 articles (least squares over the last {later[-1][0] - later[0][0]})")
    return slope


async def measure(url: str, arguments: argparse.Namespace) -> None:
    """All of it."""
    settings = EntitiesSettings(recognizer=arguments.recognizer)
    service = build(RuntimeSettings(redis_url=SecretStr(url)), settings)
    await service.start()
    print(f"model {service.model['name']} {service.model['version']}")
    rows = data_articles()[: arguments.articles] if arguments.articles else []
    rows = rows or list(itertools.islice(own_articles(1), arguments.articles))
    articles = [clean(n, *row) for n, row in enumerate(rows)]
    try:
        if articles:
            await speed(service, articles, "cold cache")
            await speed(service, articles, "warm cache")
        if arguments.memory:
            await memory(service, arguments.memory, paragraphs=arguments.paragraphs)
    finally:
        await service.stop()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--recognizer", default="default", help="as NEWSLOOM_ENTITIES_RECOGNIZER")
    parser.add_argument("--memory", type=int, default=0, metavar="N", help="also watch memory over N articles (slow)")
    parser.add_argument("--paragraphs", type=int, default=2, help="paragraphs of each article that --memory makes")
    arguments = parser.parse_args()
    with RedisServer() as server:
        asyncio.run(measure(server.url, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
