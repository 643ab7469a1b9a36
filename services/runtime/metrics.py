"""The runtime's metrics, the same for every service.

Units are in the names; label values come from lists in the code.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from schemas.dead_letters import DEAD_LETTER_REASONS

_FRESHNESS_BUCKETS: Final = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 21600, 86400)
_WORK_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

RECORDS: Final = Counter(
    "newsloom_records_total",
    "Records read, by what became of them: emitted, discarded or dead_lettered, each once.",
    ["service", "topic", "outcome", "reason"],
)
PUBLISHED: Final = Counter("newsloom_published_total", "Events settled on their topic.", ["service", "topic"])
UNKNOWN_FIELDS: Final = Counter(
    "newsloom_unknown_fields_total", "Fields of read events that this release does not know.", ["service", "topic"]
)
RETRIES: Final = Counter(
    "newsloom_retries_total",
    "Tries after the first, in place, because a dependency did not answer.",
    ["service", "stage"],
)
PROCESSING: Final = Histogram(
    "newsloom_processing_seconds", "From decoding a record to knowing its outcome.", ["service"], buckets=_WORK_BUCKETS
)
SETTLING: Final = Histogram(
    "newsloom_settling_seconds",
    "From the end of a batch's processing to its last acknowledgement.",
    ["service"],
    buckets=_WORK_BUCKETS,
)
FRESHNESS: Final = Histogram(
    "newsloom_freshness_seconds",
    "From a page's fetched_at to the settling of its outcome, an event or a discard.",
    ["service"],
    buckets=_FRESHNESS_BUCKETS,
)
BATCH: Final = Histogram(
    "newsloom_batch_records",
    "Records processed before their sends were awaited.",
    ["service"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
)
IN_PROGRESS: Final = Gauge("newsloom_records_in_progress", "Records read and not yet settled.", ["service"])
LAST_PROCESSED: Final = Gauge(
    "newsloom_last_processed_timestamp_seconds", "When the last record was settled, as Unix time.", ["service"]
)
ASSIGNED: Final = Gauge("newsloom_assigned_partitions", "Partitions of its input that this worker holds.", ["service"])
ASSIGNMENTS: Final = Counter(
    "newsloom_assignments_total", "Times the group gave this worker its partitions.", ["service"]
)
READY: Final = Gauge("newsloom_ready", "1 when /readyz answers 200.", ["service"])
REDIS_SECONDS: Final = Histogram(
    "newsloom_redis_seconds", "One call of Redis, by operation.", ["service", "operation"], buckets=_WORK_BUCKETS
)
REDIS_ERRORS: Final = Counter("newsloom_redis_errors_total", "Calls of Redis that failed.", ["service", "operation"])
BUILD: Final = Gauge("newsloom_build_info", "Always 1; the release is in the label.", ["service", "version"])
MODEL: Final = Gauge("newsloom_model_info", "Always 1; the model is in the labels.", ["service", "name", "version"])
TRACE_SPANS: Final = Counter(
    "newsloom_trace_spans_total",
    "Spans by what the trace collector made of them; none while traces are off.",
    ["service", "result"],
)


def release() -> str:
    """The installed version of newsloom, such as 0.1.0; "0" where it runs uninstalled."""
    try:
        return version("newsloom")
    except PackageNotFoundError:
        return "0"


def start_at_zero(
    service: str, *, topics: Iterable[str], publishes: Iterable[str], discard_reasons: Iterable[str]
) -> None:
    """Set every known label combination to zero, so that a rate exists before the first error."""
    reasons = [("emitted", "")]
    reasons += [("discarded", reason) for reason in discard_reasons]
    reasons += [("dead_lettered", reason) for reason in DEAD_LETTER_REASONS]
    for topic in topics:
        UNKNOWN_FIELDS.labels(service, topic)
        for outcome, reason in reasons:
            RECORDS.labels(service, topic, outcome, reason)
    for topic in publishes:
        PUBLISHED.labels(service, topic)
    for stage in ("start", "prepare", "process", "send", "after_settle", "assigned", "mark"):
        RETRIES.labels(service, stage)
    PROCESSING.labels(service)
    SETTLING.labels(service)
    FRESHNESS.labels(service)
    BATCH.labels(service)
    IN_PROGRESS.labels(service).set(0)
    ASSIGNED.labels(service).set(0)
    ASSIGNMENTS.labels(service)
    READY.labels(service).set(0)
    BUILD.labels(service, release()).set(1)
