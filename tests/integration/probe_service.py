"""A service for tests of the runtime: each record's `extra.do` says what `process` does with it.

Run as a worker process: `python -m tests.integration.probe_service`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import re

from schemas.articles import CleanArticle, Outlet, RawArticle, main_article_id, page_id
from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES
from services.runtime.service import Discard, Emit, InvalidRecordError, Outcome, Publish, Record, Service
from services.runtime.settings import RuntimeSettings
from services.runtime.worker import run


def build(runtime: RuntimeSettings) -> Service[RawArticle]:
    del runtime

    async def process(raw: RawArticle, record: Record) -> Outcome:
        del record
        what = raw.extra.get("do")
        if what == "raise":
            raise KeyError("poison")
        if what == "invalid":
            raise InvalidRecordError("fetched_at: too far ahead")
        if what == "discard":
            return Discard("unchanged")
        if what == "exit":
            os._exit(1)
        if what == "segfault":
            ctypes.string_at(0)
        if what == "hang":
            # one call of C that keeps the interpreter's lock: no Python thread runs any more
            re.match(r"(a+)+$", "a" * 60 + "b")
        if what == "memory":
            # far more than the limit, and in pieces, as a library would ask for it
            hoard = [bytearray(16 << 20) for _ in range(4096)]
            del hoard
        if what == "sleep":
            await asyncio.sleep(float(raw.extra["seconds"]))
        text = raw.text or ""
        if what == "large":
            text *= int(raw.extra["times"])
        article = CleanArticle(
            article_id=main_article_id(page_id(url_key=raw.url)),
            outlet=Outlet(name="Probe"),
            headline=raw.headline or "",
            text=text,
            fetched_at=raw.fetched_at,
        )
        return Emit((Publish(CLEAN_ARTICLES, article.article_id, article),))

    return Service(
        "cleaner", source=RAW_ARTICLES, process=process, publishes=(CLEAN_ARTICLES,), discard_reasons=("unchanged",)
    )


if __name__ == "__main__":
    run(build)
