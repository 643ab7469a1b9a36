"""`newsloom demo`: the main job on servers of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from schemas.articles import CleanArticle
from schemas.dead_letters import REASON
from schemas.duplicates import ArticleRevision, DuplicateAlert
from schemas.entities import ArticleEntities
from schemas.topics import (
    ALL_TOPICS,
    ARTICLE_ENTITIES,
    ARTICLE_REVISIONS,
    CLEAN_ARTICLES,
    DUPLICATE_ALERTS,
    RAW_ARTICLES,
    SERVICES,
    dead_letters,
    discards,
)
from services.cleaner.urls import url_key
from services.commands import console
from services.commands.pipeline import create_topics, read_events, read_topic, service_commands, wait_until_done
from services.commands.reading import Format, Hints, InputError, read_inputs
from services.commands.show import show_alerts, show_articles
from services.local import sample
from services.local.stack import Stack
from services.runtime.errors import ConfigurationError
from services.runtime.kafka import Publisher
from services.runtime.settings import RuntimeSettings, read_settings


def _pause(stack: Stack, seconds: float) -> None:
    """Wait a little; raises ConfigurationError with a service's own words when it cannot start at all."""
    time.sleep(seconds)
    for process in stack.state.processes:
        if process.last_exit_code == console.EXIT_CONFIGURATION:
            lines = process.log.read_text(errors="replace").strip().splitlines()
            raise ConfigurationError(f"the {process.name} cannot run: {lines[-1] if lines else process.log}")


@dataclass(frozen=True)
class Demo:
    """One run of the demo; `run` returns its exit code."""

    inputs: tuple[str, ...]
    kind: Format
    hints: Hints
    output: Path | None
    keep: bool
    timeout_seconds: float
    as_json: bool

    def run(self) -> int:
        """Start a private stack, publish, wait for the services, show and write what came out, stop everything."""
        if self.output is not None:
            try:
                self.output.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(f"--output: {self.output}: {error.strerror}") from None
        refused = 0
        records: list[tuple[bytes | None, bytes]] = []
        for item in self._records():
            if isinstance(item, InputError):
                console.complain(str(item))
                refused += 1
            else:
                records.append(item)
        if not records:
            return console.EXIT_DATA
        with Stack(ephemeral=True, on_progress=console.say) as stack:
            settings = read_settings(RuntimeSettings, kafka_bootstrap=stack.bootstrap, redis_url=stack.redis_url)
            create_topics(settings)
            environment = {} if self.inputs else {"NEWSLOOM_CLEANER_OUTLETS_FILE": str(sample.outlets_path())}
            stack.start_services(service_commands(SERVICES, environment))
            console.say(f"publishing {len(records)} records to {RAW_ARTICLES.name}")
            with Publisher(settings) as publisher:
                for key, value in records:
                    publisher.send(settings.topic_prefix + RAW_ARTICLES.name, key, value)
                publisher.flush()
            show = console.counter("left to read:")
            try:
                wait_until_done(
                    settings,
                    longest_seconds=self.timeout_seconds,
                    on_progress=show,
                    pause=lambda seconds: _pause(stack, seconds),
                )
            finally:
                show("")
            self._show(settings, published=len(records))
            if self.output is not None:
                self._write(settings, self.output)
            if self.keep:
                console.say(f"still running: Kafka {stack.bootstrap}, Redis {stack.redis_url}; Ctrl-C stops everything")
                stack.wait()
        return console.EXIT_DATA if refused else 0

    def _records(self) -> Iterator[tuple[bytes | None, bytes] | InputError]:
        if not self.inputs:
            yield from sample.raw_records(key_of=url_key)
            return
        for item in read_inputs(self.inputs, kind=self.kind, hints=self.hints):
            yield item if isinstance(item, InputError) else (item.key, item.value)

    def _show(self, settings: RuntimeSettings, *, published: int) -> None:
        articles = cast("list[CleanArticle]", read_events(settings, CLEAN_ARTICLES.name, CleanArticle))
        found = cast("list[ArticleEntities]", read_events(settings, ARTICLE_ENTITIES.name, ArticleEntities))
        alerts = cast("list[DuplicateAlert]", read_events(settings, DUPLICATE_ALERTS.name, DuplicateAlert))
        revisions = cast("list[ArticleRevision]", read_events(settings, ARTICLE_REVISIONS.name, ArticleRevision))
        letters = {
            service: [
                dict(record.headers).get(REASON, b"").decode()
                for record in read_topic(settings, dead_letters(service).name)
            ]
            for service in SERVICES
        }
        discarded = {
            service: [
                str(json.loads(record.value or b"{}").get("reason"))
                for record in read_topic(settings, discards(service).name)
            ]
            for service in SERVICES
        }
        if self.as_json:
            console.print_json(
                {
                    "published": published,
                    "clean_articles": [event.model_dump(mode="json") for event in articles],
                    "article_entities": [event.model_dump(mode="json") for event in found],
                    "duplicate_alerts": [event.model_dump(mode="json") for event in alerts],
                    "article_revisions": [event.model_dump(mode="json") for event in revisions],
                    "dead_letters": letters,
                    "discards": discarded,
                }
            )
            return
        show_articles(console.out, articles, {event.article_id: event for event in found})
        show_alerts(console.out, alerts, revisions)
        rows = [
            [service, reason, "dead letter", values.count(reason)]
            for service, values in letters.items()
            for reason in dict.fromkeys(values)
        ]
        rows += [
            [service, reason, "discarded", values.count(reason)]
            for service, values in discarded.items()
            for reason in dict.fromkeys(values)
        ]
        if rows:
            console.out.print()
            console.print_table("Records that led to nothing", ["service", "reason", "outcome", "records"], rows)
        console.out.print(
            console.text(
                f"\n{published} records published: {len(articles)} clean articles, {len(found)} with entities, "
                f"{len(alerts)} duplicate alerts, {len(revisions)} revisions, "
                f"{sum(map(len, discarded.values()))} discarded, {sum(map(len, letters.values()))} dead letters",
                "bold",
            )
        )

    def _write(self, settings: RuntimeSettings, folder: Path) -> None:
        for topic in ALL_TOPICS:
            records = read_topic(settings, topic.name)
            with (folder / f"{topic.name}.jsonl").open("wb") as file:
                for record in records:
                    if record.value is not None:
                        # a dead letter's value may hold anything; a line must stay a line
                        file.write(record.value.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n")
        console.say(f"wrote a file per topic to {folder}")
