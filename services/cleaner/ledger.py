"""The removal ledger: the flattened text of a page, and the proof that nothing of it got lost or was counted twice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from schemas.events import well_formed
from services.cleaner.parts import PageParts

_LINE_ENDS: Final = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_INVISIBLE: Final = re.compile("[\xad\u200b\u2060\ufeff]")
# NUL and other control characters stand between words more often than inside them (broken exports, terminals)
_CONTROLS: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_WORD: Final = re.compile(r"\S+")


def flatten_text(text: str) -> str:
    r"""The flattened page of a text-only record, which all its spans refer to: the text as it came, but for

    lone surrogates (U+FFFD), NFC, line ends ("\n"), control characters (a space), and soft hyphens, zero-width spaces
    and byte order marks (nothing). Flattening twice changes nothing.
    """
    text = _LINE_ENDS.sub("\n", _INVISIBLE.sub("", text))
    # last, because taking away what stood between a letter and its accent makes a pair that NFC joins
    return well_formed(_CONTROLS.sub(" ", text))


def words_of(text: str) -> list[tuple[int, int]]:
    """The spans of `text` without white space, in order."""
    return [match.span() for match in _WORD.finditer(text)]


def spans_of(page: PageParts) -> list[tuple[int, int]]:
    """All spans of a page (bodies, fields, removals), sorted."""
    spans = [(span.start, span.end) for span in page.removed]
    for part in page.parts:
        spans.extend((span.start, span.end) for span in part.body_spans)
        spans.extend((span.start, span.end) for span in part.field_spans)
        spans.extend((span.start, span.end) for span in part.removed)
    spans.sort()
    return spans


def gaps(flattened: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The runs of `flattened` that hold a non-space character and lie in none of `spans` (sorted), space trimmed off.

    Linear in the text and the number of spans.
    """
    found: list[tuple[int, int]] = []
    position = 0
    for start, end in [*spans, (len(flattened), len(flattened))]:
        if start > position:
            gap = flattened[position:start]
            bare = gap.strip()
            if bare:
                first = position + len(gap) - len(gap.lstrip())
                found.append((first, first + len(bare)))
        position = max(position, end)
    return found


def unaccounted(page: PageParts) -> list[str]:
    """What breaks the ledger's promise on `page`, in words; empty when it holds.

    The promise: every non-space character of `flattened` lies in exactly one span, spans lie inside the page, and
    the paragraphs of each part hold the words of its body spans.
    """
    flattened, problems = page.flattened, list[str]()
    spans = spans_of(page)
    for start, end in spans:
        if not 0 <= start < end <= len(flattened):
            problems.append(f"span {start}:{end} does not lie inside the page of {len(flattened)}")
    for (start, end), (following, following_end) in pairwise(spans):
        if following < end and flattened[following : min(end, following_end)].strip():
            problems.append(f"span {start}:{end} overlaps {following}:{following_end}")
    for start, end in gaps(flattened, spans):
        problems.append(f"{start}:{end} lies in no span: {flattened[start : min(end, start + 60)]!r}")
    for number, part in enumerate(page.parts):
        printed = "".join("".join(flattened[start:end].split()) for start, end in part.body_spans)
        if printed != "".join("".join(paragraph.split()) for paragraph in part.paragraphs):
            problems.append(f"the paragraphs of part {number} are not the words of its body spans")
    return problems
