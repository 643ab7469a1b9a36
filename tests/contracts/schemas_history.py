"""Earlier versions of the schemas and examples: the frozen baseline, and what git has.

`python -m tests.contracts.schemas_history` freezes the present ones as the baseline, when they are compatible with the
one before; `--force` does it anyway, for a change of `SCHEMA_VERSION` and before the first release.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.compatibility import compatibility_problems
from schemas.export import json_schema
from schemas.topics import ALL_TOPICS

ROOT = Path(__file__).parents[2]
BASELINE = ROOT / "tests" / "data" / "schemas_baseline"
SCHEMAS, EXAMPLES = Path("schemas/json"), Path("schemas/examples")


@dataclass(frozen=True)
class Version:
    """One version of the contract: JSON Schemas and valid examples, both by topic."""

    name: str
    schemas: dict[str, dict[str, Any]]
    examples: dict[str, dict[str, bytes]]


def baseline() -> Version:
    """The version that was frozen last; empty when there is none."""
    return _version("the baseline", {str(path.relative_to(BASELINE)): path.read_bytes() for path in _files(BASELINE)})


def committed() -> tuple[Version, ...]:
    """The last commit's version; none outside git, and none while the baseline is being frozen anew."""
    if not (ROOT / ".git").exists() or _git("status", "--porcelain", "--", str(BASELINE)):
        return ()
    names = _git("ls-tree", "-r", "--name-only", "-z", "HEAD", "--", str(SCHEMAS), str(EXAMPLES)).decode()
    paths = [name for name in names.split("\0") if name.endswith(".json") and "/invalid/" not in name]
    contents = _blobs(_git("cat-file", "--batch", stdin="".join(f"HEAD:{path}\n" for path in paths).encode()))
    files = {path.removeprefix("schemas/"): content for path, content in zip(paths, contents, strict=True)}
    return (_version("the last commit", files),)


def _git(*arguments: str, stdin: bytes | None = None) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, input=stdin).stdout


def _blobs(output: bytes) -> list[bytes]:
    blobs: list[bytes] = []
    while output:
        header, _, rest = output.partition(b"\n")
        size = int(header.split()[2])
        blobs.append(rest[:size])
        output = rest[size + 1 :]
    return blobs


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.json") if "invalid" not in path.parts)


def _version(name: str, files: dict[str, bytes]) -> Version:
    schemas: dict[str, dict[str, Any]] = {}
    examples: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        match path.split("/"):
            case ["json", file]:
                schemas[file.removesuffix(".schema.json")] = json.loads(content)
            case ["examples", topic, file]:
                examples.setdefault(topic, {})[file] = content
            case _:
                pass
    return Version(name, schemas, examples)


def problems_since(version: Version) -> list[str]:
    """What keeps the present schemas from replacing `version`'s on their topics."""
    current = {topic.name: json_schema(topic) for topic in ALL_TOPICS if topic.event is not None}
    gone = [f"{topic}: the topic is gone" for topic in version.schemas if topic not in current]
    return gone + [
        f"{topic}: {problem}"
        for topic, schema in version.schemas.items()
        if topic in current
        for problem in compatibility_problems(schema, current[topic])
    ]


def freeze() -> None:
    """Makes the present schemas and valid examples the baseline."""
    shutil.rmtree(BASELINE, ignore_errors=True)
    for folder in (SCHEMAS, EXAMPLES):
        for path in _files(ROOT / folder):
            if "closed" in path.parts:
                continue
            target = BASELINE / path.relative_to(ROOT / "schemas")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def main(arguments: list[str]) -> int:
    """0 once the baseline is frozen; 1 when the present schemas cannot follow it."""
    problems = problems_since(baseline())
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems and "--force" not in arguments:
        print("not frozen: within a schema version fields are only added, with defaults", file=sys.stderr)
        return 1
    freeze()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
