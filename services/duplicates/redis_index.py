"""The index in Redis: one inverted index, check hashes, texts and clusters, shared by all workers.

Every change is one Lua call, so that arrival numbers, insertions and searches of different workers cannot interleave.
A batch costs two round trips: one inserts and searches, one settles.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, cast

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
    Removed,
    Settled,
    Settlement,
    WithdrawnVersion,
)
from services.runtime.cache import Cache
from services.runtime.errors import DependencyError

Call = tuple[str, list[Any]]
"""A script's name and its arguments after the generation."""

_SENT_TOGETHER: Final = 8
_HOUR_MS: Final = 3600 * 1000
_LENGTH: Final = struct.Struct(">I")
_FETCHED: Final = struct.Struct(">d")

# hits of the sketch that make a candidate: on the development articles no pair with containment .5 has fewer than 3,
# and of one hit there are five times as many
LEAST_HITS: Final = 2
MOST_CANDIDATES: Final = 64
MOST_TEXTS: Final = 24
LONGEST_POSTING: Final = 64
"""Articles kept per sketch hash and segment, the oldest: what 64 articles share, later ones are found by as well."""
ENTRIES_PER_BUCKET: Final = 48  # on average; twice that stays below Redis's limit for a hash's compact form (128)
FIRST_BUCKETS: Final = 64
CHUNK: Final = 1024
"""Articles whose records share a key, and so expire together."""


@dataclass(frozen=True)
class IndexSettings:
    """How far apart articles may match, and how long the index keeps them."""

    window_hours: int = 72
    grace_hours: int = 24
    shard: str = "0"

    @property
    def ttl_seconds(self) -> int:
        """How long a key lives after the last write to it."""
        return (self.window_hours + self.grace_hours) * 3600


class IndexLostError(DependencyError):
    """The index is not the one this worker knows: it has to be opened, and its gap indexed, before work goes on."""


class _Script:
    """A Lua script by its digest, loaded when the server does not know it."""

    def __init__(self, name: str, constants: Mapping[str, int]) -> None:
        text = files("services.duplicates").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
        for constant, value in constants.items():
            text = re.sub(rf"\b{constant}\b", str(value), text)
        self.text = text
        self.digest = ""

    async def load(self, client: Any) -> None:
        loaded = await client.script_load(self.text)
        self.digest = loaded.decode() if isinstance(loaded, bytes) else str(loaded)


class RedisArticleIndex:
    """An `ArticleIndex` on one shard of a Redis, opened under a `generation` (see `rebuild.open_index`)."""

    def __init__(self, cache: Cache, settings: IndexSettings) -> None:
        self._cache = cache
        self._settings = settings
        self._prefix = f"newsloom:duplicates:{{{settings.shard}}}:"
        constants = {
            "TTL": settings.ttl_seconds,
            "LEAST_HITS": LEAST_HITS,
            "MOST_CANDIDATES": MOST_CANDIDATES,
            "MOST_TEXTS": MOST_TEXTS,
            "LONGEST_POSTING": LONGEST_POSTING,
            "ENTRIES_PER_BUCKET": ENTRIES_PER_BUCKET,
            "FIRST_BUCKETS": FIRST_BUCKETS,
            "CHUNK": CHUNK,
        }
        self._scripts = {name: _Script(name, constants) for name in ("add", "settle", "remove", "guard", "progress")}
        self._window_ms = settings.window_hours * _HOUR_MS
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

    def key(self, what: str) -> str:
        """The Redis key of `what` in this shard."""
        return self._prefix + what

    # -- the port

    async def add(self, arrivals: Iterable[Arrival], expected: Progress) -> list[AddReply]:
        """See `ArticleIndex.add`. `arrivals` may be made while it runs: Redis works on the first ones meanwhile."""
        guards = [str(part) for item in expected.items() for part in item]

        def calls() -> Iterator[Call]:
            if guards:
                yield "guard", guards
            for arrival in arrivals:
                keys = bytes.fromhex(arrival.version_key + arrival.owner) + _FETCHED.pack(arrival.fetched_ms)
                yield (
                    "add",
                    [arrival.article_key.encode(), keys, arrival.sketch.tobytes(), arrival.record, arrival.text],
                )

        replies = await self._run("add", calls())
        if guards:
            self._require(replies[0])
            replies = replies[1:]
        return [self._added(reply) for reply in replies]

    async def settle(self, settlements: Sequence[Settlement], progress: Progress) -> list[Settled | Gone]:
        """See `ArticleIndex.settle`."""
        calls: list[Call] = []
        for settlement in settlements:
            arguments: list[Any] = [
                settlement.member.article_key,
                bytes.fromhex(settlement.version_key),
                settlement.payload,
                settlement.alert_id,
                "\n".join(settlement.tokens),
                self._settings.ttl_seconds,
                "1" if settlement.needs_cluster else "0",
                _member(settlement.member),
            ]
            for link in settlement.links:
                arguments += [link.article_key, _member(link)]
            calls.append(("settle", arguments))
        if progress:
            parts: list[Any] = [self._settings.ttl_seconds]
            for item in progress.items():
                parts += item
            calls.append(("progress", parts))
        if not calls:
            return []
        replies = await self._run("settle", calls)
        if progress:
            self._require(replies.pop())
        settled: list[Settled | Gone] = []
        for reply in replies:
            self._require(reply[0])
            settled.append(Gone() if reply[0] == b"gone" else _settled(_split(reply[1])))
        return settled

    async def remove(self, article_key: str, owner: str, withdrawn_ms: int) -> Removed | None:
        """See `ArticleIndex.remove`."""
        arguments = [article_key, bytes.fromhex(owner), withdrawn_ms, self._settings.ttl_seconds]
        [reply] = await self._run("remove", [("remove", arguments)])
        self._require(reply[0])
        if reply[0] == b"unknown":
            return None
        cluster_id, size, outlets, reason, earliest = (part.decode() for part in _split(reply[1]))
        return Removed(cluster_id or None, int(size or 0), int(outlets or 0), reason, earliest)

    # -- what explanations and metrics read

    async def latest_text(self, article_key: str) -> bytes | None:
        """The stored text of the article's latest version, or None when the index does not hold it."""
        latest = await self._cache.call(
            "read", article_key, lambda client: client.hget(self.key(f"a:{article_key}"), "l")
        )
        if latest is None:
            return None
        number = int.from_bytes(latest[:4], "big")
        return cast(
            "bytes | None",
            await self._cache.call(
                "read", article_key, lambda client: client.hget(self.key(f"t:{number // CHUNK}"), str(number))
            ),
        )

    async def cluster_of(self, article_key: str) -> str | None:
        """The id of the cluster that holds the article, or None."""

        async def follow(client: Any) -> str | None:
            cluster = await client.hget(self.key(f"a:{article_key}"), "c")
            while cluster is not None:
                further = await client.hget(self.key(f"c:{cluster.decode()}"), "to")
                if further is None:
                    return cast("str", cluster.decode())
                cluster = further
            return None

        return await self._cache.call("read", article_key, follow)

    async def cluster_members(self, cluster_id: str) -> dict[str, str]:
        """The members of a cluster: their ArticleRef as JSON, by article key."""
        fields = await self._cache.call("read", cluster_id, lambda client: client.hgetall(self.key(f"c:{cluster_id}")))
        members: dict[str, str] = {}
        for name, value in cast("dict[bytes, bytes]", fields).items():
            if name[:1] == b"m" and name != b"min":
                members[name[1:].decode()] = value.decode().split("\t", 6)[6]
        return members

    async def scan_texts(self) -> list[bytes]:
        """Every stored text; slow, for looking an address up by hand."""

        async def scan(client: Any) -> list[bytes]:
            texts: list[bytes] = []
            for key in await self._chunks(client, "t"):
                cursor = 0
                while True:
                    cursor, page = await client.hscan(key, cursor, count=500)
                    texts += list(page.values())
                    if cursor == 0:
                        break
            return texts

        return await self._cache.call("read", "texts", scan)

    async def size(self) -> IndexSize:
        """How much the index holds. Bytes are sampled by Redis (MEMORY USAGE), the total is Redis's own count."""

        async def measure(client: Any) -> IndexSize:
            articles = records = texts = 0
            for key in await self._chunks(client, "r"):
                articles += await client.hlen(key)
                records += int(await client.memory_usage(key, samples=20) or 0)
            for key in await self._chunks(client, "t"):
                texts += int(await client.memory_usage(key, samples=20) or 0)
            used = int((await client.info("memory"))["used_memory"])
            return IndexSize(articles, records, texts, used)

        return await self._cache.call("read", "size", measure)

    async def _chunks(self, client: Any, kind: str) -> list[str]:
        oldest = await client.hget(self.key("layout"), "oldest")
        newest = await client.get(self.key("count"))
        if oldest is None or newest is None:
            return []
        return [self.key(f"{kind}:{number}") for number in range(int(oldest), int(newest) // CHUNK + 1)]

    # -- opening, see rebuild.py

    async def current_generation(self) -> str | None:
        """The generation of the index, or None when there is none: new, lost, or closed for indexing a gap."""
        value = await self._cache.call("open", "generation", lambda client: client.get(self.key("generation")))
        return value.decode() if value is not None else None

    async def publish_generation(self, generation: str, token: str) -> None:
        """Open the index to all workers under `generation`, unless another rebuilder took over from `token`."""
        script = (
            "if redis.call('GET', KEYS[1] .. 'rebuilder') ~= ARGV[1] then return 0 end "
            "redis.call('SET', KEYS[1] .. 'generation', ARGV[2], 'EX', ARGV[3]) "
            "redis.call('DEL', KEYS[1] .. 'rebuilder') return 1"
        )
        done = await self._cache.call(
            "open",
            "generation",
            lambda client: client.eval(script, 1, self._prefix, token, generation, self._settings.ttl_seconds),
        )
        if not done:
            raise IndexLostError("another worker took over the rebuilding of the index")

    async def close_generation(self, generation: str) -> None:
        """Close the index for everybody, if it still is `generation`: its gap is to be indexed first."""
        script = (
            "if redis.call('GET', KEYS[1] .. 'generation') == ARGV[1] then "
            "redis.call('DEL', KEYS[1] .. 'generation') end"
        )
        await self._cache.call("open", "generation", lambda client: client.eval(script, 1, self._prefix, generation))

    async def take_rebuild(self, token: str, seconds: int) -> bool:
        """Whether the caller, known by `token`, is the one that rebuilds; holds for `seconds` unless taken again."""
        script = (
            "local holder = redis.call('GET', KEYS[1] .. 'rebuilder') "
            "if holder and holder ~= ARGV[1] then return 0 end "
            "redis.call('SET', KEYS[1] .. 'rebuilder', ARGV[1], 'EX', ARGV[2]) return 1"
        )
        return bool(
            await self._cache.call(
                "open", "rebuilder", lambda client: client.eval(script, 1, self._prefix, token, seconds)
            )
        )

    async def leave_rebuild(self, token: str) -> None:
        """Let another worker rebuild, if `token` still holds it."""
        script = (
            "if redis.call('GET', KEYS[1] .. 'rebuilder') == ARGV[1] then redis.call('DEL', KEYS[1] .. 'rebuilder') end"
        )
        await self._cache.call("open", "rebuilder", lambda client: client.eval(script, 1, self._prefix, token))

    async def indexed_offsets(self) -> dict[str, int]:
        """The last indexed offset by "topic/partition"."""
        found = await self._cache.call("open", "offsets", lambda client: client.hgetall(self.key("offsets")))
        return {name.decode(): int(value) for name, value in cast("dict[bytes, bytes]", found).items()}

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

        return await self._cache.call(operation, self._prefix, command)

    async def _load(self, client: Any) -> None:
        for script in self._scripts.values():
            await script.load(client)

    async def _send(self, client: Any, generation: str, calls: Iterable[Call]) -> list[Any]:
        if not isinstance(client, AsyncRedis):
            # a cluster's client chooses the connection by the key
            pipeline: Any = client.pipeline()
            for name, arguments in calls:
                pipeline.execute_command("EVALSHA", self._scripts[name].digest, 1, self._prefix, generation, *arguments)
            return cast("list[Any]", await pipeline.execute())
        # redis-py's pipeline sends when all is there; here Redis is at work while the next articles are counted
        pool: Any = client.connection_pool
        connection: Any = await pool.get_connection()
        try:
            sent = 0
            packed: list[bytes] = []
            for name, arguments in calls:
                packed += connection.pack_command(
                    "EVALSHA", self._scripts[name].digest, 1, self._prefix, generation, *arguments
                )
                sent += 1
                if sent % _SENT_TOGETHER == 0:
                    await connection.send_packed_command(packed)
                    packed = []
            if packed:
                await connection.send_packed_command(packed)
            replies: list[Any] = []
            failure: ResponseError | None = None
            for _ in range(sent):
                try:
                    replies.append(await connection.read_response())
                except ResponseError as error:
                    failure = failure or error
            if failure is not None:
                raise failure
            return replies
        except ResponseError:
            # everything sent has been answered: the connection is whole
            raise
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    def _added(self, reply: list[Any]) -> AddReply:
        status = reply[0]
        self._require(status)
        if status == b"known":
            return KnownVersion()
        if status == b"withdrawn":
            return WithdrawnVersion()
        if status == b"result":
            return _settled(_split(reply[1]))
        candidates = tuple(
            Candidate(int(reply[at]), int(reply[at + 1]), reply[at + 2], reply[at + 3] or None)
            for at in range(3, len(reply), 4)
        )
        return Found(int(reply[1]), reply[2] or None, candidates)


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
