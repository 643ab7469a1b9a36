"""Conservation: each record that a service acknowledged has an outcome on a topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.observer.stages import Place


@dataclass(frozen=True)
class Settled:
    """What one look brought: how many records were checked, by outcome, and those that had none, as (place, offset)."""

    outcomes: Mapping[str, int]
    missing: tuple[tuple[Place, int], ...]


class Ledger:
    """The input of one service between two marks: what was acknowledged, and what was found of it.

    A service settles a record's outcome before it commits its offset, so whoever reads the committed offsets first and
    the outcome topics to their ends afterwards has seen the outcome of every record below them; what then has none is
    lost. Offsets below the first mark are not judged. Memory holds the offsets between commit and the last outcome.
    """

    def __init__(self) -> None:
        self._mark: dict[Place, int] = {}
        self._found: dict[Place, dict[int, str]] = {}

    def begin(self, committed: Mapping[Place, int | None], beginning: Mapping[Place, int]) -> None:
        """Judge each new partition from its committed offset on; from `beginning` where nothing is committed."""
        for place, offset in committed.items():
            if place not in self._mark:
                self._mark[place] = offset if offset is not None else beginning[place]
                self._found[place] = {}

    def note(self, place: Place, offset: int, outcome: str) -> None:
        """An outcome of a record was found. Redelivered and repeated outcomes count once, as what was found first."""
        if offset >= self._mark.get(place, 0):
            self._found.setdefault(place, {}).setdefault(offset, outcome)

    def settle(self, committed: Mapping[Place, int | None]) -> Settled:
        """Judge everything below `committed`, which was read before the outcomes noted since, and move the marks."""
        outcomes: dict[str, int] = {}
        missing: list[tuple[Place, int]] = []
        for place, offset in committed.items():
            if offset is None:
                continue
            found = self._found.setdefault(place, {})
            for each in range(self._mark.get(place, 0), offset):
                outcome = found.pop(each, None)
                if outcome is None:
                    missing.append((place, each))
                else:
                    outcomes[outcome] = outcomes.get(outcome, 0) + 1
            self._mark[place] = max(offset, self._mark.get(place, 0))
        return Settled(outcomes, tuple(missing))
