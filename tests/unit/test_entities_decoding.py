"""The best label sequence is well-formed, and really the best."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.entities.decoding import best_path, spans_of
from services.entities.encoding import LABELS


def _is_well_formed(path: tuple[int, ...]) -> bool:
    previous = "O"
    for state in path:
        label = LABELS[state]
        if label[0] == "I" and previous[2:] != label[2:]:
            return False
        previous = label
    return True


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_no_well_formed_sequence_is_likelier_than_the_one_found(seed: int, length: int) -> None:
    logs = np.random.default_rng(seed).normal(size=(length, len(LABELS))).astype(np.float32)
    best = max(
        (p for p in itertools.product(range(len(LABELS)), repeat=length) if _is_well_formed(p)),
        key=lambda p: sum(float(logs[i, s]) for i, s in enumerate(p)),
    )
    assert best_path(logs) == spans_of(list(best))


def test_nothing_is_found_in_nothing() -> None:
    assert best_path(np.zeros((0, len(LABELS)), dtype=np.float32)) == []


def test_two_names_side_by_side_stay_two() -> None:
    b, i = LABELS.index("B-LOC"), LABELS.index("I-LOC")
    assert spans_of([b, i, b, 0]) == [(0, 2, "LOC"), (2, 3, "LOC")]
