"""The one place that asks what time it is, so that nothing else can let it into an event."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def seconds() -> float:
    """A monotonic reading in seconds, for durations."""
    return time.monotonic()
