"""Made-up news in any amount, the same for the same seed: for tests under load and for benchmarks.

Articles of one `copied` group carry one text with small local edits, each under an outlet of its own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

_ADJECTIVES = [
    "quiet",
    "northern",
    "bitter",
    "narrow",
    "public",
    "early",
    "costly",
    "modest",
    "ancient",
    "foreign",
    "hidden",
    "steady",
    "crowded",
    "broken",
    "rural",
    "golden",
    "urgent",
    "distant",
    "lengthy",
    "shallow",
    "private",
    "sudden",
    "coastal",
    "wooden",
    "heavy",
    "gentle",
    "fragile",
    "annual",
    "regional",
    "formal",
    "disputed",
    "vacant",
    "leading",
    "restored",
    "unpaid",
    "temporary",
    "joint",
    "smaller",
    "hollow",
    "planned",
    "cautious",
    "severe",
    "central",
    "eastern",
    "damp",
    "rival",
    "elected",
    "retired",
    "frozen",
    "secret",
    "legal",
]
_NOUNS = [
    "harbour",
    "council",
    "bridge",
    "teacher",
    "orchard",
    "railway",
    "budget",
    "hospital",
    "minister",
    "festival",
    "ferry",
    "market",
    "library",
    "quarry",
    "tunnel",
    "tenant",
    "miller",
    "engineer",
    "reservoir",
    "strike",
    "harvest",
    "court",
    "charter",
    "museum",
    "pipeline",
    "clinic",
    "airport",
    "brewery",
    "village",
    "tribunal",
    "cathedral",
    "lighthouse",
    "parade",
    "shipment",
    "census",
    "garden",
    "factory",
    "audit",
    "treaty",
    "academy",
    "stadium",
    "archive",
    "petition",
    "vineyard",
    "glacier",
    "warehouse",
    "orchestra",
    "plough",
    "mayor",
    "bakery",
    "dispute",
    "station",
    "turbine",
    "committee",
    "border",
    "lantern",
    "survey",
    "cottage",
    "meadow",
    "depot",
    "canal",
    "inquiry",
]
_VERBS = [
    "opened",
    "rejected",
    "visited",
    "repaired",
    "delayed",
    "praised",
    "closed",
    "moved",
    "measured",
    "described",
    "inherited",
    "counted",
    "funded",
    "questioned",
    "replaced",
    "painted",
    "guarded",
    "borrowed",
    "abandoned",
    "expanded",
    "surveyed",
    "defended",
    "postponed",
    "discovered",
    "welcomed",
    "ignored",
    "approved",
    "criticised",
    "rebuilt",
    "inspected",
    "renamed",
    "auctioned",
    "flooded",
]
_PLACES = [
    "Corran",
    "Velbrook",
    "Northfield",
    "Saltmarsh",
    "Ostrava",
    "Lisbon",
    "Tallinn",
    "Harrow",
    "Dunmore",
    "Keswick",
    "Maribor",
    "Eastwick",
    "Galway",
    "Trieste",
    "Bergen",
    "Calder",
    "Ashford",
    "Windham",
    "Larch",
    "Valley",
    "Port",
    "Ellery",
]
_TAILS = """after a vote that lasted until midnight|despite warnings from neighbours|while the inquiry continues
before the first snow fell|as prices rose again|without asking the residents|in a rare show of unity|for the third time
this year|under rules agreed last spring|because the old contract had lapsed|during a visit by inspectors
once the floodwater had gone""".replace("\n", "|").split("|")
_NAMES = """Ilse Varga|Tomas Reed|Amina Osei|Petra Lindqvist|Samuel Hartono|Greta Novak|Ruth Okafor|Daniel Moreau
Hana Sato|Viktor Ilves""".replace("\n", "|").split("|")


@dataclass(frozen=True)
class MadeArticle:
    """One article: what to publish, and what must come out. `group` numbers the text that copies share."""

    number: int
    group: int
    url: str
    outlet: str
    headline: str
    paragraphs: tuple[str, ...]
    fetched_at: datetime

    def html(self) -> str:
        """The page, in a common template."""
        body = "".join(f"<p>{escape(text)}</p>" for text in self.paragraphs)
        return (
            f'<!doctype html><html lang="en"><head><title>{escape(self.headline)} - {self.outlet}</title>'
            f'<meta property="og:title" content="{escape(self.headline)}">'
            f'<meta property="og:site_name" content="{self.outlet}"></head><body>'
            "<nav><a href='/'>Home</a> <a href='/news'>News</a> <a href='/sport'>Sport</a></nav>"
            f"<article><h1>{escape(self.headline)}</h1>{body}</article>"
            "<footer><p>Contact us</p><p>Terms of use</p></footer></body></html>"
        )

    def raw(self) -> bytes:
        """The RawArticle as a publisher writes it."""
        return json.dumps(
            {
                "url": self.url,
                "fetched_at": self.fetched_at.isoformat(),
                "html": self.html(),
                "publisher": {"name": "made-up-news"},
                "outlet": self.outlet,
            }
        ).encode()


def made_articles(
    count: int, *, seed: int = 7, copied: int = 25, copies: int = 4, sentences: int = 24
) -> Iterator[MadeArticle]:
    """`count` articles; the first `copied * copies` numbers, shuffled among the rest, are copies in groups."""
    rng = random.Random(seed)
    groups = [group for group in range(copied) for _ in range(copies)]
    groups += list(range(copied, copied + count - len(groups)))
    rng.shuffle(groups)
    texts: dict[int, tuple[str, list[str]]] = {}
    carried: dict[int, int] = {}
    for number, group in enumerate(groups[:count]):
        if group not in texts:
            texts[group] = (_headline(rng), [_sentence(rng) for _ in range(sentences)])
        headline, lines = texts[group]
        copy = carried[group] = carried.get(group, -1) + 1
        lines = list(lines)
        if copy:
            # a local edit: one sentence of the desk's own in place of another
            lines[rng.randrange(len(lines))] = _sentence(rng)
        paragraphs = tuple(" ".join(lines[start : start + 3]) for start in range(0, len(lines), 3))
        outlet = f"Gazette {(group * 7 + copy * 131) % 977}"
        yield MadeArticle(
            number=number,
            group=group,
            url=f"https://gazette-{(group * 7 + copy * 131) % 977}.example/news/{number}",
            outlet=outlet,
            headline=headline if not copy else f"{headline}: {rng.choice(_PLACES)} desk",
            paragraphs=paragraphs,
            fetched_at=START + timedelta(seconds=number),
        )


def _headline(rng: random.Random) -> str:
    return (
        f"{rng.choice(_PLACES)} {rng.choice(_NOUNS)} {rng.choice(_VERBS)} {rng.choice(_ADJECTIVES)} "
        f"{rng.choice(_NOUNS)} in {rng.choice(_PLACES)}"
    )


def _sentence(rng: random.Random) -> str:
    first = f"The {rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)} of {rng.choice(_PLACES)}"
    if rng.random() < 0.3:
        first = f"{rng.choice(_NAMES)} of {rng.choice(_PLACES)}"
    return (
        f"{first} {rng.choice(_VERBS)} the {rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)} and {rng.choice(_VERBS)} "
        f"{rng.randrange(3, 900)} {rng.choice(_ADJECTIVES)} {rng.choice(_NOUNS)}s {rng.choice(_TAILS)}."
    )


def expected_pairs(articles: list[MadeArticle]) -> set[frozenset[int]]:
    """The numbers of every two articles that are copies of one text."""
    return {
        frozenset((one.number, other.number))
        for index, one in enumerate(articles)
        for other in articles[index + 1 :]
        if one.group == other.group
    }
