"""The benchmarks' arithmetic, and that the pages they measure with hold the article that was put into them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from schemas.articles import CleanArticle, RawArticle
from services.cleaner.service import CleanerSettings, build
from services.runtime.service import Emit, Outcome, Record
from services.runtime.settings import RuntimeSettings
from tests.benchmarks.bench import Look, drained, percentile
from tests.benchmarks.suite import PAGE_BYTES, page
from tests.newsroom import START, made_articles


def test_a_rate_leaves_the_start_out_and_tenths_are_found_between_looks() -> None:
    # two seconds of starting, then 100 records a second and a tenth of a CPU
    looks = [Look(at / 2, max(0, (at - 4) * 50), max(0, at - 4) * 0.05) for at in range(25)]
    found = drained(looks, 1000, 50.0)
    assert found.rate == pytest.approx(100)
    assert found.cpu_us == pytest.approx(1000)
    assert found.tenths == pytest.approx([100] * 10)


def test_a_slower_end_is_seen_in_the_last_tenths() -> None:
    looks = [Look(at, min(at, 8) * 100 + max(0, at - 8) * 50, 0.0) for at in range(13)]
    assert drained(looks, 1000, 50.0).tenths == pytest.approx([100] * 8 + [50] * 2)


def test_percentiles() -> None:
    values = [float(value) for value in range(100)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([1.0], 0.99)) == (50, 99, 1)


def test_pages_that_are_measured_with_are_heavy_and_yield_their_article() -> None:
    service = build(RuntimeSettings(), CleanerSettings(discard_unchanged=False))
    for article in made_articles(3, seed=5, copied=0):
        value = page(article)
        assert abs(len(value) - PAGE_BYTES) < 3000
        record = Record("raw-articles", 0, 0, b"k", value, (), START)
        outcome = asyncio.run(_outcome(service.process(RawArticle.from_bytes(value), record)))
        assert isinstance(outcome, Emit)
        clean = outcome.publishes[0].event
        assert isinstance(clean, CleanArticle)
        assert (clean.headline, clean.text) == (article.headline, "\n".join(article.paragraphs))


async def _outcome(work: Awaitable[Outcome]) -> Outcome:
    return await work
