"""Whether the cleaner's memory stays flat: `python -m tests.benchmarks.cleaner [--pages 20000] [--data DIR]`.

Takes pages apart in one process, each made different from all before, and prints pages a second and resident memory
every thousand pages, then the slope in MB per 1,000 pages after the first 2,000 (wanted: at most 1). Reads the
development pages where they are, else the sample set's.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from services.cleaner.html_pages import read_html_page
from services.cleaner.outlets import default_registry
from services.cleaner.training.html_train import SETS, read_pages

FETCHED = datetime(2026, 12, 1, tzinfo=UTC)


def sources(data: Path) -> list[tuple[str, str]]:
    """(url, html) of the pages to go round."""
    if (data / "pages").is_dir():
        return [(page["url"], page["html"]) for name in SETS for page in read_pages(data / "pages", name)]
    print(f"no development data at {data}: the sample set's pages are used")
    folder = Path(__file__).parents[2] / "services" / "local" / "sample" / "pages"
    return [(f"https://{path.stem}.example/1", path.read_text("utf-8")) for path in sorted(folder.glob("*.html"))]


def main() -> int:
    """Print memory and speed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("NEWSLOOM_DATA", "../shared/data")))
    arguments = parser.parse_args()
    pages, registry, process = sources(arguments.data), default_registry(), psutil.Process()
    points: list[tuple[float, float]] = []
    started = time.process_time()
    for number in range(arguments.pages):
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
