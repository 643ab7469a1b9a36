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

    article_id: str = Field(min_length=1, description="The article.")
    version_id: str = Field(description="The version of it that was compared.")
    outlet: str = Field(description="The outlet's name.")
    outlet_id: str = Field(default="", description="The outlet's id in the registry.")
    headline: str = Field(default="", description="The article's headline.")
    url: str | None = Field(default=None, description="Where it was fetched; null for an inlined article.")
    published_at: Instant | None = Field(default=None, description="Null when only an interval is known.")
    fetched_at: Instant = Field(description="When its page was fetched.")


class Similarity(Part):
    """How alike two articles are, counted on their word shingles."""

    jaccard: Ratio = Field(description="Shared shingles over all shingles of both.")
    article_containment: Ratio = Field(description="Share of the arriving article's shingles found in the match.")
    match_containment: Ratio = Field(description="Share of the match's shingles found in the arriving article.")


class Passage(Part):
    """A run of words that both texts share; offsets into the two clean articles' `text`."""

    article_start: Offset = Field(description="Where it starts in the arriving article.")
    article_end: Offset = Field(description="Where it ends there, exclusive.")
    match_start: Offset = Field(description="Where it starts in the match.")
    match_end: Offset = Field(description="Where it ends there, exclusive.")
    words: int = Field(ge=1, description="How many words it has.")


class Match(Part):
    """Another outlet's article that the arriving one duplicates."""

    article: ArticleRef = Field(description="The other outlet's article.")
    relation: Relation = Field(
        description="exact: equal folded text; near: largely the same words; excerpt: one has a long run of the other."
    )
    similarity: Similarity = Field(description="How alike the two are.")
    passages: tuple[Passage, ...] = Field(default=(), description="The longest first.")


class ClusterInfo(Part):
    """The cluster as it stood when the alert was decided."""

    cluster_id: str = Field(description="The cluster's id; merges keep the older one.")
    size: int = Field(ge=1, description="Its articles, sightings among them.")
    outlet_count: int = Field(ge=1, description="Outlets that carry it; aggregators never count.")
    earliest: ArticleRef = Field(description="The member published first, as far as is known.")
    earliest_reasons: tuple[str, ...] = Field(default=(), description="What makes it the earliest.")


class WireCredit(Part):
    """A news agency that the text names as its own."""

    agency: str = Field(description="The agency's name.")
    evidence: str = Field(description="The words that say so, or the rule that read them.")


class DuplicateAlert(Event):
    """One arriving article version has the words of other outlets' articles. Key: `cluster.cluster_id`."""

    alert_id: str = Field(min_length=1, description="A later alert with the same id replaces the earlier.")
    article: ArticleRef = Field(description="The arriving article version.")
    matches: tuple[Match, ...] = Field(
        min_length=1,
        max_length=MAX_MATCHES,
        description="One per outlet, strongest first, the earliest always among them.",
    )
    match_count: int = Field(ge=1, description="Outlets matched, listed or not.")
    cluster: ClusterInfo = Field(description="The cluster that it joined.")
    wire: WireCredit | None = Field(default=None, description="The agency that the text credits, where it does.")
    previous_alert_id: str | None = Field(default=None, description="The alert of this article's previous version.")


class Change(Part):
    """A passage that a revision inserted or deleted."""

    kind: Literal["inserted", "deleted"] = Field(description="What happened to the passage.")
    start: Offset = Field(description="In the new text for inserted, in the previous text for deleted.")
    end: Offset = Field(description="Where it ends there, exclusive.")
    text: str = Field(description="The passage.")


class ArticleRevision(Event):
    """The same article says something else now. Key: `article_id`."""

    article_id: str = Field(min_length=1, description="The article.")
    version_id: str = Field(description="What it says now.")
    previous_version_id: str = Field(description="What it said before.")
    article: ArticleRef = Field(description="The article as it is now.")
    previous_fetched_at: Instant = Field(description="When the previous version was fetched.")
    headline_changed: bool = Field(default=False, description="Whether the headline is another one.")
    previous_headline: str = Field(default="", description="The headline of the previous version.")
    changes: tuple[Change, ...] = Field(default=(), description="Passages inserted and deleted, in order.")
    changes_omitted: int = Field(default=0, ge=0, description="How many more changes there were than are listed.")
    similarity: Similarity = Field(description="How alike the two versions are; the match is the previous one.")


class ClusterEvent(Event):
    """A record of the compacted `duplicate-clusters`.

    kind summary, key `cluster_id`: how large it is and its earliest member. kind member, key
    `cluster_id|article_id`: one member, a null value when it left. kind merged, key `cluster_id`: it now is
    `merged_into`.
    """

    kind: Literal["summary", "member", "merged"] = Field(description="Which of the three it is, and so its key.")
    cluster_id: str = Field(min_length=1, description="The cluster.")
    size: int | None = Field(default=None, ge=0, description="summary: its articles, sightings among them.")
    outlet_count: int | None = Field(default=None, ge=0, description="summary: its outlets; aggregators never count.")
    earliest: ArticleRef | None = Field(default=None, description="summary: the member published first.")
    member: ArticleRef | None = Field(default=None, description="member: the article.")
    is_sighting: bool = Field(default=False, description="A copy of its own outlet's article: a member, not counted.")
    merged_into: str | None = Field(default=None, description="merged: the older cluster, whose id remains.")
