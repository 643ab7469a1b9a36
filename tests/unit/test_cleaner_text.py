"""A flattened page is taken apart into its articles, and every character of it is accounted for."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cleaner.ledger import flatten_text, unaccounted
from services.cleaner.outlets import default_registry
from services.cleaner.parts import Hints, PageParts
from services.cleaner.text_lines import read_meta, split_lines
from services.cleaner.text_pages import split_text_page

FETCHED_AT = datetime(2025, 7, 4, 21, 0, tzinfo=UTC)
REGISTRY = default_registry()
FEED = Hints(aggregator="Example Feed")
ARTICLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "cleaner_text" / "articles.json").read_text(encoding="utf-8")
)
ONE, TWO, THREE = ARTICLES[:3]


def body(article: dict[str, Any]) -> str:
    return "\n".join(article["paragraphs"])


def split(text: str, *, hints: Hints = FEED, url: str | None = None, models: Any = "shipped") -> PageParts:
    page = split_text_page(text, fetched_at=FETCHED_AT, registry=REGISTRY, hints=hints, url=url, models=models)
    assert page is not None
    assert unaccounted(page) == []
    return page


def doubled(article: dict[str, Any], outlet: str, age: str) -> str:
    title = article["headline"]
    return (
        f"{title}\n{title}\n\n{outlet}\n\ntime{age}\n\n  • {outlet}\n\n{title}\n\n{' '.join(article['paragraphs'])}\n"
    )


def page_of_doubled_headlines() -> str:
    title = ONE["headline"]
    return "\n".join(
        [
            f"logo\n{title}\n\n{title}\n\nMerrow Dispatcha day ago\n{body(ONE)}",
            "Orange background\n\nTry Our AI Features\n\nExplore what our AI can do for you:\n",
            "Comments\n\nNo comments yet...\n",
            "Related Articles\n",
            doubled(TWO, "The Guardian", "an hour ago"),
            doubled(THREE, "Vale Courier", "3 hours ago"),
            "DOWNLOAD THE APP\n\nGet Started Now: Download the App\n\napp-storeplay-store",
        ]
    )


@pytest.mark.parametrize("models", ["shipped", "none"])
def test_a_page_of_doubled_headlines_gives_its_three_articles(models: str) -> None:
    page = split(page_of_doubled_headlines(), models=models)
    assert [part.headline for part in page.parts] == [ONE["headline"], TWO["headline"], THREE["headline"]]
    assert [part.text for part in page.parts] == [
        body(ONE),
        " ".join(TWO["paragraphs"]),
        " ".join(THREE["paragraphs"]),
    ]
    assert [part.outlet.name for part in page.parts if part.outlet] == [
        "Merrow Dispatch",
        "The Guardian",
        "Vale Courier",
    ]
    assert [part.part for part in page.parts] == ["main", "inlined", "inlined"]
    main = page.parts[0]
    assert (main.comments.present, main.comments.count) == (True, 0)
    assert main.published.earliest_at == FETCHED_AT - timedelta(hours=48)
    assert main.published.latest_at == FETCHED_AT - timedelta(hours=22)
    assert [(one.role, one.name) for one in main.attribution] == [
        ("outlet", "Merrow Dispatch"),
        ("aggregator", "Example Feed"),
    ]


def test_the_second_layout_has_no_doubled_headline() -> None:
    text = "\n".join(
        f"{outlet}\n{date}\n- {outlet}\n{article['headline']}\n{body(article)}\nHashtags\n#Ferry #Timber"
        for article, outlet, date in (
            (ONE, "Washington Post", "02-07-2025"),
            (TWO, "Vale Courier", "03-07-2025"),
        )
    )
    page = split(text)
    assert [part.text for part in page.parts] == [body(ONE), body(TWO)]
    assert [part.outlet.name for part in page.parts if part.outlet] == ["Washington Post", "Vale Courier"]
    # day first, although the outlet of the first writes months first: who printed the page writes it so
    assert [part.published.earliest_at for part in page.parts] == [
        datetime(2025, 7, 2, tzinfo=UTC),
        datetime(2025, 7, 3, tzinfo=UTC),
    ]


def test_one_article_with_byline_and_date_on_its_outlets_own_page() -> None:
    head = f"Home\nWorld\nSport\n{ONE['headline']}\nBy Clara Adler and Reuters\n3 July 2025, 10:15 UTC"
    text = f"{head}\n\n{body(ONE)}\n\n© 2025"
    page = split(text, hints=Hints(), url="https://www.bbc.com/news/1")
    (part,) = page.parts
    assert (part.headline, part.text) == (ONE["headline"], body(ONE))
    assert part.outlet is not None
    assert part.outlet.id == "bbc"
    assert [(author.name, author.kind) for author in part.byline] == [("Clara Adler", "person"), ("Reuters", "agency")]
    assert part.published.at == datetime(2025, 7, 3, 10, 15, tzinfo=UTC)
    assert ("wire", "Reuters") in [(one.role, one.name) for one in part.attribution]


def test_names_and_times_after_the_text_belong_to_the_article_above() -> None:
    ages = ("2 hours ago", "5 hours ago", "a day ago")
    outlets = ("Vale Courier", "Merrow Dispatch", "Reuters")
    text = "\n\n".join(
        f"{article['headline']}\n\n{body(article)}\n\n{outlet} | {age}"
        for article, outlet, age in zip((ONE, TWO, THREE), outlets, ages, strict=True)
    )
    page = split(text)
    assert [part.outlet.name for part in page.parts if part.outlet] == list(outlets)
    assert [part.text for part in page.parts] == [body(ONE), body(TWO), body(THREE)]


def test_the_aggregator_is_known_by_its_host() -> None:
    page = split(page_of_doubled_headlines(), hints=Hints(), url="https://test.daily8.com/en/article/1")
    assert ("aggregator", "Daily8") in [(one.role, one.name) for one in page.parts[0].attribution]


def test_promos_leave_the_text_and_stay_in_the_ledger() -> None:
    promo = "Sign up to Harbour Notes A weekly look at tides after newsletter promotion"
    paragraphs = [*TWO["paragraphs"][:1], f"{TWO['paragraphs'][1]} {promo} {TWO['paragraphs'][2]}"]
    text = f"{TWO['headline']}\nVale Couriera day ago\n" + "\n".join(paragraphs)
    (part,) = split(text).parts
    assert part.text == "\n".join([TWO["paragraphs"][0], " ".join(TWO["paragraphs"][1:3])])
    (span,) = [span for span in part.removed if span.kind == "newsletter"]
    assert flatten_text(text)[span.start : span.end] == promo


def test_a_list_of_links_holds_no_article() -> None:
    links = "\n".join(f"{article['headline']}\nVale Courier\n{n} hours ago" for n, article in enumerate(ARTICLES, 2))
    assert split_text_page(links, fetched_at=FETCHED_AT, registry=REGISTRY, hints=FEED) is None
    assert split_text_page(" \n\n ", fetched_at=FETCHED_AT, registry=REGISTRY) is None


def test_hard_wrapped_paragraphs_are_put_together_again() -> None:
    wrapped = (
        "The harbour board met late on Monday and agreed",
        "that the old crane should stay where it stood",
        "since the year of the great storm, Thorne said.",
        "Nobody spoke against it.",
    )
    text = "\n\n".join(["\n".join(wrapped)] * 3)
    assert [line.text for line in split_lines(text)] == [" ".join(wrapped)] * 3


def test_a_name_that_ends_in_digits_keeps_them() -> None:
    for text, outlet, age in (
        ("France 245 days ago", "France 24", "5 days ago"),
        ("TIME3 hours ago", "TIME", "3 hours ago"),
        ("timean hour ago", "", "an hour ago"),
        ("Merrow Dispatch02-07-2025", "Merrow Dispatch", "02-07-2025"),
    ):
        meta = read_meta(text, REGISTRY)
        assert meta is not None
        assert meta.time is not None
        assert (meta.outlet, meta.time.match[0]) == (outlet, age)


def test_a_word_for_today_that_ends_a_name_is_no_time() -> None:
    for text, outlet, time_read in (
        ("Line Today, July 4, 2025", "Line Today", "July 4, 2025"),
        ("Reuters Today", "Reuters", "Today"),
        ("Granite Gazette | Today", "Granite Gazette", "Today"),
    ):
        meta = read_meta(text, REGISTRY)
        assert meta is not None
        assert meta.time is not None
        assert (meta.outlet, text[meta.time.start : meta.time.end]) == (outlet, time_read)
    meta = read_meta("Granite Today", REGISTRY)
    assert meta is not None
    assert (meta.outlet, meta.time) == ("Granite Today", None)


def test_a_byline_in_small_letters_is_not_the_end_of_the_headline() -> None:
    (part,) = split(f"{ONE['headline']}\nby Elena Varga\nMerrow Dispatch, 4 July 2025\n\n{body(ONE)}\n").parts
    assert part.headline == ONE["headline"]
    assert [author.name for author in part.byline] == ["Elena Varga"]


@pytest.mark.parametrize("line", ["via Merrow Dispatch • 4 hours ago", "source: Vale Courier", "n-tv", "openDemocracy"])
def test_what_names_the_outlet_in_small_letters_is_not_the_end_of_the_headline(line: str) -> None:
    assert [each.text for each in split_lines(f"{ONE['headline']}\n{line}\n\n{body(ONE)}")][:2] == [
        ONE["headline"],
        line,
    ]


@pytest.mark.parametrize(
    "line", ["via Merrow, where the last ferry of the night had been cancelled", "it was", "said."]
)
def test_a_sentence_that_goes_on_in_the_next_line_is_one_line(line: str) -> None:
    assert len(split_lines(f"The council said the tunnel would be built\n{line}")) == 1


def test_outlets_that_no_registry_knows_are_found_behind_their_times() -> None:
    outlets = ("Ashford Gazette", "LakesideMercury", "Eastvale Register")
    text = "".join(
        f"{article['headline']}\nShare\n{age}, {outlet}\n{body(article)}\n\n"
        for article, age, outlet in zip(
            (ONE, TWO, THREE), ("9 days ago", "2 hours ago", "17 hours ago"), outlets, strict=True
        )
    )
    parts = split(text).parts
    assert [part.headline for part in parts] == [ONE["headline"], TWO["headline"], THREE["headline"]]
    assert [part.text for part in parts] == [body(ONE), body(TWO), body(THREE)]
    assert [part.outlet.name if part.outlet else "" for part in parts] == list(outlets)


def test_an_icon_below_outlet_and_time_is_not_joined_to_them() -> None:
    """It begins with a small letter, as what goes on with a sentence does."""
    lines = split_lines(f"{ONE['headline']}\n\n{body(ONE)}\nPhilippine News Agency | 9 hours ago\nclose icon\n")
    assert [line.text for line in lines][-2:] == ["Philippine News Agency | 9 hours ago", "close icon"]


def test_a_name_behind_the_time_of_a_sites_own_article_is_not_its_outlet() -> None:
    """It is rather who wrote it: only between articles of several outlets is it taken for one."""
    (part,) = split(
        f"{ONE['headline']}\n9 days ago, Clara Adler\n{body(ONE)}\n", hints=Hints(), url="https://news.example/a"
    ).parts
    assert part.outlet is not None
    assert part.outlet.name == "news.example"


def test_a_section_behind_a_time_is_no_outlet() -> None:
    for text, name in (("July 4, 2025 · Politics", ""), ("2 hours ago - VeldePost", "VeldePost")):
        meta = read_meta(text, REGISTRY)
        assert meta is not None
        assert (meta.outlet, meta.after_time) == ("", name)


def test_a_main_article_under_a_bare_headline_is_parted_from_those_below() -> None:
    title = TWO["headline"]
    text = (
        f"avatar\n{ONE['headline']}\n{body(ONE)}\n\nSign up for our newsletter\nSimilar articles\n\n"
        f"{title}\nWhatsApp\nvia Vale Courier\ntime2025-07-03 17:50 UTC\n{body(TWO)}\nView original\n"
    )
    parts = split(text).parts
    assert [(part.headline, part.text) for part in parts] == [(ONE["headline"], body(ONE)), (title, body(TWO))]


def test_articles_of_two_outlets_make_an_aggregators_page_without_a_hint() -> None:
    text = (
        f"avatar\n16 hours ago, Ashford Gazette\nSave\n{ONE['headline']}\n{body(ONE)}\n\nSimilar articles\n\n"
        f"9 hours ago, Eastvale Post\nShare\n{TWO['headline']}\n{body(TWO)}\n"
        f"2 hours ago, LakesideMercury\nShare\n{THREE['headline']}\n{body(THREE)}\n"
    )
    parts = split(text, hints=Hints()).parts
    assert [(part.headline, part.text) for part in parts] == [
        (article["headline"], body(article)) for article in (ONE, TWO, THREE)
    ]
    assert [part.outlet.name if part.outlet else "" for part in parts] == [
        "Ashford Gazette",
        "Eastvale Post",
        "LakesideMercury",
    ]


def test_outlet_and_time_far_below_the_headline_part_the_articles() -> None:
    """The text is longer than what is looked at around a headline."""
    long = "\n".join(paragraph for article in ARTICLES[1:5] for paragraph in article["paragraphs"])
    text = (
        f"{ONE['headline']}\n{body(ONE)}\n3 hours ago\nMerrow Dispatch\nLike\nicon\nSave\nHelp\n"
        "Try our new reading assistant\nSubscribe to our newsletter\nRelated Articles\nRead original\nMore news\n"
        f"{TWO['headline']}\n{long}\nCalder Gazette 13 days ago\nLike\nHelp\n"
    )
    parts = split(text).parts
    assert [part.headline for part in parts] == [ONE["headline"], TWO["headline"]]
    assert [part.text for part in parts] == [body(ONE), long]


def test_teasers_between_two_articles_give_them_neither_outlet_nor_time() -> None:
    text = (
        f"{ONE['headline']}\n{ONE['headline']}\nThe Tico Times16 hours ago\n{body(ONE)}\n\nRelated Articles\n\n"
        f"Seven ways to save a lake\nReuters\ntime7 days ago\n  • Reuters\nMore news\nSave\n\n"
        + doubled(TWO, "Silverton Observer", "8 hours ago")
    )
    parts = split(text).parts
    assert [part.outlet.name if part.outlet else "" for part in parts] == ["The Tico Times", "Silverton Observer"]
    assert parts[1].published.earliest_at == datetime(2025, 7, 4, 12, tzinfo=UTC)


def test_an_article_without_a_headline_that_is_told_begins_at_its_outlet_and_time() -> None:
    """Titles that look like something else: a name, a sentence, a date."""
    for title in (
        "OPINION: It's a Set-up",
        "It is over. What now for the night trains?",
        "Seven trains will stop May 1",
    ):
        text = (
            f"3 hours ago\n{ONE['headline']}\nMerrow Dispatch\n{body(ONE)}\n"
            f"3d ago\n{title}\nThe Guardian\n{body(TWO)}\n"
            f"5 hours ago\n{THREE['headline']}\nVale Courier\n{body(THREE)}\n"
        )
        parts = split(text).parts
        assert [part.text for part in parts][:2] == [body(ONE), body(TWO)]
        assert [part.headline for part in parts] == [ONE["headline"], title, THREE["headline"]]
        assert [part.outlet.name if part.outlet else "" for part in parts][1] == "The Guardian"


def test_a_source_line_below_a_text_is_its_outlet_and_never_its_last_paragraph() -> None:
    four = ARTICLES[3]
    for button in ("Share", "Print"):
        text = "\n".join(
            f"{article['headline']}\n{age}\n{body(article)}\nSource: {outlet}\n{button}\n"
            for article, age, outlet in (
                (ONE, "16 hours ago", "Thornbury Argus"),
                (four, "44 minutes ago", "Saltmarsh Mercury"),
            )
        )
        parts = split(text).parts
        assert [part.text for part in parts] == [body(ONE), body(four)]
        assert [part.outlet.name if part.outlet else "" for part in parts] == ["Thornbury Argus", "Saltmarsh Mercury"]


_PIECES = st.sampled_from(
    [
        ONE["headline"], *ONE["paragraphs"], TWO["headline"], *TWO["paragraphs"], "Merrow Dispatcha day ago",
        "  • Reuters", "time3 hours ago", "Comments", "Related Articles", "", "By Clara Adler | 3 July 2025",
        "\r\n", "\x00", "e\u0301",
        "CHART: Tonnes by year The next sentence.", "99-99-9999", "Sign up to X after newsletter promotion The end.",
    ]
)  # fmt: skip


@given(
    st.lists(st.one_of(_PIECES, st.text(max_size=60)), max_size=25).map("\n".join), st.sampled_from(["shipped", "none"])
)
@settings(deadline=None, max_examples=150)
def test_every_character_is_in_one_article_or_one_removed_span(text: str, models: Any) -> None:
    page = split_text_page(text, fetched_at=FETCHED_AT, registry=REGISTRY, models=models)
    if page is not None:
        assert unaccounted(page) == []
        assert page.flattened == flatten_text(text)


@pytest.mark.parametrize(
    "text",
    [
        *("word and " * 400_000, "ab\n" * 100_000, "a" * 3_000_000, "\n" * 3_000_000 + "x", "By " * 200_000),
        " " * 3_000_000 + "\ny",
    ],
    ids=["one_line", "short_lines", "no_space", "blank", "bylines", "spaces"],
)  # fmt: skip
def test_time_is_linear_on_huge_pages(text: str) -> None:
    began = time.process_time()
    split_text_page(text, fetched_at=FETCHED_AT, registry=REGISTRY)
    assert time.process_time() - began < 20
