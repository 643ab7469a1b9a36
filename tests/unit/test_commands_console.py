"""What the command line prints cannot steer the terminal it is printed on."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from schemas.articles import Author, CleanArticle, Outlet
from services.commands import console
from services.commands.show import show_articles
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


@given(st.text())
def test_json_steers_no_terminal_and_means_the_same(value: str) -> None:
    with contextlib.redirect_stdout(StringIO()) as written:
        console.print_json({"headline": value})
    line = written.getvalue()
    assert line.endswith("}\n")
    assert console.printable(line) == line
    assert json.loads(line) == {"headline": value}


def test_a_headline_from_anywhere_cannot_steer_the_terminal() -> None:
    hostile = "\x1b]0;title\x07\x1b[2J\x9b31m\u202egnp.exe\r\x08"
    article = CleanArticle(
        article_id="a" * 32,
        outlet=Outlet(name=hostile),
        headline=hostile,
        text=hostile,
        byline=(Author(name=hostile),),
        fetched_at=datetime(2026, 3, 2, tzinfo=UTC),
    )
    written = StringIO()
    show_articles(Console(file=written, force_terminal=True, color_system=None, width=100), [article], {})
    console_text = written.getvalue()
    assert "gnp.exe" in console_text
    assert not {"\x07", "\x08", "\x9b", "\r", "\u202e"} & set(console_text)
    assert "\x1b[2J" not in console_text
    assert "\x1b]0" not in console_text
