"""What two articles are to each other: copies, excerpt and whole, or alike for a reason that is no copying."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from schemas.articles import CleanArticle
from schemas.duplicates import Passage, Relation
from services.duplicates.check import (
    Leading,
    Overlap,
    Record,
    check,
    compare,
    estimated_containment,
    leading,
    outlet_digest,
    text_digest,
)
from services.duplicates.own_words import own_words
from services.duplicates.passages import LocatedText, Run, shared_runs
from services.duplicates.shingles import Tokens, Words, fold, shingle, shingle_sequence, tokenize
from services.duplicates.sketch import sketch
from services.duplicates.stored import StoredArticle, milliseconds, to_stored
from services.duplicates.templates import TABLE_SHARE, figure_share, is_marked, is_refilled
from services.duplicates.wire import Credit, find_credit

NEAR_JACCARD: Final = 0.5
NEAR_CONTAINMENT: Final = 0.8
NEAR_SIZE: Final = 0.2
"""A contained article is near only when it is at least so much of the other: a brief in a round-up is an excerpt, and
may not unite it with the nine other briefs."""
EXCERPT_CONTAINMENT: Final = 0.5
EXCERPT_WORDS: Final = 60
LEAST_WORDS: Final = 30
"""Shorter articles are in no relation; two articles share at least so many words, or they share none that counts."""
NEAR_OWN_WORDS: Final = 40
NEAR_OWN_SHARE: Final = 0.25
"""Of what near articles share, so much is neither quoted nor standing text: two reports that print one statement, or
one speech, at length are two reports."""
UNSPACED: Final = 2
"""A word is about two characters where no spaces part them."""
MOST_PASSAGES: Final = 8
_SCREEN: Final = 0.42
"""Containment on cut hashes or sketches below which no text is opened; decisions are at .5 and above."""

Kind = Literal["duplicate", "sighting", "template", "none"]


class Article:
    """A text with what is counted on it, each computed once and only when asked for."""

    def __init__(self, given: StoredArticle | CleanArticle | bytes) -> None:
        self._given = given

    def count(self) -> None:
        """Count everything that an arriving article needs at once: a cached property costs a lock (Python 3.11)."""
        given = self._given
        text = given.text if isinstance(given, CleanArticle) else self.stored.text
        tokens = tokenize(fold(text))
        sequence = shingle_sequence(tokens)
        halves = leading(sequence)
        is_short = len(tokens) < LEAST_WORDS * (UNSPACED if tokens.is_unspaced else 1)
        self.__dict__.update(
            tokens=tokens,
            sequence=sequence,
            halves=halves,
            is_short=is_short,
            sketch=halves[:0] if is_short else sketch(halves),
            digest=text_digest(tokens),
        )

    @cached_property
    def stored(self) -> StoredArticle:
        """Name and text; made or unpacked only now: most candidates fail on their hashes alone, and most that arrive
        resemble nothing."""
        given = self._given
        if isinstance(given, bytes):
            return StoredArticle.from_bytes(given)
        return to_stored(given) if isinstance(given, CleanArticle) else given

    @cached_property
    def tokens(self) -> Tokens:
        """The words of the text."""
        return tokenize(fold(self.stored.text))

    @cached_property
    def shingles(self) -> Words:
        """The distinct shingle hashes, sorted."""
        return shingle(self.tokens)

    @cached_property
    def sequence(self) -> Words:
        """The shingle hash at each word; all that is needed of an article that resembles no other."""
        return shingle_sequence(self.tokens)

    @cached_property
    def halves(self) -> Leading:
        """The distinct leading halves of the shingle hashes; their number counts as that of the shingles."""
        return leading(self.sequence)

    @cached_property
    def sketch(self) -> Leading:
        """The sketch; empty for an article below the floor, which is in no relation."""
        return sketch(self.halves) if not self.is_short else self.halves[:0]

    @cached_property
    def digest(self) -> int:
        """Stands for the folded text."""
        return text_digest(self.tokens)

    @cached_property
    def credit(self) -> Credit | None:
        """The agency that it credits."""
        return find_credit(self.stored.text, self.stored.agencies)

    @cached_property
    def located(self) -> LocatedText:
        """The words with their places in the text."""
        return LocatedText(self.stored.text)

    @cached_property
    def own(self) -> npt.NDArray[np.bool_]:
        """For each word, whether it is the article's own (see `own_words`)."""
        return own_words(self.located)

    @cached_property
    def own_in_excerpt(self) -> npt.NDArray[np.bool_]:
        """The same for an excerpt."""
        return own_words(self.located, is_excerpt=True)

    @cached_property
    def unit(self) -> int:
        """Tokens to a word."""
        return UNSPACED if self.tokens.is_unspaced else 1

    @cached_property
    def is_short(self) -> bool:
        """Whether it has too few words for any relation."""
        return len(self.tokens) < LEAST_WORDS * self.unit


@dataclass(frozen=True)
class Decision:
    """What an article is to a stored one, and why. `relation` is None for kinds none and template."""

    kind: Kind
    relation: Relation | None
    overlap: Overlap
    reason: str
    runs: tuple[Run, ...] = ()


def _none(overlap: Overlap, reason: str, runs: tuple[Run, ...] = ()) -> Decision:
    return Decision("none", None, overlap, reason, runs)


def decide(article: Article, record: Record, match: Article | None, *, hits: int, window_ms: int) -> Decision:
    """What `article` is to the stored version with `record`, whose words are `match` where they are kept.

    Thresholds are those of DESIGN.md. Without `match` the overlap is the estimate of `check`, and an excerpt cannot be
    told. `hits` are the sketch hashes that both hold.
    """
    nothing = Overlap(0, len(article.halves), record.shingles)
    if record.article_key == article.stored.article_key:
        return _none(nothing, "same_article")
    if abs(record.fetched_ms - milliseconds(article.stored.ref.fetched_at)) > window_ms:
        return _none(nothing, "outside_window")
    if article.is_short:
        return _none(nothing, "too_short")
    is_exact = record.digest == article.digest and record.shingles == len(article.halves)
    if not is_exact:
        # one standard deviation of the sampling at .5 is .5 / sqrt(hits)
        if estimated_containment(hits, len(article.halves), len(article.sketch), record) < 0.2:
            return _none(nothing, "too_little_shared")
        overlap = check(article.halves, record)
        if overlap.containment < _SCREEN:
            return _none(overlap, "too_little_shared")
        if match is not None:
            overlap = compare(article.shingles, match.shingles)
    else:
        overlap = Overlap(len(article.halves), len(article.halves), record.shingles)
    return judge(article, match, overlap, is_exact=is_exact, is_same_outlet=_is_same_outlet(article, record, match))


def _is_same_outlet(article: Article, record: Record, match: Article | None) -> bool:
    if match is not None:
        return match.stored.ref.outlet_id == article.stored.ref.outlet_id
    return record.outlet == outlet_digest(article.stored.ref.outlet_id)


def judge(
    article: Article, match: Article | None, overlap: Overlap, *, is_exact: bool, is_same_outlet: bool
) -> Decision:
    """The decision on two articles whose overlap is known."""
    smaller, larger = sorted((overlap.article, overlap.match))
    if overlap.shared < (LEAST_WORDS - 4) * article.unit:
        return _none(overlap, "too_few_words")
    if is_exact:
        runs = _runs(article, match)
        return Decision("sighting" if is_same_outlet else "duplicate", "exact", overlap, "equal_text", runs)
    is_near = overlap.jaccard >= NEAR_JACCARD or (
        overlap.containment >= NEAR_CONTAINMENT and smaller >= NEAR_SIZE * larger
    )
    if is_near:
        reason = "jaccard" if overlap.jaccard >= NEAR_JACCARD else "containment"
        if match is None:
            return Decision("sighting" if is_same_outlet else "duplicate", "near", overlap, reason)
        runs = _runs(article, match)
        if is_same_outlet:
            if _is_template(article, match, overlap, same_outlet=True):
                return Decision("template", None, overlap, "template", runs)
            return Decision("sighting", "near", overlap, reason, runs)
        if _is_template(article, match, overlap, same_outlet=False):
            return Decision("template", None, overlap, "template", runs)
        own, shared = _own_shared(article, match, runs)
        if (own < NEAR_OWN_WORDS * article.unit and own < len(article.tokens) * 0.5) or own < NEAR_OWN_SHARE * shared:
            return _none(overlap, "quoted_or_standing_text", runs)
        return Decision("duplicate", "near", overlap, reason, runs)
    if overlap.containment < EXCERPT_CONTAINMENT:
        return _none(overlap, "too_little_shared")
    if is_same_outlet:
        return _none(overlap, "same_outlet_excerpt")
    if match is None:
        return _none(overlap, "text_not_kept")
    runs = _runs(article, match)
    if min(figure_share(article.stored.text), figure_share(match.stored.text)) >= TABLE_SHARE:
        return Decision("template", None, overlap, "template", runs)
    mine, theirs = article.own_in_excerpt, match.own_in_excerpt
    longest = max((_own_in(run, mine, theirs) for run in runs), default=0)
    if longest < EXCERPT_WORDS * article.unit:
        return _none(overlap, "no_long_run_of_own_words", runs)
    if is_marked(article.stored.ref.headline) and is_marked(match.stored.ref.headline):
        return Decision("template", None, overlap, "template", runs)
    return Decision("duplicate", "excerpt", overlap, "long_run", runs)


def _runs(article: Article, match: Article | None) -> tuple[Run, ...]:
    return tuple(shared_runs(article.located, match.located)) if match is not None else ()


def _own_in(run: Run, mine: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_]) -> int:
    both = mine[run.article_word : run.article_word + run.words] & theirs[run.match_word : run.match_word + run.words]
    return int(np.count_nonzero(both))


def _own_shared(article: Article, match: Article, runs: tuple[Run, ...]) -> tuple[int, int]:
    """How many words of the runs are both articles' own, and how many there are."""
    mine, theirs = article.own, match.own
    return sum(_own_in(run, mine, theirs) for run in runs), sum(run.words for run in runs)


def _is_template(article: Article, match: Article, overlap: Overlap, *, same_outlet: bool) -> bool:
    both_marked = is_marked(article.stored.ref.headline) and is_marked(match.stored.ref.headline)
    if min(figure_share(article.stored.text), figure_share(match.stored.text)) >= TABLE_SHARE and overlap.jaccard < 0.9:
        return True
    if both_marked and (same_outlet or overlap.jaccard < 0.8):
        return True
    return (same_outlet or both_marked) and is_refilled(article.located, match.located)


def passages_of(article: LocatedText, match: LocatedText, runs: tuple[Run, ...]) -> tuple[Passage, ...]:
    """The longest of `runs` as passages: places in both texts that hold the same words."""
    made: list[Passage] = []
    for run in runs[:MOST_PASSAGES]:
        start, end = article.span(run.article_word, run.words)
        other_start, other_end = match.span(run.match_word, run.words)
        made.append(
            Passage(article_start=start, article_end=end, match_start=other_start, match_end=other_end, words=run.words)
        )
    return tuple(made)
