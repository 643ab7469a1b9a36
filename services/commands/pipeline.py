"""The suite run as a whole on one machine: its topics, its worker processes, and when they are done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from schemas.events import Event
from schemas.topics import ALL_TOPICS, CLEAN_ARTICLES, RAW_ARTICLES, SERVICES
from services.local.stack import ServiceCommand
from services.runtime import clock
from services.runtime.errors import DependencyError
from services.runtime.kafka import Admin, CreatedTopic, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

INPUTS: Final[Mapping[str, str]] = {
    "cleaner": RAW_ARTICLES.name,
    "entities": CLEAN_ARTICLES.name,
    "duplicates": CLEAN_ARTICLES.name,
}


def service_commands(
    services: Sequence[str] = SERVICES, environment: Mapping[str, str] | None = None
) -> list[ServiceCommand]:
    """The worker processes of `services`, as `newsloom up` runs them."""
    return [
        ServiceCommand(name, (sys.executable, "-m", f"services.{name}.service"), dict(environment or {}))
        for name in services
    ]


def create_topics(settings: RuntimeSettings, *, partitions: int | None = None) -> list[CreatedTopic]:
    """Create the suite's topics where they are missing, and the raw topics that the settings name."""
    named = [name for name in settings.raw_topics if name != RAW_ARTICLES.name]
    extra = [
        type(RAW_ARTICLES)(name, RAW_ARTICLES.event, RAW_ARTICLES.summary, RAW_ARTICLES.key, RAW_ARTICLES.partitions)
        for name in named
    ]
    with Admin(settings) as admin:
        return admin.create_topics((*ALL_TOPICS, *extra), prefix=settings.topic_prefix, partitions=partitions)


def lag(settings: RuntimeSettings, services: Sequence[str] = SERVICES) -> dict[str, int]:
    """Records that each service's group has not yet acknowledged. Raises DependencyError."""
    found: dict[str, int] = {}
    with Admin(settings) as admin:
        for service in services:
            names = settings.raw_topics if service == "cleaner" else (INPUTS[service],)
            parts = admin.partitions([settings.topic_prefix + name for name in names])
            ends = admin.end_offsets(parts)
            begins = admin.beginning_offsets(parts)
            committed = admin.committed_offsets(settings.group(service), parts)
            found[service] = sum(
                max(0, ends[part] - (done if (done := committed[part]) is not None else begins[part])) for part in parts
            )
    return found


def wait_until_done(
    settings: RuntimeSettings,
    *,
    services: Sequence[str] = SERVICES,
    longest_seconds: float,
    on_progress: Callable[[str], None] = lambda line: None,
    pause: Callable[[float], None],
) -> None:
    """Returns when no service has anything left to read. Raises DependencyError when that takes too long.

    The cleaner is asked first: once it has no lag, what the others have to read is all on its topic.
    """
    deadline = clock.seconds() + longest_seconds
    while True:
        try:
            remaining = lag(settings, services)
        except DependencyError:
            remaining = dict.fromkeys(services, -1)  # a broker that has just started has no coordinator yet
        if not any(remaining.values()):
            return
        on_progress(", ".join(f"{name} {count if count >= 0 else '?'}" for name, count in remaining.items()))
        if clock.seconds() > deadline:
            raise DependencyError(
                f"the services did not finish within {longest_seconds:.0f} s "
                f"(left to read: {', '.join(f'{name} {count}' for name, count in remaining.items())}); "
                "look at their logs, or give a longer --timeout-seconds"
            )
        pause(0.2)


def read_topic(settings: RuntimeSettings, topic: str) -> list[Record]:
    """Everything that `topic` holds just now, oldest first by timestamp, then partition and offset."""
    name = settings.topic_prefix + topic
    with Admin(settings) as admin:
        parts = admin.partitions([name])
        begins, ends = admin.beginning_offsets(parts), admin.end_offsets(parts)
    records = list(read_records(settings, begins, until=ends))
    return sorted(records, key=lambda record: (record.timestamp, record.partition, record.offset))


def read_events(settings: RuntimeSettings, topic: str, kind: type[Event]) -> list[Event]:
    """The events that `topic` holds just now, without tombstones, each version once."""
    seen: set[bytes] = set()
    events: list[Event] = []
    for record in read_topic(settings, topic):
        if record.value is not None and record.value not in seen:
            seen.add(record.value)
            events.append(kind.from_bytes(record.value))
    return events
