"""Logs: standard `logging`, one JSON object a line, on standard error."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from schemas.events import format_instant

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

# their debug calls build records even when nothing is printed: a quarter of the cost of a send
_QUIETED: Final = ("faust", "aiokafka", "mode", "kafka", "asyncio")
_NO_NEWS: Final = "Unable to decode member_metadata"


def _tells_something(record: logging.LogRecord) -> bool:
    # kafka-python cannot read what a Faust worker joins its group with, and says so of each at each look of the
    # observer, 12 lines a minute; we ask only how many members there are
    return not (record.name.startswith("kafka.admin") and record.getMessage().startswith(_NO_NEWS))


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: at, level, logger, message, and the fields given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "at": format_instant(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str).encode(errors="replace").decode()


def configure(level: str) -> None:
    """Send this process's logs to standard error as JSON lines, `level` and above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    # on the handler: a logger's own filter is not asked for its children
    handler.addFilter(_tells_something)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIETED:
        logging.getLogger(name).setLevel(logging.WARNING)
