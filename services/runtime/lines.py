"""A service over JSON lines, without Kafka: the same engine, the same `process`, the same bytes.

For backfills and for measuring. One line is one record; its number is its offset.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import gzip
import io
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar, cast

from schemas.dead_letters import ERROR_MESSAGE, REASON, DiscardedRecord
from schemas.events import Event
from schemas.topics import dead_letters, discards
from services.runtime import clock
from services.runtime.engine import Engine, Message
from services.runtime.errors import ConfigurationError
from services.runtime.pace import Pace
from services.runtime.retry import Backoff, until_answered
from services.runtime.service import Positions, Record, Service

E = TypeVar("E", bound=Event)

_GZIP_MAGIC = b"\x1f\x8b"
BLOCK_BYTES = 1 << 20  # pages are long lines: with 8 KB at a time, reading one took twice as long


@dataclass
class Tally:
    """What became of the lines so far."""

    records: int = 0
    events: dict[str, int] = field(default_factory=dict[str, int])
    discarded: dict[str, int] = field(default_factory=dict[str, int])
    dead_lettered: dict[str, int] = field(default_factory=dict[str, int])
    first_dead_letters: list[str] = field(default_factory=list[str])
    tombstones: int = 0

    def as_dict(self) -> dict[str, object]:
        """For printing and for --json."""
        return {
            "records": self.records,
            "events": self.events,
            "tombstones": self.tombstones,
            "discarded": self.discarded,
            "dead_lettered": self.dead_lettered,
        }


def open_lines(path: str, stack: ExitStack) -> BinaryIO:
    """The file at `path` ("-": standard input) for reading lines; gzip is recognised by its first bytes.

    Raises ConfigurationError when it cannot be read.
    """
    if path == "-":
        return sys.stdin.buffer
    try:
        file = stack.enter_context(io.BufferedReader(io.FileIO(path), BLOCK_BYTES))
        packed = file.peek(2)[:2] == _GZIP_MAGIC
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name a file that can be read") from None
    return cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=file))) if packed else file


def bounded_lines(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    """The lines of `file` without their ends; of a longer one its first `most_bytes` + 1.

    A packed file of a few kilobytes may hold a line that no memory does.
    """
    # by blocks, because readline copies a page once more
    read = cast("io.BufferedReader", file).read1
    rest = b""
    while block := read(BLOCK_BYTES):
        at = 0
        while (end := block.find(b"\n", at)) >= 0:
            line = rest + block[at:end] if rest else block[at:end]
            yield line.rstrip(b"\r") if len(line) <= most_bytes + 1 else line[: most_bytes + 1]
            rest, at = b"", end + 1
        rest = (rest + block[at:])[: most_bytes + 2]
    if rest:
        yield rest.rstrip(b"\r") if len(rest) <= most_bytes + 1 else rest[: most_bytes + 1]


class LinesOutbox:
    """Writes values as lines: those of the service's first topic to `output`, or every topic's to a file of a folder.

    A tombstone has no line; it is counted. Everything is written before `enqueue` returns.
    """

    def __init__(
        self,
        service: Service[E],
        *,
        output: BinaryIO | None,
        folder: Path | None,
        letters: BinaryIO | None,
        tally: Tally,
    ) -> None:
        self._main = service.publishes[0].name
        self._letters_topic = dead_letters(service.name).name
        self._discards_topic = discards(service.name).name
        self._output = output
        self._folder = folder
        self._letters = letters
        self._tally = tally
        self._files: dict[str, BinaryIO] = {}

    async def enqueue(self, message: Message) -> Awaitable[None]:
        """See `services.runtime.engine.Outbox`."""
        if message.topic == self._letters_topic:
            self._dead_letter(message)
        elif message.topic == self._discards_topic:
            reason = DiscardedRecord.from_bytes(message.value or b"").reason
            self._tally.discarded[reason] = self._tally.discarded.get(reason, 0) + 1
        elif message.value is None:
            self._tally.tombstones += 1
        else:
            self._tally.events[message.topic] = self._tally.events.get(message.topic, 0) + 1
            file = self._file(message.topic)
            if file is not None:
                file.write(message.value + b"\n")
        return _done()

    def _file(self, topic: str) -> BinaryIO | None:
        if self._folder is None:
            return self._output if topic == self._main else None
        if topic not in self._files:
            self._files[topic] = (self._folder / f"{topic}.jsonl").open("wb")
        return self._files[topic]

    def _dead_letter(self, message: Message) -> None:
        headers = dict(message.headers)
        reason = headers[REASON].decode()
        error = headers[ERROR_MESSAGE].decode(errors="replace")
        line = int(headers["__connect.errors.offset"]) + 1
        self._tally.dead_lettered[reason] = self._tally.dead_lettered.get(reason, 0) + 1
        if len(self._tally.first_dead_letters) < 5:
            self._tally.first_dead_letters.append(f"line {line}: {reason}: {error}")
        if self._letters is None:
            return
        value = message.value or b""
        letter: dict[str, object] = {"line": line, "reason": reason, "message": error}
        try:
            letter["value"] = value.decode()
        except UnicodeDecodeError:
            letter["value_base64"] = base64.b64encode(value).decode()
        self._letters.write(json.dumps(letter, ensure_ascii=False).encode(errors="replace") + b"\n")

    def close(self) -> None:
        """Flush and close what this opened."""
        for file in self._files.values():
            file.close()
        for file in (self._output, self._letters):
            if file is not None:
                file.flush()


async def _done() -> None:
    return None


@dataclass(frozen=True)
class LinesRun(Generic[E]):
    """One pass of `service` over lines, `batch_records` at most at a time. `run` returns when the last is settled."""

    service: Service[E]
    batch_records: int
    on_progress: Callable[[Tally], None]

    async def run(self, lines: Iterator[bytes], outbox: LinesOutbox, tally: Tally) -> None:
        """Process `lines` (blank ones are passed over) in batches, as a worker with one partition would."""
        backoff = Backoff()
        name = self.service.name
        engine = Engine(self.service, outbox, backoff=backoff)
        await until_answered(self.service.start, backoff=backoff, service=name, stage="start")
        part = (self.service.source.name, 0)
        nothing = Positions(committed={part: None}, beginning={part: 0})
        await until_answered(lambda: self.service.assigned(nothing), backoff=backoff, service=name, stage="assigned")
        # as a worker does: what is there now is not gone through again
        gc.collect()
        gc.freeze()
        pace = Pace(most=self.batch_records)
        try:
            batch: list[Record] = []
            for number, line in enumerate(lines):
                value = line.strip()
                if not value:
                    continue
                batch.append(self._record(number, value))
                if len(batch) >= pace.records:
                    await self._settle(engine, batch, tally, pace)
                    batch = []
            await self._settle(engine, batch, tally, pace)
        finally:
            gc.unfreeze()
            await self.service.stop()

    async def _settle(self, engine: Engine[E], batch: list[Record], tally: Tally, pace: Pace) -> None:
        started = clock.seconds()
        await engine.run(batch)
        pace.note(len(batch), clock.seconds() - started)
        tally.records += len(batch)
        self.on_progress(tally)
        # an await that lets Ctrl-C in between batches, so that only whole batches are written
        await asyncio.sleep(0)

    def _record(self, number: int, value: bytes) -> Record:
        return Record(
            topic=self.service.source.name,
            partition=0,
            offset=number,
            key=None,
            value=value,
            headers=(),
            timestamp=clock.now(),
        )
