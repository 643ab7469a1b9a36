"""The command line's first second: Ctrl-C in it is an exit code."""

from __future__ import annotations

import pytest

from services import __main__ as entry
from services import cli


class _Interrupted:
    def __set_name__(self, owner: type, name: str) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_while_a_class_is_made_ends_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "main", lambda: type("Made", (), {"field": _Interrupted()}))
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 130


def test_another_error_of_the_same_type_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(cli, "main", fails)
    with pytest.raises(RuntimeError, match="a fault"):
        entry.main()
