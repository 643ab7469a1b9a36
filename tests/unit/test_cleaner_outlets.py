"""The outlet registry finds outlets by name and domain, and says what is wrong with a user's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cleaner.outlets import (
    OutletRegistryError,
    default_registry,
    fold_name,
    load_registry,
    outlet_named,
    outlet_of_host,
    read_outlets,
)


def test_the_registry_knows_several_hundred_outlets_each_once() -> None:
    registry = default_registry()
    assert len(registry) >= 700
    assert len({outlet.domain for outlet in registry.entries()}) == len(registry)


@pytest.mark.parametrize(
    ("name", "outlet_id"),
    [("The Guardian", "the-guardian"), ("guardian", "the-guardian"), ("BBC News", "bbc"), ("Clarin", "clarín")],
)
def test_a_name_is_found_without_article_accents_and_case(name: str, outlet_id: str) -> None:
    found = default_registry().by_name(name)
    assert found is not None
    assert found.id == outlet_id


def test_a_domain_is_found_below_its_own_and_not_by_its_end_alone() -> None:
    registry = default_registry()
    for host in ("www.daily8.com", "test.daily8.com", "DAILY8.com."):
        found = registry.by_domain(host)
        assert found is not None
        assert found.is_aggregator
    assert registry.by_domain("notdaily8.com") is None
    assert registry.by_domain("com") is None
    assert registry.by_domain(None) is None


def test_countries_say_how_dates_are_written() -> None:
    registry = default_registry()
    orders = {name: found.date_order for name in ("CNN", "BBC", "NHK", "Daily8") if (found := registry.by_name(name))}
    assert orders == {"CNN": "mdy", "BBC": "dmy", "NHK": "ymd", "Daily8": "dmy"}


def test_an_unknown_outlet_is_made_of_its_name() -> None:
    assert outlet_named("The  Merrow Dispatch", default_registry()).id == "the-merrow-dispatch"
    assert outlet_of_host("www.merrow-dispatch.example").name == "merrow-dispatch.example"


def test_a_users_file_adds_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "outlets.json"
    path.write_text(
        json.dumps(
            [
                {"name": "Merrow Dispatch", "domain": "merrow.example", "aliases": ["The Dispatch"], "country": "US"},
                {"id": "bbc", "name": "BBC", "domain": "bbc.com", "group": "ours"},
            ]
        )
    )
    registry = load_registry(path)
    added, replaced = registry.by_name("the dispatch"), registry.by_id("bbc")
    assert added is not None
    assert replaced is not None
    assert (added.id, added.date_order) == ("merrow-dispatch", "mdy")
    assert replaced.group == "ours"
    assert default_registry().by_name("the dispatch") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("{}", "not an array"),
        ("[1]", "not an object"),
        ('[{"domain": "a.example"}]', "no name"),
        ('[{"name": "A", "colour": "red"}]', "colour"),
        ('[{"name": "A", "aliases": "B"}]', "aliases is not a list"),
        ('[{"name": "A", "is_agency": 1}]', "is_agency"),
        ('[{"name": "A", "date_order": "ydm"}]', "none of dmy"),
    ],
)
def test_a_wrong_file_is_refused_with_its_entry_and_field(content: str, said: str) -> None:
    with pytest.raises(OutletRegistryError, match=said):
        read_outlets(content, file_name="outlets.json")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(OutletRegistryError, match="nowhere"):
        load_registry("/nowhere/outlets.json")


@given(st.text(max_size=80))
def test_any_text_can_be_looked_up(name: str) -> None:
    registry = default_registry()
    registry.by_name(name)
    registry.by_domain(name)
    registry.resolve(name)
    assert fold_name(fold_name(name)) == fold_name(fold_name(fold_name(name)))
