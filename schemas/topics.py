"""The topics: what is on each, how it is keyed, and how Kafka keeps it.

Partition counts are fixed here: growing a topic later breaks the order per key (the runbook says how to do it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

from schemas.articles import MAX_RAW_BYTES, CleanArticle, RawArticle
from schemas.dead_letters import DiscardedRecord
from schemas.duplicates import ArticleRevision, ClusterEvent, DuplicateAlert
from schemas.entities import ArticleEntities
from schemas.events import SCHEMA_VERSION, Event

E = TypeVar("E", bound=Event, covariant=True)

_DAY_MS: Final = 24 * 60 * 60 * 1000
# an event may be a little larger than what it came from: ledger, headers, ids
_EVENT_BYTES: Final = MAX_RAW_BYTES + 1024 * 1024
# a dead letter is the original record and ten headers more
_DEAD_LETTER_BYTES: Final = MAX_RAW_BYTES + 2 * 1024 * 1024

# The broker's clock, not the writer's: a worker whose clock is hours off would write articles that look fetched in the
# future, or that the broker refuses.
_BROKERS_TIME: Final = {"message.timestamp.type": "LogAppendTime"}

SERVICES: Final = ("cleaner", "entities", "duplicates")
"""The stream processors of the suite, in the order in which an article meets them."""


@dataclass(frozen=True)
class Topic(Generic[E]):
    """One topic. `event` is None where the values are other topics' bytes (dead letters)."""

    name: str
    event: type[E] | None
    summary: str
    key: str
    partitions: int
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int = 7 * _DAY_MS
    max_message_bytes: int = _EVENT_BYTES
    config: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def schema_id(self) -> str:
        """The `$id` of the topic's JSON Schema and the `ce_dataschema` of its events; octets have none of their own."""
        return f"urn:newsloom:schema:{self.name}:{SCHEMA_VERSION}"

    @property
    def kafka_config(self) -> dict[str, str]:
        """The topic's settings under Kafka's names."""
        settings = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        if self.cleanup == "delete":
            settings["retention.ms"] = str(self.retention_ms)
        return {**settings, **self.config}


RAW_ARTICLES: Final = Topic(
    "raw-articles",
    RawArticle,
    "Fetched pages, as publishers write them.",
    "the page's url_key, or its record_id",
    12,
    max_message_bytes=MAX_RAW_BYTES,
)
CLEAN_ARTICLES: Final = Topic(
    "clean-articles",
    CleanArticle,
    "One event for each article found on a page.",
    "article_id",
    12,
    # at least the duplicates' window and a day: a lost index is rebuilt from here
    retention_ms=30 * _DAY_MS,
    config=_BROKERS_TIME,
)
ARTICLE_ENTITIES: Final = Topic(
    "article-entities",
    ArticleEntities,
    "People, organisations and places of each article; a null value withdraws them.",
    "article_id",
    12,
    retention_ms=30 * _DAY_MS,
    config=_BROKERS_TIME,
)
DUPLICATE_ALERTS: Final = Topic(
    "duplicate-alerts",
    DuplicateAlert,
    "An arriving article version has other outlets' words.",
    "cluster.cluster_id",
    6,
    retention_ms=30 * _DAY_MS,
    config=_BROKERS_TIME,
)
ARTICLE_REVISIONS: Final = Topic(
    "article-revisions",
    ArticleRevision,
    "The same article says something else now.",
    "article_id",
    6,
    retention_ms=30 * _DAY_MS,
    config=_BROKERS_TIME,
)
DUPLICATE_CLUSTERS: Final = Topic(
    "duplicate-clusters",
    ClusterEvent,
    "Clusters as they stand: summaries, members, merges.",
    "cluster_id, or cluster_id|article_id for a member",
    6,
    cleanup="compact",
    config=_BROKERS_TIME,
)
EVENT_TOPICS: Final[tuple[Topic[Event], ...]] = (
    RAW_ARTICLES,
    CLEAN_ARTICLES,
    ARTICLE_ENTITIES,
    DUPLICATE_ALERTS,
    ARTICLE_REVISIONS,
    DUPLICATE_CLUSTERS,
)


def dead_letters(service: str) -> Topic[Event]:
    """Where `service` puts records that it cannot process: original bytes and headers, and why."""
    return Topic(
        f"{service}-dead-letters",
        None,
        f"Records that the {service} cannot process, whole, with the error in their headers.",
        "the original's",
        3,
        retention_ms=30 * _DAY_MS,
        max_message_bytes=_DEAD_LETTER_BYTES,
        config=_BROKERS_TIME,
    )


def discards(service: str) -> Topic[DiscardedRecord]:
    """Where `service` notes records that it understood and that lead to nothing."""
    return Topic(
        f"{service}-discards",
        DiscardedRecord,
        f"Records that the {service} understood and that lead to nothing, with the reason.",
        "the original's",
        3,
        max_message_bytes=1024 * 1024,
        config=_BROKERS_TIME,
    )


ALL_TOPICS: Final[tuple[Topic[Event], ...]] = (
    *EVENT_TOPICS,
    *(dead_letters(service) for service in SERVICES),
    *(discards(service) for service in SERVICES),
)
"""Every topic of the suite, as `newsloom topics create` makes them."""
