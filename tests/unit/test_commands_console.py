"""What the command line prints cannot steer the terminal it is printed on."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from services.commands import console
from services.runtime.errors import ConfigurationError, DependencyError, SuiteError


@given(st.text())
def test_no_control_character_or_direction_mark_is_left(value: str) -> None:
    shown = console.printable(value)
    assert len(shown) == len(value)
    assert not any(ord(char) < 32 and char not in "\t\n" for char in shown)
    assert not any("\x7f" <= char <= "\x9f" or "\u202a" <= char <= "\u202e" for char in shown)


def test_markup_in_a_headline_is_printed_as_it_is() -> None:
    written = StringIO()
    Console(file=written, force_terminal=False).print(console.text("[red]x[/red] \x1b[2J"))
    assert written.getvalue() == "[red]x[/red] \ufffd[2J\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigurationError("a"), 78), (DependencyError("b"), 69), (SuiteError("c"), 65), (KeyboardInterrupt(), 130)],
)
def test_each_kind_of_error_has_its_exit_code_and_no_traceback(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left, console.errors_as_exit_codes():
        raise error
    assert left.value.code == code
    assert "Traceback" not in capsys.readouterr().err
