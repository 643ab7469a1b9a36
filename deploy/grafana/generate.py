"""Grafana's dashboards, as code: `python deploy/grafana/generate.py` writes dashboards/*.json.

Each dashboard answers one question a row. A query that has nothing to say while all is well is marked `quiet`; every
other one must return data from a running suite, which tests/integration/test_deploy_observed.py asks of a real
Prometheus. Generated files are committed; a test fails when they are stale.
"""

# ruff: noqa: E501  (a query or a description is one line, so that it can be searched for and copied)

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = models.DataSourceRef(type_val="prometheus", uid="newsloom-prometheus")
GREEN, YELLOW, RED, GREY = "green", "#EAB839", "red", "#8e8e8e"
PER_SECOND = "suffix: /s"
# What is well is green and what is not is red wherever it is drawn; a service has one colour on every dashboard.
COLOURS = {
    r"emitted": "#73BF69",
    r"discarded": "#8AB8FF",
    r"(.* )?dead_lettered": "#F2495C",
    r"cleaner( 1 h)?": "#5794F2",
    r"entities( 1 h)?": "#FF9830",
    r"duplicates( 1 h)?": "#B877D9",
    r"observer": "#73BF69",
    r"cleaner emitted": "#5794F2",
    r"cleaner discarded": "#8AB8FF",
    r"entities emitted": "#FF9830",
    r"entities discarded": "#FFCB7D",
    r"duplicates emitted": "#B877D9",
    r"duplicates discarded": "#DEB6F2",
    r"exact": "#F2495C",
    r"near": "#FF9830",
    r"excerpt": "#FADE2A",
    r"hit|hits": "#73BF69",
    r"miss": "#8AB8FF",
    r"unavailable": "#F2495C",
}
YES_NO = {"1": ("yes", GREEN), "0": ("no", RED)}


@dataclass(frozen=True)
class Query:
    """One query of a panel. `quiet`: it returns nothing while all is well, or until the service in question runs."""

    expr: str
    legend: str = ""
    quiet: bool = False


@dataclass(frozen=True)
class PanelSpec:
    """A panel to be placed: its builder, its size on Grafana's grid of 24 columns, its queries."""

    builder: Any
    width: int
    height: int
    title: str
    queries: tuple[Query, ...]


def _targets(
    builder: Any, queries: Sequence[Query], *, instant: bool = False, as_table: bool = False, exemplars: bool = False
) -> Any:
    for number, query in enumerate(queries):
        target = prometheus.Dataquery().ref_id(chr(ord("A") + number)).datasource(SOURCE).expr(query.expr)
        if exemplars:
            target.exemplar(True)
        if query.legend:
            target.legend_format(query.legend)
        if instant:
            target.instant()
        else:
            target.range()
        if as_table:
            target.format("table")
        builder.with_target(target)
    return builder


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> Any:
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


def series(
    title: str,
    description: str,
    *queries: Query,
    unit: str = PER_SECOND,
    width: int = 12,
    height: int = 8,
    limit: float | None = None,
    stacked: bool = False,
    most: float | None = None,
    room: float | None = None,
    decimals: int | None = None,
    exemplars: bool = False,
) -> PanelSpec:
    """Lines over time; `limit` draws a red line where it begins to hurt, `room` keeps the axis at least so high.

    `exemplars` shows dots for the slowest records, with their coordinates and trace.
    """
    builder = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .line_width(2 if not stacked else 1)
        .fill_opacity(8 if not stacked else 45)
        .show_points(common_models.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.TABLE)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
    )
    if most is not None:
        builder.max(most)
    if room is not None:
        builder.axis_soft_max(room)
    if decimals is not None:
        builder.decimals(decimals)
    for name, colour in COLOURS.items():
        if any(_may_be(name, query) for query in queries):
            fixed = models.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
            builder.override_by_regexp(f"/^({name})$/", [fixed])
    if stacked:
        builder.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if limit is not None:
        builder.thresholds(_thresholds([(None, GREEN), (limit, RED)]))
        builder.thresholds_style(common.GraphThresholdsStyleConfig().mode(common_models.GraphTresholdsStyleMode.DASHED))
    return PanelSpec(_targets(builder, queries, exemplars=exemplars), width, height, title, queries)


_LABELS = {
    "outcome": ("emitted", "discarded", "dead_lettered"),
    "service": ("cleaner", "entities", "duplicates", "observer"),
    "relation": ("exact", "near", "excerpt"),
    "result": ("hit", "miss", "unavailable"),
}


def _may_be(pattern: str, query: Query) -> bool:
    """Whether a line of `query` can have a name that `pattern` fits: only then an override is written."""
    names = {query.legend}
    for label, values in _LABELS.items():
        names = {name.replace("{{" + label + "}}", value) for name in names for value in values}
    return any(re.fullmatch(pattern, name) for name in names)


def number(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    steps: Sequence[tuple[float | None, str]] = ((None, GREY),),
    width: int = 4,
    height: int = 4,
    decimals: int | None = None,
    nothing: str = "no data yet",
    words: dict[str, tuple[str, str]] | None = None,
    link: tuple[str, str] | None = None,
) -> PanelSpec:
    """The present value, coloured by `steps`; `words` says values as a word in its colour, `link` is where to go on."""
    builder = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .no_value(nothing)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(steps))
    )
    if decimals is not None:
        builder.decimals(decimals)
    if words is not None:
        options = {
            value: models.ValueMappingResult(text=text, color=colour, index=place)
            for place, (value, (text, colour)) in enumerate(words.items())
        }
        builder.mappings([models.ValueMap(options=options)])
    if link is not None:
        builder.links(
            [dashboard.DashboardLink(link[0]).url(link[1]).type(models.DashboardLinkType.LINK).keep_time(True)]
        )
    return PanelSpec(_targets(builder, queries, instant=True), width, height, title, queries)


def bars(
    title: str, description: str, *queries: Query, unit: str = "short", width: int = 12, height: int = 8
) -> PanelSpec:
    """Present values side by side."""
    builder = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .decimals(0)
        .min(0)
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds([(None, "#5794F2")]))
    )
    return PanelSpec(_targets(builder, queries, instant=True), width, height, title, queries)


def heat(
    title: str, description: str, query: Query, *, unit: str = "short", width: int = 12, height: int = 8
) -> PanelSpec:
    """A histogram over time; `unit` is that of what was observed."""
    builder = (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .calculate(False)
        .unit("short")
        .y_axis(heatmap.YAxisConfig().unit(unit))
    )
    target = (
        prometheus.Dataquery()
        .ref_id("A")
        .datasource(SOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .range()
        .format("heatmap")
    )
    builder.with_target(target)
    return PanelSpec(builder, width, height, title, (query,))


def listing(
    title: str,
    description: str,
    *columns: tuple[str, Query, str],
    by: str,
    width: int = 24,
    height: int = 10,
    sort: str | None = None,
    descending: bool = True,
    link: tuple[str, str] | None = None,
    nothing: str = "none",
    red: tuple[str, float, bool] | None = None,
) -> PanelSpec:
    """A table: a row for each value of the labels `by` (commas between), a column for each (name, query, unit).

    `red` names a column, a value, and whether it hurts above that value (True) or below it.
    """
    queries = tuple(query for _, query, _ in columns)
    labels = [label.strip() for label in by.split(",")]
    builder = table.Panel().title(title).description(description).datasource(SOURCE).no_value(nothing)
    _targets(builder, queries, instant=True, as_table=True)
    builder.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    names = {
        f"Value #{chr(ord('A') + place)}" if len(columns) > 1 else "Value": name
        for place, (name, _, _) in enumerate(columns)
    }
    shown = [*labels, *names]
    builder.with_transformation(
        models.DataTransformerConfig(
            id_val="organize",
            options={
                "includeByName": dict.fromkeys(shown, True),
                "excludeByName": {"Time": True},
                "indexByName": {name: place for place, name in enumerate(shown)},
                "renameByName": {**{label: label.replace("_", " ") for label in labels}, **names},
            },
        )
    )
    for name, _, unit in columns:
        properties = [models.DynamicConfigValue(id_val="unit", value=unit)]
        if red is not None and red[0] == name:
            steps = [
                {"value": None, "color": "text" if red[2] else RED},
                {"value": red[1], "color": RED if red[2] else "text"},
            ]
            properties += [
                models.DynamicConfigValue(id_val="thresholds", value={"mode": "absolute", "steps": steps}),
                models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
            ]
        builder.override_by_name(name, properties)
    if link is not None:
        label, url = link
        builder.override_by_name(
            label.replace("_", " "),
            [models.DynamicConfigValue(id_val="links", value=[{"title": "Look closer", "url": url}])],
        )
    if sort is not None:
        builder.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    return PanelSpec(builder, width, height, title, queries)


def words(title: str, content: str, *, width: int = 24, height: int = 3) -> PanelSpec:
    """A panel of text."""
    return PanelSpec(text.Panel().title(title).mode("markdown").content(content), width, height, title, ())


Row = tuple[str, Sequence[PanelSpec]]

DASHBOARDS = (
    ("newsloom-overview", "Overview"),
    ("newsloom-service", "A service"),
    ("newsloom-outlets", "Outlets"),
    ("newsloom-duplicates", "Duplicates"),
    ("newsloom-dead-letters", "Dead letters"),
    ("newsloom-kafka-redis", "Kafka and Redis"),
)


def _dashboard(
    uid: str, description: str, rows: Sequence[Row], variables: Sequence[Any] = (), since: str = "now-6h"
) -> Any:
    builder = (
        dashboard.Dashboard(f"newsloom: {dict(DASHBOARDS)[uid]}")
        .uid(uid)
        .description(description)
        .tags(["newsloom"])
        .time(since, "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .annotation(
            dashboard.AnnotationQuery()
            .name("Release")
            .datasource(SOURCE)
            .expr("count by (version) (newsloom_build_info) unless count by (version) (newsloom_build_info offset 5m)")
            .enable(True)
            .icon_color("purple")
        )
    )
    for other, title in DASHBOARDS:
        if other != uid:
            builder.link(
                dashboard.DashboardLink(title).url(f"/d/{other}").type(models.DashboardLinkType.LINK).keep_time(True)
            )
    for variable in variables:
        builder.with_variable(variable)
    top = 0
    identity = 0
    for title, panels in rows:
        builder.with_row(dashboard.Row(title).grid_pos(models.GridPos(h=1, w=24, x=0, y=top)))
        top += 1
        left, line_height = 0, 0
        for panel in panels:
            if left + panel.width > 24:
                top, left, line_height = top + line_height, 0, 0
            identity += 1
            panel.builder.id(identity).grid_pos(models.GridPos(h=panel.height, w=panel.width, x=left, y=top))
            builder.with_panel(panel.builder)
            left += panel.width
            line_height = max(line_height, panel.height)
        top += line_height
    return builder


def _quantiles(metric: str, by: str, where: str = "", legend: str = "") -> tuple[Query, ...]:
    selector = f"{{{where}}}" if where else ""
    return tuple(
        Query(
            f"histogram_quantile({share}, sum by (le{', ' + by if by else ''}) (rate({metric}_bucket{selector}[$__rate_interval])))",
            f"{legend}{' ' if legend else ''}p{share * 100:g}",
        )
        for share in (0.5, 0.95, 0.99)
    )


def _mean(metric: str, where: str = "") -> Query:
    """The mean of a histogram of whole numbers, between whose first buckets a quantile would be made up."""
    selector = f"{{{where}}}" if where else ""
    window = "[$__rate_interval]"
    return Query(f"sum(rate({metric}_sum{selector}{window})) / sum(rate({metric}_count{selector}{window}))", "mean")


def _grown(metric: str, window: str, where: str = "") -> str:
    """By how much a counter grew. `increase` would miss what a series is born with: an outlet's first article."""
    selector = f"{{{where}}}" if where else ""
    return f"((({metric}{selector} - {metric}{selector} offset {window}) >= 0) or {metric}{selector})"


def _fresh(share: float, by: str, where: str = "") -> str:
    """A quantile of the freshness of pages fetched within a day. The bucket of a day is made the last one, so that
    backfills, which are late by intention, do not hide the rest."""
    selector = ", ".join(part for part in (where, 'le!="+Inf"') if part)
    rates = f"rate(newsloom_freshness_seconds_bucket{{{selector}}}[$__rate_interval])"
    return f'histogram_quantile({share}, sum by (le{by}) (label_replace({rates}, "le", "+Inf", "le", "86400.0")))'


def overview() -> tuple[str, str, Sequence[Row]]:
    bad_above_zero = ((None, GREEN), (1, RED))
    return (
        "newsloom-overview",
        "Is the suite doing its work, in time, and losing nothing?",
        (
            (
                "Is anything wrong?",
                (
                    number(
                        "Alerts firing",
                        "Alerts of this suite that fire now; the runbook has a section for each.",
                        Query('count(ALERTS{suite="newsloom", alertstate="firing"}) or vector(0)'),
                        steps=bad_above_zero,
                    ),
                    number(
                        "In time, last hour",
                        "Share of articles within the objective: 30 s cleaner, 60 s entities, 120 s duplicates. Red under 99 %.",
                        Query("1 - max(service:newsloom_freshness_errors:ratio_rate1h)"),
                        unit="percentunit",
                        decimals=2,
                        steps=((None, RED), (0.99, YELLOW), (0.995, GREEN)),
                    ),
                    number(
                        "Oldest unread record",
                        "Age of the oldest record that a service has not read, the worst service.",
                        Query("max(service:newsloom_lag_seconds:max)"),
                        unit="s",
                        steps=((None, GREEN), (60, YELLOW), (300, RED)),
                        decimals=0,
                        link=("Look closer", "/d/newsloom-kafka-redis"),
                    ),
                    number(
                        "Conservation gap",
                        "Acknowledged records without any outcome. Must be zero.",
                        Query("sum(newsloom_conservation_gap_records)"),
                        steps=bad_above_zero,
                    ),
                    number(
                        "Dead letters, 24 h",
                        "Records that could not be processed in the last day.",
                        Query('sum(increase(newsloom_records_total{outcome="dead_lettered"}[24h]))'),
                        decimals=0,
                        steps=((None, GREEN), (1, YELLOW), (100, RED)),
                        link=("Look closer", "/d/newsloom-dead-letters"),
                    ),
                    number(
                        "Last heartbeat",
                        "Since the newest heartbeat that has come out of every service was sent.",
                        Query("time() - min(newsloom_heartbeat_last_timestamp_seconds)"),
                        unit="s",
                        decimals=0,
                        steps=((None, GREEN), (180, YELLOW), (300, RED)),
                    ),
                    listing(
                        "Which alerts",
                        "Each has a section of its name in deploy/README.md: what it means, where to look, what to do, whom to wake.",
                        (
                            "firing",
                            Query(
                                'count by (alertname, severity, service, outlet) (ALERTS{suite="newsloom", alertstate="firing"})',
                                quiet=True,
                            ),
                            "short",
                        ),
                        by="alertname, severity, service, outlet",
                        height=4,
                        nothing="none fires",
                    ),
                ),
            ),
            (
                "How much goes through? The funnel from raw page to alert",
                (
                    bars(
                        "The last hour",
                        "Records read and events written, by topic, in the order in which an article meets them.",
                        Query('sum(increase(newsloom_records_total{service="cleaner"}[1h]))', "raw pages read"),
                        Query('sum(increase(newsloom_published_total{topic="clean-articles"}[1h]))', "clean articles"),
                        Query('sum(increase(newsloom_published_total{topic="article-entities"}[1h]))', "entity events"),
                        Query('sum(increase(newsloom_records_total{service="duplicates"}[1h]))', "articles compared"),
                        Query(
                            'sum(increase(newsloom_published_total{topic="duplicate-alerts"}[1h]))', "duplicate alerts"
                        ),
                    ),
                    series(
                        "Records by service and outcome",
                        "emitted: led to events; discarded: understood and leads to nothing; dead_lettered: could not be processed.",
                        Query(
                            "sum by (service, outcome) (rate(newsloom_records_total[$__rate_interval]))",
                            "{{service}} {{outcome}}",
                        ),
                    ),
                ),
            ),
            (
                "Is it fresh?",
                (
                    series(
                        "Freshness by service, p95",
                        "From fetched_at to the settled outcome, of pages fetched within a day: backfills are left out, as they are of the objective.",
                        Query(
                            _fresh(0.95, ", service"),
                            "{{service}}",
                        ),
                        unit="s",
                        width=8,
                        exemplars=True,
                    ),
                    series(
                        "Late share, against the objective of 1 %",
                        "Share of the last hour's records later than their objective; the line is the 14.4-fold burn that wakes somebody.",
                        Query("service:newsloom_freshness_errors:ratio_rate1h", "{{service}} 1 h"),
                        Query("service:newsloom_freshness_errors:ratio_rate5m", "{{service}} 5 min"),
                        unit="percentunit",
                        width=8,
                        limit=0.144,
                        room=0.2,
                    ),
                    heat(
                        "How old articles are when they leave the cleaner",
                        "Time since fetched_at; above a day lie backfills, which the objective leaves out.",
                        Query(
                            'sum by (le) (increase(newsloom_freshness_seconds_bucket{service="cleaner"}[$__rate_interval]))',
                            "{{le}}",
                        ),
                        unit="s",
                        width=8,
                    ),
                ),
            ),
            (
                "Does anybody fall behind?",
                (
                    series(
                        "Unread records",
                        "Between what the group committed and the end of its input, asked of the broker.",
                        Query("service:newsloom_lag_records:sum", "{{service}}"),
                        unit="short",
                        decimals=0,
                    ),
                    series(
                        "Age of the oldest unread record",
                        "Grows by a second a second when a service stands still.",
                        Query("service:newsloom_lag_seconds:max", "{{service}}"),
                        unit="s",
                        limit=300,
                    ),
                ),
            ),
            (
                "What did not become an event?",
                (
                    series(
                        "Discards by reason",
                        "Understood, and leads to nothing.",
                        Query(
                            'sum by (service, reason) (rate(newsloom_records_total{outcome="discarded"}[$__rate_interval])) > 0',
                            "{{service}} {{reason}}",
                            quiet=True,
                        ),
                        stacked=True,
                    ),
                    series(
                        "Dead letters by reason",
                        "Kept whole on the service's dead-letters topic.",
                        Query(
                            'sum by (service, reason) (rate(newsloom_records_total{outcome="dead_lettered"}[$__rate_interval])) > 0',
                            "{{service}} {{reason}}",
                            quiet=True,
                        ),
                        stacked=True,
                    ),
                ),
            ),
        ),
    )


def service() -> tuple[str, str, Sequence[Row]]:
    mine = 'service="$service"'
    return (
        "newsloom-service",
        "One service in detail: rate, errors, duration; then what its workers use, and what only it has.",
        (
            (
                "Rate, errors, duration",
                (
                    number(
                        "Workers",
                        "Members of the consumer group, asked of the broker.",
                        Query(f"newsloom_group_members{{{mine}}}"),
                        steps=((None, RED), (1, GREEN)),
                    ),
                    number(
                        "Ready",
                        "Workers whose /readyz answers yes.",
                        Query(f"sum(newsloom_ready{{{mine}}})"),
                        steps=((None, RED), (1, GREEN)),
                    ),
                    number(
                        "Records a second",
                        "Over five minutes.",
                        Query(f"sum(rate(newsloom_records_total{{{mine}}}[5m]))"),
                        unit=PER_SECOND,
                        decimals=2,
                    ),
                    number(
                        "Dead letters, 1 h",
                        "Records that it could not process.",
                        Query(f'sum(increase(newsloom_records_total{{{mine}, outcome="dead_lettered"}}[1h]))'),
                        steps=((None, GREEN), (1, YELLOW), (50, RED)),
                        decimals=0,
                    ),
                    number(
                        "Unread records",
                        "Of its input.",
                        Query(f"service:newsloom_lag_records:sum{{{mine}}}"),
                        steps=((None, GREEN), (10000, YELLOW)),
                        decimals=0,
                    ),
                    number(
                        "Oldest unread",
                        "Age of the oldest unread record.",
                        Query(f"service:newsloom_lag_seconds:max{{{mine}}}"),
                        unit="s",
                        decimals=0,
                        steps=((None, GREEN), (60, YELLOW), (300, RED)),
                    ),
                    series(
                        "Records by outcome",
                        "Each record has exactly one outcome.",
                        Query(
                            f"sum by (outcome) (rate(newsloom_records_total{{{mine}}}[$__rate_interval]))",
                            "{{outcome}}",
                        ),
                        stacked=True,
                        width=8,
                    ),
                    series(
                        "Errors by reason",
                        "Dead letters; and what was tried again in place because a dependency did not answer.",
                        Query(
                            f'sum by (reason) (rate(newsloom_records_total{{{mine}, outcome="dead_lettered"}}[$__rate_interval]))',
                            "{{reason}}",
                        ),
                        Query(
                            f"sum by (stage) (rate(newsloom_retries_total{{{mine}}}[$__rate_interval]))",
                            "retry at {{stage}}",
                        ),
                        width=8,
                    ),
                    series(
                        "Processing one record",
                        "From decoding to knowing the outcome. A dot is the slowest record of a batch: its coordinates and its trace.",
                        *_quantiles("newsloom_processing_seconds", "", mine),
                        unit="s",
                        width=8,
                        exemplars=True,
                    ),
                    series(
                        "Settling a batch",
                        "From the end of a batch's work to the broker's last acknowledgement; what is sent meanwhile is not in it.",
                        *_quantiles("newsloom_settling_seconds", "", mine),
                        unit="s",
                        width=8,
                    ),
                    series(
                        "Records a batch",
                        "Near the batch size: the worker is busy; near one: it waits for records.",
                        _mean("newsloom_batch_records", mine),
                        unit="short",
                        width=8,
                    ),
                    series(
                        "Freshness",
                        "From fetched_at to the settled outcome, of pages fetched within a day. A dot is the latest record of a batch: its coordinates and its trace.",
                        *(Query(_fresh(share, "", mine), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)),
                        unit="s",
                        width=8,
                        exemplars=True,
                    ),
                ),
            ),
            (
                "What its workers use",
                (
                    series(
                        "Processor",
                        "Seconds of processor a second; a worker uses one core at most.",
                        Query(f"rate(process_cpu_seconds_total{{{mine}}}[$__rate_interval])", "{{instance}}"),
                        unit="percentunit",
                        width=8,
                    ),
                    series(
                        "Memory",
                        "Resident.",
                        Query(f"process_resident_memory_bytes{{{mine}}}", "{{instance}}"),
                        unit="bytes",
                        width=8,
                    ),
                    series(
                        "Since the last settled record",
                        "A saw where records come; a straight climb where none do.",
                        Query(f"time() - newsloom_last_processed_timestamp_seconds{{{mine}}}", "{{instance}}"),
                        unit="s",
                        width=8,
                    ),
                    series(
                        "Records in hand",
                        "Read and not yet settled.",
                        Query(f"newsloom_records_in_progress{{{mine}}}", "{{instance}}"),
                        unit="short",
                        decimals=0,
                        width=8,
                    ),
                    series(
                        "Redis, p99 by operation",
                        "Seconds of one call.",
                        Query(
                            f"histogram_quantile(0.99, sum by (le, operation) (rate(newsloom_redis_seconds_bucket{{{mine}}}[$__rate_interval])))",
                            "{{operation}}",
                        ),
                        unit="s",
                        width=8,
                    ),
                    series(
                        "Redis errors",
                        "Calls that failed.",
                        Query(
                            f"sum by (operation) (rate(newsloom_redis_errors_total{{{mine}}}[$__rate_interval]))",
                            "{{operation}}",
                        ),
                        width=8,
                    ),
                    series(
                        "Assignments",
                        "How often partitions were dealt out, and how many each worker holds.",
                        Query(f"increase(newsloom_assignments_total{{{mine}}}[10m])", "dealt out, {{instance}}"),
                        Query(f"newsloom_assigned_partitions{{{mine}}}", "partitions, {{instance}}"),
                        unit="short",
                        decimals=0,
                        width=6,
                    ),
                    listing(
                        "Releases",
                        "What runs; more than one line: an upgrade is under way, or stuck.",
                        ("workers", Query(f"count by (service, version) (newsloom_build_info{{{mine}}})"), "short"),
                        by="service, version",
                        width=6,
                        height=8,
                    ),
                    listing(
                        "Model",
                        "Of the services that have one.",
                        (
                            "workers",
                            Query(f"count by (name, version) (newsloom_model_info{{{mine}}})", quiet=True),
                            "short",
                        ),
                        by="name, version",
                        width=6,
                        height=8,
                    ),
                    series(
                        "Trace spans",
                        "What the collector took, and what it did not; nothing while traces are off, as they are unless NEWSLOOM_TRACING_ENDPOINT is set.",
                        Query(
                            f"sum by (result) (rate(newsloom_trace_spans_total{{{mine}}}[$__rate_interval]))",
                            "{{result}}",
                            quiet=True,
                        ),
                        width=6,
                    ),
                ),
            ),
            (
                "The cleaner alone",
                (
                    series(
                        "Articles a page",
                        "Two and more: an aggregator's page, taken apart.",
                        _mean("newsloom_cleaner_articles_per_page"),
                        unit="short",
                        width=8,
                    ),
                    series(
                        "Extraction quality",
                        "How good the extraction is believed to be: half of the articles are better than p50, 1 in 20 worse than p5.",
                        Query(
                            "histogram_quantile(0.5, sum by (le) (rate(newsloom_cleaner_extraction_quality_ratio_bucket[$__rate_interval])))",
                            "p50",
                        ),
                        Query(
                            "histogram_quantile(0.05, sum by (le) (rate(newsloom_cleaner_extraction_quality_ratio_bucket[$__rate_interval])))",
                            "p5",
                        ),
                        unit="percentunit",
                        width=8,
                        most=1,
                    ),
                    series(
                        "Taking a page apart",
                        "Processor time of one page.",
                        *_quantiles("newsloom_cleaner_extraction_seconds", ""),
                        unit="s",
                        width=8,
                    ),
                    series(
                        "Removed spans by kind",
                        "What is on pages and in no text.",
                        Query(
                            "sum by (kind) (rate(newsloom_cleaner_removed_spans_total[$__rate_interval]))", "{{kind}}"
                        ),
                        stacked=True,
                        width=8,
                    ),
                    series(
                        "Articles by method",
                        "The path that won.",
                        Query(
                            "sum by (method) (rate(newsloom_cleaner_articles_total[$__rate_interval]))", "{{method}}"
                        ),
                        stacked=True,
                        width=8,
                    ),
                    series(
                        "Page memos",
                        "Whether it was known what the page said last; unavailable: Redis did not answer.",
                        Query(
                            "sum by (result) (rate(newsloom_cleaner_page_memos_total[$__rate_interval]))", "{{result}}"
                        ),
                        width=8,
                    ),
                    series(
                        "Learnt lines",
                        "Whether it was known what the outlet repeats; unavailable: Redis did not answer.",
                        Query(
                            "sum by (result) (rate(newsloom_cleaner_learnt_lookups_total[$__rate_interval]))",
                            "{{result}}",
                        ),
                        width=12,
                    ),
                    series(
                        "Articles learnt from",
                        "counted; known before; enough of their outlet that day; full: too many outlets.",
                        Query(
                            "sum by (result) (rate(newsloom_cleaner_learnt_articles_total[$__rate_interval]))",
                            "{{result}}",
                        ),
                        width=12,
                    ),
                ),
            ),
            (
                "Entities alone",
                (
                    series(
                        "Entities an article",
                        "By label: people, organisations, places, the rest.",
                        Query(
                            'sum by (label) (rate(newsloom_entities_total[$__rate_interval])) / on () group_left () sum(rate(newsloom_records_total{service="entities", outcome="emitted"}[$__rate_interval]))',
                            "{{label}}",
                        ),
                        unit="short",
                        width=6,
                    ),
                    series(
                        "Paragraph cache",
                        "Share of paragraphs that were recognised before, as agency copy is.",
                        Query(
                            'sum(rate(newsloom_entities_paragraphs_total{cache="hit"}[$__rate_interval])) / sum(rate(newsloom_entities_paragraphs_total[$__rate_interval]))',
                            "hits",
                        ),
                        unit="percentunit",
                        width=6,
                        most=1,
                    ),
                    series(
                        "Recognition",
                        "Time in the model for one article.",
                        *_quantiles("newsloom_entities_recognition_seconds", ""),
                        unit="s",
                        width=6,
                    ),
                    series(
                        "Skipped",
                        "Articles in languages that the model does not know, or too long.",
                        Query(
                            "sum by (reason) (rate(newsloom_entities_skipped_total[$__rate_interval]))", "{{reason}}"
                        ),
                        width=6,
                    ),
                    series(
                        "Votes for aliases",
                        "Short names that outlets print beside their full ones, by what the alias cache did with each.",
                        Query(
                            "sum by (result) (rate(newsloom_entities_alias_votes_total[$__rate_interval]))",
                            "{{result}}",
                        ),
                        width=8,
                    ),
                    series(
                        "Alias snapshots",
                        "Days' snapshots asked of Redis; unavailable: articles read without aliases.",
                        Query(
                            "sum by (result) (rate(newsloom_entities_alias_snapshots_total[$__rate_interval]))",
                            "{{result}}",
                        ),
                        width=8,
                    ),
                    series(
                        "Aliases used",
                        "Entities that a learnt alias joined or linked to a full name.",
                        Query("sum by (use) (rate(newsloom_entities_aliases_used_total[$__rate_interval]))", "{{use}}"),
                        width=8,
                    ),
                ),
            ),
        ),
    )


def outlets() -> tuple[str, str, Sequence[Row]]:
    last_day = _grown("newsloom_outlet_articles_total", "24h")

    def quality(window: str) -> str:
        total, count = "newsloom_outlet_quality_ratio_sum", "newsloom_outlet_quality_ratio_count"
        return f"{_grown(total, window)} / ({_grown(count, window)} > 0)"

    return (
        "newsloom-outlets",
        "Which outlet is silent, broken or shifted? The 200 busiest have a row; the rest is other.",
        (
            (
                "Silent",
                (
                    number(
                        "Outlets seen, 24 h",
                        "With at least one article in the last day.",
                        Query("count(outlet:newsloom_silence_seconds < 86400)"),
                        decimals=0,
                        width=8,
                    ),
                    number(
                        "Silent now",
                        "Outlets for which NewsloomOutletSilent fires.",
                        Query('count(ALERTS{alertname="NewsloomOutletSilent", alertstate="firing"}) or vector(0)'),
                        steps=((None, GREEN), (1, RED)),
                        width=8,
                    ),
                    number(
                        "Quality dropped",
                        "Outlets for which NewsloomOutletQualityDropped fires.",
                        Query(
                            'count(ALERTS{alertname="NewsloomOutletQualityDropped", alertstate="firing"}) or vector(0)'
                        ),
                        steps=((None, GREEN), (1, RED)),
                        width=8,
                    ),
                    listing(
                        "Longest silent outlets",
                        "Since their last article; the usual is the longest silence of the week before yesterday.",
                        ("silent for", Query("topk(20, outlet:newsloom_silence_seconds)"), "s"),
                        (
                            "usual at most",
                            Query(
                                "max_over_time(outlet:newsloom_silence_seconds[7d] offset 1d) and on (outlet) topk(20, outlet:newsloom_silence_seconds)",
                                quiet=True,
                            ),
                            "s",
                        ),
                        (
                            "of its usual",
                            Query(
                                "topk(20, outlet:newsloom_silence_seconds) / on (outlet) max_over_time(outlet:newsloom_silence_seconds[7d] offset 1d)",
                                quiet=True,
                            ),
                            "percentunit",
                        ),
                        by="outlet",
                        sort="silent for",
                        red=("of its usual", 2, True),
                        height=9,
                        link=("outlet", "/d/newsloom-outlets?var-outlet=${__value.text}"),
                    ),
                ),
            ),
            (
                "Broken or shifted",
                (
                    listing(
                        "Outlets",
                        "Articles and mean extraction quality of the last day, against the last week: red where less than 0.7 is left, as in the alert.",
                        ("articles, 24 h", Query(last_day), "short"),
                        ("quality, 24 h", Query(quality("24h")), "percentunit"),
                        ("quality, 7 d", Query(quality("7d")), "percentunit"),
                        ("24 h of 7 d", Query(f"({quality('24h')}) / ({quality('7d')})"), "percentunit"),
                        by="outlet",
                        sort="articles, 24 h",
                        red=("24 h of 7 d", 0.7, False),
                        height=11,
                        link=("outlet", "/d/newsloom-outlets?var-outlet=${__value.text}"),
                    ),
                ),
            ),
            (
                "One outlet: $outlet",
                (
                    series(
                        "Articles an hour",
                        "A step to zero: no page comes, or none holds an article.",
                        Query(_grown("newsloom_outlet_articles_total", "1h", 'outlet=~"$outlet"'), "{{outlet}}"),
                        unit="short",
                        width=8,
                    ),
                    series(
                        "Extraction quality, 6 h mean",
                        "How good the extraction is believed to be. A step down: the site was rebuilt, or a consent box came in the way.",
                        Query(
                            _grown("newsloom_outlet_quality_ratio_sum", "6h", 'outlet=~"$outlet"')
                            + " / ("
                            + _grown("newsloom_outlet_quality_ratio_count", "6h", 'outlet=~"$outlet"')
                            + " > 0)",
                            "{{outlet}}",
                        ),
                        unit="percentunit",
                        width=8,
                        most=1,
                    ),
                    series(
                        "Since the last article",
                        "A saw: each article brings it down.",
                        Query('outlet:newsloom_silence_seconds{outlet=~"$outlet"}', "{{outlet}}"),
                        unit="s",
                        width=8,
                    ),
                ),
            ),
        ),
    )


def duplicates() -> tuple[str, str, Sequence[Row]]:
    return (
        "newsloom-duplicates",
        "How much is printed by several outlets, and who carries whom?",
        (
            (
                "How many?",
                (
                    number(
                        "Alerts, 24 h",
                        "Arriving article versions that have other outlets' words.",
                        Query("sum(increase(newsloom_duplicate_alerts_total[24h]))"),
                        decimals=0,
                    ),
                    number(
                        "Alerts an article, 1 h",
                        "Share of compared articles that raise an alert; needs 50 articles in the hour.",
                        Query("duplicates:newsloom_alerts_per_article:ratio1h", quiet=True),
                        unit="percentunit",
                        decimals=1,
                    ),
                    number(
                        "Articles in the index",
                        "Versions of the last days that an arriving one is compared with.",
                        Query("max(newsloom_duplicate_index_articles)"),
                        decimals=0,
                    ),
                    number(
                        "Revisions, 24 h",
                        "Same article, other words.",
                        Query("sum(increase(newsloom_duplicate_revisions_total[24h]))"),
                        decimals=0,
                    ),
                    number(
                        "Merged clusters, 24 h",
                        "Clusters that an arriving article joined into one.",
                        Query("sum(increase(newsloom_duplicate_merges_total[24h]))"),
                        decimals=0,
                    ),
                    number(
                        "Index rebuilt, 24 h",
                        "Times that a lost part of the index was made again from clean-articles.",
                        Query("sum(increase(newsloom_duplicate_rebuilds_total[24h]))"),
                        steps=((None, GREEN), (1, YELLOW)),
                        decimals=0,
                    ),
                    series(
                        "Alerts by strongest relation",
                        "exact: equal text; near: largely the same; excerpt: a long shared passage.",
                        Query("sum by (relation) (increase(newsloom_duplicate_alerts_total[1h]))", "{{relation}}"),
                        unit="suffix: /h",
                        stacked=True,
                    ),
                    series(
                        "What comparing came to",
                        "duplicate; sighting: the same outlet elsewhere; template: a daily table that is no duplicate.",
                        Query("sum by (kind) (increase(newsloom_duplicate_decisions_total[1h]))", "{{kind}}"),
                        unit="suffix: /h",
                        stacked=True,
                    ),
                ),
            ),
            (
                "Who carries whom?",
                (
                    listing(
                        "Pairs of outlets",
                        "Alerts of the last day for articles of one outlet in clusters whose earliest member is another's. Earliest, not original.",
                        (
                            "articles, 24 h",
                            Query(
                                "topk(25, "
                                + _grown("newsloom_duplicate_carried_articles_total", "24h", 'outlet!="other"')
                                + ")"
                            ),
                            "short",
                        ),
                        by="outlet, earliest_outlet",
                        sort="articles, 24 h",
                        width=12,
                        height=10,
                    ),
                    heat(
                        "Outlets in the cluster of an alert",
                        "Two: one outlet carries another; many: agency copy.",
                        Query(
                            "sum by (le) (increase(newsloom_duplicate_cluster_outlets_bucket[$__rate_interval]))",
                            "{{le}}",
                        ),
                        height=10,
                    ),
                ),
            ),
            (
                "Does the index hold?",
                (
                    series(
                        "Candidates an article",
                        "What the index proposes for the exact check.",
                        _mean("newsloom_duplicate_candidates_articles"),
                        unit="short",
                        width=8,
                    ),
                    series(
                        "Memory of the index",
                        "In Redis, sampled: check hashes and kept texts.",
                        Query("max(newsloom_duplicate_index_record_bytes)", "check hashes"),
                        Query("max(newsloom_duplicate_index_text_bytes)", "texts"),
                        unit="bytes",
                        width=8,
                    ),
                    series(
                        "Articles in the index",
                        "Falls when the index is lost; grows with the articles of the window.",
                        Query("max(newsloom_duplicate_index_articles)", "article versions"),
                        unit="short",
                        decimals=0,
                        width=8,
                    ),
                ),
            ),
        ),
    )


def dead_letters() -> tuple[str, str, Sequence[Row]]:
    return (
        "newsloom-dead-letters",
        "What could not be processed, why, and since when?",
        (
            (
                "How many lie there?",
                (
                    number(
                        "Dead letters kept",
                        "On all dead-letters topics; retention is 30 days.",
                        Query("sum(newsloom_dead_letter_depth_records)"),
                        steps=((None, GREEN), (1, YELLOW), (1000, RED)),
                        decimals=0,
                    ),
                    number(
                        "Newest",
                        "Since the newest dead letter was written.",
                        Query("time() - (max(newsloom_dead_letter_newest_timestamp_seconds) > 0)", quiet=True),
                        unit="s",
                        nothing="none",
                        decimals=0,
                    ),
                    number(
                        "Share of records, 15 min",
                        "Red from 5 %: somebody is woken.",
                        Query("max(service:newsloom_dead_letter_ratio:rate15m)"),
                        unit="percentunit",
                        decimals=1,
                        steps=((None, GREEN), (0.01, YELLOW), (0.05, RED)),
                    ),
                    words(
                        "What to do",
                        "`newsloom dead-letters list cleaner` names each record, its reason and its message; `newsloom dead-letters show cleaner PARTITION/OFFSET` shows it whole, `newsloom dead-letters replay cleaner` puts it back. "
                        "decode_error and invalid: the publisher's; processing_error: a bug of ours, the log has its traceback; too_large, refused: the broker's limits.",
                        width=12,
                        height=4,
                    ),
                ),
            ),
            (
                "Which?",
                (
                    listing(
                        "By service and reason, newest first",
                        "What lies there now. Red: one came within the hour.",
                        ("kept", Query("sum by (service, reason) (newsloom_dead_letter_depth_records) > 0"), "short"),
                        (
                            "newest, ago",
                            Query(
                                "time() - (max by (service, reason) (newsloom_dead_letter_newest_timestamp_seconds) > 0)"
                            ),
                            "s",
                        ),
                        by="service, reason",
                        sort="newest, ago",
                        descending=False,
                        red=("newest, ago", 3600, False),
                        width=12,
                        height=9,
                    ),
                    series(
                        "Dead letters kept, over time",
                        "A step: when it began. Falls when they are purged, or 30 days old.",
                        Query(
                            "sum by (service, reason) (newsloom_dead_letter_depth_records) > 0",
                            "{{service}} {{reason}}",
                        ),
                        unit="short",
                        decimals=0,
                        stacked=True,
                        height=9,
                    ),
                ),
            ),
            (
                "Since when?",
                (
                    series(
                        "Written in five minutes, by reason",
                        "One reason: one cause. Compare its beginning with the publishers' and our own releases (purple).",
                        Query(
                            'round(sum by (service, reason) (increase(newsloom_records_total{outcome="dead_lettered"}[5m]))) > 0',
                            "{{service}} {{reason}}",
                            quiet=True,
                        ),
                        unit="short",
                        decimals=0,
                        stacked=True,
                        width=8,
                    ),
                    series(
                        "Share of records",
                        "Of what each service read in fifteen minutes.",
                        Query("service:newsloom_dead_letter_ratio:rate15m", "{{service}}"),
                        unit="percentunit",
                        limit=0.05,
                        width=8,
                    ),
                    series(
                        "Unknown fields",
                        "Fields of read events that this release does not know: ignored, and the first sign of a changed publisher.",
                        Query(
                            "sum by (service, topic) (rate(newsloom_unknown_fields_total[$__rate_interval]))",
                            "{{service}} {{topic}}",
                        ),
                        width=8,
                    ),
                ),
            ),
        ),
    )


def kafka_redis() -> tuple[str, str, Sequence[Row]]:
    return (
        "newsloom-kafka-redis",
        "Do Kafka and Redis carry the suite?",
        (
            (
                "Kafka",
                (
                    series(
                        "Written, by topic",
                        "Growth of the end offsets.",
                        Query(
                            "sum by (topic) (rate(newsloom_topic_end_offset_records[$__rate_interval])) > 0",
                            "{{topic}}",
                        ),
                    ),
                    series(
                        "Lag by partition",
                        "One line standing out: a partition without a worker, or a record that takes long.",
                        Query("newsloom_consumer_lag_records > 0", "{{service}} {{topic}}/{{partition}}", quiet=True),
                        unit="short",
                        decimals=0,
                    ),
                    listing(
                        "Topics",
                        "Offsets held counts a transaction's end too, so a few more than records.",
                        ("offsets held", Query("newsloom_topic_records"), "short"),
                        ("ever written", Query("newsloom_topic_end_offset_records"), "short"),
                        by="topic",
                        sort="offsets held",
                        width=12,
                        height=9,
                    ),
                    series(
                        "Workers in each group",
                        "Asked of the broker; zero wakes somebody after two minutes.",
                        Query("newsloom_group_members", "{{service}}"),
                        unit="short",
                        decimals=0,
                        width=6,
                        height=9,
                    ),
                    series(
                        "Heartbeat through each service, p99",
                        "From writing a raw record to the outcome of this service.",
                        Query(
                            "histogram_quantile(0.99, sum by (le, service) (rate(newsloom_heartbeat_seconds_bucket[5m])))",
                            "{{service}}",
                        ),
                        unit="s",
                        width=6,
                        height=9,
                    ),
                ),
            ),
            (
                "Redis",
                (
                    number(
                        "Answers",
                        "Whether Redis answered the observer's last look.",
                        Query("min(newsloom_redis_up)"),
                        steps=((None, RED), (1, GREEN)),
                        words=YES_NO,
                    ),
                    number(
                        "Memory used",
                        "Of its limit; at the limit writes are refused.",
                        Query(
                            "max(newsloom_redis_used_memory_bytes) / (max(newsloom_redis_max_memory_bytes) > 0)",
                            quiet=True,
                        ),
                        unit="percentunit",
                        nothing="no limit set",
                        decimals=1,
                        steps=((None, GREEN), (0.7, YELLOW), (0.85, RED)),
                    ),
                    number(
                        "Evicted keys",
                        "Must be zero: what decides output is kept there.",
                        Query("max(newsloom_redis_evicted_keys)"),
                        steps=((None, GREEN), (1, RED)),
                    ),
                    number(
                        "Persistence",
                        "Whether the append-only file is on and was written; without it a restart costs re-indexing the window.",
                        Query("min(newsloom_redis_persistence_ok)"),
                        steps=((None, RED), (1, GREEN)),
                        words=YES_NO,
                    ),
                    number("Keys", "In the suite's database.", Query("max(newsloom_redis_keys)")),
                    number("Clients", "Connections to Redis.", Query("max(newsloom_redis_clients)"), decimals=0),
                    series(
                        "Memory",
                        "What Redis uses, and its maxmemory where one is set.",
                        Query("max(newsloom_redis_used_memory_bytes)", "used"),
                        Query("max(newsloom_redis_max_memory_bytes) > 0", "limit", quiet=True),
                        unit="bytes",
                        width=8,
                    ),
                    series(
                        "Commands a second",
                        "As Redis counts them.",
                        Query("max(newsloom_redis_operations_per_second)", "commands"),
                        width=8,
                    ),
                    series(
                        "Calls by service, p99",
                        "Seconds, measured by the caller.",
                        Query(
                            "histogram_quantile(0.99, sum by (le, service) (rate(newsloom_redis_seconds_bucket[$__rate_interval])))",
                            "{{service}}",
                        ),
                        unit="s",
                        width=8,
                    ),
                ),
            ),
            (
                "The observer itself",
                (
                    series(
                        "Time since each part was seen",
                        "More than three minutes: what is shown here and alerts that need it are old.",
                        Query("time() - newsloom_observed_timestamp_seconds", "{{part}}"),
                        unit="s",
                        limit=180,
                        width=8,
                    ),
                    series(
                        "Time of a look",
                        "Longer than the interval between looks (15 s): the figures of this dashboard come late.",
                        Query(
                            "histogram_quantile(0.95, sum by (le, part) (rate(newsloom_observation_seconds_bucket[$__rate_interval])))",
                            "{{part}} p95",
                        ),
                        unit="s",
                        width=8,
                    ),
                    series(
                        "Looks that failed",
                        "Kafka or Redis did not answer the observer; its log has the error.",
                        Query("sum by (part) (rate(newsloom_observation_errors_total[$__rate_interval]))", "{{part}}"),
                        width=8,
                    ),
                ),
            ),
        ),
    )


def _variable(name: str, label: str, query: str, *, multi: bool) -> Any:
    builder = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": name, "qryType": 1})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi)
        .include_all(multi)
    )
    if multi:
        builder.all_value(".+").current(models.VariableOption(text="All", value="$__all", selected=True))
    else:
        builder.current(models.VariableOption(text="cleaner", value="cleaner", selected=True))
    return builder


def build() -> dict[str, tuple[str, dict[str, tuple[Query, ...]]]]:
    """For each uid its JSON text, and the queries of each panel by title."""
    variables = {
        "newsloom-service": [
            _variable("service", "Service", "label_values(newsloom_records_total, service)", multi=False)
        ],
        "newsloom-outlets": [
            _variable("outlet", "Outlet", "label_values(newsloom_outlet_articles_total, outlet)", multi=True)
        ],
    }
    since = {"newsloom-outlets": "now-2d", "newsloom-duplicates": "now-24h", "newsloom-dead-letters": "now-24h"}
    made: dict[str, tuple[str, dict[str, tuple[Query, ...]]]] = {}
    for uid, description, rows in (overview(), service(), outlets(), duplicates(), dead_letters(), kafka_redis()):
        model = _dashboard(uid, description, rows, variables.get(uid, ()), since.get(uid, "now-6h")).build()
        content = json.loads(json.dumps(model, cls=JSONEncoder))
        queries = {panel.title: panel.queries for _, panels in rows for panel in panels if panel.queries}
        made[uid] = (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", queries)
    return made


def main() -> None:
    """Write every dashboard, and remove those that are no more."""
    made = build()
    for path in FOLDER.glob("*.json"):
        if path.stem not in made:
            path.unlink()
    FOLDER.mkdir(exist_ok=True)
    for uid, (content, _) in made.items():
        (FOLDER / f"{uid}.json").write_text(content, encoding="utf-8")
        count = content.count('"expr"')
        print(f"{uid}: {count} queries")


if __name__ == "__main__":
    main()
