"""The sample set is what its manifest says: whole, well-formed where it should be, and alike only where it should be.

Duplicates are counted here exactly and anew, on word 5-shingles, so that the set does not depend on the service.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from difflib import SequenceMatcher
from functools import cache
from html import unescape
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import pytest

from schemas.articles import RawArticle
from schemas.events import InvalidEventError
from services.local.sample import SampleRecord, expectations, gold, outlets_path, raw_records, raw_value, read

FOLDER = Path(str(files("services.local.sample")))
MANIFEST = expectations()
ARTICLES = MANIFEST.articles()
TEXTS = {name: gold(article) for name, article in ARTICLES.items() if article.text}
RECORDS = pytest.mark.parametrize("record", MANIFEST.records, ids=lambda record: record.name)


def words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", "")
    return re.findall(r"\w+", folded)


@cache
def shingles(name: str) -> frozenset[tuple[str, ...]]:
    return shingles_of(TEXTS[name])


def shingles_of(text: str) -> frozenset[tuple[str, ...]]:
    tokens = words(text)
    return frozenset(tuple(tokens[start : start + 5]) for start in range(len(tokens) - 4))


def jaccard(left: str, right: str) -> float:
    return len(shingles(left) & shingles(right)) / len(shingles(left) | shingles(right))


def containment(left: str, right: str) -> float:
    return len(shingles(left) & shingles(right)) / min(len(shingles(left)), len(shingles(right)))


def longest_run(left: str, right: str) -> int:
    a, b = words(TEXTS[left]), words(TEXTS[right])
    return SequenceMatcher(None, a, b, autojunk=False).find_longest_match().size


def related_pairs() -> dict[frozenset[str], str]:
    pairs = {frozenset(alert.articles): alert.relation for alert in MANIFEST.alerts}
    for kind in ("sightings", "revisions", "templates"):
        pairs.update({frozenset(pair): kind for pair in getattr(MANIFEST, kind)})
    return pairs


def test_there_are_at_least_thirty_pages_of_every_kind() -> None:
    assert len(list((FOLDER / "pages").iterdir())) >= 30
    assert {article.language for article in ARTICLES.values() if article.language} >= {"en", "de", "tr"}
    assert {article.page_kind for article in ARTICLES.values() if article.page_kind} == {"article", "live"}
    assert Counter(alert.relation for alert in MANIFEST.alerts) == {"near": 6, "exact": 1, "excerpt": 1}
    assert {record.expect.discarded for record in MANIFEST.records if record.expect.discarded} == {
        "no_article",
        "list_page",
        "body_too_short",
        "unchanged",
    }
    assert {record.reason for record in MANIFEST.malformed} == {"decode_error", "invalid"}
    assert MANIFEST.sightings
    assert MANIFEST.revisions
    assert MANIFEST.templates
    assert any(article.truncated == "yes" for article in ARTICLES.values())
    assert any(article.status == "withdrawn" for article in ARTICLES.values())


def test_every_file_is_used_and_every_name_is_unique() -> None:
    used = {
        *("sample.json", "outlets.json", "__init__.py"),
        *(record.file for record in MANIFEST.records if record.file),
        *(record.file for record in MANIFEST.malformed),
        *(article.text for article in ARTICLES.values() if article.text),
    }
    there = {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there == used
    names = [record.name for record in (*MANIFEST.records, *MANIFEST.malformed)]
    assert len(names) == len(set(names))


@RECORDS
def test_a_record_is_a_raw_article_of_the_day(record: SampleRecord) -> None:
    raw = RawArticle.closed_from_bytes(raw_value(record))
    assert raw.fetched_at.date().isoformat() == MANIFEST.day == "2026-03-12"
    assert raw.fetched_at < datetime.now(UTC)
    assert raw.url is not None
    host = raw.url.split("/")[2]
    assert host.endswith(".example")
    assert bool(record.expect.articles) != bool(record.expect.discarded)


@RECORDS
def test_each_headline_and_each_paragraph_is_on_its_page(record: SampleRecord) -> None:
    if record.file is None:
        return
    page = " ".join(unescape(re.sub(r"<[^>]+>", " ", read(record.file).decode())).split())
    for article in record.expect.articles:
        # a text-only record may give its headline as a hint alone
        assert article.headline is not None
        assert article.headline in page or article.headline == record.raw.get("headline")
        for paragraph in gold(article).splitlines():
            pieces = re.split(r"(?<=[.?!'”]) ", paragraph)
            assert all(" ".join(piece.split()) in page for piece in pieces), paragraph
        assert all(name in page or name in str(record.raw.get("byline")) for name in article.byline)
        if not record.file.endswith(".html"):
            assert (article.aggregator or article.outlet) in (*page.split(), record.raw.get("outlet"))


@RECORDS
def test_the_expected_text_is_as_long_as_news_is(record: SampleRecord) -> None:
    for article in record.expect.articles:
        if article.text and article.truncated == "no":
            assert 140 <= len(words(gold(article))) <= 600


def test_records_come_in_the_order_of_their_fetches_with_malformed_ones_among_them() -> None:
    records = list(raw_records())
    assert len(records) == len(MANIFEST.records) + len(MANIFEST.malformed)
    good = [RawArticle.from_bytes(value) for value in [value for _, value in raw_records(malformed=False)]]
    assert [raw.fetched_at for raw in good] == sorted(raw.fetched_at for raw in good)
    assert [value for _, value in records if value in {read(bad.file) for bad in MANIFEST.malformed}]
    assert records[-1][1] == raw_value(MANIFEST.records[-1])


def test_the_key_of_a_record_is_made_from_its_url() -> None:
    for key, value in raw_records(lambda url: "key of " + url, malformed=False):
        assert key == b"key of " + str(RawArticle.from_bytes(value).url).encode()
    assert None in [key for key, _ in raw_records()]


def test_malformed_records_are_refused_for_the_reason_given() -> None:
    for bad in MANIFEST.malformed:
        value = read(bad.file)
        if bad.name == "future-fetched-at":
            # well-formed; it is the record's own timestamp that contradicts it
            assert RawArticle.from_bytes(value).fetched_at.year == 2099
            continue
        with pytest.raises(InvalidEventError) as caught:
            RawArticle.from_bytes(value)
        assert caught.value.kind == bad.reason, bad.name


def test_near_pairs_share_at_least_half_of_all_their_shingles() -> None:
    near = [alert.articles for alert in MANIFEST.alerts if alert.relation == "near"]
    assert len({name for pair in near for name in pair}) == 4
    for left, right in near:
        assert jaccard(left, right) >= 0.5
        assert words(TEXTS[left]) != words(TEXTS[right])
        assert ARTICLES[left].outlet != ARTICLES[right].outlet


def test_exact_pairs_have_the_same_words() -> None:
    for alert in MANIFEST.alerts:
        if alert.relation == "exact":
            left, right = alert.articles
            assert words(TEXTS[left]) == words(TEXTS[right])
            assert ARTICLES[left].outlet != ARTICLES[right].outlet


def test_an_excerpt_contains_half_of_the_smaller_article_and_a_run_of_sixty_words_outside_quotations() -> None:
    for alert in MANIFEST.alerts:
        if alert.relation == "excerpt":
            left, right = alert.articles
            assert 0.5 <= containment(left, right) < 0.8
            assert jaccard(left, right) < 0.5
            assert longest_run(left, right) >= 60
            shared = next(line for line in TEXTS[left].splitlines() if line in TEXTS[right])
            assert not set('“”"') & set(shared)


def test_a_sighting_is_the_same_outlets_article_on_an_aggregator() -> None:
    for own, copy in MANIFEST.sightings:
        assert words(TEXTS[own]) == words(TEXTS[copy])
        assert ARTICLES[own].outlet_id == ARTICLES[copy].outlet_id
        assert ARTICLES[own].aggregator is None
        assert ARTICLES[copy].aggregator


def test_a_revision_is_a_later_fetch_of_the_same_page_with_other_words() -> None:
    records = {record.name: record for record in MANIFEST.records}
    for before, after in MANIFEST.revisions:
        first, second = records[before.split("/")[0]], records[after.split("/")[0]]
        assert first.raw["url"] == second.raw["url"]
        assert first.raw["fetched_at"] < second.raw["fetched_at"]
        assert "unlikely" in words(TEXTS[before])
        assert "unlikely" not in words(TEXTS[after])
        assert jaccard(before, after) >= 0.5


def test_an_unchanged_refetch_has_the_body_of_an_earlier_record() -> None:
    seen: list[str | None] = []
    for record in MANIFEST.records:
        assert (record.file in seen and record.file is not None) == (record.expect.discarded == "unchanged")
        seen.append(record.file)


def test_a_withdrawn_record_names_a_page_fetched_before() -> None:
    urls: list[object] = []
    for record in MANIFEST.records:
        if record.raw.get("status") == "withdrawn":
            assert record.raw["url"] in urls
            assert record.file is None
        urls.append(record.raw["url"])


def test_templates_stay_below_every_threshold_with_their_tables_and_without() -> None:
    for pair in MANIFEST.templates:
        whole = tuple(TEXTS[name] for name in pair)
        # an extractor may drop the rows, which are what differs most
        prose = tuple("\n".join(line for line in text.splitlines() if line.endswith(".")) for text in whole)
        for left, right in (whole, prose):
            a, b = shingles_of(left), shingles_of(right)
            assert 0.05 < len(a & b) / len(a | b) < 0.5
            assert len(a & b) / min(len(a), len(b)) < 0.8
            run = SequenceMatcher(None, words(left), words(right), autojunk=False).find_longest_match().size
            assert run < 60


def test_articles_that_have_nothing_to_do_with_each_other_share_less_than_a_twentieth() -> None:
    related = related_pairs()
    for left, right in combinations(TEXTS, 2):
        if frozenset((left, right)) not in related:
            assert containment(left, right) < 0.05, (left, right)


def test_every_outlet_and_aggregator_is_registered_under_a_domain_of_its_own() -> None:
    entries = json.loads(outlets_path().read_text(encoding="utf-8"))
    ids = {entry["id"] for entry in entries}
    names = {entry["name"]: entry for entry in entries}
    assert len(ids) == len(names) == len(entries)
    for entry in entries:
        assert entry["domain"].endswith(".example")
    for article in ARTICLES.values():
        assert names[article.outlet]["id"] == article.outlet_id
        assert not names[article.outlet].get("is_aggregator")
        assert article.aggregator is None or names[article.aggregator]["is_aggregator"]
