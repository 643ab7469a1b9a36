"""One target under the coverage-guided fuzzer (Atheris, on libFuzzer), as a process of its own; see __main__.py."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["services", "schemas"]):
    from tests.fuzz.tally import Tally
    from tests.fuzz.targets import MAX_BYTES, TARGETS

# a hang in C is ended by libFuzzer's own alarm; wall time, so far above what an input may take on a busy machine
_HANG_SECONDS = 120


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", choices=TARGETS, required=True)
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--answer", type=Path, required=True)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    tally = Tally(TARGETS[given.target])
    began = time.monotonic()

    def one(data: bytes) -> None:
        tally.run(data)
        if tally.inputs >= given.inputs:
            given.answer.write_text(json.dumps(tally.as_dict() | {"seconds": time.monotonic() - began}))
            # libFuzzer's own end runs no Python any more
            os._exit(0)

    atheris.Setup(
        [
            sys.argv[0],
            str(given.corpus),
            f"-seed={given.seed}",
            f"-max_len={MAX_BYTES}",
            f"-timeout={_HANG_SECONDS}",
            f"-artifact_prefix={given.corpus.parent}/",
            f"-dict={Path(__file__).with_name('words.dict')}",
            "-rss_limit_mb=4096",
            "-print_final_stats=0",
            "-verbosity=0",
        ],
        one,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
