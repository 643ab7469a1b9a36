"""What the cleaner costs: `python -m tests.benchmarks.cleaner [memory|service] [--pages N] [--data DIR]`.

`memory` (20,000 pages) takes pages apart in one process, each made different from all before, and prints pages a
second and resident memory every thousand pages, then the slope in MB per 1,000 pages after the first 2,000 (wanted: at
most 1).

`service` (443 pages) runs `newsloom process cleaner` over a file of raw articles, and in a process of its own the
extraction alone over the same articles (bodies, fields and ledger; no decoding, events, memos or writing), turn by
turn, and prints pages a second of CPU time of both, their ratio within a turn (wanted: at least .85), and the service's
most memory. With pages fetched today it also learns lines: nearly each of these pages is of an outlet of its own, and
an outlet's first page of a day asks Redis what was learnt of it.

Reads the development pages where they are, else the sample set's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

# as the service sets it, which is too late where numpy comes first
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import psutil

from schemas.articles import RawArticle
from services.cleaner.html_pages import read_html_page
from services.cleaner.outlets import default_registry
from services.cleaner.pages import take_apart
from services.cleaner.training.html_train import SETS, read_pages

FETCHED = datetime(2026, 11, 1, tzinfo=UTC)
TURNS = 7


def sources(data: Path) -> list[tuple[str, str]]:
    """(url, html) of the pages to go round."""
    if (data / "pages").is_dir():
        return [(page["url"], page["html"]) for name in SETS for page in read_pages(data / "pages", name)]
    print(f"no development data at {data}: the sample set's pages are used")
    folder = Path(__file__).parents[2] / "services" / "local" / "sample" / "pages"
    return [(f"https://{path.stem}.example/1", path.read_text("utf-8")) for path in sorted(folder.glob("*.html"))]


def measure_memory(pages: list[tuple[str, str]], count: int) -> None:
    """Print memory and speed over `count` pages."""
    registry, process = default_registry(), psutil.Process()
    points: list[tuple[float, float]] = []
    started = time.process_time()
    for number in range(count):
        url, html = pages[number % len(pages)]
        # other words, classes and addresses each time: caches keyed by them must not grow without bound
        fresh = html.replace('class="', f'class="n{number} ', 20).replace("</p>", f" {number}.</p>")
        read_html_page(fresh, url=f"{url}?n={number}", fetched_at=FETCHED, registry=registry)
        if (number + 1) % 1000 == 0:
            resident = process.memory_info().rss / 1e6
            speed = 1000 / (time.process_time() - started)
            started = time.process_time()
            print(f"{number + 1:6} pages  {speed:6.1f} pages/s  {resident:7.1f} MB", flush=True)
            if number + 1 >= 2000:
                points.append(((number + 1) / 1000, resident))
    if len(points) >= 2:
        slope = float(np.polyfit([at for at, _ in points], [mb for _, mb in points], 1)[0])
        print(f"slope after the first 2,000 pages: {slope:+.2f} MB per 1,000 (wanted: at most +1)")


def raw_line(url: str, html: str, fetched_at: datetime = FETCHED) -> bytes:
    """A raw article as a publisher writes it."""
    raw = {"url": url, "fetched_at": fetched_at.isoformat(), "html": html, "publisher": {"name": "benchmark"}}
    return json.dumps(raw, ensure_ascii=False).encode(errors="replace")


def extraction_seconds(file: Path) -> float:
    """CPU seconds that taking the articles in `file` apart takes, after the first of them."""
    registry, seconds = default_registry(), 0.0
    with file.open("rb") as lines:
        for number, line in enumerate(lines):
            raw = RawArticle.from_bytes(line)
            started = time.process_time()
            take_apart(raw, registry=registry)
            seconds += (time.process_time() - started) if number else 0.0
    return seconds


def service_seconds(file: Path, output: Path) -> tuple[float, float]:
    """CPU seconds of `newsloom process cleaner` over `file`, its private Redis with it, and its most memory in MB."""
    command = [sys.executable, "-m", "services.cli", "process", "cleaner"]
    child = subprocess.Popen(
        [*command, "--input", str(file), "--output", str(output)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"newsloom process cleaner ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3


def measure_service(pages: list[tuple[str, str]], count: int) -> None:
    """Print the service's speed beside that of its extraction."""
    with TemporaryDirectory() as folder:
        file, fresh, one, output = (Path(folder, name) for name in ("raw.jsonl", "new.jsonl", "one.jsonl", "out.jsonl"))
        wanted = [(f"{url}?n={number}", html) for number, (url, html) in enumerate(islice(cycle(pages), count))]
        file.write_bytes(b"\n".join(raw_line(*page) for page in wanted))
        fresh.write_bytes(b"\n".join(raw_line(*page, datetime.now(UTC)) for page in wanted))
        one.write_bytes(raw_line(*wanted[0]))
        turns: list[tuple[float, float, float]] = []
        largest = 0.0
        for _ in range(TURNS):
            # what a start costs is no matter of pages
            started, _ = service_seconds(one, output)
            seconds, most = service_seconds(file, output)
            today, most_today = service_seconds(fresh, output)
            largest = max(largest, most, most_today)
            command = [sys.executable, "-m", "tests.benchmarks.cleaner", "extraction", "--file", str(file)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            turns.append((float(printed), seconds - started, today - started))
        print(f"medians of {TURNS} turns, at most {largest:.0f} MB:")
        names = ("extraction alone", "newsloom process cleaner", "the same, pages fetched today")
        for place, name in enumerate(names):
            page = statistics.median(turn[place] for turn in turns) / (count - 1)
            share = statistics.median(turn[0] / turn[place] for turn in turns)
            print(f"  {name:30} {1 / page:6.1f} pages/s  {page * 1000:6.2f} ms a page  {share:.1%} of the extraction")


def main() -> int:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("what", nargs="?", choices=("memory", "service", "extraction"), default="memory")
    parser.add_argument("--pages", type=int)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("NEWSLOOM_DATA", "../shared/data")))
    arguments = parser.parse_args()
    if arguments.what == "extraction":
        print(extraction_seconds(arguments.file))
        return 0
    pages = sources(arguments.data)
    if arguments.what == "memory":
        measure_memory(pages, arguments.pages or 20_000)
    else:
        measure_service(pages, arguments.pages or len(pages))
    return 0


if __name__ == "__main__":
    sys.exit(main())
