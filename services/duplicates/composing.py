"""The events that a settlement leads to. The same settlement gives the same bytes at every redelivery."""

from __future__ import annotations

from typing import Final, NamedTuple

from schemas.duplicates import ArticleRef, ClusterEvent, ClusterInfo, DuplicateAlert, alert_id
from schemas.events import Event
from schemas.topics import ARTICLE_REVISIONS, DUPLICATE_ALERTS, DUPLICATE_CLUSTERS, Topic
from services.duplicates.index import Removed, Settled
from services.duplicates.matching import Payload
from services.duplicates.stored import ref_of


class TopicEvent(NamedTuple):
    """An event for a topic under a key; None takes the key's event away."""

    topic: Topic[Event]
    key: str
    event: Event | None


_REASONS: Final = {
    "published_at": "published first, by its own date",
    "published_interval": "published first, by the end of the interval its page gives",
    "fetched_at": "fetched first; its page gives no date",
}


def events_of(settled: Settled, ref: ArticleRef) -> tuple[TopicEvent, ...]:
    """Revision, alert, then what changed in the cluster: merges, members, summary. Empty when nothing did.

    `ref` is the arriving article.
    """
    payload = Payload.from_bytes(settled.payload)
    made: list[TopicEvent] = []
    if payload.revision is not None:
        made.append(TopicEvent(ARTICLE_REVISIONS, payload.revision.article_id, payload.revision))
    alerts = bool(payload.matches) and not settled.is_same_matches
    if settled.cluster_id is None:
        return tuple(made)
    earliest = ref_of(settled.earliest)
    if alerts:
        made.append(TopicEvent(DUPLICATE_ALERTS, settled.cluster_id, _alert(settled, payload, ref, earliest)))
    if not (alerts or settled.merged or any(not joined.is_update for joined in settled.joined)):
        return tuple(made)
    for merged in settled.merged:
        made.append(
            TopicEvent(
                DUPLICATE_CLUSTERS,
                merged,
                ClusterEvent(kind="merged", cluster_id=merged, merged_into=settled.cluster_id),
            )
        )
    for joined in settled.joined:
        member = ref_of(joined.ref)
        made.append(
            TopicEvent(
                DUPLICATE_CLUSTERS,
                f"{settled.cluster_id}|{member.article_id}",
                ClusterEvent(
                    kind="member", cluster_id=settled.cluster_id, member=member, is_sighting=joined.is_sighting
                ),
            )
        )
    made.append(_summary(settled.cluster_id, settled.size, settled.outlets, earliest))
    return tuple(made)


def _summary(cluster_id: str, size: int, outlets: int, earliest: ArticleRef | None) -> TopicEvent:
    event = ClusterEvent(kind="summary", cluster_id=cluster_id, size=size, outlet_count=outlets, earliest=earliest)
    return TopicEvent(DUPLICATE_CLUSTERS, cluster_id, event)


def _alert(settled: Settled, payload: Payload, ref: ArticleRef, earliest: ArticleRef) -> DuplicateAlert:
    # past the cap of candidates only the cluster knows how many outlets carry the text
    count = max(payload.match_count, settled.outlets - 1) if payload.is_capped else payload.match_count
    reasons = (settled.earliest_reason, _REASONS.get(settled.earliest_reason, ""))
    return DuplicateAlert(
        alert_id=alert_id(ref.article_id, ref.version_id),
        article=ref,
        matches=payload.matches,
        match_count=count,
        cluster=ClusterInfo(
            cluster_id=settled.cluster_id or "",
            size=settled.size,
            outlet_count=max(1, settled.outlets),
            earliest=earliest,
            earliest_reasons=tuple(reason for reason in reasons if reason),
        ),
        wire=payload.wire,
        previous_alert_id=settled.previous_alert_id,
    )


def removal_events(article_id: str, removed: Removed) -> tuple[TopicEvent, ...]:
    """A tombstone for the member, and the cluster's summary as it is without it; empty when it was in none."""
    if removed.cluster_id is None:
        return ()
    member = TopicEvent(DUPLICATE_CLUSTERS, f"{removed.cluster_id}|{article_id}", None)
    if removed.size == 0:
        return member, TopicEvent(DUPLICATE_CLUSTERS, removed.cluster_id, None)
    return member, _summary(removed.cluster_id, removed.size, removed.outlets, ref_of(removed.earliest))
