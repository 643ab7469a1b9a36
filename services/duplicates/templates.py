"""Pieces that an outlet prints again and again with new figures: the same words, and yet no duplicates."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from services.duplicates.passages import LocatedText

# the words with which agencies and desks mark a running piece, at the beginning of its headline
_MARKED: Final = re.compile(
    r"^\W*(?:update\s*\d*\W+)?(?:factbox|fact\s?box|timeline|table|diary|calendar|scoreboard|box\s?score|standings|results|"
    r"roundup|newsletter|morning\s+(?:briefing|call|bid)|daily\s+(?:briefing|digest|schedule)|week\s+ahead|day\s+ahead|"
    r"(?:today|tonight|weekend)[’']?s?\s+(?:schedule|tv|weather|lottery)|on\s+this\s+day|today\s+in\s+history|highlights|"
    r"chronologie|zeitleiste|faktenbox|cronología|cronologia|hintergrund|überblick|repères|хронология|справка)\b",
    re.IGNORECASE,
)
_FIGURE: Final = re.compile(r"\d")
# a digit, and the rest of the word it stands in
_FIGURES: Final = re.compile(r"\d\S*")
_DATES: Final = (
    "january february march april may june july august september october november december jan feb mar apr jun jul aug "
    "sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun today "
    "yesterday tomorrow"
)
_DATE_WORDS: Final = frozenset(_DATES.split())
TABLE_SHARE: Final = 0.2


def is_marked(headline: str) -> bool:
    """Whether `headline` says that its piece is a running one: FACTBOX, TIMELINE, diaries, schedules."""
    return _MARKED.search(headline) is not None


def figure_share(text: str) -> float:
    """The share of words with a digit in them, in [0, 1]: .02 in a report, above .2 in a table of prices or results."""
    words = len(text.split())
    return len(_FIGURES.findall(text)) / words if words else 0.0


def _words(located: LocatedText) -> Counter[str]:
    return Counter(
        located.text[start:end].lower()
        for start, end in zip(located.starts.tolist(), located.ends.tolist(), strict=True)
    )


def is_refilled(article: LocatedText, match: LocatedText) -> bool:
    """Whether two pieces are one form filled in twice: what differs is mostly figures, dates and single words.

    Both sides of the difference count, so that a report with a paragraph added is none.
    """
    one, other = _words(article), _words(match)
    differing = [*(one - other).elements(), *(other - one).elements()]
    if not differing:
        return False
    filled = sum(1 for word in differing if _FIGURE.search(word) or word in _DATE_WORDS)
    return filled >= 4 and filled >= 0.4 * len(differing)
