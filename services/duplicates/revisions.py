"""What an outlet changed in an article: the passages inserted and deleted since the version before."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from schemas.duplicates import ArticleRevision, Change, Similarity
from services.duplicates.check import compare
from services.duplicates.relations import Article

MOST_CHANGES: Final = 50
_MOST_WORK: Final = 1_000_000
"""Words times words that are compared one by one; a larger block counts as replaced."""
_PIECE: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)


@dataclass(frozen=True)
class _Piece:
    text: str
    start: int
    end: int


def _lines(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    at = 0
    for line in text.split("\n"):
        if line.strip():
            pieces.append(_Piece(line.strip(), at + len(line) - len(line.lstrip()), at + len(line.rstrip())))
        at += len(line) + 1
    return pieces


def _words(text: str, pieces: list[_Piece]) -> list[_Piece]:
    return [
        _Piece(found.group(), found.start(), found.end())
        for piece in pieces
        for found in _PIECE.finditer(text, piece.start, piece.end)
    ]


def _blocks(before: list[_Piece], after: list[_Piece]) -> Iterator[tuple[list[_Piece], list[_Piece]]]:
    matcher = difflib.SequenceMatcher(None, [p.text for p in before], [p.text for p in after], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            yield before[i1:i2], after[j1:j2]


def changes_between(previous: str, text: str) -> list[Change]:
    """The passages of `previous` that are gone and those of `text` that are new, in the order of the text.

    Paragraphs are compared first, then the words of those that differ; a replaced word is a deletion and an
    insertion. Offsets of deletions are places in `previous`. Differences of white space alone are none.
    Ratcliff and Metzener, "Pattern matching: the gestalt approach", 1988 (difflib).
    """
    changes: list[Change] = []
    for gone_lines, new_lines in _blocks(_lines(previous), _lines(text)):
        gone, new = _words(previous, gone_lines), _words(text, new_lines)
        blocks = _blocks(gone, new) if len(gone) * len(new) <= _MOST_WORK else iter([(gone, new)])
        for old_words, new_words in blocks:
            if old_words:
                start, end = old_words[0].start, old_words[-1].end
                changes.append(Change(kind="deleted", start=start, end=end, text=previous[start:end]))
            if new_words:
                start, end = new_words[0].start, new_words[-1].end
                changes.append(Change(kind="inserted", start=start, end=end, text=text[start:end]))
    return changes


def revise(article: Article, previous: Article) -> ArticleRevision | None:
    """The revision that made `article` of its `previous` version, or None when it is none.

    A revision is fetched later and extracted by the same release of the cleaner: another release reads the same page
    in another way, which says nothing of the outlet.
    """
    now, before = article.stored, previous.stored
    if now.ref.fetched_at <= before.ref.fetched_at or now.extraction_version != before.extraction_version:
        return None
    changes = changes_between(before.text, now.text)
    headline_changed = now.ref.headline != before.ref.headline
    if not changes and not headline_changed:
        return None
    overlap = compare(article.shingles, previous.shingles)
    return ArticleRevision(
        article_id=now.ref.article_id,
        version_id=now.ref.version_id,
        previous_version_id=before.ref.version_id,
        article=now.ref,
        previous_fetched_at=before.ref.fetched_at,
        headline_changed=headline_changed,
        previous_headline=before.ref.headline if headline_changed else "",
        changes=tuple(changes[:MOST_CHANGES]),
        changes_omitted=max(0, len(changes) - MOST_CHANGES),
        similarity=Similarity(
            jaccard=round(overlap.jaccard, 4),
            article_containment=round(overlap.article_containment, 4),
            match_containment=round(overlap.match_containment, 4),
        ),
    )
