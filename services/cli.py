"""`newsloom`: the suite from the command line."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from schemas.dead_letters import DEAD_LETTER_REASONS, ERROR_MESSAGE, REASON
from schemas.topics import ALL_TOPICS, RAW_ARTICLES, SERVICES, dead_letters
from services.commands import console
from services.commands.console import complain, errors_as_exit_codes, print_json, print_table, printable, say
from services.runtime.errors import ConfigurationError, SuiteError
from services.runtime.metrics import release
from services.runtime.settings import RuntimeSettings, read_settings

app = typer.Typer(
    name="newsloom",
    help="Stream processors for news: raw pages in, clean articles, entities and duplicate alerts out.\n\n"
    "Start with `newsloom demo`, which needs nothing but this package. Settings come from NEWSLOOM_* in the "
    "environment (see the README). Exit codes: 0 done, 2 wrong usage, 65 bad input, 69 Kafka or Redis away, "
    "78 wrong setting or missing file, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
topics_app = typer.Typer(help="The suite's topics on the broker.", no_args_is_help=True)
letters_app = typer.Typer(help="Records that a service could not process.", no_args_is_help=True)
schemas_app = typer.Typer(help="The contract of the topics.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")
app.add_typer(letters_app, name="dead-letters")
app.add_typer(schemas_app, name="schemas")


class ServiceName(StrEnum):
    cleaner = "cleaner"
    entities = "entities"
    duplicates = "duplicates"


class InputFormat(StrEnum):
    auto = "auto"
    raw = "raw"
    html = "html"
    text = "text"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FormatOption = Annotated[
    InputFormat,
    typer.Option(
        "--format",
        help="What the files hold: raw (RawArticle as JSON lines, gzip too), html or text; auto goes by name. "
        "Lines of raw say their own address, hints and fetched_at, and the options for these are refused with them.",
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="The address of the page (one html or text file only); else the canonical one that its HTML names.",
    ),
]
OutletOption = Annotated[
    str | None, typer.Option("--outlet", help="The outlet's name or domain, as a hint (html and text).")
]
AggregatorOption = Annotated[
    str | None, typer.Option("--aggregator", help="The aggregator's name, as a hint (html and text).")
]
LanguageOption = Annotated[
    str | None, typer.Option("--language", help="The language as a BCP 47 tag, as a hint (html and text).")
]
FetchedOption = Annotated[
    str | None,
    typer.Option(
        "--fetched-at",
        help="When the pages were fetched, RFC 3339 with zone (html and text); else the file's own time.",
    ),
]

# how many records `publish` tells the places of: a person reads as many, and a program wants to look at a few
_PLACES_TOLD: Final = 3
_PLACES_IN_JSON: Final = 20


def _settings(**overrides: Any) -> RuntimeSettings:
    return read_settings(RuntimeSettings, **overrides)


def _local_settings(explicit: bool = False) -> RuntimeSettings:
    """The settings of the environment; where it names no broker, those of the stack that `newsloom up` runs."""
    settings = _settings()
    if explicit:
        return settings
    try:
        from services.local.stack import status
    except ImportError:
        return settings
    state = status()
    if state is None or state.bootstrap is None:
        return settings
    # what `up` prints for other programs names this stack too, and nothing of its Redis
    if "NEWSLOOM_KAFKA_BOOTSTRAP" in os.environ and settings.kafka_bootstrap != state.bootstrap:
        return settings
    redis = {} if "NEWSLOOM_REDIS_URL" in os.environ or state.redis_url is None else {"redis_url": state.redis_url}
    return _settings(kafka_bootstrap=state.bootstrap, **redis)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(release())
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    del version


# -- the stack on this machine


@app.command()
def demo(
    input: Annotated[
        list[str] | None, typer.Option("--input", help="Files or folders to publish; without it, the sample set.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Folder for one <topic>.jsonl per topic.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
    format: FormatOption = InputFormat.auto,
    url: UrlOption = None,
    outlet: OutletOption = None,
    aggregator: AggregatorOption = None,
    language: LanguageOption = None,
    fetched_at: FetchedOption = None,
    timeout_seconds: Annotated[float, typer.Option(help="Longest wait for the services to finish.")] = 300,
    as_json: Json = False,
) -> None:
    """Run the main job: start a private Kafka, Redis and the services, publish, show what came out, stop all."""
    from services.commands.demo import Demo
    from services.commands.reading import Hints

    hints = Hints(url=url, outlet=outlet, aggregator=aggregator, language=language, fetched_at=fetched_at)
    with errors_as_exit_codes():
        code = Demo(
            inputs=tuple(input or ()),
            kind=format.value,
            hints=hints,
            output=output,
            keep=keep,
            timeout_seconds=timeout_seconds,
            as_json=as_json,
        ).run()
        raise typer.Exit(code)


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return once everything runs; stop it with `down`.")] = False,
    services: Annotated[
        str, typer.Option(help="Which services to run, with commas between; none for only the servers.")
    ] = ",".join(SERVICES),
    observe: Annotated[
        bool, typer.Option("--observe", help="Run the observer too, and Prometheus where it is on the machine.")
    ] = False,
    is_detached: Annotated[bool, typer.Option("--is-detached", hidden=True)] = False,
) -> None:
    """Run Kafka, Redis and the services on this machine until Ctrl-C or `newsloom down`."""
    with errors_as_exit_codes():
        from services.commands.pipeline import create_topics, service_commands
        from services.local.stack import ServiceCommand, Stack, start_detached

        names = [name.strip() for name in services.split(",") if name.strip() and name.strip() != "none"]
        if unknown := [name for name in names if name not in SERVICES]:
            raise ConfigurationError(f"--services: no service {unknown[0]!r}; there are {', '.join(SERVICES)}")
        if detach:
            state = start_detached(
                (
                    *(sys.executable, "-m", "services.cli", "up", "--is-detached"),
                    *("--services", services, *["--observe"] * observe),
                ),
                on_progress=say,
            )
            print_json(state.model_dump(mode="json")) if not console.is_terminal() else say(state.describe())
            return
        from services.commands.observe import (
            describe_prometheus,
            find_alerts,
            observer_command,
            prometheus_command,
            with_ports,
        )

        with Stack(on_progress=say) as stack:
            settings = _settings(kafka_bootstrap=stack.bootstrap, redis_url=stack.redis_url)
            create_topics(settings)
            commands = service_commands(names)
            prometheus: tuple[ServiceCommand, str] | None = None
            if observe:
                commands, targets = with_ports([*commands, observer_command()])
                prometheus = prometheus_command(stack.folder / "prometheus", targets)
                if prometheus is None:
                    say("no `prometheus` on PATH, running without it (Debian: apt-get install prometheus)")
                else:
                    commands.append(prometheus[0])
                say("; ".join(f"{name} http://{at}/metrics" for name, at in targets.items()))
            stack.start_services(commands)
            if prometheus is not None:
                find_alerts(stack.folder / "prometheus", prometheus[1])
                say(describe_prometheus(stack.state) or "")
            say(f"Kafka {stack.bootstrap}, Redis {stack.redis_url}")
            say(_for_programs(stack.bootstrap))
            running = ", ".join(process.name for process in stack.state.processes)
            say(f"running {running}; " + ("stop it with `newsloom down`" if is_detached else "Ctrl-C stops everything"))
            stack.wait()


def _for_programs(bootstrap: str) -> str:
    """What makes the README's examples and other programs find this stack; the command line finds it by itself."""
    return f"for programs of yours: export NEWSLOOM_KAFKA_BOOTSTRAP={bootstrap}"


@app.command()
def down() -> None:
    """Stop what `newsloom up` started. Topics and index are kept; delete the folder that it names to begin afresh."""
    with errors_as_exit_codes():
        from services.local.stack import down as stop

        state = stop()
        if state is None:
            say("nothing was running")
        else:
            say(f"stopped; topics and index are kept in {state.folder} for the next `newsloom up`")
            say(f"to begin afresh, delete that folder: rm -r {shlex.quote(str(state.folder))}")


@app.command()
def status(as_json: Json = False) -> None:
    """Show what `newsloom up` runs, and what each service has left to read."""
    with errors_as_exit_codes():
        from services.commands.observe import describe_prometheus
        from services.commands.pipeline import lag
        from services.local.stack import status as stack_status

        state = stack_status()
        try:
            remaining: dict[str, int] | None = (
                lag(_local_settings()) if state or "NEWSLOOM_KAFKA_BOOTSTRAP" in os.environ else None
            )
        except SuiteError as error:
            remaining = None
            say(str(error))
        if as_json:
            print_json({"stack": state.model_dump(mode="json") if state else None, "lag": remaining})
            return
        if state is None:
            say("no stack runs on this machine; start one with `newsloom up`")
        else:
            say(state.describe())
            if state.bootstrap is not None:
                say(_for_programs(state.bootstrap))
            if (line := describe_prometheus(state)) is not None:
                say(line)
            rows = [
                [process.name, process.pid or "waiting", process.restarts, process.log] for process in state.processes
            ]
            print_table("Processes", ["process", "pid", "restarts", "log"], rows)
        if remaining is not None:
            print_table(
                "Left to read", ["service", "unread records"], [[name, count] for name, count in remaining.items()]
            )


@app.command()
def top(
    interval_seconds: Annotated[float, typer.Option(min=0.5, help="Time between two looks.")] = 2.0,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after as many looks.")] = None,
    as_json: Json = False,
) -> None:
    """Watch the suite: rates, unread records, dead letters, busiest outlets, until Ctrl-C; JSON lines in a pipe."""
    with errors_as_exit_codes():
        from services.commands.top import show

        show(_local_settings(), interval_seconds=interval_seconds, count=count, as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check what the suite needs on this machine, and say what to do about what is missing."""
    from services.commands.doctor import check_all

    with errors_as_exit_codes():
        findings = check_all(_local_settings())
        if as_json:
            print_json([finding.as_dict() for finding in findings])
        else:
            rows = [[finding.what, finding.verdict, finding.detail] for finding in findings]
            print_table("Doctor", ["what", "verdict", "detail"], rows)
        if any(finding.verdict == "missing" for finding in findings):
            raise typer.Exit(console.EXIT_CONFIGURATION)


# -- topics and records


@topics_app.command("create")
def topics_create(
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of every topic, instead of its own count.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create the suite's topics where they are missing; change none that exist."""
    with errors_as_exit_codes():
        from services.commands.pipeline import create_topics

        done = create_topics(_local_settings(), partitions=partitions)
        if as_json:
            print_json(
                [{"topic": topic.name, "outcome": topic.outcome, "differences": topic.differences} for topic in done]
            )
        else:
            rows = [[topic.name, topic.outcome, "; ".join(topic.differences)] for topic in done]
            print_table("Topics", ["topic", "outcome", "differences"], rows)


@topics_app.command("list")
def topics_list(as_json: Json = False) -> None:
    """List the suite's topics with partitions, retention, cleanup and the records they hold."""
    with errors_as_exit_codes():
        from services.runtime.kafka import Admin

        settings = _local_settings()
        wanted = {settings.topic_prefix + topic.name: topic for topic in ALL_TOPICS}
        with Admin(settings) as admin:
            states = admin.describe(sorted(set(wanted) & admin.topic_names(), key=list(wanted).index))
        missing = [name for name in wanted if name not in {state.name for state in states}]
        if as_json:
            print_json(
                {
                    "topics": [
                        {"topic": state.name, "partitions": state.partitions, "records": state.records, **state.config}
                        for state in states
                    ],
                    "missing": missing,
                }
            )
            return
        rows: list[list[Any]] = [
            [
                state.name,
                state.partitions,
                _days(state.config.get("retention.ms"))
                if state.config.get("cleanup.policy") == "delete"
                else "compacted",
                f"{int(state.config.get('max.message.bytes', 0)) / 2**20:.0f} MiB",
                state.records,
            ]
            for state in states
        ]
        rows += [[name, "missing", "", "", ""] for name in missing]
        print_table("Topics", ["topic", "partitions", "kept", "largest record", "records"], rows)
        if missing:
            say("create the missing ones with `newsloom topics create`")


def _days(milliseconds: str | None) -> str:
    return f"{int(milliseconds) / 86_400_000:g} days" if milliseconds and milliseconds != "-1" else "for ever"


@app.command()
def publish(
    paths: Annotated[list[str], typer.Argument(help="Files, folders, or - for RawArticle lines on standard input.")],
    format: FormatOption = InputFormat.auto,
    url: UrlOption = None,
    outlet: OutletOption = None,
    aggregator: AggregatorOption = None,
    language: LanguageOption = None,
    fetched_at: FetchedOption = None,
    topic: Annotated[str, typer.Option(help="The topic to publish to.")] = RAW_ARTICLES.name,
    as_json: Json = False,
) -> None:
    """Publish raw articles. What cannot be published is named, the rest is published, and the exit code is 65.

    Up to three records are told with the place where each lies (20 with --json), for `newsloom record`.
    """
    from services.commands.reading import Hints, InputError, read_inputs

    hints = Hints(url=url, outlet=outlet, aggregator=aggregator, language=language, fetched_at=fetched_at)
    with errors_as_exit_codes():
        from services.runtime.kafka import Admin, Publisher, PublishError
        from services.runtime.tracing import TRACEPARENT, open_tracer

        settings = _local_settings()
        name = settings.topic_prefix + topic
        tracer = open_tracer(settings, "publish")
        with Admin(settings) as admin:
            admin.partitions([name])
        published, refused, places = 0, 0, list[str]()
        show = console.counter("publishing")
        try:
            with Publisher(settings) as publisher:
                for item in read_inputs(paths, kind=format.value, hints=hints):
                    if isinstance(item, InputError):
                        complain(str(item))
                        refused += 1
                        continue
                    headers = ((TRACEPARENT, tracer.begin(name)),) if tracer is not None else ()
                    try:
                        publisher.send(name, item.key, item.value, headers)
                    except PublishError as error:
                        complain(f"{item.place}: {error}")
                        refused += 1
                        continue
                    published += 1
                    if published % 100 == 0:
                        show(f"{published} records")
                places = [f"{name}/{partition}/{offset}" for partition, offset in publisher.flush()]
        finally:
            show("")
            if tracer is not None:
                tracer.close()
        if as_json or not console.is_terminal():
            told = {"places": places} if published <= _PLACES_IN_JSON else {}
            print_json({"topic": name, "published": published, "refused": refused, **told})
        else:
            console.out.print(
                console.text(f"published {published} to {name}" + (f", refused {refused}" if refused else ""))
            )
            for place in places if published <= _PLACES_TOLD else ():
                say(f"{place}; `newsloom record {place}` says what became of it")
        if refused:
            raise typer.Exit(console.EXIT_DATA)


@app.command()
def tail(
    topic: Annotated[str, typer.Argument(help="The topic to read.")],
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest record.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after as many records.")] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, help="Print the newest so many, and end.")] = None,
    keys: Annotated[bool, typer.Option("--keys", help="Print key, a tab, then the value.")] = False,
    heartbeats: Annotated[
        bool, typer.Option("--heartbeats", help="Print the observer's heartbeats too, as it takes for a whole copy.")
    ] = False,
) -> None:
    """Print a topic's values, a line each, until Ctrl-C; with --last those that came last, and no waiting.

    The observer's heartbeats, withdrawals of articles that never were, are left out, on a terminal and in a pipe, and
    counted on standard error; --limit and --last do not count them.
    """
    with errors_as_exit_codes():
        from services.commands.records import is_heartbeat, read_last
        from services.runtime.kafka import Admin, read_records
        from services.runtime.service import Record

        settings = _local_settings()
        name = settings.topic_prefix + topic
        if last is not None and (from_beginning or limit is not None):
            raise ConfigurationError("--last goes without --from-beginning and --limit")
        left_out = 0

        def is_left_out(record: Record) -> bool:
            return not heartbeats and is_heartbeat(record)

        if last is not None:
            found, left_out = read_last(settings, name, last, leave_out=is_left_out)
            records = iter(found)
        else:
            with Admin(settings) as admin:
                parts = admin.partitions([name])
                begins, ends = admin.beginning_offsets(parts), admin.end_offsets(parts)
            if not from_beginning:
                say(f"waiting for new records of {name}; Ctrl-C ends")
            records = read_records(settings, begins if from_beginning else ends)
        printed = 0
        try:
            for record in records:
                if is_left_out(record):
                    left_out += 1
                    continue
                value = (record.value or b"null").decode(errors="replace")
                shown = printable(value) if console.is_terminal() else value
                key = printable((record.key or b"").decode(errors="replace"))
                sys.stdout.write(f"{key}\t{shown}\n" if keys else f"{shown}\n")
                sys.stdout.flush()
                printed += 1
                if limit is not None and printed >= limit:
                    return
        finally:
            if left_out:
                say(f"left out {left_out} of the observer's heartbeats; --heartbeats prints them")


@app.command("record")
def show_record(
    coordinates: Annotated[str, typer.Argument(help="TOPIC/PARTITION/OFFSET, as logs, discards and exemplars say it.")],
    value_only: Annotated[
        bool, typer.Option("--value", help="Print its value alone, byte for byte: to keep, or to publish again.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one record, and what each service made of it."""
    with errors_as_exit_codes():
        from services.commands.records import fates, parse, read_one

        settings = _local_settings()
        place, offset = parse(coordinates, settings.topic_prefix)
        record = read_one(settings, place, offset)
        if value_only:
            sys.stdout.buffer.write(record.value or b"")
            sys.stdout.buffer.flush()
            return
        progress = console.counter("looking for its outcomes")
        try:
            found = fates(settings, record, on_progress=progress)
        finally:
            progress("")
        headers = {name: value.decode(errors="replace") for name, value in record.headers}
        written = record.timestamp.isoformat(timespec="milliseconds")
        value = (record.value or b"null").decode(errors="replace")
        if as_json:
            print_json(
                {
                    "record": record.coordinates,
                    "written_at": written,
                    "key": (record.key or b"").decode(errors="replace"),
                    "headers": headers,
                    "value": value,
                    "fates": [fate.as_dict() for fate in found],
                }
            )
            return
        rows = [[fate.service, fate.outcome, fate.reason, fate.message, ", ".join(fate.lies_at[:5])] for fate in found]
        if rows:
            print_table("What became of it", ["service", "outcome", "reason", "message", "lies at"], rows)
        print_table("Headers", ["header", "value"], [["written", written], *([n, v] for n, v in headers.items())])
        sys.stdout.write(f"key: {printable((record.key or b'').decode(errors='replace'))}\n{printable(value)}\n")


@app.command()
def outlets(
    outlet: Annotated[
        str | None, typer.Argument(help="An outlet's id or name: what became of its pages since its last article.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="How far to look back.")] = 24.0,
    as_json: Json = False,
) -> None:
    """Show which outlets stopped, the silent ones first; with a name, why: no pages, or pages without articles."""
    with errors_as_exit_codes():
        from services.commands.outlets import look, story

        settings = _local_settings()
        progress = console.counter("reading")
        try:
            told = story(settings, outlet, hours=hours, on_progress=progress) if outlet is not None else None
            states = look(settings, hours=hours, on_progress=progress)[0] if told is None else [told.state]
        finally:
            progress("")
        if as_json:
            shown = [state.as_dict() for state in states]
            if told is None:
                print_json(shown)
            else:
                pages = [each.as_dict() for each in told.pages]
                about = {"publisher": told.publisher, "publishers": dict(told.publishers), "pages": pages}
                print_json({**shown[0], **about, "verdict": told.verdict()})
            return
        print_table(
            "Outlets",
            ["outlet", "", "silent for", "usual at most", "articles", "quality"],
            [
                [
                    state.outlet,
                    console.text("silent", "red") if state.is_silent else "",
                    console.age(state.silent_seconds),
                    "" if state.usual_seconds is None else console.age(state.usual_seconds),
                    state.articles,
                    f"{state.quality:.0%}",
                ]
                for state in states
            ],
        )
        if told is not None:
            columns = ["publisher", "pages since", "outcome", "reason", "newest"]
            rows: list[list[Any]] = [
                [each.publisher, each.count, each.outcome, each.reason, each.newest] for each in told.pages
            ]
            print_table("Its pages since its last article", columns, rows)
            say(told.verdict())


@letters_app.command("list")
def dead_letters_list(
    service: Annotated[ServiceName, typer.Argument(help="Whose dead letters.")],
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """List a service's dead letters, newest first: where each record lay, why it failed, whether it was replayed.

    A letter that was replayed stays until it is purged, or 30 days old.
    """
    with errors_as_exit_codes():
        letters = _dead_letters(service.value)
        counts = {reason: sum(letter["reason"] == reason for letter in letters) for reason in DEAD_LETTER_REASONS}
        newest = letters[::-1][:limit]
        if as_json:
            print_json(newest)
            return
        rows = [
            [
                letter["id"],
                letter["reason"],
                letter["from"],
                letter["first_failed_at"],
                "yes" if letter["replayed"] else "no",
                letter["bytes"],
                letter["message"],
            ]
            for letter in newest
        ]
        columns = ["id", "reason", "record", "since", "replayed", "bytes", "message"]
        print_table(f"Dead letters of the {service.value}", columns, rows)
        say(", ".join(f"{count} {reason}" for reason, count in counts.items() if count) or "none")


@letters_app.command("show")
def dead_letters_show(
    service: Annotated[ServiceName, typer.Argument(help="Whose dead letter.")],
    id: Annotated[str, typer.Argument(help="PARTITION/OFFSET on the dead-letters topic, as `list` prints it.")],
    value_only: Annotated[
        bool,
        typer.Option("--value", help="Print its value alone, byte for byte: to correct it for `replay --value`."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one dead letter whole: its headers, and the original record as it came."""
    with errors_as_exit_codes():
        from services.commands.letters import letter_value, no_letters

        if value_only:
            sys.stdout.buffer.write(letter_value(_local_settings(), service.value, id))
            sys.stdout.buffer.flush()
            return
        letters = [letter for letter in _dead_letters(service.value) if letter["id"] == id]
        if not letters:
            raise no_letters(service.value, [id])
        if as_json:
            print_json(letters[0])
            return
        headers = cast("dict[str, str]", letters[0]["headers"])
        print_table("Headers", ["header", "value"], [[name, value] for name, value in headers.items()])
        sys.stdout.write(f"key: {printable(str(letters[0]['key']))}\n")
        sys.stdout.write(printable(str(letters[0]["value"])) + "\n")


@letters_app.command("replay")
def dead_letters_replay(
    service: Annotated[ServiceName, typer.Argument(help="Whose dead letters.")],
    reason: Annotated[list[str] | None, typer.Option("--reason", help="Only those with this reason.")] = None,
    id: Annotated[list[str] | None, typer.Option("--id", help="Only this one: PARTITION/OFFSET, as in `list`.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most as many, the oldest.")] = None,
    most_replays: Annotated[
        int, typer.Option(min=1, help="Refuse what was replayed as often already, unless --value corrects it.")
    ] = 3,
    value: Annotated[
        str | None,
        typer.Option(
            "--value",
            metavar="FILE",
            help="Put the value in FILE (- for standard input) in the place of the letter's own, with one --id; "
            "`show SERVICE ID --value` prints the one to correct.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put dead letters back where they came from, oldest first: those that were not replayed yet.

    Without --reason and --id, all of them. One that is named by --id is put back again if it was before. With --value
    it goes back corrected, with its key and headers; a value that the service could not read is refused.
    """
    with errors_as_exit_codes():
        from services.commands.letters import corrected_value, replay

        if value is not None and (len(id or ()) != 1 or reason):
            raise ConfigurationError(
                "--value corrects one dead letter: name it with one --id PARTITION/OFFSET, and without --reason"
            )
        if unknown := sorted(set(reason or ()) - set(DEAD_LETTER_REASONS)):
            raise ConfigurationError(f"--reason {unknown[0]}: there are {', '.join(DEAD_LETTER_REASONS)}")
        done = replay(
            _local_settings(),
            service.value,
            reasons=reason or (),
            ids=id or (),
            limit=limit,
            most_replays=most_replays,
            value=corrected_value(service.value, value) if value is not None else None,
        )
        for line in done.refused:
            complain(f"not replayed: {line}")
        if as_json:
            print_json(
                {
                    "replayed": done.replayed,
                    "refused": list(done.refused),
                    "left": done.left,
                    "skipped": done.skipped,
                    **({"places": dict(done.places)} if done.places else {}),
                }
            )
        else:
            say(
                f"replayed {done.replayed}, refused {len(done.refused)}, left {done.left}"
                + (f", skipped {done.skipped} that were replayed before" if done.skipped else "")
            )
            for letter, place in done.places:
                say(f"{letter} lies at {place} now; `newsloom record {place}` says what became of it")
        if done.unnoted:
            complain(f"no room to note {done.unnoted} of the replayed: a replay without --id sends them again")
        if done.refused:
            raise typer.Exit(console.EXIT_DATA)


@letters_app.command("purge")
def dead_letters_purge(
    service: Annotated[ServiceName, typer.Argument(help="Whose dead letters.")],
    everything: Annotated[bool, typer.Option("--all", help="Those that were never replayed, too.")] = False,
    as_json: Json = False,
) -> None:
    """Delete the dead letters that were replayed. They cannot be had back.

    Kafka deletes a partition's letters from the oldest on: a replayed one stays behind one that was not.
    """
    with errors_as_exit_codes():
        from services.commands.letters import purge

        done = purge(_local_settings(), service.value, everything=everything)
        if as_json:
            print_json({"deleted": done.deleted, "kept": list(done.kept)})
        else:
            say(f"deleted {done.deleted}")
            for line in done.kept:
                say(line)


@app.command()
def audit(
    since: Annotated[
        str | None, typer.Option("--since", help="Only records from then on, RFC 3339 with zone; else all there are.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show that every record has its outcome: read = emitted + discarded + dead letters. Exit code 65 if one has none.

    Read from the topics, by the coordinates in the headers; no counter is asked. `several` counts records with more
    than one kind of outcome, `waiting` those not acknowledged yet.
    """
    with errors_as_exit_codes():
        from services.commands.audit import as_rows
        from services.commands.audit import audit as balance_all

        balances = balance_all(_local_settings(), since=_instant("--since", since))
        if as_json:
            print_json([balance.as_dict() for balance in balances])
        else:
            print_table("Audit", *as_rows(balances))
        for balance in balances:
            for place in balance.missing[:20]:
                complain(f"{balance.service}: no outcome of {place}")
        if any(balance.missing_count for balance in balances):
            raise typer.Exit(console.EXIT_DATA)


def _instant(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ConfigurationError(f"{option} {text!r} is no instant with a zone; write it as 2026-03-02T08:00:00Z")
    return instant


def _dead_letters(service: str) -> list[dict[str, Any]]:
    """The dead letters of `service`, oldest first."""
    from services.commands.letters import replayed_letters
    from services.commands.pipeline import read_topic
    from services.runtime.kafka import Admin

    settings, topic = _local_settings(), dead_letters(service).name
    with Admin(settings) as admin:
        beginning = admin.beginning_offsets(admin.partitions([settings.topic_prefix + topic]))
        noted = replayed_letters(settings, service, admin, beginning)
    found: list[dict[str, Any]] = []
    for record in read_topic(settings, topic):
        headers = {name: value.decode(errors="replace") for name, value in record.headers}
        found.append(
            {
                "id": f"{record.partition}/{record.offset}",
                "reason": headers.get(REASON, ""),
                "message": headers.get(ERROR_MESSAGE, ""),
                "from": "/".join(
                    headers.get(f"__connect.errors.{part}", "?") for part in ("topic", "partition", "offset")
                ),
                "first_failed_at": headers.get("newsloom.first_failed_at", ""),
                "replayed": record.offset in noted[record.topic, record.partition],
                "bytes": len(record.value or b""),
                "headers": headers,
                "key": (record.key or b"").decode(errors="replace"),
                "value": (record.value or b"").decode(errors="replace"),
            }
        )
    return found


@schemas_app.command("export")
def schemas_export(directory: Annotated[Path, typer.Argument(help="Folder to write to.")]) -> None:
    """Write the JSON Schema of every topic and the AsyncAPI document."""
    with errors_as_exit_codes():
        from schemas.export import write

        try:
            directory.mkdir(parents=True, exist_ok=True)
            written = write(directory)
        except OSError as error:
            raise ConfigurationError(f"{directory}: {error.strerror}; name a folder that can be written") from None
        for path in written:
            sys.stdout.write(f"{path}\n")


@app.command()
def why(
    article: Annotated[str, typer.Argument(help="An article's id, or the address it was fetched at.")],
    other: Annotated[str | None, typer.Argument(help="Another; without it, the article's cluster is shown.")] = None,
    as_json: Json = False,
) -> None:
    """Say why two articles are duplicates or are none, or what the duplicates index knows of one."""
    with errors_as_exit_codes():
        from services.commands import why as reasons

        views = reasons.ask(_local_settings(), [article, other] if other else [article])
        if as_json:
            print_json([reasons.as_json(view) for view in views])
            return
        for view in views:
            reasons.show(view)


# -- without Kafka


@app.command()
def process(
    service: Annotated[ServiceName, typer.Argument(help="Which service to run.")],
    input: Annotated[
        str, typer.Option("--input", help="JSON lines of its input topic, gzip too; - for standard input.")
    ] = "-",
    output: Annotated[
        str,
        typer.Option(
            "--output",
            help="File for the values of its main topic (- for standard output), or a folder (ending in /) for a "
            "<topic>.jsonl of each of its topics.",
        ),
    ] = "-",
    dead_letters_file: Annotated[
        Path | None, typer.Option("--dead-letters", help="File for what could not be processed, as JSON lines.")
    ] = None,
    redis: Annotated[
        str | None, typer.Option("--redis", help="Redis URL; without it a private one is started.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on standard error.")] = False,
) -> None:
    """Run one service over a file, without Kafka: the same events, byte for byte. For backfills and measuring."""
    from services.commands.process import run_process

    with errors_as_exit_codes():
        tally = run_process(
            service.value, input=input, output=output, letters=dead_letters_file, redis_url=redis, base=_settings()
        )
        if as_json:
            sys.stderr.write(json.dumps(tally.as_dict()) + "\n")
        else:
            events = ", ".join(f"{count} {topic}" for topic, count in tally.events.items()) or "no events"
            others = {**tally.discarded, **tally.dead_lettered}
            rest = ", ".join(f"{count} {reason}" for reason, count in others.items())
            say(f"{tally.records} records: {events}" + (f"; {rest}" if rest else ""))
        if tally.dead_lettered and dead_letters_file is None:
            for line in tally.first_dead_letters:
                complain(line)
            raise typer.Exit(console.EXIT_DATA)


def main() -> None:
    """The console script."""
    # a terminal that goes away ends the command as Ctrl-C does, so that what it started is stopped
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGINT))
    console.configure_logging()
    with errors_as_exit_codes():
        app()


if __name__ == "__main__":
    main()
