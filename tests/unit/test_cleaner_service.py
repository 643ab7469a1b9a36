"""The cleaner's own logic beside extraction: identity, what an unchanged page is, ids, the ledger's bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.articles import REMOVED_TEXT_BYTES, CleanArticle, RawArticle, main_article_id, page_id
from services.cleaner.articles import (
    bounded_ledger,
    clean_articles,
    count_words,
    guess_identity,
    identify,
    says,
    withdrawn_article,
)
from services.cleaner.html_features import NAMES
from services.cleaner.html_model import BlockModel, ModelError, columns_hash, default_model, read_model
from services.cleaner.html_pages import NoArticle
from services.cleaner.memo import is_unchanged, memo_key, memo_of
from services.cleaner.outlets import OutletRegistry, RegisteredOutlet
from services.cleaner.pages import take_apart
from services.cleaner.parts import PageParts, Span
from services.cleaner.service import CleanerSettings, load_outlets
from services.runtime.errors import ConfigurationError

REGISTRY = OutletRegistry(
    [
        RegisteredOutlet(id="harbour-gazette", name="Harbour Gazette", domain="harbour-gazette.example", country="GB"),
        RegisteredOutlet(id="newsheap", name="Newsheap", domain="newsheap.example", is_aggregator=True),
    ]
)
BODY = [
    "The harbour council voted on Monday to open the northern bridge to cyclists, after a debate of six hours.",
    "Supporters said the plan would cut traffic by a fifth, while shopkeepers feared to lose forty parking bays.",
    "Work is due to begin in May and to end before the autumn regatta, the council’s engineer told reporters.",
]


def raw(**fields: Any) -> RawArticle:
    paragraphs = "</p><p>".join(BODY)
    headline = "Bridge opens to cyclists"
    html = f"<title>{headline}</title><article><h1>{headline}</h1><p>{paragraphs}</p></article>"
    given = {
        "url": "https://www.harbour-gazette.example/news/1",
        "fetched_at": "2026-03-02T09:00:00Z",
        "html": html,
        "publisher": {"name": "tests"},
        **fields,
    }
    return RawArticle.model_validate(given)


def articles(record: RawArticle, version: str = "1") -> list[CleanArticle]:
    found = take_apart(record, registry=REGISTRY)
    assert isinstance(found, PageParts)
    return clean_articles(record, found, version=version, registry=REGISTRY)


# -- identity


def test_a_page_is_known_by_its_final_address_and_never_by_its_canonical() -> None:
    plain = identify(raw()).page_id
    assert identify(raw(url="https://m.harbour-gazette.example/news/1?utm_source=x")).page_id == plain
    assert identify(raw(canonical_url="https://www.harbour-gazette.example/")).page_id == plain
    moved = raw(http={"final_url": "https://www.harbour-gazette.example/news/1-bridge"})
    assert identify(moved).page_id == page_id(url_key="https://harbour-gazette.example/news/1-bridge")
    assert identify(raw(http={"final_url": "https://www.harbour-gazette.example/"})).page_id == plain


def test_a_page_without_an_address_is_known_by_its_publisher_and_record_id() -> None:
    one = raw(url=None, record_id="7")
    assert identify(one).page_id == page_id(publisher="tests", record_id="7")
    assert identify(one).page_id != identify(raw(url=None, record_id="7", publisher={"name": "others"})).page_id


def test_a_page_is_guessed_from_what_stands_around_its_html() -> None:
    long = "<p>" + '{"url": "https://elsewhere.example/9"} ' * 2000
    fields = {"url": "  https://www.harbour-gazette.example/caf\u00e9?a=%22&b=1", "http": {"final_url": None}}
    moved = {"url": "https://t.example/x", "http": {"final_url": "https://www.harbour-gazette.example/news/1-bridge"}}
    for about in (fields, moved, {"url": "HTTPS://One.example/\\"}):
        one = raw(html=long, **about)
        value = json.loads(one.to_bytes())
        for written in (value, dict(reversed(value.items()))):
            for ascii in (True, False):
                assert guess_identity(json.dumps(written, ensure_ascii=ascii, indent=2).encode()) == identify(one)
    assert guess_identity(raw(url=None, record_id="7").to_bytes()) is None


@given(value=st.binary(max_size=60) | st.text().map(lambda text: b'"url":"https://' + text.encode() + b'"'))
@example(b'"url": "http://[x"')
@example(b'"url": "https://a\\ud800.example/\\ud800", "final_url": "http://\xff"')
def test_a_guess_is_made_of_any_bytes(value: bytes) -> None:
    guess_identity(value)


def test_the_main_article_has_the_pages_id_and_its_outlet() -> None:
    [article] = articles(raw())
    assert article.article_id == main_article_id(identify(raw()).page_id)
    assert (article.outlet.id, article.part, article.text) == ("harbour-gazette", "main", "\n".join(BODY))
    assert article.word_count == len(article.text.split())


def test_a_withdrawal_has_the_articles_id_and_no_text() -> None:
    [article] = articles(raw())
    gone = withdrawn_article(raw(status="withdrawn", html=None), version="1", registry=REGISTRY)
    assert (gone.article_id, gone.page_id, gone.status, gone.text) == (
        article.article_id,
        article.page_id,
        "withdrawn",
        "",
    )
    assert gone.outlet == article.outlet


# -- one function of the record


def test_the_same_record_gives_the_same_bytes() -> None:
    assert [a.to_bytes() for a in articles(raw())] == [a.to_bytes() for a in articles(raw())]


def test_a_refetch_says_the_same_whatever_the_time_and_the_chrome() -> None:
    again = raw(
        fetched_at="2026-03-03T10:00:00Z", html=f"<nav>3 hours ago</nav>{raw().html}<footer>Most read: other</footer>"
    )
    assert says(articles(raw())) == says(articles(again))


@pytest.mark.parametrize("change", ["forty", "Bridge opens"])
def test_a_changed_body_or_headline_says_something_else(change: str) -> None:
    html = (raw().html or "").replace(change, "Fifty")
    assert says(articles(raw())) != says(articles(raw(html=html)))


# -- memo


def test_only_another_record_with_the_same_content_is_unchanged() -> None:
    said, owner = "a" * 32, "b" * 32
    memo = memo_of(said, owner)
    assert not is_unchanged(memo, said=said, owner=owner), "a redelivery is emitted again"
    assert is_unchanged(memo, said=said, owner="c" * 32)
    assert not is_unchanged(memo, said="d" * 32, owner="c" * 32)
    assert not is_unchanged(None, said=said, owner=owner)
    assert not is_unchanged(b"\xff" * 65, said=said, owner=owner)
    assert not is_unchanged(b"short", said=said, owner=owner)


def test_another_release_or_generation_finds_no_memo() -> None:
    keys = {memo_key("p", version=v, generation=g) for v in ("1", "2") for g in ("1", "2")}
    assert len(keys) == 4


# -- paths


def test_text_takes_over_where_html_gives_nothing_or_much_less() -> None:
    more = [f"{text[:-1]}, as it had in year {year}." for year in (1998, 2004, 2011) for text in BODY]
    text = "\n\n".join(BODY + more)
    for html in ("<html><body><div id=app></div></body></html>", f"<p>{BODY[0]}</p><p>{BODY[1]}</p>"):
        found = take_apart(raw(html=html, text=f"Bridge opens to cyclists\n\n{text}"), registry=REGISTRY)
        assert isinstance(found, PageParts)
        assert found.parts[0].method.startswith("text")


def test_a_short_body_is_no_article() -> None:
    found = take_apart(raw(html=f"<article><h1>Bridge opens</h1><p>{BODY[0]}</p></article>"), registry=REGISTRY)
    assert isinstance(found, NoArticle)
    assert found.why == "body_too_short"


# -- the ledger


def test_the_ledger_is_cut_at_its_bound_and_says_by_how_much() -> None:
    flattened = "é" * REMOVED_TEXT_BYTES
    spans = [Span("chrome", "x", at, at + 1024) for at in range(0, len(flattened), 1024)]
    removed, omitted = bounded_ledger(flattened, list(reversed(spans)))
    assert (len(removed), omitted) == (32, 32)
    assert [span.start for span in removed] == sorted(span.start for span in removed)
    assert all(flattened[span.start : span.end] == span.text for span in removed)


@pytest.mark.parametrize(("text", "words"), [("one two\nthree", 3), ("", 0), ("市议会星期一投票", 5)])
def test_words_are_counted_in_every_script(text: str, words: int) -> None:
    assert count_words(text) == words


# -- the model


def test_the_model_that_ships_fits_the_features_that_are_computed() -> None:
    model = default_model()
    assert model.hidden.shape[0] == len(NAMES) == model.mean.shape[0]
    assert columns_hash()


def test_a_model_for_other_features_is_refused() -> None:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, format=2, columns_hash="other")
    with pytest.raises(ModelError, match="train it again"):
        read_model(buffer.getvalue())


def test_a_model_gives_a_chance_to_each_line_and_none_to_no_line() -> None:
    import numpy as np

    model: BlockModel = default_model()
    assert model.scores(np.zeros((0, len(NAMES)), dtype=np.float32)).shape == (0,)
    chances = model.scores(np.full((3, len(NAMES)), 1e9, dtype=np.float32))
    assert chances.shape == (3,)
    assert bool(((chances >= 0) & (chances <= 1)).all())


# -- settings


def test_a_wrong_outlets_file_is_a_configuration_error(tmp_path: Any) -> None:
    wrong = tmp_path / "outlets.json"
    wrong.write_text("{")
    for path in (wrong, tmp_path / "missing.json"):
        with pytest.raises(ConfigurationError, match="NEWSLOOM_CLEANER_OUTLETS_FILE"):
            load_outlets(path)
    assert len(load_outlets(None)) > 100


def test_every_setting_says_what_it_does() -> None:
    assert all(field.description for field in CleanerSettings.model_fields.values())
