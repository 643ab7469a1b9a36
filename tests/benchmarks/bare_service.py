"""A service that does nothing: what it reads it writes. `python -m tests.benchmarks.bare_service`.

Nothing but the engine: the record is decoded and validated, the event encoded and sent with all its headers. With
BENCHMARK_WORK_MS each record takes as long besides.
"""

from __future__ import annotations

import os
import time

from schemas.articles import RawArticle
from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES
from services.runtime.service import Emit, Outcome, Publish, Record, Service
from services.runtime.settings import RuntimeSettings
from services.runtime.worker import run


def build(runtime: RuntimeSettings) -> Service[RawArticle]:
    del runtime
    work_seconds = float(os.environ.get("BENCHMARK_WORK_MS", "0")) / 1000

    async def process(raw: RawArticle, record: Record) -> Outcome:
        del record
        if work_seconds:
            time.sleep(work_seconds)
        return Emit((Publish(CLEAN_ARTICLES, raw.url, raw),))

    return Service("cleaner", source=RAW_ARTICLES, process=process, publishes=(CLEAN_ARTICLES,))


if __name__ == "__main__":
    run(build)
