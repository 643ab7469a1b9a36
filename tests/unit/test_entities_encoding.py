"""Words, shapes and pieces: what the network reads is tied to the text it was made from."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.entities.encoding import MAX_PIECES_PER_WORD, Encoder, case_context, shape, words
from services.entities.transformer import MODEL_FOLDER

ANY_TEXT = st.text(max_size=200) | st.text(
    alphabet="aZé́ \n\t.,'’-–()שלום مرحبا नमस्ते漢字🙂👩‍👩‍👧🇦🇿ﬁİß\u0000\u200b\u202e\ud800", max_size=60
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.from_file(str(MODEL_FOLDER / "tokenizer.json"))


@given(ANY_TEXT)
def test_every_character_that_is_no_space_is_in_exactly_one_word(text: str) -> None:
    found = words(text)
    assert all(text[w.start : w.end] == w.text for w in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    covered = {i for w in found for i in range(w.start, w.end)}
    assert covered == {i for i, char in enumerate(text) if not char.isspace()}


def test_a_letter_keeps_its_combining_marks() -> None:
    decomposed = unicodedata.normalize("NFD", "Zieliński नमस्ते")
    assert [w.text for w in words(decomposed)] == decomposed.split(" ")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("the", 1),
        ("Baku", 2),
        ("NATO", 3),
        ("J", 4),
        ("McDonald", 5),
        ("2025", 6),
        ("AP1000", 7),
        ("漢字", 8),
        (",", 9),
    ],
)
def test_a_shape_tells_how_a_word_is_written(word: str, kind: int) -> None:
    assert shape(word) == kind


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("Engineers have checked the dam above Falun", 0),
        ("Engineers Have Checked the Dam Above Falun", 1),
        ("ENGINEERS HAVE CHECKED THE DAM", 2),
        ("engineers have checked that old dam above falun", 3),
        ("Baku", 0),
    ],
)
def test_the_context_tells_how_far_capitals_can_be_trusted(text: str, context: int) -> None:
    found = [w.text for w in words(text)]
    assert case_context([shape(w) for w in found], [len(w) for w in found]) == context


@given(text=ANY_TEXT)
def test_every_word_with_pieces_has_its_first_piece(encoder: Encoder, text: str) -> None:
    found = [w.text for w in words(text)]
    encoded = encoder.encode(found)
    assert len(encoded.ids) == len(encoded.features)
    assert encoded.ids[0] == encoder.cls
    assert encoded.ids[-1] == encoder.sep
    for word, first in zip(found, encoded.firsts, strict=True):
        pieces = encoder.pieces(word)
        assert (first == -1) == (not pieces)
        if pieces:
            assert encoded.ids[first : first + len(pieces)] == pieces


def test_a_word_of_ten_thousand_ideographs_takes_a_bounded_number_of_pieces(encoder: Encoder) -> None:
    assert len(encoder.pieces("漢" * 10_000)) <= MAX_PIECES_PER_WORD
