"""Write the README's tables of settings and topics from the code: `uv run deploy/readme_tables.py`.

A test fails when they are stale.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from schemas.topics import ALL_TOPICS
from services.cleaner.service import CleanerSettings
from services.duplicates.service import DuplicatesSettings
from services.entities.service import EntitiesSettings
from services.local.settings import LocalSettings
from services.observer.service import ObserverSettings
from services.runtime.settings import RuntimeSettings

README = Path(__file__).resolve().parents[1] / "README.md"

SETTINGS: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("Every service and the command line", RuntimeSettings),
    ("Cleaner", CleanerSettings),
    ("Entities", EntitiesSettings),
    ("Duplicates", DuplicatesSettings),
    ("Observer", ObserverSettings),
    ("The stack on this machine", LocalSettings),
)


def settings_table() -> str:
    """A table for each settings class: variable, default, meaning."""
    lines: list[str] = []
    for title, kind in SETTINGS:
        prefix = str(kind.model_config.get("env_prefix", ""))
        lines += [f"**{title}**", "", "| variable | default | meaning |", "| --- | --- | --- |"]
        for name, field in kind.model_fields.items():
            lines.append(f"| `{(prefix + name).upper()}` | {_default(field.default)} | {field.description} |")
        lines.append("")
    return "\n".join(lines)


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "see meaning"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return "none"
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"  # pyright: ignore[reportUnknownArgumentType]
    return f"`{value}`"


def topics_table() -> str:
    """The suite's topics: what is on each, its key, partitions and how long it is kept."""
    lines = ["| topic | what | key | partitions | kept |", "| --- | --- | --- | --- | --- |"]
    for topic in ALL_TOPICS:
        kept = "compacted" if topic.cleanup == "compact" else f"{topic.retention_ms // 86_400_000} days"
        key = topic.key.replace("|", "\\|")  # else it would begin another cell
        lines.append(f"| `{topic.name}` | {topic.summary} | {key} | {topic.partitions} | {kept} |")
    return "\n".join(lines) + "\n"


def rendered(text: str) -> str:
    """`text` with the tables between their markers made anew."""
    for name, table in (("settings", settings_table()), ("topics", topics_table())):
        pattern = re.compile(f"(<!-- {name}: .*? -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text, count = pattern.subn(lambda match, table=table: f"{match[1]}\n{table}\n{match[2]}", text)
        if count != 1:
            raise SystemExit(f"README.md: no place for the table of {name}")
    return text


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
    sys.exit(0)
