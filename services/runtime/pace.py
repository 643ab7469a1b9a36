"""How many records a batch takes: found while working, by how long the last ones took."""

from __future__ import annotations

from typing import Final

FIRST_RECORDS: Final = 32
"""The first batch's records; a worker's first records after an assignment run singly, as many of each partition."""

# A batch's last sends are waited for (5 to 15 ms), so a batch should last many times that; its records come again when
# its worker is killed, so no longer than a part of the commit interval, after which others come again too. With batches
# of 32 a service that does nothing waited half its time: 6,500 against 10,000 to 12,000 records/s of 4 KB.
_BATCH_SECONDS: Final = 0.1


class Pace:
    """`records` is how many the next batch takes, so that it lasts about a tenth of a second; at most `most`."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self.records = min(FIRST_RECORDS, most)

    def note(self, records: int, seconds: float) -> None:
        """A batch of `records` took `seconds`: move towards what fits, to half or double at most.

        A single record tells nothing where more may be had: it waited for its sends alone.
        """
        if records == 1 < self.records:
            return
        fitting = int(records * _BATCH_SECONDS / max(seconds, 1e-6))
        self.records = max(1, min(self._most, 2 * self.records, max(self.records // 2, fitting)))
