"""What a worker writes beside a committed offset, so that whoever comes after its death knows how it died.

Kafka keeps a short text with each committed offset. In it stand the tries that the record at that offset has cost, and
how many dead letters the worker had written in a row. Nothing else survives a process, its machine and its group, and
it costs nothing while nobody dies: only the first records after an assignment are marked one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

_TEXT = re.compile(r"newsloom dead=(\d{1,9})(?: tries=(\d{1,4}) slow=(\d{1,4}) at=(\d{1,15}))?")


@dataclass(frozen=True)
class Mark:
    """`tries`: how often work on the record at the offset was begun and not ended; `slow`: after how many of these
    the next worker came no sooner than the time limit of a record; `at_ms`: when the last one began, Unix time."""

    dead_run: int = 0
    tries: int = 0
    slow: int = 0
    at_ms: int = 0

    @classmethod
    def read(cls, text: str) -> Mark:
        """The mark in `text`; an empty one for anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            return cls()
        return cls(*(int(group or 0) for group in match.groups()))

    def text(self) -> str:
        """The mark as it is committed."""
        tries = f" tries={self.tries} slow={self.slow} at={self.at_ms}" if self.tries else ""
        return f"newsloom dead={self.dead_run}{tries}"

    def found_at(self, now_ms: int, *, limit_seconds: float) -> Mark:
        """The mark as the next worker takes it over: a try that ended in time is a crash, any other was too slow.

        A worker that is killed for standing still dies at its limit and not before; one that crashes is followed by
        another within the session timeout, or within its supervisor's first pause.
        """
        if self.tries and now_ms - self.at_ms >= limit_seconds * 1000:
            return replace(self, slow=self.slow + 1)
        return self

    @property
    def reason(self) -> Literal["crashed", "too_slow"]:
        """`too_slow` when every try was, else `crashed`."""
        return "too_slow" if self.tries and self.slow >= self.tries else "crashed"
