"""The cleaner: a fetched page in, the articles printed on it out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.articles import CleanArticle, RawArticle
from schemas.events import format_instant
from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES
from services.cleaner import languages, metrics
from services.cleaner.articles import clean_articles, guess_identity, identify, says, withdrawn_article
from services.cleaner.html_pages import HtmlOptions, NoArticle
from services.cleaner.learnt import sightings
from services.cleaner.learnt_lines import LearntLines
from services.cleaner.memo import is_unchanged, memo_key, memo_of
from services.cleaner.memory import keep
from services.cleaner.outlets import OutletRegistry, OutletRegistryError, default_registry, load_registry
from services.cleaner.pages import take_apart
from services.runtime import clock
from services.runtime.cache import Cache, Memos
from services.runtime.errors import ConfigurationError, DependencyError
from services.runtime.metrics import release
from services.runtime.service import (
    AfterSettle,
    Discard,
    Emit,
    InvalidRecordError,
    Outcome,
    Publish,
    Record,
    Service,
)
from services.runtime.settings import RuntimeSettings, read_settings
from services.runtime.worker import run

_FREE_BYTES = 64 << 20
"""Kept for the next batch's pages: as much as the largest pages of one take."""
DISCARD_REASONS = ("no_article", "body_too_short", "list_page", "unchanged")


class CleanerSettings(BaseSettings):
    """What the cleaner can be told, beside what every service shares."""

    model_config = SettingsConfigDict(env_prefix="NEWSLOOM_CLEANER_", frozen=True)

    min_body_chars: int = Field(default=200, ge=1, description="A page with a shorter body holds no article.")
    min_body_chars_dense: int = Field(
        default=80, ge=1, description="The same for Chinese, Japanese, Korean and Thai, which need fewer characters."
    )
    hand_over_below_ratio: float = Field(
        default=0.85,
        ge=0.0,
        le=1.0,
        description="HTML pages on which the block model is less sure than this go to trafilatura: lower is faster, "
        "0 for never (body F1 on news pages .957 at 0, .958 at 0.85, .960 at 0.93 on the development pages).",
    )
    outlets_file: Path | None = Field(
        default=None, description="JSON file of outlets that adds to and overrides the registry that ships."
    )
    discard_unchanged: bool = Field(
        default=True, description="Whether a refetch of a page that says the same is discarded; needs Redis."
    )
    memo_ttl_seconds: int = Field(
        default=30 * 24 * 3600, ge=1, description="How long it is remembered what a page said last."
    )
    learn_boilerplate: bool = Field(
        default=True, description="Whether lines that recur at an outlet are learnt and taken off; needs Redis."
    )
    learnt_outlets: int = Field(
        default=5000,
        ge=16,
        description="Most outlets whose lines are counted on one day (some 10 KB each in Redis, kept nine days).",
    )
    learnt_min_articles: int = Field(
        default=4, ge=2, description="A line must recur in as many of an outlet's articles within seven days."
    )
    learnt_min_ratio: float = Field(
        default=0.25, gt=0.0, le=1.0, description="And in this share of those that were counted."
    )
    generation: str = Field(
        default="1", max_length=40, description="Change it to process pages again that are remembered as unchanged."
    )
    future_slack_seconds: int = Field(
        default=3600, ge=0, description="How far fetched_at may lie after the record's own time before it is invalid."
    )


def load_outlets(path: Path | None) -> OutletRegistry:
    """The outlet registry, with the file that the setting names. Raises ConfigurationError with the remedy."""
    try:
        return load_registry(path) if path is not None else default_registry()
    except (OSError, OutletRegistryError) as error:
        raise ConfigurationError(f"NEWSLOOM_CLEANER_OUTLETS_FILE={path}: {error}") from None


def build(runtime: RuntimeSettings, settings: CleanerSettings | None = None) -> Service[RawArticle]:
    """The service. Raises ConfigurationError for an outlets file that cannot be read."""
    settings = settings or read_settings(CleanerSettings)
    registry = load_outlets(settings.outlets_file)
    options = HtmlOptions(settings.min_body_chars, settings.min_body_chars_dense, settings.hand_over_below_ratio)
    slack = timedelta(seconds=settings.future_slack_seconds)
    version = release()
    cache = Cache(runtime, "cleaner")
    memos = Memos(cache, ttl_seconds=settings.memo_ttl_seconds)
    learnt = (
        LearntLines(
            cache,
            places=settings.learnt_outlets,
            min_articles=settings.learnt_min_articles,
            min_share=settings.learnt_min_ratio,
        )
        if settings.learn_boilerplate
        else None
    )
    metrics.start_at_zero()

    def emit(articles: list[CleanArticle], hooks: tuple[AfterSettle, ...] = ()) -> Emit:
        return Emit(tuple(Publish(CLEAN_ARTICLES, article.article_id, article) for article in articles), hooks)

    async def process(raw: RawArticle, record: Record) -> Outcome:
        if raw.fetched_at > record.timestamp + slack:
            raise InvalidRecordError(
                f"fetched_at {format_instant(raw.fetched_at)} lies more than {settings.future_slack_seconds} s after "
                f"the record's own time {format_instant(record.timestamp)}; correct the publisher's clock or zone"
            )
        if raw.status == "withdrawn":
            gone = withdrawn_article(raw, version=version, registry=registry)
            # a page that comes back as it was is news again, so what it said before is forgotten
            key = memo_key(gone.page_id, version=version, generation=settings.generation)
            return emit([gone], (memos.stage(key, memo_of("", record.owner)),))
        page = identify(raw)
        started = clock.seconds()
        found = take_apart(raw, registry=registry, options=options)
        metrics.EXTRACTION.observe(clock.seconds() - started)
        if isinstance(found, NoArticle):
            return Discard(found.why, page_id=page.page_id, article_id=page.article_id)
        articles = clean_articles(raw, found, version=version, registry=registry, identity=page)
        hooks: tuple[AfterSettle, ...] = ()
        if settings.discard_unchanged:
            said = says(articles)
            key = memo_key(page.page_id, version=version, generation=settings.generation)
            try:
                memo = await memos.get(key)
                metrics.MEMOS.labels("miss" if memo is None else "hit").inc()
            except DependencyError:
                # Redis away: nothing is lost by emitting what consumers have already
                memo = None
                metrics.MEMOS.labels("unavailable").inc()
            if is_unchanged(memo, said=said, owner=record.owner):
                first = articles[0]
                return Discard(
                    "unchanged", page_id=page.page_id, article_id=first.article_id, version_id=first.version_id
                )
            hooks = (memos.stage(key, memo_of(said, record.owner)),)
        if learnt is not None and learnt.is_open_to(raw.fetched_at, record.timestamp):
            # after the memo: what a page says does not change with what is learnt
            seen = sightings(raw, found, registry, identity=page)
            cleaned = await learnt.take_off(found, seen, fetched_at=raw.fetched_at)
            if cleaned is not found:
                articles = clean_articles(raw, cleaned, version=version, registry=registry, identity=page)
            hooks = (*hooks, learnt.count_later(seen, fetched_at=raw.fetched_at))
        metrics.count(articles)
        return emit(articles, hooks)

    async def prepare(records: Sequence[Record]) -> None:
        if settings.discard_unchanged:
            guesses = [guess_identity(record.value or b"") for record in records]
            pages = [guess.page_id for guess in guesses if guess is not None]
            await memos.fetch([memo_key(page, version=version, generation=settings.generation) for page in pages])

    async def settled() -> None:
        await memos.flush()
        if learnt is not None:
            await learnt.flush()

    async def start() -> None:
        keep(_FREE_BYTES)
        languages.load()

    return Service(
        "cleaner",
        source=RAW_ARTICLES,
        process=process,
        publishes=(CLEAN_ARTICLES,),
        discard_reasons=DISCARD_REASONS,
        prepare=prepare,
        settled=settled,
        start=start,
        stop=cache.close,
    )


def main() -> None:
    """The worker, as containers run it."""
    run(build)


if __name__ == "__main__":
    main()
