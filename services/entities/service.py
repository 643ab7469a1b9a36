"""The entities service: a clean article in; who, what and where it names out."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, cast
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.articles import CleanArticle
from schemas.entities import ArticleEntities, ModelInfo
from schemas.topics import ARTICLE_ENTITIES, CLEAN_ARTICLES
from services.entities import metrics, places
from services.entities.alias_cache import AliasCache, day_of
from services.entities.aliases import Alias
from services.entities.article import Read, Reading, entities_of, reading, skipped
from services.entities.gliner_recognizer import GlinerRecognizer
from services.entities.language import unknown_language
from services.entities.links import KnowledgeBase, Places
from services.entities.paragraph_cache import ParagraphCache
from services.entities.recognizer import Found, Recognizer, RecognizerMissingError
from services.entities.spacy_recognizer import SpacyRecognizer
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
        pattern=r"^(default|fast|spacy:.+|gliner:.+)$",
        description=(
            "default; fast, three times as quick and less exact; spacy:NAME for a pipeline or its folder; "
            "or gliner:FOLDER for a GLiNER model."
        ),
    )
    gliner_threshold_ratio: float = Field(
        default=0.5, ge=0.0, le=1.0, description="Least score of a name that a GLiNER model finds."
    )
    gliner_languages: str = Field(
        default="en", min_length=2, description="BCP 47 primary tags that the GLiNER model knows, with commas between."
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
    knowledge_bases: str = Field(
        default="",
        description=(
            "Knowledge bases of your own, as module:name with commas between; called without arguments, each gives a "
            "`services.entities.links.KnowledgeBase`, whose ids stand beside ours in an entity's `links`."
        ),
    )
    aliases: bool = Field(
        default=True, description="Whether short names learn their full ones from other outlets' articles; needs Redis."
    )
    alias_slots: int = Field(
        default=32_768, ge=64, description="Most short names whose votes are kept in Redis (about 300 bytes each)."
    )


def load_recognizer(name: str, settings: EntitiesSettings | None = None) -> Recognizer:
    """The recognizer that the setting names. Raises ConfigurationError with the remedy."""
    settings = settings or EntitiesSettings()
    try:
        if name.startswith("spacy:"):
            return SpacyRecognizer.load(name.removeprefix("spacy:"))
        if name.startswith("gliner:"):
            tags = frozenset(tag.strip().casefold() for tag in settings.gliner_languages.split(",") if tag.strip())
            folder = name.removeprefix("gliner:")
            return GlinerRecognizer.load(folder, threshold=settings.gliner_threshold_ratio, languages=tags)
        return TransformerRecognizer.load(variant=name)
    except (RecognizerMissingError, FileNotFoundError, ValueError) as error:
        raise ConfigurationError(f"NEWSLOOM_ENTITIES_RECOGNIZER={name}: {error}") from None


def load_knowledge_bases(names: str) -> tuple[KnowledgeBase, ...]:
    """The knowledge bases that the setting names, ours for places first. Raises ConfigurationError with the remedy."""
    bases: list[KnowledgeBase] = [Places()]
    for name in filter(None, (part.strip() for part in names.split(","))):
        module, _, attribute = name.partition(":")
        try:
            base: object = getattr(importlib.import_module(module), attribute)()
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"NEWSLOOM_ENTITIES_KNOWLEDGE_BASES={name}: {type(error).__name__}: {error}; "
                "write module:name of a class or function that is called without arguments"
            ) from None
        if not callable(getattr(base, "links", None)):
            raise ConfigurationError(
                f"NEWSLOOM_ENTITIES_KNOWLEDGE_BASES={name}: {type(base).__name__} has no method links; "
                "it must have that of services.entities.links.KnowledgeBase"
            )
        bases.append(cast("KnowledgeBase", base))
    return tuple(bases)


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
        aliases: AliasCache | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._cache = cache
        self._aliases = aliases
        self._max_text_chars = max_text_chars
        self._bases = tuple(bases)
        self._model = ModelInfo(name=recognizer.name, version=recognizer.version)

    async def read(self, articles: Sequence[CleanArticle]) -> list[ArticleEntities]:
        """An event an article. Equal for equal articles and one `epoch`, whatever the paragraph cache holds and
        whatever is read beside them.
        """
        return [read.event for read in await self.read_whole(articles)]

    async def read_whole(self, articles: Sequence[CleanArticle]) -> list[Read]:
        """As `read`, with what each article teaches of aliases: that goes to `vote` once its event is settled."""
        why = [self._why_skipped(article) for article in articles]
        readings = [None if reason else reading(article) for article, reason in zip(articles, why, strict=True)]
        found = await self._found([text for read in readings if read for text in read.paragraphs])
        out: list[Read] = []
        for article, reason, read in zip(articles, why, readings, strict=True):
            if reason is not None:
                metrics.SKIPPED.labels(reason[0]).inc()
                model = self._model.model_copy(update={"skipped": f"{reason[0]}:{reason[1]}"})
                out.append(Read(skipped(article, model)))
            elif read is not None:
                epoch, known = await self._known(article.fetched_at)
                out.append(self._event(article, read, found, epoch, known))
        return out

    async def vote(self, article: CleanArticle, read: Read) -> None:
        """Lets the article's outlet vote for the aliases that the article explains, if it stands on the outlet's own
        site: what an aggregator shows is not the outlet's word.
        """
        domain = own_domain(article)
        if self._aliases is not None and domain is not None:
            await self._aliases.vote(domain, day_of(article.fetched_at), read.observations)

    async def _known(self, fetched_at: datetime) -> tuple[str, Mapping[Alias, str]]:
        return ("", {}) if self._aliases is None else await self._aliases.known(fetched_at)

    def _why_skipped(self, article: CleanArticle) -> Skipped | None:
        length = len(article.headline) + len(article.text)
        if length > self._max_text_chars:
            return "length", str(length)
        text = f"{article.headline}\n{article.text}"
        unknown = unknown_language(article.language.code, text, self._recognizer.languages)
        return None if unknown is None else ("language", unknown)

    def _event(
        self,
        article: CleanArticle,
        read: Reading,
        found: dict[str, tuple[Found, ...]],
        epoch: str,
        known: Mapping[Alias, str],
    ) -> Read:
        parts = [found[text] for text in read.paragraphs]
        result = entities_of(article, read, parts, self._model, self._bases, known, epoch)
        for mention in result.event.mentions:
            metrics.MENTIONS.labels(mention.label).inc()
        for entity in result.event.entities:
            metrics.ENTITIES.labels(entity.label).inc()
        metrics.ALIASES_USED.labels("joined").inc(result.joined)
        metrics.ALIASES_USED.labels("linked").inc(result.linked)
        return result

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


def own_domain(article: CleanArticle) -> str | None:
    """The domain of the article's outlet, if the article was fetched from it; otherwise None."""
    domain = (article.outlet.domain or "").casefold()
    if not domain or article.part != "main":
        return None
    try:
        host = (urlsplit(article.url or "").hostname or "").casefold()
    except ValueError:
        return None
    return domain if host == domain or host.endswith("." + domain) else None


def build(runtime: RuntimeSettings, settings: EntitiesSettings | None = None) -> Service[CleanArticle]:
    """The service, with its model loaded. Raises ConfigurationError for a recognizer that is not there."""
    settings = settings or read_settings(EntitiesSettings)
    recognizer = load_recognizer(settings.recognizer, settings)
    redis = Cache(runtime, "entities")
    cache = ParagraphCache(
        redis,
        model=f"{recognizer.name} {recognizer.version}",
        slots=settings.paragraph_slots,
        ttl_seconds=settings.paragraph_ttl_seconds,
    )
    reader = EntityReader(
        recognizer,
        cache,
        max_text_chars=settings.max_text_chars,
        bases=load_knowledge_bases(settings.knowledge_bases),
        aliases=AliasCache(redis, slots=settings.alias_slots) if settings.aliases else None,
    )
    metrics.start_at_zero()

    def outcome(article: CleanArticle, read: Read | None) -> Outcome:
        if read is None:
            return Emit((Publish(ARTICLE_ENTITIES, article.article_id, None),))
        after = (partial(reader.vote, article, read),) if read.observations else ()
        return Emit((Publish(ARTICLE_ENTITIES, article.article_id, read.event),), after)

    async def process_batch(items: Sequence[Item[CleanArticle]]) -> list[Outcome]:
        usable = [article for article, _ in items if article.status == "usable"]
        reads = iter(await reader.read_whole(usable))
        return [outcome(article, next(reads) if article.status == "usable" else None) for article, _ in items]

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
