"""Any installed spaCy pipeline as a recognizer."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Final

from schemas.entities import Label
from services.entities.recognizer import Found, RecognizerMissingError
from services.entities.spans import tidied

# the schemes of spaCy's own pipelines (OntoNotes, and WikiNER's for most languages); what is not here names nothing
_LABELS: Final[dict[str, Label]] = {
    "PERSON": "PER",
    "PER": "PER",
    "PERS": "PER",
    "ORG": "ORG",
    "GPE": "LOC",
    "LOC": "LOC",
    "FAC": "LOC",
    "NORP": "MISC",
    "EVENT": "MISC",
    "PRODUCT": "MISC",
    "WORK_OF_ART": "MISC",
    "LAW": "MISC",
    "LANGUAGE": "MISC",
    "MISC": "MISC",
}


class SpacyRecognizer:
    """The names a spaCy pipeline finds. spaCy gives no confidence: every name has 1."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        meta: dict[str, Any] = pipeline.meta
        self._name = f"spacy-{meta.get('lang', 'xx')}_{meta.get('name', 'pipeline')}"
        self._version = str(meta.get("version", "0"))
        self._languages = frozenset({str(meta.get("lang", "en"))})

    @classmethod
    def load(cls, name: str) -> SpacyRecognizer:
        """The installed pipeline or pipeline folder called `name`. Raises RecognizerMissingError."""
        try:
            spacy: Any = importlib.import_module("spacy")
        except ImportError:
            raise RecognizerMissingError(
                f"the recognizer spacy:{name} needs spaCy: pip install spacy, then python -m spacy download {name}"
            ) from None
        try:
            pipeline = spacy.load(name)
        except OSError:
            raise RecognizerMissingError(
                f"spaCy has no pipeline {name}: python -m spacy download {name}, or give a pipeline's folder"
            ) from None
        return cls(pipeline)

    @property
    def name(self) -> str:
        """The pipeline's language and name."""
        return self._name

    @property
    def version(self) -> str:
        """The pipeline's version."""
        return self._version

    @property
    def languages(self) -> frozenset[str]:
        """The pipeline's language."""
        return self._languages

    def recognize(self, paragraphs: Sequence[str]) -> list[tuple[Found, ...]]:
        """The names of each paragraph (see `Recognizer`)."""
        limit: int = self._pipeline.max_length
        out: list[tuple[Found, ...]] = []
        for text in paragraphs:
            document = self._pipeline(text[:limit])
            found = [
                Found(e.start_char, e.end_char, _LABELS[e.label_], 1.0) for e in document.ents if e.label_ in _LABELS
            ]
            out.append(tidied(text, found))
        return out
