"""The embedded Kafka and Redis: real ones, and gone when they should be."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from services.local import broker as broker_module
from services.local import servers as servers_module
from services.local.broker import Broker
from services.local.errors import StartFailed
from services.local.maven import KAFKA_JARS, fetch
from services.local.ports import free_port, is_free
from services.local.processes import start_time
from services.local.redis_server import RedisServer
from services.local.settings import LocalSettings
from tests.support import eventually


def create_topic(bootstrap: str, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        admin.close()


def publish(bootstrap: str, topic: str, *values: bytes) -> list[int]:
    producer = KafkaProducer(bootstrap_servers=bootstrap, max_request_size=30 * 2**20)
    try:
        return [producer.send(topic, value).get(20).offset for value in values]
    finally:
        producer.close()


def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        consumer.assign([TopicPartition(topic, 0)])
        found: list[bytes] = []

        def poll() -> bool:
            for records in consumer.poll(200).values():
                found.extend(record.value for record in records)
            return len(found) >= count

        eventually(poll, within_seconds=20)
        return found
    finally:
        consumer.close()


def test_a_record_is_acknowledged_and_read_back(kafka: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}records"
    create_topic(kafka.bootstrap, topic)
    assert publish(kafka.bootstrap, topic, b"first", b"second") == [0, 1]
    assert read(kafka.bootstrap, topic, 2) == [b"first", b"second"]


def test_a_record_of_24_mib_passes(kafka: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}large"
    create_topic(kafka.bootstrap, topic)
    page = os.urandom(24 * 2**20)
    publish(kafka.bootstrap, topic, page)
    assert read(kafka.bootstrap, topic, 1) == [page]


def test_a_topic_that_nobody_created_does_not_come_into_being(kafka: Broker, topic_prefix: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap)
    try:
        consumer.subscribe([f"{topic_prefix}missing"])
        consumer.poll(1000)
        assert f"{topic_prefix}missing" not in consumer.topics()
    finally:
        consumer.close()


def test_records_and_port_outlive_a_restart_and_a_kill(fresh_broker: Callable[..., Broker]) -> None:
    broker = fresh_broker()
    bootstrap = broker.bootstrap
    create_topic(bootstrap, "records")
    publish(bootstrap, "records", b"before")
    broker.restart()
    assert broker.bootstrap == bootstrap
    publish(bootstrap, "records", b"after a restart")
    broker.kill()
    assert not broker.alive
    broker.start()
    assert broker.bootstrap == bootstrap
    publish(bootstrap, "records", b"after a kill")
    assert read(bootstrap, "records", 3) == [b"before", b"after a restart", b"after a kill"]


def test_a_closed_server_leaves_no_process_no_port_and_no_folder() -> None:
    with Broker() as broker, RedisServer() as server:
        pids = broker.pid, server.pid
        ports = broker.port, server.port
        folders = broker.folder, server.folder
        assert all(start_time(pid) for pid in pids if pid)
        assert not any(is_free(port) for port in ports)
    assert not any(start_time(pid) for pid in pids if pid)
    assert all(is_free(port) for port in ports)
    assert not any(folder.exists() for folder in folders)


@pytest.mark.long
def test_the_first_stop_makes_later_starts_faster(tmp_path: Path) -> None:
    settings = LocalSettings(cache_folder=tmp_path)
    jars = fetch(KAFKA_JARS, LocalSettings())[0].parent
    (tmp_path / jars.name).symlink_to(jars)

    def fast_starts() -> list[Path]:
        return list(tmp_path.glob("kafka-fast-start-*.aot"))

    with Broker(settings) as broker:
        assert "-XX:AOTCacheOutput" in " ".join(command_line(broker))
        broker.kill()
    assert fast_starts() == []  # a crash leaves no half of it
    with Broker(settings):
        pass
    assert len(fast_starts()) == 1
    assert not list(tmp_path.glob("*.too-slow"))
    with Broker(settings) as later:
        assert f"-XX:AOTCache={fast_starts()[0]}" in command_line(later)
        assert "[aot" not in later.log.read_text()  # where Java says why it cannot use one
        if sys.platform != "linux":
            return  # only there a process tells what it has mapped
        maps = {Path(entry.path) for entry in psutil.Process(later.pid).memory_maps()}
        assert fast_starts()[0] in maps


@pytest.mark.long
def test_a_machine_too_slow_for_that_tries_it_once(tmp_path: Path) -> None:
    settings = LocalSettings(cache_folder=tmp_path, stop_timeout_seconds=0.5)
    jars = fetch(KAFKA_JARS, LocalSettings())[0].parent
    (tmp_path / jars.name).symlink_to(jars)
    with Broker(settings) as broker:
        assert "-XX:AOTCacheOutput" in " ".join(command_line(broker))
        broker.stop()
        broker.start()
        assert "-XX:AOT" not in " ".join(command_line(broker))
    assert not list(tmp_path.glob("*.aot"))


def command_line(broker: Broker) -> list[str]:
    """The broker's own, once the process that started it has become Java."""
    return eventually(lambda: (line := psutil.Process(broker.pid).cmdline()) and "kafka.Kafka" in line and line, 5)


def test_redis_refuses_writes_when_full_and_evicts_nothing(fresh_redis: Callable[..., RedisServer]) -> None:
    with redis.Redis.from_url(fresh_redis(arguments=("--maxmemory", "3mb")).url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        written = 0

        def fill() -> None:
            nonlocal written
            for number in range(100):
                client.set(f"key-{number}", b"x" * 100_000)
                written += 1

        with pytest.raises(redis.ResponseError, match="maxmemory"):
            fill()
        assert written > 0
        assert client.dbsize() == written


def test_a_port_lost_to_somebody_faster_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between choosing a port and the server's bind anybody may take it: here the broker's, then its controller's."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        taken = somebody.getsockname()[1]
        own = free_port()
        choices = iter([taken, free_port(), own, own, taken, free_port(), free_port()])
        monkeypatch.setattr(broker_module, "free_port", lambda: next(choices))
        monkeypatch.setattr(servers_module, "free_port", lambda: next(choices))
        with Broker() as broker:
            assert broker.log.read_text().count("Address already in use") >= 2
            assert broker.port == own
            create_topic(broker.bootstrap, "records")
            assert publish(broker.bootstrap, "records", b"first") == [0]


def test_a_port_that_clients_know_is_never_replaced(fresh_redis: Callable[..., RedisServer]) -> None:
    server = fresh_redis()
    port = server.port
    server.kill()
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        somebody.bind(("127.0.0.1", port))
        somebody.listen()
        with pytest.raises(StartFailed, match=f"another program has taken port {port}"):
            server.start()
    server.start()
    assert server.port == port


def test_a_server_that_ends_while_starting_is_told_with_its_last_words() -> None:
    with pytest.raises(StartFailed, match=r"redis ended with exit code 1 while starting.*no-such-option"):
        RedisServer(arguments=("--no-such-option", "1")).__enter__()


def test_a_server_that_does_not_answer_in_time_is_ended() -> None:
    broker = Broker(LocalSettings(start_timeout_seconds=0.1))
    with (
        pytest.raises(StartFailed, match=r"did not answer within 0\.1 s; NEWSLOOM_LOCAL_START_TIMEOUT_SECONDS"),
        broker,
    ):
        pass
    assert not broker.alive
    assert not broker.folder.exists()


def test_redis_keeps_its_data_over_a_restart_only_when_told(fresh_redis: Callable[..., RedisServer]) -> None:
    for append_only in (True, False):
        server = fresh_redis(append_only=append_only)
        url = server.url
        with redis.Redis.from_url(url) as client:
            client.set("key", "value")
        server.restart()
        assert server.url == url
        with redis.Redis.from_url(url) as client:
            assert client.get("key") == (b"value" if append_only else None)


def test_a_test_starts_with_an_empty_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
