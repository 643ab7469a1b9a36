"""Articles a second of the entities service, and its memory: `uv run python -m tests.benchmarks.entities`.

The service's own `process_batch`, on a Redis of its own; Kafka is left out. Articles are those of NEWSLOOM_DATA (or
../shared/data) where it is there, else made of our own paragraphs.
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
import sys
import time
from collections.abc import Iterator
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


def own_articles(seed: int) -> Iterator[tuple[str, str]]:
    """(headline, text) without end: our own paragraphs in random order, with numbers that make each one new."""
    rng = random.Random(seed)
    texts = [unmarked(marked)[0] for marked in MARKED]
    for number in itertools.count():
        chosen = rng.sample(texts, 8)
        yield f"Report {number} from the region", "\n".join(f"{text} It was report {number}." for text in chosen)


def clean(number: int, headline: str, text: str) -> CleanArticle:
    """One clean article."""
    return CleanArticle(
        article_id=f"article-{number}",
        outlet=Outlet(name="Ashcombe Ledger"),
        headline=headline,
        text=text,
        language=Language(code="en", confidence=1.0),
        fetched_at="2026-03-12T08:00:00Z",  # type: ignore[arg-type]
    )


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
        await service.process_batch([(article, None) for article in articles[start : start + BATCH]])
    used, took = time.process_time() - started, time.monotonic() - wall
    words = sum(len(article.text.split()) for article in articles)
    print(f"{title:14} {len(articles) / used:8.1f} articles/s  {words / used:9,.0f} words/s of processor time", end="")
    print(f"  ({len(articles) / took:.1f} articles/s by the clock)")


async def memory(service: Any, count: int) -> None:
    """Prints resident memory while `count` new articles go through, and its slope after the first fifth."""
    points: list[tuple[int, float]] = []
    source = own_articles(7)
    for start in range(0, count, BATCH):
        batch = [clean(start + i, *next(source)) for i in range(min(BATCH, count - start))]
        await service.process_batch([(article, None) for article in batch])
        if start % (BATCH * max(1, count // BATCH // 10)) == 0:
            points.append((start + len(batch), resident_mb()))
            print(f"   after {points[-1][0]:6} articles {points[-1][1]:7.1f} MB", flush=True)
    later = points[len(points) // 5 :]
    slope = (later[-1][1] - later[0][1]) / max(1, later[-1][0] - later[0][0]) * 1000
    print(f"memory slope {slope:+.2f} MB per 1,000 articles")


async def measure(url: str, arguments: argparse.Namespace) -> None:
    """All of it."""
    service = build(RuntimeSettings(redis_url=SecretStr(url)), EntitiesSettings())
    await service.start()
    print(f"model {service.model['name']} {service.model['version']}")
    rows = data_articles()[: arguments.articles] or list(itertools.islice(own_articles(1), arguments.articles))
    articles = [clean(n, *row) for n, row in enumerate(rows)]
    try:
        await speed(service, articles, "cold cache")
        await speed(service, articles, "warm cache")
        if arguments.memory:
            await memory(service, arguments.memory)
    finally:
        await service.stop()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--memory", type=int, default=0, metavar="N", help="also watch memory over N articles (slow)")
    arguments = parser.parse_args()
    with RedisServer() as server:
        asyncio.run(measure(server.url, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
