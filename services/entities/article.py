"""A clean article and what its paragraphs name, made into the event: mentions, entities, links, salience."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.articles import CleanArticle
from schemas.entities import ArticleEntities, Entity, Mention, ModelInfo, entity_id
from services.entities.aliases import Alias, Observation, full_name, joined, observations
from services.entities.document import placed, read_whole
from services.entities.grouping import Group, grouped
from services.entities.links import KnowledgeBase, Named
from services.entities.mentions import Article, Field, Span, paragraphs
from services.entities.names import folded, tokens
from services.entities.recognizer import Found
from services.entities.salience import Occurrence, positions, salience

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


@dataclass(frozen=True, slots=True)
class Read:
    """An article's event; what its own words teach of aliases; and how many learnt ones were of use."""

    event: ArticleEntities
    observations: tuple[Observation, ...] = ()
    joined: int = 0
    linked: int = 0


def entities_of(
    event: CleanArticle,
    read: Reading,
    found: Sequence[Sequence[Found]],
    model: ModelInfo,
    bases: Sequence[KnowledgeBase],
    known: Mapping[Alias, str] | None = None,
    epoch: str = "",
) -> Read:
    """The event: a pure function of the article, what was found in its paragraphs, the knowledge bases and `known`.

    `found` has one entry for each of `read.parts`. Mentions come in reading order, entities most salient first.
    `known` are learnt aliases: they join an organisation's unexplained short name to its full one, and give what the
    article calls by a short name only the link `full_name`; `name` stays the fullest that the article prints.
    `epoch`, the day that `known` is of, stands on the event only if one of them was of use.
    """
    spans = read_whole(read.article, placed(read.parts, found))
    own = grouped(read.article, spans)
    if not own:
        return Read(ArticleEntities(article_id=event.article_id, version_id=event.version_id, model=model))
    taught = observations(spans, own)  # of the article's own groups: what was learnt is never learnt again
    known = known or {}
    groups = joined(spans, own, known)
    named = [
        Named(group.name, group.label, tuple(dict.fromkeys(spans[i].surface for i in group.members)), group.country)
        for group in groups
    ]
    links: list[dict[str, str]] = [{} for _ in groups]
    for base in bases:
        for link, more in zip(links, base.links(named, read.article.headline, read.article.text), strict=True):
            for scheme, value in more.items():
                link.setdefault(scheme, value)
    linked = 0
    for group, link in zip(groups, links, strict=True):
        name = full_name(spans, group, known)
        if name is not None:
            link["full_name"] = name
            linked += 1
    ids = _ids(event.article_id, groups)
    starts = [offset for field, offset, _ in read.parts if field == "text"]
    total = sum(span.label != "MISC" for span in spans)
    entities: list[Entity] = []
    before = 0
    for identity, group, link in zip(ids, groups, links, strict=True):  # groups come in order of their first mention
        entities.append(_entity(identity, group, spans, read.article, link, starts, total, before))
        before += group.label != "MISC"
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
    written = ArticleEntities(
        article_id=event.article_id,
        version_id=event.version_id,
        mentions=mentions,
        entities=tuple(entities),
        model=model.model_copy(update={"epoch": epoch}) if linked or len(groups) < len(own) else model,
    )
    return Read(written, taught, joined=len(own) - len(groups), linked=linked)


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
    before: int,
) -> Entity:
    members = [spans[i] for i in group.members]
    surfaces = Counter(span.surface for span in members)
    headline, start, spread = positions([(span.field == "headline", span.start) for span in members], len(article.text))
    rows = {bisect.bisect_right(starts, span.start) for span in members if span.field == "text"}
    occurrence = Occurrence(
        label=group.label,
        count=len(members),
        in_headline=headline,
        start=start,
        spread=spread,
        rank=before,
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
