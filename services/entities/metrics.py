"""The entities service's own metrics; what every service has is in `services/runtime/metrics.py`."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Histogram

from schemas.entities import Label

LABELS: Final[tuple[Label, ...]] = ("PER", "ORG", "LOC", "MISC")
LOOKUPS: Final = ("hit", "miss", "unavailable")
VOTES: Final = ("counted", "known", "refused", "unavailable")
SNAPSHOTS: Final = ("made", "read", "none", "unavailable")
USES: Final = ("joined", "linked")
SKIPS: Final = ("language", "length")

MENTIONS: Final = Counter("newsloom_entities_mentions_total", "Mentions found, by label.", ["label"])
ENTITIES: Final = Counter("newsloom_entities_total", "Entities found, by label.", ["label"])
PARAGRAPHS: Final = Counter(
    "newsloom_entities_paragraphs_total",
    "Paragraphs read, by what the paragraph cache said: hit, miss, or unavailable when Redis did not answer.",
    ["cache"],
)
ALIAS_VOTES: Final = Counter(
    "newsloom_entities_alias_votes_total",
    "Short names seen beside their full ones, by what the alias cache did with the vote: counted, known already, "
    "refused for lack of room, or unavailable when Redis did not answer.",
    ["result"],
)
ALIAS_SNAPSHOTS: Final = Counter(
    "newsloom_entities_alias_snapshots_total",
    "Days' snapshots of aliases asked of Redis: made, read, none for a day too long ago, or unavailable when Redis did "
    "not answer (then the article was read without).",
    ["result"],
)
ALIASES_USED: Final = Counter(
    "newsloom_entities_aliases_used_total",
    "Entities that a learnt alias helped with: joined to the organisation's full name, or linked to a full name.",
    ["use"],
)
SKIPPED: Final = Counter(
    "newsloom_entities_skipped_total",
    "Articles that got an event without mentions, by why: a language the model does not know, or length.",
    ["reason"],
)
RECOGNITION: Final = Histogram(
    "newsloom_entities_recognition_seconds",
    "Time in the recognizer for one article's paragraphs that were not in the cache.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def start_at_zero() -> None:
    """Set every label combination to zero, so that a rate exists before the first event."""
    for label in LABELS:
        MENTIONS.labels(label)
        ENTITIES.labels(label)
    for lookup in LOOKUPS:
        PARAGRAPHS.labels(lookup)
    for reason in SKIPS:
        SKIPPED.labels(reason)
    for result in VOTES:
        ALIAS_VOTES.labels(result)
    for result in SNAPSHOTS:
        ALIAS_SNAPSHOTS.labels(result)
    for use in USES:
        ALIASES_USED.labels(use)
