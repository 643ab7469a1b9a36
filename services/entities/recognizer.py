"""The port that every recognizer of names fits: paragraphs in, spans out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.entities import Label


@dataclass(frozen=True, slots=True)
class Found:
    """A name in one paragraph: `paragraph[start:end]`, in code points; `confidence` in [0, 1], four digits."""

    start: int
    end: int
    label: Label
    confidence: float


class RecognizerMissingError(LookupError):
    """What the chosen recognizer needs is not installed; the message says how to get it."""


class Recognizer(Protocol):
    """Finds names in paragraphs.

    What is found in a paragraph depends on that paragraph alone, never on those beside it: the paragraph cache
    rests on this. `version` changes whenever the same paragraph may lead to something else.
    """

    @property
    def name(self) -> str:
        """The recognizer's name, as it stands in events and metrics."""
        ...

    @property
    def version(self) -> str:
        """The version of its model."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """BCP 47 primary tags of the languages it knows."""
        ...

    def recognize(self, paragraphs: Sequence[str]) -> list[tuple[Found, ...]]:
        """The names of each paragraph, in order of `start`, without overlaps; as many tuples as paragraphs."""
        ...
