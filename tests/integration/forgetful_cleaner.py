"""A worker that loses records: it emits an empty outcome for those that ask for it, and acknowledges them."""

from __future__ import annotations

from schemas.articles import RawArticle
from services.cleaner.service import build
from services.runtime.service import Emit, Outcome, Record, Service
from services.runtime.settings import RuntimeSettings
from services.runtime.worker import run


def forgetful(runtime: RuntimeSettings) -> Service[RawArticle]:
    service = build(runtime)
    process = service.process

    async def forget(raw: RawArticle, record: Record) -> Outcome:
        if raw.extra.get("do") == "forget":
            return Emit(())
        return await process(raw, record)

    object.__setattr__(service, "process", forget)
    return service


if __name__ == "__main__":
    run(forgetful)
