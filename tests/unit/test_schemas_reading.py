"""How events are read from bytes: whatever comes, an event or a named error."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.articles import CleanArticle, Outlet, RawArticle, outlet_id_of, page_id, version_id
from schemas.events import Event, InvalidEventError, content_hash, read_event, well_formed
from schemas.export import json_schema
from schemas.topics import ALL_TOPICS, Topic
from tests.unit.schemas_strategies import JSON_VALUES, events

TOPICS = [topic for topic in ALL_TOPICS if topic.event is not None]
EVENT_TYPES = list({topic.event: None for topic in TOPICS if topic.event is not None})
RAW = {
    "url": "https://www.larkfield-courier.example/a",
    "fetched_at": "2026-03-10T08:15:00Z",
    "text": "Body.",
    "publisher": {"name": "harbour-scraper"},
}


def names(item: Any) -> str:
    return item.name if isinstance(item, Topic) else item.__name__


@cache
def validators(topic_name: str) -> tuple[Draft202012Validator, ...]:
    topic = next(topic for topic in TOPICS if topic.name == topic_name)
    return tuple(Draft202012Validator(json_schema(topic, closed=closed)) for closed in (False, True))


def read(event_type: type[Event], value: bytes) -> Event | InvalidEventError:
    try:
        return event_type.from_bytes(value)
    except InvalidEventError as raised:
        error = raised
    assert error.kind in ("decode_error", "invalid")
    assert 0 < len(str(error)) < 1500, "a message never holds a page"
    return error


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=names)
@settings(max_examples=40)
@given(value=st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_end_in_an_event_or_a_named_error(event_type: type[Event], value: bytes) -> None:
    read(event_type, value)


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=names)
@settings(max_examples=40)
@given(value=JSON_VALUES)
def test_any_json_ends_in_an_event_or_a_named_error(event_type: type[Event], value: object) -> None:
    read(event_type, json.dumps(value).encode())


@given(data=st.data())
def test_a_valid_record_with_any_field_replaced_ends_in_an_event_or_a_named_error(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(RawArticle.model_fields)))
    value = data.draw(JSON_VALUES | st.text(st.characters(categories=["Cs", "Lu", "Nd"]), min_size=1))
    encoded = json.dumps({**RAW, name: value}).encode()
    outcome = read(RawArticle, encoded)
    if isinstance(outcome, RawArticle):
        assert RawArticle.from_bytes(outcome.to_bytes()) == outcome


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=names)
@settings(max_examples=60)
@given(data=st.data())
def test_a_long_value_is_read_as_a_short_one(event_type: type[Event], data: st.DataObject) -> None:
    fields = json.loads(data.draw(events(event_type)).to_bytes())
    if data.draw(st.booleans()):
        fields[data.draw(st.sampled_from(sorted(event_type.model_fields)))] = data.draw(JSON_VALUES)
    value = json.dumps(fields).encode()
    # long values take another way through pydantic
    outcome, long = read(event_type, value), read(event_type, value + b" " * (1 << 15))
    assert type(long) is type(outcome)
    assert long == outcome if isinstance(outcome, Event) else str(long) == str(outcome)


@given(data=st.data())
def test_a_valid_record_with_any_bytes_cut_out_or_put_in_ends_in_an_event_or_a_named_error(data: st.DataObject) -> None:
    value = json.dumps({**RAW, "extra": {"a": ["\ud800", 1.5, None]}}).encode()
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, len(value)))
    read(RawArticle, value[:start] + data.draw(st.binary(max_size=8)) + value[end:])


@pytest.mark.parametrize("topic", TOPICS, ids=names)
@settings(max_examples=30)
@given(data=st.data())
def test_what_is_written_is_read_back_and_satisfies_the_schema(topic: Topic[Event], data: st.DataObject) -> None:
    assert topic.event is not None
    event = data.draw(events(topic.event))
    value = event.to_bytes()
    again = topic.event.closed_from_bytes(value)
    assert again == event
    assert again.to_bytes() == value
    for validator in validators(topic.name):
        validator.validate(json.loads(value))


@pytest.mark.parametrize("padding", [0, 1 << 15])
def test_unknown_fields_are_ignored_and_named(padding: int) -> None:
    value = json.dumps({**RAW, "mood": "sunny", "publisher": {"name": "harbour-scraper", "team": "news"}}).encode()
    event, unknown = read_event(RawArticle, value + b" " * padding)
    assert event == RawArticle.from_bytes(json.dumps(RAW).encode())
    assert sorted(unknown) == ["mood", "publisher.team"]


def test_an_unknown_field_does_not_hide_what_else_is_wrong() -> None:
    with pytest.raises(InvalidEventError, match="append Z") as caught:
        RawArticle.from_bytes(json.dumps({**RAW, "mood": 1, "fetched_at": "2026-03-10T08:15:00"}).encode())
    assert caught.value.fields == ("fetched_at",)


def test_lone_surrogates_become_replacement_characters() -> None:
    event = RawArticle.from_bytes(json.dumps({**RAW, "text": "a\ud83d", "extra": {"\udc00": ["\ud800"]}}).encode())
    assert event.text == "a\ufffd"
    assert event.extra == {"\ufffd": ["\ufffd"]}
    assert RawArticle.from_bytes(event.to_bytes()) == event


def test_instants_are_utc_and_milliseconds_on_the_wire() -> None:
    event = RawArticle.from_bytes(json.dumps({**RAW, "fetched_at": "2026-03-10T10:15:00.123987+02:00"}).encode())
    assert json.loads(event.to_bytes())["fetched_at"] == "2026-03-10T08:15:00.123Z"


@pytest.mark.parametrize("digits", ["1773130500", "1773130500000", " 1773130500.5 ", "-1", "0"])
def test_digits_are_no_instant(digits: str) -> None:
    with pytest.raises(InvalidEventError, match="2026-01-31T08:15:00Z"):
        RawArticle.from_bytes(json.dumps({**RAW, "fetched_at": digits}).encode())


def test_a_clean_article_needs_only_what_the_design_asks_for() -> None:
    assert sorted(name for name, field in CleanArticle.model_fields.items() if field.is_required()) == sorted(
        ["article_id", "outlet", "headline", "text", "fetched_at"]
    )
    assert [name for name, field in Outlet.model_fields.items() if field.is_required()] == ["name"]


def test_the_version_is_derived_from_headline_and_text() -> None:
    fields = {"article_id": "a", "outlet": {"name": "Larkfield Courier"}, "fetched_at": "2026-03-10T08:15:00Z"}
    event = CleanArticle.from_bytes(json.dumps({**fields, "headline": "H", "text": "T"}).encode())
    assert event.version_id == version_id("H", "T") != version_id("HT", "")
    assert event.outlet.id == outlet_id_of("Larkfield  COURIER") == "larkfield-courier"


def test_a_page_is_known_by_its_address_or_by_publisher_and_record_id() -> None:
    assert page_id(url_key="k") != page_id(publisher="", record_id="k")
    assert page_id(publisher="a", record_id="bc") != page_id(publisher="ab", record_id="c")
    with pytest.raises(ValueError, match="url or a record_id"):
        page_id(publisher="a")


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_equal_hashes_mean_equal_parts(left: list[str], right: list[str]) -> None:
    same = [well_formed(part) for part in left] == [well_formed(part) for part in right]
    assert (content_hash(*left) == content_hash(*right)) == same


def test_hashes_are_the_same_in_every_release() -> None:
    # stored ids rely on it: a change here is a new scheme number
    assert content_hash("larkfield", "courier") == "da3bf31f4947e25201daf40b8e26c9b7"
    assert content_hash("cafe\u0301") == content_hash("caf\u00e9") == "78297c6263ba7f71aa47062054974200"
