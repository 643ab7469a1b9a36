"""Extracted entities: who, what and where an article names."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.events import Event, Offset, Part, Ratio, content_hash

Label = Literal["PER", "ORG", "LOC", "MISC"]


def entity_id(article_id: str, label: str, folded_name: str) -> str:
    """The id of an entity inside its article: equal for equal article, label and folded name."""
    return content_hash(article_id, label, folded_name)


class Mention(Part):
    """A span that names something: `article.headline[start:end]` or `article.text[start:end]` equals `surface`."""

    entity_id: str
    field: Literal["headline", "text"]
    start: Offset
    end: Offset
    surface: str
    label: Label
    confidence: Ratio


class Entity(Part):
    """What the mentions of one article name, under its fullest name there."""

    entity_id: str
    name: str
    label: Label
    surfaces: tuple[str, ...] = Field(default=(), description="The different spellings, most frequent first.")
    mention_count: int = Field(default=0, ge=0)
    in_headline: bool = False
    salience: Ratio = Field(default=0.0, description="How central it is to the article.")
    links: dict[str, str] = Field(
        default_factory=dict, description="Ids elsewhere: iso3166 (alpha-2), geonames, and what plug-ins add."
    )


class ModelInfo(Part):
    """The recognizer that read the article, and why it did not where it did not."""

    name: str = ""
    version: str = ""
    epoch: str = Field(default="", description="The UTC day of the learnt aliases that were used; empty for none.")
    skipped: str | None = Field(default=None, description="Why there are no mentions, such as language:de.")


class ArticleEntities(Event):
    """The entities of one version of an article. Key: `article_id`; a null value withdraws them."""

    article_id: str = Field(min_length=1)
    version_id: str = Field(min_length=1)
    mentions: tuple[Mention, ...] = Field(default=(), description="In order: headline first, then by start.")
    entities: tuple[Entity, ...] = Field(default=(), description="Most salient first.")
    model: ModelInfo = Field(default_factory=ModelInfo)
