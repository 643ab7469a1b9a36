"""`newsloom top`: the observer's figures in a terminal, for who has no Grafana at hand."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from prometheus_client import REGISTRY
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.table import Table

from schemas.dead_letters import DEAD_LETTER_REASONS
from schemas.topics import EVENT_TOPICS
from services.commands import console
from services.observer.audit import Audit
from services.observer.stages import Stage, stages
from services.observer.watch import look_at_kafka
from services.runtime import clock
from services.runtime.errors import DependencyError
from services.runtime.settings import RuntimeSettings

_OUTLETS: Final = 10
_OUTCOMES: Final = ("emitted", "discarded", "dead_lettered", "missing")
_HEADERS: Final = {"dead_lettered": "dead-lettered"}


@dataclass(frozen=True)
class ServiceRow:
    """A service: workers in its group, unread records and the age of the oldest, records acknowledged a second and by
    outcome since `top` started, dead letters kept."""

    service: str
    workers: int
    lag_records: int
    lag_seconds: float
    records_per_second: float
    outcomes: dict[str, int]
    dead_letters: int


@dataclass(frozen=True)
class TopicRow:
    """A topic: records written a second, and how many it holds."""

    topic: str
    records_per_second: float
    records: int


@dataclass(frozen=True)
class OutletRow:
    """An outlet: articles since five minutes before `top` started, seconds since the last, mean quality in [0, 1]."""

    outlet: str
    articles: int
    silent_seconds: float
    quality: float


@dataclass(frozen=True)
class Picture:
    """What one look showed. `gap` counts acknowledged records without an outcome."""

    at: str
    gap: int
    services: tuple[ServiceRow, ...]
    topics: tuple[TopicRow, ...]
    outlets: tuple[OutletRow, ...]


def pictures(settings: RuntimeSettings, *, interval_seconds: float) -> Iterator[Picture]:
    """One picture each interval, the first after one interval, for ever.

    Raises ConfigurationError for missing topics and DependencyError when Kafka does not answer at the first look;
    later it is asked again.
    """
    suite = stages(settings.raw_topics)
    audit = Audit(settings, suite, window_seconds=3600.0, outlets=_OUTLETS, alive=lambda: None, keeps_board=False)
    before = _look(settings, suite, audit)
    while True:
        time.sleep(interval_seconds)
        try:
            after = _look(settings, suite, audit)
        except DependencyError as error:
            console.say(str(error))
            continue
        yield _picture(suite, audit, before, after)
        before = after


_Counts = tuple[float, dict[str, float]]


def _look(settings: RuntimeSettings, suite: tuple[Stage, ...], audit: Audit) -> _Counts:
    look_at_kafka(settings, suite)
    audit.look()
    counts = {topic.name: _value("newsloom_topic_end_offset_records", topic=topic.name) for topic in EVENT_TOPICS}
    for stage in suite:
        counts[stage.service] = sum(_outcomes(stage.service).values())
    return clock.seconds(), counts


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _outcomes(service: str) -> dict[str, int]:
    return {
        outcome: int(_value("newsloom_audited_records_total", service=service, outcome=outcome))
        for outcome in _OUTCOMES
    }


def _picture(suite: tuple[Stage, ...], audit: Audit, before: _Counts, after: _Counts) -> Picture:
    seconds = max(after[0] - before[0], 1e-3)

    def rate(name: str) -> float:
        # a topic that was made anew, or a first look, has no rate
        return max(0.0, after[1][name] - before[1][name]) / seconds

    now = clock.now()
    samples = [sample for family in REGISTRY.collect() for sample in family.samples]
    lag = {
        stage.service: sum(
            sample.value
            for sample in samples
            if sample.name == "newsloom_consumer_lag_records" and sample.labels["service"] == stage.service
        )
        for stage in suite
    }
    return Picture(
        at=now.isoformat(timespec="seconds"),
        gap=int(sum(_value("newsloom_conservation_gap_records", service=stage.service) for stage in suite)),
        services=tuple(
            ServiceRow(
                stage.service,
                int(_value("newsloom_group_members", service=stage.service)),
                int(lag[stage.service]),
                max(
                    _value("newsloom_consumer_lag_seconds", service=stage.service, topic=name) for name in stage.inputs
                ),
                rate(stage.service),
                _outcomes(stage.service),
                sum(
                    int(_value("newsloom_dead_letter_depth_records", service=stage.service, reason=reason))
                    for reason in DEAD_LETTER_REASONS
                ),
            )
            for stage in suite
        ),
        topics=tuple(
            TopicRow(topic.name, rate(topic.name), int(_value("newsloom_topic_records", topic=topic.name)))
            for topic in EVENT_TOPICS
        ),
        outlets=tuple(
            OutletRow(row.outlet, row.articles, now.timestamp() - row.last_seen, row.quality / max(1, row.articles))
            for row in sorted(audit.board.rows, key=lambda row: (-row.articles, row.outlet))
        ),
    )


def show(settings: RuntimeSettings, *, interval_seconds: float, count: int | None, as_json: bool) -> None:
    """Show pictures until Ctrl-C, or `count` of them: a screen that stays for a person, a JSON line each for a pipe."""
    source = itertools.islice(pictures(settings, interval_seconds=interval_seconds), count)
    if as_json or not console.is_terminal():
        for picture in source:
            console.print_json(asdict(picture))
        return
    with Live(console=console.out, screen=count is None, auto_refresh=False) as live:
        for picture in source:
            live.update(render(picture), refresh=True)


def render(picture: Picture) -> Group:
    """The picture as tables."""
    topics = _table("Topics", "topic", "records/s", "records")
    for topic in picture.topics:
        topics.add_row(topic.topic, f"{topic.records_per_second:.1f}", str(topic.records))
    outlets = _table(
        "Busiest outlets, from 5 minutes before `top` started", "outlet", "articles", "silent for", "quality"
    )
    for outlet in picture.outlets:
        outlets.add_row(
            console.text(outlet.outlet),
            str(outlet.articles),
            console.age(outlet.silent_seconds),
            f"{outlet.quality:.0%}",
        )
    verdict = (
        "every acknowledged record has its outcome" if not picture.gap else f"{picture.gap} records WITHOUT outcome"
    )
    head = console.text(f"newsloom {picture.at}: {verdict}; Ctrl-C ends", "red" if picture.gap else "dim")
    return Group(head, _Services(picture.services), topics, outlets)


@dataclass(frozen=True)
class _Services:
    """The services as one table where it has room, else as two: a header cut short says nothing."""

    rows: tuple[ServiceRow, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole, *halves = _service_tables(self.rows)
        # measured with all the room there is: else the answer is what it would shrink to
        room = console.measure(whole, options=options.update(width=1000)).maximum
        yield from (whole,) if room <= options.max_width else halves


def _service_tables(rows: tuple[ServiceRow, ...]) -> tuple[Table, Table, Table]:
    """The services in one table, and in two."""
    reading = ("workers", "unread", "oldest unread", "records/s")
    outcomes = (*(_HEADERS.get(outcome, outcome) for outcome in _OUTCOMES), "dead letters\nkept")
    whole = _table("Services, with outcomes since `top` started", "service", *reading, *outcomes)
    first = _table("Services", "service", *reading)
    second = _table("Outcomes since `top` started, and dead letters kept", "service", *outcomes)
    for row in rows:
        name = console.text(row.service)
        read = (
            console.text(row.workers, "red" if row.workers == 0 else ""),
            console.text(row.lag_records),
            console.text(console.age(row.lag_seconds), "red" if row.lag_seconds > 300 else ""),
            console.text(f"{row.records_per_second:.1f}"),
        )
        settled = (
            *(console.text(row.outcomes[outcome]) for outcome in _OUTCOMES),
            console.text(row.dead_letters, "yellow" if row.dead_letters else ""),
        )
        whole.add_row(name, *read, *settled)
        first.add_row(name, *read)
        second.add_row(name, *settled)
    return whole, first, second


def _table(title: str, first: str, *rest: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column(first, overflow="fold")
    for column in rest:
        table.add_column(column, justify="right", no_wrap=True)
    return table
