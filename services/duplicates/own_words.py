"""Which of a text's words are the article's own: not quoted from somebody, not an outlet's standing text."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from services.duplicates.passages import LocatedText

_QUOTE: Final = re.compile(
    r"“[^”\n]{1,4000}(?:”|$)|„[^“”\n]{1,4000}(?:[“”]|$)|«[^»\n]{1,4000}(?:»|$)|「[^」\n]{1,4000}(?:」|$)"
    r'|(?<!\w)"[^"\n]{1,4000}(?:"|$)',
    re.MULTILINE,
)
# A statement quoted over several paragraphs opens each with a mark and closes only the last: the end of the line does.

_STANDING: Final = re.compile(
    r"""
    get\ the\ brief | story\ highlights | sign\ up\ (?:for|to|here) | subscribe\ (?:to|now|today|for) | newsletter
    | all\ rights\ reserved | copyright | \(c\)\ \d{4} | ©
    | may\ not\ be\ (?:published|reproduced|copied|redistributed)
    | without\ (?:prior\ )?(?:written\ )?(?:permission|consent)
    | follow\ (?:us|him|her|them|me|the\ author)\b.{0,40}\b(?:twitter|facebook|instagram|x\b) | like\ us\ on\ facebook
    | click\ here | read\ more | (?:download|get)\ (?:our|the)\ app\b | watch\ live
    | terms\ of\ (?:use|service) | privacy\ policy
    | contributed\ to\ this\ (?:report|story|article) | (?:reporting|editing|writing|additional\ reporting)\ by
    | our\ standards:
    | this\ (?:story|article|report)\ (?:has\ been|was)\ (?:updated|corrected|first\ published|originally)
    | (?:views|opinions)\ expressed\ (?:in|by|here|are) | non-?profit\ news | support\ (?:our|independent)\ journalism
    | send\ (?:us\ )?(?:tips|news\ tips|a\ tip|your) | contact\ (?:the\ reporter|us\ at) | breaking\ news\ alerts
    | is\ (?:a|an|the)\ .{0,80}\b(?:columnist|correspondent|reporter|editor|contributor)\b.{0,80}\b(?:at|for|with|of)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
# what every form above holds a piece of: plain searches first, the pattern takes a millisecond an article
_STANDING_HINTS: Final = (
    "get the brief", "story highlights", "sign up", "subscribe", "newsletter", "rights reserved", "copyright", "(c) ",
    "©",
    "may not be", "without", "follow ", "like us", "click here", "read more", " app", "watch live", "terms of",
    "privacy policy", "contributed to this", "reporting by", "editing by", "writing by", "our standards", "this story",
    "this article", "this report", "expressed", "profit news", "journalism", "send ", "contact ", "news alerts",
    "columnist", "correspondent", "reporter", "editor", "contributor",
)  # fmt: skip
_CAPITALS: Final = re.compile(r"(?<!\S)[^\W_a-z]")
_SENTENCE: Final = re.compile(r"[^\n.!?]+(?:[.!?]+(?=\s|$)|[.!?](?=\S)|\n|$)+")


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Where `text` quotes somebody: spans between marks, of at most one paragraph each."""
    return [found.span() for found in _QUOTE.finditer(text)]


def standing_spans(text: str) -> list[tuple[int, int]]:
    """The sentences of `text` that outlets print under many articles: rights, subscriptions, credits, biographies."""
    if not _is_hinted(text):
        return []
    return [
        found.span()
        for found in _SENTENCE.finditer(text)
        if _is_hinted(found.group()) and _STANDING.search(found.group())
    ]


def _is_hinted(text: str) -> bool:
    lowered = text.lower()
    return any(hint in lowered for hint in _STANDING_HINTS)


_FIRST_PERSON: Final = re.compile(r"\b(?:I|[Ww]e|[Mm]y|[Oo]ur|[Mm]e|[Uu]s|I[’'](?:m|ve|ll|d))\b")
_HANDLE: Final = re.compile(r"\(@\w{2,30}\)|pic\.twitter\.com/|https?://t\.co/")
_LIST_WORDS: Final = 25


def post_spans(text: str) -> list[tuple[int, int]]:
    """The lines of `text` that are posts of a network: they end in a name with its handle."""
    return [found.span() for found in re.finditer(r"[^\n]+", text) if _HANDLE.search(found.group())]


def statement_spans(text: str) -> list[tuple[int, int]]:
    """The paragraphs of `text` in which somebody speaks in the first person: statements printed without marks.

    Reports do not say "we" outside quotations; two outlets that print one statement in full have not copied each
    other. Columns do, so this tells of excerpts only.
    """
    found: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\n]+", text):
        spoken = len(_FIRST_PERSON.findall(line.group()))
        if spoken >= 2 and spoken >= 0.03 * len(line.group().split()):
            found.append(line.span())
    return found


_INTRODUCED: Final = re.compile(
    r"^(?=.*\b(?:full|complete|entire|entirety|text\s+of|below|follows|following|verbatim)\b)"
    r"(?=.*\b(?:statement|letter|remarks|speech|transcript|memo|e-?mail|message|text|resolution|order)\b)"
    r".{0,300}:[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)


def introduced_spans(text: str) -> list[tuple[int, int]]:
    """What follows a line such as "Here is the statement in full:", to the end of `text`: somebody else's words.

    They need no marks and hardly ever another paragraph after them; as statements do, they tell of excerpts only.
    """
    found = _INTRODUCED.search(text)
    return [(found.end(), len(text))] if found is not None and found.end() < len(text) else []


def list_spans(text: str) -> list[tuple[int, int]]:
    """Stretches of at least 25 words in capitals and no sentence: choosers of countries, menus, lists of names."""
    found: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\n]+", text):
        if len(_CAPITALS.findall(line.group())) >= _LIST_WORDS:
            found += _lists_in(text, line.start(), line.end())
    return found


def _lists_in(text: str, first: int, last: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    start, end, words, small = -1, -1, 0, 0
    for word in re.compile(r"\S+").finditer(text, first, last):
        printed = word.group()
        is_small = printed[0].islower()
        # "and", "of", "the" stand inside names; a second small word in a row ends the list
        if start >= 0 and (printed[-1] in ".!?" or (is_small and small >= 1)):
            if words >= _LIST_WORDS:
                found.append((start, end))
            start, words, small = -1, 0, 0
            continue
        if is_small or not printed[0].isalnum():
            small += 1
            continue
        if start < 0:
            start, words = word.start(), 0
        words, small, end = words + 1, 0, word.end()
    if start >= 0 and words >= _LIST_WORDS:
        found.append((start, end))
    return found


def own_words(located: LocatedText, *, is_excerpt: bool = False) -> npt.NDArray[np.bool_]:
    """For each word of the text, whether it is the article's own: neither quoted nor posted nor standing text.

    For an excerpt, statements without quotation marks are not the article's own either.
    """
    text = located.text
    own = np.ones(len(located.tokens), dtype=np.bool_)
    spans = [*quoted_spans(text), *standing_spans(text), *post_spans(text), *list_spans(text)]
    if is_excerpt:
        spans += [*statement_spans(text), *introduced_spans(text)]
    for start, end in spans:
        first = int(np.searchsorted(located.starts, start))
        last = int(np.searchsorted(located.starts, end))
        own[first:last] = False
    return own
