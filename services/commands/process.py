"""`newsloom process`: one service over JSON lines."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import SecretStr

from services.commands import console
from services.runtime import clock
from services.runtime.cache import Cache
from services.runtime.errors import ConfigurationError, DependencyError
from services.runtime.lines import LinesOutbox, LinesRun, Tally, bounded_lines, open_lines
from services.runtime.service import Service
from services.runtime.settings import RuntimeSettings


def build_service(name: str, runtime: RuntimeSettings) -> Service[Any]:
    """The service `name`, with its settings from the environment.

    Raises ConfigurationError when its extra is not installed.
    """
    try:
        module = import_module(f"services.{name}.service")
    except ImportError as error:
        raise ConfigurationError(
            f"the {name} cannot be loaded ({error}); install it with `pip install 'newsloom[{name}]'`"
        ) from None
    return module.build(runtime)


def run_process(
    name: str, *, input: str, output: str, letters: Path | None, redis_url: str | None, base: RuntimeSettings
) -> Tally:
    """Run service `name` over the lines of `input` and return what became of them.

    Raises ConfigurationError for files and DependencyError for a Redis that cannot be used.
    """
    tally = Tally()
    with ExitStack() as stack:
        lines = open_lines(input, stack)
        if redis_url is None:
            from services.local.redis_server import RedisServer

            redis_url = stack.enter_context(RedisServer()).url
        else:
            # here a person waits: what a worker would wait for, for ever, is said at once
            asyncio.run(_require_redis(base.model_copy(update={"redis_url": SecretStr(redis_url)})))
        settings = base.model_copy(update={"redis_url": SecretStr(redis_url), "topic_prefix": ""})
        service = build_service(name, settings)
        folder, file = _output(output, stack)
        letters_file = _opened(letters, stack) if letters is not None else None
        show = console.counter(name)
        started = clock.seconds()

        def progress(now: Tally) -> None:
            rate = now.records / max(1e-9, clock.seconds() - started)
            show(f"{now.records} records, {rate:.0f} a second")

        outbox = LinesOutbox(service, output=file, folder=folder, letters=letters_file, tally=tally)
        try:
            values = bounded_lines(lines, service.source.max_message_bytes)
            asyncio.run(LinesRun(service, settings.batch_records, progress).run(values, outbox, tally))
        except (OSError, EOFError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise ConfigurationError(f"{input}: cannot be read or written on ({error}); is the file whole?") from None
        finally:
            show("")
            outbox.close()
    return tally


async def _require_redis(settings: RuntimeSettings) -> None:
    cache = Cache(settings, "process")
    try:
        await cache.ping()
    except DependencyError as error:
        raise DependencyError(f"{error}; start that Redis, or leave --redis out for a private one") from None
    finally:
        await cache.close()


def _output(output: str, stack: ExitStack) -> tuple[Path | None, BinaryIO | None]:
    if output == "-":
        return None, sys.stdout.buffer
    path = Path(output)
    if output.endswith("/") or path.is_dir():
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{output}: {error.strerror}; name a folder that can be written") from None
        return path, None
    return None, _opened(path, stack)


def _opened(path: Path, stack: ExitStack) -> BinaryIO:
    try:
        return stack.enter_context(path.open("wb"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name a file that can be written") from None
