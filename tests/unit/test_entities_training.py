"""What the recognizer is trained on: sentences of our own have their labels where the names are."""

from __future__ import annotations

import random
from typing import Any, cast

from services.entities.encoding import LABELS
from services.entities.training.data import Pools, Sentence, recased, spans, varied
from services.entities.training.synthetic import made


class Marked:
    """Invents names that say what they are."""

    def name(self, kind: str, rng: random.Random) -> str:
        del rng
        return f"Xx{kind.replace('2', 'b')} Yy-Zz"


def test_every_invented_name_is_labelled_and_nothing_else() -> None:
    rng = random.Random(5)
    seen: set[str] = set()
    for _ in range(2000):
        sentence = made(cast("Any", Marked()), rng)
        found = spans(sentence.labels)
        assert [" ".join(sentence.words[a:b]).endswith("Yy - Zz") for a, b, _ in found] == [True] * len(found)
        assert sentence.words.count("Yy") == len(found)
        assert "{" not in " ".join(sentence.words)
        seen.update(label for *_, label in found)
    assert seen == {"PER", "ORG", "LOC", "MISC"}


def test_a_swapped_name_keeps_its_label_and_its_neighbours() -> None:
    words = ("Ann", "Lee", "met", "Bo", "Ek", "in", "Oslo", ".")
    labels = tuple(LABELS.index(name) for name in ("B-PER", "I-PER", "O", "B-PER", "I-PER", "O", "B-LOC", "O"))
    sentence = Sentence("own", words, labels)
    pools = Pools([sentence], lambda label, length, rng: f"New {label.title()}" if label != "ORG" else None)
    rng = random.Random(2)
    outcomes = {varied(sentence, rng, pools) for _ in range(400)}
    assert any("New" in item.words for item in outcomes)
    for item in outcomes:
        assert [label for *_, label in spans(item.labels)] == ["PER", "PER", "LOC"]
        plain = tuple(w.casefold() for w, label in zip(item.words, item.labels, strict=True) if label == 0)
        assert plain == ("met", "in", ".")


def test_recased_words_keep_their_number_and_their_letters() -> None:
    words = ("The", "mayor", "of", "São", "Paulo", "met", "NATO")
    seen = {recased(words, random.Random(seed)) for seed in range(200)}
    assert seen == {
        words,
        ("THE", "MAYOR", "OF", "SÃO", "PAULO", "MET", "NATO"),
        ("The", "Mayor", "of", "São", "Paulo", "Met", "NATO"),
    }
