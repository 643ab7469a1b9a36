"""Duplicate alerts across outlets, revisions within one, and the clusters that both build."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.events import Event, Instant, Offset, Part, Ratio, content_hash

Relation = Literal["exact", "near", "excerpt"]
MAX_MATCHES = 16
"""How many matches an alert lists; `match_count` has them all."""


def alert_id(article_id: str, version_id: str) -> str:
    """The id of the alert for one version of an article; a later alert with the same id replaces the earlier."""
    return content_hash(article_id, version_id)


class ArticleRef(Part):
    """Enough of an article to name it in an alert."""

    article_id: str = Field(min_length=1)
    version_id: str
    outlet: str = Field(description="The outlet's name.")
    outlet_id: str = ""
    headline: str = ""
    url: str | None = None
    published_at: Instant | None = Field(default=None, description="Null when only an interval is known.")
    fetched_at: Instant


class Similarity(Part):
    """How alike two articles are, counted on their word shingles."""

    jaccard: Ratio
    article_containment: Ratio = Field(description="Share of the arriving article's shingles found in the match.")
    match_containment: Ratio = Field(description="Share of the match's shingles found in the arriving article.")


class Passage(Part):
    """A run of words that both texts share; offsets into the two clean articles' `text`."""

    article_start: Offset
    article_end: Offset
    match_start: Offset
    match_end: Offset
    words: int = Field(ge=1)


class Match(Part):
    """Another outlet's article that the arriving one duplicates."""

    article: ArticleRef
    relation: Relation
    similarity: Similarity
    passages: tuple[Passage, ...] = Field(default=(), description="The longest first.")


class ClusterInfo(Part):
    """The cluster as it stood when the alert was decided."""

    cluster_id: str
    size: int = Field(ge=1)
    outlet_count: int = Field(ge=1, description="Outlets that carry it; aggregators never count.")
    earliest: ArticleRef
    earliest_reasons: tuple[str, ...] = ()


class WireCredit(Part):
    """A news agency that the text names as its own."""

    agency: str
    evidence: str = Field(description="The words that say so, or the rule that read them.")


class DuplicateAlert(Event):
    """One arriving article version has the words of other outlets' articles. Key: `cluster.cluster_id`."""

    alert_id: str = Field(min_length=1, description="A later alert with the same id replaces the earlier.")
    article: ArticleRef
    matches: tuple[Match, ...] = Field(
        min_length=1,
        max_length=MAX_MATCHES,
        description="One per outlet, strongest first, the earliest always among them.",
    )
    match_count: int = Field(ge=1, description="Outlets matched, listed or not.")
    cluster: ClusterInfo
    wire: WireCredit | None = None
    previous_alert_id: str | None = Field(default=None, description="The alert of this article's previous version.")


class Change(Part):
    """A passage that a revision inserted or deleted."""

    kind: Literal["inserted", "deleted"]
    start: Offset = Field(description="In the new text for inserted, in the previous text for deleted.")
    end: Offset
    text: str


class ArticleRevision(Event):
    """The same article says something else now. Key: `article_id`."""

    article_id: str = Field(min_length=1)
    version_id: str
    previous_version_id: str
    article: ArticleRef
    previous_fetched_at: Instant
    headline_changed: bool = False
    previous_headline: str = ""
    changes: tuple[Change, ...] = ()
    changes_omitted: int = Field(default=0, ge=0, description="How many more changes there were than are listed.")
    similarity: Similarity


class ClusterEvent(Event):
    """A record of the compacted `duplicate-clusters`.

    kind summary, key `cluster_id`: how large it is and its earliest member. kind member, key
    `cluster_id|article_id`: one member, a null value when it left. kind merged, key `cluster_id`: it now is
    `merged_into`.
    """

    kind: Literal["summary", "member", "merged"]
    cluster_id: str = Field(min_length=1)
    size: int | None = Field(default=None, ge=0)
    outlet_count: int | None = Field(default=None, ge=0)
    earliest: ArticleRef | None = None
    member: ArticleRef | None = None
    is_sighting: bool = Field(default=False, description="A copy of its own outlet's article: a member, not counted.")
    merged_into: str | None = None
