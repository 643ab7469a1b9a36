"""News agencies, where a text names one as its author."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

CREDIT_CHARS: Final = 400
"""Credits stand in the dateline or at the foot: the first and last so many characters are looked at."""

# name as alerts have it, then how it is printed: the short form in capitals only, or "ap" is in every "map"
_AGENCIES: Final[tuple[tuple[str, str, str], ...]] = (
    ("Associated Press", r"AP", r"(?:The\s+)?Associated\s+Press"),
    ("Reuters", r"REUTERS|RTRS", r"(?:Thomson\s+)?Reuters"),
    ("AFP", r"AFP", r"Agence\s+France[- ]Presse"),
    ("UPI", r"UPI", r"United\s+Press\s+International"),
    ("PA", r"PA", r"(?:UK\s+)?Press\s+Association|PA\s+(?:Media|news\s+agency)"),
    ("dpa", r"dpa|DPA", r"Deutsche\s+Presse-Agentur"),
    ("EFE", r"EFE", r"Agencia\s+EFE"),
    ("ANSA", r"ANSA", r"Agenzia\s+ANSA"),
    ("TASS", r"TASS|ITAR-TASS|ТАСС", r"TASS\s+news\s+agency"),
    ("Interfax", r"Interfax|Интерфакс", r"Interfax(?:\s+news\s+agency)?"),
    ("Xinhua", r"Xinhua|XINHUA|新华社", r"Xinhua\s+News\s+Agency"),
    ("Kyodo", r"Kyodo|KYODO|共同", r"Kyodo\s+News"),
    ("Yonhap", r"Yonhap|YONHAP|연합뉴스", r"Yonhap\s+News(?:\s+Agency)?"),
    ("PTI", r"PTI", r"Press\s+Trust\s+of\s+India"),
    ("ANI", r"ANI", r"Asian\s+News\s+International"),
    ("IANS", r"IANS", r"Indo-Asian\s+News\s+Service"),
    ("AAP", r"AAP", r"Australian\s+Associated\s+Press"),
    ("Canadian Press", r"CP", r"(?:The\s+)?Canadian\s+Press"),
    ("Bloomberg", r"Bloomberg", r"Bloomberg\s+News"),
    ("APA", r"APA", r"Austria\s+Presse\s+Agentur"),
    ("Anadolu", r"AA", r"Anadolu\s+(?:Agency|Ajansı)"),
)


@dataclass(frozen=True)
class Credit:
    """An agency and the words that name it."""

    agency: str
    evidence: str


def _patterns() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    made: list[tuple[str, re.Pattern[str], re.Pattern[str]]] = []
    for name, short, long in _AGENCIES:
        any_form = rf"(?:{short}|{long})"
        head = (
            # BAKU, July 3 (Reuters) - / LONDON — (AP) / By Ann Lee, Associated Press / (Reuters)
            rf"\(\s*{any_form}\s*\)|(?:^|\n)\s*{any_form}\s*[-–—:|]\s|(?:[-–—/,|]|\bby|\bfrom)\s*(?:the\s+)?{long}\b"
        )
        foot = (
            rf"(?:[-–—/(\[]\s*{any_form}\s*[)\]/.]?\s*(?:$|\n))|(?:^|\n)\s*{any_form}\s*\.?\s*(?:$|\n)"
            rf"|\b{long}\b[^.\n]{{0,60}}\bcontributed\b|\bcontributed\b[^.\n]{{0,40}}\b{long}\b"
            rf"|\b(?:with|via|source:?|from|by|copyright|©)\s+(?:\d{{4}}\s+)?(?:the\s+)?(?:{long}|{short})\s*[.)]?\s*(?:$|\n)"
            rf"|©\s*(?:\d{{4}}\s+)?(?:the\s+)?{any_form}\b|\bcopyright\s+(?:\d{{4}}\s+)?(?:the\s+)?{long}\b"
        )
        made.append((name, re.compile(head), re.compile(foot)))
    return tuple(made)


_PATTERNS: Final = _patterns()
# plain words that every form of a name holds one of: most texts name no agency, and the patterns are slow
_HINTS: Final[tuple[tuple[str, ...], ...]] = (
    ("AP", "Associated"),
    ("Reuters", "REUTERS", "RTRS"),
    ("AFP", "France"),
    ("UPI", "International"),
    ("PA", "Association"),
    ("dpa", "DPA", "Deutsche"),
    ("EFE",),
    ("ANSA",),
    ("TASS", "ТАСС"),
    ("Interfax", "Интерфакс"),
    ("Xinhua", "XINHUA", "新华社"),
    ("Kyodo", "KYODO", "共同"),
    ("Yonhap", "YONHAP", "연합뉴스"),
    ("PTI", "Trust"),
    ("ANI", "Asian"),
    ("IANS", "Indo"),
    ("AAP", "Australian"),
    ("CP", "Canadian"),
    ("Bloomberg",),
    ("APA", "Austria"),
    ("AA", "Anadolu"),
)


_PLACED: Final = tuple((hint, place) for place, hints in enumerate(_HINTS) for hint in hints)


def _named(text: str) -> list[int]:
    return sorted({place for hint, place in _PLACED if hint in text})


def find_credit(text: str, names: tuple[str, ...] = ()) -> Credit | None:
    """The agency that the text's first and last 400 characters name as its author; `names` are bylines, looked at too.

    None where there is none: of 66 true copies only 28 carried a credit, so that says nothing.
    """
    for printed in names:
        for name, short, long in _AGENCIES:
            if re.fullmatch(rf"\s*(?:by\s+)?(?:the\s+)?(?:{short}|{long})(?:\s+staff)?\s*", printed, re.IGNORECASE):
                return Credit(name, f"byline: {printed.strip()}")
    head, foot = text[:CREDIT_CHARS], text[-CREDIT_CHARS:]
    named = _named(f"{head}\n{foot}")
    if not named:
        return None
    best: tuple[int, Credit] | None = None
    for name, at_head, at_foot in (_PATTERNS[place] for place in named):
        found = at_head.search(head) or at_foot.search(head)
        if found is not None and (best is None or found.start() < best[0]):
            best = (found.start(), Credit(name, " ".join(found.group().split())))
    if best is not None:
        return best[1]
    for name, _, at_foot in (_PATTERNS[place] for place in named):
        if (found := at_foot.search(foot)) is not None:
            return Credit(name, " ".join(found.group().split()))
    return None
