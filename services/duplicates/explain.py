"""Why two articles are duplicates or are none, and what the index knows of one: for `newsloom why`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.duplicates import ArticleRef, Passage
from services.duplicates.check import compare
from services.duplicates.redis_index import RedisArticleIndex
from services.duplicates.relations import Article, Decision, judge, passages_of
from services.duplicates.settings import DuplicatesSettings
from services.duplicates.sketch import sketch
from services.duplicates.stored import StoredArticle, key_of, milliseconds, ref_of
from services.runtime.cache import Cache
from services.runtime.errors import SuiteError
from services.runtime.settings import RuntimeSettings, read_settings

_MEANINGS = {
    "equal_text": "their words are equal",
    "jaccard": "they share at least half of all their shingles",
    "containment": "the shorter one is contained in the other by at least four fifths",
    "long_run": "one holds a run of at least 60 of the other's own words",
    "template": "a running piece (fact box, table, timeline) filled in anew",
    "same_article": "versions of one article: a revision at most",
    "outside_window": "fetched further apart than the window",
    "too_short": "fewer than 30 words",
    "too_few_words": "fewer than 30 words in common",
    "too_little_shared": "too few shingles in common",
    "quoted_or_standing_text": "what they share is quoted, or printed under every article",
    "no_long_run_of_own_words": "no 60 words in a row are both quoted by nobody and shared",
    "same_outlet_excerpt": "an outlet may quote itself",
    "text_not_kept": "the text is no longer kept",
}


class NotHeldError(SuiteError):
    """The index does not hold what was asked for."""


@dataclass(frozen=True)
class SharedPassage:
    """A passage with its words as each of the two prints them."""

    passage: Passage
    article_text: str
    match_text: str


@dataclass(frozen=True)
class Explanation:
    """The decision on two articles, with its figures.

    `decision.kind` is duplicate, sighting, template or none; `meaning` says the reason in words. Shingles and shared
    are counts; `sketch_hits` is how many sketch hashes both have: with fewer than 2 the index does not propose them.
    """

    article: ArticleRef
    match: ArticleRef
    decision: Decision
    meaning: str
    sketch_hits: int
    hours_apart: float
    clusters: tuple[str | None, str | None]
    passages: tuple[SharedPassage, ...]


@dataclass(frozen=True)
class ClusterView:
    """What the index knows of one article: its cluster and the other members, each with the decision on the two."""

    article: ArticleRef
    cluster_id: str | None
    members: tuple[ArticleRef, ...]
    explanations: tuple[Explanation, ...]


async def explain_pair(index: RedisArticleIndex, article_id: str, match_id: str) -> Explanation:
    """Why the latest versions of two articles are duplicates, or are none.

    Raises NotHeldError for an article that the index does not hold, DependencyError when Redis is away.
    """
    one, other = await _held(index, article_id), await _held(index, match_id)
    return await _explain(index, one, other)


async def explain_article(index: RedisArticleIndex, article_id: str) -> ClusterView:
    """The article's cluster, and the decision on it and each other member that is still held.

    Raises as `explain_pair` does.
    """
    article = await _held(index, article_id)
    cluster_id = await index.cluster_of(article.stored.article_key)
    members: list[ArticleRef] = []
    explanations: list[Explanation] = []
    if cluster_id is not None:
        for key, ref in sorted((await index.cluster_members(cluster_id)).items()):
            if key == article.stored.article_key:
                continue
            members.append(ref_of(ref))
            packed = await index.latest_text(key)
            if packed is not None:
                explanations.append(await _explain(index, article, Article(packed)))
    return ClusterView(article.stored.ref, cluster_id, tuple(members), tuple(explanations))


async def articles_at(index: RedisArticleIndex, url: str) -> list[ArticleRef]:
    """The articles held that were fetched at `url`; looks through every text, which takes seconds. Latest first."""
    wanted = _plain(url)
    found: dict[str, ArticleRef] = {}
    for packed in await index.scan_texts():
        ref = StoredArticle.from_bytes(packed).ref
        if ref.url is not None and _plain(ref.url) == wanted:
            known = found.get(ref.article_id)
            if known is None or known.fetched_at < ref.fetched_at:
                found[ref.article_id] = ref
    return sorted(found.values(), key=lambda ref: ref.fetched_at, reverse=True)


async def why(
    runtime: RuntimeSettings, names: Sequence[str], settings: DuplicatesSettings | None = None
) -> list[Explanation | ClusterView]:
    """What `newsloom why` shows: for two names the decision on them, for one its cluster.

    A name is an article id or an address. Raises NotHeldError and DependencyError.
    """
    cache = Cache(runtime, "duplicates")
    index = RedisArticleIndex(cache, (settings or read_settings(DuplicatesSettings)).layout())
    try:
        resolved: list[list[str]] = []
        for name in names:
            if "://" in name:
                at = [ref.article_id for ref in await articles_at(index, name)]
                if not at:
                    raise NotHeldError(f"no article fetched at {name} is held; was it fetched within the window?")
                resolved.append(at)
            else:
                resolved.append([name])
        if len(resolved) == 2:
            return [await explain_pair(index, resolved[0][0], resolved[1][0])]
        return [await explain_article(index, article_id) for article_id in resolved[0]]
    finally:
        await cache.close()


async def _held(index: RedisArticleIndex, article_id: str) -> Article:
    packed = await index.latest_text(key_of(article_id))
    if packed is None:
        raise NotHeldError(
            f"the index does not hold article {article_id}; it was withdrawn, has left the window, or never came"
        )
    return Article(packed)


async def _explain(index: RedisArticleIndex, one: Article, other: Article) -> Explanation:
    apart_ms = abs(milliseconds(one.stored.ref.fetched_at) - milliseconds(other.stored.ref.fetched_at))
    overlap = compare(one.shingles, other.shingles)
    if one.stored.article_key == other.stored.article_key:
        decision = Decision("none", None, overlap, "same_article")
    elif apart_ms > index.window_ms:
        decision = Decision("none", None, overlap, "outside_window")
    elif one.is_short or other.is_short:
        decision = Decision("none", None, overlap, "too_short")
    else:
        decision = judge(
            one,
            other,
            overlap,
            is_exact=one.digest == other.digest,
            is_same_outlet=one.stored.ref.outlet_id == other.stored.ref.outlet_id,
        )
    hits = 0
    if len(one.shingles) and len(other.shingles):
        hits = len(set(sketch(one.halves).tolist()) & set(sketch(other.halves).tolist()))
    passages = tuple(
        SharedPassage(
            passage,
            one.stored.text[passage.article_start : passage.article_end],
            other.stored.text[passage.match_start : passage.match_end],
        )
        for passage in passages_of(one.located, other.located, decision.runs)
    )
    clusters = (
        await index.cluster_of(one.stored.article_key),
        await index.cluster_of(other.stored.article_key),
    )
    return Explanation(
        article=one.stored.ref,
        match=other.stored.ref,
        decision=decision,
        meaning=_MEANINGS.get(decision.reason, decision.reason),
        sketch_hits=hits,
        hours_apart=apart_ms / 3_600_000,
        clusters=clusters,
        passages=passages,
    )


def _plain(url: str) -> str:
    return url.split("#", 1)[0].rstrip("/").removeprefix("https://").removeprefix("http://").removeprefix("www.")
