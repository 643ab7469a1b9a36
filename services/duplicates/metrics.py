"""What the duplicates service counts beside the runtime's metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from schemas.duplicates import DuplicateAlert
from schemas.events import Event

ALERTS: Final = Counter("newsloom_duplicate_alerts_total", "Alerts decided, by their strongest relation.", ["relation"])
REVISIONS: Final = Counter("newsloom_duplicate_revisions_total", "Revisions of articles.")
MERGES: Final = Counter("newsloom_duplicate_merges_total", "Clusters merged into older ones.")
DECISIONS: Final = Counter(
    "newsloom_duplicate_decisions_total",
    "Stored articles that an arriving one was compared with, by what came of it.",
    ["kind"],
)
CANDIDATES: Final = Histogram(
    "newsloom_duplicate_candidates_articles",
    "Candidates that the index proposed for an article.",
    buckets=(0, 1, 2, 4, 8, 16, 32, 64),
)
REINDEXED: Final = Counter("newsloom_duplicate_reindexed_total", "Articles indexed again after the index was lost.")
REBUILDS: Final = Counter("newsloom_duplicate_rebuilds_total", "Times that a gap of the index was indexed again.")
ARTICLES: Final = Gauge("newsloom_duplicate_index_articles", "Article versions that the index holds.")
RECORD_BYTES: Final = Gauge("newsloom_duplicate_index_record_bytes", "Redis memory of check hashes, sampled.")
TEXT_BYTES: Final = Gauge("newsloom_duplicate_index_text_bytes", "Redis memory of kept texts, sampled.")
REDIS_BYTES: Final = Gauge("newsloom_duplicate_redis_used_bytes", "All memory that the index's Redis uses.")

RELATIONS: Final = ("exact", "near", "excerpt")
KINDS: Final = ("duplicate", "sighting", "template")


def start_duplicates_at_zero() -> None:
    """Set every known label to zero, so that a rate exists before the first event."""
    for relation in RELATIONS:
        ALERTS.labels(relation)
    for kind in KINDS:
        DECISIONS.labels(kind)


def count_alert(event: Event | None) -> None:
    """Count an alert by the relation of its strongest match."""
    if isinstance(event, DuplicateAlert):
        ALERTS.labels(event.matches[0].relation).inc()
