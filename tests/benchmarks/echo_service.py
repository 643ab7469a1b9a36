"""A service that does next to nothing, for measuring what carries it: `python -m tests.benchmarks.echo_service`."""

from __future__ import annotations

from schemas.articles import CleanArticle, Outlet, RawArticle
from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES
from services.runtime.service import Emit, Outcome, Publish, Record, Service
from services.runtime.settings import RuntimeSettings
from services.runtime.worker import run


def echo(raw: RawArticle) -> CleanArticle:
    return CleanArticle(
        article_id=raw.url or "",
        outlet=Outlet(name="Echo"),
        headline="",
        text=raw.text or "",
        fetched_at=raw.fetched_at,
    )


def build(runtime: RuntimeSettings) -> Service[RawArticle]:
    del runtime

    async def process(raw: RawArticle, record: Record) -> Outcome:
        del record
        article = echo(raw)
        return Emit((Publish(CLEAN_ARTICLES, article.article_id, article),))

    return Service("cleaner", source=RAW_ARTICLES, process=process, publishes=(CLEAN_ARTICLES,))


if __name__ == "__main__":
    run(build)
