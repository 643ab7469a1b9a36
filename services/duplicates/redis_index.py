"""The index in Redis: one inverted index, check hashes, texts and clusters, shared by all workers.

Every change is one Lua call, so that arrival numbers, insertions and searches of different workers cannot interleave.
A batch costs two round trips: one inserts and searches, one settles. With several shards each keeps a part of the
articles whole (postings, hashes, text) under a hash tag of its own, and the clusters have another: a batch then costs
each shard two round trips, one that inserts and one that searches, and the clusters one.
"""

from __future__ import annotations

import asyncio
import re
import struct
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final, cast

import hiredis
import numpy as np
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import NoScriptError, ResponseError

from services.duplicates.index import (
    AddReply,
    Arrival,
    Candidate,
    Found,
    Gone,
    Joined,
    KnownVersion,
    Member,
    Progress,
    Recall,
    Removed,
    Settled,
    Settlement,
    WithdrawnVersion,
)
from services.runtime import clock
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError

Call = tuple[str, str, list[Any]]
"""A script's name, the prefix of its keys, and its arguments after the generation."""

_HOUR_MS: Final = 3600 * 1000
_LENGTH: Final = struct.Struct(">I")
_FETCHED: Final = struct.Struct(">d")
_VERSION: Final = struct.Struct(">dI")
_HEAD: Final = struct.Struct(">BIHI")
_CANDIDATE: Final = struct.Struct(">IHI")
_RECORD: Final = struct.Struct(">H")
_SPREAD: Final = np.uint32(0x9E3779B1)

TOGETHER: Final = 8
"""Articles in one call: while Redis works on them the next ones are counted. Of four a call was a tenth dearer."""
_SENT_BYTES: Final = 8192
"""Calls are sent once they are so long together; a call of eight articles is."""
# hits of the sketch that make a candidate: on the development articles no pair with containment .5 has fewer than 3,
# and of one hit there are five times as many
LEAST_HITS: Final = 2
MOST_CANDIDATES: Final = 64
MOST_TEXTS: Final = 24
LONGEST_POSTING: Final = 64
"""Articles kept per sketch hash, the oldest: what 64 articles share, later ones are found by as well."""
ENTRIES_PER_BUCKET: Final = 32  # on average; of 48 an insertion was a tenth dearer, for 90 bytes an article less
FIRST_BUCKETS: Final = 4096  # less than a megabyte; until 3,000 articles are held nothing has to grow
CHUNK: Final = 1024
"""Articles whose records share a key, and so expire together."""
MOST_TENDED: Final = 4000
_SAMPLED_CHUNKS: Final = 16
_WITH_BUCKETS: Final = frozenset(("add", "query", "tend", "remove", "text"))


@dataclass(frozen=True)
class IndexSettings:
    """How far apart articles may match, how long the index keeps them, and how it is laid out in Redis."""

    window_hours: int = 72
    grace_hours: int = 24
    name: str = "0"
    shards: int = 1

    @property
    def ttl_seconds(self) -> int:
        """How long a key lives after the last write to it."""
        return (self.window_hours + self.grace_hours) * 3600


class IndexLostError(DependencyError):
    """The index is not the one this worker knows: it has to be opened, and its gap indexed, before work goes on."""


class _Script:
    """A Lua script by its digest, loaded when the server does not know it."""

    def __init__(self, name: str, constants: Mapping[str, int]) -> None:
        parts = ("shared", "buckets", name) if name in _WITH_BUCKETS else ("shared", name)
        folder = files("services.duplicates").joinpath("lua")
        text = "\n".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in parts)
        for constant, value in constants.items():
            text = re.sub(rf"\b{constant}\b", str(value), text)
        self.text = text
        self.digest = ""

    async def load(self, client: Any) -> None:
        loaded = await client.script_load(self.text)
        self.digest = loaded.decode() if isinstance(loaded, bytes) else str(loaded)


@dataclass(frozen=True)
class _Answer:
    """What one shard says of one article (see buckets.lua)."""

    status: int
    number: int
    previous: bytes
    candidates: tuple[Candidate, ...]


class RedisArticleIndex:
    """An `ArticleIndex` in a Redis or a Redis Cluster, opened under a `generation` (see `rebuild.open_index`).

    `together` articles of one `add` go in one call; each call is sent before the ones before it are answered.
    """

    def __init__(self, cache: Cache, settings: IndexSettings, *, together: int = TOGETHER) -> None:
        self._cache = cache
        self._together = together
        self._settings = settings
        shards = settings.shards
        if shards == 1:
            self._lead = f"newsloom:duplicates:{{{settings.name}}}:"
            self._shards = [self._lead]
        else:
            # the number of shards is part of their names: another number is another index, filled from the topic
            self._lead = f"newsloom:duplicates:{{{settings.name}.of{shards}}}:"
            self._shards = [f"newsloom:duplicates:{{{settings.name}.{place}of{shards}}}:" for place in range(shards)]
        self._prefixes = list(dict.fromkeys((self._lead, *self._shards)))
        constants = {
            "TTL": settings.ttl_seconds,
            "LEAST_HITS": LEAST_HITS,
            "MOST_CANDIDATES": MOST_CANDIDATES,
            "MOST_TEXTS": MOST_TEXTS,
            "LONGEST_POSTING": LONGEST_POSTING,
            "ENTRIES_PER_BUCKET": ENTRIES_PER_BUCKET,
            "FIRST_BUCKETS": FIRST_BUCKETS,
            "CHUNK": CHUNK,
            "MOST_TENDED": MOST_TENDED,
        }
        names = ("add", "query", "tend", "remove", "leave", "settle", "guard", "progress", "text")
        self._scripts = {name: _Script(name, constants) for name in names}
        self._window_ms = settings.window_hours * _HOUR_MS
        self._latest_number = 0
        self._tended_at = 0.0
        self.generation = ""
        """What the scripts check: "g" and the generation, or "r" and the rebuilder's token. Empty: not open."""

    @property
    def settings(self) -> IndexSettings:
        """How the index keeps time."""
        return self._settings

    @property
    def window_ms(self) -> int:
        """How far apart two fetches may be for their articles to match."""
        return self._window_ms

    def _shard_of(self, article_key: str) -> int:
        return int(article_key[-8:], 16) % len(self._shards)

    # -- the port

    async def add(self, arrivals: Iterable[Arrival], expected: Progress, progress: Progress) -> list[AddReply]:
        """See `ArticleIndex.add`. `arrivals` may be made while it runs: Redis works on the first ones meanwhile."""
        if len(self._shards) > 1:
            return await self._add_to_shards(list(arrivals), expected, progress)

        def calls() -> Iterator[Call]:
            yield from self._guards(expected, self._shards)
            together: list[Any] = []
            for arrival in arrivals:
                together += _arguments(arrival, 0)
                if len(together) == 5 * self._together:
                    yield "add", self._lead, together
                    together = []
            if together:
                yield "add", self._lead, together
            yield from self._due([self._lead])

        answers = [answer for reply in await self._run("add", calls()) for answer in self._answers(reply)]
        return [_found(answer, answer.number, answer.candidates) for answer in answers]

    async def _add_to_shards(
        self, arrivals: Sequence[Arrival], expected: Progress, progress: Progress
    ) -> list[AddReply]:
        """Each article into its own shard; then all are looked for in the others.

        Numbers come from the shards' clocks (see query.lua). The worker proposes them in the order of arrival.
        """
        shards = len(self._shards)
        own = [self._shard_of(arrival.article_key) for arrival in arrivals]
        calls: list[Call] = list(self._guards(expected, self._shards))
        by_shard: list[list[int]] = [[] for _ in range(shards)]
        for place, shard in enumerate(own):
            by_shard[shard].append(place)
        order: list[int] = []
        for shard, places in enumerate(by_shard):
            for at in range(0, len(places), self._together):
                part = places[at : at + self._together]
                order += part
                arguments: list[Any] = []
                for place in part:
                    arguments += _arguments(arrivals[place], self._latest_number + 1 + place)
                calls.append(("add", self._shards[shard], arguments))
        answers: dict[int, _Answer] = dict(
            zip(
                order,
                (answer for reply in await self._run("add", calls) for answer in self._answers(reply)),
                strict=True,
            )
        )
        # one more than any: a search of equal numbers has put the clock of its shard that far (see below)
        self._latest_number = max([self._latest_number, *(answer.number + 1 for answer in answers.values())])
        calls, order = list(self._due(self._shards)), []
        for shard, prefix in enumerate(self._shards):
            # 2 and 3 are in no relation: known from another owner, or withdrawn
            places = [place for place in range(len(arrivals)) if own[place] != shard and answers[place].status < 2]
            for at in range(0, len(places), self._together):
                part = places[at : at + self._together]
                order += part
                arguments = []
                for place in part:
                    # of equal numbers the one in the earlier shard is lower
                    limit = answers[place].number + (1 if shard < own[place] else 0)
                    arguments += [_LENGTH.pack(limit), _tags(arrivals[place])]
                calls.append(("query", prefix, arguments))
            if progress:
                calls.append(("progress", prefix, _flat(progress)))
        replies = await self._run("add", calls)
        found: dict[int, list[Candidate]] = {
            place: [_numbered(candidate, own[place], shards) for candidate in answer.candidates]
            for place, answer in answers.items()
        }
        asked = iter(order)
        for (_, prefix, _), reply in zip(calls, replies, strict=True):
            shard = self._shards.index(prefix)
            for answer in self._answers(reply):
                found[next(asked)] += [_numbered(candidate, shard, shards) for candidate in answer.candidates]
        made: list[AddReply] = []
        for place, answer in sorted(answers.items()):
            candidates = sorted(found[place], key=lambda one: (-one.hits, one.number))[:MOST_CANDIDATES]
            candidates[MOST_TEXTS:] = [replace(one, text=None) for one in candidates[MOST_TEXTS:]]
            made.append(_found(answer, answer.number * shards + own[place], tuple(candidates)))
        return made

    def _guards(self, expected: Progress, prefixes: Sequence[str]) -> Iterator[Call]:
        if expected:
            for prefix in prefixes:
                yield "guard", prefix, _flat(expected)

    def _due(self, prefixes: Sequence[str]) -> Iterator[Call]:
        """Tending, a second after the last: by then a bucket or two of 100,000 are due."""
        now = clock.now().timestamp()
        if abs(now - self._tended_at) >= 1:
            self._tended_at = now
            for prefix in prefixes:
                yield "tend", prefix, [str(now)]

    async def settle(self, requests: Sequence[Settlement | Recall], progress: Progress) -> list[Settled | Gone | None]:
        """See `ArticleIndex.settle`."""
        calls: list[Call] = []
        for request in requests:
            key = request.member.article_key if isinstance(request, Settlement) else request.article_key
            arguments: list[Any] = [key, bytes.fromhex(request.version_key + request.owner[:16])]
            if isinstance(request, Settlement):
                arguments += [
                    request.payload,
                    request.alert_id,
                    "\n".join(request.tokens),
                    "1" if request.needs_cluster else "0",
                ]
                for member in (request.member, *request.links):
                    arguments += [member.article_key, member.number, member.fetched_ms, _member(member)]
            calls.append(("settle", self._lead, arguments))
        if progress:
            calls.append(("progress", self._lead, _flat(progress)))
        if not calls:
            return []
        replies = await self._run("settle", calls)
        if progress:
            self._require(replies.pop())
        settled: list[Settled | Gone | None] = []
        for reply in replies:
            self._require(reply[0])
            if reply[0] == b"none":
                settled.append(None)
            else:
                settled.append(Gone() if reply[0] == b"gone" else _settled(_split(reply[1])))
        return settled

    async def note(self, progress: Progress) -> None:
        """See `ArticleIndex.note`."""
        if progress:
            calls: list[Call] = [("progress", prefix, _flat(progress)) for prefix in self._prefixes]
            for reply in await self._run("settle", calls):
                self._require(reply)

    async def remove(self, article_key: str, owner: str, withdrawn_ms: int) -> Removed | None:
        """See `ArticleIndex.remove`."""
        prefix = self._shards[self._shard_of(article_key)]
        arguments: list[Any] = [bytes.fromhex(article_key), bytes.fromhex(owner)[:8], _FETCHED.pack(withdrawn_ms)]
        [said] = await self._run("remove", [("remove", prefix, arguments)])
        self._require(said)
        arguments = [article_key, bytes.fromhex(owner), withdrawn_ms, said]
        [reply] = await self._run("remove", [("leave", self._lead, arguments)])
        self._require(reply[0])
        if reply[0] == b"unknown":
            return None
        cluster_id, size, outlets, reason, earliest = (part.decode() for part in _split(reply[1]))
        return Removed(cluster_id or None, int(size or 0), int(outlets or 0), reason, earliest)

    # -- what explanations and metrics read

    async def latest_text(self, article_key: str) -> bytes | None:
        """The stored text of the article's latest version, or None when the index does not hold it."""
        prefix = self._shards[self._shard_of(article_key)]
        script = self._scripts["text"].text
        return cast(
            "bytes | None",
            await self._cache.call(
                "read", article_key, lambda client: client.eval(script, 1, prefix, bytes.fromhex(article_key))
            ),
        )

    async def cluster_of(self, article_key: str) -> str | None:
        """The id of the cluster that holds the article, or None."""

        async def follow(client: Any) -> str | None:
            cluster = await client.hget(f"{self._lead}a:{article_key}", "c")
            while cluster is not None:
                further = await client.hget(f"{self._lead}c:{cluster.decode()}", "to")
                if further is None:
                    return cast("str", cluster.decode())
                cluster = further
            return None

        return await self._cache.call("read", article_key, follow)

    async def cluster_members(self, cluster_id: str) -> dict[str, str]:
        """The members of a cluster: their ArticleRef as `stored.ref_json` writes it, by article key."""
        key = f"{self._lead}c:{cluster_id}"
        fields = await self._cache.call("read", cluster_id, lambda client: client.hgetall(key))
        members: dict[str, str] = {}
        for name, value in cast("dict[bytes, bytes]", fields).items():
            if name[:1] == b"m" and name != b"min":
                members[name[1:].decode()] = value.decode().split("\t", 6)[6]
        return members

    async def scan_texts(self) -> list[bytes]:
        """Every stored text; slow, for looking an address up by hand."""

        async def scan(client: Any) -> list[bytes]:
            texts: list[bytes] = []
            for prefix in self._shards:
                for key in await self._chunks(client, prefix):
                    cursor = 0
                    rests: dict[bytes, bytes] = await client.hgetall(_rests_of(key))
                    while True:
                        cursor, page = await client.hscan(key, cursor, count=500)
                        for number, kept in page.items():
                            text = _parted(kept + rests.get(number, b""))[1]
                            if text is not None:
                                texts.append(text)
                        if cursor == 0:
                            break
            return texts

        return await self._cache.call("read", "texts", scan)

    async def size(self) -> IndexSize:
        """How much the index holds. Bytes are sampled by Redis (MEMORY USAGE), the total is Redis's own count."""

        async def measure(client: Any) -> IndexSize:
            articles = records = texts = 0
            for prefix in self._shards:
                keys = await self._chunks(client, prefix)
                for key in keys:
                    articles += await client.hlen(key)
                sampled = keys[:: max(1, len(keys) // _SAMPLED_CHUNKS)]
                for key in sampled:
                    times = len(keys) / len(sampled)
                    used = times * int(await client.memory_usage(key, samples=20) or 0)
                    _, page = await client.hscan(key, 0, count=20)
                    lengths = [(_RECORD.unpack_from(kept)[0], len(kept)) for kept in page.values()]
                    share = sum(record for record, _ in lengths) / max(1, sum(length for _, length in lengths))
                    records += round(used * share)
                    texts += round(used * (1 - share))
                    texts += round(times * int(await client.memory_usage(_rests_of(key), samples=20) or 0))
            memory: dict[str, Any] = await client.info("memory")
            # a cluster answers by node
            nodes = [memory] if "used_memory" in memory else list(memory.values())
            return IndexSize(articles, records, texts, sum(int(node["used_memory"]) for node in nodes))

        return await self._cache.call("read", "size", measure)

    async def _chunks(self, client: Any, prefix: str) -> list[str]:
        oldest = await client.hget(f"{prefix}layout", "oldest")
        newest = await client.get(f"{prefix}count")
        if oldest is None or newest is None:
            return []
        return [f"{prefix}r:{number}" for number in range(int(oldest), int(newest) // CHUNK + 1)]

    # -- opening, see rebuild.py

    async def _everywhere(self, command: Callable[[Any, str], Awaitable[Any]]) -> list[Any]:
        """What `command` returns for each prefix, the lead's first."""

        async def each(client: Any) -> list[Any]:
            return [await command(client, prefix) for prefix in self._prefixes]

        return await self._cache.call("open", self._lead, each)

    async def current_generation(self) -> str | None:
        """The generation of the index, or None when there is none: new, lost, or closed for indexing a gap."""
        values = await self._everywhere(lambda client, prefix: client.get(f"{prefix}generation"))
        if None in values or len(set(values)) > 1:
            return None
        return cast("str", values[0].decode())

    async def publish_generation(self, generation: str, token: str) -> None:
        """Open the index to all workers under `generation`, unless another rebuilder took over from `token`."""
        script = (
            "if redis.call('GET', KEYS[1] .. 'rebuilder') ~= ARGV[1] then return 0 end "
            "redis.call('SET', KEYS[1] .. 'generation', ARGV[2], 'EX', ARGV[3]) "
            "redis.call('DEL', KEYS[1] .. 'rebuilder') return 1"
        )
        ttl = self._settings.ttl_seconds
        done = await self._everywhere(lambda client, prefix: client.eval(script, 1, prefix, token, generation, ttl))
        if not all(done):
            raise IndexLostError("another worker took over the rebuilding of the index")

    async def close_generation(self, generation: str) -> None:
        """Close the index for everybody, if it still is `generation`: its gap is to be indexed first."""
        script = (
            "if redis.call('GET', KEYS[1] .. 'generation') == ARGV[1] then "
            "redis.call('DEL', KEYS[1] .. 'generation') end"
        )
        await self._everywhere(lambda client, prefix: client.eval(script, 1, prefix, generation))

    async def take_rebuild(self, token: str, seconds: int) -> bool:
        """Whether the caller, known by `token`, is the one that rebuilds; holds for `seconds` unless taken again."""
        script = (
            "local holder = redis.call('GET', KEYS[1] .. 'rebuilder') "
            "if holder and holder ~= ARGV[1] then return 0 end "
            "redis.call('SET', KEYS[1] .. 'rebuilder', ARGV[1], 'EX', ARGV[2]) return 1"
        )

        async def take(client: Any) -> bool:
            # who holds the lead holds the rest, as soon as what another one held there has run out
            for prefix in self._prefixes:
                if not await client.eval(script, 1, prefix, token, seconds):
                    return False
            return True

        return await self._cache.call("open", "rebuilder", take)

    async def leave_rebuild(self, token: str) -> None:
        """Let another worker rebuild, if `token` still holds it."""
        script = (
            "if redis.call('GET', KEYS[1] .. 'rebuilder') == ARGV[1] then redis.call('DEL', KEYS[1] .. 'rebuilder') end"
        )
        await self._everywhere(lambda client, prefix: client.eval(script, 1, prefix, token))

    async def indexed_offsets(self) -> dict[str, int]:
        """The last offset that is indexed in every shard, by "topic/partition"."""
        found = await self._everywhere(lambda client, prefix: client.hgetall(f"{prefix}offsets"))
        shards = [{name.decode(): int(value) for name, value in offsets.items()} for offsets in found]
        names = set[str].intersection(*(set(offsets) for offsets in shards))
        return {name: min(offsets[name] for offsets in shards) for name in names}

    # -- calling

    def _require(self, status: Any) -> None:
        if status == b"lost":
            self.generation = ""
            raise IndexLostError("the index in Redis is not the one this worker knows; its gap is indexed first")

    async def _run(self, operation: str, calls: Iterable[Call]) -> list[Any]:
        """The replies of `calls`, sent as they come and answered in one round trip.

        Scripts that the server has forgotten are loaded and everything is sent again: every script may run twice.
        """
        if not self.generation:
            raise IndexLostError("the index is not open yet")
        generation = self.generation
        made: list[Call] = []

        def remembered() -> Iterator[Call]:
            for call in calls:
                made.append(call)
                yield call

        async def command(client: Any) -> list[Any]:
            if any(not script.digest for script in self._scripts.values()):
                await self._load(client)
            try:
                return await self._send(client, generation, remembered())
            except NoScriptError:
                await self._load(client)
                return await self._send(client, generation, made)

        return await self._cache.call(operation, self._lead, command)

    async def _load(self, client: Any) -> None:
        for script in self._scripts.values():
            await script.load(client)

    async def _send(self, client: Any, generation: str, calls: Iterable[Call]) -> list[Any]:
        if not isinstance(client, AsyncRedis):
            # a cluster's client chooses the connection by the key
            pipeline: Any = client.pipeline()
            for name, prefix, arguments in calls:
                pipeline.execute_command("EVALSHA", self._scripts[name].digest, 1, prefix, generation, *arguments)
            return cast("list[Any]", await pipeline.execute())
        # redis-py's pipeline sends when all is there; here Redis is at work while the next articles are counted
        pool: Any = client.connection_pool
        connection: Any = await pool.get_connection()
        patience: float = connection.socket_timeout
        # its own timer is a task for each sending and a context for each reading; here is one, put off each time
        connection.socket_timeout = None
        replies: list[Any] = []
        failure: ResponseError | None = None
        is_whole = False
        try:
            async with asyncio.timeout(None) as timer:
                now = asyncio.get_running_loop().time
                sent = 0
                unsent: list[bytes] = []
                size = 0

                async def send() -> None:
                    timer.reschedule(now() + patience)
                    await connection.send_packed_command(unsent)
                    timer.reschedule(None)

                for name, prefix, arguments in calls:
                    if size >= _SENT_BYTES:
                        await send()
                        unsent, size = [], 0
                        # what else the worker has to do goes on between two sendings
                        await asyncio.sleep(0)
                    digest = self._scripts[name].digest
                    unsent.append(_pack_command(("EVALSHA", digest, 1, prefix, generation, *arguments)))
                    size += len(unsent[-1])
                    sent += 1
                if unsent:
                    await send()
                for _ in range(sent):
                    timer.reschedule(now() + patience)
                    try:
                        replies.append(await connection.read_response())
                    except ResponseError as error:
                        failure = failure or error
            # everything sent has been answered
            is_whole = True
        finally:
            connection.socket_timeout = patience
            if not is_whole:
                await connection.disconnect(nowait=True)
            await pool.release(connection)
        if failure is not None:
            raise failure
        return replies

    def _answers(self, reply: bytes) -> Iterator[_Answer]:
        """The answers in a reply of add.lua or query.lua; none in "ok" alone."""
        self._require(reply)
        at = 2
        while at < len(reply):
            status, number, candidates, length = _HEAD.unpack_from(reply, at)
            at += _HEAD.size
            previous = reply[at : at + length]
            at += length
            made: list[Candidate] = []
            for _ in range(candidates):
                other, hits, length = _CANDIDATE.unpack_from(reply, at)
                at += _CANDIDATE.size
                made.append(Candidate(other, hits, *_parted(reply[at : at + length])))
                at += length
            yield _Answer(status, number, previous, tuple(made))


# in C: redis-py's own for asyncio copies what it has with each argument, five times as long
_pack_command: Final = cast("Callable[[tuple[Any, ...]], bytes]", cast("Any", hiredis).pack_command)


def _rests_of(key: str) -> str:
    """The key of the second pieces beside that of the first."""
    return key.replace("}:r:", "}:t:")


def _parted(kept: bytes) -> tuple[bytes, bytes | None]:
    """Record and text of what is kept of an article."""
    (length,) = _RECORD.unpack_from(kept)
    at = _RECORD.size + length
    return kept[_RECORD.size : at], kept[at:] or None


def _tags(arrival: Arrival) -> bytes:
    # small by choice: spread over all buckets by a multiplication that keeps them apart
    return (arrival.sketch * _SPREAD).tobytes()


def _arguments(arrival: Arrival, number: int) -> list[Any]:
    return [
        bytes.fromhex(arrival.article_key),
        bytes.fromhex(arrival.version_key[:16] + arrival.owner[:16]) + _VERSION.pack(arrival.fetched_ms, number),
        _tags(arrival),
        *_pieces(_RECORD.pack(len(arrival.record)) + arrival.record, arrival.text),
    ]


# What Redis's allocator (jemalloc) has room for, from 2 KB on, in steps of a quarter: 2,048, 2,560, 3,072, … Each
# value takes six bytes more there than its own, and an entry of its own 56.
_ROOMS: Final = tuple(step << power for power in range(9, 14) for step in (4, 5, 6, 7))
_BESIDE: Final = 6
_ENTRY: Final = 56


def _pieces(record: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Record and text in one value, or in two where that wastes less: one that fills what it is given, and a rest.

    An eighth of the memory for texts was allocated and not used. The record is never cut.
    """
    kept = record + text
    place = bisect_left(_ROOMS, len(kept) + _BESIDE)
    if not 0 < place < len(_ROOMS) or len(record) > _ROOMS[place - 1] - _BESIDE:
        return kept, b""
    first = _ROOMS[place - 1] - _BESIDE
    rest = len(kept) - first
    # the small sizes are nearer to one another: an eighth on average is what the rest takes too much
    if _ROOMS[place - 1] + rest + rest // 8 + _ENTRY >= _ROOMS[place]:
        return kept, b""
    return kept[:first], kept[first:]


def _flat(progress: Progress) -> list[Any]:
    return [part for item in progress.items() for part in item]


def _numbered(candidate: Candidate, shard: int, shards: int) -> Candidate:
    return replace(candidate, number=candidate.number * shards + shard)


def _found(answer: _Answer, number: int, candidates: tuple[Candidate, ...]) -> AddReply:
    if answer.status == 2:
        return KnownVersion()
    if answer.status == 3:
        return WithdrawnVersion()
    return Found(number, answer.previous or None, candidates, is_again=answer.status == 1)


@dataclass(frozen=True)
class IndexSize:
    """Article versions held, bytes of their records and texts (sampled), and of all that Redis holds."""

    articles: int
    record_bytes: int
    text_bytes: int
    redis_bytes: int


def _clean(value: str) -> str:
    return value.replace("\t", " ").replace("\n", " ")


def _member(member: Member) -> str:
    return "\t".join(
        (
            _clean(member.outlet_id),
            "1" if member.is_counted else "0",
            str(member.score),
            _clean(member.reason),
            "1" if member.is_sighting else "0",
            member.ref,
        )
    )


def _split(packed: bytes) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    while at < len(packed):
        (length,) = _LENGTH.unpack_from(packed, at)
        parts.append(packed[at + 4 : at + 4 + length])
        at += 4 + length
    return parts


def _settled(parts: list[bytes]) -> Settled:
    same, previous_alert, cluster_id, size, outlets, reason, earliest, merged = (part.decode() for part in parts[1:9])
    first = 9 + int(merged)
    joined: list[Joined] = []
    for part in parts[first:]:
        sighting, _, ref = part.decode().partition("\t")
        joined.append(Joined(ref, sighting.endswith("1"), sighting.startswith("u")))
    return Settled(
        payload=parts[0],
        is_same_matches=same == "1",
        previous_alert_id=previous_alert or None,
        cluster_id=cluster_id or None,
        size=int(size or 0),
        outlets=int(outlets or 0),
        earliest_reason=reason,
        earliest=earliest,
        merged=tuple(part.decode() for part in parts[9:first]),
        joined=tuple(joined),
    )


def progress_of(offsets: Mapping[tuple[str, int], int]) -> dict[str, int]:
    """`offsets` by (topic, partition) as the index names partitions."""
    return {f"{topic}/{partition}": offset for (topic, partition), offset in offsets.items()}
