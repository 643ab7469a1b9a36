"""Which page a URL names: one key for all the addresses that sites, phones, caches and campaigns give one page.

Standard library only: `newsloom publish` keys records with it and has none of the cleaner's other dependencies.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlsplit


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SPACE: Final = re.compile("[\x00-\x20\x7f-\xa0\ufeff\u200b]+")
_HOST_VARIANT: Final = re.compile(
    r"(?:www\d?|ww\d|m|mobil|mobile|amp|touch|wap|3g|test|testing|stage|staging|mirror\d*)$"
)
_PUBLIC_SECOND_LEVEL: Final = _words("ac co com edu gob gov govt mil net nom or org ne go")

# Parameters that campaigns, newsletters, feeds and social networks hang onto an address. Only names that no site is
# known to use for choosing what it shows; a name that is sometimes an article's number is in _TRACKING_WORDS.
_TRACKING_PREFIXES: Final = (
    "utm_", "utm-", "at_", "ns_", "pk_", "piwik_", "mtm_", "matomo_", "hsa_", "oly_", "vero_", "fb_", "mc_", "__hs",
    "_hs", "wt_", "wt.", "ga_", "guce_", "soc_", "trk_", "smc_", "cmpid", "itm_", "int_cmp", "dm_i", "elq", "stm_",
)  # fmt: skip
_TRACKING: Final = _words(
    """_ga _gl _openstat __s __twitter_impression __source amp amp_js_v amp_gsa amphtml usqp cmp cmp_ref cmpid
    cn-track dclid dicbo echobox emc emci emdi ceid fbclid fbid_source feedtype ftag gaa_at gaa_n gaa_sig gaa_ts gbraid
    gclid gclsrc gad_source gad_campaignid guccounter icid igsh igshid ito jsessionid li_fat_id link_id mbid mkt_tok
    mod_reply msclkid msockid ncid ndclid nlid ocid outputtype phpsessid reflink rss s_cid s_kwcid sc_cid scid
    sfmc_id sh share_id smid smprod smtyp spm sr_share sref srnd srsltid taid tblci tbref traffic_source trk trkid
    trackingid ttclid twclid twitter_impression wbraid wickedid wtmc xtor yclid ymclid ysclid zanpid
    campaign_id user_email_address"""
)
# These say where a reader came from on most sites and are an article's number on a few: a number stays.
_TRACKING_WORDS: Final = _words("ref referer referrer source src via from share shared partner campaign")
_SESSION_IN_PATH: Final = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?;]*", re.IGNORECASE)
_INDEX: Final = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)
_AMP_END: Final = re.compile(r"(?:/amp|/amp\.html|\.amp|(?<=\w)\.amp(?=\.html$))$|\.amp(?=\.html?$)", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~%"
_NUMBER: Final = re.compile(r"[0-9]+$")


def url_key(url: str) -> str:
    """The key of the page that `url` names: equal for addresses of one page, different for different pages.

    Taken away: scheme http against https, user and password, default port, `www.` and mobile, AMP, test and mirror
    hosts, AMP paths and caches, dot segments, doubled and closing slashes, index files, fragments (but `#!`), session
    ids, and the parameters that campaigns add. Other parameters stay, sorted by name: `?id=5` and `?page=2` name a
    page. Host in lower case and as IDNA, percent-encoding in one form, the path's letters as they are.
    The key of a key is the key. Never raises: what is no address is its own key, without white space.
    """
    bare = _SPACE.sub("", url)
    try:
        parts = urlsplit(bare if "://" in bare[:16] else "https://" + bare.removeprefix("//"))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return bare
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not host:
        return bare
    path = _path(parts.path)
    cached = _behind_amp_cache(host, path)
    if cached is not None:
        return url_key(cached + (f"?{parts.query}" if parts.query else ""))
    try:
        host = _host(host)
    except UnicodeError:
        return bare
    if port is not None and port not in (80, 443):
        host = f"{host}:{port}"
    query = _query(parts.query)
    # an old convention of script-built sites: what follows #! names the page
    fragment = parts.fragment if parts.fragment.startswith("!") else ""
    return f"https://{host}{path or '/'}{query}" + (f"#{quote(unquote(fragment), safe=_PATH_SAFE)}" if fragment else "")


def page_address(url: str | None, final_url: str | None) -> str | None:
    """The address to key a page by: where redirects led, unless they led away from the article.

    A redirect to a home page, a login or a consent page says that the article was not shown; its own address stays.
    """
    if not final_url or not url:
        return url or final_url
    try:
        given, final = urlsplit(url), urlsplit(final_url)
        host = final.hostname or ""
    except ValueError:
        return url
    if not host or final.scheme.lower() not in ("http", "https"):
        return url
    if final.path.strip("/") == "" and not final.query and given.path.strip("/") != "":
        return url
    if _ASIDE.search(host.split(".")[0]) or _ASIDE.search(final.path.strip("/").split("/")[0]):
        return url
    return final_url


_ASIDE: Final = re.compile(
    r"^(?:consent|login|signin|sign-in|account|accounts|auth|sso|captcha|cookies?)$", re.IGNORECASE
)


def host_of(url: str | None) -> str:
    """The host of `url` as its key has it (no `www.`, no mobile host), or "" where there is none."""
    if not url:
        return ""
    try:
        return _host(urlsplit(_SPACE.sub("", url)).hostname or "")
    except ValueError:
        return ""


def registrable_domain(host: str) -> str:
    """The part of `host` that someone registered, by its last labels: `news.example.co.uk` gives `example.co.uk`.

    Without the public suffix list: a two-letter country after one of a few second levels counts as a suffix.
    """
    labels = host.split(".")
    return ".".join(labels[-_registrable(labels) :])


def _registrable(labels: list[str]) -> int:
    """How many of the last labels make the registrable domain."""
    if len(labels) >= 3 and len(labels[-1]) == 2 and labels[-2] in _PUBLIC_SECOND_LEVEL:
        return 3
    return 2


def _host(host: str) -> str:
    host = host.lower().rstrip(".")
    if ":" in host:
        return f"[{host}]"
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
        # nameprep writes some accents as a space and a mark: no host has such a name
        if _SPACE.search(host):
            raise UnicodeError(f"no host is called {host!r}")
    labels = host.split(".")
    own = _registrable(labels)
    # en.m.example.org: the mark of the phone site can stand anywhere before the registered name
    kept = [label for label in labels[:-own] if not _HOST_VARIANT.match(label)]
    return ".".join([*kept, *labels[-own:]])


def _path(path: str) -> str:
    path = _SESSION_IN_PATH.sub("", path)
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if segments:
                segments.pop()
        elif segment not in ("", "."):
            segments.append(_encoded(segment))
    path = "/" + "/".join(segments) if segments else ""
    while True:
        shorter = _INDEX.sub("", _AMP_END.sub("", path)).rstrip("/")
        if shorter.startswith("/amp/"):
            shorter = shorter[4:]
        if shorter == path:
            return path
        path = shorter


def _encoded(text: str) -> str:
    """`text` with one spelling of percent-encoding: unreserved characters bare, the rest as upper-case hex of UTF-8."""

    def plain(match: re.Match[str]) -> str:
        value = int(match.group(1), 16)
        return chr(value) if value in _UNRESERVED else match.group(0).upper()

    return quote(_STRAY_PERCENT.sub("%25", _ESCAPE.sub(plain, text)), safe=_PATH_SAFE, errors="replace")


_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _query(query: str) -> str:
    pairs: list[tuple[str, str]] = []
    try:
        # latin-1 keeps every byte, whatever the site's own charset is
        given = parse_qsl(query, keep_blank_values=True, encoding="latin-1", max_num_fields=200)
    except ValueError:
        return f"?{query}"
    for name, value in given:
        low = name.lower()
        if low in _TRACKING or low.startswith(_TRACKING_PREFIXES):
            continue
        if low in _TRACKING_WORDS and not _NUMBER.match(value):
            continue
        pairs.append((name, value))
    if not pairs:
        return ""
    pairs.sort(key=lambda pair: pair[0])
    return "?" + "&".join(f"{_bytes_quoted(n)}={_bytes_quoted(v)}" if v else _bytes_quoted(n) for n, v in pairs)


def _bytes_quoted(text: str) -> str:
    try:
        return quote(text.encode("latin-1"), safe="-._~,:/")
    except UnicodeEncodeError:
        return quote(unquote_to_bytes(quote(text, errors="replace")), safe="-._~,:/")


def _behind_amp_cache(host: str, path: str) -> str | None:
    """The address that an AMP cache (…/c/s/HOST/PATH) or viewer (…/amp/s/HOST/PATH) shows, or None."""
    if host.endswith(".cdn.ampproject.org") or host == "cdn.ampproject.org":
        match = re.match(r"/(?:c|v|i|r|a|cf)/(?:s/)?([^/]+\.[^/]+)(/.*)?$", path)
    elif re.match(r"(?:www\.)?google\.[a-z.]+$", host):
        match = re.match(r"/(?:amp/)?s/([^/]+\.[^/]+)(/.*)?$", path)
    else:
        return None
    return f"https://{match.group(1)}{match.group(2) or ''}" if match else None
