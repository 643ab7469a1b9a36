"""The cleaner's own metrics; what every service has is in `services/runtime/metrics.py`."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Sequence
from typing import Final

from prometheus_client import Counter, Histogram

from schemas.articles import REMOVAL_KINDS, CleanArticle

METHODS: Final = ("html_model", "html_trafilatura", "text_lines", "text_rules", "withdrawn", "other")
MEMO_LOOKUPS: Final = ("hit", "miss", "unavailable")

LEARNT_LOOKUPS: Final = ("some", "none", "unavailable")
LEARNT_COUNTS: Final = ("counted", "known", "enough", "full", "unavailable")

ARTICLES: Final = Counter(
    "newsloom_cleaner_articles_total", "Articles taken off pages, by the path that won.", ["method"]
)
PER_PAGE: Final = Histogram(
    "newsloom_cleaner_articles_per_page", "Articles on one page that has any.", buckets=(1, 2, 3, 4, 6, 8, 12, 20, 50)
)
QUALITY: Final = Histogram(
    "newsloom_cleaner_extraction_quality_ratio",
    "How good each extraction is believed to be.",
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
)
REMOVED: Final = Counter(
    "newsloom_cleaner_removed_spans_total", "Spans of pages that are in no text, by what they are.", ["kind"]
)
MEMOS: Final = Counter(
    "newsloom_cleaner_page_memos_total",
    "Look-ups of what a page said last: hit, miss, or unavailable when Redis did not answer.",
    ["result"],
)
LEARNT: Final = Counter(
    "newsloom_cleaner_learnt_lookups_total",
    "Look-ups of what an outlet repeats: some lines, none, or unavailable when Redis did not answer.",
    ["result"],
)
COUNTED: Final = Counter(
    "newsloom_cleaner_learnt_articles_total",
    "Articles whose lines were to be counted: counted; known, enough of their outlet that day, or too many outlets "
    "(full); unavailable when Redis did not answer.",
    ["result"],
)
EXTRACTION: Final = Histogram(
    "newsloom_cleaner_extraction_seconds",
    "Time to take one page apart.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


# looked up once: a look-up takes longer than counting
_ARTICLES: Final = {method: ARTICLES.labels(method) for method in METHODS}
_REMOVED: Final = {kind: REMOVED.labels(kind) for kind in REMOVAL_KINDS}


def start_at_zero() -> None:
    """Set every label combination to zero, so that a rate exists before the first page."""
    for result in MEMO_LOOKUPS:
        MEMOS.labels(result)
    for result in LEARNT_LOOKUPS:
        LEARNT.labels(result)
    for result in LEARNT_COUNTS:
        COUNTED.labels(result)


def count(articles: Sequence[CleanArticle]) -> None:
    """Count the articles of one page."""
    PER_PAGE.observe(len(articles))
    for article in articles:
        method = article.extraction.method
        _ARTICLES[method if method in METHODS else "other"].inc()
        QUALITY.observe(article.extraction.quality)
        for kind, spans in Counts(removed.kind for removed in article.removed).items():
            _REMOVED[kind].inc(spans)
