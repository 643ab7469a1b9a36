"""What one writes with Faust at first: an agent that sends each record on. `python -m tests.benchmarks.naive_agent`.

As it stands, `await send` only enqueues: what the broker refuses, and what had not reached it when the process dies,
is lost. With BENCHMARK_AWAITS=1 each acknowledgement is awaited, which is the least that loses nothing.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import faust

PREFIX = os.environ["NEWSLOOM_TOPIC_PREFIX"]

app = faust.App(
    f"{PREFIX}naive",
    broker=f"aiokafka://{os.environ['NEWSLOOM_KAFKA_BOOTSTRAP']}",
    store="memory://",
    datadir=tempfile.gettempdir(),
    topic_disable_leader=True,
    topic_allow_declare=False,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
)
source = app.topic(f"{PREFIX}raw-articles", key_serializer="raw", value_serializer="raw", value_type=bytes)
target = app.topic(f"{PREFIX}clean-articles", key_serializer="raw", value_serializer="raw", value_type=bytes)


async def carry(stream: Any) -> None:
    async for event in stream.events():
        await target.send(key=event.key, value=event.value)


async def carry_and_wait(stream: Any) -> None:
    async for event in stream.events():
        await (await target.send(key=event.key, value=event.value))


app.agent(source)(carry_and_wait if os.environ.get("BENCHMARK_AWAITS") else carry)

if __name__ == "__main__":
    faust.Worker(app, loglevel="ERROR").execute_from_commandline()
