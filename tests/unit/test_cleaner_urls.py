"""Which page a URL names: the table of cases, and what holds for every address."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cleaner.urls import host_of, page_address, registrable_domain, url_key

SAME = [
    ("http://example.org/a", "https://example.org/a"),
    ("https://EXAMPLE.org/a", "https://example.org/a"),
    ("https://example.org:443/a", "https://example.org/a"),
    ("http://example.org:80/a", "https://example.org/a"),
    ("https://user:secret@example.org/a", "https://example.org/a"),
    ("https://example.org./a", "https://example.org/a"),
    ("https://www.example.org/a", "https://example.org/a"),
    ("https://www2.example.org/a", "https://example.org/a"),
    ("https://m.example.org/a", "https://example.org/a"),
    ("https://mobile.example.co.uk/a", "https://example.co.uk/a"),
    ("https://en.m.example.org/a", "https://en.example.org/a"),
    ("https://amp.example.org/a", "https://example.org/a"),
    ("https://test.example.org/a", "https://example.org/a"),
    ("https://mirror2.example.org/a", "https://example.org/a"),
    ("https://example.org/a/amp", "https://example.org/a"),
    ("https://example.org/a/amp/", "https://example.org/a"),
    ("https://example.org/amp/a", "https://example.org/a"),
    ("https://example.org/a.amp.html", "https://example.org/a.html"),
    ("https://example.org/a.amp", "https://example.org/a"),
    ("https://example.org/a?amp=1", "https://example.org/a"),
    ("https://example.org/a?outputType=amp", "https://example.org/a"),
    ("https://www-example-org.cdn.ampproject.org/c/s/www.example.org/a", "https://example.org/a"),
    ("https://www.google.com/amp/s/www.example.org/a/amp/", "https://example.org/a"),
    ("https://example.org/a/", "https://example.org/a"),
    ("https://example.org", "https://example.org/"),
    ("https://example.org/index.html", "https://example.org/"),
    ("https://example.org/a/index.php", "https://example.org/a"),
    ("https://example.org//a///b", "https://example.org/a/b"),
    ("https://example.org/x/../a/./b", "https://example.org/a/b"),
    ("https://example.org/../../a", "https://example.org/a"),
    ("https://example.org/a#comments", "https://example.org/a"),
    ("https://example.org/a?", "https://example.org/a"),
    ("https://example.org/a?utm_source=x&utm_medium=y", "https://example.org/a"),
    ("https://example.org/a?fbclid=1&gclid=2&id=5", "https://example.org/a?id=5"),
    ("https://example.org/a?UTM_Campaign=z", "https://example.org/a"),
    ("https://example.org/a?CMP=share_btn_tw", "https://example.org/a"),
    ("https://example.org/a?at_medium=RSS&at_campaign=KARANGA", "https://example.org/a"),
    ("https://example.org/a?xtor=AL-72", "https://example.org/a"),
    ("https://example.org/a?smid=tw-share&ref=world", "https://example.org/a"),
    ("https://example.org/a;jsessionid=0A1B", "https://example.org/a"),
    ("https://example.org/a?b=2&a=1", "https://example.org/a?a=1&b=2"),
    ("https://example.org/%7Eann/%61", "https://example.org/~ann/a"),
    ("https://example.org/caf%c3%a9", "https://example.org/caf%C3%A9"),
    ("https://example.org/café", "https://example.org/caf%C3%A9"),
    ("https://example.org/100%", "https://example.org/100%25"),
    ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
    ("  https://example.org/a\n", "https://example.org/a"),
    ("//example.org/a", "https://example.org/a"),
    ("example.org/a", "https://example.org/a"),
    ("https://example.org/#!/news/7", "https://example.org/#!/news/7"),
    ("https://[2001:DB8::1]/a", "https://[2001:db8::1]/a"),
]
DIFFERENT = [
    ("https://example.org/a?id=5", "https://example.org/a?id=6"),
    ("https://example.org/a?id=5", "https://example.org/a"),
    ("https://example.org/a?page=2", "https://example.org/a"),
    ("https://example.org/a?p=12", "https://example.org/a?p=13"),
    ("https://example.org/a?ref=1001", "https://example.org/a?ref=1002"),
    ("https://example.org/story.php?sid=1", "https://example.org/story.php?sid=2"),
    ("https://example.org/Story", "https://example.org/story"),
    ("https://example.org/amplifiers", "https://example.org/lifiers"),
    ("https://example.org/a/lamp", "https://example.org/a"),
    ("https://news.example.org/a", "https://example.org/a"),
    ("https://m.co.uk/a", "https://co.uk/a"),
    ("https://amp.dev/a", "https://dev/a"),
    ("https://example.org:8080/a", "https://example.org/a"),
    ("https://example.org/a%2Fb", "https://example.org/a/b"),
    ("https://example.org/a+b", "https://example.org/a%20b"),
    ("https://example.org/#!/news/7", "https://example.org/#!/news/8"),
    ("https://example.org/?article=1", "https://example.org/?article=2"),
    ("https://uk.example.org/a", "https://us.example.org/a"),
    ("https://example.org/a?q=%E9", "https://example.org/a?q=%E8"),
]


@pytest.mark.parametrize(("url", "key"), SAME)
def test_addresses_of_one_page_have_one_key(url: str, key: str) -> None:
    assert url_key(url) == key


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_pages_keep_different_keys(one: str, other: str) -> None:
    assert url_key(one) != url_key(other)


@given(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(r"https?://[a-zA-Z.é-]{1,12}(:[0-9]{1,6})?/[^ ]{0,30}(\?[^ ]{0,30})?(#[^ ]{0,8})?"),
    )
)
def test_the_key_of_a_key_is_the_key(url: str) -> None:
    assert url_key(url_key(url)) == url_key(url)


@pytest.mark.parametrize("url", ["", "not a url", "https://[bad", "https://example.org:99999/a", "mailto:a@b", "\x00"])
def test_what_is_no_address_has_a_key_all_the_same(url: str) -> None:
    assert isinstance(url_key(url), str)


def test_a_redirect_to_a_home_or_consent_page_does_not_rename_the_article() -> None:
    given = "https://example.org/news/1"
    assert page_address(given, "https://example.org/news/one-title") == "https://example.org/news/one-title"
    for aside in ("https://example.org/", "https://consent.example.org/x?continue=1", "https://example.org/login?to=1"):
        assert page_address(given, aside) == given
    assert page_address(given, "https://[bad") == given
    assert page_address(given, None) == given
    assert page_address(None, given) == given


def test_hosts_are_read_as_keys_have_them() -> None:
    assert host_of("https://www.m.example.co.uk/a") == "example.co.uk"
    assert host_of(None) == ""
    assert registrable_domain("news.example.co.uk") == "example.co.uk"
    assert registrable_domain("a.b.example.org") == "example.org"


def test_the_module_needs_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; import services.cleaner.urls; "
        "print([m for m in ('lxml', 'pydantic', 'trafilatura', 'selectolax') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
