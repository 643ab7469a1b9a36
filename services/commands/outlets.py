"""Which outlet stopped, and what became of its pages: read from the topics, for who has no dashboard at hand."""

from __future__ import annotations

import contextlib
import difflib
import heapq
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

from schemas.articles import CleanArticle, outlet_id_of
from schemas.dead_letters import REASON, DiscardedRecord
from schemas.events import InvalidEventError
from schemas.topics import CLEAN_ARTICLES, discards
from services.commands.console import age
from services.commands.records import read_one, source_of
from services.observer.stages import stages
from services.runtime import clock
from services.runtime.errors import SuiteError
from services.runtime.kafka import Admin, read_records
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

# twice the longest silence before, as the alert has it
_TIMES_USUAL: Final = 2.0
# fewer articles have no usual silence
_FEWEST: Final = 4
# pages of an outlet that are asked who published them, and how many records are read on for the next of them
_ASKED: Final = 20
_STRETCH: Final = 100

_Source = tuple[tuple[str, int], int]


@dataclass(frozen=True)
class OutletState:
    """An outlet over the window: articles, when the last one was settled, the longest silence between two of them, and
    the mean extraction quality. `is_silent`: it has been silent for twice its longest silence."""

    outlet: str
    articles: int
    last_at: datetime
    silent_seconds: float
    usual_seconds: float | None
    quality: float

    @property
    def is_silent(self) -> bool:
        """Whether it has been silent for longer than it used to be."""
        return self.usual_seconds is not None and self.silent_seconds > max(60.0, _TIMES_USUAL * self.usual_seconds)

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON."""
        return {
            "outlet": self.outlet,
            "articles": self.articles,
            "last_at": self.last_at.isoformat(timespec="seconds"),
            "silent_seconds": round(self.silent_seconds),
            "usual_seconds": None if self.usual_seconds is None else round(self.usual_seconds),
            "quality": round(self.quality, 3),
            "is_silent": self.is_silent,
        }


@dataclass
class Pages:
    """Pages of one publisher that met one fate: how many, and the newest as topic/partition/offset."""

    publisher: str
    outcome: str
    reason: str
    count: int = 0
    newest: str = ""
    newest_at: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """The pages as JSON."""
        at = self.newest_at.isoformat(timespec="seconds") if self.newest_at else None
        return {
            "publisher": self.publisher,
            "outcome": self.outcome,
            "reason": self.reason,
            "count": self.count,
            "newest": self.newest,
            "newest_at": at,
        }


@dataclass(frozen=True)
class Story:
    """What became of an outlet: its state, the publisher of its last article, its hosts, its pages since then, and who
    published the pages of its last articles, each with how many of them."""

    state: OutletState
    publisher: str
    hosts: tuple[str, ...]
    pages: tuple[Pages, ...]
    publishers: tuple[tuple[str, int], ...] = ()

    def verdict(self) -> str:
        """What that means, and what to do, in a sentence."""
        outlet, ago = self.state.outlet, age(self.state.silent_seconds)
        senders = ", ".join(f"{name or '(unknown)'} {count}" for name, count in self.publishers)
        several = f"; its last pages came from several publishers: {senders}" if len(self.publishers) > 1 else ""
        if self.state.usual_seconds is not None and not self.state.is_silent:
            return (
                f"last article {ago} ago; not silent (usual silence at most {age(self.state.usual_seconds)}){several}"
            )
        if not self.pages:
            came = f"no page of {', '.join(self.hosts) or outlet} came since its last article {ago} ago"
            if self.state.usual_seconds is None:
                few = f"{self.state.articles} article" + "s" * (self.state.articles != 1)
                return f"{came}; {few} in this time are too few to say what is usual{several}"
            if several:
                return f"{came}: none of its publishers fetches it any more (of its last pages, {senders})"
            return f"{came}: its publisher {self.publisher or '(unknown)'} stopped fetching it"
        worst = max(self.pages, key=lambda each: each.count)
        if worst.outcome == "emitted":
            return f"its pages come, and articles of other outlets are taken off them; look at {worst.newest}"
        if worst.outcome == "none yet":
            return "its pages come and wait to be read; look at `newsloom status`"
        if worst.outcome == "dead_lettered":
            return f"its pages come and become dead letters ({worst.reason}); `newsloom dead-letters list cleaner`"
        return (
            f"its pages come and are discarded ({worst.reason}) since its last article {ago} ago; look at one with "
            f"`newsloom record {worst.newest}`"
        )


@dataclass
class _Seen:
    at: array[float] = field(default_factory=lambda: array("d"))
    quality: float = 0.0
    hosts: set[str] = field(default_factory=set[str])
    last: Record | None = None
    # the newest pages it came from, a heap by time
    sources: list[tuple[datetime, _Source]] = field(default_factory=list[tuple[datetime, _Source]])


def look(
    settings: RuntimeSettings,
    *,
    hours: float,
    on_progress: Callable[[str], None] = lambda line: None,
) -> tuple[list[OutletState], dict[str, _Seen]]:
    """Every outlet with an article in the last `hours`: those that stopped first, then by silence."""
    since = clock.now() - timedelta(hours=hours)
    topic = settings.topic_prefix + CLEAN_ARTICLES.name
    with Admin(settings) as admin:
        places = admin.partitions([topic])
        begins, ends = admin.offsets_at(places, since), admin.end_offsets(places)
    seen: dict[str, _Seen] = {}
    with contextlib.closing(read_records(settings, begins, until=ends)) as records:
        for count, record in enumerate(records, start=1):
            if record.value is not None:
                with contextlib.suppress(InvalidEventError):
                    _note(seen, CleanArticle.from_bytes(record.value), record)
            if count % 1000 == 0:
                on_progress(f"{count} articles")
    now = clock.now().timestamp()
    states = [_state(outlet, found, now) for outlet, found in seen.items()]
    return sorted(states, key=lambda each: (not each.is_silent, -each.silent_seconds, each.outlet)), seen


def _note(seen: dict[str, _Seen], article: CleanArticle, record: Record) -> None:
    if article.status != "usable" or not article.outlet.id:
        return
    found = seen.setdefault(article.outlet.id, _Seen())
    found.at.append(record.timestamp.timestamp())
    found.quality += article.extraction.quality
    if host := host_of(article.url):
        found.hosts.add(host)
    if found.last is None or record.timestamp >= found.last.timestamp:
        found.last = record
    if (source := source_of(record, is_letter=False)) is not None:
        heapq.heappush(found.sources, (record.timestamp, source))
        if len(found.sources) > _ASKED:
            heapq.heappop(found.sources)


def _state(outlet: str, found: _Seen, now: float) -> OutletState:
    at = sorted(found.at)
    usual = max(later - earlier for earlier, later in pairwise(at)) if len(at) >= _FEWEST else None
    last = datetime.fromtimestamp(at[-1], tz=clock.now().tzinfo)
    return OutletState(outlet, len(at), last, max(0.0, now - at[-1]), usual, found.quality / len(at))


def story(
    settings: RuntimeSettings,
    outlet: str,
    *,
    hours: float,
    on_progress: Callable[[str], None] = lambda line: None,
) -> Story:
    """What became of the pages of `outlet` (its id or name) since its last article in the last `hours`.

    Its pages are those of the hosts that its articles came from, and those that name it. Raises SuiteError for an
    outlet without an article in that time.
    """
    states, seen = look(settings, hours=hours, on_progress=on_progress)
    wanted = {outlet, outlet_id_of(outlet)}
    [state] = [each for each in states if each.outlet in wanted][:1] or [None]
    if state is None:
        near = nearest(outlet_id_of(outlet), seen)
        raise SuiteError(
            f"no article of {outlet!r} in the last {hours:g} h"
            + (f"; did you mean {' or '.join(near)}?" if near else ";")
            + " `newsloom outlets` lists who has any, --hours looks further back"
        )
    found = seen[state.outlet]
    assert found.last is not None
    source = source_of(found.last, is_letter=False)
    publisher, after = "", found.last.timestamp
    if source is not None:
        with contextlib.suppress(SuiteError):  # retention may have taken the page
            page = read_one(settings, *source)
            # what came while that page waited to be read has come since, too
            publisher, after = _page(page)[2], page.timestamp
    pages: dict[_Source, tuple[Record, str]] = {}
    inputs = [settings.topic_prefix + name for name in stages(settings.raw_topics)[0].inputs]
    for record in _since(settings, inputs, after):
        if ((record.topic, record.partition), record.offset) == source:
            continue
        host, named, of = _page(record)
        if host in found.hosts or (named and outlet_id_of(named) == state.outlet):
            pages[(record.topic, record.partition), record.offset] = record, of
        on_progress(f"{len(pages)} pages")
    publishers = Counter(_publishers(settings, {each for _, each in found.sources}))
    return Story(
        state,
        publisher,
        tuple(sorted(found.hosts)),
        tuple(_by_fate(settings, pages, after, state.outlet)),
        tuple(publishers.most_common()),
    )


def nearest(outlet: str, known: Iterable[str]) -> list[str]:
    """The ids in `known` that `outlet` may have been meant for, at most three, those that contain it first."""
    ids = sorted(known)
    containing = sorted((each for each in ids if outlet and outlet in each), key=len)
    return list(dict.fromkeys([*containing, *difflib.get_close_matches(outlet, ids)]))[:3]


def _publishers(settings: RuntimeSettings, sources: Iterable[_Source]) -> Iterable[str]:
    """Who published the pages at `sources`, those of them that retention has left."""
    wanted = set(sources)
    with Admin(settings) as admin:
        beginning = admin.beginning_offsets({place for place, _ in wanted})
    waiting: list[_Source] = sorted(each for each in wanted if each[1] >= beginning[each[0]])
    while waiting:
        # a stretch of each partition in a round: between two pages of an outlet may lie thousands of others
        begins: dict[tuple[str, int], int] = dict(reversed(waiting))
        stretch = [each for each in waiting if each[1] < begins[each[0]] + _STRETCH]
        until = {place: offset + 1 for place, offset in stretch}
        with contextlib.closing(read_records(settings, begins, until=until)) as records:
            for record in records:
                if ((record.topic, record.partition), record.offset) in wanted:
                    yield _page(record)[2]
        waiting = sorted(set(waiting).difference(stretch))


def _by_fate(
    settings: RuntimeSettings,
    pages: dict[_Source, tuple[Record, str]],
    after: datetime,
    outlet: str,
) -> Iterable[Pages]:
    """The pages by what became of them, but for those that gave an article of `outlet`: of pages written together any
    may have given its last one."""
    cleaner = stages(settings.raw_topics)[0]
    letters, discarded = settings.topic_prefix + cleaner.dead_letters, settings.topic_prefix + discards("cleaner").name
    outcomes: dict[_Source, tuple[str, str]] = {}
    own: set[_Source] = set()
    topics = [settings.topic_prefix + name for name in cleaner.outcomes] if pages else []
    for record in _since(settings, topics, after):
        source = source_of(record, is_letter=record.topic == letters)
        if source is None or source not in pages:
            continue
        if record.topic == letters:
            outcomes[source] = "dead_lettered", dict(record.headers).get(REASON, b"").decode(errors="replace")
        elif record.topic == discarded:
            with contextlib.suppress(InvalidEventError):
                outcomes[source] = "discarded", DiscardedRecord.from_bytes(record.value or b"").reason
        elif _outlet_of(record) == outlet:
            own.add(source)
        else:
            outcomes[source] = "emitted", ""
    grouped: dict[tuple[str, str, str], Pages] = {}
    for source, (record, publisher) in pages.items():
        if source in own:
            continue
        outcome, reason = outcomes.get(source, ("none yet", ""))
        each = grouped.setdefault((publisher, outcome, reason), Pages(publisher, outcome, reason))
        each.count += 1
        if each.newest_at is None or record.timestamp >= each.newest_at:
            each.newest, each.newest_at = record.coordinates, record.timestamp
    return sorted(grouped.values(), key=lambda each: -each.count)


def _outlet_of(record: Record) -> str:
    with contextlib.suppress(InvalidEventError):
        return CleanArticle.from_bytes(record.value or b"").outlet.id
    return ""


def _since(settings: RuntimeSettings, topics: Iterable[str], at: datetime) -> Iterable[Record]:
    if not (names := list(topics)):
        return
    with Admin(settings) as admin:
        places = admin.partitions(names)
        begins, ends = admin.offsets_at(places, at), admin.end_offsets(places)
    with contextlib.closing(read_records(settings, begins, until=ends)) as records:
        yield from records


def _page(record: Record) -> tuple[str, str, str]:
    """Host, named outlet and publisher of a raw record, "" for what it does not say: it may be anything."""
    try:
        data = json.loads(record.value or b"null")
    except ValueError:
        return "", "", ""
    if not isinstance(data, dict):
        return "", "", ""
    fields: dict[str, Any] = {str(name): value for name, value in data.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # whatever JSON holds
    publisher: Any = fields.get("publisher")
    name: Any = publisher.get("name") if isinstance(publisher, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    url, outlet = fields.get("url"), fields.get("outlet")
    return (
        host_of(url) if isinstance(url, str) else "",
        outlet if isinstance(outlet, str) else "",
        name if isinstance(name, str) else "",
    )


def host_of(url: str | None) -> str:
    """The host of an address, without www; "" where there is none."""
    try:
        host = urlsplit(url or "").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")
