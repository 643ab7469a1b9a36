"""The suite as the observer sees it: who reads which topics, and where the outcome of a record is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.topics import (
    ARTICLE_ENTITIES,
    ARTICLE_REVISIONS,
    CLEAN_ARTICLES,
    DUPLICATE_ALERTS,
    DUPLICATE_CLUSTERS,
    RAW_ARTICLES,
    dead_letters,
    discards,
)

Place = tuple[str, int]
"""A partition: topic and number."""


@dataclass(frozen=True)
class Stage:
    """One service: the topics that it reads and those that it writes events to, without prefix."""

    service: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def dead_letters(self) -> str:
        """Its dead-letters topic."""
        return dead_letters(self.service).name

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Every topic on which the outcome of a record may be found."""
        return (*self.outputs, discards(self.service).name, self.dead_letters)


def stages(raw_topics: Sequence[str] = (RAW_ARTICLES.name,)) -> tuple[Stage, ...]:
    """The suite's services in the order in which an article meets them."""
    return (
        Stage("cleaner", tuple(raw_topics), (CLEAN_ARTICLES.name,)),
        Stage("entities", (CLEAN_ARTICLES.name,), (ARTICLE_ENTITIES.name,)),
        Stage(
            "duplicates",
            (CLEAN_ARTICLES.name,),
            (DUPLICATE_ALERTS.name, ARTICLE_REVISIONS.name, DUPLICATE_CLUSTERS.name),
        ),
    )
