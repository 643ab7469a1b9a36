"""Strict span scores, for training and for the quality command: a span counts when both ends and the label agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

Span = tuple[int, int, str]


def joined(tokens: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """A text made of `tokens`, and where each lies in it. "did n't" is printed didn't, as running text has it."""
    text = ""
    offsets: list[tuple[int, int]] = []
    for token in tokens:
        if text and token != "n't":
            text += " "
        offsets.append((len(text), len(text) + len(token)))
        text += token
    return text, offsets


def gold_spans(offsets: list[tuple[int, int]], tags: list[str]) -> set[Span]:
    """The annotated spans in character offsets; an I without its B opens a span."""
    found: list[Span] = []
    previous = "O"
    for (start, end), tag in zip(offsets, tags, strict=True):
        if tag[0] == "I" and previous == tag[2:]:
            found[-1] = (found[-1][0], end, tag[2:])
        elif tag != "O":
            found.append((start, end, tag[2:]))
        previous = tag[2:] if tag != "O" else "O"
    return set(found)


@dataclass
class SpanScore:
    """True positives, what was found and what was to be found, per label."""

    right: Counter[str] = field(default_factory=Counter[str])
    found: Counter[str] = field(default_factory=Counter[str])
    wanted: Counter[str] = field(default_factory=Counter[str])

    def add(self, gold: set[Span], got: set[Span], *, masked: bool = False) -> None:
        """Counts one text; `masked`: the set has no MISC, so neither side's counts."""
        if masked:
            gold = {span for span in gold if span[2] != "MISC"}
            got = {span for span in got if span[2] != "MISC"}
        self.right.update(label for _, _, label in gold & got)
        self.found.update(label for _, _, label in got)
        self.wanted.update(label for _, _, label in gold)

    def f1(self, *labels: str) -> float:
        """F1 in [0, 1] over `labels` together (micro); all labels when none is named."""
        chosen = labels or ("PER", "ORG", "LOC", "MISC")
        right = sum(self.right[label] for label in chosen)
        total = sum(self.found[label] + self.wanted[label] for label in chosen)
        return 2 * right / total if total else 0.0

    def __str__(self) -> str:
        parts = " ".join(f"{label} {100 * self.f1(label):5.1f}" for label in ("PER", "ORG", "LOC", "MISC"))
        three = 100 * self.f1("PER", "ORG", "LOC")
        return f"three {three:5.1f}  all {100 * self.f1():5.1f}  {parts}  names {sum(self.wanted.values())}"
