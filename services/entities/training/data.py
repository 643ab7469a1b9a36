"""The annotated sets as word and label sequences, each set's labels read for what they mean.

Sentences of one set are read in file order, so that neighbours can be joined into paragraphs. Every fifth sentence,
chosen by a hash of its words, is held back for scores.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from services.entities.encoding import LABELS, words

IGNORED: Final = -100
"""No label is trained or scored here."""
O_OR_MISC: Final = 100
"""The set does not annotate MISC: this word may be O or MISC, and is surely no other."""

LABEL_IDS: Final = {label: i for i, label in enumerate(LABELS)}

# Where nationalities, events and the like are left untagged: a capitalised O may be what others call MISC.
_WITHOUT_MISC: Final = ("uner_ewt", "wnut17")
# MISC there also covers genres, algorithms and chemicals in lower case, which no news reader would call a name.
_WIDE_MISC: Final = ("crossner_ai", "crossner_science", "crossner_music", "crossner_literature")
# Labels made by a program and reviewed in part, for research only: never trained on, the text may be relabelled.
_TEXT_ONLY: Final = ("gmb",)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words and, for each, a label id, `IGNORED` or `O_OR_MISC`."""

    source: str
    words: tuple[str, ...]
    labels: tuple[int, ...]


def is_held_back(tokens: list[str]) -> bool:
    """Whether a sentence of these tokens is kept for scores: one in five, the same on every machine."""
    return hashlib.sha256(" ".join(tokens).encode()).digest()[0] % 5 == 0


def raw_sentences(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """(set, tokens, tags) of every sentence in `annotated.jsonl.gz`."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = cast("dict[str, Any]", json.loads(line))
            yield row["src"], row["tokens"], row["tags"]


def sentence(source: str, tokens: list[str], tags: list[str]) -> Sentence:
    """One annotated sentence in our words and labels."""
    out_words: list[str] = []
    out_labels: list[int] = []
    open_label = "O"
    wide = source.startswith(_WIDE_MISC)
    masked = source.startswith(_WITHOUT_MISC)
    ignoring = False
    for position, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        if tag[0] == "I" and open_label != tag[2:]:
            tag = "B-" + tag[2:]
        open_label = tag[2:]
        if tag[0] != "I":
            ignoring = wide and tag == "B-MISC" and not token[0].isupper() and not token[0].isdigit()
        if token == "n't" and out_words and position and tag == "O" and out_labels[-1] == 0:
            # running text has "didn't": the words are didn ' t
            out_words[-1] += "n"
            token = "'t"
        for i, word in enumerate(words(token)):
            label = LABEL_IDS["I" + tag[1:] if i and tag[0] == "B" else tag]
            if ignoring:
                label = IGNORED
            elif masked and label == 0 and word.text[0].isupper():
                label = O_OR_MISC
            out_words.append(word.text)
            out_labels.append(label)
    return Sentence(source, tuple(out_words), tuple(out_labels))


def training_sentences(path: Path) -> list[Sentence]:
    """What may be trained on, in file order, without what is held back and without research-only labels."""
    return [
        sentence(source, tokens, tags)
        for source, tokens, tags in raw_sentences(path)
        if not source.startswith(_TEXT_ONLY) and not is_held_back(tokens)
    ]


def held_back(path: Path) -> list[tuple[str, list[str], list[str]]]:
    """(set, tokens, tags) kept for scores; the sets without their -train and -dev endings."""
    return [
        (source.rsplit("-", 1)[0], tokens, tags)
        for source, tokens, tags in raw_sentences(path)
        if not source.startswith(_TEXT_ONLY) and is_held_back(tokens)
    ]


class Pools:
    """Names seen in the training sentences, for swapping one name for another of its label.

    `invented` gives a name of a label and about so many words that need not have been seen; None for none.
    """

    def __init__(
        self, sentences: list[Sentence], invented: Callable[[str, int, random.Random], str | None] | None = None
    ) -> None:
        self._invented = invented
        self.names: dict[str, list[tuple[str, ...]]] = {"PER": [], "ORG": [], "LOC": []}
        for item in sentences:
            for start, end, label in spans(item.labels):
                name = item.words[start:end]
                if label in self.names and 1 <= len(name) <= 5 and item.words[start][0].isupper():
                    self.names[label].append(name)

    def draw(self, label: str, length: int, rng: random.Random) -> tuple[str, ...] | None:
        """Another name's words half of the time, else None; invented two times of three where names are invented."""
        if not self.names.get(label) or rng.random() >= 0.5:
            return None
        if self._invented is not None and rng.random() < 0.67:
            text = self._invented(label, length, rng)
            if text is not None:
                return tuple(word.text for word in words(text))
        return rng.choice(self.names[label])


def spans(labels: tuple[int, ...]) -> list[tuple[int, int, str]]:
    """(first word, end word, label) of every annotated name."""
    found: list[tuple[int, int, str]] = []
    for i, label in enumerate(labels):
        name = LABELS[label] if 0 <= label < len(LABELS) else "O"
        if name[0] == "B":
            found.append((i, i + 1, name[2:]))
        elif name[0] == "I" and found and found[-1][1] == i:
            found[-1] = (found[-1][0], i + 1, found[-1][2])
    return found


def varied(item: Sentence, rng: random.Random, pools: Pools) -> Sentence:
    """`item` as another newsroom might print it: names swapped now and then, and sometimes a headline's capitals."""
    if rng.random() < 0.25:
        item = _swapped(item, rng, pools)
    return Sentence(item.source, recased(item.words, rng), item.labels)


def recased(words: tuple[str, ...], rng: random.Random) -> tuple[str, ...]:
    """The words, now and then in the capitals or the title case of a headline."""
    dice = rng.random()
    if dice < 0.06:
        return tuple(word.upper() for word in words)
    if dice < 0.13:
        return tuple(_title(word, i) for i, word in enumerate(words))
    return words


def _title(word: str, position: int) -> str:
    small = word in ("a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "by", "s", "t", "with", "as")
    return word if small and position else word[0].upper() + word[1:]


def _swapped(item: Sentence, rng: random.Random, pools: Pools) -> Sentence:
    out_words: list[str] = []
    out_labels: list[int] = []
    last = 0
    for start, end, label in spans(item.labels):
        out_words.extend(item.words[last:start])
        out_labels.extend(item.labels[last:start])
        name = pools.draw(label, end - start, rng)
        if name:
            out_words.extend(name)
            out_labels.extend([LABEL_IDS["B-" + label]] + [LABEL_IDS["I-" + label]] * (len(name) - 1))
        else:
            out_words.extend(item.words[start:end])
            out_labels.extend(item.labels[start:end])
        last = end
    out_words.extend(item.words[last:])
    out_labels.extend(item.labels[last:])
    return Sentence(item.source, tuple(out_words), tuple(out_labels))


def paragraphs(sentences: list[Sentence], rng: random.Random, *, max_words: int) -> list[Sentence]:
    """The sentences, neighbours of one set joined at random into paragraphs of at most `max_words` words."""
    joined: list[Sentence] = []
    i = 0
    while i < len(sentences):
        wanted = rng.choice((1, 1, 1, 2, 3, 4))
        group = [sentences[i]]
        i += 1
        while i < len(sentences) and len(group) < wanted and sentences[i].source == group[0].source:
            if sum(len(s.words) for s in group) + len(sentences[i].words) > max_words:
                break
            group.append(sentences[i])
            i += 1
        joined.append(
            Sentence(
                group[0].source,
                tuple(w for s in group for w in s.words)[:max_words],
                tuple(x for s in group for x in s.labels)[:max_words],
            )
        )
    return joined
