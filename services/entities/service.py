"""The entities service: a clean article in; who, what and where it names out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.articles import CleanArticle
from schemas.entities import ArticleEntities, ModelInfo
from schemas.topics import ARTICLE_ENTITIES, CLEAN_ARTICLES
from services.entities import metrics, places
from services.entities.article import Reading, entities_of, reading, skipped
from services.entities.language import unknown_language
from services.entities.links import KnowledgeBase, Places
from services.entities.paragraph_cache import ParagraphCache
from services.entities.recognizer import Found, Recognizer
from services.entities.spacy_recognizer import PipelineMissingError, SpacyRecognizer
from services.entities.transformer import TransformerRecognizer
from services.runtime import clock
from services.runtime.cache import Cache
from services.runtime.errors import ConfigurationError
from services.runtime.pausing import pause
from services.runtime.service import Emit, Item, Outcome, Publish, Record, Service
from services.runtime.settings import RuntimeSettings, read_settings
from services.runtime.worker import run


class EntitiesSettings(BaseSettings):
    """What the entities service can be told, beside what every service shares."""

    model_config = SettingsConfigDict(env_prefix="NEWSLOOM_ENTITIES_", frozen=True)

    recognizer: str = Field(
        default="default",
        pattern=r"^(default|fast|spacy:.+)$",
        description="default; fast, four times as quick and less exact; or spacy:NAME for a pipeline or its folder.",
    )
    max_text_chars: int = Field(
        default=400_000, ge=1, description="A longer text is no news article: its event has no mentions, and says so."
    )
    paragraph_slots: int = Field(
        default=200_000, ge=1, description="Most paragraphs whose names are kept in Redis (about 250 bytes each)."
    )
    paragraph_ttl_seconds: int = Field(
        default=3 * 24 * 3600, ge=1, description="How long a paragraph's names are kept after they were found."
    )


def load_recognizer(name: str) -> Recognizer:
    """The recognizer that the setting names. Raises ConfigurationError with the remedy."""
    try:
        if name.startswith("spacy:"):
            return SpacyRecognizer.load(name.removeprefix("spacy:"))
        return TransformerRecognizer.load(variant=name)
    except (PipelineMissingError, FileNotFoundError, ValueError) as error:
        raise ConfigurationError(f"NEWSLOOM_ENTITIES_RECOGNIZER={name}: {error}") from None


# Paragraphs between two pauses: a fraction of a second of the model's work.
_AT_ONCE = 16

Skipped = tuple[Literal["language", "length"], str]


class EntityReader:
    """Articles to events, several at a time: one round trip to the cache, and each new paragraph read once."""

    def __init__(
        self,
        recognizer: Recognizer,
        cache: ParagraphCache | None,
        *,
        max_text_chars: int,
        bases: Sequence[KnowledgeBase],
    ) -> None:
        self._recognizer = recognizer
        self._cache = cache
        self._max_text_chars = max_text_chars
        self._bases = tuple(bases)
        self._model = ModelInfo(name=recognizer.name, version=recognizer.version)

    async def read(self, articles: Sequence[CleanArticle]) -> list[ArticleEntities]:
        """An event an article. Equal for equal articles, whatever the cache holds and whatever is read beside them."""
        why = [self._why_skipped(article) for article in articles]
        readings = [None if reason else reading(article) for article, reason in zip(articles, why, strict=True)]
        found = await self._found([text for read in readings if read for text in read.paragraphs])
        events: list[ArticleEntities] = []
        for article, reason, read in zip(articles, why, readings, strict=True):
            if reason is not None:
                metrics.SKIPPED.labels(reason[0]).inc()
                model = self._model.model_copy(update={"skipped": f"{reason[0]}:{reason[1]}"})
                events.append(skipped(article, model))
            elif read is not None:
                events.append(self._event(article, read, found))
        return events

    def _why_skipped(self, article: CleanArticle) -> Skipped | None:
        length = len(article.headline) + len(article.text)
        if length > self._max_text_chars:
            return "length", str(length)
        text = f"{article.headline}\n{article.text}"
        unknown = unknown_language(article.language.code, text, self._recognizer.languages)
        return None if unknown is None else ("language", unknown)

    def _event(self, article: CleanArticle, read: Reading, found: dict[str, tuple[Found, ...]]) -> ArticleEntities:
        event = entities_of(article, read, [found[text] for text in read.paragraphs], self._model, self._bases)
        for mention in event.mentions:
            metrics.MENTIONS.labels(mention.label).inc()
        for entity in event.entities:
            metrics.ENTITIES.labels(entity.label).inc()
        return event

    async def _found(self, texts: Sequence[str]) -> dict[str, tuple[Found, ...]]:
        known = await self._cache.get(texts) if self._cache else {}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if not new:
            return known
        started = clock.seconds()
        read: dict[str, tuple[Found, ...]] = {}
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            read.update(zip(some, self._recognizer.recognize(some), strict=True))
            await pause()
        metrics.RECOGNITION.observe(clock.seconds() - started)
        if self._cache:
            await self._cache.put(read)
        return known | read


def build(runtime: RuntimeSettings, settings: EntitiesSettings | None = None) -> Service[CleanArticle]:
    """The service, with its model loaded. Raises ConfigurationError for a recognizer that is not there."""
    settings = settings or read_settings(EntitiesSettings)
    recognizer = load_recognizer(settings.recognizer)
    redis = Cache(runtime, "entities")
    cache = ParagraphCache(
        redis,
        model=f"{recognizer.name} {recognizer.version}",
        slots=settings.paragraph_slots,
        ttl_seconds=settings.paragraph_ttl_seconds,
    )
    reader = EntityReader(recognizer, cache, max_text_chars=settings.max_text_chars, bases=(Places(),))
    metrics.start_at_zero()

    async def process_batch(items: Sequence[Item[CleanArticle]]) -> list[Outcome]:
        usable = [article for article, _ in items if article.status == "usable"]
        events = iter(await reader.read(usable))
        return [
            Emit((Publish(ARTICLE_ENTITIES, article.article_id, next(events) if article.status == "usable" else None),))
            for article, _ in items
        ]

    async def process(article: CleanArticle, record: Record) -> Outcome:
        return (await process_batch([(article, record)]))[0]

    async def start() -> None:
        places.warm()
        recognizer.recognize(["The first article should not wait for the model."])

    return Service(
        "entities",
        source=CLEAN_ARTICLES,
        process=process,
        process_batch=process_batch,
        publishes=(ARTICLE_ENTITIES,),
        start=start,
        stop=redis.close,
        model={"name": recognizer.name, "version": recognizer.version},
    )


def main() -> None:
    """The worker, as containers run it."""
    run(build)


if __name__ == "__main__":
    main()
