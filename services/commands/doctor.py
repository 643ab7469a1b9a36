"""`newsloom doctor`: what the suite needs on this machine, checked."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from schemas.topics import ALL_TOPICS, SERVICES
from services.runtime.cache import Cache
from services.runtime.errors import SuiteError
from services.runtime.kafka import Admin
from services.runtime.metrics import release
from services.runtime.settings import RuntimeSettings


@dataclass(frozen=True)
class Finding:
    """One thing checked: fine, absent (only needed for some uses), or missing with its remedy."""

    what: str
    verdict: Literal["fine", "absent", "missing"]
    detail: str

    def as_dict(self) -> dict[str, str]:
        """For --json."""
        return {"what": self.what, "verdict": self.verdict, "detail": self.detail}


def check_all(settings: RuntimeSettings) -> list[Finding]:
    """Every check, in the order in which a newcomer would fix them."""
    findings = [
        Finding("newsloom", "fine", f"{release()} on Python {platform.python_version()}, {platform.system()}"),
        _checked("Java", _java, remedy="absent"),
        _checked("Redis program", _redis_program, remedy="absent"),
        _checked("disk", _disk, remedy="missing"),
    ]
    findings += [_service(name) for name in SERVICES]
    findings.append(_checked("Kafka", lambda: _kafka(settings), remedy="absent"))
    findings.append(_checked("Redis", lambda: _redis(settings), remedy="absent"))
    return findings


def _checked(what: str, check: Callable[[], str], *, remedy: Literal["absent", "missing"]) -> Finding:
    try:
        return Finding(what, "fine", check())
    except ImportError as error:
        return Finding(what, "absent", f"{error}; only needed for a stack on this machine (`uv sync`)")
    except SuiteError as error:
        return Finding(what, remedy, str(error))


def _java() -> str:
    from services.local.java import find_java
    from services.local.settings import LocalSettings

    return str(find_java(LocalSettings()))


def _redis_program() -> str:
    from services.local.redis_server import find_redis_server
    from services.local.settings import LocalSettings

    return str(find_redis_server(LocalSettings()))


def _disk() -> str:
    from services.local.maven import require_space
    from services.local.settings import LocalSettings

    local = LocalSettings()
    local.cache_folder.mkdir(parents=True, exist_ok=True)
    require_space(local.cache_folder, local)
    return f"{shutil.disk_usage(local.cache_folder).free / 2**30:.1f} GiB free in {local.cache_folder}"


_MODULES = {
    "cleaner": ("trafilatura", "lxml"),
    "entities": ("onnxruntime", "tokenizers"),
    "duplicates": ("numpy", "zstandard"),
}


def _service(name: str) -> Finding:
    absent = [module for module in _MODULES[name] if find_spec(module) is None]
    if absent:
        return Finding(name, "absent", f"no {', '.join(absent)}; install with `pip install 'newsloom[{name}]'`")
    return Finding(name, "fine", f"`newsloom-{name}` can run with {sys.executable}")


def _kafka(settings: RuntimeSettings) -> str:
    with Admin(settings) as admin:
        names = admin.topic_names()
    wanted = {settings.topic_prefix + topic.name for topic in ALL_TOPICS}
    missing = len(wanted - names)
    return f"{settings.kafka_bootstrap}, " + (
        f"{missing} of {len(wanted)} topics missing: `newsloom topics create`" if missing else "all topics there"
    )


def _redis(settings: RuntimeSettings) -> str:
    async def ask() -> None:
        cache = Cache(settings, "doctor")
        try:
            await cache.ping()
            await cache.require_noeviction()
        finally:
            await cache.close()

    asyncio.run(ask())
    return "answers, maxmemory-policy noeviction"
