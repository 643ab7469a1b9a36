"""From label scores to spans: the best label sequence that is well-formed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.entities.encoding import LABELS

_LABELS: Final = len(LABELS)


def _forbidden() -> NDArray[np.float32]:
    """[from, to]: -inf where `to` is an I that `from` does not lead to."""
    table = np.zeros((_LABELS, _LABELS), dtype=np.float32)
    for j, after in enumerate(LABELS):
        if after[0] == "I":
            for i, before in enumerate(LABELS):
                if before == "O" or before[2:] != after[2:]:
                    table[i, j] = -np.inf
    return table


_TRANSITIONS: Final = _forbidden()
_START: Final = _TRANSITIONS[0]


def best_path(logs: NDArray[np.float32]) -> list[tuple[int, int, str]]:
    """(first word, end word, label) of the likeliest well-formed sequence; `logs` [words, labels]: log probabilities.

    Viterbi, "Error bounds for convolutional codes", 1967, with transitions that only forbid an I without its B.
    """
    if not len(logs):
        return []
    raw = logs.argmax(axis=1)
    if not raw.any():  # most windows of a long article name nothing: no search needed
        return []
    score = logs[0] + _START
    back = np.zeros((len(logs), _LABELS), dtype=np.int8)
    for t in range(1, len(logs)):
        candidates = score[:, None] + _TRANSITIONS
        back[t] = candidates.argmax(axis=0)
        score = candidates.max(axis=0) + logs[t]
    state = int(score.argmax())
    path = [state]
    for t in range(len(logs) - 1, 0, -1):
        state = int(back[t, state])
        path.append(state)
    path.reverse()
    return spans_of(path)


def spans_of(path: list[int]) -> list[tuple[int, int, str]]:
    """(first word, end word, label) in a well-formed sequence of label ids."""
    found: list[tuple[int, int, str]] = []
    for i, state in enumerate(path):
        label = LABELS[state]
        if label[0] == "B":
            found.append((i, i + 1, label[2:]))
        elif label[0] == "I":
            start, _, kind = found[-1]
            found[-1] = (start, i + 1, kind)
    return found
