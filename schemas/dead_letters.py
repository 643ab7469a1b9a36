"""What becomes of records that lead to no event: dead letters, kept whole, and discards, kept as a line."""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import Field

from schemas.events import Event, Instant, Part

DeadLetterReason = Literal["decode_error", "invalid", "too_large", "processing_error", "refused", "too_slow", "crashed"]
DEAD_LETTER_REASONS: Final[tuple[DeadLetterReason, ...]] = get_args(DeadLetterReason)

# Kafka Connect's names, which topic browsers already show; the rest is ours.
ERROR_TOPIC: Final = "__connect.errors.topic"
ERROR_PARTITION: Final = "__connect.errors.partition"
ERROR_OFFSET: Final = "__connect.errors.offset"
ERROR_STAGE: Final = "__connect.errors.stage"
ERROR_CLASS: Final = "__connect.errors.exception.class.name"
ERROR_MESSAGE: Final = "__connect.errors.exception.message"
REASON: Final = "newsloom.reason"
ATTEMPTS: Final = "newsloom.attempts"
FIRST_FAILED_AT: Final = "newsloom.first_failed_at"
VERSION: Final = "newsloom.version"
REPLAYS: Final = "newsloom.replays"
UNREADABLE: Final = "UnreadableRecordError"
"""The class in ERROR_CLASS where the record's bytes could not be had from Kafka: its letter is empty."""

DEAD_LETTER_HEADERS: Final = (
    ERROR_TOPIC,
    ERROR_PARTITION,
    ERROR_OFFSET,
    ERROR_STAGE,
    ERROR_CLASS,
    ERROR_MESSAGE,
    REASON,
    ATTEMPTS,
    FIRST_FAILED_AT,
    VERSION,
)
"""The headers that a dead letter adds to the original's, and that a replay strips."""

# the coordinates of the record that an event came from, on every event the suite writes
SOURCE_TOPIC: Final = "newsloom.source.topic"
SOURCE_PARTITION: Final = "newsloom.source.partition"
SOURCE_OFFSET: Final = "newsloom.source.offset"


class Coordinates(Part):
    """Where a record lies."""

    topic: str = Field(description="The topic.")
    partition: int = Field(ge=0, description="The partition.")
    offset: int = Field(ge=0, description="The offset in it.")


class DiscardedRecord(Event):
    """A record that was understood and leads to nothing. Key: the record's own, where it is UTF-8."""

    service: str = Field(description="The service that discarded it.")
    source: Coordinates = Field(description="Where the record lies.")
    reason: str = Field(description="From the service's closed list, such as unchanged or no_article.")
    recorded_at: Instant = Field(description="The record's own timestamp.")
    page_id: str | None = Field(default=None, description="The page, where the service knows it.")
    article_id: str | None = Field(default=None, description="The article, where the service knows it.")
    version_id: str | None = Field(default=None, description="The version, where the service knows it.")
