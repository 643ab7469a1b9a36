"""The quality of an HTML extraction follows what tells good bodies from bad ones, and stays a share."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cleaner.html_blocks import blocks_of, parse
from services.cleaner.html_pages import read_html_page
from services.cleaner.html_quality import NAMES, QualityModelError, default_quality_model, read_quality_model, signs_of
from services.cleaner.outlets import default_registry
from services.cleaner.parts import PageParts

SENTENCE = "The harbour council of Merrow voted on Monday to open its bridge to cyclists after a long debate."
TOWNS = ("Tollgate", "Merrow", "Saltby", "Quay End", "Orrin", "Farrow", "Northfield", "Corran")


def quality(html: str) -> float:
    page = read_html_page(
        f"<html><head><title>Bridges open</title></head><body>{html}</body></html>",
        url="https://courier.example/news/1",
        fetched_at=datetime(2026, 3, 2, tzinfo=UTC),
        registry=default_registry(),
    )
    assert isinstance(page, PageParts)
    return page.parts[0].quality


def test_the_signs_say_what_they_are_called() -> None:
    box = f"<div class=infobox><p>{SENTENCE}</p></div>"
    blocks = blocks_of(parse(f"<p>{SENTENCE}</p><p>Left out</p><h2>The vote</h2>{box}<div>Short</div>"))
    texts = [SENTENCE, "The vote", SENTENCE, "Short"]
    chosen = [True, False, True, True, True]
    chances = np.array([1.0, 0.0, 1.0, 0.5, 1.0], dtype=np.float32)
    signs = dict(zip(NAMES, signs_of(blocks, chosen, chances, texts, SENTENCE + " And more."), strict=True))
    whole = sum(map(len, texts))
    assert signs == {
        "wrong": pytest.approx(math.log1p(50 * len(SENTENCE) / whole)),
        "gaps": pytest.approx(math.log1p(1)),
        "in_p": pytest.approx(2 * len(SENTENCE) / whole),
        "description": 1.0,
        "short": 0.5,
        "headings": 0.25,
        "quotes": pytest.approx(len(SENTENCE) / whole),
    }


def test_a_body_with_holes_is_judged_worse_than_a_whole_one() -> None:
    body = [f"<p>{SENTENCE.replace('Merrow', town)}</p>" for town in TOWNS]
    promo = "<aside class='newsletter'><div>Sign up for more</div></aside>"
    assert quality("<article>" + promo.join(body) + "</article>") < quality("<article>" + "".join(body) + "</article>")


def test_what_the_block_model_doubts_is_judged_worse() -> None:
    model = default_quality_model()
    sure, doubted = (model.quality((wrong, 1.0, 0.9, 0.0, 0.1, 0.1, 0.0)) for wrong in (0.1, 3.0))
    assert sure > doubted + 0.03


@given(st.tuples(*[st.floats(0, 50)] * len(NAMES)))
def test_quality_is_a_share(signs: tuple[float, ...]) -> None:
    assert 0.0 <= default_quality_model().quality(signs) <= 1.0


def test_weights_for_other_signs_are_refused() -> None:
    with pytest.raises(QualityModelError, match="fit it again"):
        read_quality_model('{"weights": {"wrong": 1}, "bias": 0}')
