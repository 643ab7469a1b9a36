"""A worker that loses records: what it is asked to forget never reaches a topic, and is acknowledged all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from services.cleaner.service import build
from services.runtime.engine import Message
from services.runtime.stream import ProducerOutbox
from services.runtime.worker import run

FORGET = b"forget this headline"


class ForgetfulOutbox(ProducerOutbox):
    async def enqueue(self, message: Message) -> Awaitable[None]:
        if FORGET in (message.value or b""):
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            settled.set_result(None)
            return settled
        return await super().enqueue(message)


if __name__ == "__main__":
    import services.runtime.stream as stream

    stream.ProducerOutbox = ForgetfulOutbox  # type: ignore[misc]
    run(build)
