"""Articles of our own making for the tests and benchmarks of the duplicates service: words that no outlet wrote."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from schemas.articles import Attribution, CleanArticle, Extraction, Outlet, Published
from schemas.events import content_hash
from schemas.topics import CLEAN_ARTICLES
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

    def __init__(self, seed: int = 7, vocabulary: int = 30000, *, reports: bool = False) -> None:
        self._reports = reports
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

    def report(self, count: int) -> list[str]:
        """`count` words on one subject: as news does, it comes back to its names, words and turns of phrase, so that it
        compresses as news does (to about 2.7 bytes a word by zstd alone)."""
        chance = self._random
        subject = self.words(max(12, count // 9))
        turns = [
            [*chance.choices(self._words[:150], k=chance.randint(1, 2)), chance.choice(subject)] for _ in range(40)
        ]
        made: list[str] = []
        while len(made) < count:
            kind = chance.random()
            if kind < 0.30:
                made += chance.choice(turns)
            elif kind < 0.62:
                made.append(chance.choice(subject))
            else:
                made += self.words(1)
        return made[:count]

    def text(self, count: int) -> str:
        """`count` words in sentences and paragraphs."""
        words = self.report(count) if self._reports else self.words(count)
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

    def length(self) -> int:
        """An article's length in words, as news has them: median 840, mean about 1,000."""
        return max(60, min(6000, round(self._random.lognormvariate(6.73, 0.6))))

    def edited(self, text: str, share: float) -> str:
        """`text` with about `share` of its words replaced, in single places."""
        words = text.split(" ")
        for _ in range(round(len(words) * share)):
            words[self._random.randrange(len(words))] = self._random.choice(self._words)
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
