"""Fuzzing: `uv run --group fuzz python -m tests.fuzz` runs 100,000 inputs through each target and prints a table.

Each target (decode, clean, split, shingle) gets inputs of the coverage-guided fuzzer and inputs of Hypothesis. Every
input must end in exactly one outcome, with no exception out of the engine, no dead letter that is a bug of ours, the
same bytes on a second pass, and within the limit of processor time. An input that fails is written to
tests/data/fuzz/TARGET/, which the unit tests run from then on. `--short` is what CI runs.
"""

from __future__ import annotations

import argparse
import base64
import gc
import hashlib
import importlib.util
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from schemas.topics import CLEAN_ARTICLES, RAW_ARTICLES
from tests.fuzz.strategies import STRATEGIES
from tests.fuzz.tally import Tally
from tests.fuzz.targets import CPU_SECONDS, TARGETS

REPOSITORY: Final = Path(__file__).resolve().parents[2]
KEPT: Final = REPOSITORY / "tests" / "data" / "fuzz"
ENGINES: Final = ("hypothesis", "coverage")
_PROCESS_INPUTS: Final = 20_000
_RUN_INPUTS: Final = 5_000


def with_hypothesis(name: str, *, inputs: int, seed_number: int) -> dict[str, Any]:
    """The tally of `inputs` inputs that Hypothesis made.

    In runs of a few thousand: it keeps all it has tried in a run, and collecting that garbage took two seconds by the
    50,000th input, which then stood for the input's own time.
    """
    tally, began = Tally(TARGETS[name]), time.monotonic()
    for part, first in enumerate(range(0, inputs, _RUN_INPUTS)):

        @seed(seed_number + part)
        @settings(
            max_examples=min(_RUN_INPUTS, inputs - first),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(STRATEGIES[name])
        def run(data: bytes) -> None:
            tally.run(data)

        run()
        gc.collect()
    return tally.as_dict() | {"seconds": time.monotonic() - began}


def with_coverage(name: str, *, inputs: int, seed_number: int) -> dict[str, Any]:
    """The tally of `inputs` inputs of the coverage-guided fuzzer, which starts from our own pages and examples.

    One process after the other goes on from what those before it found: the fuzzer keeps 40 kB of what it compares for
    every input, and ran out of 4 GB before the 100,000th.
    """
    whole: dict[str, Any] = {"inputs": 0, "outcomes": Counter(), "slowest_seconds": 0.0, "failures": {}, "seconds": 0.0}
    with tempfile.TemporaryDirectory(prefix="newsloom-fuzz-") as temporary:
        folder = Path(temporary)
        corpus = folder / "corpus"
        corpus.mkdir()
        for number, value in enumerate(seeds(name)):
            (corpus / f"seed-{number}").write_bytes(value)
        for part, first in enumerate(range(0, inputs, _PROCESS_INPUTS)):
            count = min(_PROCESS_INPUTS, inputs - first)
            found = _process(name, folder, inputs=count, seed_number=seed_number + part)
            whole["inputs"] += found["inputs"]
            whole["outcomes"].update(found["outcomes"])
            whole["slowest_seconds"] = max(whole["slowest_seconds"], found["slowest_seconds"])
            whole["failures"] |= found["failures"]
            whole["seconds"] += found["seconds"]
    return whole


def _process(name: str, folder: Path, *, inputs: int, seed_number: int) -> dict[str, Any]:
    answer = folder / "answer.json"
    command = [sys.executable, "-m", "tests.fuzz.coverage", "--target", name, "--inputs", str(inputs)]
    command += ["--seed", str(seed_number), "--corpus", str(folder / "corpus"), "--answer", str(answer)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if answer.exists():
        found = json.loads(answer.read_text())
        answer.unlink()
        return found
    # it was ended: a crash in C, a hang, or out of memory; libFuzzer has written the input that did it
    artifacts = [path for path in folder.iterdir() if path.is_file()]
    failures = {
        path.name.split("-")[0]: [done.stderr[-600:], base64.b64encode(path.read_bytes()).decode()]
        for path in artifacts
    }
    for path in artifacts:
        path.unlink()
    failures = failures or {"ended": [done.stderr[-600:], ""]}
    return {"inputs": 0, "outcomes": {"failed": 1}, "slowest_seconds": 0.0, "failures": failures, "seconds": 0.0}


def seeds(name: str) -> list[bytes]:
    """Inputs of the right shape to start from."""
    pages = REPOSITORY / "services" / "local" / "sample"
    if name == "decode":
        examples = (REPOSITORY / "schemas" / "examples" / RAW_ARTICLES.name).rglob("*.json")
        return [path.read_bytes() for path in (*sorted(examples), *sorted((pages / "malformed").iterdir()))]
    if name == "clean":
        return [path.read_bytes() for path in sorted((pages / "pages").glob("*.html"))]
    if name == "split":
        return [path.read_bytes() for path in sorted((pages / "pages").glob("*.txt"))]
    examples = (REPOSITORY / "schemas" / "examples" / CLEAN_ARTICLES.name).glob("*.json")
    texts = [json.loads(path.read_bytes()).get("text", "").encode() for path in sorted(examples)]
    return [text for text in texts if text] + [path.read_bytes() for path in sorted((pages / "gold").iterdir())]


def keep(name: str, found: dict[str, Any]) -> list[str]:
    """Write the inputs that failed to tests/data/fuzz; what each did, a line each."""
    lines: list[str] = []
    for where, (what, encoded) in found["failures"].items():
        data = base64.b64decode(encoded)
        path = KEPT / name / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        lines.append(f"  {where}: {what[:300]} ({len(data)} bytes, {path.relative_to(REPOSITORY)})")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one; may be repeated")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only this one; may be repeated")
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs of each engine for each target")
    parser.add_argument("--short", action="store_true", help="100 inputs instead")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    inputs = 100 if arguments.short else arguments.inputs
    engines = arguments.engine or ENGINES
    if "coverage" in engines and importlib.util.find_spec("atheris") is None:
        print("the coverage-guided fuzzer is not installed: uv run --group fuzz python -m tests.fuzz", file=sys.stderr)
        return 78
    print(f"seed {arguments.seed}, {inputs} inputs a row, at most {CPU_SECONDS:g} s of processor time an input")
    print(f"{'target':8} {'engine':10} {'inputs':>8} {'failed':>7} {'slowest ms':>10} {'seconds':>8}  outcomes")
    failed = 0
    for name in arguments.target or TARGETS:
        for engine in engines:
            run = with_hypothesis if engine == "hypothesis" else with_coverage
            found = run(name, inputs=inputs, seed_number=arguments.seed)
            outcomes = dict(found["outcomes"])
            bad = outcomes.pop("failed", 0)
            failed += bad
            told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
            print(
                f"{name:8} {engine:10} {found['inputs']:8} {bad:7} {found['slowest_seconds'] * 1000:10.0f} "
                f"{found['seconds']:8.0f}  {told}",
                flush=True,
            )
            for line in keep(name, found):
                print(line, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
