"""How the command line speaks: tables and colours to a person, lines or JSON to a pipe; errors with exit codes."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.runtime.errors import ConfigurationError, DependencyError, SuiteError

EXIT_DATA: Final = 65  # EX_DATAERR
EXIT_UNAVAILABLE: Final = 69  # EX_UNAVAILABLE
EXIT_CONFIGURATION: Final = 78  # EX_CONFIG
EXIT_INTERRUPTED: Final = 130

# what moves the cursor, rings, or turns the reading direction: titles come from anywhere
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

out: Final = Console(highlight=False, soft_wrap=False)
err: Final = Console(stderr=True, highlight=False)


def printable(text: str) -> str:
    """`text` with control characters, terminal escapes and direction marks made visible as U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


def text(value: object, style: str = "") -> Text:
    """`value` as rich text that no markup and no escape in it can change."""
    return Text(printable(str(value)), style=style)


def age(seconds: float) -> str:
    """A duration for a person, such as 1.5 h."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def is_terminal() -> bool:
    """Whether a person reads standard output."""
    return out.is_terminal


def print_json(value: object) -> None:
    """`value` as one line of JSON on standard output, with what could steer a terminal escaped."""
    line = json.dumps(value, ensure_ascii=False, default=str)
    sys.stdout.write(_UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", line) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """A table for a person; tab-separated lines with a header for a pipe."""
    if not is_terminal():
        sys.stdout.write("\t".join(columns) + "\n")
        for row in rows:
            sys.stdout.write("\t".join(printable(str(cell)).replace("\t", " ") for cell in row) + "\n")
        sys.stdout.flush()
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*[cell if isinstance(cell, Text) else text(cell) for cell in row])
    out.print(table)


def say(line: str) -> None:
    """A line about the work under way, on standard error."""
    err.print(text(line, "dim"), soft_wrap=True)


def complain(line: str) -> None:
    """A line about what went wrong, on standard error."""
    err.print(Text("newsloom: ", style="bold red") + text(line), soft_wrap=True)


@contextmanager
def errors_as_exit_codes() -> Generator[None]:
    """The suite's errors as a line and an exit code: 65 data, 69 unavailable, 78 configuration, 130 interrupted."""
    try:
        yield
    except ConfigurationError as error:
        complain(str(error))
        sys.exit(EXIT_CONFIGURATION)
    except DependencyError as error:
        complain(str(error))
        sys.exit(EXIT_UNAVAILABLE)
    except SuiteError as error:
        complain(str(error))
        sys.exit(EXIT_DATA)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # the reader of a pipe has seen enough; without this Python complains at exit
        sys.stdout = None  # pyright: ignore[reportAttributeAccessIssue]  # flushed no more
        sys.exit(141)


class _Complaints(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # what a field of the record adds for a person; a traceback is for a worker's log, not for a terminal
        error = getattr(record, "error", "")
        complain(f"{record.getMessage()}: {error}" if error else record.getMessage())


def configure_logging() -> None:
    """Logs for a person: what is waited for, and what ends the process; records speak through the summary."""
    root = logging.getLogger()
    root.handlers[:] = [logging.NullHandler()]
    for name in ("services.runtime.retry", "services.runtime.worker"):
        logging.getLogger(name).addHandler(_Complaints(logging.WARNING))


def counter(label: str) -> Callable[[str], None]:
    """A line on a person's terminal that shows how far long work is; nothing for a pipe."""
    if not err.is_terminal:
        return lambda line: None
    status = err.status(label)
    status.start()

    def show(line: str) -> None:
        if line:
            status.update(f"{label} {printable(line)}")
        else:
            status.stop()

    return show
