"""A clean article and what its paragraphs name, made into the event: mentions, entities, links, salience."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.articles import CleanArticle
from schemas.entities import ArticleEntities, Entity, Mention, ModelInfo, entity_id
from services.entities.document import Article, Field, Span, paragraphs, placed, read_whole
from services.entities.grouping import Group, grouped
from services.entities.links import KnowledgeBase, Named
from services.entities.names import folded, tokens
from services.entities.recognizer import Found
from services.entities.salience import Occurrence, occurrences, salience

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Reading:
    """An article made ready: its headline and text, and the paragraphs to recognise."""

    article: Article
    parts: tuple[tuple[Field, int, str], ...]

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs' texts, headline first."""
        return [text for _, _, text in self.parts]


def reading(event: CleanArticle) -> Reading:
    """The article's text as it will be pointed into: as it stands, because offsets are offsets into the event.

    A lone surrogate becomes U+FFFD, one code point for one: it could not be written.
    """
    article = Article(_SURROGATES.sub("\ufffd", event.headline), _SURROGATES.sub("\ufffd", event.text))
    return Reading(article, tuple(paragraphs(article)))


def skipped(event: CleanArticle, model: ModelInfo) -> ArticleEntities:
    """The event of an article that was not read; `model.skipped` says why."""
    return ArticleEntities(article_id=event.article_id, version_id=event.version_id, model=model)


def entities_of(
    event: CleanArticle,
    read: Reading,
    found: Sequence[Sequence[Found]],
    model: ModelInfo,
    bases: Sequence[KnowledgeBase],
) -> ArticleEntities:
    """The event: a pure function of the article, what was found in its paragraphs, and the knowledge bases.

    `found` has one entry for each of `read.parts`. Mentions come in reading order, entities most salient first.
    """
    spans = read_whole(read.article, placed(read.parts, found))
    groups = grouped(read.article, spans)
    if not groups:
        return ArticleEntities(article_id=event.article_id, version_id=event.version_id, model=model)
    named = [
        Named(group.name, group.label, tuple(dict.fromkeys(spans[i].surface for i in group.members)), group.country)
        for group in groups
    ]
    links: list[dict[str, str]] = [{} for _ in groups]
    for base in bases:
        for known, more in zip(links, base.links(named, read.article.headline, read.article.text), strict=True):
            for scheme, value in more.items():
                known.setdefault(scheme, value)
    ids = _ids(event.article_id, groups)
    starts = [offset for field, offset, _ in read.parts if field == "text"]
    entities = [
        _entity(identity, group, spans, read.article, link, starts, len(spans))
        for identity, group, link in zip(ids, groups, links, strict=True)
    ]
    owner = {i: identity for identity, group in zip(ids, groups, strict=True) for i in group.members}
    mentions = tuple(
        Mention(
            entity_id=owner[i],
            field=span.field,
            start=span.start,
            end=span.end,
            surface=span.surface,
            label=span.label,
            confidence=span.confidence,
        )
        for i, span in enumerate(spans)
    )
    entities.sort(key=lambda e: (-e.salience, -e.mention_count, e.entity_id))
    return ArticleEntities(
        article_id=event.article_id,
        version_id=event.version_id,
        mentions=mentions,
        entities=tuple(entities),
        model=model,
    )


def _ids(article_id: str, groups: Sequence[Group]) -> list[str]:
    """An id a group; two people of one name in one article are told apart by their order."""
    seen: Counter[tuple[str, str]] = Counter()
    ids: list[str] = []
    for group in groups:
        key = (group.label, folded(group.name))
        seen[key] += 1
        name = key[1] if seen[key] == 1 else f"{key[1]}#{seen[key]}"
        ids.append(entity_id(article_id, group.label, name))
    return ids


def _entity(
    identity: str,
    group: Group,
    spans: Sequence[Span],
    article: Article,
    links: dict[str, str],
    starts: Sequence[int],
    total: int,
) -> Entity:
    members = [spans[i] for i in group.members]
    surfaces = Counter(span.surface for span in members)
    headline, first, last = occurrences([(span.field == "headline", span.start) for span in members], len(article.text))
    rows = {bisect.bisect_right(starts, span.start) for span in members if span.field == "text"}
    occurrence = Occurrence(
        label=group.label,
        count=len(members),
        in_headline=headline,
        first=first,
        last=last,
        paragraphs=len(rows) / max(1, len(starts)),
        share=len(members) / max(1, total),
        words=len(tokens(group.name)),
    )
    return Entity(
        entity_id=identity,
        name=group.name,
        label=group.label,
        surfaces=tuple(surface for surface, _ in surfaces.most_common()),
        mention_count=len(members),
        in_headline=headline,
        salience=salience(occurrence),
        links=links,
    )
