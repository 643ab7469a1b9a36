"""What the observer says of the suite from outside; what every service has is in `services/runtime/metrics.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from schemas.dead_letters import DEAD_LETTER_REASONS
from services.observer.outlets import OutletBoard
from services.observer.stages import Stage

AUDIT_OUTCOMES: Final = ("emitted", "discarded", "dead_lettered", "missing")
LOOKS: Final = ("lag", "redis", "audit", "heartbeat")
_BEAT_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900)

LAG_RECORDS: Final = Gauge(
    "newsloom_consumer_lag_records",
    "Records between what the group committed and the end of its input, asked of the broker.",
    ["service", "topic", "partition"],
)
LAG_SECONDS: Final = Gauge(
    "newsloom_consumer_lag_seconds",
    "Age of the oldest record of its input that the group has not committed; 0 where there is none.",
    ["service", "topic"],
)
MEMBERS: Final = Gauge("newsloom_group_members", "Workers in the service's consumer group.", ["service"])
TOPIC_WRITTEN: Final = Gauge(
    "newsloom_topic_end_offset_records",
    "End offsets of the topic's partitions together: records ever written to it.",
    ["topic"],
)
TOPIC_RECORDS: Final = Gauge("newsloom_topic_records", "Offsets that the topic still holds.", ["topic"])
DEAD_LETTERS: Final = Gauge(
    "newsloom_dead_letter_depth_records", "Dead letters on the service's topic.", ["service", "reason"]
)
DEAD_LETTER_NEWEST: Final = Gauge(
    "newsloom_dead_letter_newest_timestamp_seconds",
    "When the newest dead letter was written, as Unix time; 0 for none.",
    ["service", "reason"],
)
AUDITED: Final = Counter(
    "newsloom_audited_records_total",
    "Acknowledged records, by the outcome that the topics hold for them; missing: none.",
    ["service", "outcome"],
)
GAP: Final = Gauge(
    "newsloom_conservation_gap_records",
    "Acknowledged records without an outcome found within the audit window.",
    ["service"],
)
HEARTBEAT_SENT: Final = Counter("newsloom_heartbeats_sent_total", "Heartbeats written to the raw topic.")
HEARTBEAT_SECONDS: Final = Histogram(
    "newsloom_heartbeat_seconds",
    "From a heartbeat's writing to the service's outcome for it.",
    ["service"],
    buckets=_BEAT_BUCKETS,
)
HEARTBEAT_LAST: Final = Gauge(
    "newsloom_heartbeat_last_timestamp_seconds",
    "When the newest heartbeat that came out of the service was sent, as Unix time; the observer's start before one.",
    ["service"],
)
REDIS_UP: Final = Gauge("newsloom_redis_up", "1 when Redis answered the last look.")
REDIS_USED: Final = Gauge("newsloom_redis_used_memory_bytes", "Memory that Redis uses.")
REDIS_LIMIT: Final = Gauge("newsloom_redis_max_memory_bytes", "Redis' maxmemory; 0 for no limit.")
REDIS_EVICTED: Final = Gauge("newsloom_redis_evicted_keys", "Keys that Redis evicted since it started.")
REDIS_KEYS: Final = Gauge("newsloom_redis_keys", "Keys in the suite's database.")
REDIS_CLIENTS: Final = Gauge("newsloom_redis_clients", "Connected clients.")
REDIS_OPERATIONS: Final = Gauge("newsloom_redis_operations_per_second", "Commands a second, as Redis measures them.")
REDIS_PERSISTENT: Final = Gauge(
    "newsloom_redis_persistence_ok", "1 when the append-only file is on and its last write succeeded."
)
LOOKED: Final = Gauge("newsloom_observed_timestamp_seconds", "When a part of the picture was last had whole.", ["part"])
LOOK_SECONDS: Final = Histogram(
    "newsloom_observation_seconds",
    "Time of one look.",
    ["part"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
LOOK_ERRORS: Final = Counter("newsloom_observation_errors_total", "Looks that failed.", ["part"])


CLUSTER_OUTLETS: Final = Histogram(
    "newsloom_duplicate_cluster_outlets",
    "Outlets in the cluster of a duplicate alert.",
    buckets=(2, 3, 4, 6, 8, 12, 16, 24, 32, 64),
)
PAIR_SEPARATOR: Final = "\t"


class OutletCollector(Collector):
    """The boards' rows as they are when Prometheus asks; a row that goes takes its series along."""

    def __init__(self, board: Callable[[], OutletBoard], pairs: Callable[[], OutletBoard]) -> None:
        self._board = board
        self._pairs = pairs

    def collect(self) -> Iterable[Metric]:
        """The families, one sample a row."""
        seen = GaugeMetricFamily(
            "newsloom_outlet_last_seen_timestamp_seconds",
            "When an article of the outlet was last settled, as Unix time.",
            labels=["outlet"],
        )
        articles = CounterMetricFamily("newsloom_outlet_articles", "Articles of the outlet.", labels=["outlet"])
        quality = SummaryMetricFamily(
            "newsloom_outlet_quality_ratio", "Extraction quality of the outlet's articles.", labels=["outlet"]
        )
        for row in self._board().rows:
            seen.add_metric([row.outlet], row.last_seen)
            articles.add_metric([row.outlet], row.articles)
            quality.add_metric([row.outlet], row.articles, row.quality)
        carried = CounterMetricFamily(
            "newsloom_duplicate_carried_articles",
            "Duplicate alerts for articles of the outlet in clusters whose earliest member is of another.",
            labels=["outlet", "earliest_outlet"],
        )
        for row in self._pairs().rows:
            outlet, _, earliest = row.outlet.partition(PAIR_SEPARATOR)
            carried.add_metric([outlet, earliest or outlet], row.articles)
        return (seen, articles, quality, carried)


def expose_outlets(board: Callable[[], OutletBoard], pairs: Callable[[], OutletBoard]) -> None:
    """Serve the boards' rows with the other metrics of this process."""
    REGISTRY.register(OutletCollector(board, pairs))


def start_at_zero(stages: Iterable[Stage], now: float) -> None:
    """Set every label combination known beforehand to zero, and what is a moment to `now`, Unix time."""
    for stage in stages:
        for outcome in AUDIT_OUTCOMES:
            AUDITED.labels(stage.service, outcome)
        for reason in DEAD_LETTER_REASONS:
            DEAD_LETTERS.labels(stage.service, reason).set(0)
            DEAD_LETTER_NEWEST.labels(stage.service, reason).set(0)
        GAP.labels(stage.service).set(0)
        HEARTBEAT_SECONDS.labels(stage.service)
        # what never came is late from now on; without a value nothing could say so
        HEARTBEAT_LAST.labels(stage.service).set(now)
    for part in LOOKS:
        LOOK_ERRORS.labels(part)
        LOOK_SECONDS.labels(part)
