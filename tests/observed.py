"""A suite under observation: workers as processes on a real Kafka and Redis, the observer, and a real Prometheus."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from schemas.topics import ALL_TOPICS, SERVICES
from services.local.ports import free_port
from services.runtime.kafka import Admin, Publisher, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings
from tests.deployment import DEPLOY, REPOSITORY
from tests.support import eventually


def tool(name: str) -> str:
    """The path of a program that a test needs. Where it is missing the test is skipped; in CI it fails."""
    found = shutil.which(name)
    if found is not None:
        return found
    reason = f"{name} is not on this machine; Debian's packages prometheus and chromium have what these tests need"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class ObservedSuite:
    """Topics with two partitions, the services asked for, and the observer with short intervals."""

    def __init__(self, bootstrap: str, redis_url: str, folder: Path, prefix: str = "") -> None:
        self.settings = RuntimeSettings(kafka_bootstrap=bootstrap, redis_url=SecretStr(redis_url), topic_prefix=prefix)
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **os.environ,
            "NEWSLOOM_KAFKA_BOOTSTRAP": bootstrap,
            "NEWSLOOM_REDIS_URL": redis_url,
            "NEWSLOOM_TOPIC_PREFIX": prefix,
            "NEWSLOOM_SESSION_TIMEOUT_SECONDS": "6",
            "NEWSLOOM_RETRY_LONGEST_SECONDS": "1",
            "NEWSLOOM_OBSERVER_INTERVAL_SECONDS": "1",
            "NEWSLOOM_OBSERVER_HEARTBEAT_INTERVAL_SECONDS": "2",
        }
        with Admin(self.settings) as admin:
            admin.create_topics(ALL_TOPICS, prefix=prefix, partitions=2)

    def start(self, name: str, module: str | None = None, **environment: str) -> None:
        """Start a worker; `name` labels its port and log."""
        port_file = self.folder / f"{name}.port"
        port_file.unlink(missing_ok=True)
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", module or f"services.{name}.service"],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={
                    **self._environment,
                    "PYTHONPATH": str(REPOSITORY),
                    "NEWSLOOM_HTTP_PORT_FILE": str(port_file),
                    # the same after a restart, so that Prometheus finds it again
                    "NEWSLOOM_HTTP_PORT": str(self._port(name)),
                    **environment,
                },
            )

    def _port(self, name: str) -> int:
        kept = self.folder / f"{name}.kept-port"
        if not kept.exists():
            kept.write_text(str(free_port()))
        return int(kept.read_text())

    def ready(self, *names: str, within_seconds: float = 120) -> None:
        """Return when /readyz of each says yes."""

        def is_ready(name: str) -> bool:
            code = self.processes[name].poll()
            assert code is None, f"{name} ended with {code}: {self.log(name)[-2000:]}"
            with suppress(OSError):
                return self.get(name, "/readyz")[0] == 200
            return False

        for name in names:
            eventually(lambda name=name: is_ready(name), within_seconds, every_seconds=0.2, message=f"{name} is ready")

    def get(self, name: str, path: str) -> tuple[int, str]:
        """Status and body of a path of a worker's status port."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port(name)}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        """End a worker and return its exit code."""
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def close(self) -> None:
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)

    def publish(self, values: Sequence[bytes | None], topic: str = "raw-articles") -> None:
        with Publisher(self.settings) as publisher:
            for index, value in enumerate(values):
                publisher.send(self.settings.topic_prefix + topic, b"%d" % index, value)
            publisher.flush()

    def records(self, topic: str) -> list[Record]:
        with Admin(self.settings) as admin:
            parts = admin.partitions([self.settings.topic_prefix + topic])
            ends = admin.end_offsets(parts)
        return list(read_records(self.settings, dict.fromkeys(parts, 0), until=ends))

    @property
    def targets(self) -> dict[str, str]:
        """Where Prometheus finds each worker that was ever started, by service."""
        return {path.name.removesuffix(".kept-port"): f"127.0.0.1:{path.read_text()}" for path in self._kept_ports()}

    def _kept_ports(self) -> list[Path]:
        return sorted(self.folder.glob("*.kept-port"))


def raw(number: int, text: str | None = None, outlet: str = "Harbour Ledger", **fields: Any) -> bytes:
    """A page of our own writing that the cleaner takes for an article."""
    body = text or "\n".join(
        f"Sentence {number * 7 + index} of this report says that pier {number + index * 3} of the old harbour was "
        f"measured {index + 2} times this spring, and that the wardens of quay {number} were content with it."
        for index in range(6)
    )
    page = {
        "url": f"https://{outlet.lower().replace(' ', '-')}.example/news/{number}",
        "fetched_at": fields.pop("fetched_at", _now()),
        "headline": f"Pier {number} measured",
        "outlet": outlet,
        "text": body,
        "publisher": {"name": "tests"},
        **fields,
    }
    return json.dumps(page).encode()


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat()


_DURATION = re.compile(r"(?<![\w.])(\d+)([smhd])\b")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def hastened(text: str, factor: float) -> str:
    """Rules with every duration divided by `factor`: the same logic with time run faster."""
    return _DURATION.sub(lambda found: f"{max(1, int(int(found[1]) * _SECONDS[found[2]] * 1000 / factor))}ms", text)


class Prometheus:
    """A real Prometheus with the deployed configuration; only where the workers are found is of this machine."""

    def __init__(self, folder: Path, targets: Mapping[str, str], *, hasten: float = 1.0) -> None:
        program = tool("prometheus")
        config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
        config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        [job] = [job for job in config["scrape_configs"] if job["job_name"] == "newsloom"]
        del job["dns_sd_configs"], job["relabel_configs"]
        job["static_configs"] = [{"targets": [at], "labels": {"service": name}} for name, at in targets.items()]
        config["scrape_configs"] = [job]
        rules = folder / "rules"
        rules.mkdir(parents=True)
        for path in (DEPLOY / "prometheus/rules").glob("*.yml"):
            text = path.read_text()
            (rules / path.name).write_text(hastened(text, hasten) if hasten != 1 else text)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.url = f"http://127.0.0.1:{free_port()}"
        with (folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                    "--enable-feature=exemplar-storage",
                ],
                stdout=log,
                stderr=log,
            )
        eventually(self._is_ready, message=f"Prometheus is ready; see {folder / 'prometheus.log'}")

    def _is_ready(self) -> bool:
        assert self._process.poll() is None
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)

    def get(self, path: str, **parameters: str) -> Any:
        """What the API answers under `data`; an error's text fails the test."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant query."""
        data = self.get("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    def value(self, expression: str) -> float | None:
        """The only value of an instant query, None for none."""
        found = self.query(expression)
        return found[0][1] if found else None

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"] if alert["state"] == "firing"}


ALL_WORKERS = (*SERVICES, "observer")
