"""The events and topics as others read them: JSON Schema 2020-12 for each topic, and one AsyncAPI 3.0 document.

Both are made from the models and from `schemas.topics`, nothing is written by hand. `python -m schemas.export DIR`
writes them; those in `schemas/json` are what this module gives, and a test fails when they are not.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from pydantic.json_schema import GenerateJsonSchema

from schemas.dead_letters import (
    DEAD_LETTER_HEADERS,
    DEAD_LETTER_REASONS,
    REASON,
    REPLAYS,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
)
from schemas.events import SCHEMA_VERSION, Event
from schemas.topics import (
    ALL_TOPICS,
    ARTICLE_ENTITIES,
    ARTICLE_REVISIONS,
    CLEAN_ARTICLES,
    DUPLICATE_ALERTS,
    DUPLICATE_CLUSTERS,
    EVENT_TOPICS,
    RAW_ARTICLES,
    SERVICES,
    Topic,
    dead_letters,
    discards,
)

Document = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI_VERSION: Final = "3.0.0"
KAFKA_BINDING: Final = "0.5.0"

_FLOW: Final[Mapping[str, tuple[tuple[Topic[Event], ...], tuple[Topic[Event], ...]]]] = {
    "cleaner": ((RAW_ARTICLES,), (CLEAN_ARTICLES,)),
    "entities": ((CLEAN_ARTICLES,), (ARTICLE_ENTITIES,)),
    "duplicates": ((CLEAN_ARTICLES,), (DUPLICATE_ALERTS, ARTICLE_REVISIONS, DUPLICATE_CLUSTERS)),
}
"""What each service reads and what it writes, besides its dead letters and discards."""

_TOMBSTONES: Final = (ARTICLE_ENTITIES, DUPLICATE_CLUSTERS)
"""Where a record may have a null value, which withdraws what has its key."""

_CE_HEADERS: Final[Document] = {
    "ce_id": {"type": "string", "description": "The event's id; a copy of the event has the same."},
    "ce_source": {"type": "string", "format": "uri-reference", "description": "Who wrote it: /newsloom/<service>."},
    "ce_type": {"type": "string", "description": "newsloom.<topic>.v<schema_version>."},
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_time": {"type": "string", "format": "date-time", "description": "When what it tells happened."},
    "ce_subject": {"type": "string", "description": "What it is about: the record's key."},
    "ce_dataschema": {"type": "string", "format": "uri", "description": "The `$id` of the value's JSON Schema."},
    "content-type": {"type": "string", "const": "application/json"},
}
_TRACE_HEADER: Final[Document] = {
    "traceparent": {"type": "string", "description": "W3C Trace Context, carried on from the record it came from."},
    "tracestate": {"type": "string", "description": "W3C Trace Context, where the record it came from has one."},
}
_SOURCE_HEADERS: Final[Document] = {
    SOURCE_TOPIC: {"type": "string", "description": "The topic of the record it came from."},
    SOURCE_PARTITION: {"type": "string", "pattern": "^[0-9]+$", "description": "Its partition."},
    SOURCE_OFFSET: {"type": "string", "pattern": "^[0-9]+$", "description": "Its offset."},
}
_DEAD_LETTER_NOTES: Final[Mapping[str, Document]] = {
    REASON: {"enum": list(DEAD_LETTER_REASONS), "description": "Why it could not be processed."},
    REPLAYS: {"pattern": "^[0-9]+$", "description": "How often it was put back before."},
}


def json_schema(topic: Topic[Event], *, closed: bool = False) -> Document:
    """The JSON Schema 2020-12 of the values on `topic`.

    It is open, for readers: fields that it does not know are allowed, those it knows keep their types. `closed`
    gives the copy for publishers and tests, in which an unknown field is an error. Raises ValueError for a topic
    whose values are other topics' bytes.
    """
    if topic.event is None:
        raise ValueError(f"{topic.name} carries other topics' bytes; it has no schema of its own")
    body = topic.event.model_json_schema(schema_generator=GenerateJsonSchema)
    document: Document = {
        "$schema": DIALECT,
        "$id": topic.schema_id + (":closed" if closed else ""),
        "title": body.pop("title"),
        "description": one_paragraph(body.pop("description")),
    }
    definitions: Document = body.pop("$defs", {})
    document.update(body)
    if definitions:
        document["$defs"] = definitions
    for model in (document, *definitions.values()):
        if "properties" in model:
            model["additionalProperties"] = not closed
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = one_paragraph(definition["description"])
    return document


def one_paragraph(docstring: str) -> str:
    """`docstring` on one line: JSON has no others."""
    return " ".join(docstring.split())


def asyncapi() -> Document:
    """The AsyncAPI 3.0 document of the suite: every topic, what is on it, and who writes and reads it.

    Schemas are referred to as files beside it.
    """
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "newsloom",
            "version": SCHEMA_VERSION,
            "description": (
                "Stream processors for news: publishers write raw articles; the suite writes clean articles, named "
                "entities and duplicate alerts. Values are JSON in UTF-8, one object a record. Within a version "
                "fields are only added, with defaults: ignore those you do not know. Delivery is at least once; "
                "what comes twice is byte-equal."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "The Kafka that the suite runs on.",
                "variables": {"bootstrap": {"description": "host:port of a broker, as in NEWSLOOM_KAFKA_BOOTSTRAP."}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in ALL_TOPICS},
        "operations": _operations(),
        "components": {
            "messageTraits": {
                "derivedEvent": _headers(
                    {**_CE_HEADERS, **_TRACE_HEADER, **_SOURCE_HEADERS},
                    required=[*(name for name in _CE_HEADERS if name != "ce_subject"), *_SOURCE_HEADERS],
                ),
                "deadLetter": _headers(
                    {
                        name: {"type": "string", **_DEAD_LETTER_NOTES.get(name, {})}
                        for name in (*DEAD_LETTER_HEADERS, REPLAYS)
                    },
                    required=list(DEAD_LETTER_HEADERS),
                ),
            }
        },
    }


def _headers(properties: Document, *, required: list[str]) -> Document:
    return {"headers": {"type": "object", "required": required, "properties": properties}}


def _channel(topic: Topic[Event]) -> Document:
    settings: Document = {}
    for name, value in topic.kafka_config.items():
        settings[name] = [value] if name == "cleanup.policy" else int(value) if value.isdecimal() else value
    return {
        "address": topic.name,
        "title": topic.name,
        "description": topic.summary,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": _messages(topic),
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": settings,
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _messages(topic: Topic[Event]) -> Document:
    key: Document = {"type": "string", "description": f"UTF-8: {topic.key}."}
    binding: Document = {"kafka": {"key": key, "bindingVersion": KAFKA_BINDING}}
    if topic.event is None:
        return {
            "DeadLetter": {
                "title": "A dead letter",
                "summary": "The record as it came: key, value and headers, with the error in further headers.",
                "contentType": "application/octet-stream",
                "traits": [{"$ref": "#/components/messageTraits/deadLetter"}],
                "payload": {"description": "The original value, byte for byte."},
                "bindings": binding,
            }
        }
    name = topic.event.__name__
    summary = one_paragraph(topic.event.__doc__ or "")
    # raw articles are other programs' records: the headers are welcome there, and nothing depends on them
    trait = None if topic.name == RAW_ARTICLES.name else "derivedEvent"
    event: Document = {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": "application/json",
        **({"traits": [{"$ref": f"#/components/messageTraits/{trait}"}]} if trait else _optional_headers()),
        "payload": {"$ref": f"./{topic.name}.schema.json"},
        "bindings": binding,
    }
    messages: Document = {name: event}
    if any(topic.name == other.name for other in _TOMBSTONES):
        messages["Tombstone"] = {
            "title": "A tombstone",
            "summary": "What has this key is withdrawn.",
            "payload": {"type": "null"},
            "bindings": binding,
        }
    return messages


def _optional_headers() -> Document:
    return {"headers": {"type": "object", "properties": {**_CE_HEADERS, **_TRACE_HEADER}}}


def _operations() -> Document:
    operations: Document = {"publisher-sends-raw-articles": _operation("send", RAW_ARTICLES, "publisher")}
    for service in SERVICES:
        reads, writes = _FLOW[service]
        for topic in reads:
            operations[f"{service}-receives-{topic.name}"] = _operation("receive", topic, service)
        for topic in (*writes, dead_letters(service), discards(service)):
            operations[f"{service}-sends-{topic.name}"] = _operation("send", topic, service)
    for topic in EVENT_TOPICS:
        if topic.name != RAW_ARTICLES.name:
            operations[f"subscriber-receives-{topic.name}"] = _operation("receive", topic, "subscriber")
    for service in SERVICES:
        for topic in (dead_letters(service), discards(service)):
            operations[f"operator-receives-{topic.name}"] = _operation("receive", topic, "operator")
    return operations


def _operation(action: str, topic: Topic[Event], role: str) -> Document:
    verb = {"send": "writes", "receive": "reads"}[action]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"The {role} {verb} {topic.name}.",
        "tags": [{"name": role}],
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _messages(topic)],
    }


_PLAIN = re.compile(r"[A-Za-z_$][\w.$/-]*(?: [\w.,;()/'-]+)*", re.ASCII)
_RESERVED: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def to_yaml(value: object, *, indent: int = 0) -> str:
    """`value`, made of dicts, lists and scalars, as block-style YAML 1.2 ending in a newline.

    Strings that could be read as anything else are written in double quotes as JSON writes them, which YAML reads.
    """
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines: list[str] = []
        for key, item in cast("dict[str, object]", value).items():
            rest = "\n" + to_yaml(item, indent=indent + 1) if _is_block(item) else " " + to_yaml(item)
            lines.append(f"{pad}{_yaml_string(key)}:{rest}")
        return "".join(lines)
    if isinstance(value, list) and value:
        items = [to_yaml(item, indent=indent + 1) for item in cast("list[object]", value)]
        return "".join(f"{pad}- {item.lstrip(' ')}" for item in items)
    if isinstance(value, str):
        return _yaml_string(value) + "\n"
    return json.dumps(value) + "\n"


def _is_block(value: object) -> bool:
    return value not in ({}, []) and isinstance(value, dict | list)


def _yaml_string(text: str) -> str:
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _RESERVED
    return text if plain else json.dumps(text, ensure_ascii=False)


def files() -> dict[str, str]:
    """Every exported file by its path inside the export's folder, `/` between folders."""
    exported = {
        f"{topic.name}.schema.json": _pretty(json_schema(topic)) for topic in ALL_TOPICS if topic.event is not None
    }
    # the one topic that others write to
    exported[f"closed/{RAW_ARTICLES.name}.schema.json"] = _pretty(json_schema(RAW_ARTICLES, closed=True))
    exported["asyncapi.yaml"] = to_yaml(asyncapi())
    return exported


def _pretty(document: Document) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write(directory: Path) -> tuple[Path, ...]:
    """The paths of the files written under `directory`, which is made if need be. Raises OSError where it cannot."""
    written: list[Path] = []
    for name, content in files().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")
        written.append(path)
    return tuple(written)


def main(arguments: list[str]) -> int:
    """0 once the files are written; 2, with a line on standard error, when they cannot be."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m schemas.export DIR", file=sys.stderr)
        return 0 if arguments in (["--help"], ["-h"]) else 2
    try:
        paths = write(Path(arguments[0]))
    except OSError as error:
        print(
            f"cannot write to {arguments[0]}: {error.strerror or error}; name a folder you may write", file=sys.stderr
        )
        return 2
    for path in paths:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
