"""The exported JSON Schemas and the AsyncAPI document: current, valid, and complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas import export
from schemas.events import Event
from schemas.export import asyncapi, files, json_schema, to_yaml
from schemas.topics import ALL_TOPICS, RAW_ARTICLES, SERVICES, Topic, dead_letters

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "schemas" / "json"
TOPICS = [topic for topic in ALL_TOPICS if topic.event is not None]


def by_name(topic: Topic[Event]) -> str:
    return topic.name


def walk(value: Any) -> Iterator[Any]:
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(item)


def test_the_committed_export_is_current() -> None:
    committed = {
        path.relative_to(COMMITTED).as_posix(): path.read_text(encoding="utf-8")
        for path in COMMITTED.rglob("*")
        if path.is_file()
    }
    current = files()
    stale = sorted(name for name in current.keys() | committed.keys() if current.get(name) != committed.get(name))
    assert stale == [], f"run `python -m schemas.export schemas/json`: {stale}"


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_each_schema_is_json_schema_2020_12(topic: Topic[Event]) -> None:
    for closed in (False, True):
        schema = json_schema(topic, closed=closed)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        Draft202012Validator.check_schema(schema)
    assert json_schema(topic)["$id"] == topic.schema_id


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_each_field_says_what_it_holds(topic: Topic[Event]) -> None:
    schema = json_schema(topic)
    definitions = schema.get("$defs", {})
    for model, body in {schema["title"]: schema, **definitions}.items():
        assert body["title"]
        assert body["description"], model
        for name, field in body["properties"].items():
            referred = definitions.get(str(field.get("$ref", "")).rpartition("/")[2], {})
            assert field.get("title") or referred.get("title") or "anyOf" in field, f"{model}.{name}"
            assert field.get("description") or referred.get("description"), f"{model}.{name}"


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_readers_get_an_open_schema_and_instants_have_their_format(topic: Topic[Event]) -> None:
    schema = json_schema(topic)
    for model in (schema, *schema.get("$defs", {}).values()):
        assert model["additionalProperties"] is True
        for name, field in model["properties"].items():
            # a raw article's published_at is a hint: whatever the page says
            if name.endswith("_at") and (topic is not RAW_ARTICLES or name == "fetched_at"):
                assert {"type": "string", "format": "date-time"}.items() <= field.items() or {
                    "type": "string",
                    "format": "date-time",
                } in field["anyOf"]


def test_a_topic_of_other_topics_bytes_has_no_schema() -> None:
    with pytest.raises(ValueError, match="cleaner-dead-letters"):
        json_schema(dead_letters("cleaner"))


def test_the_asyncapi_document_has_every_topic_as_kafka_keeps_it() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert sorted(document["channels"]) == sorted(topic.name for topic in ALL_TOPICS)
    for topic in ALL_TOPICS:
        channel = document["channels"][topic.name]
        kafka = channel["bindings"]["kafka"]
        assert (channel["address"], kafka["topic"], kafka["partitions"]) == (topic.name, topic.name, topic.partitions)
        shown = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in kafka["topicConfiguration"].items()
        }
        assert shown == topic.kafka_config
        for message in channel["messages"].values():
            assert message["bindings"]["kafka"]["key"]["type"] == "string"


def test_the_asyncapi_document_refers_only_to_what_is_there() -> None:
    document = asyncapi()
    exported = files()
    references = [part["$ref"] for part in walk(document) if isinstance(part, dict) and "$ref" in part]
    assert references
    for reference in references:
        if reference.startswith("./"):
            assert reference.removeprefix("./") in exported
            continue
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target


def test_each_service_sends_and_receives_what_it_does() -> None:
    operations = asyncapi()["operations"]
    for service in SERVICES:
        for suffix in ("dead-letters", "discards"):
            operation = operations[f"{service}-sends-{service}-{suffix}"]
            assert operation["action"] == "send"
            assert operations[f"operator-receives-{service}-{suffix}"]["action"] == "receive"
    assert operations["cleaner-receives-raw-articles"]["action"] == "receive"
    assert operations["publisher-sends-raw-articles"]["channel"]["$ref"] == "#/channels/raw-articles"
    sent = {operation["channel"]["$ref"] for operation in operations.values() if operation["action"] == "send"}
    received = {operation["channel"]["$ref"] for operation in operations.values() if operation["action"] == "receive"}
    assert sent == received == {f"#/channels/{topic.name}" for topic in ALL_TOPICS}


def test_the_headers_of_an_event_are_those_of_cloudevents_trace_context_and_its_source() -> None:
    traits = asyncapi()["components"]["messageTraits"]
    assert set(traits["derivedEvent"]["headers"]["properties"]) == {
        *("ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time", "ce_subject", "ce_dataschema"),
        *("content-type", "traceparent", "tracestate"),
        *("newsloom.source.topic", "newsloom.source.partition", "newsloom.source.offset"),
    }


def test_the_yaml_reads_back_as_the_document() -> None:
    assert yaml.safe_load(to_yaml(asyncapi())) == asyncapi()


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        # YAML cannot hold other control characters raw, and our document has none
        | st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("\n\té—\"'")),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8), inner, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_any_value_reads_back_from_its_yaml(value: Any) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


def test_the_command_writes_the_files_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main([str(tmp_path / "out")]) == 0
    written = {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert written == set(files())
    assert len(capsys.readouterr().out.splitlines()) == len(written)
    assert json.loads((tmp_path / "out" / "raw-articles.schema.json").read_bytes()) == json_schema(RAW_ARTICLES)


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["a", "b"], 2), (["--directory"], 2), (["--help"], 0)])
def test_the_command_says_how_it_is_used(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main(arguments) == status
    assert "python -m schemas.export DIR" in capsys.readouterr().err


def test_the_command_names_a_folder_that_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert export.main([str(tmp_path / "file")]) == 2
    assert "name a folder" in capsys.readouterr().err
