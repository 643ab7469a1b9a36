"""Putting dead letters back, and clearing them away."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from schemas.dead_letters import (
    DEAD_LETTER_HEADERS,
    ERROR_CLASS,
    ERROR_PARTITION,
    ERROR_TOPIC,
    REASON,
    REPLAYS,
    UNREADABLE,
)
from schemas.topics import dead_letters
from services.runtime.errors import SuiteError
from services.runtime.kafka import Admin, Publisher, commit_offsets, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings


@dataclass(frozen=True)
class Replayed:
    """What a replay did. `refused` were replayed as often as allowed already, or do not say where they came from."""

    replayed: int
    refused: tuple[str, ...]
    left: int
    places: tuple[tuple[str, str], ...] = ()
    """Where each of the `ids` that were asked for lies now: id, topic/partition/offset."""


def replay_group(settings: RuntimeSettings, service: str) -> str:
    """The group whose committed offsets say how far the dead letters of `service` have been replayed."""
    return f"{settings.group(service)}-replay"


def replay(
    settings: RuntimeSettings,
    service: str,
    *,
    reasons: Collection[str] = (),
    ids: Collection[str] = (),
    limit: int | None = None,
    most_replays: int = 3,
    on_progress: Callable[[str], None] = lambda line: None,
) -> Replayed:
    """Put dead letters of `service` back on the topic and the partition they came from, oldest first.

    The record goes back as it came: key, value, its own headers; what the dead letter added is stripped, and
    `newsloom.replays` counts. One that was replayed `most_replays` times before is refused: it would go round for ever.
    Without `reasons` and `ids`, everything that no earlier replay has passed; with them, whatever of it the topic
    holds. Raises SuiteError for an id that is not there.
    """
    topic = settings.topic_prefix + dead_letters(service).name
    group = replay_group(settings, service)
    with Admin(settings) as admin:
        parts = admin.partitions([topic])
        beginning, ends = admin.beginning_offsets(parts), admin.end_offsets(parts)
        passed = admin.committed_offsets(group, parts)
        is_whole = not reasons and not ids
        begins = {part: max(beginning[part], passed[part] or 0) if is_whole else beginning[part] for part in parts}
        letters = sorted(
            read_records(settings, begins, until=ends),
            key=lambda record: (record.timestamp, record.partition, record.offset),
        )
        chosen = [letter for letter in letters if _is_chosen(letter, reasons, ids)]
        if missing := set(ids) - {_id(letter) for letter in chosen}:
            raise SuiteError(
                f"no dead letter {', '.join(sorted(missing))} of the {service}; "
                f"`newsloom dead-letters list {service}` prints the ids"
            )
        targets = {_header(letter, ERROR_TOPIC) for letter in chosen} - {""}
        known = admin.partitions(targets) if targets else set[tuple[str, int]]()
    done, refused, places = 0, list[str](), list[tuple[str, str]]()
    reached = dict(begins)
    with Publisher(settings) as publisher:
        for letter in chosen if limit is None else chosen[:limit]:
            why = _refusal(letter, most_replays)
            if why is not None:
                refused.append(f"{_id(letter)}: {why}")
            else:
                target, partition = _header(letter, ERROR_TOPIC), int(_header(letter, ERROR_PARTITION))
                replays = _replays(letter) + 1
                headers = [
                    (name, value) for name, value in letter.headers if name not in (*DEAD_LETTER_HEADERS, REPLAYS)
                ]
                record = target, letter.key, letter.value, [*headers, (REPLAYS, str(replays).encode())]
                back_to = partition if (target, partition) in known else None
                if ids:
                    number, offset = publisher.send_now(*record, partition=back_to)
                    places.append((_id(letter), f"{target}/{number}/{offset}"))
                else:
                    publisher.send(*record, partition=back_to)
                done += 1
                on_progress(f"{done} records")
            reached[letter.topic, letter.partition] = letter.offset + 1
        publisher.flush()
    if is_whole:
        commit_offsets(settings, group, reached)
    return Replayed(done, tuple(refused), len(chosen) - done - len(refused), tuple(places))


def purge(settings: RuntimeSettings, service: str, *, everything: bool = False) -> int:
    """Delete the dead letters that were replayed, or `everything`; how many went. They cannot be had back."""
    topic = settings.topic_prefix + dead_letters(service).name
    with Admin(settings) as admin:
        parts = admin.partitions([topic])
        beginning, ends = admin.beginning_offsets(parts), admin.end_offsets(parts)
        passed = admin.committed_offsets(replay_group(settings, service), parts)
        before = {part: ends[part] if everything else min(passed[part] or 0, ends[part]) for part in parts}
        before = {part: offset for part, offset in before.items() if offset > beginning[part]}
        admin.delete_records(before)
    return sum(offset - beginning[part] for part, offset in before.items())


def _is_chosen(letter: Record, reasons: Collection[str], ids: Collection[str]) -> bool:
    return (not ids or _id(letter) in ids) and (not reasons or _header(letter, REASON) in reasons)


def _refusal(letter: Record, most_replays: int) -> str | None:
    if not _header(letter, ERROR_TOPIC) or not _header(letter, ERROR_PARTITION).isdecimal():
        return f"its headers do not say where it came from ({ERROR_TOPIC})"
    if _header(letter, ERROR_CLASS) == UNREADABLE:
        return "its bytes could not be read from Kafka, so the letter is empty; publish the record again"
    if (replays := _replays(letter)) >= most_replays:
        return f"it was replayed {replays} times and failed each time; correct the record or raise --most-replays"
    return None


def _replays(letter: Record) -> int:
    text = _header(letter, REPLAYS)
    return int(text) if text.isdecimal() else 0


def _id(letter: Record) -> str:
    return f"{letter.partition}/{letter.offset}"


def _header(letter: Record, name: str) -> str:
    return dict(letter.headers).get(name, b"").decode(errors="replace")
