"""Windows leave no seams, and what is found in a paragraph depends on that paragraph alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.entities.encoding import LABELS, Encoder
from services.entities.transformer import MODEL_FOLDER, WINDOW_PIECES, TransformerRecognizer
from tests.unit.test_entities_encoding import ANY_TEXT


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.from_file(str(MODEL_FOLDER / "tokenizer.json"))


@pytest.fixture(scope="module")
def recognizer() -> TransformerRecognizer:
    return TransformerRecognizer.load()


class NameNetwork:
    """Knows one name's two words by their ids, and needs to see both: a window that cuts it finds neither."""

    def __init__(self, encoder: Encoder, first: str, second: str) -> None:
        self._first, self._second = encoder.pieces(first), encoder.pieces(second)
        assert len(self._first) == len(self._second) == 1
        self.longest = 0

    def logs(self, ids: Sequence[int], features: Sequence[int]) -> NDArray[np.float32]:
        self.longest = max(self.longest, len(ids))
        out = np.full((len(ids), len(LABELS)), -8.0, dtype=np.float32)
        out[:, 0] = -0.1
        for i in range(len(ids) - 1):
            if (ids[i],) == self._first and (ids[i + 1],) == self._second:
                out[i, [0, LABELS.index("B-PER")]] = -8.0, -0.1
                out[i + 1, [0, LABELS.index("I-PER")]] = -8.0, -0.1
        return out


@settings(max_examples=25, deadline=None)
@given(before=st.integers(0, 700), gap=st.integers(0, 300))
def test_a_name_is_found_wherever_a_window_ends(encoder: Encoder, before: int, gap: int) -> None:
    network = NameNetwork(encoder, "John", "Smith")
    recognizer = TransformerRecognizer(network, encoder, name="n", version="1")
    text = "word " * before + "John Smith said " + "word " * gap + "John Smith"
    (found,) = recognizer.recognize([text])
    assert [text[f.start : f.end] for f in found] == ["John Smith", "John Smith"]
    assert network.longest <= WINDOW_PIECES + 2


@settings(max_examples=40, deadline=None)
@given(text=ANY_TEXT)
def test_names_are_spans_of_the_text_in_order_whatever_it_holds(recognizer: TransformerRecognizer, text: str) -> None:
    for prefix in ("", "Angela Merkel met José 🙂 in "):
        whole = prefix + text
        (found,) = recognizer.recognize([whole])
        assert all(0 <= f.start < f.end <= len(whole) for f in found)
        assert all(a.end <= b.start for a, b in itertools.pairwise(found))
        assert all(0 <= f.confidence <= 1 and round(f.confidence, 4) == f.confidence for f in found)


def test_a_paragraph_reads_the_same_alone_and_beside_others(recognizer: TransformerRecognizer) -> None:
    paragraphs = [
        "Margarethe Lindqvist led Northmoor Water in Stockholm.",
        "IN CAPITALS THE COUNCIL OF FALUN SAID NO TO SKANSKA",
        "word " * 400 + "Karim Benhaddou of Marseille.",
        "$$$ 9,999 !!!",
    ]
    together = recognizer.recognize(paragraphs)
    assert together == [recognizer.recognize([p])[0] for p in paragraphs]
    assert together == recognizer.recognize(list(reversed(paragraphs)))[::-1]


def test_a_name_in_a_long_paragraph_is_found_as_in_a_short_one(recognizer: TransformerRecognizer) -> None:
    sentence = "The minister said on Monday that the talks would go on. "
    text = sentence * 40 + "Margarethe Lindqvist lives in Stockholm."
    (found,) = recognizer.recognize([text])
    assert [(text[f.start : f.end], f.label) for f in found] == [("Margarethe Lindqvist", "PER"), ("Stockholm", "LOC")]


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"default\.onnx is missing"):
        TransformerRecognizer.load(tmp_path)


def test_a_model_with_other_labels_is_refused(tmp_path: Path) -> None:
    for name in ("default.onnx", "words.npz", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "default.json").write_text(json.dumps({"name": "n", "version": "1", "labels": ["O", "B-PER"]}))
    with pytest.raises(ValueError, match="labels are"):
        TransformerRecognizer.load(tmp_path)
