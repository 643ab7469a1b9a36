"""Aggregators' pages as text, made of given articles in random layouts, with what each line is.

`random_page` draws a layout nobody has to have seen; `LAYOUTS` are fixed ones for measuring, which the random ones do
not copy: what a model learns from the former is shown on the latter. All words around the articles are our own.
"""

# lists of words and phrases read better unbroken
# ruff: noqa: E501, SIM905

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from services.cleaner.text_labels import Label

FETCHED_AT: Final = datetime(2025, 7, 4, 21, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SourceArticle:
    """An article that pages are made of."""

    headline: str
    paragraphs: tuple[str, ...]
    language: str = "en"


@dataclass(slots=True)
class PlacedArticle:
    """An article as it stands on a page, with what a reader finds out about it."""

    headline: str
    outlet: str
    published_at: datetime
    age: str
    order: str
    byline: str = ""
    paragraphs: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class SyntheticPage:
    """A page: its lines with their labels, blank ones with None, and its articles."""

    lines: list[tuple[str, Label | None]]
    articles: list[PlacedArticle]
    fetched_at: datetime = FETCHED_AT
    layout: str = ""

    @property
    def text(self) -> str:
        return "\n".join(line for line, _ in self.lines)


_PLACES: Final = (
    "Harbour Northgate Eastvale Millbrook Kestrel Ashford Lakeside Redcliff Vale Summit Highmoor Saltmarsh Oakfield Ironbridge "
    "Silverton Westhaven Calder Merrow Thornbury Pinewood Granite Coral Amber Meridian Delta Union Capital Metro City County"
).split()
_PAPERS: Final = (
    "Gazette Herald Courier Chronicle Observer Post Ledger Tribune Journal Mercury Dispatch Monitor Register Examiner Voice Echo "
    "Star Sentinel Argus Bulletin Review Wire Today Daily News Times Standard Record Inquirer Beacon"
).split()
_FIRST: Final = "Anna Ben Clara David Elena Farid Grace Hugo Ines Jonas Kavya Liam Mara Nadia Omar Paula Quinn Rosa Sami Tess".split()
_LAST: Final = (
    "Adler Brook Castell Duarte Ekberg Falk Greene Hollis Ivers Jansen Kerr Lindqvist Moreau Novak Okafor Petrov Quill Rivera "
    "Santos Thorne Ueda Varga Whitlock Yilmaz Zander"
).split()
_NAV: Final = (
    "Home;World;Politics;Business;Sport;Culture;Opinion;Science;Travel;Health;Video;Live;Technology;Climate;Weather;Search;Menu;Sign in;"
    "Log in;Subscribe;My account;Saved articles;Notifications;English;Settings;For you;Following;Local;Trending;Topics;Latest;More;"
    "Skip to content;Close;Back;Toggle navigation;Explore;Start;Politik;Wirtschaft;Kultur;Accueil;Économie;Deportes;Mundo;Cultura"
).split(";")
_ICONS: Final = "logo;Orange background;avatar;icon;banner image;profile picture;share;bookmark;close icon;app-storeplay-store".split(
    ";"
)
_ACTIONS: Final = (
    "Share;Save;Copy link;Print;Listen;Like;Follow;Facebook;Twitter;WhatsApp;Email;Report;Translate;Summarize;Read more;Read original;"
    "View original;Full coverage;Show more;Teilen;Partager;Compartir;Advertisement;ADVERTISEMENT;Sponsored;Read full article;Add to list"
).split(";")
_PROMOS: Final = (
    "Try our new reading assistant",
    "Explore what our assistant can do for you:",
    "Get the day's news in one place",
    "Sign up for our newsletter and never miss an update.",
    "Subscribe now for unlimited access to every article on every device.",
    "Create a free account to follow topics and outlets.",
    "DOWNLOAD THE APP",
    "Get Started Now: Download the App",
    "Ready for news from everywhere in your own language? Download our app from your preferred store and start reading today.",
    "We use cookies to improve your experience. By continuing you agree to our privacy policy.",
    "You have read 2 of 5 free articles this month.",
    "Upgrade to premium for an ad-free experience with audio, archives and alerts.",
    "This article was summarised by a machine and may contain errors.",
    "The views expressed here are those of the outlet and not of this site.",
)
_COMMENT_HEADS: Final = (
    "Comments",
    "Comments (3)",
    "12 comments",
    "Join the conversation",
    "Leave a comment",
    "Kommentare",
    "Commentaires",
)
_COMMENTS: Final = (
    "I have been saying this for years and nobody listened.",
    "Great piece, thank you for the balanced view.",
    "Does anyone really believe this will change before the next election? I do not.",
    "First!",
    "This is exactly what happened in my town. The council promised a new bridge, and ten years later we still take the ferry.",
    "So biased. Read something else for once.",
    "Can someone explain the second paragraph to me?",
    "My grandfather worked there until the plant closed, and he always said that the owners knew about the leaks.",
)
_SUBHEADS: Final = (
    "What happens next", "Why it matters", "A long road", "'No easy answers'", "The numbers", "Background", "Key points", "Reaction",
    "Was nun?", "Le contexte", "Lo que sigue", "Rising costs", "How it began",
)  # fmt: skip
_RELATED: Final = (
    "Related Articles", "Related articles", "More news", "You may also like", "Recommended for you", "More from this topic", "Read next",
    "Similar articles", "Latest", "Top stories", "Mehr zum Thema", "À lire aussi", "Más noticias", "Trending now", "More on this",
)  # fmt: skip
_FOOTER: Final = (
    "© 2025 All rights reserved.", "About us", "Contact", "Privacy Policy", "Terms of Service", "Imprint", "Cookie settings", "Careers",
    "Help", "Advertise with us", "Do not sell my data", "Follow us on Facebook", "app-storeplay-store", "Version 4.2.1",
)  # fmt: skip
_AGES: Final[dict[str, tuple[str, str, str, str, str, str]]] = {
    "en": ("an hour ago", "{} hours ago", "a day ago", "{} days ago", "{} minutes ago", "{} weeks ago"),
    "de": ("vor einer Stunde", "vor {} Stunden", "vor einem Tag", "vor {} Tagen", "vor {} Minuten", "vor {} Wochen"),
    "fr": ("il y a une heure", "il y a {} heures", "il y a un jour", "il y a {} jours", "il y a {} minutes", "il y a {} semaines"),
    "es": ("hace una hora", "hace {} horas", "hace un día", "hace {} días", "hace {} minutos", "hace {} semanas"),
    "pt": ("há uma hora", "há {} horas", "há um dia", "há {} dias", "há {} minutos", "há {} semanas"),
    "it": ("un'ora fa", "{} ore fa", "un giorno fa", "{} giorni fa", "{} minuti fa", "{} settimane fa"),
}  # fmt: skip
_MONTHS: Final = "January February March April May June July August September October November December".split()


def fictional_outlet(rng: random.Random) -> str:
    """The name of an outlet that does not exist."""
    place, paper = rng.choice(_PLACES), rng.choice(_PAPERS)
    return rng.choice(
        (
            f"{place} {paper}",
            f"The {place} {paper}",
            f"{place} {paper}",
            f"{place}{paper}",
            f"{place} {paper} Online",
            place + " 7",
        )
    )


def person(rng: random.Random) -> str:
    """The name of a person who does not exist."""
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def _time(rng: random.Random, style: str, language: str) -> tuple[datetime, str, str]:
    """A moment before the fetch, how a site prints it, and in which order."""
    kind = rng.random()
    if kind < 0.15:
        seconds = rng.randint(150, 3300)
    elif kind < 0.7:
        seconds = rng.randint(3600, 79_000)
    else:
        seconds = rng.randint(80_000, 20 * 86_400)
    moment = FETCHED_AT - timedelta(seconds=seconds)
    if style == "age":
        one_hour, hours, one_day, days, minutes, weeks = _AGES.get(language, _AGES["en"])
        # as moment.js words them
        if seconds < 45 * 60:
            return moment, minutes.format(max(2, round(seconds / 60))), ""
        if seconds < 90 * 60:
            return moment, one_hour, ""
        if seconds < 22 * 3600:
            return moment, hours.format(max(2, round(seconds / 3600))), ""
        if seconds < 36 * 3600:
            return moment, one_day, ""
        if seconds < 14 * 86_400 or rng.random() < 0.5:
            return moment, days.format(max(2, round(seconds / 86_400))), ""
        return moment, weeks.format(round(seconds / (7 * 86_400))), ""
    if style == "short":
        value = (
            f"{seconds // 60}m"
            if seconds < 3600
            else f"{seconds // 3600}h"
            if seconds < 86_400
            else f"{seconds // 86_400}d"
        )
        return moment, f"{value} ago", ""
    if style == "digits":
        form = rng.choice(("{d:02}-{m:02}-{y}", "{d:02}/{m:02}/{y}", "{d:02}.{m:02}.{y}"))
        return moment, form.format(d=moment.day, m=moment.month, y=moment.year), "dmy"
    if style == "iso":
        return moment, moment.strftime(rng.choice(("%Y-%m-%d", "%Y-%m-%d %H:%M UTC"))), ""
    month = _MONTHS[moment.month - 1]
    return moment, rng.choice((
        f"{month} {moment.day}, {moment.year}", f"{moment.day} {month} {moment.year}", f"{month[:3]} {moment.day}, {moment.year}",
        f"{moment.day} {month[:3]} {moment.year}, {moment:%H:%M} UTC", f"{month} {moment.day}, {moment.year} at {moment:%I:%M} PM",
    )), ""  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """How one site prints an article: the parts around the body, in order.

    Tokens: H headline, O outlet, A age or date, OA both glued, O·A both with a separator, A·O, *O outlet with a bullet,
    Y byline, Y·A byline and date, _ blank, K an action or label of the site, D a standfirst, G hash tags.
    """

    before: tuple[str, ...]
    after: tuple[str, ...] = ()
    time_style: str = "age"
    icon: str = ""
    bullet: str = "  • "
    separator: str = " · "
    one_line: bool = False
    blank_between: bool = False
    source_label: str = ""


LAYOUTS: Final[dict[str, tuple[Layout, Layout]]] = {
    # main article, inlined articles
    "doubled_headline": (
        Layout(("H", "_", "H", "_", "OA")),
        Layout(("H", "H", "_", "O", "_", "A", "_", "*O", "_", "H", "_"), icon="time", one_line=True),
    ),
    "outlet_first": (
        Layout(("O", "A", "*O", "H"), ("_", "G"), bullet="- ", time_style="digits"),
        Layout(("O", "A", "*O", "H"), ("_", "G"), bullet="- ", time_style="digits"),
    ),
    "age_after": (
        Layout(("H", "_"), ("_", "O·A"), separator=" | "),
        Layout(("H", "_"), ("_", "O·A"), separator=" | ", one_line=True),
    ),
    "byline_and_date": (
        Layout(("H", "Y", "O·A", "_"), ("_", "K"), time_style="words", blank_between=True, separator=", "),
        Layout(("H", "Y", "O·A", "_"), ("_", "K"), time_style="words", blank_between=True, separator=", "),
    ),
    "glued_card": (
        Layout(("OA", "H", "_"), time_style="digits"),
        Layout(("OA", "H", "_"), time_style="digits", one_line=True),
    ),
    "age_outlet_headline": (
        Layout(("A", "H", "O", "_"), time_style="short", blank_between=True),
        Layout(("A", "H", "O", "_"), time_style="short"),
    ),
    "source_after": (
        Layout(("H", "A"), ("O", "K"), source_label="Source: "),
        Layout(("H", "A"), ("O", "K"), source_label="Source: "),
    ),
}  # fmt: skip


def _random_layout(rng: random.Random) -> Layout:
    core: list[str] = []
    where = rng.random()
    glued = rng.choice(("split", "split", "OA", "O·A", "A·O"))
    metas = ["O", "A"] if glued == "split" else [glued]
    if rng.random() < 0.5:
        rng.shuffle(metas)
    if rng.random() < 0.25:
        metas.insert(rng.randint(0, len(metas)), rng.choice(("Y", "Y·A") if "A" not in metas else ("Y",)))
    if rng.random() < 0.3 and glued == "split":
        metas.append("*O")
    after: list[str] = []
    head = ["H"] * rng.choices((1, 2, 3), (6, 3, 1))[0]
    if where < 0.48:
        core = head + metas
    elif where < 0.64:
        core = metas + head
    elif where < 0.78:
        cut = rng.randint(0, len(metas))
        core = metas[:cut] + head + metas[cut:]
    elif where < 0.94:
        core, after = head, metas
    else:
        core = head
    if rng.random() < 0.25 and core[-1] != "H" and len(core) > 1:
        core.append("H")
    if rng.random() < 0.2:
        core.insert(rng.randint(1, len(core)), "K")
    if rng.random() < 0.12:
        core.append("D")
    blanks = rng.choice((0.0, 0.3, 1.0))
    before = [token for part in core for token in ((part, "_") if rng.random() < blanks else (part,))]
    if rng.random() < 0.4:
        after.append(rng.choice(("K", "G", "K")))
    if rng.random() < 0.5:
        after.insert(0, "_")
    return Layout(
        tuple(before), tuple(after), rng.choice(("age", "age", "age", "digits", "words", "iso", "short")),
        rng.choice(("", "", "", "time", "clock ", "• ", "Published: ", "Updated ")), rng.choice(("  • ", "- ", "• ", "* ", "– ")),
        rng.choice((" · ", " | ", " - ", ", ", " • ", " — ", " ")), rng.random() < 0.3, rng.random() < 0.5,
        rng.choice(("", "", "", "", "Source: ", "via ", "From ")),
    )  # fmt: skip


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[tuple[str, Label | None]] = []

    def line(self, text: str, label: Label | None = "other") -> None:
        self.lines.append((" ".join(text.split()) if label != "outlet" else text, label))

    def blank(self, chance: float = 1.0) -> None:
        if self.rng.random() < chance:
            self.lines.append(("", None))

    def some(self, choices: Sequence[str], least: int, most: int, blank: float = 0.0) -> None:
        for _ in range(self.rng.randint(least, most)):
            self.line(self.rng.choice(choices))
            self.blank(blank)

    def article(self, article: PlacedArticle, layout: Layout, *, body: bool = True) -> None:
        """One article; without its body a teaser, none of whose lines belong to an article."""
        for token in layout.before:
            self._token(token, article, layout, body)
        if body:
            paragraphs = article.paragraphs
            if layout.one_line:
                self.line(" ".join(paragraphs), "body")
            else:
                for number, paragraph in enumerate(paragraphs):
                    self.line(paragraph, "body")
                    if layout.blank_between and number + 1 < len(paragraphs):
                        self.blank()
                    if self.rng.random() < 0.04 and 0 < number < len(paragraphs) - 1:
                        self.line(
                            self.rng.choice(
                                (
                                    "Advertisement",
                                    "ADVERTISEMENT",
                                    "Story continues below",
                                    "Photo: our archive",
                                    "Read more: A day at the harbour",
                                )
                            )
                        )
        for token in layout.after:
            if body or token != "G":
                self._token(token, article, layout, body)

    def _token(self, token: str, article: PlacedArticle, layout: Layout, body: bool) -> None:
        rng = self.rng

        def put(text: str, label: Label) -> None:
            self.line(text, label if body else "other")

        outlet, age = layout.source_label + article.outlet, layout.icon + article.age
        match token:
            case "_":
                self.blank()
            case "H":
                put(article.headline, "headline")
            case "O":
                put(outlet, "outlet")
            case "*O":
                self.lines.append((layout.bullet + article.outlet, "outlet" if body else "other"))
            case "A":
                put(age, "time")
            case "OA":
                put(article.outlet + article.age, "outlet_and_time")
            case "O·A":
                put(outlet + layout.separator + article.age, "outlet_and_time")
            case "A·O":
                put(article.age + layout.separator + article.outlet, "outlet_and_time")
            case "Y":
                article.byline = article.byline or person(rng)
                put(
                    rng.choice(("By ", "By ", "by ", "BY ", "Von ", "Par ", "Por ", "Written by ")) + article.byline,
                    "byline",
                )
            case "Y·A":
                article.byline = article.byline or person(rng)
                put("By " + article.byline + layout.separator + article.age, "byline")
            case "K":
                self.line(rng.choice(_ACTIONS))
            case "D":
                put(article.paragraphs[0][:90].rsplit(" ", 1)[0] + "…", "other")
            case "G":
                if rng.random() < 0.5:
                    self.line("Hashtags")
                self.line(" ".join("#" + word for word in rng.sample(_PLACES, 3)))
            case _:
                raise ValueError(f"no such token: {token}")


def _place(rng: random.Random, source: SourceArticle, layout: Layout, outlet: str, *, longest: int) -> PlacedArticle:
    moment, age, order = _time(rng, layout.time_style, source.language)
    paragraphs = list(source.paragraphs[: rng.randint(min(3, longest), longest)])
    return PlacedArticle(source.headline, outlet, moment, age, order, paragraphs=paragraphs)


def _page(
    rng: random.Random,
    articles: Sequence[SourceArticle],
    main: Layout,
    inlined: Layout,
    outlet: Callable[[], str],
    noise: float,
) -> SyntheticPage:
    writer, placed = _Writer(rng), list[PlacedArticle]()
    teaser_at = {chance: rng.random() < noise for chance in ("top", "side", "end")}
    spare = list(articles[len(articles) // 2 :])
    articles = articles[: max(1, len(articles) // 2)]

    def teasers(least: int, most: int) -> None:
        for source in rng.sample(spare, min(len(spare), rng.randint(least, most))):
            look = rng.choice(
                (inlined, main, Layout(("H",)), Layout(("H", "O·A")), Layout(("H", "A")), Layout(("O", "H")))
            )
            writer.article(_place(rng, source, look, outlet(), longest=1), look, body=False)
            writer.blank(0.5)

    writer.some(_ICONS, 0, 2)
    if rng.random() < 0.6 * noise + 0.2:
        writer.some(_NAV, 1, 14, blank=rng.choice((0, 0, 1)))
    if teaser_at["top"] and rng.random() < 0.3:
        teasers(1, 4)
    for number, source in enumerate(articles):
        layout = inlined if number else main
        article = _place(rng, source, layout, outlet(), longest=rng.choice((4, 8, 20, 40)))
        placed.append(article)
        writer.article(article, layout)
        writer.blank(0.7)
        if not number:
            writer.some(_ICONS, 0, 1)
            if rng.random() < 0.5:
                writer.some(_PROMOS, 1, 3, blank=0.5)
            if rng.random() < 0.5:
                writer.line(rng.choice(_COMMENT_HEADS))
                writer.blank(0.5)
                if rng.random() < 0.5:
                    writer.line(rng.choice(("No comments yet...", "Be the first to comment", "No comments yet")))
                else:
                    for _ in range(rng.randint(1, 5)):
                        writer.line(rng.choice((person(rng), rng.choice(_FIRST).lower() + str(rng.randint(1, 99)))))
                        if rng.random() < 0.6:
                            writer.line(
                                rng.choice(("2 hours ago", "3 days ago", "an hour ago", "Reply", "vor 2 Stunden"))
                            )
                        writer.line(rng.choice(_COMMENTS))
                        if rng.random() < 0.4:
                            writer.line(rng.choice(("Reply", "Like", "Report", "Like Reply 2")))
                writer.blank(0.5)
            if teaser_at["side"] and rng.random() < 0.5:
                writer.line(rng.choice(_RELATED))
                teasers(1, 5)
            if len(articles) > 1 and rng.random() < 0.7:
                writer.line(rng.choice(_RELATED))
                writer.blank(0.7)
        elif rng.random() < 0.15:
            writer.some(_ACTIONS, 1, 3)
    if teaser_at["end"] and rng.random() < 0.5:
        writer.line(rng.choice(_RELATED))
        teasers(1, 6)
    if rng.random() < 0.7:
        writer.some(_PROMOS, 1, 4, blank=0.6)
    if rng.random() < 0.6:
        writer.some(_FOOTER, 1, 8, blank=rng.choice((0, 0, 1)))
    return SyntheticPage(writer.lines, placed)


def random_page(rng: random.Random, articles: Sequence[SourceArticle], known_outlets: Sequence[str]) -> SyntheticPage:
    """A page of some of `articles` in a layout drawn at random; half the outlets are fictional."""
    main = _random_layout(rng)
    inlined = main if rng.random() < 0.5 else _random_layout(rng)
    share = rng.choice((0.0, 0.5, 1.0))
    return _page(
        rng, articles, main, inlined,
        lambda: rng.choice(known_outlets) if rng.random() < share else fictional_outlet(rng), rng.choice((0.0, 0.5, 1.0)),
    )  # fmt: skip


def page_in_layout(
    name: str, rng: random.Random, articles: Sequence[SourceArticle], known_outlets: Sequence[str]
) -> SyntheticPage:
    """A page of some of `articles` in the layout of `LAYOUTS` called `name`; half the outlets are fictional."""
    main, inlined = LAYOUTS[name]
    page = _page(
        rng, articles, main, inlined,
        lambda: rng.choice(known_outlets) if rng.random() < 0.5 else fictional_outlet(rng), 0.5,
    )  # fmt: skip
    page.layout = name
    return page
