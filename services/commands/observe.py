"""`newsloom up --observe`: the observer, and a Prometheus with the deployed rules where one is on the machine."""

from __future__ import annotations

import http.client
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from services.local.ports import free_port
from services.local.stack import ServiceCommand, StackState
from services.runtime.errors import ConfigurationError

RULES: Final = Path(__file__).resolve().parents[2] / "deploy/prometheus/rules"

# the second is where Debian's package, built without the React pages, has it; its /alerts is 404 (2.42.0+ds)
_ALERTS_PAGES: Final = ("/alerts", "/classic/alerts")

_ADDRESS: Final = "address"
_ALERTS: Final = "alerts"


def describe_prometheus(state: StackState) -> str | None:
    """Where the Prometheus of a running stack and its alerts answer, as a line; None where it has none."""
    if all(process.name != "prometheus" for process in state.processes):
        return None
    folder = state.folder / "prometheus"
    try:
        address = (folder / _ADDRESS).read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        return f"Prometheus {address}, with the alerts at {(folder / _ALERTS).read_text(encoding='utf-8')}"
    except OSError:
        return f"Prometheus {address}"


def find_alerts(folder: Path, address: str, *, within_seconds: float = 10.0) -> str:
    """The address of the page of alerts of the Prometheus that has just been started, kept in `folder` for `status`.

    Its root where neither known page is there, or where it is not ready within that time: it then leads to them.
    """
    deadline = time.monotonic() + within_seconds
    while _status(address, "/-/ready") != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    page = address + next((page for page in _ALERTS_PAGES if _status(address, page) == 200), "/")
    (folder / _ALERTS).write_text(page, encoding="utf-8")
    return page


def _status(address: str, path: str) -> int | None:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def with_ports(commands: Sequence[ServiceCommand]) -> tuple[list[ServiceCommand], dict[str, str]]:
    """`commands` with a status port of their own each, and where each is then found, by service."""
    placed: list[ServiceCommand] = []
    targets: dict[str, str] = {}
    for command in commands:
        port = free_port()
        placed.append(ServiceCommand(command.name, command.argv, {**command.env, "NEWSLOOM_HTTP_PORT": str(port)}))
        targets[command.name] = f"127.0.0.1:{port}"
    return placed, targets


def observer_command() -> ServiceCommand:
    """The observer's process."""
    return ServiceCommand("observer", (sys.executable, "-m", "services.observer.service"))


def prometheus_config(targets: Mapping[str, str]) -> dict[str, Any]:
    """deploy/prometheus/prometheus.yml with the addresses of this machine; JSON is YAML to Prometheus."""
    return {
        "global": {
            "scrape_interval": "15s",
            "scrape_timeout": "10s",
            "evaluation_interval": "15s",
            "external_labels": {"suite": "newsloom"},
        },
        "rule_files": [str(RULES / "*.yml")],
        "scrape_configs": [
            {
                "job_name": "newsloom",
                "honor_labels": True,
                "static_configs": [{"targets": [at], "labels": {"service": name}} for name, at in targets.items()],
            }
        ],
    }


def prometheus_command(folder: Path, targets: Mapping[str, str]) -> tuple[ServiceCommand, str] | None:
    """A Prometheus over `targets` with its data in `folder`, and its address; None where the machine has none.

    Raises ConfigurationError where the rules are not there: they come with a checkout, not with the package.
    """
    program = shutil.which("prometheus")
    if program is None:
        return None
    if not RULES.is_dir():
        raise ConfigurationError(f"--observe: no rules in {RULES}; run it from a checkout of newsloom")
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "prometheus.yml"
    config.write_text(json.dumps(prometheus_config(targets), indent=2), encoding="utf-8")
    port = free_port()
    (folder / _ADDRESS).write_text(f"http://127.0.0.1:{port}", encoding="utf-8")
    (folder / _ALERTS).unlink(missing_ok=True)  # of the one before
    command = ServiceCommand(
        "prometheus",
        (
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            # as in compose: which record was late is kept beside the histograms
            "--enable-feature=exemplar-storage",
        ),
    )
    return command, f"http://127.0.0.1:{port}"
