"""Countries by any name, and cities by what else the article names."""

from __future__ import annotations

import pytest

from services.entities.links import Named, Places
from services.entities.places import city, country, country_geonames, is_place, state


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Russia", "RU"),
        ("U.S.", "US"),
        ("the United States", "US"),
        ("UK", "GB"),
        ("Azerbaijan", "AZ"),
        ("South Korea", "KR"),
        ("Ivory Coast", "CI"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Kosovo", "XK"),
        ("us", None),
        ("Baku", None),
        ("", None),
    ],
)
def test_a_country_is_known_by_any_of_its_names(name: str, code: str | None) -> None:
    assert country(name) == code


def _links(*names: tuple[str, str]) -> dict[str, dict[str, str]]:
    named = [Named(name, label, (name,), country(name) if label == "LOC" else None) for name, label in names]  # type: ignore[arg-type]
    return {n.name: dict(found) for n, found in zip(named, Places().links(named, "", ""), strict=True)}


def test_countries_and_cities_have_ids() -> None:
    links = _links(("Azerbaijan", "LOC"), ("Baku", "LOC"), ("Baku", "ORG"), ("Karabakh", "LOC"))
    assert links["Azerbaijan"] == {"iso3166": "AZ", "geonames": "587116"}
    assert links["Karabakh"] == {}
    assert _links(("Azerbaijan", "LOC"), ("Baku", "LOC"))["Baku"] == {"geonames": "587084"}


def test_a_city_is_chosen_by_the_countries_of_the_article() -> None:
    alone, canadian = city("London", ()), city("London", ("CA",))
    assert alone is not None
    assert alone.country == "GB"
    assert canadian is not None
    birmingham = city("Birmingham", ("US",))
    assert birmingham is not None
    assert birmingham.country == "US"
    assert city("Birmingham", ()) != birmingham


def test_georgia_among_states_is_the_state() -> None:
    assert _links(("Georgia", "LOC"), ("South Carolina", "LOC"))["Georgia"] == {"geonames": state("Georgia")}
    assert _links(("Georgia", "LOC"), ("Russia", "LOC"))["Georgia"]["iso3166"] == "GE"


def test_only_places_have_place_ids() -> None:
    assert _links(("Paris", "PER"))["Paris"] == {}


def test_every_country_has_a_geonames_id_and_small_words_are_no_places() -> None:
    assert country_geonames("DE") == "2921044"
    assert is_place("Frankfurt")
    assert not is_place("Monday")
    assert not is_place("")
