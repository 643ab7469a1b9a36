"""Every non-space character of every development page lies in one article or in one removed span."""

from __future__ import annotations

import pytest

from schemas.articles import RawArticle
from services.cleaner.ledger import unaccounted
from services.cleaner.outlets import default_registry
from services.cleaner.pages import take_apart
from services.cleaner.parts import PageParts
from services.cleaner.training.text_flat import GoldPage, flatten, read_pages
from tests.quality.cleaner_text import data_folder

REGISTRY = default_registry()


def complaints(page: GoldPage, **fields: str) -> list[str]:
    raw = RawArticle.model_validate(
        {"url": page.url if "//" in page.url else f"https://{page.url}", "fetched_at": "2026-03-02T08:00:00Z",
         "publisher": {"name": "p"}, **fields}
    )  # fmt: skip
    found = take_apart(raw, registry=REGISTRY)
    return [f"{page.id}: {problem}" for problem in unaccounted(found)] if isinstance(found, PageParts) else []


@pytest.mark.needs_data
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["fundus", "scrapinghub", "wcxb"])
def test_the_ledger_of_every_development_page_is_whole(name: str) -> None:
    data = data_folder(None)
    if data is None:
        pytest.fail("the development data is not in the repository: set NEWSLOOM_DATA to its folder")
    problems, pages = list[str](), 0
    for page in read_pages(data, name):
        pages += 1
        problems += complaints(page, html=page.html)
        # as text, flattened in one way or another, and as text of an aggregator's page
        flat = flatten(page, ("blocks", "nodes", "raw")[pages % 3])
        if flat and flat.strip():
            problems += complaints(page, text=flat, **({"aggregator": "Example Feed"} if pages % 2 else {}))
    assert problems == []
    assert pages > 90
