"""Bytes of a page to text, and text that was decoded with the wrong charset put right."""

from __future__ import annotations

import codecs
import re
from typing import Any, Final

_META_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_XML_CHARSET: Final = re.compile(
    rb"^\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})[\"']", re.IGNORECASE
)
_HEADER_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
# what pages call by these names is, in every browser, the superset (WHATWG Encoding Standard)
_AS_BROWSERS: Final = {
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "ks_c-5601-1987": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "utf-16": "utf-8",
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
}
_LOOK_BYTES: Final = 4096
_DETECT_BYTES: Final = 200_000


def decode_page(body: bytes, *, content_type: str | None = None) -> tuple[str, str]:
    """The text of a page's bytes, and the charset that was used. Never fails; what no charset explains is U+FFFD.

    In this order: byte order mark; UTF-8 where all of it is valid UTF-8 (hardly anything else ever is); the HTTP
    header's charset; the page's own `meta`; detection. A declared charset that cannot read the bytes is a lie and is
    passed over. Line ends and everything else stay as they are.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace"), name
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        pass
    head = body[:_LOOK_BYTES]
    declared: list[str] = []
    if (header := _HEADER_CHARSET.search(content_type or "")) is not None:
        declared.append(header[1])
    declared.extend(match[1].decode() for pattern in (_XML_CHARSET, _META_CHARSET) if (match := pattern.search(head)))
    for name in declared:
        charset = _python_charset(name)
        if charset is None:
            continue
        text = body.decode(charset, "replace")
        # a page in the charset it declares has hardly a byte that the charset does not know
        if text.count("\ufffd") * 500 <= len(text):
            return text, charset
    detected = _detect(body[:_DETECT_BYTES])
    if detected is not None:
        return body.decode(detected, "replace"), detected
    text = body.decode("utf-8", "replace")
    return (text, "utf-8") if text.count("\ufffd") * 20 <= len(text) else (body.decode("cp1252", "replace"), "cp1252")


def _python_charset(name: str) -> str | None:
    try:
        codec = codecs.lookup(name.strip())
    except (LookupError, ValueError):
        return None
    # codecs that are no charsets (base64, rot13, …) must not run over a page
    if not getattr(codec, "_is_text_encoding", True):
        return None
    return _AS_BROWSERS.get(codec.name, codec.name)


def _detect(body: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best: Any = from_bytes(body, steps=5, chunk_size=512).best()
    return str(best.encoding) if best is not None else None


# UTF-8 read as a Western charset: a lead byte's letter, then one to three continuation bytes' signs
_MOJIBAKE: Final = re.compile(
    "(?:[\u00c2-\u00df][\u0080-\u00bf\u0152-\u0192\u02c6-\u2122]|[\u00e0-\u00ef][\u0080-\u00bf\u0152-\u0192\u02c6-\u2122]{2}|\u00f0[\u0080-\u00bf\u0152-\u0192\u02c6-\u2122]{3})"
)
# the same in the bytes of the text: a literal first byte makes the search of a page forty times as fast
_CONTINUED: Final = (
    rb"(?:\xc2[\x80-\xbf]|\xc5[\x92-\xbf]|\xc6[\x80-\x92]|\xcb[\x86-\xbf]|[\xcc-\xdf][\x80-\xbf]|"
    rb"[\xe0\xe1][\x80-\xbf]{2}|\xe2(?:[\x80-\x83][\x80-\xbf]|\x84[\x80-\xa2]))"
)
_MOJIBAKE_BYTES: Final = re.compile(rb"\xc3(?:[\x82-\x9f]%(c)b|[\xa0-\xaf]%(c)b{2}|\xb0%(c)b{3})" % {b"c": _CONTINUED})
_TO_BYTE: Final = {
    **{chr(number): number for number in range(256)},
    **{
        bytes([number]).decode("cp1252"): number
        for number in range(128, 160)
        if number not in (129, 141, 143, 144, 157)
    },
}


def mend(text: str) -> str:
    """`text` with UTF-8 that was read as Windows-1252 or Latin-1 put right ("â€œ" for a quotation mark).

    Only where it leaves no doubt: runs that are valid UTF-8 as bytes are mended when the text holds at least two of
    them, or one that is nothing in any language ("Â" before a sign, "â€"). Other text comes back as it is.
    """
    if text.isascii() or not _MOJIBAKE_BYTES.search(text.encode("utf-8", "surrogatepass")):
        return text
    runs = _MOJIBAKE.findall(text)
    if len(runs) < 2 and not any(run.startswith(("\u00e2\u20ac", "\u00c3")) for run in runs):
        return text
    return _MOJIBAKE.sub(_mended, text)


def _mended(match: re.Match[str]) -> str:
    run = match.group(0)
    try:
        return bytes(_TO_BYTE[char] for char in run).decode()
    except (KeyError, UnicodeDecodeError):
        return run
