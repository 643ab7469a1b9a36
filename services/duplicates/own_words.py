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
_SENTENCE: Final = re.compile(r"[^\n.!?]+(?:[.!?]+(?=\s|$)|[.!?](?=\S)|\n|$)+")


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Where `text` quotes somebody: spans between marks, of at most one paragraph each."""
    return [found.span() for found in _QUOTE.finditer(text)]


def standing_spans(text: str) -> list[tuple[int, int]]:
    """The sentences of `text` that outlets print under many articles: rights, subscriptions, credits, biographies."""
    if not _STANDING.search(text):
        return []
    return [found.span() for found in _SENTENCE.finditer(text) if _STANDING.search(found.group())]


def own_words(located: LocatedText) -> npt.NDArray[np.bool_]:
    """For each word of the text, whether it is the article's own: neither quoted nor standing text."""
    own = np.ones(len(located.tokens), dtype=np.bool_)
    for start, end in (*quoted_spans(located.text), *standing_spans(located.text)):
        first = int(np.searchsorted(located.starts, start))
        last = int(np.searchsorted(located.starts, end))
        own[first:last] = False
    return own
