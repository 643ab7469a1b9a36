"""The README's tables are those of the code."""

from __future__ import annotations

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "deploy"))

import readme_tables  # noqa: E402  # a script beside the package


def test_the_tables_of_settings_and_topics_are_current() -> None:
    text = (REPOSITORY / "README.md").read_text()
    assert readme_tables.rendered(text) == text, "run `uv run deploy/readme_tables.py`"


def test_every_setting_has_a_description_and_a_unit_where_it_needs_one() -> None:
    for _, kind in readme_tables.SETTINGS:
        for name, field in kind.model_fields.items():
            assert field.description, f"{kind.__name__}.{name}"
            if isinstance(field.default, float):
                assert name.endswith(("_seconds", "_ratio", "_share")), f"{kind.__name__}.{name} names no unit"


def test_every_path_that_the_readme_names_is_there() -> None:
    text = (REPOSITORY / "README.md").read_text()
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (REPOSITORY / path).exists(), path
