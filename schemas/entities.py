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

    entity_id: str = Field(description="The entity of this article that it names.")
    field: Literal["headline", "text"] = Field(description="The field of the clean article that it stands in.")
    start: Offset = Field(description="Where it starts in that field, in code points.")
    end: Offset = Field(description="Where it ends, exclusive.")
    surface: str = Field(description="The words as printed.")
    label: Label = Field(description="PER, ORG, LOC, or MISC for anything else with a name.")
    confidence: Ratio = Field(description="How sure the recognizer is of span and label.")


class Entity(Part):
    """What the mentions of one article name, under its fullest name there."""

    entity_id: str = Field(description="Its id, unique to the article.")
    name: str = Field(description="Its fullest name in the article.")
    label: Label = Field(description="PER, ORG, LOC, or MISC for anything else with a name.")
    surfaces: tuple[str, ...] = Field(default=(), description="The different spellings, most frequent first.")
    mention_count: int = Field(default=0, ge=0, description="How often the article names it.")
    in_headline: bool = Field(default=False, description="Whether the headline names it.")
    salience: Ratio = Field(default=0.0, description="How central it is to the article.")
    links: dict[str, str] = Field(
        default_factory=dict,
        description="iso3166 (alpha-2), geonames, full_name (what other outlets call it in full), what plug-ins add.",
    )


class ModelInfo(Part):
    """The recognizer that read the article, and why it did not where it did not."""

    name: str = Field(default="", description="The recognizer.")
    version: str = Field(default="", description="Its release; other versions may find other names.")
    epoch: str = Field(default="", description="The UTC day of the learnt aliases that were used; empty for none.")
    skipped: str | None = Field(default=None, description="Why there are no mentions, such as language:de.")


class ArticleEntities(Event):
    """The entities of one version of an article. Key: `article_id`; a null value withdraws them."""

    article_id: str = Field(min_length=1, description="The clean article.")
    version_id: str = Field(min_length=1, description="The version of it that was read; offsets count in its text.")
    mentions: tuple[Mention, ...] = Field(default=(), description="In order: headline first, then by start.")
    entities: tuple[Entity, ...] = Field(default=(), description="Most salient first.")
    model: ModelInfo = Field(default_factory=ModelInfo, description="What read the article.")
