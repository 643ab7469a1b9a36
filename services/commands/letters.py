"""Putting dead letters back, and clearing them away."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.dead_letters import (
    DEAD_LETTER_HEADERS,
    ERROR_CLASS,
    ERROR_PARTITION,
    ERROR_TOPIC,
    REASON,
    REPLAYS,
    UNREADABLE,
)
from schemas.events import InvalidEventError
from schemas.topics import EVENT_TOPICS, dead_letters
from services.commands.notes import Noted
from services.commands.pipeline import INPUTS
from services.commands.reading import InputError
from services.commands.records import read_one
from services.runtime.errors import ConfigurationError, SuiteError
from services.runtime.kafka import Admin, Publisher, commit_offsets, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

_ID: Final = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class Replayed:
    """What a replay did. `refused` were replayed as often as allowed already, or do not say where they came from."""

    replayed: int
    refused: tuple[str, ...]
    left: int
    skipped: int
    """Letters that were chosen and that an earlier replay had put back."""
    places: tuple[tuple[str, str], ...] = ()
    """Where each of the `ids` that were asked for lies now: id, topic/partition/offset."""
    unnoted: int = 0
    """Letters put back of which Kafka's note has no room to say so."""


@dataclass(frozen=True)
class Purged:
    """What a purge did, and why it left what it left: a line for each reason."""

    deleted: int
    kept: tuple[str, ...]


def replay_group(settings: RuntimeSettings, service: str) -> str:
    """The group whose committed offsets, with the texts beside them, say which dead letters were replayed."""
    return f"{settings.group(service)}-replay"


def replayed_letters(
    settings: RuntimeSettings, service: str, admin: Admin, beginning: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], Noted]:
    """Which dead letters of `service` were replayed, for each partition; `beginning` is the first it holds."""
    committed = admin.committed(replay_group(settings, service), beginning)
    return {part: Noted.read(*committed[part], beginning=first) for part, first in beginning.items()}


def replay(
    settings: RuntimeSettings,
    service: str,
    *,
    reasons: Collection[str] = (),
    ids: Collection[str] = (),
    limit: int | None = None,
    most_replays: int = 3,
    value: bytes | None = None,
    on_progress: Callable[[str], None] = lambda line: None,
) -> Replayed:
    """Put dead letters of `service` back on the topic and the partition they came from, oldest first.

    The record goes back as it came: key, value, its own headers; what the dead letter added is stripped, and
    `newsloom.replays` counts. One that was replayed `most_replays` times before is refused: it would go round for ever.
    A letter that an earlier replay put back is skipped, unless it is one of `ids`. With `value`, the one letter of
    `ids` goes back with that in the place of its own, however often it was replayed. Raises SuiteError for an id that
    is not there.
    """
    topic = settings.topic_prefix + dead_letters(service).name
    group = replay_group(settings, service)
    with Admin(settings) as admin:
        parts = admin.partitions([topic])
        beginning, ends = admin.beginning_offsets(parts), admin.end_offsets(parts)
        noted = replayed_letters(settings, service, admin, beginning)
        # what a replay of all has passed by need not be read
        begins = beginning if reasons or ids else {part: note.position for part, note in noted.items()}
        letters = sorted(
            read_records(settings, begins, until=ends),
            key=lambda record: (record.timestamp, record.partition, record.offset),
        )
        found = [letter for letter in letters if _is_chosen(letter, reasons, ids)]
        chosen = found if ids else [letter for letter in found if letter.offset not in noted[_partition(letter)]]
        skipped = len(found) - len(chosen) + sum(begins[part] - beginning[part] for part in parts)
        if missing := set(ids) - {_id(letter) for letter in chosen}:
            raise no_letters(service, missing)
        targets = {_header(letter, ERROR_TOPIC) for letter in chosen} - {""}
        known = admin.partitions(targets) if targets else set[tuple[str, int]]()
    done, refused, places = 0, list[str](), list[tuple[str, str]]()
    sent: dict[tuple[str, int], set[int]] = {}
    with Publisher(settings) as publisher:
        for letter in chosen:
            if done == limit:
                break
            why = _refusal(letter, most_replays, is_corrected=value is not None)
            if why is not None:
                refused.append(f"{_id(letter)}: {why}")
                continue
            target, partition = _header(letter, ERROR_TOPIC), int(_header(letter, ERROR_PARTITION))
            replays = _replays(letter) + 1
            headers = [(name, value) for name, value in letter.headers if name not in (*DEAD_LETTER_HEADERS, REPLAYS)]
            put_back = letter.value if value is None else value
            record = target, letter.key, put_back, [*headers, (REPLAYS, str(replays).encode())]
            back_to = partition if (target, partition) in known else None
            if ids:
                number, offset = publisher.send_now(*record, partition=back_to)
                places.append((_id(letter), f"{target}/{number}/{offset}"))
            else:
                publisher.send(*record, partition=back_to)
            sent.setdefault(_partition(letter), set()).add(letter.offset)
            done += 1
            on_progress(f"{done} records")
        publisher.flush()
    notes = {part: noted[part].adding(offsets) for part, offsets in sent.items()}
    fitting = {part: note.fitting() for part, note in notes.items()}
    if fitting:
        offsets = {part: note.position for part, note in fitting.items()}
        commit_offsets(settings, group, offsets, {part: note.text() for part, note in fitting.items()})
    return Replayed(
        replayed=done,
        refused=tuple(refused),
        left=len(chosen) - done - len(refused),
        skipped=skipped,
        places=tuple(places),
        unnoted=sum(len(notes[part].ahead) - len(note.ahead) for part, note in fitting.items()),
    )


def corrected_value(service: str, path: str) -> bytes:
    """The value in the file `path` ("-" for standard input), without the white space around it, for `replay`.

    Raises InputError for one that `service` could not read either: it would only die again.
    """
    try:
        value = (sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()).strip()
    except OSError as error:
        raise ConfigurationError(f"--value {path}: {error.strerror}; name a file that can be read") from None
    [event] = [topic.event for topic in EVENT_TOPICS if topic.name == INPUTS[service] and topic.event is not None]
    try:
        event.from_bytes(value)
    except InvalidEventError as error:
        raise InputError(f"--value {path}: {error}") from None
    return value


def letter_value(settings: RuntimeSettings, service: str, id: str) -> bytes:
    """The value of the dead letter `id`, byte for byte. Raises SuiteError for an id that is not there."""
    topic = settings.topic_prefix + dead_letters(service).name
    if match := _ID.fullmatch(id):
        place, offset = (topic, int(match[1])), int(match[2])
        with Admin(settings) as admin:
            is_there = place in admin.partitions([topic]) and (
                admin.beginning_offsets([place])[place] <= offset < admin.end_offsets([place])[place]
            )
        if is_there:
            return read_one(settings, place, offset).value or b""
    raise no_letters(service, [id])


def no_letters(service: str, ids: Iterable[str]) -> SuiteError:
    """The error for ids that the dead letters of `service` do not have."""
    return SuiteError(
        f"no dead letter {', '.join(sorted(ids))} of the {service}; "
        f"`newsloom dead-letters list {service}` prints the ids"
    )


def purge(settings: RuntimeSettings, service: str, *, everything: bool = False) -> Purged:
    """Delete the dead letters that were replayed, or `everything`. They cannot be had back.

    Kafka deletes what lies before an offset and nothing else: a letter that was replayed stays as long as one that was
    not lies before it in its partition.
    """
    topic = settings.topic_prefix + dead_letters(service).name
    with Admin(settings) as admin:
        parts = admin.partitions([topic])
        beginning, ends = admin.beginning_offsets(parts), admin.end_offsets(parts)
        noted = replayed_letters(settings, service, admin, beginning)
        before = {part: ends[part] if everything else min(noted[part].position, ends[part]) for part in parts}
        before = {part: offset for part, offset in before.items() if offset > beginning[part]}
        admin.delete_records(before)
    deleted = sum(offset - beginning[part] for part, offset in before.items())
    left = sum(ends[part] - beginning[part] for part in parts) - deleted
    kept = [_why_kept(part[1], noted[part]) for part in sorted(parts) if noted[part].ahead and not everything]
    if not deleted and not left:
        kept = [f"{topic} holds none"]
    elif not deleted and not kept:
        kept = [
            f"none of the {left} was replayed yet: `newsloom dead-letters replay {service}` puts them back, "
            "--all deletes them all the same"
        ]
    return Purged(deleted, tuple(kept))


def _why_kept(partition: int, noted: Noted) -> str:
    count, first = len(noted.ahead), f"{partition}/{noted.position}"
    which = f"{partition}/{min(noted.ahead)}" + (f" and {count - 1} more behind it" if count > 1 else "")
    return (
        f"{which} {'was' if count == 1 else 'were'} replayed, and {first} was not: Kafka deletes only what lies before "
        f"an offset; replay {first} too, or delete all with --all"
    )


def _is_chosen(letter: Record, reasons: Collection[str], ids: Collection[str]) -> bool:
    return (not ids or _id(letter) in ids) and (not reasons or _header(letter, REASON) in reasons)


def _refusal(letter: Record, most_replays: int, *, is_corrected: bool) -> str | None:
    if not _header(letter, ERROR_TOPIC) or not _header(letter, ERROR_PARTITION).isdecimal():
        return f"its headers do not say where it came from ({ERROR_TOPIC})"
    if is_corrected:
        return None
    if _header(letter, ERROR_CLASS) == UNREADABLE:
        return (
            "its bytes could not be read from Kafka, so the letter is empty; publish the record again, or give its "
            "value with --value"
        )
    if (replays := _replays(letter)) >= most_replays:
        return (
            f"it was replayed {replays} times and failed each time; correct the record (--value) or raise "
            "--most-replays"
        )
    return None


def _replays(letter: Record) -> int:
    text = _header(letter, REPLAYS)
    return int(text) if text.isdecimal() else 0


def _partition(letter: Record) -> tuple[str, int]:
    return letter.topic, letter.partition


def _id(letter: Record) -> str:
    return f"{letter.partition}/{letter.offset}"


def _header(letter: Record, name: str) -> str:
    return dict(letter.headers).get(name, b"").decode(errors="replace")
