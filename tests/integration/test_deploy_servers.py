"""Kafka and Redis start with the files that docker compose gives them, and do with them what the suite needs."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from schemas.topics import ALL_TOPICS, RAW_ARTICLES
from services.local.broker import Broker
from services.local.ports import free_port
from services.local.redis_server import find_redis_server
from services.local.settings import LocalSettings
from services.runtime.cache import Cache
from services.runtime.kafka import Admin, Publisher, PublishError
from services.runtime.settings import RuntimeSettings
from tests.deployment import DEPLOY, compose, properties
from tests.support import eventually


class ComposeBroker(Broker):
    """A broker with compose's server.properties; only addresses and folders are of this machine."""

    def _write_config(self, path: Path, data: Path, port: int, controller_port: int) -> None:
        config = properties(DEPLOY / "kafka/server.properties") | {
            "log.dirs": str(data),
            "listeners": f"INTERNAL://127.0.0.1:{port},HOST://127.0.0.1:{free_port()}"
            f",CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"INTERNAL://127.0.0.1:{port}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        }
        path.write_text("".join(f"{key}={value}\n" for key, value in config.items()))


def test_composes_kafka_holds_the_suites_topics_and_its_largest_record() -> None:
    with ComposeBroker() as broker:
        settings = RuntimeSettings(kafka_bootstrap=broker.bootstrap)
        with Admin(settings) as admin:
            made = admin.create_topics(ALL_TOPICS)
            assert {topic.outcome for topic in made} == {"created"}
            again = admin.create_topics(ALL_TOPICS)
            assert {topic.outcome for topic in again} == {"exists"}, again
        page = json.dumps({"html": "x" * (RAW_ARTICLES.max_message_bytes - 4096)}).encode()
        with Publisher(settings) as publisher:
            publisher.send(RAW_ARTICLES.name, b"k", page)
            publisher.flush()
            with pytest.raises(PublishError, match="too large"):
                publisher.send(RAW_ARTICLES.name, b"k", page * 2)


@pytest.fixture
def compose_redis(tmp_path: Path) -> Iterator[Callable[[], redis.Redis]]:
    """Starts, and starts again, a Redis as compose's command line does; addresses and folder are of this machine."""
    program = find_redis_server(LocalSettings())
    port = free_port()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> redis.Redis:
        for process in running:
            process.kill()
            process.wait()
        assert compose()["services"]["redis"]["command"] == ["redis-server", "/etc/newsloom/redis.conf"]
        text = (DEPLOY / "redis/redis.conf").read_text()
        assert "\ndir /data\n" in text
        config = tmp_path / "redis.conf"
        config.write_text(text.replace("\ndir /data\n", f"\ndir {tmp_path}\n"))
        with (tmp_path / "redis.log").open("ab") as log:
            own = ["--port", str(port), "--bind", "127.0.0.1"]
            running.append(subprocess.Popen([program, str(config), *own], stdout=log, stderr=log))
        client = redis.Redis(port=port)

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

        eventually(answers, message=(tmp_path / "redis.log").read_text())
        return client

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_composes_redis_is_accepted_and_keeps_its_data_over_a_crash(
    compose_redis: Callable[[], redis.Redis],
) -> None:
    client = compose_redis()
    port = client.connection_pool.connection_kwargs["port"]

    async def check() -> None:
        cache = Cache(RuntimeSettings(redis_url=SecretStr(f"redis://127.0.0.1:{port}/0")), "observer")
        await cache.require_noeviction()
        await cache.close()

    asyncio.run(check())
    assert int(client.config_get("maxmemory")["maxmemory"]) < 1536 * 2**20, "less than the container's limit"
    client.set("newsloom:test", "kept")
    eventually(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0)
    # everysec: what was written a second ago is on the disk
    eventually(lambda: client.info("persistence")["aof_current_size"] > 0)
    client.close()
    client = compose_redis()
    assert client.get("newsloom:test") == b"kept"
    client.close()
