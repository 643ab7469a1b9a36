"""Pairs that share many words and must not alert, and pairs like them that must. All of it is our own writing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from schemas.articles import CleanArticle
from schemas.duplicates import DuplicateAlert
from schemas.topics import DUPLICATE_ALERTS
from services.duplicates.service import build
from services.runtime.service import Outcome
from tests.duplicates_support import WordMill, article, feed, runtime, values

MILL = WordMill(23)

STATEMENT = (
    "The council of Harbour City has listened to everyone who wrote to it about the new ferry line. We have read each "
    "of the nine hundred letters. Our answer is that the line will open in May, that it will run until midnight, and "
    "that the old pier stays where it is. I want to thank the captains who sailed the trial trips in January, and the "
    "dockers who kept the pier free of ice. We know that some of our neighbours on the east bank would have liked an "
    "earlier boat. We will look at the timetable again in autumn, when we have counted the passengers of one summer, "
    "and we will publish what we find on the first Monday of October, before the council votes on next year's money."
)
DEAR = (
    "The captains of the ferries mourn Ann Orr, who died last night. Through wit and patience she taught three "
    "generations to read the currents of the sound. As a girl she rowed the mail to the islands, and later she became "
    "the youngest master that the line ever had, a member of the council, and the head of the school for pilots. With "
    "sound judgement she brought every ship home in the great storm, and the harbour owes its two lights to her. She "
    "stayed humble and followed the call of the sea. Her example lives on and will move those who come after her. "
    "Along with a full life on the water the coast remembers a devoted mother and a friend of everyone who asked."
)
FOOTER = (
    "Sign up for the morning newsletter and get the brief from our editors every weekday. All rights reserved by the "
    "publishing house of the Harbour group. Follow us on Twitter and Facebook for breaking news alerts and more. "
    "This material may not be published, broadcast or redistributed without prior written permission of the house. "
    "Support independent journalism and subscribe now to read everything that our reporters write about the coast. "
    "The views expressed in this article are the author's own and not those of the publishing house or its owners. "
    "Read more about our terms of use and about the privacy policy that applies to everything on these pages. "
)
COUNTRIES = " ".join(word.capitalize() for word in MILL.words(90))
TABLE = "\n".join(
    f"Fund {letter} price {{{i}}} up {{{i}}} points from {i}" for i, letter in enumerate("ABCDEFGHIJKLMNOP")
)


def _factbox(dead: int, hurt: int, day: str) -> str:
    return (
        f"Here is what is known on {day} about the landslide above the village of Lower Fell. At least {dead} people "
        f"are dead and {hurt} are hurt, the district says. The road to the pass is closed. The army has sent {hurt} "
        "soldiers with shovels and two helicopters. The slope had been watched since the heavy rain of last autumn, "
        "when a first crack was seen above the school. The school was moved in January. The district had asked for "
        "money to drain the slope and was told to wait for the budget of next year. Geologists say that more of the "
        f"slope may come down. Trains stop at Upper Fell. A number for relatives is open day and night. {day}."
    )


@dataclass(frozen=True)
class Case:
    """Two articles of two outlets (of one, where `outlets` are equal), and whether the second alerts."""

    name: str
    first: str
    second: str
    alerts: bool
    outlets: tuple[str, str] = ("Alpha", "Beta")
    headlines: tuple[str, str] = ("A headline", "Another headline")


def _with(text: str, words: int) -> str:
    return MILL.text(words) + "\n" + text


QUOTED = "“" + STATEMENT + "”"
CASES = [
    Case("a quoted statement", _with(QUOTED, 90), _with(QUOTED, 100), False),
    Case("a statement without quotation marks", _with(STATEMENT, 90), _with(STATEMENT, 100), False),
    Case(
        "a statement that is printed in full",
        _with("Here is what the captains say in their statement, in full:\n" + DEAR, 90),
        _with(DEAR, 100),
        False,
    ),
    Case("a statement that is most of both reports", _with(QUOTED, 15), _with(QUOTED, 20), False),
    Case(
        "posts of a network",
        _with(STATEMENT.replace(". ", ".. ") + " — Mayor Ann (@mayorann) March 2, 2026", 90),
        _with(STATEMENT.replace(". ", ".. ") + " — Mayor Ann (@mayorann) March 2, 2026", 100),
        False,
    ),
    Case("standing text at the foot", MILL.text(100) + "\n" + FOOTER, MILL.text(110) + "\n" + FOOTER, False),
    Case("a chooser of countries", _with(COUNTRIES, 45), _with(COUNTRIES, 40), False),
    Case(
        "a table of prices a day later",
        "Prices at noon\n" + TABLE.format(*range(100, 116)),
        "Prices at noon\n" + TABLE.format(*range(100, 108), *range(208, 216)),
        False,
    ),
    Case(
        "a fact box refreshed by the same outlet",
        _factbox(4, 31, "Monday"),
        _factbox(9, 52, "Tuesday"),
        False,
        ("Alpha", "Alpha"),
        ("FACTBOX-What we know of the landslide", "FACTBOX-What we know of the landslide"),
    ),
    Case(
        "a fact box refreshed and printed elsewhere",
        _factbox(4, 31, "Monday"),
        _factbox(9, 52, "Tuesday"),
        False,
        ("Alpha", "Beta"),
        ("FACTBOX-What we know of the landslide", "Factbox: What we know of the landslide"),
    ),
    Case(
        "a daily piece filled in anew",
        _factbox(4, 31, "Monday"),
        _factbox(9, 52, "Tuesday"),
        False,
        ("Alpha", "Alpha"),
    ),
    Case("another page of the same outlet", MILL.text(1) + QUOTED, QUOTED, False, ("Alpha", "Alpha")),
    Case("one sentence in common", _with(" ".join(MILL.words(24)), 60), MILL.text(80), False),
    # and what must alert although it looks like the above
    Case("agency copy that ends in a quotation", _with(QUOTED, 1) + "\n" + (a := MILL.text(200)), QUOTED + a, True),
    Case("agency copy with standing text", (b := MILL.text(150)) + FOOTER, b + "\nAn end of its own.", True),
    Case("the same dead counted later", c := _factbox(4, 31, "Monday"), c.replace("4 people", "5 people"), True),
    Case(
        "a fact box as another outlet took it over",
        _factbox(4, 31, "Monday"),
        _factbox(4, 31, "Monday") + " More follows.",
        True,
        ("Alpha", "Beta"),
        ("FACTBOX-What we know", "FACTBOX-What we know"),
    ),
    Case("a table as another outlet took it over", d := TABLE.format(*range(100, 116)), "Prices\n" + d, True),
    Case("a column in the first person", STATEMENT, "A guest writes.\n" + STATEMENT, True),
    Case("an excerpt of a report", (e := MILL.text(300)), e[: len(e) // 2] + "\n" + MILL.text(120), True),
]


def alert_of(outcome: Outcome) -> DuplicateAlert | None:
    for topic, _, value in values(outcome):
        if topic == DUPLICATE_ALERTS.name and value is not None:
            return DuplicateAlert.closed_from_bytes(value)
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_alerts_are_about_copying(redis_url, case):
    pair: list[CleanArticle] = [
        article(text, name=name, outlet=outlet, headline=headline, minutes=minutes)
        for text, name, outlet, headline, minutes in zip(
            (case.first, case.second), "ab", case.outlets, case.headlines, (0, 600), strict=True
        )
    ]

    async def main() -> list[Outcome]:
        service = build(runtime(redis_url))
        outcomes = await feed(service, pair)
        await service.stop()
        return outcomes

    assert (alert_of(asyncio.run(main())[1]) is not None) == case.alerts
