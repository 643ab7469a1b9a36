"""The runbook's sizing table is what its figures give."""

from __future__ import annotations

from itertools import pairwise

import pytest

from deploy.sizing import LOADS, RUNBOOK, Measured, rendered, sizing

MEASURED = Measured(
    page_bytes=50_000,
    cores=2,
    articles_per_second=20,
    cpu_ms={"cleaner": 7.0, "entities": 49.0, "duplicates": 2.0, "kafka": 4.0, "redis": 1.0},
    memory_mb={"cleaner": 200, "entities": 260, "duplicates": 100, "kafka": 300, "redis": 20},
    redis_bytes={"cleaner": 200, "entities": 2000, "duplicates": 5000},
    topic_bytes={"raw-articles": 50_000, "clean-articles": 8_000, "duplicate-clusters": 100},
)


def test_the_table_is_what_the_measured_figures_give() -> None:
    text = RUNBOOK.read_text()
    assert rendered(text, Measured.read()) == text, "run `uv run deploy/sizing.py`"


def test_a_million_articles_a_day_take_what_their_peak_and_what_is_kept_take() -> None:
    need = sizing(1_000_000, MEASURED)
    assert need.peak == pytest.approx(3 * 1_000_000 / 86_400)
    # 34.7 a second of 49 ms are 1.7 CPUs, at 70 % of each
    assert need.workers == {"cleaner": 1, "entities": 3, "duplicates": 1}
    # 30 days of memos, all slots of the paragraph cache, window and grace of the index, a third more
    used = 30e6 * 200 + 20_000 * 2000 + 4e6 * 5000
    assert need.redis_gib == pytest.approx(1.3 * used / 2**30)
    # raw articles for 7 days, clean ones for 30, three copies; compacted topics do not grow with days
    assert need.disk_gib == pytest.approx(1.3 * 3 * 1e6 * (7 * 50_000 + 30 * 8_000) / 2**30)


def test_more_articles_never_take_less() -> None:
    needs = [sizing(articles, MEASURED) for articles in LOADS]
    for less, more in pairwise(needs):
        assert less.redis_gib < more.redis_gib
        assert all(less.workers[name] <= more.workers[name] for name in less.workers)
