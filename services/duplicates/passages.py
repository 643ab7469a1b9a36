"""The runs of words that two texts share, with their places in both."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from services.duplicates.shingles import Tokens, Words, fold, shingle, shingle_sequence, tokenize

Places = npt.NDArray[np.int64]
MOST_RUNS: Final = 64


@dataclass(frozen=True)
class Run:
    """Words `article_word : article_word + words` of one text are `match_word : match_word + words` of the other."""

    article_word: int
    match_word: int
    words: int


class LocatedText:
    """A text's words with their places in the text itself, not in its folded form."""

    def __init__(self, text: str) -> None:
        self.text = text
        folded = fold(text)
        # folding that keeps every length needs no map; anything else (ligatures, full-width forms) gets one
        if text.isascii() or (len(folded) == len(text) and unicodedata.is_normalized("NFKC", text.replace("…", " "))):
            self.tokens = tokenize(folded)
            self.starts: Places = self.tokens.starts
            self.ends: Places = self.tokens.ends
            return
        pieces = [fold(char) for char in text]
        whole = "".join(pieces)
        origin = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
        self.tokens = tokenize(whole)
        self.starts = origin[self.tokens.starts]
        self.ends = origin[self.tokens.ends - 1] + 1

    @cached_property
    def shingles(self) -> Words:
        """The distinct shingle hashes, sorted."""
        return shingle(self.tokens)

    @cached_property
    def sequence(self) -> Words:
        """The shingle hash at each word."""
        return shingle_sequence(self.tokens)

    def span(self, word: int, words: int) -> tuple[int, int]:
        """Where `words` words from the `word`-th on lie in the text, half-open."""
        return int(self.starts[word]), int(self.ends[word + words - 1])


def _tokens_per_shingle(article: Tokens, match: Tokens) -> int:
    return article.per_shingle if article.per_shingle == match.per_shingle else 0


def shared_runs(article: LocatedText, match: LocatedText, *, least_words: int = 8) -> list[Run]:
    """The longest runs of words that both texts hold, none overlapping another in the article; longest first.

    Each shared shingle seeds a run at its first place in the match; neighbours on the same diagonal are one run,
    which is then grown word by word. At most `MOST_RUNS`, each of at least `least_words` words.
    """
    size = _tokens_per_shingle(article.tokens, match.tokens)
    if not size or len(article.sequence) == 0 or len(match.sequence) == 0:
        return []
    order = np.argsort(match.sequence, kind="stable")
    ordered = match.sequence[order]
    at = np.minimum(np.searchsorted(ordered, article.sequence, side="left"), len(ordered) - 1)
    found = np.flatnonzero(ordered[at] == article.sequence)
    if len(found) == 0:
        return []
    partner = order[at[found]]
    broken = np.flatnonzero((np.diff(found) != 1) | (np.diff(partner) != 1)) + 1
    firsts = np.concatenate((np.zeros(1, dtype=np.int64), broken))
    lasts = np.concatenate((broken, np.asarray([len(found)]))) - 1
    mine, theirs = article.tokens.hashes, match.tokens.hashes
    runs: list[Run] = []
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        start, other = int(found[first]), int(partner[first])
        length = int(found[last]) - start + size
        before = _equal_before(mine, theirs, start, other)
        start, other, length = start - before, other - before, length + before
        length += _equal_after(mine, theirs, start + length, other + length)
        if length >= least_words:
            runs.append(Run(start, other, length))
    runs.sort(key=lambda run: (-run.words, run.article_word, run.match_word))
    taken = np.zeros(len(mine), dtype=np.bool_)
    kept: list[Run] = []
    for run in runs:
        free = ~taken[run.article_word : run.article_word + run.words]
        if not free.any():
            continue
        # what a longer run has taken at either end is cut off; a run cut in its middle keeps its first free part
        begin = int(np.argmax(free))
        rest = free[begin:]
        words = int(np.argmin(rest)) if not rest.all() else len(rest)
        if words < least_words:
            continue
        kept.append(Run(run.article_word + begin, run.match_word + begin, words))
        taken[run.article_word + begin : run.article_word + begin + words] = True
        if len(kept) == MOST_RUNS:
            break
    kept.sort(key=lambda run: (-run.words, run.article_word))
    return kept


def _equal_before(mine: Words, theirs: Words, start: int, other: int) -> int:
    reach = min(start, other, 64)
    if reach == 0:
        return 0
    differs = np.flatnonzero(mine[start - reach : start][::-1] != theirs[other - reach : other][::-1])
    return int(differs[0]) if len(differs) else reach


def _equal_after(mine: Words, theirs: Words, start: int, other: int) -> int:
    reach = min(len(mine) - start, len(theirs) - other)
    if reach <= 0:
        return 0
    differs = np.flatnonzero(mine[start : start + reach] != theirs[other : other + reach])
    return int(differs[0]) if len(differs) else reach
