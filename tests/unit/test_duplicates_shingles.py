from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.duplicates.check import (
    Record,
    check,
    compare,
    leading,
    pack_hashes,
    unpack_hashes,
)
from services.duplicates.passages import LocatedText, shared_runs
from services.duplicates.redis_index import _pieces
from services.duplicates.shingles import fold, shingle, shingle_sequence, tokenize
from services.duplicates.sketch import sketch
from tests.duplicates_support import WordMill

MILL = WordMill()
TEXTS = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("abc '’-éÅﬁ½İ漢字คน…\u0301\n")), max_size=200)


def _reference_words(text: str) -> list[str]:
    """Words by regular expression: what `tokenize` computes on arrays, for scripts with spaces and without marks."""
    folded = fold(text)
    return re.findall(r"\w+", re.sub("['’‘ʼ＇`´]", "", folded))


@given(st.text(st.sampled_from("abcXYZ09_ .,'’“”—é-\n\tß"), max_size=120))
def test_words_are_runs_of_letters_and_digits_with_apostrophes_dropped(text: str) -> None:
    folded = fold(text)
    tokens = tokenize(folded)
    words = [
        re.sub("['’‘ʼ＇`´]", "", folded[start:end])
        for start, end in zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    ]
    assert words == _reference_words(text)


@given(TEXTS)
def test_any_text_can_be_counted(text: str) -> None:
    located = LocatedText(text)
    assert len(located.starts) == len(located.tokens)
    assert np.all(located.starts < located.ends)
    # one character can be two words: a quarter is 1 and 4
    assert np.all(np.diff(located.starts) >= 0)
    assert len(located.ends) == 0 or located.ends[-1] <= len(text)


@given(st.lists(st.sampled_from(["one", "two", "three", "deux", "cinq’s", "Éte", "x"]), min_size=1, max_size=40))
def test_equal_words_have_equal_hashes_whatever_lies_between(words: list[str]) -> None:
    plain, odd = " ".join(words), " — ".join(word.upper() for word in words)
    assert np.array_equal(tokenize(fold(plain)).hashes, tokenize(fold(odd)).hashes)


def test_different_words_have_different_hashes() -> None:
    words = sorted(set(MILL.words(60000)) | {"ab", "ba", "abc", "acb", "aab", "aba", "baa"})
    hashes = tokenize(" ".join(words)).hashes
    assert len(np.unique(hashes)) == len(words)


def test_stored_sketches_of_this_release_can_be_compared_with_those_of_the_next() -> None:
    # these numbers may never change: sketches in a running index were made with them
    tokens = tokenize(fold("Don’t panic: the “Ferry” leaves at 9 — Ärger, 漢字!"))
    assert [hex(int(value)) for value in tokens.hashes[:3]] == GOLDEN_WORDS
    assert hex(int(shingle_sequence(tokens)[0])) == GOLDEN_SHINGLE


GOLDEN_WORDS = ["0x2b0b438d9d6acf61", "0x65e048347a18b5cb", "0x5c6f421718cdcef9"]
GOLDEN_SHINGLE = "0xe0fab69e5f372dbc"


def test_the_order_of_words_counts() -> None:
    one, other = "a b c d e f g", "a b c d f e g"
    assert not np.array_equal(shingle(tokenize(one)), shingle(tokenize(other)))


def test_a_text_without_spaces_is_counted_by_characters() -> None:
    tokens = tokenize(fold("東京の天気は晴れです。明日も晴れるでしょう。"))
    assert tokens.is_unspaced
    assert tokens.per_shingle == 8
    assert len(tokens) == 20
    thai = tokenize(fold("รัฐบาลประกาศมาตรการใหม่"))
    assert thai.is_unspaced


def test_a_few_foreign_characters_leave_a_text_counted_by_words() -> None:
    assert not tokenize(fold("The word 天気 means weather in the language that they speak there")).is_unspaced


@given(st.integers(1, 3000), st.integers(0, 5))
def test_a_sketch_is_the_smallest_hashes_and_at_least_the_floor(count: int, seed: int) -> None:
    hashes = np.unique(np.random.default_rng(seed).integers(0, 2**32, count, dtype=np.uint32))
    made = sketch(hashes)
    below = int((hashes < np.uint32(2**32 // 24)).sum())
    assert len(made) == max(below, min(24, len(hashes)))
    assert np.array_equal(made, hashes[: len(made)])


def test_an_empty_set_has_no_sketch() -> None:
    with pytest.raises(ValueError, match="empty"):
        sketch(np.zeros(0, dtype=np.uint32))


@given(st.integers(1, 6000), st.integers(0, 9))
def test_packed_hashes_are_read_back(count: int, seed: int) -> None:
    hashes = np.unique(np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64))
    bits = max(15, (len(hashes) - 1).bit_length() + 5)
    expected = (hashes >> np.uint64(64 - bits)).astype(np.int64)
    assert np.array_equal(unpack_hashes(pack_hashes(leading(hashes))), expected)


def _record(shingles: np.ndarray, key: str = "0" * 32) -> Record:
    return Record(key, 1, 2, len(shingles), len(sketch(leading(shingles))), 0, pack_hashes(leading(shingles)))


def test_records_are_read_back() -> None:
    record = _record(shingle(tokenize(MILL.text(400))), "ab" * 16)
    assert Record.from_bytes(record.to_bytes()) == record


@pytest.mark.parametrize("words", [250, 900, 3000, 12000])
@pytest.mark.parametrize("share", [0.02, 0.08, 0.15])
def test_the_check_is_within_one_in_a_hundred_of_the_exact_overlap(words: int, share: float) -> None:
    text = MILL.text(words)
    one, other = shingle(tokenize(text.lower())), shingle(tokenize(MILL.edited(text, share).lower()))
    exact, estimated = compare(one, other), check(leading(one), _record(other))
    assert abs(exact.containment - estimated.containment) <= 0.01
    assert abs(exact.jaccard - estimated.jaccard) <= 0.01


def test_packed_hashes_take_little_more_than_a_byte_each() -> None:
    shingles = shingle(tokenize(MILL.text(900)))
    assert len(pack_hashes(leading(shingles))) < 1.25 * len(shingles)


@given(st.integers(0, 200), st.integers(0, 200), st.booleans(), st.integers(0, 1000))
def test_passages_hold_the_same_words_in_both_texts(before: int, after: int, odd: bool, seed: int) -> None:
    mill = WordMill(seed, 3000)
    shared = mill.text(120)
    one = mill.text(before) + "\n" + shared + "\n" + mill.text(after)
    other = mill.text(after) + "\n" + (shared.replace(" ", "  ").upper() + " ﬁn½" if odd else shared)
    first, second = LocatedText(one), LocatedText(other)
    runs = shared_runs(first, second)
    assert runs[0].words >= 120
    for run in runs:
        start, end = first.span(run.article_word, run.words)
        other_start, other_end = second.span(run.match_word, run.words)
        assert _reference_words(one[start:end]) == _reference_words(other[other_start:other_end])
        assert len(_reference_words(one[start:end])) == run.words
    assert [run.words for run in runs] == sorted((run.words for run in runs), reverse=True)


def test_passages_lie_right_where_folding_changes_lengths() -> None:
    shared = "the ﬁnal ofﬁcial count was ½ of what İzmir’s office had said on Monday evening after it closed"
    one, other = "ﬃ " + shared, unicodedata.normalize("NFC", "Before that, " + shared + " ﬁ")
    first, second = LocatedText(one), LocatedText(other)
    [run] = shared_runs(first, second)
    start, end = first.span(run.article_word, run.words)
    other_start, other_end = second.span(run.match_word, run.words)
    assert one[start:end] == other[other_start:other_end] == shared


@given(st.integers(40, 3000), st.integers(0, 12_000))
def test_what_is_kept_comes_back_whole_from_one_piece_or_two(record: int, text: int) -> None:
    kept = b"r" * record, b"t" * text
    first, rest = _pieces(*kept)
    assert first + rest == b"".join(kept)
    # what is asked for without its text is never cut
    assert len(first) >= record
    wasted = sum(_room(len(piece)) for piece in (first, rest) if piece) - record - text
    assert record + text < 2048 or record > text or wasted < 0.05 * (record + text)


def _room(length: int) -> int:
    steps = [step << power for power in range(2, 14) for step in (4, 5, 6, 7)]
    return next(step for step in steps if step >= length + 6)
