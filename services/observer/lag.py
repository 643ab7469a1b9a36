"""How far a consumer group is behind: arithmetic on offsets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.observer.stages import Place


@dataclass(frozen=True)
class PartitionLag:
    """Records of a partition that a group has not acknowledged, and the offset of the first of them."""

    records: int
    next_offset: int


def partition_lags(
    committed: Mapping[Place, int | None], beginning: Mapping[Place, int], end: Mapping[Place, int]
) -> dict[Place, PartitionLag]:
    """What is left to read in each partition of `end`.

    A group that has committed nothing has everything that the log holds before it; what retention took away before it
    was read is no longer lag.
    """
    lags: dict[Place, PartitionLag] = {}
    for place, last in end.items():
        done = committed.get(place)
        first = max(beginning[place], done) if done is not None else beginning[place]
        lags[place] = PartitionLag(max(0, last - first), first)
    return lags
