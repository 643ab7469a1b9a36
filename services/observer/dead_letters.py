"""What lies on the dead-letters topics, by service and reason."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from services.observer.stages import Place


@dataclass
class Shelf:
    """The dead letters of one service that its topic still holds."""

    _letters: dict[Place, deque[tuple[int, str, float]]] = field(
        default_factory=dict[Place, "deque[tuple[int, str, float]]"]
    )

    def add(self, place: Place, offset: int, reason: str, at: float) -> None:
        """A dead letter lies at `offset` of `place` since `at`, Unix time."""
        self._letters.setdefault(place, deque()).append((offset, reason, at))

    def forget_before(self, place: Place, offset: int) -> None:
        """Retention took everything before `offset`."""
        letters = self._letters.get(place)
        while letters and letters[0][0] < offset:
            letters.popleft()

    def depth(self) -> dict[str, int]:
        """How many there are, by reason."""
        counts: dict[str, int] = {}
        for letters in self._letters.values():
            for _, reason, _ in letters:
                counts[reason] = counts.get(reason, 0) + 1
        return counts

    def newest(self) -> dict[str, float]:
        """When the newest of each reason was written, Unix time."""
        newest: dict[str, float] = {}
        for letters in self._letters.values():
            for _, reason, at in letters:
                newest[reason] = max(at, newest.get(reason, 0.0))
        return newest
