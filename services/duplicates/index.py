"""The index that all workers share, as the service sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.duplicates.check import Leading


@dataclass(frozen=True)
class Arrival:
    """An article version on its way into the index. Keys are 32 hex digits; `text` is empty where none is kept."""

    article_key: str
    version_key: str
    owner: str
    fetched_ms: int
    sketch: Leading
    record: bytes
    text: bytes


@dataclass(frozen=True)
class Candidate:
    """A stored version with a lower arrival number that shares `hits` sketch hashes. `text` is None past the cap.

    Numbers are compared over all shards.
    """

    number: int
    hits: int
    record: bytes
    text: bytes | None


@dataclass(frozen=True)
class Found:
    """The version is in the index under `number`. `previous` is the version that was the article's latest before it.

    `is_again`: the same record brought it before, and its settlement may be stored.
    """

    number: int
    previous: bytes | None
    candidates: tuple[Candidate, ...]
    is_again: bool = False


@dataclass(frozen=True)
class KnownVersion:
    """Another record brought the same version of the article before."""


@dataclass(frozen=True)
class WithdrawnVersion:
    """The article was withdrawn after this version was fetched."""


@dataclass(frozen=True)
class Joined:
    """A member that came into the cluster with a settlement, or was in it and has a new version (`is_update`).

    `ref` is its ArticleRef as `stored.ref_json` writes it.
    """

    ref: str
    is_sighting: bool
    is_update: bool


@dataclass(frozen=True)
class Settled:
    """What was stored for a version, the first time it was settled; the same ever after.

    `cluster_id` is None for an article in no cluster; `earliest` is an ArticleRef in the same form.
    """

    payload: bytes
    is_same_matches: bool
    previous_alert_id: str | None
    cluster_id: str | None
    size: int
    outlets: int
    earliest_reason: str
    earliest: str
    merged: tuple[str, ...]
    joined: tuple[Joined, ...]


@dataclass(frozen=True)
class Gone:
    """The article was withdrawn between its insertion and its settlement."""


@dataclass(frozen=True)
class Member:
    """An article as a cluster keeps it. `number` is its arrival's, `score` orders members by publication, in ms."""

    article_key: str
    number: int
    fetched_ms: int
    outlet_id: str
    is_counted: bool
    score: int
    reason: str
    is_sighting: bool
    ref: str


@dataclass(frozen=True)
class Settlement:
    """What is to become of an inserted version.

    `payload` is kept for redeliveries; `tokens` name the outlets matched and how (empty: no alert); `links` join
    their clusters with the article's; `needs_cluster` makes one of the article alone when there is none.
    """

    version_key: str
    owner: str
    member: Member
    payload: bytes
    alert_id: str
    tokens: tuple[str, ...]
    links: tuple[Member, ...]
    needs_cluster: bool


@dataclass(frozen=True)
class Recall:
    """What was stored for a version that came again, whatever is found for it now."""

    article_key: str
    version_key: str
    owner: str


@dataclass(frozen=True)
class Removed:
    """A withdrawn article is out of the index. `cluster_id` is None when it was in no cluster; size 0: none is left."""

    cluster_id: str | None
    size: int
    outlets: int
    earliest_reason: str
    earliest: str


AddReply = Found | KnownVersion | WithdrawnVersion
Progress = Mapping[str, int]
"""The offset up to which each partition is indexed, by "topic/partition"."""


class ArticleIndex(Protocol):
    """Inserts, finds and clusters article versions; every method raises DependencyError when the index is away or
    has to be rebuilt first."""

    async def add(self, arrivals: Iterable[Arrival], expected: Progress, progress: Progress) -> list[AddReply]:
        """Insert each arrival in order and find what shares its sketch with a lower number.

        `expected` is what must have been indexed before, `progress` what will have been once these are settled. The
        articles of one call are distinct. Again with the same owner: the same search with the same number.
        """
        ...

    async def settle(self, requests: Sequence[Settlement | Recall], progress: Progress) -> list[Settled | Gone | None]:
        """Join clusters and store results, each once, in order; then note how far the index has come.

        None for a recall of what was never settled.
        """
        ...

    async def note(self, progress: Progress) -> None:
        """Note how far the index has come where nothing was to be settled."""
        ...

    async def remove(self, article_key: str, owner: str, withdrawn_ms: int) -> Removed | None:
        """Take an article out, unless a later version is known. None when there was nothing to take out."""
        ...
