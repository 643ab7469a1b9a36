"""What every recognizer promises, run on each: the default one, and spaCy's adapter where spaCy is installed."""

from __future__ import annotations

import importlib
import itertools
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.entities.recognizer import Recognizer
from services.entities.spacy_recognizer import PipelineMissingError, SpacyRecognizer
from services.entities.transformer import TransformerRecognizer

ENGLISH = "Margarethe Lindqvist met engineers of the World Bank in Stockholm."


def _default() -> Recognizer:
    return TransformerRecognizer.load()


def _fast() -> Recognizer:
    return TransformerRecognizer.load(variant="fast")


def _spacy() -> Recognizer:
    """A pipeline made here: rules alone, nothing to download."""
    spacy: Any = importlib.import_module("spacy")
    pipeline = spacy.blank("en")
    rules = pipeline.add_pipe("entity_ruler")
    rules.add_patterns(
        [
            {"label": "PERSON", "pattern": "Margarethe Lindqvist"},
            {"label": "ORG", "pattern": "World Bank"},
            {"label": "GPE", "pattern": "Stockholm"},
            {"label": "CARDINAL", "pattern": "engineers"},
        ]
    )
    return SpacyRecognizer(pipeline)


MAKERS = [_default, _fast] + ([_spacy] if find_spec("spacy") else [])


@pytest.fixture(scope="module", params=MAKERS, ids=lambda make: make.__name__.strip("_"))
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    return request.param()


def test_names_have_exact_spans_and_labels(recognizer: Recognizer) -> None:
    (found,) = recognizer.recognize([ENGLISH])
    assert [(ENGLISH[f.start : f.end], f.label) for f in found] == [
        ("Margarethe Lindqvist", "PER"),
        ("World Bank", "ORG"),
        ("Stockholm", "LOC"),
    ]


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.text(max_size=60), max_size=3))
def test_a_paragraph_reads_the_same_whatever_stands_beside_it(recognizer: Recognizer, texts: list[str]) -> None:
    found = recognizer.recognize([*texts, ENGLISH])
    assert found == [recognizer.recognize([text])[0] for text in [*texts, ENGLISH]]
    for text, names in zip(texts, found, strict=False):
        assert all(0 <= f.start < f.end <= len(text) and 0 <= f.confidence <= 1 for f in names)
        assert all(a.end <= b.start for a, b in itertools.pairwise(names))


def test_nothing_to_read_is_nothing_found(recognizer: Recognizer) -> None:
    assert recognizer.recognize([]) == []
    assert recognizer.recognize([""]) == [()]


def test_it_says_what_it_is(recognizer: Recognizer) -> None:
    assert recognizer.name
    assert recognizer.version
    assert recognizer.languages == {"en"}


def test_a_pipeline_that_is_not_there_is_an_error_with_a_remedy() -> None:
    with pytest.raises(PipelineMissingError, match="python -m spacy download"):
        SpacyRecognizer.load("no_such_pipeline")
