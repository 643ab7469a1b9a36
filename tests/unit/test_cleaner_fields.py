"""Headline, byline, times, address and kind as pages mark them up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.cleaner.fields import Fields, clean_headline, read_fields, read_head, read_instant, split_byline
from services.cleaner.html_blocks import parse
from services.cleaner.outlets import OutletRegistry, RegisteredOutlet

FETCHED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REGISTRY = OutletRegistry(
    [
        RegisteredOutlet(id="harbour-gazette", name="Harbour Gazette", domain="harbour-gazette.example", country="GB"),
        RegisteredOutlet(id="orrin-press", name="Orrin Press", domain="orrin.example", is_agency=True),
    ]
)


def fields(
    head: str = "", body: str = "", *, url: str = "https://www.harbour-gazette.example/news/1", **hints: Any
) -> Fields:
    tree = parse(f"<html><head>{head}</head><body>{body}</body></html>")
    return read_fields(
        read_head(tree), url=url, fetched_at=FETCHED, registry=REGISTRY, outlet_names=["Harbour Gazette"], **hints
    )


def ld(**node: Any) -> str:
    return f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", **node})}</script>'


# -- headline


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Bridge opens | Harbour Gazette", "Bridge opens"),
        ("Bridge opens - The Harbour Gazette", "Bridge opens"),
        ("Harbour Gazette: Bridge opens", "Bridge opens"),
        ("Harbour plan: Bridge opens", "Harbour plan: Bridge opens"),
        ("Harbour Gazette | Bridge opens", "Bridge opens"),
        ("Bridge opens – a town divided", "Bridge opens – a town divided"),
        ("Bridge opens | News | Harbour Gazette", "Bridge opens | News"),
        ("Bridge &amp; tunnel open", "Bridge & tunnel open"),
        ("다리가 자전거에 열렸다-사회ㅣHarbour Gazette", "다리가 자전거에 열렸다"),
        ("자전거 특급 열차가 달린다 하노이-서울", "자전거 특급 열차가 달린다 하노이-서울"),
        ("Harbour Gazette", "Harbour Gazette"),
        ("", ""),
    ],
)
def test_a_headline_loses_the_name_of_its_site(raw: str, clean: str) -> None:
    assert clean_headline(raw, ["Harbour Gazette"]) == clean


def test_the_raw_headline_is_kept_beside_the_clean_one() -> None:
    found = fields('<meta property="og:title" content="Bridge opens | Harbour Gazette">')
    assert (found.headline, found.raw_headline) == ("Bridge opens", "Bridge opens | Harbour Gazette")


def test_json_ld_and_the_printed_headline_outvote_og_title_unless_the_title_is_theirs() -> None:
    head = '<meta property="og:title" content="What the new bridge means">' + ld(headline="Bridge opens to cyclists")
    body = "<h1>Bridge opens to cyclists</h1>"
    assert fields(head + "<title>What the new bridge means</title>", body).headline == "Bridge opens to cyclists"
    assert fields(head + "<title>Bridge opens to cyclists</title>", body).headline == "What the new bridge means"
    assert fields(head, "<h1>Bridge opens</h1>").headline == "What the new bridge means"


def test_nothing_is_cut_off_a_headline_that_og_title_and_json_ld_agree_on() -> None:
    meta = '<meta property="og:title" content="Bridge opens to cyclists - A town divided">'
    body = "<h1>Bridge opens to cyclists</h1>"
    assert fields(meta, body).headline == "Bridge opens to cyclists"
    agreed = ld(headline="Bridge opens to cyclists – A town divided")
    assert fields(meta + agreed, body).headline == "Bridge opens to cyclists - A town divided"


def test_a_cut_headline_is_put_right_by_the_printed_one() -> None:
    found = fields(
        '<meta property="og:title" content="Northern bridge opens to...">', "<h1>Northern bridge opens to cyclists</h1>"
    )
    assert found.headline == "Northern bridge opens to cyclists"


def test_a_page_without_markup_has_its_first_heading() -> None:
    assert fields(
        "<title>Bridge opens to cyclists - Harbour Gazette</title>", "<h1>Bridge opens to cyclists</h1>"
    ).headline == ("Bridge opens to cyclists")


# -- byline


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        ("By Ida Quay", ["Ida Quay"]),
        ("By Ida Quay and Tom Mole", ["Ida Quay", "Tom Mole"]),
        ("Von Ida Quay, Tom Mole und Ann Pier", ["Ida Quay", "Tom Mole", "Ann Pier"]),
        ("Ida Quay, Political Correspondent", ["Ida Quay"]),
        ("Par Ida Quay et Tom Mole", ["Ida Quay", "Tom Mole"]),
        ("Ida Quay (Orrin Press)", ["Ida Quay"]),
        ("https://harbour-gazette.example/authors/ida", []),
        ("ida.quay@harbour-gazette.example", []),
        ("", []),
        ("Published 3 March 2026", []),
    ],
)
def test_a_printed_byline_is_split_into_names(printed: str, names: list[str]) -> None:
    assert split_byline(printed) == names


def test_authors_are_told_apart_by_kind() -> None:
    found = fields(
        ld(
            headline="x",
            author=[
                {"@type": "Person", "name": "Ida Quay"},
                {"name": "Orrin Press"},
                {"@type": "Organization", "name": "Harbour Gazette"},
            ],
        )
    )
    assert [(author.name, author.kind) for author in found.byline] == [
        ("Ida Quay", "person"),
        ("Orrin Press", "agency"),
        ("Harbour Gazette", "outlet"),
    ]


def test_authors_are_followed_through_the_graph() -> None:
    graph = {
        "@graph": [
            {"@type": "NewsArticle", "headline": "x", "author": {"@id": "#ida"}},
            {"@id": "#ida", "@type": "Person", "name": "Ida Quay"},
        ]
    }
    found = fields(f'<script type="application/ld+json">{json.dumps(graph)}</script>')
    assert [author.name for author in found.byline] == ["Ida Quay"]


def test_a_person_on_the_page_goes_before_the_outlet_in_the_markup() -> None:
    found = fields(
        ld(headline="x", author={"@type": "Organization", "name": "Harbour Gazette"}), "<p class=byline>By Ida Quay</p>"
    )
    assert [(author.name, found.byline_evidence) for author in found.byline] == [("Ida Quay", "byline_element")]


def test_names_in_elements_of_their_own_are_told_apart() -> None:
    body = "<div class=byline><span>Ida Quay</span>\n<span>Bo van der Pier</span><span>Ann Mole</span></div>"
    assert [author.name for author in fields(body=body).byline] == ["Ida Quay", "Bo van der Pier", "Ann Mole"]
    # one name in pieces stays one
    assert [a.name for a in fields(body="<div class=byline>By <b>Ida Quay</b></div>").byline] == ["Ida Quay"]


def test_the_sites_own_name_beside_its_writers_is_no_author() -> None:
    metas = "<meta name=author content='Harbour Gazette'><meta name=author content='Ida Quay'>"
    assert [author.name for author in fields(metas).byline] == ["Ida Quay"]
    assert [author.name for author in fields("<meta name=author content='Harbour Gazette'>").byline] == [
        "Harbour Gazette"
    ]


# -- times


@pytest.mark.parametrize(
    ("text", "at", "precision", "evidence"),
    [
        ("2026-03-01T08:15:00Z", datetime(2026, 3, 1, 8, 15, tzinfo=UTC), "second", "meta"),
        ("2026-03-01T10:15:00+02:00", datetime(2026, 3, 1, 8, 15, tzinfo=UTC), "second", "meta"),
        ("2026-03-01T10:15+0200", datetime(2026, 3, 1, 8, 15, tzinfo=UTC), "minute", "meta"),
        ("2026-03-01 08:15:30.123456Z", datetime(2026, 3, 1, 8, 15, 30, 123456, tzinfo=UTC), "second", "meta"),
        ("Sun, 01 Mar 2026 08:15:00 GMT", datetime(2026, 3, 1, 8, 15, tzinfo=UTC), "second", "meta"),
        ("1772352900", datetime(2026, 3, 1, 8, 15, tzinfo=UTC), "second", "meta"),
        ("2026-03-01T08:15:00", datetime(2026, 3, 1, 8, 15, tzinfo=UTC), "second", "meta_zone_assumed"),
    ],
)
def test_an_instant_has_zone_precision_and_evidence(text: str, at: datetime, precision: str, evidence: str) -> None:
    read = read_instant(text, fetched_at=FETCHED, country="GB", evidence="meta")
    assert read is not None
    assert (read.at, read.precision, read.evidence) == (
        at.replace(microsecond=at.microsecond // 1000 * 1000),
        precision,
        evidence,
    )


def test_a_day_is_an_interval_on_the_clock_of_the_outlets_country() -> None:
    read = read_instant("2026-02-27", fetched_at=FETCHED, country="JP", evidence="json_ld")
    assert read is not None
    assert read.at is None
    assert (read.earliest_at, read.latest_at) == (
        datetime(2026, 2, 26, 15, tzinfo=UTC),
        datetime(2026, 2, 27, 15, tzinfo=UTC),
    )


def test_a_time_without_zone_and_country_is_an_interval() -> None:
    read = read_instant("2026-02-27T12:00:00", fetched_at=FETCHED, evidence="json_ld")
    assert read is not None
    assert read.at is None
    assert (read.earliest_at, read.latest_at) == (
        datetime(2026, 2, 26, 22, tzinfo=UTC),
        datetime(2026, 2, 28, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "text", ["2026-03-02T10:30:00Z", "2031-01-01", "soon", "", "0", "99999999999999999999", "2026-13-45"]
)
def test_what_is_no_past_time_is_no_time(text: str) -> None:
    assert read_instant(text, fetched_at=FETCHED, country="GB", evidence="meta") is None


def test_a_time_in_the_future_gives_way_to_the_next_place() -> None:
    found = fields(
        ld(headline="x", datePublished="2027-01-01T00:00:00Z")
        + '<meta property="article:published_time" content="2026-03-01T08:00:00Z">'
    )
    assert (found.published.at, found.published.evidence) == (datetime(2026, 3, 1, 8, tzinfo=UTC), "meta")


def test_times_are_looked_for_in_the_body_the_hint_and_the_address() -> None:
    assert fields(body="<time datetime=2026-03-01T08:00:00Z>x</time>").published.evidence == "time_element"
    assert fields(hint_published="2026-03-01T08:00:00Z").published.evidence == "hint"
    assert fields(url="https://harbour-gazette.example/2026/03/01/bridge").published.evidence == "url"
    assert fields().published.evidence == ""


def test_a_modification_before_the_publication_is_none() -> None:
    node = {"headline": "x", "datePublished": "2026-03-01T08:00:00Z"}
    assert fields(ld(**node, dateModified="2026-03-01T07:00:00Z")).updated_at is None
    assert fields(ld(**node, dateModified="2026-03-01T09:00:00Z")).updated_at == datetime(2026, 3, 1, 9, tzinfo=UTC)


# -- the rest


def test_json_ld_with_the_usual_mistakes_is_read() -> None:
    for text in (
        '{"@type":"NewsArticle","headline":"Bridge opens",}',
        '<!-- {"@type":"NewsArticle","headline":"Bridge opens"} -->',
        '{"@type":"NewsArticle","headline":"Bridge\nopens"}',
        '[[{"@type":["Thing","NewsArticle"],"headline":["Bridge opens"]}]]',
    ):
        assert fields(f'<script type="application/ld+json">{text}</script>').headline == "Bridge opens"


@pytest.mark.parametrize(
    "text", ["", "null", "[1, 2]", '"x"', "{" * 5000, "[" * 100_000, '{"@type": 7, "author": 3, "headline": {"a": 1}}']
)
def test_json_ld_of_any_shape_harms_nothing(text: str) -> None:
    assert (
        fields(f'<script type="application/ld+json">{text}</script>', "<h1>Bridge opens today</h1>").headline
        == "Bridge opens today"
    )


@pytest.mark.parametrize(
    ("head", "url", "kind"),
    [
        (ld(headline="x"), "https://harbour-gazette.example/a", "article"),
        (ld(**{"@type": "LiveBlogPosting", "headline": "x"}), "https://harbour-gazette.example/a", "live"),
        ("", "https://harbour-gazette.example/", "home"),
        ("", "https://harbour-gazette.example/en", "home"),
        ("", "https://harbour-gazette.example/?p=12", "unknown"),
        (ld(**{"@type": "CollectionPage"}), "https://harbour-gazette.example/sport", "list"),
        ("", "https://harbour-gazette.example/a", "unknown"),
    ],
)
def test_the_kind_of_page_is_read_from_markup_and_address(head: str, url: str, kind: str) -> None:
    assert fields(head, url=url).kind == kind


def test_section_picture_language_and_comments_are_read() -> None:
    found = fields(
        ld(headline="x", articleSection=["Transport"], image={"url": "/b.jpg"}, inLanguage="en-GB", commentCount=3)
        + '<link rel="canonical" href="/news/1">'
    )
    assert (found.section, found.image_url) == ("Transport", "https://www.harbour-gazette.example/b.jpg")
    assert (found.language, found.comment_count) == ("en-GB", 3)
    assert (found.canonical_url, found.foreign_canonical) == ("https://www.harbour-gazette.example/news/1", False)
