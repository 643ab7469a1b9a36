"""What the layout of agency copy says of a name: datelines, lists of results with a country in brackets, ministries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from schemas.entities import Label
from services.entities.mentions import Article, Field, Span, paragraphs
from services.entities.names import listed, tokens
from services.entities.places import is_nation, is_place

ADDED_CONFIDENCE: Final = 0.7
"""A name that only the layout shows."""

_LONGEST_NAME: Final = 120

_CAPITALS: Final = r"[A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ.'’-]+(?: [A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ.'’-]*){0,2}"
_MONTH: Final = (
    r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?|January|February|March|April|May|June|July|August|September|"
    r"October|November|December"
)
_AGENCY: Final = (
    r"\( ?(?P<agency>(?:The )?(?:Reuters|AP|AFP|UPI|Associated Press|Xinhua|dpa|DPA|EFE|ANSA|TASS|Itar-Tass|Interfax|"
    r"Kyodo|PTI|ANI|IANS|CNN|Bloomberg|RFE/RL|VOA|BBC|CP|Canadian Press|AAP|PA|Yonhap|Anadolu|AA|IRNA|SANA|"
    r"Agence France-Presse)\b(?: News| Agency)?)[\w .’'/-]{0,20}\)"
)
_DATELINE: Final = re.compile(
    rf"^\s*({_CAPITALS})(?: ?, ?(?!(?:{_MONTH})\b)([A-ZÀ-ÖØ-Þ][\w.’' -]{{1,25}}?))? ?,? ?"
    rf"((?:{_MONTH}) \d\d?\b|\d{{4}}-\d\d-\d\d)?(?: ?, ?\d{{4}})? ?,? ?({_AGENCY})? ?"
    r"(?P<mark>--|[-–—](?=\s)|:(?=\s)|$)"
)
_RANKED: Final = re.compile(
    r"([A-ZÀ-ÖØ-Þ][\w.'’-]*(?: (?:(?:de|da|van|von|der|den|del|la|le|al|bin|ten|di) )*[A-ZÀ-ÖØ-Þ][\w.'’-]*){0,3}) ?"
    r"\( ?([A-ZÀ-ÖØ-Þ][\w.]*(?: [\w.]+){0,3}?) ?\)"
    r"(?: ([A-ZÀ-ÖØ-Þ][\w.'’&/-]*(?: [A-ZÀ-ÖØ-Þ][\w.'’&/-]*){0,2})(?= ?(?:\d|,|;|$|same time|s\.t|at \d|in \d|ret)))?"
)
# the recognizer passes over "the Foreign Ministry" that is nobody's in particular
_MINISTRY: Final = re.compile(
    r"\b(?!The|A|This|That|His|Her|Its|Their|Our|In|At|Of|And|But|If|When|Both|Each|Every|New|Old|No)[A-Z][a-z]{2,} "
    r"Ministry\b|\b(?!THE|NEW|OLD)[A-Z]{4,} MINISTRY\b"
)
_SPORTS: Final = listed(
    "alpine american athletics badminton baseball basketball boxing cricket cycling figure football golf "
    "gymnastics hockey "
    "horse ice league motor nba nfl nhl nordic racing rowing rugby sailing skating skiing soccer squash swimming "
    "tennis "
    "union volleyball wrestling"
)


def laid_out(article: Article, spans: Sequence[Span]) -> list[Span]:
    """`spans` with the towns of datelines as places, and "Name (Country) Team" in lists as person, place, organisation.

    A ministry is one too. What stands there and was not found is added. In reading order, without overlaps.
    """
    rows = _Rows(article, spans)
    for field, offset, line in paragraphs(article):
        rows.read(field, offset, line)
    return rows.result()


@dataclass(frozen=True, slots=True)
class _Row:
    """One "Name (Country) Team": offsets in the field; the team may be missing."""

    field: Field
    person: tuple[int, int]
    country: tuple[int, int]
    team: tuple[int, int] | None


class _Rows:
    def __init__(self, article: Article, spans: Sequence[Span]) -> None:
        self._article = article
        self._spans = {(span.field, span.start): span for span in spans}
        self._rows: list[_Row] = []

    def read(self, field: Field, offset: int, line: str) -> None:
        if line[:1].isupper() or line[:1].isspace():
            self._dateline(field, offset, line)
        if "inistry" in line or "MINISTRY" in line:
            for match in _MINISTRY.finditer(line):
                self._say(field, offset + match.start(), offset + match.end(), "ORG")
        if "(" not in line:
            return
        for match in _RANKED.finditer(line):
            if is_nation(match.group(2)):
                (a, b), (c, d), (e, f) = (match.span(i) for i in (1, 2, 3))
                team = (e + offset, f + offset) if e >= 0 else None
                self._rows.append(_Row(field, (a + offset, b + offset), (c + offset, d + offset), team))

    def _dateline(self, field: Field, offset: int, line: str) -> None:
        match = _DATELINE.match(line)
        if match is None:
            return
        start, end = match.span(1)
        town, region, date, agency, mark = match.group(1, 2, 3, "agency", "mark")
        if all(word in _SPORTS for word in tokens(town)):
            span = self._spans.get((field, offset + start))
            if span is not None and span.end == offset + end:
                del self._spans[field, offset + start]  # the slug of a sports report
            return
        # "CHICAGO -" alone may be a heading: the town must be known, or a date or an agency follow
        dashed = mark not in ("", ":")
        if len(town) > 2 and (date or agency or (dashed and (is_place(town) or (region and is_nation(region))))):
            self._say(field, offset + start, offset + end, "LOC")
            if agency:
                start, end = match.span("agency")
                self._say(field, offset + start, offset + end, "ORG")

    def result(self) -> list[Span]:
        """The spans as they are now known."""
        # a list of people, or of companies and their countries: what most are, all are
        people = sum(self._label(row.field, row.person) == "PER" for row in self._rows)
        if len(self._rows) >= 3 and people * 2 >= len(self._rows):
            teams = sum(row.team is not None for row in self._rows) >= 2
            for row in self._rows:
                if len(tokens(self._article.of(row.field)[slice(*row.person)])) > 1:
                    self._say(row.field, *row.person, "PER")
                self._say(row.field, *row.country, "LOC")
                if teams and row.team is not None:
                    self._say(row.field, *row.team, "ORG")
        return sorted(self._spans.values(), key=lambda span: span.place)

    def _label(self, field: Field, at: tuple[int, int]) -> Label | None:
        span = self._spans.get((field, at[0]))
        return span.label if span is not None and span.end == at[1] else None

    def _say(self, field: Field, start: int, end: int, label: Label) -> None:
        """That `field[start:end]` is a name of this label."""
        span = self._spans.get((field, start))
        if span is not None and span.end == end:
            self._spans[field, start] = span if span.label == label else replace(span, label=label)
            return
        near = (self._spans.get((field, at)) for at in range(start - _LONGEST_NAME, end))
        touching = [s for s in near if s is not None and start < s.end]
        for other in touching:
            if other.start < start or other.end > end:
                return  # a longer name was read here: Lake Geneva is no dateline
        for other in touching:
            del self._spans[field, other.start]
        surface = self._article.of(field)[start:end]
        self._spans[field, start] = Span(field, start, end, surface, label, ADDED_CONFIDENCE)
