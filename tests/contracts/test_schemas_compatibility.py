"""The compatibility gate: what was promised to publishers and subscribers is still kept.

The mutations below are what the gate is for; each must be seen by it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.articles import CleanArticle, RawArticle
from schemas.compatibility import compatibility_problems
from schemas.duplicates import DuplicateAlert
from schemas.events import Event
from schemas.export import json_schema
from schemas.topics import ALL_TOPICS, CLEAN_ARTICLES, DUPLICATE_ALERTS, RAW_ARTICLES, Topic
from tests.contracts.schemas_history import ROOT, Version, baseline, committed, problems_since

TOPICS = {topic.name: topic for topic in ALL_TOPICS if topic.event is not None}
VERSIONS = [baseline(), *committed()]
Mutation = Callable[[dict[str, Any]], None]


def version_name(version: Version) -> str:
    return version.name


def test_there_are_versions_to_be_compatible_with() -> None:
    assert sorted(VERSIONS[0].schemas) == sorted(TOPICS)
    assert sorted(VERSIONS[0].examples) == sorted(TOPICS)
    for version in VERSIONS[1:]:
        assert sorted(version.schemas) == sorted(version.examples) == sorted(TOPICS)


@pytest.mark.parametrize("version", VERSIONS, ids=version_name)
def test_the_schemas_can_follow_those_before(version: Version) -> None:
    assert problems_since(version) == [], (
        "within a schema version fields are only added, with defaults; "
        "before the first release, freeze anew: python -m tests.contracts.schemas_history --force"
    )


@pytest.mark.parametrize("version", VERSIONS, ids=version_name)
def test_records_of_earlier_versions_are_still_read(version: Version) -> None:
    for name, examples in version.examples.items():
        event_type = TOPICS[name].event
        assert event_type is not None
        for example in examples.values():
            event = event_type.closed_from_bytes(example)
            assert event_type.closed_from_bytes(event.to_bytes()) == event


@pytest.mark.parametrize("version", VERSIONS, ids=version_name)
def test_records_of_this_version_are_read_by_earlier_ones(version: Version) -> None:
    for name, schema in version.schemas.items():
        event_type = TOPICS[name].event
        assert event_type is not None
        validator = Draft202012Validator(schema)
        for path in sorted((ROOT / "schemas" / "examples" / name).glob("*.json")):
            validator.validate(json.loads(event_type.from_bytes(path.read_bytes()).to_bytes()))


def field(*path: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The schema of a field, found by its path from the event or from one of its definitions."""

    def find(schema: dict[str, Any]) -> dict[str, Any]:
        *models, name = path
        model = schema["$defs"][models[0]] if models else schema
        found: dict[str, Any] = model["properties"][name]
        return found

    return find


def removed(schema: dict[str, Any]) -> None:
    del schema["properties"]["section"]


def removed_inside_a_part(schema: dict[str, Any]) -> None:
    del schema["$defs"]["Outlet"]["properties"]["country"]


def retyped(schema: dict[str, Any]) -> None:
    field("word_count")(schema)["type"] = "string"


def retyped_from_nullable(schema: dict[str, Any]) -> None:
    found = field("section")(schema)
    found.update(found.pop("anyOf")[0])


def retyped_items(schema: dict[str, Any]) -> None:
    field("inlined_article_ids")(schema)["items"]["type"] = "integer"


def renamed(schema: dict[str, Any]) -> None:
    schema["properties"]["title"] = schema["properties"].pop("headline")
    schema["required"][schema["required"].index("headline")] = "title"


def newly_required(schema: dict[str, Any]) -> None:
    schema["required"].append("section")


def newly_required_inside_a_part(schema: dict[str, Any]) -> None:
    schema["$defs"]["Outlet"].setdefault("required", []).append("domain")


def no_longer_required(schema: dict[str, Any]) -> None:
    schema["required"].remove("headline")


def added_and_required(schema: dict[str, Any]) -> None:
    schema["properties"]["mood"] = {"type": "string"}
    schema["required"].append("mood")


def value_taken_away(schema: dict[str, Any]) -> None:
    field("page_kind")(schema)["enum"].remove("gallery")


def value_added(schema: dict[str, Any]) -> None:
    field("Removed", "kind")(schema)["enum"].append("weather")


def default_changed(schema: dict[str, Any]) -> None:
    field("status")(schema)["default"] = "withdrawn"


def limit_lowered(schema: dict[str, Any]) -> None:
    field("Language", "confidence")(schema)["maximum"] = 0.5


def format_changed(schema: dict[str, Any]) -> None:
    field("fetched_at")(schema)["format"] = "date"


def version_raised(schema: dict[str, Any]) -> None:
    field("schema_version")(schema)["const"] = "2"


@pytest.mark.parametrize(
    ("mutation", "path"),
    [
        (removed, "section: the field is gone"),
        (removed_inside_a_part, "outlet.country: the field is gone"),
        (retyped, "word_count: the type changed"),
        (retyped_from_nullable, "section: the type changed"),
        (retyped_items, "inlined_article_ids[]: the type changed"),
        (renamed, "headline: the field is gone"),
        (newly_required, "section: the field is required now"),
        (newly_required_inside_a_part, "outlet.domain: the field is required now"),
        (no_longer_required, "headline: the field is no longer required"),
        (added_and_required, "mood: the new field is required"),
        (value_taken_away, "page_kind: the value 'gallery' is gone"),
        (value_added, "removed[].kind: the value 'weather' is new"),
        (default_changed, "status: the default changed"),
        (limit_lowered, "language.confidence: maximum changed"),
        (format_changed, "fetched_at: format changed"),
        (version_raised, "schema_version: the value '1' is gone"),
    ],
    ids=lambda item: item.__name__ if callable(item) else "",
)
def test_the_gate_sees_what_breaks_readers_or_records(mutation: Mutation, path: str) -> None:
    old = json_schema(CLEAN_ARTICLES)
    new = copy.deepcopy(old)
    mutation(new)
    assert any(problem.startswith(path) for problem in compatibility_problems(old, new)), compatibility_problems(
        old, new
    )


def test_the_gate_sees_a_rule_over_several_fields_change() -> None:
    old = json_schema(RAW_ARTICLES)
    new = copy.deepcopy(old)
    del new["allOf"][0]
    assert any("allOf changed" in problem for problem in compatibility_problems(old, new))


def test_the_gate_sees_a_list_made_longer() -> None:
    old = json_schema(DUPLICATE_ALERTS)
    new = copy.deepcopy(old)
    new["properties"]["matches"]["maxItems"] = 32
    assert any(problem.startswith("matches: maxItems changed") for problem in compatibility_problems(old, new))


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_a_schema_can_follow_itself(topic: Topic[Event]) -> None:
    assert compatibility_problems(json_schema(topic), json_schema(topic)) == ()


def test_a_field_with_a_default_and_other_words_may_come() -> None:
    old = json_schema(CLEAN_ARTICLES)
    new = copy.deepcopy(old)
    new["properties"]["mood"] = {"type": "string", "default": ""}
    new["properties"]["tags"] = {"type": "array", "items": {"type": "string"}}
    new["description"] = "Other words."
    field("Outlet", "name")(new)["description"] = "Other words."
    assert compatibility_problems(old, new) == ()


@pytest.mark.parametrize("event_type", [RawArticle, CleanArticle, DuplicateAlert])
def test_the_gate_sees_a_field_vanish_from_a_model(event_type: type[Event]) -> None:
    schema = event_type.model_json_schema()
    for name in schema["properties"]:
        mutated = copy.deepcopy(schema)
        del mutated["properties"][name]
        problems = compatibility_problems(schema, mutated)
        assert any(problem.startswith(f"{name}: the field is gone") for problem in problems)
        # the other way round it is an added field: fine unless it is required
        added = compatibility_problems(mutated, schema)
        assert added == () or name in schema.get("required", [])
