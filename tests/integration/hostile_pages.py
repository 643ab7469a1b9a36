"""Runs hostile pages through the cleaner with everything forbidden that reads from outside.

`python -m tests.integration.hostile_pages PAGES.json` prints, a line of JSON a page: outcome, what was written,
processor time and the most memory so far. Opening a socket, starting a process, writing a file or reading one that is
not Python's or the suite's makes the page fail.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from pathlib import Path

from pydantic import SecretStr

from services.cleaner import service as cleaner
from services.runtime.settings import RuntimeSettings
from tests.fuzz.targets import TARGETS, Target, raw_record

_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "urllib.",
    "http.client",
    "ctypes.dlopen",
    "pickle.find_class",
)


def guard(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"extraction did {event} {arguments!r:.200}")
    if event == "open":
        path, mode = str(arguments[0]), str(arguments[1] or "r")
        if set(mode) & set("wax+") or not path.startswith(ALLOWED):
            raise PermissionError(f"extraction opened {path} as {mode}")


ALLOWED = (*{str(Path(folder).resolve()) for folder in (*sys.path, sys.base_prefix, sys.prefix) if folder}, sys.prefix)


def main() -> None:
    pages = json.loads(Path(sys.argv[1]).read_text())
    logging.disable(logging.CRITICAL)
    runtime = RuntimeSettings(redis_url=SecretStr("redis://127.0.0.1:1/0"))
    # with 1.0 every page goes to trafilatura and lxml too
    services = [
        cleaner.build(runtime, cleaner.CleanerSettings(discard_unchanged=False, hand_over_below_ratio=ratio))
        for ratio in (0.93, 1.0)
    ]
    targets = [Target("clean", lambda service=service: service, TARGETS["clean"].record_of) for service in services]
    for target in targets:
        target.run(b"<article><h1>First</h1><p>" + b"A page that has the models loaded. " * 20 + b"</p></article>")
        target.outcome(raw_record(text="Another headline\n\n" + "A page that has the models loaded. " * 20))
    sys.addaudithook(guard)
    for page in pages:
        for target in targets:
            began = time.process_time()
            outcome, messages = target.outcome(raw_record(**page))
            print(
                json.dumps(
                    {
                        "outcome": outcome,
                        "written": [(message.value or b"").decode() for message in messages],
                        "seconds": time.process_time() - began,
                        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
