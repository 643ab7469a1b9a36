"""The table of services/ARCHITECTURE.md, a row a test: each bad record has its outcome, and the next one passes."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.articles import CleanArticle
from services.local.broker import Broker
from services.local.redis_server import RedisServer
from tests.newsroom import made_articles
from tests.suite import Suite

BODY = next(iter(made_articles(1, seed=3))).paragraphs
PAGE = "<html><head><title>{0}</title></head><body><article><h1>{0}</h1>{1}</article></body></html>"


def page(headline: str, extra: str = "") -> str:
    return PAGE.format(headline, "".join(f"<p>{text}</p>" for text in BODY) + extra)


def raw(number: int, **fields: Any) -> bytes:
    """A good raw article but for `fields`; a field set to ... is left out."""
    record: dict[str, Any] = {
        "url": f"https://row-{number}.example/news/{number}",
        "fetched_at": "2026-03-02T08:00:00Z",
        "html": page(f"Harbour council of row {number} opens the northern bridge"),
        "publisher": {"name": "tests"},
        **fields,
    }
    return json.dumps({name: value for name, value in record.items() if value is not ...}).encode()


def outcome(kind: str, reason: str = "", words: str = "") -> tuple[str, str, str]:
    return kind, reason, words


FUTURE = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
ROWS: dict[str, tuple[bytes | None, bytes, tuple[str, str, str]]] = {
    "not JSON": (b"<html>", b"a", outcome("dead", "decode_error", "UTF-8 JSON")),
    "not UTF-8": (b'{"url": "\xff\xfe"}', b"b", outcome("dead", "decode_error", "UTF-8 JSON")),
    "JSON of another shape": (b'["a", 1]', b"c", outcome("dead", "invalid", "RawArticle")),
    "JSON of another object": (b'{"title": "x"}', b"d", outcome("dead", "invalid", "fetched_at")),
    "unknown fields": (raw(1, surprise=1), b"e", outcome("emitted")),
    "fetched_at missing": (raw(2, fetched_at=...), b"f", outcome("dead", "invalid", "fetched_at")),
    "fetched_at without zone": (raw(3, fetched_at="2026-03-02T08:00:00"), b"g", outcome("dead", "invalid", "zone")),
    "fetched_at in the future": (raw(4, fetched_at=FUTURE), b"h", outcome("dead", "invalid", "fetched_at")),
    "neither html nor text": (raw(5, html=...), b"i", outcome("dead", "invalid", "html or text")),
    "blank html": (raw(6, html="  \n "), b"j", outcome("dead", "invalid", "html or text")),
    "empty body": (raw(7, html="<html><body></body></html>"), b"k", outcome("discarded", "no_article")),
    "wrong charset": (
        raw(8, html=page("The mayorâ€™s cafÃ© closes", "<p>Itâ€™s the mayorâ€™s cafÃ© in the naÃ¯ve quarter.</p>")),
        b"l",
        outcome("emitted"),
    ),
    "lone surrogates and NUL": (
        raw(9).replace(b"Harbour", b"Har\\ud83d\\u0000bour"),
        b"m",
        outcome("emitted"),
    ),
    "null value": (None, b"n", outcome("discarded", "tombstone")),
    "key that is not UTF-8": (raw(10), b"\xff\xfe", outcome("emitted")),
    "key that is not UTF-8, of a bad record": (b"nothing", b"\xfe\xff", outcome("dead", "decode_error", "JSON")),
    "20 MB page": (
        raw(11, html=page("A page with much around it", f"<div>{'<span>menu</span>' * 1_200_000}</div>")),
        b"o",
        outcome("emitted"),
    ),
}


@pytest.fixture(scope="module")
def suite(kafka: Broker, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Suite]:
    """A cleaner that has been given every row, each followed by a good record."""
    folder = tmp_path_factory.mktemp("rows")
    with Suite(kafka.bootstrap, redis_server.url, prefix="test-rows-", folder=folder, partitions=1) as suite:
        suite.start(["cleaner"])
        for number, (value, key, _) in enumerate(ROWS.values()):
            suite.publish([value], key=key)
            suite.publish([raw(1000 + number)], key=b"good")
        suite.wait_until_done(["cleaner"], within_seconds=120)
        yield suite


def offsets(suite: Suite, topic: str) -> dict[int, list[Any]]:
    """Records of `topic` by the offset of the raw record they came from."""
    found: dict[int, list[Any]] = {}
    for record in suite.records(topic):
        headers = dict(record.headers)
        offset = headers.get("newsloom.source.offset") or headers.get("__connect.errors.offset")
        found.setdefault(int(offset or b"-1"), []).append(record)
    return found


@pytest.mark.parametrize("name", list(ROWS))
def test_the_record_has_its_outcome(suite: Suite, name: str) -> None:
    value, key, (kind, reason, words) = ROWS[name]
    offset = list(ROWS).index(name) * 2
    by_kind = {
        "emitted": offsets(suite, "clean-articles"),
        "discarded": offsets(suite, "cleaner-discards"),
        "dead": offsets(suite, "cleaner-dead-letters"),
    }
    assert [name for name, records in by_kind.items() if offset in records] == [kind]
    [record] = by_kind[kind][offset]
    if kind == "dead":
        headers = dict(record.headers)
        assert headers["newsloom.reason"].decode() == reason
        assert words in headers["__connect.errors.exception.message"].decode()
        assert (record.key, record.value) == (key, value)
    elif kind == "discarded":
        assert json.loads(record.value)["reason"] == reason
    # the good record after it
    assert offset + 1 in by_kind["emitted"]


def test_unknown_fields_are_counted(suite: Suite) -> None:
    _, text = suite.get("/metrics", "cleaner-0")
    [line] = [line for line in text.splitlines() if line.startswith("newsloom_unknown_fields_total{")]
    assert line.endswith(" 1.0")


def article_of(suite: Suite, name: str) -> CleanArticle:
    [record] = offsets(suite, "clean-articles")[list(ROWS).index(name) * 2]
    return CleanArticle.from_bytes(record.value)


def test_text_in_the_wrong_charset_is_mended(suite: Suite) -> None:
    article = article_of(suite, "wrong charset")
    assert article.headline == "The mayor’s café closes"
    assert "â€" not in article.text
    assert "Ã" not in article.text


def test_lone_surrogates_and_nul_do_not_reach_the_event(suite: Suite) -> None:
    article = article_of(suite, "lone surrogates and NUL")
    assert "\x00" not in article.headline + article.text
    assert article.headline.startswith("Har")
    assert article.text
