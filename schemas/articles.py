"""Raw articles, as publishers write them, and clean articles, as the cleaner writes them; how both are identified."""

from __future__ import annotations

from typing import Any, Final, Literal, Self, cast, get_args
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from schemas.events import Event, Instant, Offset, Part, Ratio, content_hash, well_formed

MAX_RAW_BYTES: Final = 24 * 1024 * 1024
"""The largest record that `raw-articles` takes: key, value and headers together stay below it."""

REMOVED_TEXT_BYTES: Final = 64 * 1024
"""How much removed text a clean article carries in its ledger before only a count is kept."""

RemovalKind = Literal[
    "chrome",  # navigation, buttons, footers, alt texts of icons
    "repeat",  # a headline, outlet or line printed again
    "metadata",  # outlet, age, date and byline lines, whose values are in the article's fields
    "related",  # links to other articles
    "comments",
    "newsletter",
    "event",  # conferences and webinars
    "app",
    "promo",  # subscriptions, shops, features of the site
    "advertisement",
    "caption",  # photos, charts, videos
    "consent",  # cookies, privacy
    "author",  # boxes about the author
    "tags",
    "boilerplate",  # learnt: lines that recur across an outlet's pages
    "other",
]
REMOVAL_KINDS: Final[tuple[RemovalKind, ...]] = get_args(RemovalKind)

PageKind = Literal["article", "live", "list", "gallery", "home", "excerpt", "unknown"]
Status = Literal["usable", "withdrawn"]
Precision = Literal["second", "minute", "hour", "day", "month", "year"]


def page_id(*, url_key: str | None = None, publisher: str = "", record_id: str | None = None) -> str:
    """The page's id: from its normalised URL, or, for pages without one, from the publisher and its own record id.

    Raises ValueError when there is neither.
    """
    if url_key:
        return content_hash(url_key)
    if record_id:
        return content_hash(publisher, record_id)
    raise ValueError("a page needs a url or a record_id")


def main_article_id(page: str) -> str:
    """The id of a page's main article: the same at every fetch of the page."""
    return content_hash(page)


def inlined_article_id(*, host: str, outlet_id: str, folded_headline: str) -> str:
    """The id of an article inlined on other articles' pages.

    `host` is the aggregator's id or the page's host. Neither page nor position: both change at each fetch.
    """
    return content_hash(host, outlet_id, folded_headline)


def version_id(headline: str, text: str) -> str:
    """The id of what an article says: equal headline and text, equal id."""
    return content_hash(headline, text)


class Publisher(Part):
    """The program that wrote a raw article: who to ask when its records are wrong."""

    name: str = Field(min_length=1, max_length=200, description="The program's name, such as city-desk-scraper.")
    version: str | None = Field(default=None, description="The program's version.")
    run_id: str | None = Field(default=None, description="One run of the program.")


class HttpResponse(Part):
    """What the server answered when the page was fetched."""

    status: int | None = Field(default=None, ge=100, le=599, description="Status code.")
    final_url: str | None = Field(default=None, description="The URL after redirects.")
    content_type: str | None = Field(default=None, description="The Content-Type header.")
    charset: str | None = Field(default=None, description="The charset the publisher decoded the page with.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Other headers worth keeping, names in lower case."
    )


class RawArticle(Event):
    """One fetch of a page. Key: the page's `url_key`, where order per page matters."""

    # what `_is_whole` asks for, in the words of JSON Schema
    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "title": "The page can be identified",
                    "anyOf": [
                        {"required": ["url"], "properties": {"url": {"type": "string"}}},
                        {"required": ["record_id"], "properties": {"record_id": {"type": "string"}}},
                    ],
                },
                {
                    "title": "There is a body, or the article was withdrawn",
                    "anyOf": [
                        {"required": ["html"], "properties": {"html": {"type": "string", "pattern": r"\S"}}},
                        {"required": ["text"], "properties": {"text": {"type": "string", "pattern": r"\S"}}},
                        {"required": ["status"], "properties": {"status": {"const": "withdrawn"}}},
                    ],
                },
            ]
        }
    )

    url: str | None = Field(
        default=None,
        max_length=8192,
        description="The page's address; or give record_id.",
        json_schema_extra={"pattern": r"^\s*[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#]"},
    )
    record_id: str | None = Field(
        default=None, min_length=1, max_length=1024, description="The publisher's own id of a page without an address."
    )
    fetched_at: Instant = Field(description="When the page was fetched, with a time zone.")
    html: str | None = Field(default=None, description="The page as HTML.")
    text: str | None = Field(default=None, description="The page flattened to text, or the publisher's own extraction.")
    publisher: Publisher = Field(description="The program that publishes this record.")
    status: Status = Field(default="usable", description="withdrawn: the outlet took the article back; needs no body.")
    outlet: str | None = Field(default=None, description="Hint: the outlet's name or domain.")
    aggregator: str | None = Field(default=None, description="Hint: the aggregator's name, where the page is one's.")
    language: str | None = Field(default=None, description="Hint: BCP 47 tag.")
    country: str | None = Field(default=None, description="Hint: ISO 3166-1 alpha-2 code of the outlet.")
    headline: str | None = Field(default=None, description="Hint: the headline.")
    byline: str | None = Field(default=None, description="Hint: the byline as printed.")
    published_at: str | None = Field(default=None, description="Hint: when it was published, as found.")
    updated_at: str | None = Field(default=None, description="Hint: when it was last changed, as found.")
    section: str | None = Field(default=None, description="Hint: the section of the outlet.")
    canonical_url: str | None = Field(default=None, description="Hint: the page's own idea of its address.")
    image_url: str | None = Field(default=None, description="Hint: the main picture.")
    http: HttpResponse | None = Field(default=None, description="What the server answered.")
    extra: dict[str, Any] = Field(default_factory=dict, description="Anything else; not looked at.")

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url.strip())
            host = parts.hostname
        except ValueError as error:
            raise ValueError(f"not a web address ({error}); write http:// or https:// with a host") from None
        if parts.scheme.lower() not in ("http", "https") or not host:
            raise ValueError("not a web address; write http:// or https:// with a host, or use record_id")
        return url.strip()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.url is None and self.record_id is None:
            raise ValueError("url or record_id is required: without one the page cannot be identified")
        if self.status == "usable" and _is_blank(self.html) and _is_blank(self.text):
            raise ValueError("html or text is required and must not be blank, unless status is withdrawn")
        return self


def _is_blank(text: str | None) -> bool:
    # not strip, which copies the page
    return not text or text.isspace()


class Outlet(Part):
    """The news brand under whose name an article appears."""

    name: str = Field(description="As printed, or as the outlet registry has it.")
    id: str = Field(default="", description="The registry's id; derived from the name for an outlet it does not know.")
    domain: str | None = Field(default=None, description="The outlet's registrable domain.")
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2 code.")
    group: str | None = Field(default=None, description="The company that owns it.")

    @model_validator(mode="before")
    @classmethod
    def _with_id(cls, data: Any) -> Any:
        if isinstance(data, dict):
            fields = cast("dict[str, Any]", data)
            name = fields.get("name")
            if not fields.get("id") and isinstance(name, str):
                return {**fields, "id": outlet_id_of(name)}
            return fields
        return data


def outlet_id_of(name: str) -> str:
    """The id of an outlet known by `name` alone: its letters and digits in lower case, joined by hyphens."""
    folded = "".join(char if char.isalnum() else " " for char in well_formed(name).casefold())
    return "-".join(folded.split()) or "unknown"


class Attribution(Part):
    """A name the article is printed under, and how that is known."""

    role: Literal["outlet", "aggregator", "wire"] = Field(
        description="outlet: under whose name it appears; aggregator: who shows it; wire: the agency it came from."
    )
    name: str = Field(description="As printed, or as the outlet registry has it.")
    evidence: str = Field(
        default="", description="The rule or field that says so, such as registry_domain, credit_line."
    )


class Author(Part):
    """One name of a byline."""

    name: str = Field(description="One name, without title, By or punctuation around it.")
    kind: Literal["person", "agency", "outlet"] = Field(default="person", description="What bears the name.")


class Published(Part):
    """When an article was published: a point where one is known, always the interval it lies in."""

    at: Instant | None = Field(default=None, description="Null when only the interval is known.")
    earliest_at: Instant | None = Field(default=None, description="Not before this instant.")
    latest_at: Instant | None = Field(default=None, description="Not after this instant.")
    precision: Precision | None = Field(default=None, description="How finely the page tells it.")
    evidence: str = Field(default="", description="Where it was read, such as json_ld, meta, relative_age, dateline.")


class Language(Part):
    """The language of one article."""

    code: str = Field(default="und", description="BCP 47 primary tag; und when it cannot be told.")
    confidence: Ratio = Field(default=0.0, description="How sure the detection is.")


class Completeness(Part):
    """Whether the text is the whole article."""

    truncated: Literal["no", "maybe", "yes"] = Field(
        default="no", description="yes: the page says so or ends behind a paywall; maybe: it looks cut."
    )
    reasons: tuple[str, ...] = Field(default=(), description="What speaks for it, such as paywall or no_full_stop.")


class Removed(Part):
    """One span of the flattened page that is in no text: what it is, and the rule that took it away."""

    kind: RemovalKind = Field(description="What the span is.")
    rule: str = Field(description="The rule or model that took it away.")
    start: Offset = Field(description="Where it starts in the flattened page, in code points.")
    end: Offset = Field(description="Where it ends in the flattened page, exclusive.")
    text: str = Field(description="The words that were taken away.")


class Comments(Part):
    """Whether the page has a place for comments, and how many it says there are."""

    present: bool = Field(default=False, description="Whether the page has a place for comments.")
    count: int | None = Field(
        default=None, ge=0, description="How many the page says there are; null when it does not."
    )


class Link(Part):
    """A link inside the article's text."""

    url: str = Field(description="Where it leads, made absolute.")
    text: str = Field(default="", description="The linked words.")


class Extraction(Part):
    """How the article was taken off its page."""

    method: str = Field(default="", description="The path that won, such as html_trafilatura or text_segments.")
    version: str = Field(default="", description="The cleaner's release; revisions compare versions of one release.")
    epoch: str = Field(default="", description="The UTC day of the learnt state that was used; empty for none.")
    quality: Ratio = Field(default=0.0, description="How good the extraction is believed to be.")
    reasons: tuple[str, ...] = Field(default=(), description="What lowered the quality.")


class CleanArticle(Event):
    """One article taken off a page. Key: `article_id`."""

    article_id: str = Field(min_length=1, description="The article, whatever it says today.")
    version_id: str = Field(default="", description="What it says: a hash of headline and text; derived when absent.")
    page_id: str = Field(default="", description="The page it was printed on.")
    part: Literal["main", "inlined"] = Field(
        default="main", description="Whether it is the page's own article or another one printed on the page."
    )
    inlined_article_ids: tuple[str, ...] = Field(
        default=(), description="On the main part: the other articles of the page."
    )
    status: Status = Field(default="usable", description="withdrawn: the outlet took the article back.")
    url: str | None = Field(default=None, description="Where it was fetched; null for an inlined article.")
    canonical_url: str | None = Field(
        default=None, description="The page's own idea of its address; never what identifies it."
    )
    outlet: Outlet = Field(description="Under whose name the article appears.")
    attribution: tuple[Attribution, ...] = Field(
        default=(), description="Every outlet, aggregator and agency that the page names for it."
    )
    headline: str = Field(description="One line, without the outlet's name around it.")
    byline: tuple[Author, ...] = Field(default=(), description="In the order printed.")
    dateline: str | None = Field(
        default=None, description="As printed before the first sentence, such as BAKU, July 3."
    )
    published: Published = Field(default_factory=Published, description="When it was published.")
    updated_at: Instant | None = Field(default=None, description="When the outlet last changed it, where it says so.")
    fetched_at: Instant = Field(description="When the page was fetched.")
    language: Language = Field(default_factory=Language, description="The article's language.")
    text: str = Field(description='Paragraphs joined by "\\n", in NFC.')
    word_count: int = Field(default=0, ge=0, description="Words of `text`.")
    page_kind: PageKind = Field(default="unknown", description="What kind of page it was printed on.")
    completeness: Completeness = Field(
        default_factory=Completeness, description="Whether the text is the whole article."
    )
    removed: tuple[Removed, ...] = Field(default=(), description="The removal ledger: spans of the flattened page.")
    removed_omitted: int = Field(default=0, ge=0, description="How many more spans there were past 64 KB of ledger.")
    comments: Comments = Field(default_factory=Comments, description="The page's place for comments.")
    image_url: str | None = Field(default=None, description="The main picture.")
    links: tuple[Link, ...] = Field(default=(), description="Links inside the text, in order.")
    section: str | None = Field(default=None, description="The outlet's section, as printed.")
    extraction: Extraction = Field(default_factory=Extraction, description="How it was taken off the page.")

    @model_validator(mode="before")
    @classmethod
    def _with_version_id(cls, data: Any) -> Any:
        if isinstance(data, dict):
            fields = cast("dict[str, Any]", data)
            headline, text = fields.get("headline"), fields.get("text")
            if not fields.get("version_id") and isinstance(headline, str) and isinstance(text, str):
                return {**fields, "version_id": version_id(headline, text)}
            return fields
        return data
