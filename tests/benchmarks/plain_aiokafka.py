"""The least that carries a record with aiokafka and loses none: `python -m tests.benchmarks.plain_aiokafka`.

Takes what there is, sends each record on unread, waits for the acknowledgements, commits. No decoding, no headers, no
metrics, no dead letters: what is left above the engine's time is what the engine does.
"""

from __future__ import annotations

import asyncio
import os

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

PREFIX = os.environ["NEWSLOOM_TOPIC_PREFIX"]


async def carry() -> None:
    servers = os.environ["NEWSLOOM_KAFKA_BOOTSTRAP"]
    consumer = AIOKafkaConsumer(
        f"{PREFIX}raw-articles",
        bootstrap_servers=servers,
        group_id=f"{PREFIX}plain",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", max_batch_size=1024 * 1024)
    await consumer.start()
    await producer.start()
    while True:
        sent = [
            await producer.send(f"{PREFIX}clean-articles", record.value, record.key)
            for records in (await consumer.getmany(timeout_ms=1000, max_records=1024)).values()
            for record in records
        ]
        for settled in sent:
            await settled
        if sent:
            await consumer.commit()


if __name__ == "__main__":
    asyncio.run(carry())
