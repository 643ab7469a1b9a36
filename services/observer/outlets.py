"""When each outlet was last seen and how well its pages come out, for the busiest of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

OTHER: Final = "other"
# an outlet's weight is halved in a week: who was busy last month makes room
_HALF_LIFE_SECONDS: Final = 7 * 86400.0
_CANDIDATES_PER_ROW: Final = 20
# Who has a row keeps it against who is hardly busier: two outlets in turn for one row would both lose their counts.
_INCUMBENT: Final = 1.5


@dataclass
class OutletRow:
    """What is known of one label: instants as Unix time, quality as the sum over `articles`."""

    outlet: str
    last_seen: float = 0.0
    articles: int = 0
    quality: float = 0.0


class OutletBoard:
    """At most `most` outlets with a row of their own, the busiest; everything else in the row "other".

    Rows never take over another's counts: an outlet that gets a row starts at zero there, so that rates stay true.
    """

    def __init__(self, most: int = 200) -> None:
        self._most = most
        self._weights: dict[str, tuple[float, float]] = {}
        self._rows: dict[str, OutletRow] = {OTHER: OutletRow(OTHER)}

    def note(self, outlet: str, at: float, quality: float) -> None:
        """An article of `outlet` (its id) was settled at `at`, Unix time, with an extraction quality in [0, 1]."""
        weight, since = self._weights.get(outlet, (0.0, at))
        # time may run backwards between partitions; a weight never grows by it
        self._weights[outlet] = (_decayed(weight, max(0.0, at - since)) + 1.0, max(at, since))
        if outlet not in self._rows and outlet != OTHER and len(self._rows) <= self._most:
            self._rows[outlet] = OutletRow(outlet)
        row = self._rows.get(outlet) or self._rows[OTHER]
        row.last_seen = max(row.last_seen, at)
        row.articles += 1
        row.quality += quality

    def rank(self, now: float) -> None:
        """Give the rows to the busiest outlets, and forget the least busy candidates."""
        ranked = sorted(self._weights, key=lambda outlet: (-self._claim(outlet, now), outlet))
        for outlet in ranked[self._most * _CANDIDATES_PER_ROW :]:
            del self._weights[outlet]
        busiest = {outlet for outlet in ranked[: self._most] if outlet != OTHER}
        for outlet in set(self._rows) - busiest - {OTHER}:
            del self._rows[outlet]
        for outlet in busiest - set(self._rows):
            self._rows[outlet] = OutletRow(outlet, last_seen=self._weights[outlet][1])

    @property
    def rows(self) -> list[OutletRow]:
        """The rows, "other" only when it holds something."""
        return [row for row in list(self._rows.values()) if row.outlet != OTHER or row.articles]

    def dump(self) -> str:
        """The board as JSON, for `load` after a restart."""
        return json.dumps({"weights": self._weights, "rows": [asdict(row) for row in self._rows.values()]})

    def load(self, dumped: str) -> None:
        """Take over what `dump` wrote. Raises ValueError for anything else."""
        try:
            data = json.loads(dumped)
            weights = {str(name): (float(pair[0]), float(pair[1])) for name, pair in data["weights"].items()}
            rows = {
                str(row["outlet"]): OutletRow(
                    str(row["outlet"]), float(row["last_seen"]), int(row["articles"]), float(row["quality"])
                )
                for row in data["rows"]
            }
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"not an outlet board: {error!r}") from None
        self._weights = weights
        self._rows = {OTHER: OutletRow(OTHER), **rows}

    def _claim(self, outlet: str, now: float) -> float:
        weight, since = self._weights[outlet]
        return _decayed(weight, max(0.0, now - since)) * (_INCUMBENT if outlet in self._rows else 1.0)


def _decayed(weight: float, seconds: float) -> float:
    return weight * 0.5 ** (seconds / _HALF_LIFE_SECONDS)
