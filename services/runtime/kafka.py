"""Kafka beside the stream: topics, offsets, publishing, reading. The only module that imports kafka-python."""

# kafka-python has no types: what comes from it is unknown here, and typed before it leaves this module.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import contextlib
import logging
import ssl
import time
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

import kafka
import kafka.errors
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata, OffsetAndTimestamp

from schemas.events import Event, shorten
from schemas.topics import Topic
from services.runtime import clock
from services.runtime.errors import ConfigurationError, DependencyError, SuiteError
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

# a record and its batch's overhead; the topics' own limits are lower
MAX_REQUEST_BYTES: Final = 28 * 1024 * 1024

_COORDINATOR_SECONDS: Final = 10.0
_EARLIEST: Final = -2
_LATEST: Final = -1
_TOPIC_FORBIDDEN: Final = 29  # TOPIC_AUTHORIZATION_FAILED


def connection_options(settings: RuntimeSettings) -> dict[str, Any]:
    """The options that every kafka-python client of `settings` takes."""
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.kafka_bootstrap.split(",")],
        "security_protocol": settings.kafka_security,
        "client_id": "newsloom",
        "bootstrap_timeout_ms": 10_000,
    }
    if (context := tls_context(settings)) is not None:
        options["ssl_context"] = context
    if settings.kafka_security.startswith("SASL"):
        if settings.kafka_username is None or settings.kafka_password is None:
            raise ConfigurationError(
                f"NEWSLOOM_KAFKA_SECURITY is {settings.kafka_security}: "
                "set NEWSLOOM_KAFKA_USERNAME and NEWSLOOM_KAFKA_PASSWORD too"
            )
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return options


def tls_context(settings: RuntimeSettings) -> ssl.SSLContext | None:
    """What TLS to the brokers trusts and shows; None without TLS. Raises ConfigurationError for unreadable files."""
    if not settings.kafka_security.endswith("SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
        if settings.kafka_cert_file:
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"NEWSLOOM_KAFKA_CA_FILE, _CERT_FILE or _KEY_FILE cannot be loaded: {error}; name readable PEM files"
        ) from None
    return context


class _Reasons(logging.Handler):
    """Keeps the exceptions that kafka-python logs: when it cannot connect it raises only that it could not."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        for argument in arguments:
            if isinstance(argument, BaseException):
                self.seen.append(argument)


@contextlib.contextmanager
def _connecting(settings: RuntimeSettings) -> Generator[None]:
    """As `_translated`, for making a client; tells a refusal that will last from a broker that is away."""
    reasons = _Reasons()
    net = logging.getLogger("kafka.net")
    net.addHandler(reasons)
    try:
        with _translated("connect", settings):
            yield
    except DependencyError as error:
        for why in reasons.seen:
            if isinstance(why, kafka.errors.SaslAuthenticationFailedError | kafka.errors.UnsupportedSaslMechanismError):
                raise ConfigurationError(
                    f"Kafka at {settings.kafka_bootstrap} refused the user {settings.kafka_username}: {why}; "
                    "correct NEWSLOOM_KAFKA_USERNAME, NEWSLOOM_KAFKA_PASSWORD or NEWSLOOM_KAFKA_SASL_MECHANISM"
                ) from error
            if "CERTIFICATE_VERIFY_FAILED" in str(why):
                raise ConfigurationError(
                    f"Kafka at {settings.kafka_bootstrap} shows a certificate that is not trusted: {why}; "
                    "name the authority that signed it in NEWSLOOM_KAFKA_CA_FILE"
                ) from error
        raise
    finally:
        net.removeHandler(reasons)


@contextlib.contextmanager
def _translated(operation: str, settings: RuntimeSettings) -> Generator[None]:
    """kafka-python's errors as ours, naming the operation and the broker."""
    try:
        yield
    except (kafka.errors.SaslAuthenticationFailedError, kafka.errors.UnsupportedSaslMechanismError) as error:
        raise ConfigurationError(f"Kafka at {settings.kafka_bootstrap} refused to {operation}: {error}") from error
    except (kafka.errors.KafkaError, OSError) as error:
        said = f"{type(error).__name__}: {error}"
        # an idempotent producer that may write nowhere is told so in words, by an error of no kind of its own
        if "AuthorizationFailedError" in said:
            raise ConfigurationError(
                f"Kafka at {settings.kafka_bootstrap} does not allow this user to {operation} ({said}); "
                "grant the rights that deploy/README.md lists"
            ) from error
        raise DependencyError(
            f"Kafka at {settings.kafka_bootstrap} failed to {operation}: {said}. "
            "Start it (`newsloom up`), or name another in NEWSLOOM_KAFKA_BOOTSTRAP."
        ) from error


@dataclass(frozen=True)
class TopicState:
    """A topic as the broker has it. `config` has the settings that newsloom sets; `records` is end minus beginning."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]
    records: int


@dataclass(frozen=True)
class CreatedTopic:
    """What `create_topics` did with one topic: created it, found it as it should be, or found it different."""

    name: str
    outcome: Literal["created", "exists", "differs"]
    differences: tuple[str, ...] = ()


class Admin:
    """Topics and offsets of one cluster. Use as a context manager. Every method raises DependencyError when the
    cluster does not answer and ConfigurationError when it refuses."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings
        with _connecting(settings):
            self._admin: Any = kafka.KafkaAdminClient(**connection_options(settings), request_timeout_ms=15_000)

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(Exception):
            self._admin.close()

    def topic_names(self) -> frozenset[str]:
        """The names of all topics, without Kafka's own."""
        with _translated("list topics", self._settings):
            return frozenset(name for name in self._admin.list_topics() if not name.startswith("__"))

    def create_topics(
        self,
        topics: Iterable[Topic[Event]],
        *,
        prefix: str = "",
        partitions: int | None = None,
        replication: int = 1,
    ) -> list[CreatedTopic]:
        """Create those of `topics` that are missing, with the settings of schemas/topics.py.

        `partitions` overrides every topic's own count. Existing topics are never changed: growing one breaks the
        order per key, and the runbook says how to do it.
        """
        wanted = {prefix + topic.name: topic for topic in topics}
        missing = sorted(set(wanted) - self.topic_names())
        done: list[CreatedTopic] = []
        if missing:
            with _translated("create topics", self._settings):
                self._admin.create_topics(
                    {
                        name: {
                            "num_partitions": partitions or wanted[name].partitions,
                            "replication_factor": replication,
                            "configs": wanted[name].kafka_config,
                        }
                        for name in missing
                    },
                    raise_errors=True,
                    wait_for_metadata=True,
                )
            done += [CreatedTopic(name, "created") for name in missing]
        existing = sorted(set(wanted) - set(missing))
        for state in self.describe(existing):
            topic = wanted[state.name]
            expected = {**topic.kafka_config, "partitions": str(partitions or topic.partitions)}
            found = {**state.config, "partitions": str(state.partitions)}
            differences = tuple(
                f"{name} is {found.get(name, '-')}, not {value}"
                for name, value in expected.items()
                if found.get(name) != value
            )
            done.append(CreatedTopic(state.name, "differs" if differences else "exists", differences))
        return done

    def describe(self, names: Iterable[str]) -> list[TopicState]:
        """The state of the topics `names`, in their order. Raises ConfigurationError naming one that is missing."""
        names = list(names)
        if not names:
            return []
        with _translated("describe topics", self._settings):
            described = {topic["name"]: topic for topic in self._admin.describe_topics(names)}
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
            configs = self._admin.describe_configs(resources, config_filter="all")
        for name in names:
            if name not in described or not described[name]["partitions"]:
                raise missing_topics([name])
        partitions = {(name, int(part["partition_index"])) for name in names for part in described[name]["partitions"]}
        beginning, end = self.beginning_offsets(partitions), self.end_offsets(partitions)
        by_name = cast(
            "dict[str, dict[str, Any]]", configs.get("topic", configs.get(ConfigResourceType.TOPIC, configs))
        )
        states: list[TopicState] = []
        for name in names:
            own = [part for part in partitions if part[0] == name]
            first = described[name]["partitions"][0]
            states.append(
                TopicState(
                    name=name,
                    partitions=len(own),
                    replication=len(first.get("replica_nodes", ())),
                    config={
                        key: str(value["value"] if isinstance(value, dict) else value)
                        for key, value in by_name.get(name, {}).items()
                    },
                    records=sum(end[part] - beginning[part] for part in own),
                )
            )
        return states

    def partitions(self, topics: Iterable[str]) -> set[tuple[str, int]]:
        """Every partition of `topics`, as (topic, number). Raises ConfigurationError naming a topic that is missing."""
        names = list(topics)
        with _translated("describe topics", self._settings):
            described = self._admin.describe_topics(names)
        forbidden = [str(topic["name"]) for topic in described if topic.get("error_code") == _TOPIC_FORBIDDEN]
        if forbidden:
            raise ConfigurationError(
                f"Kafka at {self._settings.kafka_bootstrap} does not let this user see {', '.join(sorted(forbidden))}; "
                "grant the rights that deploy/README.md lists"
            )
        found = {(topic["name"], int(part["partition_index"])) for topic in described for part in topic["partitions"]}
        if missing := [name for name in names if all(name != topic for topic, _ in found)]:
            raise missing_topics(missing)
        return found

    def beginning_offsets(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The first offset that each partition still holds."""
        return self._offsets(partitions, _EARLIEST)

    def end_offsets(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The offset after each partition's last record."""
        return self._offsets(partitions, _LATEST)

    def offsets_since(self, partitions: Iterable[tuple[str, int]], timestamp_ms: int) -> dict[tuple[str, int], int]:
        """The first offset of each partition whose record is not older than `timestamp_ms`; its end when all are."""
        wanted = list(partitions)
        ends = self.end_offsets(wanted)
        found = self._offsets(wanted, max(0, timestamp_ms))
        return {part: found[part] if found.get(part, -1) >= 0 else ends[part] for part in wanted}

    def offsets_at(self, partitions: Iterable[tuple[str, int]], instant: datetime) -> dict[tuple[str, int], int]:
        """The first offset of each partition whose record is of `instant` or later; the end where there is none."""
        partitions = list(partitions)
        ends = self.end_offsets(partitions)
        found = self._offsets(partitions, int(instant.timestamp() * 1000))
        return {part: offset if offset >= 0 else ends[part] for part, offset in found.items()}

    def delete_records(self, before: Mapping[tuple[str, int], int]) -> None:
        """Delete the records of each partition before the given offset, for good."""
        if not before:
            return
        with _translated("delete records", self._settings):
            self._admin.delete_records({TopicPartition(*part): offset for part, offset in before.items()})

    def group_members(self, group: str) -> int:
        """How many workers the group has; 0 for a group that nobody has joined."""
        with _translated("describe the group", self._settings):
            found = cast("dict[str, dict[str, Any]]", self._admin.describe_groups([group]))
        return len(found[group].get("members") or ())

    def _offsets(self, partitions: Iterable[tuple[str, int]], at: int) -> dict[tuple[str, int], int]:
        specs = {TopicPartition(topic, number): at for topic, number in partitions}
        if not specs:
            return {}
        with _translated("list offsets", self._settings):
            found = cast("dict[TopicPartition, OffsetAndTimestamp]", self._admin.list_partition_offsets(specs))
        return {(part.topic, part.partition): int(offset.offset) for part, offset in found.items()}

    def committed_offsets(self, group: str, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int | None]:
        """What `group` has committed for each partition; None where it has committed nothing."""
        return {part: offset for part, (offset, _) in self.committed(group, partitions).items()}

    def committed(
        self, group: str, partitions: Iterable[tuple[str, int]]
    ) -> dict[tuple[str, int], tuple[int | None, str]]:
        """What `group` has committed for each partition, None for nothing, with the text committed beside it."""
        wanted = [TopicPartition(topic, number) for topic, number in partitions]
        if not wanted:
            return {}
        deadline = clock.seconds() + _COORDINATOR_SECONDS
        while True:
            try:
                with _translated("list the group's offsets", self._settings):
                    found = cast(
                        "dict[TopicPartition, OffsetAndMetadata]",
                        self._admin.list_group_offsets({group: wanted})[group],
                    )
                break
            except DependencyError as error:
                # a broker that no group has used yet makes its offsets topic when it is first asked
                absent = isinstance(error.__cause__, kafka.errors.CoordinatorNotAvailableError)
                if not absent or clock.seconds() > deadline:
                    raise
                time.sleep(0.2)
        offsets = {
            (part.topic, part.partition): (int(offset.offset), str(offset.metadata or ""))
            for part, offset in found.items()
            if int(offset.offset) >= 0
        }
        nothing: tuple[int | None, str] = (None, "")
        return {(part.topic, part.partition): offsets.get((part.topic, part.partition), nothing) for part in wanted}


def missing_topics(names: Iterable[str]) -> ConfigurationError:
    """The error for topics that the broker does not have."""
    return ConfigurationError(
        f"no topic {', '.join(sorted(names))} on the broker; "
        "create the suite's with `newsloom topics create`, or correct the name"
    )


class PublishError(SuiteError):
    """The broker would not take a record, now and always: too large, or not a record of the topic."""


class Publisher:
    """Writes records with every replica's acknowledgement, in order per key. Use as a context manager."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings
        with _connecting(settings):
            self._producer: Any = kafka.KafkaProducer(
                **connection_options(settings),
                acks="all",
                linger_ms=5,
                batch_size=256 * 1024,
                max_request_size=MAX_REQUEST_BYTES,
                compression_type=None if settings.compression == "none" else settings.compression,
                delivery_timeout_ms=60_000,
                max_block_ms=30_000,
                allow_auto_create_topics=False,
            )
        self._futures: list[tuple[Any, str, bytes | None]] = []

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(Exception):
            self._producer.close(timeout=10)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]] = (),
        *,
        partition: int | None = None,
    ) -> None:
        """Queue one record; `flush` says whether it arrived.

        Raises DependencyError, PublishError and ConfigurationError.
        """
        try:
            with _translated(f"write to {topic}", self._settings):
                future = self._producer.send(topic, value=value, key=key, headers=list(headers), partition=partition)
        except DependencyError as error:
            raise _refusal(error, topic, key, value) from None
        self._futures.append((future, topic, key))
        if len(self._futures) >= 2000:
            self.flush()

    def send_now(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]] = (),
        *,
        partition: int | None = None,
    ) -> tuple[int, int]:
        """Send one record and wait until it is on its topic; its partition and offset. Raises as `send` does."""
        self.flush()
        self.send(topic, key, value, headers, partition=partition)
        return self.flush()[-1]

    def flush(self) -> list[tuple[int, int]]:
        """Waits until everything sent is on its topic: partition and offset of each record since the last flush.

        `send` flushes by itself after 2000 records. Raises as `send` does for the first record that did not arrive.
        """
        with _translated("publish", self._settings):
            self._producer.flush(timeout=90)
        waiting, self._futures = self._futures, []
        places: list[tuple[int, int]] = []
        for future, topic, key in waiting:
            try:
                with _translated(f"write to {topic}", self._settings):
                    written: Any = future.get(timeout=90)
            except DependencyError as error:
                raise _refusal(error, topic, key, None) from None
            places.append((int(written.partition), int(written.offset)))
        return places


def _refusal(error: DependencyError, topic: str, key: bytes | None, value: bytes | None) -> SuiteError:
    cause = error.__cause__
    if isinstance(cause, kafka.errors.MessageSizeTooLargeError | kafka.errors.RecordListTooLargeError):
        size = f" of {len(value)} bytes" if value is not None else ""
        return PublishError(f"{topic}: a record{size} (key {shorten(key)}) is too large for the topic")
    if isinstance(cause, kafka.errors.UnknownTopicOrPartitionError) or "not found in cluster metadata" in str(error):
        return missing_topics([topic])
    return error


def commit_offsets(
    settings: RuntimeSettings,
    group: str,
    offsets: Mapping[tuple[str, int], int],
    texts: Mapping[tuple[str, int], str] | None = None,
) -> None:
    """Commit `offsets` for `group`, which nobody may be a member of, each with its text. Raises as `Admin` does."""
    with _connecting(settings):
        consumer: Any = kafka.KafkaConsumer(**connection_options(settings), group_id=group, enable_auto_commit=False)
    try:
        with _translated("commit offsets", settings):
            consumer.assign([TopicPartition(*part) for part in offsets])
            consumer.commit(
                {
                    TopicPartition(*part): OffsetAndMetadata(offset, (texts or {}).get(part, ""), -1)
                    for part, offset in offsets.items()
                }
            )
    finally:
        with contextlib.suppress(Exception):
            consumer.close()


def read_records(
    settings: RuntimeSettings,
    positions: Mapping[tuple[str, int], int],
    *,
    until: Mapping[tuple[str, int], int] | None = None,
    idle_seconds: float | None = None,
    fetch_bytes: int = 4 * 1024 * 1024,
) -> Generator[Record]:
    """The records of the partitions in `positions`, from the given offsets on, without a consumer group.

    With `until`, up to those offsets, exclusive; without, for ever, or until nothing came for `idle_seconds`. Order
    holds within a partition. One fetch asks for at most `fetch_bytes` of a partition, or one batch of records where
    that is larger. Raises DependencyError when the broker does not answer.
    """
    remaining = {part: until[part] for part in positions if positions[part] < until[part]} if until is not None else {}
    if until is not None and not remaining:
        return
    with _connecting(settings):
        consumer: Any = kafka.KafkaConsumer(
            **connection_options(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_partition_fetch_bytes=fetch_bytes,
        )
    try:
        parts = [TopicPartition(*part) for part in (remaining or positions)]
        with _translated("read", settings):
            consumer.assign(parts)
            for part in parts:
                consumer.seek(part, positions[part.topic, part.partition])
        last = clock.seconds()
        while True:
            with _translated("read", settings):
                polled = cast("dict[TopicPartition, list[Any]]", consumer.poll(timeout_ms=250, max_records=500))
            for records in polled.values():
                for record in records:
                    end = remaining.get((record.topic, record.partition))
                    if until is None or (end is not None and record.offset < end):
                        yield _record(record)
            if polled:
                last = clock.seconds()
            if until is not None:
                # a compacted or transactional log has gaps, so the position says when an end is reached, not a record
                for part in parts:
                    place = (part.topic, part.partition)
                    if place in remaining and consumer.position(part) >= remaining[place]:
                        del remaining[place]
                        consumer.pause(part)
                if not remaining:
                    return
            elif idle_seconds is not None and clock.seconds() - last > idle_seconds:
                return
    finally:
        with contextlib.suppress(Exception):
            consumer.close()


def _record(record: Any) -> Record:
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
        timestamp=datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC),
    )
