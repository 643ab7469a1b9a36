"""How long the embedded stack takes: `pytest -m benchmark -s tests/integration/test_local_start_times.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# from nothing imported to the first acknowledged record, and back to nothing running
START = """
import time
began = time.monotonic()
from services.local.stack import Stack
with Stack(ephemeral=True) as stack:
    up = time.monotonic()
    from kafka import KafkaProducer
    from kafka.admin import KafkaAdminClient, NewTopic
    KafkaAdminClient(bootstrap_servers=stack.bootstrap).create_topics([NewTopic("records", 1, 1)])
    KafkaProducer(bootstrap_servers=stack.bootstrap).send("records", b"first").get(60)
    acknowledged = time.monotonic()
print(f"servers answer {up - began:5.2f} s, first record {acknowledged - began:5.2f} s, "
      f"stopped after another {time.monotonic() - acknowledged:5.2f} s")
"""


@pytest.mark.benchmark
def test_start_times_with_an_empty_and_a_full_cache(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    print()
    for label in ("cold, with download", "warm", "warm", "warm"):
        answer = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", START], env=environment, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stderr
        print(f"{label:20} {answer.stdout.strip()}")
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    print(f"cache folder {size / 2**20:.0f} MiB, of which jars {_size(tmp_path, 'kafka-jars-*'):.0f} MiB")


def _size(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.rglob(f"{pattern}/*")) / 2**20
