"""An article's text, and the names in it before it is known whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.entities import Label

Field = Literal["headline", "text"]


@dataclass(frozen=True, slots=True)
class Span:
    """A name in an article, before it is known whose: `headline[start:end]` or `text[start:end]`."""

    field: Field
    start: int
    end: int
    surface: str
    label: Label
    confidence: float

    @property
    def place(self) -> tuple[int, int]:
        """Reading order: the headline first."""
        return (0 if self.field == "headline" else 1, self.start)


@dataclass(frozen=True, slots=True)
class Article:
    """What is read: one headline, and paragraphs joined by newlines."""

    headline: str
    text: str

    def of(self, field: Field) -> str:
        """The text of `field`."""
        return self.headline if field == "headline" else self.text


def paragraphs(article: Article) -> list[tuple[Field, int, str]]:
    """(field, offset in it, paragraph) in reading order; blank ones are left out."""
    found: list[tuple[Field, int, str]] = []
    for field in ("headline", "text"):
        offset = 0
        for line in article.of(field).split("\n"):
            if line.strip():
                found.append((field, offset, line))
            offset += len(line) + 1
    return found
