"""Lines that recur across an outlet's pages: how they are told, and how they are taken off an article's text.

Pure: what was counted, and where, is in `learnt_lines.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from xxhash import xxh3_64_digest

from schemas.articles import RawArticle
from schemas.events import content_hash
from services.cleaner.articles import Identity, carrier_of, identify, outlet_of
from services.cleaner.outlets import OutletRegistry, fold_name
from services.cleaner.parts import ArticlePart, PageParts, Span, TextSpan, spans_by_paragraph
from services.cleaner.text_lines import fold_key, units_of

RULE: Final = "recurs_at_outlet"

SHORTEST: Final = 18
"""Units: shorter lines recur by chance ("He said no.", "Round two")."""
LONGEST: Final = 900
MOST_LINES: Final = 80
"""Lines of one article that are counted: the first and the last ones, where sites print what they repeat."""
MOST_TAKEN: Final = 0.4
"""Share of an article's text that may go: where more recurs, the articles are one article under several addresses."""
LEAST_LEFT: Final = 200
"""Units of text that must be left."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One article as it is counted: where, on whose word, and which of its lines."""

    place: str
    """The carrier and the outlet: 32 hex digits. Lines learnt in one place say nothing of another."""
    voters: tuple[bytes, ...]
    """Its page and its headline: an article is counted once, whatever it is called or wherever it stands."""
    lines: tuple[bytes, ...]


def place_of(carrier: str, outlet_id: str) -> str:
    """Where lines are learnt: an outlet's articles on one carrier (its own site, or an aggregator)."""
    return content_hash("learnt", carrier, outlet_id)


_NOT_KEPT: Final = re.compile(r"[\W_]+")
_NOT_ASCII: Final = "“”‘’–—…\N{NO-BREAK SPACE}"
"""All that keeps most lines of English news from being ASCII. None of it is kept, and normalising it takes longest."""
_NOT_KEPT_BYTES: Final = bytes(number for number in range(128) if not chr(number).isalnum() and number != ord("\n"))


def is_counted(text: str) -> bool:
    """Whether the line is long enough to recur by more than chance, and short enough to be a line."""
    # no character counts for more than two and a half
    return SHORTEST <= len(text) <= LONGEST * 2 // 5 or SHORTEST <= units_of(text) <= LONGEST


def line_hashes(texts: Sequence[str]) -> list[bytes]:
    """Eight bytes for each of `texts` by which a line is known again: of its letters and digits, folded."""
    # what `fold_key` gives, character by character, at a tenth of its time; all at once takes half of one by one
    key = "\n".join(texts)
    if not key.isascii():
        for mark in _NOT_ASCII:
            key = key.replace(mark, "")
    key = key.lower() if key.isascii() else unicodedata.normalize("NFKC", key).casefold()
    folded = key.encode("utf-8", "surrogatepass").translate(None, _NOT_KEPT_BYTES).split(b"\n")
    if len(folded) != len(texts):
        # none, or one that is no line
        return [line_hashes([" ".join(text.split("\n"))])[0] for text in texts]
    return [xxh3_64_digest(line if line.isascii() else _letters(line)) for line in folded]


def _letters(line: bytes) -> bytes:
    key = line.decode("utf-8", "surrogatepass")
    # mostly there is nothing left to take away
    return line if key.isalnum() else _NOT_KEPT.sub("", key).encode("utf-8", "surrogatepass")


def sightings(
    raw: RawArticle, page: PageParts, registry: OutletRegistry, *, identity: Identity | None = None
) -> tuple[Sighting, ...]:
    """The articles of `page`, as it was read without anything learnt, as they are counted: one a part, in order.

    `identity` is `identify(raw)`, where that is known already.
    """
    identity = identity or identify(raw)
    carrier = carrier_of(raw, identity, page, registry)
    return tuple(
        _sighting(
            part,
            place=place_of(carrier, outlet_of(raw, identity, part).id),
            page_id=identity.page_id if part.part == "main" else None,
        )
        for part in page.parts
    )


def _sighting(part: ArticlePart, *, place: str, page_id: str | None) -> Sighting:
    lines = [text for text in part.paragraphs if is_counted(text)]
    if len(lines) > MOST_LINES:
        lines = lines[: MOST_LINES // 2] + lines[-MOST_LINES // 2 :]
    voters = [sha256(b"p" + page_id.encode()).digest()[:8]] if page_id else []
    headline = fold_name(part.headline) or fold_key(part.text[:80])
    voters.append(sha256(b"h" + headline.encode()).digest()[:8])
    return Sighting(place, tuple(voters), tuple(sorted(set(line_hashes(lines)))))


def take_off(page: PageParts, number: int, learnt: Collection[bytes], epoch: str) -> PageParts:
    """`page` with the learnt lines of part `number` moved to its ledger; `page` itself where there is nothing to move.

    Nothing is moved either where more than MOST_TAKEN of the text would go, or less than LEAST_LEFT would stay.
    """
    part = page.parts[number]
    if not learnt:
        return page
    gone = {
        index
        for index, (text, known) in enumerate(zip(part.paragraphs, line_hashes(part.paragraphs), strict=True))
        if known in learnt and is_counted(text)
    }
    if not gone:
        return page
    whole = sum(units_of(text) for text in part.paragraphs)
    taken = sum(units_of(part.paragraphs[index]) for index in gone)
    if taken > MOST_TAKEN * whole or whole - taken < LEAST_LEFT:
        return page
    kept: list[TextSpan] = []
    removed = list(part.removed)
    for index, spans in enumerate(spans_by_paragraph(page.flattened, part)):
        if index in gone:
            removed.extend(Span("boilerplate", RULE, span.start, span.end) for span in spans)
        else:
            kept.extend(spans)
    changed = replace(
        part,
        paragraphs=tuple(text for index, text in enumerate(part.paragraphs) if index not in gone),
        body_spans=tuple(kept),
        removed=tuple(sorted(removed, key=lambda span: span.start)),
        epoch=epoch,
    )
    return replace(page, parts=(*page.parts[:number], changed, *page.parts[number + 1 :]))
