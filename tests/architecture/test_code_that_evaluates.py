"""Nothing of what is read is ever run: no code of the suite evaluates, unpickles, or hands words to a shell."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = ("pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "code", "codeop")
CALLS = (
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "yaml.load",
    "torch.load",
    "jsonpickle.decode",
)


def found_in(source: str) -> list[str]:
    """What the source does that runs data, each with its line."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: import {name.name}" for name in node.names if name.name.split(".")[0] in MODULES]
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append(f"{node.lineno}: from {node.module}")
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) in CALLS:
                found.append(f"{node.lineno}: {ast.unparse(node.func)}")
            found += [
                f"{node.lineno}: {word.arg}=True"
                for word in node.keywords
                if word.arg in ("shell", "allow_pickle") and ast.unparse(word.value) != "False"
            ]
    return found


def test_nothing_that_is_read_is_run() -> None:
    offending = {
        str(path.relative_to(REPOSITORY)): found
        for folder in ("services", "schemas")
        for path in (REPOSITORY / folder).rglob("*.py")
        # training reads what its own scripts wrote, and no worker imports it (its image has none of it)
        if "training" not in path.parts and (found := found_in(path.read_text()))
    }
    assert offending == {}


@pytest.mark.parametrize(
    "line",
    ["eval(x)", "import pickle", "from marshal import loads", "run(x, shell=True)", "np.load(x, allow_pickle=True)",
     "os.system(x)"],
)  # fmt: skip
def test_the_check_sees_each_way(line: str) -> None:
    assert found_in(line)
