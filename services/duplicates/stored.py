"""What is kept of an article's words and name beside the index: enough for evidence, revisions and explanations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import zstandard

from schemas.articles import CleanArticle
from schemas.duplicates import ArticleRef
from schemas.events import content_hash

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HEX: Final = frozenset("0123456789abcdef")
_LEVEL: Final = 3
_PUBLISHED: Final = "published_at"
_INTERVAL: Final = "published_interval"
_FETCHED: Final = "fetched_at"
_REASONS: Final = (_PUBLISHED, _INTERVAL, _FETCHED)


@lru_cache(maxsize=1)
def _codec() -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor]:
    """Zstandard with common words and phrases of English news as its dictionary: 15 % smaller at the same speed.

    The words may never change within a release line: texts in a running index were packed with them.
    """
    words = files("services.duplicates").joinpath("common_words.txt").read_bytes()
    dictionary = zstandard.ZstdCompressionDict(words, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    compressor = zstandard.ZstdCompressor(
        level=_LEVEL, dict_data=dictionary, write_checksum=False, write_dict_id=False, write_content_size=True
    )
    return compressor, zstandard.ZstdDecompressor(dict_data=dictionary)


def milliseconds(instant: datetime) -> int:
    """`instant` as whole milliseconds since 1970."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def instant(value_ms: int) -> datetime:
    """The instant `value_ms` milliseconds after 1970, in UTC."""
    return _EPOCH + timedelta(milliseconds=value_ms)


def key_of(identifier: str) -> str:
    """`identifier` as 32 hex digits: itself where it has that form, which all ids of the suite have, else its hash."""
    if len(identifier) == 32 and _HEX.issuperset(identifier):
        return identifier
    return content_hash("key", identifier)


@dataclass(frozen=True)
class StoredArticle:
    """An article version as the index keeps it.

    `published_ms` is when it was surely out (the point, or the end of the interval, or the fetch), `published_reason`
    which of them. `is_counted`: its outlet is one. `agencies` are those that its byline and attribution name.
    """

    ref: ArticleRef
    text: str
    extraction_version: str
    is_counted: bool
    part: str
    published_ms: int
    published_reason: str
    agencies: tuple[str, ...] = ()

    @property
    def article_key(self) -> str:
        """The article's id as a key of the index."""
        return key_of(self.ref.article_id)

    def to_bytes(self) -> bytes:
        """The article compressed: name and text together, a third of their size."""
        ref = self.ref
        fields: list[Any] = [
            *_names_of(ref),
            milliseconds(ref.fetched_at),
            # the reason tells what it is, and when it is no more than the fetch it needs no place
            self.published_ms if self.published_reason != _FETCHED else 0,
            _REASONS.index(self.published_reason),
            self.extraction_version,
            int(self.is_counted),
        ]
        if self.part != "main" or self.agencies:
            fields += [self.part, *self.agencies]
        head = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return _codec()[0].compress(f"{head}\n{self.text}".encode())

    @classmethod
    def from_bytes(cls, value: bytes) -> StoredArticle:
        """The article in `value`."""
        head, _, text = _codec()[1].decompress(value).decode().partition("\n")
        fields: list[Any] = json.loads(head)
        fetched_ms, published_ms, reason = fields[6:9]
        kind = _REASONS[int(reason)]
        return cls(
            _ref(fields, published_ms if kind == _PUBLISHED else None, fetched_ms),
            text,
            extraction_version=fields[9],
            is_counted=bool(fields[10]),
            part=fields[11] if len(fields) > 11 else "main",
            published_ms=published_ms if kind != _FETCHED else fetched_ms,
            published_reason=kind,
            agencies=tuple(fields[12:]),
        )


def is_outlet(article: CleanArticle) -> bool:
    """Whether the article stands under the name of an outlet, and not under an aggregator's or under none."""
    if article.outlet.id in ("", "unknown") or not article.outlet.name.strip():
        return False
    name = article.outlet.name.casefold()
    return all(entry.role != "aggregator" or entry.name.casefold() != name for entry in article.attribution)


def to_stored(article: CleanArticle) -> StoredArticle:
    """`article` as the index keeps it."""
    published = article.published
    if published.at is not None:
        published_ms, reason = milliseconds(published.at), _PUBLISHED
    elif published.latest_at is not None:
        published_ms, reason = milliseconds(published.latest_at), _INTERVAL
    else:
        published_ms, reason = milliseconds(article.fetched_at), _FETCHED
    return StoredArticle(
        # every field comes out of a validated event
        ref=ArticleRef.model_construct(
            article_id=article.article_id,
            version_id=article.version_id,
            outlet=article.outlet.name,
            outlet_id=article.outlet.id,
            headline=article.headline,
            url=article.url,
            published_at=published.at,
            fetched_at=article.fetched_at,
        ),
        text=article.text,
        extraction_version=article.extraction.version,
        is_counted=is_outlet(article),
        part=article.part,
        published_ms=published_ms,
        published_reason=reason,
        agencies=(
            *(author.name for author in article.byline if author.kind == "agency"),
            *(entry.name for entry in article.attribution if entry.role == "wire"),
        ),
    )


def ref_list(ref: ArticleRef) -> list[Any]:
    """The fields of `ref` without their names, which would be half of it."""
    published_ms = milliseconds(ref.published_at) if ref.published_at is not None else None
    return [*_names_of(ref), published_ms, milliseconds(ref.fetched_at)]


def ref_from(fields: list[Any]) -> ArticleRef:
    """The ref that `ref_list` took apart."""
    return _ref(fields, *fields[6:8])


def _names_of(ref: ArticleRef) -> list[Any]:
    return [ref.article_id, ref.version_id, ref.outlet, ref.outlet_id, ref.headline, ref.url]


def _ref(fields: list[Any], published_ms: int | None, fetched_ms: int) -> ArticleRef:
    """The ref whose names `fields` begin with."""
    article_id, version_id, outlet, outlet_id, headline, url = fields[:6]
    return ArticleRef(
        article_id=article_id,
        version_id=version_id,
        outlet=outlet,
        outlet_id=outlet_id,
        headline=headline,
        url=url,
        published_at=instant(published_ms) if published_ms is not None else None,
        fetched_at=instant(fetched_ms),
    )


def ref_json(ref: ArticleRef) -> str:
    """`ref` as one line without tabs."""
    return json.dumps(ref_list(ref), ensure_ascii=False, separators=(",", ":"))


def ref_of(value: str) -> ArticleRef:
    """The ref that `ref_json` wrote."""
    return ref_from(json.loads(value))
