"""What tests of all rooms share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def run_newsloom(
    *words: str, environment: Mapping[str, str], input: bytes | None = None, timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """`newsloom` with `words`, run to its end in the repository's folder, whatever its exit code.

    `environment` is added to this process'; past `timeout` seconds it is stopped, and TimeoutExpired raised.
    """
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *words],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        input=input,
        timeout=timeout,
        check=False,
        env={**os.environ, **environment},
    )


def eventually(
    predicate: Callable[[], T], within_seconds: float = 20, *, every_seconds: float = 0.05, message: str = ""
) -> T:
    """The first true value of `predicate`, asked again and again; AssertionError if none comes in time.

    An AssertionError raised by `predicate` counts as "not yet", so that it may assert; its text is shown in the end.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        last: object
        try:
            value = predicate()
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_seconds:g} s: {message or predicate}; last: {last!r}")
        time.sleep(every_seconds)


FIGURES: list[str] = []
"""What tests counted or measured, for the end of the run."""


def report(line: str) -> None:
    """Print `line` at the end of the run, whether tests pass or fail, and however quiet pytest is asked to be."""
    FIGURES.append(line)
