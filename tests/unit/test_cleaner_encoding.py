"""Bytes to text, and text that was decoded wrongly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cleaner.encoding import (
    _MOJIBAKE,  # pyright: ignore[reportPrivateUsage]
    _MOJIBAKE_BYTES,  # pyright: ignore[reportPrivateUsage]
    decode_page,
    mend,
)

TEXT = "<p>Der Bürgermeister eröffnet die Brücke – „endlich“, sagt er. Ça va, Präsident?</p>"


@pytest.mark.parametrize(
    ("body", "content_type", "charset"),
    [
        (TEXT.encode(), None, "utf-8"),
        (TEXT.encode(), "text/html; charset=iso-8859-1", "utf-8"),
        (b"\xef\xbb\xbf" + TEXT.encode(), None, "utf-8"),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), None, "utf-16-le"),
        (TEXT.encode("cp1252"), "text/html; charset=ISO-8859-1", "cp1252"),
        (b'<meta charset="windows-1252">' + TEXT.encode("cp1252"), None, "cp1252"),
        (TEXT.encode("cp1252"), "text/html; charset=utf-8", "cp1252"),
        (TEXT.encode("cp1252"), "text/html; charset=no-such-charset", "cp1252"),
    ],
)
def test_bytes_are_read_in_their_charset_whatever_they_declare(
    body: bytes, content_type: str | None, charset: str
) -> None:
    text, used = decode_page(body, content_type=content_type)
    assert text.endswith(TEXT)
    if charset != "cp1252":
        assert used == charset


def test_browsers_names_of_charsets_are_understood() -> None:
    assert decode_page("首都".encode("gb18030") * 50, content_type="text/html; charset=gb2312")[0] == "首都" * 50
    assert (
        decode_page("これは日本語".encode("cp932") * 50, content_type="text/html; charset=shift_jis")[0]
        == "これは日本語" * 50
    )


@given(
    st.binary(max_size=300),
    st.sampled_from([None, "text/html; charset=base64", "text/html; charset=utf-7", 'charset="', "charset=big5"]),
)
def test_any_bytes_are_read(body: bytes, content_type: str | None) -> None:
    text, _ = decode_page(body, content_type=content_type)
    assert isinstance(text, str)
    text.encode("utf-8", "replace")


@pytest.mark.parametrize("charset", ["cp1252", "latin-1"])
@pytest.mark.parametrize(
    "text", ["Brücke – „endlich“", "It’s the mayor’s café", "Übermäßig größer", "naïve — coöperate…"]
)
def test_mojibake_is_mended(text: str, charset: str) -> None:
    try:
        wrong = text.encode().decode(charset)
    except UnicodeDecodeError:
        wrong = "".join(
            chr(byte) if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([byte]).decode(charset)
            for byte in text.encode()
        )
    assert mend(wrong) == text


@pytest.mark.parametrize(
    "text",
    [
        "Brücke – „endlich“",
        "NÃO É",
        "Âge d’or",
        "château, âme",
        "plain",
        "",
        "Ã",
        "SÃO PAULO – “JÁ”",
        "Привет, мир",
        "価格は¥1,000",
    ],
)
def test_text_that_is_right_stays_as_it_is(text: str) -> None:
    assert mend(text) == text


@given(st.text(alphabet="ÂÃÄâéïðñ€œ™˜¿½ü”’\u0080\u017f\u0193\u2123 a", max_size=12))
def test_the_quick_search_in_bytes_finds_what_the_search_in_text_finds(text: str) -> None:
    assert (_MOJIBAKE_BYTES.search(text.encode()) is None) == (_MOJIBAKE.search(text) is None)


@given(st.text(max_size=80))
def test_mending_never_fails(text: str) -> None:
    mend(text).encode("utf-8", "replace")
