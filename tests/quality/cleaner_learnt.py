"""What learning an outlet's recurring lines gains.

    uv run python -m tests.quality.cleaner_learnt [--data ../shared/data] [--outlets 40]

Three measurements; the first runs the service against a real Redis of its own.

1. Outlets of our own: made-up articles, each outlet with two to four lines that it prints inside or around the text,
   some on every page and some on half of them. Each outlet publishes on two days: body F1 (4-grams) of the second day
   with nothing learnt (a cold start) and with the first day learnt, how many of the lines are left, and whether any
   line of the articles' own was lost.
2. The development pages of outlets that have at least three (there are few): each page read with the lines that two
   or more of the outlet's other pages share, whatever their dates. Two is fewer than the service asks for (four).
3. The development articles of the duplicates set (real outlets, text as some scraper left it, no gold): how many of
   the lines would be taken off and, with --show, which; to be judged by eye.

The development data is not in the repository: without it, only the first is measured, which is said.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from schemas.articles import CleanArticle, RawArticle
from schemas.topics import RAW_ARTICLES
from services.cleaner.html_pages import DEFAULT_OPTIONS, NoArticle
from services.cleaner.learnt import is_counted, line_hashes, sightings, take_off
from services.cleaner.outlets import default_registry
from services.cleaner.pages import take_apart
from services.cleaner.service import CleanerSettings, build
from services.cleaner.training.text_flat import GoldPage, read_pages
from services.local.redis_server import RedisServer
from services.runtime.service import Emit, Record
from services.runtime.settings import RuntimeSettings
from tests.newsroom import made_articles
from tests.quality.cleaner_text import data_folder, f1, overlap

DAY = datetime(2026, 3, 2, 6, tzinfo=UTC)

# what outlets print in and around a text, in words of our own
PHRASES = (
    "{name} has reported from {place} since 18{n} and belongs to those who read it.",
    "Our desk in {place} answers letters about this article every weekday before noon.",
    "What {name} knows of {place} it knows from its readers: write to the desk if you saw what happened.",
    "This article was edited in {place} by the night desk of {name}.",
    "Every Thursday {name} prints the council's decisions in full, on paper and here.",
    "{name} pays its reporters out of what readers in {place} give each month.",
    "The photographs with this article hang in the foyer of {name} until the end of the month.",
    "Corrections to what {name} printed stand on page {n} of the next morning's paper.",
    "A shorter form of this article is read aloud at seven on {place} Radio, {n} metres.",
    "How we work: two people of {name} have read these lines before you did.",
)
PLACES = ("Corran", "Northgate", "Eastvale", "Millbrook", "Ashford", "Redcliff", "Highmoor", "Saltmarsh")


@dataclass(frozen=True)
class Page:
    """A page of our own: what is published, and what a reader would call its article."""

    raw: RawArticle
    gold: str
    lines: tuple[str, ...]


def own_pages(outlets: int, seed: int) -> tuple[list[Page], list[Page]]:
    """The pages of two days."""
    rng = random.Random(seed)
    articles = made_articles(outlets * 24, seed=seed, copied=0)
    days: tuple[list[Page], list[Page]] = ([], [])
    for number in range(outlets):
        name = f"{rng.choice(PLACES)} Courier {number}"
        phrases = rng.sample(PHRASES, rng.randint(2, 4))
        lines = [(text.format(name=name, place=rng.choice(PLACES), n=rng.randint(20, 90)), rng.choice((1.0, 0.5)),
                  rng.choice(("first", "middle", "last"))) for text in phrases]  # fmt: skip
        for day, count in ((0, rng.randint(6, 14)), (1, 8)):
            for _ in range(count):
                article = next(articles)
                body = list(article.paragraphs)
                held: list[str] = []
                for text, share, where in lines:
                    if rng.random() < share:
                        at = {"first": 0, "last": len(body)}.get(where, rng.randint(1, len(body) - 1))
                        body.insert(at, text)
                        held.append(text)
                fetched_at = DAY + timedelta(days=day, minutes=rng.randint(0, 600))
                html = (
                    f"<html><head><title>{escape(article.headline)}</title></head><body><nav><a href='/'>Home</a></nav>"
                    f"<article><h1>{escape(article.headline)}</h1>"
                    + "".join(f"<p>{escape(text)}</p>" for text in body)
                    + "</article><footer><p>Contact</p></footer></body></html>"
                )
                raw = RawArticle.model_validate(
                    {
                        "url": f"https://courier-{number}.example/news/{article.number}",
                        "fetched_at": fetched_at.isoformat(),
                        "html": html,
                        "publisher": {"name": "made-up-news"},
                        "outlet": name,
                    }
                )
                days[day].append(Page(raw, "\n".join(article.paragraphs), tuple(held)))
    return days


async def texts(redis_url: str, pages: Iterable[Page], *, learn: bool) -> list[CleanArticle | None]:
    """What the service makes of `pages`, each settled before the next."""
    service = build(RuntimeSettings(redis_url=redis_url), CleanerSettings(learn_boilerplate=learn))  # type: ignore[arg-type]
    await service.start()
    found: list[CleanArticle | None] = []
    for page in pages:
        value = page.raw.to_bytes()
        record = Record(RAW_ARTICLES.name, 0, 0, b"k", value, (), page.raw.fetched_at + timedelta(seconds=3))
        outcome = await service.process(page.raw, record)
        event = outcome.publishes[0].event if isinstance(outcome, Emit) else None
        found.append(event if isinstance(event, CleanArticle) else None)
        for hook in outcome.after_settle:
            await hook()
        await service.settled()
    await service.stop()
    return found


def measure_own(outlets: int, seed: int) -> None:
    """The first measurement."""
    first, second = own_pages(outlets, seed)
    with RedisServer() as redis:
        cold = asyncio.run(texts(redis.url, second, learn=False))
        # the memo of the cold pass would call the second pass unchanged
        import redis as client

        with client.Redis.from_url(redis.url) as connection:
            connection.flushall()
        asyncio.run(texts(redis.url, first, learn=True))
        warm = asyncio.run(texts(redis.url, second, learn=True))
    for name, found in (("nothing learnt", cold), ("a day learnt", warm)):
        shares = [overlap(event.text if event else "", page.gold) for event, page in zip(found, second, strict=True)]
        printed = sum(len(page.lines) for page in second)
        left = sum(
            line in event.text for event, page in zip(found, second, strict=True) if event for line in page.lines
        )
        lost = sum(
            line not in event.text.split("\n")
            for event, page in zip(found, second, strict=True)
            if event
            for line in page.gold.split("\n")
        )
        print(
            f"  {name:16} body F1 {f1(shares):.4f}   recurring lines left {left} of {printed}"
            f"   lines of the articles lost {lost}"
        )


def measure_development(data: Path, least: int) -> None:
    """The second measurement: pages are counted as the service counts them, only without days."""
    registry = default_registry()
    by_place: dict[str, list[tuple[GoldPage, Any, Any]]] = defaultdict(list)
    pages = list(read_pages(data, "fundus", "scrapinghub", "wcxb"))
    sites = Counter(page.site for page in pages)
    for page in pages:
        if sites[page.site] < least:
            continue
        raw = RawArticle.model_validate(
            {
                "url": page.url if "//" in page.url else "https://" + page.url,
                "fetched_at": "2026-01-01T00:00:00Z",
                "html": page.html,
                "publisher": {"name": "p"},
            }
        )
        found = take_apart(raw, registry=registry, options=DEFAULT_OPTIONS)
        if not isinstance(found, NoArticle):
            seen = sightings(raw, found, registry)
            by_place[seen[0].place].append((page, found, seen[0]))
    cold, warm, changed = list[tuple[float, float, float]](), list[tuple[float, float, float]](), 0
    outlets = [pages for pages in by_place.values() if len(pages) >= least]
    for pages in outlets:
        for number, (page, found, _) in enumerate(pages):
            others = [seen for other, (_, _, seen) in enumerate(pages) if other != number]
            counts = Counter(line for seen in others for line in seen.lines)
            learnt = {line for line, count in counts.items() if count >= max(2, 0.25 * len(others))}
            cleaned = take_off(found, 0, learnt, "other pages")
            changed += cleaned is not found
            cold.append(overlap(found.parts[0].text, page.text))
            warm.append(overlap(cleaned.parts[0].text, page.text))
    print(
        f"  {len(outlets)} outlets with at least {least} pages, {len(cold)} pages: body F1 {f1(cold):.4f} with nothing "
        f"learnt, {f1(warm):.4f} with the outlet's other pages learnt; {changed} pages changed"
    )


def measure_scraped(data: Path, show: int) -> None:
    """The third measurement: by date, each article read with what the 30 before it of its outlet teach."""
    by_outlet: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with gzip.open(data / "duplicates" / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            article = json.loads(line)
            by_outlet[article["outlet"]].append(article)
    total = taken = articles = touched = 0
    shown: Counter[tuple[str, str]] = Counter()
    for outlet, own in by_outlet.items():
        own.sort(key=lambda article: str(article["date"]))
        rows = [list(dict.fromkeys(line.strip() for line in a["text"].split("\n") if line.strip())) for a in own]
        hashes = [
            {known: text for known, text in zip(line_hashes(row), row, strict=True) if is_counted(text)} for row in rows
        ]
        for number in range(len(own)):
            before = hashes[max(0, number - 30) : number]
            counts = Counter(line for row in before for line in row)
            learnt = {line for line, count in counts.items() if count >= max(4, 0.25 * len(before))}
            gone = [text for line, text in hashes[number].items() if line in learnt]
            articles += 1
            touched += bool(gone)
            taken += len(gone)
            total += len(rows[number])
            shown.update((outlet, text) for text in gone)
    print(
        f"  {articles} articles of {len(by_outlet)} outlets: {taken} of {total} lines taken off "
        f"({len(shown)} different ones), {touched} articles changed"
    )
    for (outlet, text), count in shown.most_common(show):
        print(f"    {count:4} {outlet[:24]:24} {text[:120]}")


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description="What learning an outlet's recurring lines gains.")
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--outlets", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--show", type=int, default=0, help="most lines of the third measurement to print")
    options = parser.parse_args(arguments)
    print(f"pages of our own, {options.outlets} outlets, seed {options.seed}, on the day after the first:")
    measure_own(options.outlets, options.seed)
    data = data_folder(options.data)
    if data is None:
        print("no development data at --data, NEWSLOOM_DATA or ../shared/data: only pages of our own writing")
        return
    print("development pages, leaving each page out in turn:")
    measure_development(data, 3)
    print("development articles as a scraper left them (no gold; look at them with --show 50):")
    measure_scraped(data, options.show)


if __name__ == "__main__":
    main()
