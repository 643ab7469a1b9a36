"""Files become raw articles, or an error that names file, line and remedy."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from schemas.articles import RawArticle
from services.commands.reading import Hints, InputError, RawRecord, read_inputs
from services.runtime.errors import ConfigurationError

GOOD = {
    "url": "https://outlet.example/a?utm_source=x",
    "fetched_at": "2026-03-02T08:00:00Z",
    "text": "Body.",
    "publisher": {"name": "tests"},
}


def read(*paths: Path, kind: str = "auto", **hints: str) -> list[RawRecord | InputError]:
    return list(read_inputs([str(path) for path in paths], kind=kind, hints=Hints(**hints)))  # type: ignore[arg-type]


def test_an_html_file_takes_its_address_from_the_page_and_its_time_from_the_file(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<html><head><link rel="canonical" href="https://outlet.example/x?id=5&amp;a=1"></head>hello')
    [record] = read(page)
    assert isinstance(record, RawRecord)
    article = RawArticle.from_bytes(record.value)
    assert article.url == "https://outlet.example/x?id=5&a=1"
    assert article.html is not None
    assert abs(article.fetched_at.timestamp() - page.stat().st_mtime) < 1


def test_the_command_lines_hints_win(tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text("A page as text.")
    [record] = read(
        page,
        url="https://outlet.example/y",
        outlet="The Post",
        aggregator="Agg",
        fetched_at="2026-03-02T08:00:00+01:00",
    )
    assert isinstance(record, RawRecord)
    article = RawArticle.from_bytes(record.value)
    assert (article.url, article.outlet, article.aggregator) == ("https://outlet.example/y", "The Post", "Agg")
    assert article.text == "A page as text."
    assert article.fetched_at.hour == 7


def test_a_page_without_an_address_is_known_by_its_place_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "a.txt").write_text("Some text.")
    (tmp_path / "notes.csv").write_text("ignored")
    [record] = read(tmp_path)
    assert isinstance(record, RawRecord)
    assert RawArticle.from_bytes(record.value).record_id == "desk/a.txt"
    assert record.key == b"desk/a.txt"


def test_raw_lines_keep_their_bytes_and_are_keyed_by_the_normalised_address(tmp_path: Path) -> None:
    line = json.dumps(GOOD).encode()
    (tmp_path / "raw.jsonl").write_bytes(line + b"\n\n" + line + b"\n")
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(line))
    records = read(tmp_path / "raw.jsonl", tmp_path / "packed.jsonl.gz")
    assert [record.value for record in records if isinstance(record, RawRecord)] == [line] * 3
    assert {record.key for record in records if isinstance(record, RawRecord)} == {b"https://outlet.example/a"}


@pytest.mark.parametrize(
    ("hint", "option"),
    [
        ({"fetched_at": "2026-03-02T08:00:00Z"}, "--fetched-at"),
        ({"url": "https://outlet.example/y"}, "--url"),
        ({"outlet": "The Post", "language": "en"}, "--outlet, --language"),
    ],
)
def test_an_option_that_raw_lines_do_not_take_is_refused_before_anything_is_published(
    tmp_path: Path, hint: dict[str, str], option: str
) -> None:
    (tmp_path / "page.html").write_text("<p>A page.")
    (tmp_path / "raw.jsonl").write_text(json.dumps(GOOD))
    (tmp_path / "plain").write_text(json.dumps(GOOD))
    ways: list[tuple[list[str], str]] = [(["raw.jsonl"], "auto"), (["plain"], "raw"), (["page.html"], "raw")]
    if "url" not in hint:
        ways += [(["page.html", "raw.jsonl"], "auto"), (["."], "auto")]
    for names, kind in ways:
        records = read_inputs([str(tmp_path / name) for name in names], kind=kind, hints=Hints(**hint))  # type: ignore[arg-type]
        with pytest.raises(
            ConfigurationError, match=f"^{option}: .*write it into their lines, or publish them without"
        ):
            next(records)
    with pytest.raises(ConfigurationError, match=option):
        next(read_inputs(["-"], kind="auto", hints=Hints(**hint)))


def test_a_path_that_is_not_there_is_told_before_anything_is_published(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>A page.")
    with pytest.raises(ConfigurationError, match=r"missing\.html"):
        next(read_inputs([str(tmp_path / "page.html"), str(tmp_path / "missing.html")], kind="auto", hints=Hints()))


def test_a_line_that_is_no_raw_article_is_named_and_the_next_one_is_read(tmp_path: Path) -> None:
    file = tmp_path / "raw.jsonl"
    typo = {**GOOD, "fetchedat": "now"}
    file.write_text(
        "\n".join(["nonsense", json.dumps(typo), json.dumps({**GOOD, "fetched_at": "2026-03-02"}), json.dumps(GOOD)])
    )
    first, second, third, fourth = read(file)
    assert "line 1" in str(first)
    assert "JSON" in str(first)
    assert "fetchedat" in str(second)
    assert "fetched_at" in str(third)
    assert isinstance(fourth, RawRecord)


def test_a_page_over_the_topics_limit_is_refused_with_its_size(tmp_path: Path) -> None:
    page = tmp_path / "large.html"
    page.write_bytes(b"<p>" + b"x" * (30 << 20))
    [error] = read(page)
    assert isinstance(error, InputError)
    assert "30.0 MiB" in str(error)
    assert "24 MiB" in str(error)


def test_an_empty_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    for name in ("empty.html", "empty.jsonl", "empty.txt"):
        (tmp_path / name).write_bytes(b"")
        [error] = read(tmp_path / name)
        assert name in str(error)


@pytest.mark.parametrize("name", ["missing.html", "empty-folder"])
def test_a_path_with_nothing_to_publish_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty-folder").mkdir()
    with pytest.raises(ConfigurationError, match=name):
        read(tmp_path / name)


def test_a_broken_gzip_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "raw.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(GOOD).encode() * 1000)[:40])
    with pytest.raises(ConfigurationError, match="whole"):
        read(file)


def test_a_small_packed_file_with_a_line_that_no_memory_holds_is_passed_over_line_by_line(tmp_path: Path) -> None:
    packed = tmp_path / "bomb.jsonl.gz"
    with gzip.open(packed, "wb", compresslevel=1) as file:
        for _ in range(120):
            file.write(bytes(2**20))
        file.write(b"\n" + json.dumps(GOOD).encode() + b"\n")
    assert packed.stat().st_size < 2**20
    tracemalloc.start()
    try:
        error, record = read(packed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(error, InputError)
    assert "line 1" in str(error)
    assert isinstance(record, RawRecord)
    assert peak < 100 * 2**20
