"""Articles of our own making for the tests and benchmarks of the duplicates service: words that no outlet wrote."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import SecretStr

from schemas.articles import Attribution, CleanArticle, Extraction, Outlet, Published
from schemas.duplicates import ClusterEvent, DuplicateAlert
from schemas.events import content_hash
from schemas.topics import CLEAN_ARTICLES, DUPLICATE_ALERTS, DUPLICATE_CLUSTERS
from services.runtime.service import Discard, Emit, Outcome, Record, Service
from services.runtime.settings import RuntimeSettings

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

_COMMON_WORDS = (
    "the of to and a in that is was for on with as it by at from he she they his her their have had has be been "
    "were are an not but who which said would will after before over under about more than one two new last first "
    "year years people government president minister officials police court company market city state country week "
    "day month time also when where while could should may into out up down between during against because since "
    "until other some any all most many such no only own so very can just now then there here what how why among "
    "per told added according "
)
_ONSETS = "b c d f g h j k l m n p r s t v w br cl dr fl gr pl st tr th sh ch"


class WordMill:
    """Texts of words with the frequencies of a language: some everywhere, most hardly ever (Zipf, 1949)."""

    def __init__(self, seed: int = 7, vocabulary: int = 30000) -> None:
        self._random = random.Random(seed)
        onsets = _ONSETS.split()
        vowels = ["a", "e", "i", "o", "u", "ai", "ea", "ie", "ou"]
        codas = ["", "n", "r", "s", "t", "l", "nd", "rt", "st", "m"]
        words = _COMMON_WORDS.split()
        known = set(words)
        while len(words) < vocabulary:
            word = "".join(
                self._random.choice(onsets) + self._random.choice(vowels) + self._random.choice(codas)
                for _ in range(self._random.choice((1, 2, 2, 3)))
            )
            if word not in known:
                known.add(word)
                words.append(word)
        self._words = words
        total = 0.0
        self._cumulated: list[float] = []
        for rank in range(vocabulary):
            total += 1 / (rank + 12)
            self._cumulated.append(total)

    def words(self, count: int) -> list[str]:
        """`count` words."""
        return self._random.choices(self._words, cum_weights=self._cumulated, k=count)

    def text(self, count: int) -> str:
        """`count` words in sentences and paragraphs."""
        words = self.words(count)
        paragraphs: list[str] = []
        at = 0
        while at < len(words):
            sentences: list[str] = []
            for _ in range(3):
                length = self._random.randint(9, 26)
                sentence = words[at : at + length]
                at += length
                if sentence:
                    sentences.append(" ".join(sentence).capitalize() + ".")
            paragraphs.append(" ".join(sentences))
        return "\n".join(paragraph for paragraph in paragraphs if paragraph)

    def edited(self, text: str, share: float) -> str:
        """`text` with about `share` of its words replaced, in single places."""
        words = text.split(" ")
        for _ in range(round(len(words) * share)):
            words[self._random.randrange(len(words))] = self._random.choice(self._words)
        return " ".join(words)


class NewsMill:
    """Texts that cost what news costs, in 200 us each: common words of the language, and words of our making.

    As in the development articles, a word takes 6.3 bytes, and zstd alone packs it into 2.8 to 2.9. A text comes back
    to its subject's words and turns of phrase; lengths have a median of 840 words and a mean of 1,000.
    """

    def __init__(self, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)
        packed = files("services.duplicates").joinpath("common_words.txt").read_text(encoding="utf-8")
        # the commonest stand at the end
        known = list(dict.fromkeys([*_COMMON_WORDS.split(), *(word.strip(",.") for word in reversed(packed.split()))]))
        chance = random.Random(seed)
        made = {
            "".join(chance.choice("bcdfghklmnprstvw") + chance.choice("aeiou") for _ in range(chance.choice((2, 2, 3))))
            + chance.choice(("", "n", "r", "s", "t"))
            for _ in range(60_000)
        }
        rare = sorted(made - set(known))
        words = [*known, *rare]
        weights = 1 / (np.arange(len(words)) + 4.0) ** 1.01
        # drawn once: a draw by weight costs more than all the rest
        self._drawn = self._random.choice(len(words), size=1 << 20, p=weights / weights.sum())
        self._size = len(words)
        # each word as it stands in a sentence, at its beginning and at its end
        self._forms = [*words, *(word[:1].upper() + word[1:] for word in words), *(word + "." for word in words)]

    def text(self, count: int | None = None) -> str:
        """`count` words, or as many as news has, in sentences and paragraphs."""
        chance = self._random
        count = count or int(np.clip(round(chance.lognormal(6.73, 0.6)), 60, 6000))
        words = self._draw(count)
        subject = self._draw(max(12, count // 9))
        about = chance.random(count) < 0.33
        words[about] = subject[chance.integers(0, len(subject), int(about.sum()))]
        turns = max(1, count // 19)
        to = chance.integers(0, max(1, count - 3), turns)
        start = chance.integers(0, max(1, min(count - 3, 400)), turns)
        for step in range(3):
            words[to + step] = words[start + step]
        ends = np.cumsum(chance.integers(9, 27, count // 9 + 1))
        ends = ends[ends < count - 1]
        words[ends] += 2 * self._size
        words[ends + 1] += self._size
        words[0] += self._size * (words[0] < self._size)
        parts = [self._forms[word] for word in words.tolist()]
        for end in ends[2::3].tolist():
            parts[end] += "\n"
        return " ".join(parts).replace("\n ", "\n")

    def _draw(self, count: int) -> npt.NDArray[np.int64]:
        return self._drawn[self._random.integers(0, len(self._drawn), count)]

    def edited(self, text: str, share: float) -> str:
        """`text` with about `share` of its words replaced, in single places."""
        words = text.split(" ")
        new = self._draw(round(len(words) * share)).tolist()
        for place, word in zip(self._random.integers(0, len(words), len(new)).tolist(), new, strict=True):
            words[place] = self._forms[word]
        return " ".join(words)


def article(
    text: str,
    *,
    name: str = "a",
    outlet: str = "Harbour Post",
    headline: str = "A headline",
    minutes: float = 0,
    published_minutes: float | None = None,
    aggregator: str | None = None,
    **fields: Any,
) -> CleanArticle:
    """A clean article fetched `minutes` after NOON; `name` stands for its page."""
    attribution = (Attribution(role="aggregator", name=aggregator, evidence="test"),) if aggregator else ()
    published = (
        Published(at=NOON + timedelta(minutes=published_minutes), precision="minute")
        if published_minutes is not None
        else Published()
    )
    data: dict[str, Any] = {
        "article_id": content_hash("page", name),
        "url": f"https://{name}.example/news",
        "outlet": Outlet.model_validate({"name": outlet}),
        "attribution": attribution,
        "headline": headline,
        "text": text,
        "fetched_at": NOON + timedelta(minutes=minutes),
        "published": published,
        "extraction": Extraction(version="1"),
        **fields,
    }
    return CleanArticle.model_validate(data)


def records(events: Iterable[CleanArticle], *, first: int = 0, partition: int = 0) -> list[Record]:
    """The records of `events` as they would lie on one partition."""
    return [
        Record(
            topic=CLEAN_ARTICLES.name,
            partition=partition,
            offset=first + place,
            key=event.article_id.encode(),
            value=event.to_bytes(),
            headers=(),
            timestamp=event.fetched_at + timedelta(seconds=5),
        )
        for place, event in enumerate(events)
    ]


def runtime(redis_url: str) -> RuntimeSettings:
    """Settings that name this Redis and nothing else."""
    return RuntimeSettings(redis_url=SecretStr(redis_url))


async def feed(
    service: Service[CleanArticle],
    events: Sequence[CleanArticle],
    *,
    batch: int = 8,
    first: int = 0,
    partition: int = 0,
) -> list[Outcome]:
    """The outcomes of `events`, fed in batches."""
    assert service.process_batch is not None
    outcomes: list[Outcome] = []
    lying = list(zip(events, records(events, first=first, partition=partition), strict=True))
    for at in range(0, len(lying), batch):
        outcomes += await service.process_batch(lying[at : at + batch])
    return outcomes


def values(outcome: Outcome) -> list[tuple[str, str | None, bytes | None]]:
    """Topic, key and value of what an outcome publishes; its reason where it is discarded."""
    if isinstance(outcome, Discard):
        return [("discard", outcome.reason, None)]
    assert isinstance(outcome, Emit)
    return [
        (publish.topic.name, publish.key, publish.event.to_bytes() if publish.event is not None else None)
        for publish in outcome.publishes
    ]


def pairs_and_members(events: Iterable[tuple[str, bytes | None]]) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """Pairs from the alerts, and members of each cluster from the cluster events, merges followed.

    `events` are topics and values, in any order.
    """
    pairs: set[frozenset[str]] = set()
    members: dict[str, set[str]] = {}
    into: dict[str, str] = {}
    for topic, value in events:
        if topic == DUPLICATE_ALERTS.name and value is not None:
            alert = DuplicateAlert.closed_from_bytes(value)
            pairs |= {frozenset((alert.article.article_id, match.article.article_id)) for match in alert.matches}
        elif topic == DUPLICATE_CLUSTERS.name and value is not None:
            event = ClusterEvent.closed_from_bytes(value)
            if event.kind == "merged" and event.merged_into is not None:
                into[event.cluster_id] = event.merged_into
            elif event.kind == "member" and event.member is not None:
                members.setdefault(event.cluster_id, set()).add(event.member.article_id)
    final: dict[str, set[str]] = {}
    for cluster, held in members.items():
        while cluster in into:
            cluster = into[cluster]
        final.setdefault(cluster, set()).update(held)
    return pairs, {frozenset(held) for held in final.values() if len(held) > 1}
