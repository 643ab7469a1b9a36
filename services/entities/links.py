"""Ids elsewhere for what an article names: a port for knowledge bases, and the one that knows places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.entities import Label
from services.entities.names import folded
from services.entities.places import city, country, country_geonames, state


@dataclass(frozen=True, slots=True)
class Named:
    """One entity of an article, as a knowledge base sees it."""

    name: str
    label: Label
    surfaces: tuple[str, ...]
    country: str | None


class KnowledgeBase(Protocol):
    """Links entities to ids elsewhere. Pure: equal entities give equal links, whatever was asked before.

    NEWSLOOM_ENTITIES_KNOWLEDGE_BASES plugs in one of your own. What it raises makes the article a dead letter. When its
    contents change, replayed articles get other links.
    """

    def links(self, entities: Sequence[Named], headline: str, text: str) -> list[Mapping[str, str]]:
        """Ids by the name of their scheme for each entity, empty where none is known; as many as entities."""
        ...


class Places:
    """`iso3166` (alpha-2) and `geonames` for countries, `geonames` for US states and cities.

    A city is chosen among its namesakes by population and by the countries that the article names.
    """

    def links(self, entities: Sequence[Named], headline: str, text: str) -> list[Mapping[str, str]]:
        """See `KnowledgeBase`."""
        del headline, text
        codes = {entity.country for entity in entities if entity.country and entity.label == "LOC"}
        states = {folded(e.name) for e in entities if e.label == "LOC" and e.country is None and state(e.name)}
        if states:
            codes.add("US")
        # Georgia among Alabama and the Carolinas is the state
        georgia_is_state = "US" in codes and bool(states) and not codes & {"AM", "AZ", "RU", "TR"}
        return [self._of(entity, frozenset(codes - {None}), georgia_is_state) for entity in entities]  # type: ignore[arg-type]

    def _of(self, entity: Named, codes: frozenset[str], georgia_is_state: bool) -> Mapping[str, str]:
        if entity.label != "LOC":
            return {}
        code = entity.country
        if code == "GE" and georgia_is_state:
            found = state(entity.name)
            return {"geonames": found} if found else {}
        if code:
            geonames = country_geonames(code)
            # XK is in use everywhere and assigned nowhere: GeoNames has it, ISO 3166 leaves it to users
            return {"iso3166": code} | ({"geonames": geonames} if geonames else {})
        if found := state(entity.name):
            return {"geonames": found}
        head = entity.name.split(",")[0]
        place = city(head, codes)
        return {"geonames": place.geonames} if place else {}


def country_of(name: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of the country that `name` names, or None."""
    return country(name)
