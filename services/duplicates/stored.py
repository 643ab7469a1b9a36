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


@lru_cache(maxsize=1)
def _codec() -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor]:
    """Zstandard with the commonest English words as its dictionary: 12 % smaller than without at the same speed.

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
    which of them. `is_counted`: its outlet is one.
    """

    ref: ArticleRef
    text: str
    extraction_version: str
    is_counted: bool
    is_aggregated: bool
    part: str
    published_ms: int
    published_reason: str
    wire: str

    @property
    def article_key(self) -> str:
        """The article's id as a key of the index."""
        return key_of(self.ref.article_id)

    def to_bytes(self) -> bytes:
        """The article compressed: name and text together, a third of their size."""
        head = json.dumps(
            [
                self.ref.article_id,
                self.ref.version_id,
                self.ref.outlet,
                self.ref.outlet_id,
                self.ref.headline,
                self.ref.url,
                milliseconds(self.ref.published_at) if self.ref.published_at is not None else None,
                milliseconds(self.ref.fetched_at),
                self.extraction_version,
                self.is_counted,
                self.is_aggregated,
                self.part,
                self.published_ms,
                self.published_reason,
                self.wire,
            ],
            ensure_ascii=False,
            separators=(",", ":"),
        )
        return _codec()[0].compress(f"{head}\n{self.text}".encode())

    @classmethod
    def from_bytes(cls, value: bytes) -> StoredArticle:
        """The article in `value`."""
        head, _, text = _codec()[1].decompress(value).decode().partition("\n")
        fields: list[Any] = json.loads(head)
        published = fields[6]
        ref = ArticleRef(
            article_id=fields[0],
            version_id=fields[1],
            outlet=fields[2],
            outlet_id=fields[3],
            headline=fields[4],
            url=fields[5],
            published_at=instant(published) if published is not None else None,
            fetched_at=instant(fields[7]),
        )
        return cls(ref, text, *fields[8:])


def is_outlet(article: CleanArticle) -> bool:
    """Whether the article stands under the name of an outlet, and not under an aggregator's or under none."""
    if article.outlet.id in ("", "unknown") or not article.outlet.name.strip():
        return False
    name = article.outlet.name.casefold()
    return all(entry.role != "aggregator" or entry.name.casefold() != name for entry in article.attribution)


def to_stored(article: CleanArticle, wire: str = "") -> StoredArticle:
    """`article` as the index keeps it; `wire` is the agency it credits."""
    published = article.published
    if published.at is not None:
        published_ms, reason = milliseconds(published.at), "published_at"
    elif published.latest_at is not None:
        published_ms, reason = milliseconds(published.latest_at), "published_interval"
    else:
        published_ms, reason = milliseconds(article.fetched_at), "fetched_at"
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
        is_aggregated=any(entry.role == "aggregator" for entry in article.attribution),
        part=article.part,
        published_ms=published_ms,
        published_reason=reason,
        wire=wire,
    )


def ref_json(ref: ArticleRef) -> str:
    """`ref` as one line of JSON without tabs."""
    return ref.model_dump_json()
