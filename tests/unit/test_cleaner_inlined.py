"""HTML pages of sites that print whole other articles below their own: each is an article, and none is in another."""

from __future__ import annotations

import random
from html import escape
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.articles import RawArticle
from services.cleaner.articles import clean_articles
from services.cleaner.ledger import unaccounted
from services.cleaner.outlets import default_registry
from services.cleaner.pages import take_apart
from services.cleaner.parts import PageParts
from tests.newsroom import MadeArticle, made_articles

REGISTRY = default_registry()
ARTICLES = list(islice(made_articles(40, copied=0, seed=11), 40))
TIMES = ("2 March 2026", "1 March 2026", "28 February 2026", "27 February 2026")


def element(article: MadeArticle, time: str, *, tag: str = "article", level: int = 1, head: str = "") -> str:
    body = "".join(f"<p>{escape(text)}</p>" for text in article.paragraphs)
    head = head or f"<div class='meta'>By Ilse Varga</div><div class='meta'>{time}</div>"
    return f"<{tag}><h{level}>{escape(article.headline)}</h{level}>{head}{body}</{tag}>"


def page_of(inner: str, headline: str, *, extra_head: str = "") -> str:
    return (
        f"<html lang='en'><head><title>{escape(headline)} - Courier</title>"
        f"<meta property='og:title' content='{escape(headline, quote=True)}'>{extra_head}</head><body>"
        "<nav><a href='/'>Home</a> <a href='/sport'>Sport</a></nav><main>"
        f"{inner}</main><footer><p>Contact us</p></footer></body></html>"
    )


def read(html: str) -> PageParts:
    raw = RawArticle.model_validate(
        {
            "url": "https://courier.example/news/1",
            "fetched_at": "2026-03-03T08:00:00Z",
            "html": html,
            "publisher": {"name": "p"},
        }
    )
    found = take_apart(raw, registry=REGISTRY)
    assert isinstance(found, PageParts)
    assert unaccounted(found) == []
    events = clean_articles(raw, found, version="1", registry=REGISTRY)
    assert [event.part for event in events] == ["main", *["inlined"] * (len(events) - 1)]
    assert list(events[0].inlined_article_ids) == [event.article_id for event in events[1:]]
    return found


@pytest.mark.parametrize(
    ("tag", "level"), [("article", 1), ("article", 2), ("div", 1), ("section", 1)], ids=lambda value: str(value)
)
def test_articles_below_the_main_one_are_articles_of_their_own(tag: str, level: int) -> None:
    some = ARTICLES[:3]
    inner = "<h2>More from the Courier</h2>".join(
        element(article, time, tag=tag, level=level if number else 1)
        for number, (article, time) in enumerate(zip(some, TIMES, strict=False))
    )
    found = read(page_of(inner, some[0].headline))
    assert [part.headline for part in found.parts] == [article.headline for article in some]
    for part, article in zip(found.parts, some, strict=True):
        assert part.paragraphs == article.paragraphs
    days = [part.published.earliest_at for part in found.parts[1:]]
    assert [day.day if day else None for day in days] == [1, 28]
    assert all([author.name for author in part.byline] == ["Ilse Varga"] for part in found.parts[1:])


def test_an_article_printed_inside_the_main_ones_element_is_taken_out_of_it() -> None:
    main, other = ARTICLES[3:5]
    body = [f"<p>{escape(text)}</p>" for text in main.paragraphs]
    inner = (
        f"<article><h1>{escape(main.headline)}</h1>{''.join(body[:4])}{element(other, TIMES[1], level=2)}"
        f"{''.join(body[4:])}</article>"
    )
    found = read(page_of(inner, main.headline))
    assert found.parts[0].paragraphs == main.paragraphs
    assert [part.paragraphs for part in found.parts[1:]] == [other.paragraphs]


def test_an_article_known_by_its_linked_headline_alone_is_taken_out() -> None:
    main, other = ARTICLES[5:7]
    linked = (
        f"<article><h2><a href='/news/2'>{escape(other.headline)}</a></h2>"
        + "".join(f"<p>{escape(text)}</p>" for text in other.paragraphs)
        + "</article>"
    )
    found = read(page_of(element(main, TIMES[0]) + linked, main.headline))
    assert [part.paragraphs for part in found.parts] == [main.paragraphs, other.paragraphs]


def test_sections_and_subheadings_of_one_article_stay_in_it() -> None:
    article = ARTICLES[7]
    sections = "".join(
        f"<article><h2>Part {number} of the whole matter</h2><p>{escape(one)}</p><p>{escape(two)}</p></article>"
        for number, (one, two) in enumerate(zip(article.paragraphs[::2], article.paragraphs[1::2], strict=False))
    )
    inner = f"<article><h1>{escape(article.headline)}</h1><div>2 March 2026</div>{sections}</article>"
    found = read(page_of(inner, article.headline))
    assert len(found.parts) == 1
    assert set(article.paragraphs[:8]) <= set(found.parts[0].paragraphs)


def test_teasers_and_live_entries_are_no_articles() -> None:
    main, *others = ARTICLES[8:12]
    teasers = "".join(
        f"<article><h3><a href='/{other.number}'>{escape(other.headline)}</a></h3>"
        f"<p>{escape(other.paragraphs[0][:120])}</p></article>"
        for other in others
    )
    assert len(read(page_of(element(main, TIMES[0]) + teasers, main.headline)).parts) == 1
    entries = "".join(element(other, f"0{number}:15", level=2) for number, other in enumerate(others))
    live = '<script type=\'application/ld+json\'>{"@type": "LiveBlogPosting", "headline": "Live"}</script>'
    found = read(page_of(f"<h1>{escape(main.headline)}</h1>{entries}", main.headline, extra_head=live))
    assert len(found.parts) == 1
    assert found.parts[0].page_kind == "live"


@settings(max_examples=12)
@given(
    st.integers(0, 10_000),
    st.lists(st.sampled_from(["article", "div", "section", "h1", "h2", "a", "teaser"]), max_size=6),
)
def test_the_ledger_is_whole_whatever_is_nested_in_what(seed: int, tags: list[str]) -> None:
    rng = random.Random(seed)
    inner = element(ARTICLES[rng.randrange(20)], TIMES[0])
    for tag, other in zip(tags, rng.sample(ARTICLES[20:], len(tags)), strict=True):
        if tag == "teaser":
            piece = f"<article><h3><a href='/x'>{escape(other.headline)}</a></h3><p>{other.paragraphs[0]}</p></article>"
        elif tag == "a":
            piece = f"<p><a href='/x'>{escape(other.headline)}</a> <article>"
        elif tag in ("h1", "h2"):
            piece = element(other, rng.choice(TIMES), tag="div", level=int(tag[1]))
        else:
            piece = element(other, rng.choice(TIMES), tag=tag, level=rng.choice((1, 2, 3)))
        at = inner.find("<p>", rng.randrange(len(inner))) if rng.random() < 0.5 else -1
        inner = inner + piece if at < 0 else inner[:at] + piece + inner[at:]
    html = page_of(inner, ARTICLES[0].headline)
    raw = RawArticle.model_validate(
        {"record_id": "1", "fetched_at": "2026-03-03T08:00:00Z", "html": html, "publisher": {"name": "p"}}
    )
    found = take_apart(raw, registry=REGISTRY)
    if isinstance(found, PageParts):
        assert unaccounted(found) == []
        # one paragraph is in one article
        lines = [text for part in found.parts for text in part.paragraphs if len(text) > 60]
        assert len(lines) == len(set(lines)) or len(found.parts) == 1
