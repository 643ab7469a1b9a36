"""What a page says of its article: headline, byline, times, section, picture, address, kind, and whether it is whole.

Each field is read from the places that are most often right, in this order: JSON-LD, the page's `meta` elements,
marked elements of the body (`time[datetime]`, `rel=author`, byline classes), the publisher's hint, the URL.
"""

from __future__ import annotations

import html as html_entities
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser, LexborNode

from schemas.articles import Author, PageKind, Precision, Published
from schemas.events import well_formed
from services.cleaner.ages import DateOrder, read_time
from services.cleaner.outlets import OutletRegistry, fold_name
from services.cleaner.urls import host_of, registrable_domain

Json = dict[str, Any]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MAX_LD_CHARS: Final = 1_000_000
MAX_LD_NODES: Final = 2_000
FUTURE_SLACK: Final = timedelta(hours=1)
"""Clocks differ: a time up to an hour after the fetch is taken as it is, a later one is not this article's."""

# schema.org's article types, best first: a page that names several is about the first of them
_ARTICLE_TYPES: Final = {
    name: rank
    for rank, names in enumerate(
        (
            ("newsarticle", "reportagenewsarticle", "opinionnewsarticle", "analysisnewsarticle", "liveblogposting"),
            ("backgroundnewsarticle", "reviewnewsarticle", "askpublicnewsarticle", "satiricalarticle"),
            ("article", "blogposting", "report", "techarticle", "scholarlyarticle", "advertisercontentarticle"),
            ("socialmediaposting", "discussionforumposting", "review", "recipe", "howto", "faqpage", "claimreview"),
            ("videoobject", "podcastepisode", "imagegallery", "medicalwebpage"),
            ("webpage", "itempage"),
        )
    )
    for name in names
}
_LISTS: Final = frozenset(
    {"collectionpage", "itemlist", "searchresultspage", "profilepage", "contactpage", "aboutpage"}
)

_TITLE_META: Final = (
    "og:title",
    "twitter:title",
    "parsely-title",
    "sailthru.title",
    "dc.title",
    "dcterms.title",
    "title",
)
_AUTHOR_META: Final = _words(
    """author article:author parsely-author sailthru.author dc.creator dcterms.creator byl og:article:author
    citation_author creator twitter:creator:name cxenseparse:author authors mrf:authors news:author
    article:author_name dable:author vr:author shareaholic:article_author_name articleauthor"""
)
_PUBLISHED_META: Final = _words(
    """article:published_time og:article:published_time datepublished article:published parsely-pub-date sailthru.date
    dc.date.issued dcterms.issued dcterms.created dc.date.created cxenseparse:recs:publishtime published_time
    article.published og:published_time pubdate publishdate publish-date publish_date publication_date
    article_date_original article:post_date rnews:datepublished originalpublicationdate date dc.date dcterms.date
    citation_publication_date displaydate ptime shareaholic:article_published_time vr:published_time release_date
    og:pubdate"""
)
_UPDATED_META: Final = _words(
    """article:modified_time og:updated_time og:article:modified_time datemodified lastmod last-modified
    dcterms.modified dc.date.modified article:updated updated_time revised utime last_updated article:modified"""
)
_SECTION_META: Final = _words(
    """article:section og:article:section parsely-section cxenseparse:category section articlesection news:section
    mrf:sections dc.subject.section cg"""
)

_BYLINE_SELECTOR: Final = (
    "[itemprop=author],[rel=author],[rel~=author],.byline,.author-name,.author__name,.article-author,.author,"
    ".c-byline,.byline__name,.article__author,.post-author,.entry-author,[class*=byline],[class*=Byline],"
    "[data-testid*=byline],[class*=author-name],[class*=authorName]"
)
_BY: Final = re.compile(
    r"^\s*(?:written by|reported by|story by|text by|article by|posted by|published by|by|von|vom|par|por|di|da|de|"
    r"door|av|af|przez|autor(?:es|in|ka)?|auteur|autore|author[s]?|text|texte|texto|foto|автор[ыа]?|tekst|przygotował[a]?|"
    r"yazan|oleh|yazar|отар|склав|by:|von:)(?:\s*:\s*|\s+)(?=\S)",
    re.IGNORECASE,
)  # fmt: skip
_BY_SURE: Final = re.compile(r"^\s*(?:by|von|par|por|door|av|af|autor|author|written by|text)\b[:\s]+", re.IGNORECASE)
_NAME_JOINTS: Final = re.compile(
    r"\s*(?:,|;|\||/|•|·|\n|&(?!\s*Co)|\s(?:and|und|et|y|e|en|och|og|i|и|ve|dan|та|sowie|with|mit|avec)\s)\s*",
    re.IGNORECASE,
)
_LISTED: Final = re.compile(r"\s*(?:,|;|\||•|\n|\s(?:and|und|et|och|og|и|ve)\s)\s*", re.IGNORECASE)
# two to four capitalised words, with "van", "de la" and the like between them
_FULL_NAME: Final = re.compile(
    r"[^\W\d_a-z][\w.'’-]+(?:\s+(?:(?:van|von|de[rnls]?|di|da|du|la|le|bin|al|el|ten|ter)\s+){0,2}[^\W\d_a-z][\w.'’-]+){1,3}$"
)
_ROLE: Final = re.compile(
    r"\b(?:reporter|correspondent|editor|writer|redakteur|redaktion|journalist|staff|chief|bureau|columnist|contributor|"
    r"analyst|producer|senior|associate|deputy|special to|political|business|sports?|news|updated?|published|"
    r"korrespondent|chefredakteur|ressort|minutes?|min read|follow|email|view|photograph|director|professor|fellow)\b",
    re.IGNORECASE,
)
_NOT_A_NAME: Final = re.compile(r"https?:|www\.|[@{}<>=]|\d{3,}|^\W*$|\.(?:com|org|net|html?)\b(?!\s)", re.IGNORECASE)
# a rubric beside the name, and where the author wrote from
_RUBRIC: Final = re.compile(
    r"^(?:comment|opinion|analysis|column|editorial|explainer|review|kommentar|meinung)$", re.IGNORECASE
)
_PLACE: Final = re.compile(r"\s+in\s+(?:the\s+)?[A-Z][\w.'’-]*(?:\s+[A-Z][\w.'’-]*){0,2}$")
_KOREAN_ROLE: Final = re.compile(r"\s+(?:인턴)?(?:기자|특파원|논설위원|记者|記者)$")
_IN_PARENTHESES: Final = re.compile(r"\s*[(\[].*?[)\]]\s*")
_AGENCIES: Final = frozenset(
    """ap|associated press|the associated press|afp|agence france presse|agence france-presse|reuters|thomson reuters|
    dpa|deutsche presse agentur|deutsche presse-agentur|dpa infocom|apa|austria presse agentur|sda|keystone sda|
    keystone-sda|ats|ansa|efe|europa press|lusa|belga|anp|tt|ntb|ritzau|stt|pap|ctk|čtk|mti|tass|ria novosti|interfax|
    xinhua|kyodo|kyodo news|jiji|yonhap|pti|press trust of india|ani|ians|upi|united press international|bloomberg|
    bloomberg news|pa|pa media|press association|aap|australian associated press|cp|canadian press|the canadian press|
    la presse canadienne|agencies|agenturen|sid|epd|kna|ddp|dapd|afp deutschland|afp factuel|afp fact check|aptn|
    ukrinform|unian|anadolu|anadolu agency|aa|iha|dha|antara|bernama|vna|notimex|telam|agencia brasil|adnkronos|agi|
    askanews|anadolu ajansı|anadolu ajansi|ap news|dts|dj|dow jones|dow jones newswires|mtv news agency|cnn wire|
    cnn newsource""".replace("\n", "").split("|")
)
_AGENCIES_FOLDED: Final = frozenset(fold_name(" ".join(name.split())) for name in _AGENCIES)

# one zone for a country whose news runs on one clock; for what prints no zone
_ZONE_OF: Final = dict(
    pair.split("=", 1)
    for pair in _words(
        """DE=Europe/Berlin AT=Europe/Vienna CH=Europe/Zurich FR=Europe/Paris IT=Europe/Rome ES=Europe/Madrid
        NL=Europe/Amsterdam BE=Europe/Brussels PL=Europe/Warsaw CZ=Europe/Prague DK=Europe/Copenhagen
        SE=Europe/Stockholm NO=Europe/Oslo FI=Europe/Helsinki GB=Europe/London IE=Europe/Dublin GR=Europe/Athens
        TR=Europe/Istanbul IL=Asia/Jerusalem IN=Asia/Kolkata PK=Asia/Karachi BD=Asia/Dhaka JP=Asia/Tokyo
        KR=Asia/Seoul CN=Asia/Shanghai TW=Asia/Taipei HK=Asia/Hong_Kong SG=Asia/Singapore MY=Asia/Kuala_Lumpur
        TH=Asia/Bangkok VN=Asia/Ho_Chi_Minh UA=Europe/Kyiv HU=Europe/Budapest RO=Europe/Bucharest BG=Europe/Sofia
        HR=Europe/Zagreb RS=Europe/Belgrade SK=Europe/Bratislava SI=Europe/Ljubljana LT=Europe/Vilnius
        LV=Europe/Riga EE=Europe/Tallinn LU=Europe/Luxembourg IS=Atlantic/Reykjavik NA=Africa/Windhoek
        ZA=Africa/Johannesburg KE=Africa/Nairobi NG=Africa/Lagos EG=Africa/Cairo TZ=Africa/Dar_es_Salaam
        IR=Asia/Tehran AE=Asia/Dubai SA=Asia/Riyadh QA=Asia/Qatar PH=Asia/Manila NZ=Pacific/Auckland
        AR=America/Argentina/Buenos_Aires CO=America/Bogota PE=America/Lima GE=Asia/Tbilisi AZ=Asia/Baku
        AM=Asia/Yerevan"""
    )
)


@dataclass(frozen=True, slots=True)
class Fields:
    """What the page says of its main article. Empty where it says nothing."""

    headline: str = ""
    raw_headline: str = ""
    headlines: tuple[str, ...] = ()
    """Every headline the page offers, clean; what else of them stands on the page is a repeat."""
    byline: tuple[Author, ...] = ()
    byline_evidence: str = ""
    published: Published = field(default_factory=Published)
    updated_at: datetime | None = None
    canonical_url: str | None = None
    foreign_canonical: bool = False
    site_name: str | None = None
    publisher: str | None = None
    section: str | None = None
    image_url: str | None = None
    description: str = ""
    language: str | None = None
    kind: PageKind = "unknown"
    is_article: bool = False
    """Whether the page calls itself an article (JSON-LD or og:type)."""
    paywalled: bool = False
    body_chars: int = 0
    """The length of JSON-LD's articleBody, 0 for none."""
    body_check: str = ""
    comment_count: int | None = None


@dataclass(slots=True)
class Head:
    """The raw material: what the page marks up, as found."""

    nodes: list[Json] = field(default_factory=list[Json])
    metas: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    canonical: str | None = None
    title: str = ""
    h1s: list[str] = field(default_factory=list[str])
    language: str | None = None
    tree: LexborHTMLParser | None = None

    def meta(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """(name, content) of the metas called so, in the order of `names`."""
        for name in names:
            for content in self.metas.get(name, ()):
                yield name, content


def read_head(tree: LexborHTMLParser) -> Head:
    """What a parsed page marks up; reads the tree, does not change it.

    The body is looked at later, and only where the head is silent: call `read_fields` before the tree is flattened.
    """
    head = Head(tree=tree)
    for node in tree.css('script[type*="ld+json"]'):
        text = node.text(deep=True)
        if text and len(text) <= MAX_LD_CHARS:
            head.nodes.extend(_ld_nodes(_read_json(text)))
    for node in tree.css("meta[content]"):
        attributes = node.attributes
        content = attributes.get("content")
        if not content:
            continue
        for key in ("property", "name", "itemprop"):
            name = attributes.get(key)
            if name:
                head.metas.setdefault(name.strip().lower(), []).append(content.strip())
    link = tree.css_first('link[rel~="canonical"][href]')
    if link is not None:
        head.canonical = link.attributes.get("href")
    title = tree.css_first("title")
    head.title = _line(title.text(deep=True)) if title is not None else ""
    head.h1s = [line for node in tree.css("h1")[:12] if (line := _line(node.text(deep=True)))]
    root = tree.root
    if root is not None:
        html = tree.css_first("html")
        head.language = html.attributes.get("lang") if html is not None else None
    return head


def _times(head: Head) -> list[str]:
    found: list[str] = []
    if head.tree is None:
        return found
    for node in head.tree.css("[itemprop=datePublished],time[pubdate],time[datetime]")[:40]:
        attributes = node.attributes
        value = attributes.get("datetime") or attributes.get("content") or node.text(deep=True)
        if value and value.strip():
            marked = attributes.get("itemprop") == "datePublished" or "pubdate" in attributes
            found.insert(0, value.strip()) if marked and not found else found.append(value.strip())
    return found


def _bylines(head: Head) -> list[str]:
    found: list[str] = []
    if head.tree is None:
        return found
    for node in head.tree.css(_BYLINE_SELECTOR)[:12]:
        pieces = [line for piece in _node_text(node).split("\n") if (line := _line(piece))]
        # names in elements of their own, with nothing between them
        apart = len(pieces) > 1 and all(_FULL_NAME.match(piece) for piece in pieces)
        text = (", " if apart else " ").join(pieces)
        if text and len(text) <= 200 and text not in found:
            found.append(text)
    return found


def is_full_name(text: str) -> bool:
    """Whether `text` is two to four capitalised words and nothing else."""
    return _FULL_NAME.match(text) is not None and _ROLE.search(text) is None


def _node_text(node: LexborNode) -> str:
    return node.text(deep=True, separator="\n")


def _line(text: str | None) -> str:
    return well_formed(" ".join((text or "").replace("\xad", "").replace("\u200b", "").split()))


# -- JSON-LD

_TRAILING_COMMA: Final = re.compile(r",(\s*[}\]])")
_CDATA: Final = re.compile(r"^\s*(?://)?\s*(?:<!\[CDATA\[|<!--)|(?://)?\s*(?:\]\]>|-->)\s*;?\s*$")


def _read_json(text: str) -> Any:
    """The JSON in a script, with the mistakes that sites make put right; None where there is none."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    mended = _TRAILING_COMMA.sub(r"\1", _CDATA.sub("", text).strip().rstrip(";"))
    try:
        return json.loads(mended, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(html_entities.unescape(mended), strict=False)
    except (ValueError, RecursionError):
        return None


def _ld_nodes(data: Any) -> list[Json]:
    """All objects of a JSON-LD document that stand alone: its items, and those of @graph and of main entities."""
    found: list[Json] = []
    queue: list[tuple[Any, int]] = [(data, 0)]
    while queue and len(found) < MAX_LD_NODES:
        item, depth = queue.pop(0)
        if depth > 6:
            continue
        if isinstance(item, list):
            queue.extend((each, depth + 1) for each in cast("list[Any]", item))
        elif isinstance(item, dict):
            node = cast("Json", item)
            found.append(node)
            for key in ("@graph", "mainEntity", "mainEntityOfPage", "itemReviewed", "hasPart", "video"):
                if isinstance(node.get(key), list | dict):
                    queue.append((node[key], depth + 1))
    return found


def _types(node: Json) -> list[str]:
    given = node.get("@type") or node.get("type") or ()
    names = cast("list[Any]", given if isinstance(given, list) else [given])
    return [name.rsplit("/", 1)[-1].lower() for name in names if isinstance(name, str)]


def _text_of(value: Any) -> str:
    """A JSON-LD value as one line: a string, the first of a list, or an object's @value or name."""
    if isinstance(value, str):
        return _line(html_entities.unescape(value) if "&" in value else value)
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            if text := _text_of(each):
                return text
    if isinstance(value, dict):
        node = cast("Json", value)
        return _text_of(node.get("@value") or node.get("name") or "")
    return ""


def _url_of(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            if text := _url_of(each):
                return text
    if isinstance(value, dict):
        node = cast("Json", value)
        return _url_of(node.get("url") or node.get("@id") or node.get("contentUrl") or "")
    return ""


def _article_nodes(head: Head) -> list[Json]:
    """The JSON-LD objects that can be the page's article, likeliest first."""
    ranked: list[tuple[int, int, Json]] = []
    for number, node in enumerate(head.nodes):
        rank = min((_ARTICLE_TYPES[name] for name in _types(node) if name in _ARTICLE_TYPES), default=99)
        if rank < 99 and (node.get("headline") or node.get("datePublished") or node.get("author") or rank < 4):
            ranked.append((rank, number, node))
    ranked.sort(key=lambda entry: entry[:2])
    return [node for _, _, node in ranked]


# -- headline

_PREFIX: Final = re.compile(r"([^:]{3,60}):\s+(?=\S)")
_SEPARATORS: Final = re.compile(r"\s+(?:[|–—·•»«‹›:]|-{1,2}|::|\|\|)\s+|\s*[|ㅣ｜]\s*")
# Korean, Chinese and Japanese sites set a section apart without spaces. Known ones alone: the hyphen joins names too
_SECTION_TAIL: Final = re.compile(
    "(?<=.{8})-(?:정치|경제|사회|국제|세계|문화|스포츠|연예|오피니언|사설|칼럼|과학|생활|지역|전국|政治|经济|經濟|経済|社会|社會|国际"
    "|國際|国際|财经|財經|体育|體育|文化|科技|军事|軍事|娱乐|娛樂|スポーツ|エンタメ|オピニオン)$"
)


def clean_headline(raw: str, names: Iterable[str]) -> str:
    """`raw` without the name of site or outlet at its ends ("… | Example News", "Example News: …")."""
    headline = _line(html_entities.unescape(raw) if "&" in raw else raw)
    folded = {fold_name(name) for name in names if name}
    folded.discard("")
    for _ in range(3):
        pieces = list(_SEPARATORS.finditer(headline))
        if not pieces:
            break
        last, first = pieces[-1], pieces[0]
        tail, start = fold_name(headline[last.end() :]), fold_name(headline[: first.start()])
        if _names_site(tail, folded) and last.start() >= 8:
            headline = headline[: last.start()].rstrip()
        elif _names_site(start, folded) and len(headline) - first.end() >= 8:
            headline = headline[first.end() :].lstrip()
        else:
            break
    headline = _SECTION_TAIL.sub("", headline)
    # a colon stands inside many a headline, so here only the whole name counts
    prefix = _PREFIX.match(headline)
    if prefix and fold_name(prefix[1]) in folded and len(headline) - prefix.end() >= 8:
        headline = headline[prefix.end() :]
    return headline


def _names_site(text: str, names: set[str]) -> bool:
    if not text:
        return True
    squeezed = text.replace(" ", "")
    return any(text == name or squeezed == name.replace(" ", "") or (len(name) > 3 and text in name) for name in names)


# -- byline


def split_byline(text: str, *, sure: bool = True) -> list[str]:
    """The names in a printed byline: without "By", roles, addresses and what stands in parentheses.

    `sure`: the text is known to be nothing but names; commas then separate names, else the first part alone counts.
    """
    if "://" in text or "www." in text:
        return []
    text = _IN_PARENTHESES.sub(" ", _line(html_entities.unescape(text))).strip(" .,;:|-–—•·")
    for _ in range(2):
        text = _BY.sub("", text)
    names: list[str] = []
    for piece in _NAME_JOINTS.split(text):
        name = _KOREAN_ROLE.sub("", piece.strip(" .,;:|-–—•·'\""))
        for _ in range(2):
            name = _BY.sub("", name)
        name = _PLACE.sub("", name)
        if _RUBRIC.match(name):
            continue
        if not 2 <= len(name) <= 60 or _NOT_A_NAME.search(name) or len(name.split()) > 6:
            continue
        if names and _ROLE.search(name):
            continue
        if not sure and not names and (not name[0].isupper() and name[0].isalpha() and name.upper() != name.lower()):
            break
        if name not in names:
            names.append(name)
    return names


def author_of(
    name: str, *, registry: OutletRegistry, site_names: Iterable[str] = (), organization: bool = False
) -> Author:
    """`name` with its kind: an agency, an outlet (this site's or a registered one), else a person."""
    folded = fold_name(name)
    if folded in _AGENCIES_FOLDED:
        return Author(name=name, kind="agency")
    known = registry.by_name(name)
    if known is not None:
        return Author(name=name, kind="agency" if known.is_agency else "outlet")
    squeezed = folded.replace(" ", "")
    for site in site_names:
        own = fold_name(site).replace(" ", "")
        if own and (squeezed == own or (len(own) > 4 and own in squeezed)):
            return Author(name=name, kind="outlet")
    return Author(name=name, kind="outlet" if organization else "person")


def _named_authors(head: Head) -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    """(evidence, [(name, is an organization)]) for each place that names authors."""
    by_id = {node["@id"]: node for node in head.nodes if isinstance(node.get("@id"), str)}
    for node in _article_nodes(head):
        found: list[tuple[str, bool]] = []
        for key in ("author", "creator"):
            for name, organization in _ld_authors(node.get(key), by_id, 0):
                if all(name != other for other, _ in found):
                    found.append((name, organization))
            if found:
                break
        if found:
            yield "json_ld", found
    for name in _AUTHOR_META:
        found = [(each, False) for content in head.metas.get(name, ()) for each in split_byline(content)]
        if found:
            yield "meta", list(dict.fromkeys(found))


def _ld_authors(value: Any, by_id: Mapping[str, Json], depth: int) -> Iterator[tuple[str, bool]]:
    if depth > 3:
        return
    if isinstance(value, str):
        for name in split_byline(value):
            yield name, False
    elif isinstance(value, list):
        for each in cast("list[Any]", value)[:30]:
            yield from _ld_authors(each, by_id, depth + 1)
    elif isinstance(value, dict):
        node = cast("Json", value)
        known = by_id.get(str(node.get("@id")), {})
        name = node.get("name") or known.get("name") or known.get("headline")
        organization = any("organization" in kind for kind in _types(node) or _types(known))
        if isinstance(name, list):
            for each in cast("list[Any]", name):
                yield from _ld_authors(each, by_id, depth + 1)
        elif isinstance(name, str) and organization:
            if (bare := _line(html_entities.unescape(name))) and not _NOT_A_NAME.match(bare):
                yield bare, True
        elif isinstance(name, str):
            bare = _IN_PARENTHESES.sub(" ", _BY_SURE.sub("", _line(html_entities.unescape(name)))).strip(" ,;|")
            # "Ann Example, Political Reporter" is one person; "Ann Example, Bo Example" are two
            for piece in _LISTED.split(bare):
                piece = piece.strip(" .")
                if (
                    2 <= len(piece) <= 80
                    and not _NOT_A_NAME.search(piece)
                    and not (piece != bare and _ROLE.search(piece))
                ):
                    yield piece, False


# -- times


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def read_instant(
    text: str, *, fetched_at: datetime, country: str | None = None, order: DateOrder = "dmy", evidence: str
) -> Published | None:
    """When `text` says, or None: for what is no time, and for what lies after the fetch.

    A time without a zone is read on the clock of `country` where that has one, and says so (`…_zone_assumed`); else
    only the interval is known. A day is an interval too.
    """
    text = html_entities.unescape(text).strip()[:64]
    if not text:
        return None
    moment, has_clock, precision = _parse(text)
    if moment is None:
        read = read_time(text, fetched_at=fetched_at, order=order)
        return None if read is None else read.model_copy(update={"evidence": evidence})
    if not 1990 <= moment.year <= 9000:
        return None
    if not has_clock:
        if moment.replace(tzinfo=UTC) - timedelta(hours=14) > fetched_at:
            return None
        zone = _zone(_ZONE_OF.get(country or "", "")) or UTC
        first = moment.replace(tzinfo=zone).astimezone(UTC)
        latest = max(first, min(first + timedelta(days=1), fetched_at))
        return Published(earliest_at=first, latest_at=latest, precision=precision, evidence=evidence)
    if moment.tzinfo is None:
        zone = _zone(_ZONE_OF.get(country or "", ""))
        if zone is None:
            earliest, latest = (
                moment.replace(tzinfo=UTC) - timedelta(hours=14),
                moment.replace(tzinfo=UTC) + timedelta(hours=12),
            )
            if earliest > fetched_at:
                return None
            return Published(
                earliest_at=earliest,
                latest_at=max(earliest, min(latest, fetched_at)),
                precision="day",
                evidence=evidence,
            )
        moment, evidence = moment.replace(tzinfo=zone), evidence + "_zone_assumed"
    at = moment.astimezone(UTC)
    if at > fetched_at + FUTURE_SLACK:
        return None
    return Published(at=at, earliest_at=at, latest_at=at, precision=precision, evidence=evidence)


_DAY_ONLY: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})$|(\d{4})(\d{2})(\d{2})$|(\d{4})/(\d{1,2})/(\d{1,2})$")
_ISO: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[Tt\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?(?:\[.*\])?$"
)


def _parse(text: str) -> tuple[datetime | None, bool, Precision]:
    """A machine's time: ISO 8601 as sites write it, RFC 2822, seconds or milliseconds since 1970."""
    try:
        if match := _DAY_ONLY.match(text):
            year, month, day = (int(part) for part in match.groups() if part)
            return datetime(year, month, day), False, "day"  # noqa: DTZ001 - the zone is the caller's to say
        if match := _ISO.match(text):
            year, month, day, hour, minute = (int(match[number]) for number in range(1, 6))
            moment = datetime(  # noqa: DTZ001 - the zone comes next, where there is one
                year, month, day, hour % 24, minute, int(match[6] or 0), int((match[7] or "0")[:6].ljust(6, "0"))
            )
            if zone := match[8]:
                moment = moment.replace(tzinfo=UTC)
                if zone[0] in "+-":
                    digits = zone[1:].replace(":", "").ljust(4, "0")
                    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
                    moment = moment - offset if zone[0] == "+" else moment + offset
            return moment, True, "second" if match[6] else "minute"
        if text.isdigit() and len(text) in (10, 13):
            return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC), True, "second"
        if re.match(r"[A-Za-z]{3}, ?\d|\d{1,2} [A-Za-z]{3} \d{4} \d", text):
            return parsedate_to_datetime(text), True, "second"
    except (ValueError, OverflowError, TypeError, IndexError):
        pass
    return None, False, "day"


def _dates(head: Head, key: str, metas: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(evidence, text) of the places that give a time, best first."""
    for node in _article_nodes(head):
        for name in (key, "dateCreated", "uploadDate") if key == "datePublished" else (key,):
            if text := _text_of(node.get(name)):
                yield "json_ld", text
                break
    for _, content in head.meta(metas):
        yield "meta", content


_DATE_IN_PATH: Final = re.compile(r"/((?:19|20)\d\d)[/-]?(0?[1-9]|1[0-2])[/-]?(0?[1-9]|[12]\d|3[01])(?=[/_.-]|$)")


# -- all of it


def read_fields(
    head: Head,
    *,
    url: str | None,
    fetched_at: datetime,
    registry: OutletRegistry,
    country: str | None = None,
    order: DateOrder = "dmy",
    outlet_names: Iterable[str] = (),
    hint_headline: str | None = None,
    hint_byline: str | None = None,
    hint_published: str | None = None,
    hint_updated: str | None = None,
) -> Fields:
    """The fields of a page's main article; a function of its arguments alone."""
    nodes = _article_nodes(head)
    best: Json = nodes[0] if nodes else {}
    site_name = next(
        (
            _line(content)
            for _, content in head.meta(("og:site_name", "application-name", "apple-mobile-web-app-title"))
        ),
        None,
    )
    publisher = next((name for node in nodes if (name := _text_of(node.get("publisher")))), None)
    host = host_of(url)
    site_names = [
        name for name in (*outlet_names, site_name, publisher, host, registrable_domain(host).split(".")[0]) if name
    ]

    raw_headline, headlines = _headlines(head, nodes, site_names, hint_headline)
    byline, byline_evidence = _byline(head, site_names, registry, hint_byline)

    def first_time(candidates: Iterable[tuple[str, str]]) -> Published | None:
        for evidence, text in candidates:
            read = read_instant(text, fetched_at=fetched_at, country=country, order=order, evidence=evidence)
            if read is not None:
                return read
        return None

    published = (
        first_time(_dates(head, "datePublished", _PUBLISHED_META))
        or first_time(("time_element", text) for text in _times(head))
        or (first_time([("hint", hint_published)]) if hint_published else None)
        or _date_in_address(url, fetched_at, country)
        or Published()
    )
    updated = first_time(_dates(head, "dateModified", _UPDATED_META)) or (
        first_time([("hint", hint_updated)]) if hint_updated else None
    )
    updated_at = updated.at if updated is not None else None
    if updated_at is not None and published.at is not None and updated_at < published.at:
        updated_at = None

    canonical, foreign = _canonical(head, url)
    body = best.get("articleBody") or best.get("text")
    body_text = body if isinstance(body, str) else ""
    section = _text_of(best.get("articleSection")) or next((_line(text) for _, text in head.meta(_SECTION_META)), "")
    image = (
        _url_of(best.get("image"))
        or _url_of(best.get("thumbnailUrl"))
        or next(
            (content for _, content in head.meta(("og:image", "og:image:url", "og:image:secure_url", "twitter:image"))),
            "",
        )
    )
    description = _text_of(best.get("description")) or next(
        (_line(text) for _, text in head.meta(("og:description", "description", "twitter:description"))), ""
    )
    og_type = next((text.lower() for _, text in head.meta(("og:type",))), "")
    language = (
        _text_of(best.get("inLanguage"))
        or head.language
        or next((text for _, text in head.meta(("og:locale", "content-language", "dc.language"))), None)
    )
    free = best.get("isAccessibleForFree")
    count = best.get("commentCount")
    return Fields(
        headline=headlines[0] if headlines else "",
        raw_headline=raw_headline,
        headlines=tuple(headlines),
        byline=byline,
        byline_evidence=byline_evidence,
        published=published,
        updated_at=updated_at,
        canonical_url=canonical,
        foreign_canonical=foreign,
        site_name=site_name,
        publisher=publisher,
        section=section[:120] or None,
        image_url=_absolute(image, url),
        description=description,
        language=(language or "").strip()[:16] or None,
        kind=_kind(head, nodes, og_type, url),
        is_article=bool(nodes and _ARTICLE_TYPES.get(next(iter(_types(best)), ""), 9) < 4)
        or og_type.startswith("article"),
        paywalled=str(free).strip().lower().rsplit("/", 1)[-1] == "false",
        body_chars=len(body_text),
        body_check=body_text[:20_000],
        comment_count=count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None,
    )


def _headlines(head: Head, nodes: list[Json], site_names: list[str], hint: str | None) -> tuple[str, list[str]]:
    """The headline as found, and every clean headline the page offers, best first.

    og:title before JSON-LD before the first h1: on fundus' development pages they are the publisher's headline in
    .80, .76 and .74 of the cases, and each is put right where another shows that a machine cut it or added to it,
    unless og:title and JSON-LD agree to the word. Where JSON-LD and the first h1 agree against og:title, they are
    right in 18 of 19 cases if the page's title is not theirs too, and og:title in most if it is: then theirs is what
    search engines shall read. (fundus and wcxb, 4 and 15 cases; a chooser fitted to all of it and cross-validated by
    site does no better.)
    """
    marked = [text for node in nodes[:3] if (text := _text_of(node.get("headline")))]
    metas = [_line(text) for _, text in head.meta(_TITLE_META) if text]
    h1s = [h1 for h1 in head.h1s if len(h1) >= 8] or head.h1s
    found = [*metas[:1], *marked, *h1s[:3], *metas[1:2], head.title, _line(hint)]
    pairs = [(raw, text) for raw in found if (text := clean_headline(raw, site_names))]
    if not pairs:
        return "", []
    raw, first = pairs[0]
    folded = fold_name(first)
    by_ld, printed, title = (clean_headline(next(iter(texts), ""), site_names) for texts in (marked, h1s, [head.title]))
    is_sure = bool(by_ld) and fold_name(by_ld) == folded
    for other_raw, other in pairs[1:]:
        key = fold_name(other)
        added = not is_sure and len(key) >= 12 and folded.startswith(key + " ") and _is_tail(first, other)
        cut = first.endswith(("…", "...")) and len(folded) >= 20 and key.startswith(folded)
        if added or cut:
            raw, first, folded = other_raw, other, key
    key = fold_name(by_ld)
    if key and key == fold_name(printed) != folded and key != fold_name(title):
        raw, first = marked[0], by_ld
    return raw, list(dict.fromkeys([first, *(text for _, text in pairs)]))


def _is_tail(longer: str, shorter: str) -> bool:
    """Whether what `longer` has after `shorter` begins as the name of a site or section does."""
    one, other = longer.translate(_PLAIN_MARKS).casefold(), shorter.translate(_PLAIN_MARKS).casefold()
    return one.startswith(other) and bool(
        re.match(r"\s*(?:[|–—·•»‹›:*ᅵㅣ：｜]|-+ ?|,? [A-Z]{2,6}\b)", longer[len(shorter) :])
    )


_PLAIN_MARKS: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u3000": " ", "\xa0": " "})


def _byline(
    head: Head, site_names: list[str], registry: OutletRegistry, hint: str | None
) -> tuple[tuple[Author, ...], str]:
    """The authors and where they were read: the first place that names a person or agency, else the first of all."""
    fallback: tuple[tuple[Author, ...], str] = ((), "")
    for evidence, named in _authors_in_turn(head, hint):
        authors: list[Author] = []
        seen: set[str] = set()
        for name, organization in named[:20]:
            key = fold_name(name)
            if key and key not in seen:
                seen.add(key)
                authors.append(author_of(name, registry=registry, site_names=site_names, organization=organization))
        if any(author.kind == "person" for author in authors) and evidence == "meta":
            # the site's own name stands beside its writers' in another of the same elements
            own = {fold_name(name) for name in site_names}
            authors = [author for author in authors if author.kind != "outlet" or fold_name(author.name) not in own]
        if any(author.kind != "outlet" for author in authors):
            return tuple(authors), evidence
        if authors and not fallback[0]:
            fallback = tuple(authors), evidence
    return fallback


def _authors_in_turn(head: Head, hint: str | None) -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    yield from _named_authors(head)
    for text in _bylines(head):
        if names := split_byline(text, sure=False):
            yield "byline_element", [(name, False) for name in names]
    if hint and (names := split_byline(hint)):
        yield "hint", [(name, False) for name in names]


def _date_in_address(url: str | None, fetched_at: datetime, country: str | None) -> Published | None:
    match = _DATE_IN_PATH.search(urlsplit(url).path) if url else None
    if match is None:
        return None
    return read_instant(f"{match[1]}-{match[2]}-{match[3]}", fetched_at=fetched_at, country=country, evidence="url")


def _canonical(head: Head, url: str | None) -> tuple[str | None, bool]:
    """The page's own idea of its address, absolute, and whether it lies on another site."""
    given = head.canonical or next((text for _, text in head.meta(("og:url",))), None)
    absolute = _absolute(given, url)
    if absolute is None:
        return None, False
    here, there = registrable_domain(host_of(url)), registrable_domain(host_of(absolute))
    return absolute, bool(here and there and here != there)


def _absolute(given: str | None, url: str | None) -> str | None:
    if not given:
        return None
    try:
        absolute = urljoin(url or "", given.strip())
        parts = urlsplit(absolute)
    except ValueError:
        return None
    return well_formed(absolute)[:4096] if parts.scheme in ("http", "https") and parts.hostname else None


def _kind(head: Head, nodes: list[Json], og_type: str, url: str | None) -> PageKind:
    names = {name for node in nodes for name in _types(node)}
    if "liveblogposting" in names:
        return "live"
    if any(_ARTICLE_TYPES[name] < 3 for name in names if name in _ARTICLE_TYPES) or og_type.startswith("article"):
        return "article"
    if "imagegallery" in names:
        return "gallery"
    try:
        path = urlsplit(url or "").path.strip("/")
    except ValueError:
        path = ""
    if (
        url
        and (path == "" or re.fullmatch(r"[a-z]{2}(?:[-_][a-zA-Z]{2})?|index\.\w+|home", path))
        and not urlsplit(url).query
    ):
        return "home"
    if any(name in _LISTS for node in head.nodes for name in _types(node)) and "webpage" not in names:
        return "list"
    return "unknown"
