"""A service that does nothing: what it reads it writes. `python -m tests.benchmarks.bare_service`.

Nothing but the engine: the record is decoded and validated, the event encoded and sent with all its headers.
"""

from __future__ import annotations

from schemas.articles import RawArticle
from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES
from services.runtime.service import Emit, Outcome, Publish, Record, Service
from services.runtime.settings import RuntimeSettings
from services.runtime.worker import run


def build(runtime: RuntimeSettings) -> Service[RawArticle]:
    del runtime

    async def process(raw: RawArticle, record: Record) -> Outcome:
        del record
        return Emit((Publish(CLEAN_ARTICLES, raw.url, raw),))

    return Service("cleaner", source=RAW_ARTICLES, process=process, publishes=(CLEAN_ARTICLES,))


if __name__ == "__main__":
    run(build)
