"""Inputs for the four targets, as Hypothesis makes them: mostly of the right shape, and wrong somewhere."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

_SAID: Final = (
    "The council of Corran voted on Monday to open the northern bridge after a debate. Ilse Varga said that work is due"
    " to begin in May and to end before the regatta, despite warnings from neighbours in the old town"
)
_WORDS: Final = _SAID.split()
_LINES: Final = (
    "Harbour bridge to reopen in spring, city says",
    "Northfield Couriera day ago",
    "timean hour ago",
    "  • The Tidewater Post",
    "Related Articles",
    "Comments",
    "No comments yet...",
    "By Ilse Varga and Tomas Reed",
    "BAKU, July 3 (Agency) - ",
    "Published 3 March 2026 08:15 GMT",
    "02-07-2025",
    "Sign up to The Evening Tide, our newsletter",
    "Read more: Ferry line adds a night service",
    "DOWNLOAD THE APP",
    "—",
    "昨日、港の橋が開通した。",
    "قال المجلس يوم الاثنين",
)
_TAG_NAMES: Final = (
    "html head title body article main section div p span h1 h2 h3 a ul ol li table tr td th thead tbody nav header "
    "footer aside figure figcaption img picture video script style noscript template form input button select option "
    "iframe svg math blockquote pre code br hr em strong b i time meta link base frameset plaintext textarea xmp"
)
_TAGS: Final = _TAG_NAMES.split()
_ATTRIBUTES: Final = (
    'class="article-body"',
    'id="content"',
    'class="related promo"',
    'itemprop="articleBody"',
    'datetime="2026-03-02T08:00:00Z"',
    'property="og:title" content="Bridge opens"',
    'property="og:site_name" content="Gazette"',
    'property="article:published_time" content="2026-13-45T99:00"',
    'name="author" content="By , and ;"',
    'href="http://[::1"',
    'href="/news/1?utm_source=x"',
    'rel="canonical" href="https://gazette.example/"',
    'type="application/ld+json"',
    'hidden style="display:none"',
    'lang="de"',
    'src="data:image/png;base64,AAAA"',
    "onload=alert(1)",
)
_ODD: Final = (
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "&x;",
    "&#0;",
    "&#xD800;",
    "&#1114112;",
    "\x00",
    "\x1b[2J",
    "\u202e",
    "\ud800",
    "\u0130",
    "a\u0301" * 40,
    "\u200b",
    "\r",
    "â€œ",
    "Ã©",
    '{"@context":"https://schema.org","@graph":[{"@type":"NewsArticle","author":[{"name":["x"]},null],"headline":1}]}',
    '{"@type":"NewsArticle","datePublished":"-99999-01-01","articleBody":{}}',
    "{{{",
    "https://gazette.example/news/1",
    "$1,234.56%",
)

_words = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=60).map(" ".join)
_prose = _words | st.lists(_words, min_size=2, max_size=6).map("\n".join)
_anything = st.one_of(st.sampled_from(_ODD), st.text(max_size=40), _prose, st.sampled_from(_LINES))
_attributes = st.lists(st.sampled_from(_ATTRIBUTES), max_size=2).map(" ".join)
_tag = st.one_of(
    st.tuples(st.sampled_from(_TAGS), _attributes).map(lambda pair: f"<{pair[0]} {pair[1]}>"),
    st.sampled_from(_TAGS).map(lambda name: f"</{name}>"),
)
_paragraph = st.tuples(_attributes, _prose).map(lambda pair: f"<p {pair[0]}>{pair[1]}</p>")
_nested = st.tuples(st.sampled_from(_TAGS), st.integers(1, 600)).map(lambda pair: f"<{pair[0]}>" * pair[1])
_html = st.lists(st.one_of(_tag, _paragraph, _paragraph, _anything, _nested), max_size=25).map("".join)
_page = st.one_of(
    _html,
    st.tuples(_anything, _html, _html).map(
        lambda made: (
            f"<html><head><title>{made[0]}</title>{made[1]}</head><body><article><h1>{made[0]}</h1>"
            f"{made[2]}</article></body></html>"
        )
    ),
)
_headline = st.lists(st.sampled_from(_WORDS), min_size=4, max_size=12).map(lambda words: " ".join(words).capitalize())
_outlet = st.sampled_from(("Northfield Courier", "The Tidewater Post", "Harbour Gazette", "BBC News", "x"))
_age = st.sampled_from(("an hour ago", "a day ago", "3 hours ago", "02-07-2025", "99999 years ago", "Jul 32, 2025"))
# as aggregators print it: the headline twice, outlet and age glued
_article = st.tuples(_headline, _outlet, _age, _prose, _prose, _anything).map(
    lambda made: f"{made[0]}\n{made[0]}\n{made[1]}{made[2]}\n{made[3]}\n\n{made[4]}\n{made[5]}"
)
_text = st.one_of(
    st.lists(st.one_of(_prose, st.sampled_from(_LINES), _anything, _article), max_size=20).map("\n".join),
    st.tuples(_article, st.lists(_article | st.sampled_from(_LINES), max_size=3)).map(
        lambda made: "\n".join((made[0], *made[1]))
    ),
)

_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(_ODD),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_fields = st.fixed_dictionaries(
    {},
    optional={
        "url": st.one_of(
            st.sampled_from(["https://gazette.example/1", "http://[", "ftp://x", "https://ü.example"]), _json
        ),
        "record_id": st.one_of(st.text(max_size=20), _json),
        "fetched_at": st.one_of(
            st.sampled_from(
                [
                    "2026-03-02T08:00:00Z",
                    "2026-03-02T08:00:00",
                    "0001-01-01T00:00:00+14:00",
                    "1e9",
                    "9999-12-31T23:59:60Z",
                ]
            ),
            _json,
        ),
        "html": st.one_of(_html, _json),
        "text": st.one_of(_text, _json),
        "publisher": st.one_of(st.just({"name": "fuzz"}), _json),
        "status": st.sampled_from(["usable", "withdrawn", "gone", None]),
        "http": st.one_of(st.just({"status": 200, "headers": {"a": "b"}}), _json),
        "extra": _json,
        "headline": st.one_of(_anything, _json),
        "surprise": _json,
    },
)
_record = _fields.map(
    lambda fields: (
        {"url": "https://g.example/1", "fetched_at": "2026-03-02T08:00:00Z", "text": "t", "publisher": {"name": "f"}}
        | fields
    )
)


def _to_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def _broken(pair: tuple[bytes, list[tuple[int, bytes]]]) -> bytes:
    value, changes = pair
    for place, piece in changes:
        at = place % (len(value) + 1)
        value = value[:at] + piece + value[at + len(piece) :]
    return value


_values = st.one_of(_record.map(_to_bytes), _fields.map(_to_bytes), _json.map(_to_bytes), st.binary(max_size=300))
_decode = st.one_of(
    _values,
    st.tuples(_values, st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=3)), max_size=3)).map(
        _broken
    ),
    st.integers(1, 4000).map(lambda depth: b'{"extra":' + b"[" * depth),
)


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


STRATEGIES: Final[dict[str, st.SearchStrategy[bytes]]] = {
    "decode": _decode,
    "clean": _page.map(_encoded),
    "split": _text.map(_encoded),
    "shingle": st.one_of(_text, _prose, st.text(max_size=400)).map(_encoded),
}
