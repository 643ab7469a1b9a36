"""The examples of every topic: valid ones are read whole, each invalid one raises the error written beside it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from schemas.events import Event, InvalidEventError
from schemas.export import json_schema
from schemas.topics import ALL_TOPICS, Topic

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
TOPICS = {topic.name: topic for topic in ALL_TOPICS if topic.event is not None}
VALID = sorted(EXAMPLES.glob("*/*.json"))
INVALID = sorted(
    path for path in EXAMPLES.glob("*/invalid/*") if path.suffix in (".json", ".bin") and ".error" not in path.suffixes
)

# what JSON Schema cannot say of a string
BEYOND_A_SCHEMA = ("url-with-open-bracket", "fetched-at-before-the-year-1")

FORMATS = FormatChecker(())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def label(path: Path) -> str:
    return path.relative_to(EXAMPLES).as_posix()


def topic_of(path: Path) -> tuple[Topic[Event], type[Event]]:
    topic = TOPICS[path.relative_to(EXAMPLES).parts[0]]
    assert topic.event is not None
    return topic, topic.event


def contained(part: Any, whole: Any) -> bool:
    """Whether everything in `part` is in `whole`, instants compared as instants."""
    if isinstance(part, dict):
        return all(name in whole and contained(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(contained(*pair) for pair in zip(part, whole, strict=True))
    if isinstance(part, str) and part != whole:
        try:
            return datetime.fromisoformat(part) == datetime.fromisoformat(whole)
        except ValueError:
            return part.encode("utf-8", "replace").decode() == whole.replace("\ufffd", "?")
    return bool(part == whole)


def test_every_topic_has_valid_and_invalid_examples() -> None:
    assert {path.parent.name for path in VALID} == set(TOPICS)
    assert {path.parent.parent.name for path in INVALID} == set(TOPICS)


@pytest.mark.parametrize("path", VALID, ids=label)
def test_a_valid_example_is_read_by_the_closed_reading_and_loses_nothing(path: Path) -> None:
    _, event_type = topic_of(path)
    event = event_type.closed_from_bytes(path.read_bytes())
    assert contained(json.loads(path.read_bytes()), json.loads(event.to_bytes()))
    assert event_type.closed_from_bytes(event.to_bytes()).to_bytes() == event.to_bytes()


@pytest.mark.parametrize("path", VALID, ids=label)
def test_a_valid_example_and_what_is_made_of_it_satisfy_the_schema(path: Path) -> None:
    topic, event_type = topic_of(path)
    for closed in (False, True):
        validator = Draft202012Validator(json_schema(topic, closed=closed), format_checker=FORMATS)
        validator.validate(json.loads(path.read_bytes()))
        validator.validate(json.loads(event_type.from_bytes(path.read_bytes()).to_bytes()))


@pytest.mark.parametrize("name", sorted(name for name in TOPICS if (EXAMPLES / name / "full.json").exists()))
def test_the_full_example_of_a_topic_has_every_field(name: str) -> None:
    event = TOPICS[name].event
    assert event is not None
    assert list(json.loads((EXAMPLES / name / "full.json").read_bytes())) == list(event.model_fields)


def test_every_invalid_example_has_its_error_and_every_error_its_example() -> None:
    errors = sorted(path.name.removesuffix(".error.json") for path in EXAMPLES.glob("*/invalid/*.error.json"))
    assert errors == sorted(path.stem for path in INVALID)


@pytest.mark.parametrize("path", INVALID, ids=label)
def test_an_invalid_example_raises_its_named_error(path: Path) -> None:
    topic, event_type = topic_of(path)
    expected = json.loads(path.with_name(path.stem + ".error.json").read_bytes())
    value = path.read_bytes()
    closed_only = expected["kind"] == "closed"
    if closed_only:
        event_type.from_bytes(value)
    with pytest.raises(InvalidEventError) as caught:
        event_type.closed_from_bytes(value)
    assert caught.value.kind == ("invalid" if closed_only else expected["kind"])
    assert list(caught.value.fields) == expected["fields"]
    message = str(caught.value)
    assert expected["message"] in message
    for field in expected["fields"]:
        assert (field or event_type.__name__) in message
    assert len(message) < 400
    if caught.value.kind == "invalid" and path.suffix == ".json" and path.stem not in BEYOND_A_SCHEMA:
        # the schema alone tells a publisher in another language the same; dates need its format checker switched on
        schema = json_schema(topic, closed=closed_only)
        assert not Draft202012Validator(schema, format_checker=FORMATS).is_valid(json.loads(value))
