"""Redis, as the services use it: typed, timed, and with its failures told as DependencyError."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar, cast

import redis.asyncio as aioredis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from services.runtime import clock
from services.runtime.errors import ConfigurationError, DependencyError
from services.runtime.metrics import REDIS_ERRORS, REDIS_SECONDS
from services.runtime.service import AfterSettle
from services.runtime.settings import RuntimeSettings

T = TypeVar("T")

_CONNECTION_FAILURES: Final = (RedisError, OSError, TimeoutError)


class Cache:
    """One service's connection to Redis. Opens nothing until it is used.

    `call` runs one command; every failure of it (away, slow, out of memory, loading) is a DependencyError naming the
    operation and the key, so that the caller decides: state that decides output is tried again by the engine, a pure
    cache does without. A user that Redis refuses or that lacks a right is a
    ConfigurationError: waiting mends neither.
    """

    def __init__(self, settings: RuntimeSettings, service: str) -> None:
        self._service = service
        self._operations: set[str] = set()
        self._cluster = settings.redis_cluster
        options: dict[str, Any] = {
            "socket_timeout": settings.redis_timeout_seconds,
            "socket_connect_timeout": settings.redis_timeout_seconds,
            "health_check_interval": 0,
        }
        url = settings.redis_url.get_secret_value()
        try:
            if settings.redis_cluster:
                self._client: Any = cast("Any", RedisCluster).from_url(url, **options)
            else:
                self._client = cast("Any", aioredis.Redis).from_url(url, **options)
        except ValueError:
            # the parser's own words may quote the password, where a sign in it is not written as %XX
            raise ConfigurationError(
                "NEWSLOOM_REDIS_URL is no address of a Redis; write redis://HOST:PORT/0 or "
                "rediss://USER:PASSWORD@HOST:PORT/0, with / # ? @ : in user and password as %2F %23 %3F %40 %3A"
            ) from None

    @property
    def is_cluster(self) -> bool:
        """Whether keys lie on several nodes, so that one command takes keys of one hash tag only."""
        return self._cluster

    @property
    def client(self) -> Any:
        """The redis.asyncio client, for what `call` wraps: pipelines and scripts."""
        return self._client

    async def call(self, operation: str, key: str, command: Callable[[Any], Awaitable[T]]) -> T:
        """What `command(client)` returns. Raises DependencyError; `operation` is from a list in the code."""
        if operation not in self._operations:
            # at zero before the first failure, so that a rate exists
            self._operations.add(operation)
            REDIS_ERRORS.labels(self._service, operation)
        started = clock.seconds()
        try:
            return await command(self._client)
        except (NoPermissionError, AuthenticationError) as error:
            raise ConfigurationError(
                f"Redis does not allow this user the {operation} of {key} ({type(error).__name__}: {error}); "
                "correct the user in NEWSLOOM_REDIS_URL, or grant the rights that deploy/README.md lists"
            ) from error
        except _CONNECTION_FAILURES as error:
            REDIS_ERRORS.labels(self._service, operation).inc()
            raise DependencyError(f"Redis failed at {operation} of {key}: {type(error).__name__}: {error}") from error
        finally:
            REDIS_SECONDS.labels(self._service, operation).observe(clock.seconds() - started)

    async def ping(self) -> None:
        """Returns when Redis answers; raises DependencyError."""
        await self.call("ping", "-", lambda client: client.ping())

    async def require_noeviction(self) -> None:
        """Refuse a Redis that may evict what decides output.

        Raises ConfigurationError for any maxmemory-policy but noeviction, DependencyError when Redis is away. A Redis
        that forbids CONFIG (managed ones do) is asked through INFO.
        """

        async def policy(client: Any) -> str:
            try:
                found = await client.config_get("maxmemory-policy")
                value = found.get("maxmemory-policy")
            except ResponseError:
                value = (await client.info("memory")).get("maxmemory_policy")
            return value.decode() if isinstance(value, bytes) else str(value)

        found = await self.call("config", "maxmemory-policy", policy)
        if found != "noeviction":
            raise ConfigurationError(
                f"Redis has maxmemory-policy {found}: it may forget what decides output. "
                "Set maxmemory-policy noeviction on it, or name another Redis in NEWSLOOM_REDIS_URL."
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


# pipelines cost the client several times as much; MGET would be one more right to grant, MSET knows no time to live
_GET_ALL: Final = """
local found = {}
for number = 1, #KEYS do
  found[number] = redis.call('GET', KEYS[number])
end
return found
"""
_SET_ALL: Final = """
for number = 1, #KEYS do
  redis.call('SET', KEYS[number], ARGV[number + 1], 'EX', ARGV[1])
end
"""


class Memos:
    """Small values that are remembered once a batch is settled, readable at once by this process.

    The overlay makes what a record leads to independent of how records fall into batches. `get` raises
    DependencyError when Redis is away and the key is not in the overlay; a failed write is counted and forgotten:
    a memo is a cache. One way to Redis and back costs as much as reading a small page, so that `fetch` asks for a
    batch's memos at once and `flush` writes them at once.
    """

    def __init__(self, cache: Cache, *, ttl_seconds: int) -> None:
        self._cache = cache
        self._ttl_seconds = ttl_seconds
        self._pending: dict[str, bytes] = {}
        self._fetched: dict[str, bytes | None] = {}
        self._to_write: dict[str, bytes] = {}

    async def fetch(self, keys: Sequence[str]) -> None:
        """Ask for all of `keys`, each for the next `get` of it; where Redis is away, `get` will find that out."""
        self._fetched.clear()
        wanted = [key for key in dict.fromkeys(keys) if key not in self._pending]
        if len(wanted) < 2:
            return

        async def ask(client: Any) -> list[bytes | None]:
            # keys of a cluster lie on several nodes
            if not self._cache.is_cluster:
                return await client.eval(_GET_ALL, len(wanted), *wanted)
            pipeline = client.pipeline()
            for key in wanted:
                pipeline.get(key)
            return await pipeline.execute()

        try:
            found = await self._cache.call("memo_get", wanted[0], ask)
        except DependencyError:
            return
        self._fetched.update(zip(wanted, found, strict=True))

    async def get(self, key: str) -> bytes | None:
        """The value remembered under `key`, or None."""
        if (pending := self._pending.get(key)) is not None:
            return pending
        if key in self._fetched:
            return self._fetched.pop(key)
        return await self._cache.call("memo_get", key, lambda client: client.get(key))

    def stage(self, key: str, value: bytes) -> AfterSettle:
        """Remember `value` under `key`: in this process now, in Redis at the first `flush` after the hook has run."""
        self._pending[key] = value

        async def note() -> None:
            self._to_write[key] = value

        return note

    async def flush(self) -> None:
        """Write what the hooks of a batch noted. What was staged and not noted is forgotten: its record was refused."""
        writes, self._to_write = self._to_write, {}
        if not writes:
            self._pending.clear()
            return

        async def write(client: Any) -> None:
            if not self._cache.is_cluster:
                await client.eval(_SET_ALL, len(writes), *writes, self._ttl_seconds, *writes.values())
                return
            pipeline = client.pipeline()
            for key, value in writes.items():
                pipeline.set(key, value, ex=self._ttl_seconds)
            await pipeline.execute()

        try:
            await self._cache.call("memo_set", next(iter(writes)), write)
        except DependencyError:
            pass  # counted by the cache; the next fetch of the pages is emitted again
        finally:
            self._pending.clear()
