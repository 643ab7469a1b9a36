"""Trying again in place while a dependency is away."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from services.runtime.errors import DependencyError
from services.runtime.metrics import RETRIES

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Backoff:
    """Waits that double from `first_seconds` to `longest_seconds`, each cut by up to half at random.

    The jitter keeps workers that lost the same dependency from coming back to it together (Brooker, "Exponential
    backoff and jitter", 2015).
    """

    first_seconds: float = 0.2
    longest_seconds: float = 10.0

    def wait_seconds(self, attempt: int) -> float:
        """How long to wait after the `attempt`-th failure, counted from 1."""
        full = min(self.longest_seconds, self.first_seconds * 2 ** min(attempt - 1, 30))
        return full * random.uniform(0.5, 1.0)


async def until_answered(
    call: Callable[[], Awaitable[T]],
    *,
    backoff: Backoff,
    service: str,
    stage: str,
    on_wait: Callable[[], Awaitable[None]] | None = None,
) -> tuple[T, int]:
    """What `call` returns once it raises no DependencyError, and the number of tries it took.

    Tries for ever, because a record may be neither skipped nor dead-lettered over a dependency; a shutdown cancels
    the wait. `on_wait` is called before each wait. Any other exception passes through.
    """
    attempt = 1
    while True:
        try:
            return await call(), attempt
        except DependencyError as error:
            RETRIES.labels(service, stage).inc()
            wait = backoff.wait_seconds(attempt)
            # once per outage loudly, then by powers of two
            level = logging.WARNING if attempt & (attempt - 1) == 0 else logging.DEBUG
            logger.log(
                level,
                "dependency did not answer, trying again",
                extra={
                    "service": service,
                    "stage": stage,
                    "attempt": attempt,
                    "wait_seconds": wait,
                    "error": str(error),
                },
            )
            if on_wait is not None:
                await on_wait()
            await asyncio.sleep(wait)
            attempt += 1
