"""The outlet registry: news outlets, agencies and aggregators by name and by domain.

`outlets.json` beside this file holds several hundred of the world's. Users add their own, or replace entries by `id`,
with a file of the same shape: a JSON array of objects with `name` and, as far as known, `id, domain, other_domains,
country, language, group, aliases, is_agency, is_aggregator, date_order`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast, get_args

from schemas.articles import Outlet, outlet_id_of
from schemas.events import well_formed
from services.cleaner.ages import DateOrder

_MONTH_FIRST: Final = frozenset({"US", "PH", "PR", "GU"})
_YEAR_FIRST: Final = frozenset({"CN", "JP", "KR", "KP", "TW", "HU", "MN", "LT", "IR"})
_FIELDS: Final = frozenset(
    {
        *("id", "name", "domain", "other_domains", "country", "language", "group"),
        *("aliases", "is_agency", "is_aggregator", "date_order"),
    }
)
_NOT_WORD: Final = re.compile(r"[^\w]+")
_ARTICLES: Final = ("the ",)
_LONGEST_NAME: Final = 60
_HOST_PREFIXES: Final = ("www.", "m.", "amp.", "mobile.", "test.")


class OutletRegistryError(ValueError):
    """A registry file that cannot be used: the message names the file, the entry, the field and the remedy."""


@dataclass(frozen=True, slots=True)
class RegisteredOutlet:
    """An entry of the registry. `date_order` is how the outlet writes dates in digits."""

    id: str
    name: str
    domain: str | None = None
    other_domains: tuple[str, ...] = ()
    country: str | None = None
    language: str | None = None
    group: str | None = None
    aliases: tuple[str, ...] = ()
    is_agency: bool = False
    is_aggregator: bool = False
    date_order: DateOrder = "dmy"

    def as_outlet(self) -> Outlet:
        """The outlet as events carry it."""
        return Outlet(name=self.name, id=self.id, domain=self.domain, country=self.country, group=self.group)


def fold_name(name: str) -> str:
    """`name` for comparison: NFKD without accents, lower case, punctuation as one space, no leading "the"."""
    plain = name.lower()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", well_formed(name).casefold())
        plain = "".join([char for char in plain if not unicodedata.combining(char)])
    folded = _NOT_WORD.sub(" ", plain.replace("'", "").replace("’", "")).strip()
    for article in _ARTICLES:
        if folded.startswith(article) and len(folded) > len(article):
            folded = folded[len(article) :]
    return folded


class OutletRegistry:
    """Outlets by folded name or alias and by domain. Look-ups are a few dictionary reads."""

    def __init__(self, outlets: Iterable[RegisteredOutlet]) -> None:
        self._by_id: dict[str, RegisteredOutlet] = {}
        self._by_name: dict[str, RegisteredOutlet] = {}
        self._by_domain: dict[str, RegisteredOutlet] = {}
        for outlet in outlets:
            self._by_id[outlet.id] = outlet
        for outlet in self._by_id.values():
            for domain in (outlet.domain, *outlet.other_domains):
                if domain:
                    self._by_domain[domain] = outlet
            self._by_name[fold_name(outlet.name)] = outlet
        for outlet in self._by_id.values():
            for alias in outlet.aliases:
                # a name of its own goes before another's alias
                self._by_name.setdefault(fold_name(alias), outlet)
        self._by_name.pop("", None)

    def __len__(self) -> int:
        return len(self._by_id)

    def entries(self) -> tuple[RegisteredOutlet, ...]:
        """All entries."""
        return tuple(self._by_id.values())

    def by_id(self, outlet_id: str) -> RegisteredOutlet | None:
        """The entry with this id."""
        return self._by_id.get(outlet_id)

    def by_name(self, name: str) -> RegisteredOutlet | None:
        """The entry that `name` is the name or an alias of, accents, case, punctuation and "The" aside."""
        name = name.strip()
        if not name or len(name) > _LONGEST_NAME:
            return None
        return self._by_name.get(fold_name(name))

    def by_domain(self, host: str | None) -> RegisteredOutlet | None:
        """The entry with the longest domain that `host` is or lies under (news.example.com under example.com)."""
        labels = (host or "").strip().lower().rstrip(".").split(".")
        for first in range(max(0, len(labels) - 6), len(labels) - 1):
            outlet = self._by_domain.get(".".join(labels[first:]))
            if outlet is not None:
                return outlet
        return None

    def resolve(self, name_or_domain: str) -> RegisteredOutlet | None:
        """The entry that a publisher's hint means, be it a name, a domain or an address."""
        text = name_or_domain.strip()
        host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text.lower()).split("/", 1)[0]
        return self.by_name(text) or (self.by_domain(host) if "." in host and " " not in host else None)


def outlet_named(name: str, registry: OutletRegistry, *, domain: str | None = None) -> Outlet:
    """The outlet printed as `name`: the registry's entry, or one made of the name for an outlet it does not know."""
    known = registry.by_name(name)
    if known is not None:
        return known.as_outlet()
    return Outlet(name=" ".join(name.split()), id=outlet_id_of(name), domain=domain)


def outlet_of_host(host: str) -> Outlet:
    """An outlet known by its host alone, named after it: for a page whose outlet neither registry nor page tells."""
    bare = host.lower()
    for prefix in _HOST_PREFIXES:
        bare = bare.removeprefix(prefix)
    return Outlet(name=bare, id=outlet_id_of(bare), domain=bare)


def read_outlets(text: str, *, file_name: str) -> list[RegisteredOutlet]:
    """The entries of a registry file. Raises OutletRegistryError for what is not one."""
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise OutletRegistryError(f"{file_name} is not JSON ({error}); write an array of outlets") from None
    if not isinstance(entries, list):
        raise OutletRegistryError(f"{file_name} is not an array of outlets")
    return [_entry(entry, number, file_name) for number, entry in enumerate(cast("list[Any]", entries))]


def _entry(entry: Any, number: int, file_name: str) -> RegisteredOutlet:
    where = f"{file_name}, entry {number}"
    if not isinstance(entry, dict):
        raise OutletRegistryError(f"{where} is not an object with at least a name")
    fields = cast("dict[str, Any]", entry)
    unknown = sorted(set(fields) - _FIELDS)
    if unknown:
        raise OutletRegistryError(f"{where} has a field {unknown[0][:40]!r} that outlets do not have; remove it")
    name = fields.get("name")
    if not isinstance(name, str) or not fold_name(name):
        raise OutletRegistryError(f"{where} has no name; give it one, as the outlet prints it")
    for key in ("id", "domain", "country", "language", "group"):
        if fields.get(key) is not None and not isinstance(fields[key], str):
            raise OutletRegistryError(f"{where} ({name[:40]}): {key} is not a string")
    for key in ("other_domains", "aliases"):
        values = fields.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in cast("list[Any]", values)):
            raise OutletRegistryError(f"{where} ({name[:40]}): {key} is not a list of strings")
    for key in ("is_agency", "is_aggregator"):
        if not isinstance(fields.get(key, False), bool):
            raise OutletRegistryError(f"{where} ({name[:40]}): {key} is neither true nor false")
    country = fields.get("country")
    order = fields.get("date_order")
    if order is not None and order not in get_args(DateOrder):
        raise OutletRegistryError(f"{where} ({name[:40]}): date_order {str(order)[:20]!r} is none of dmy, mdy, ymd")
    domain = fields.get("domain")
    return RegisteredOutlet(
        id=fields.get("id") or outlet_id_of(name),
        name=name,
        domain=domain.lower().strip() if domain else None,
        other_domains=tuple(value.lower().strip() for value in fields.get("other_domains", [])),
        country=country,
        language=fields.get("language"),
        group=fields.get("group"),
        aliases=tuple(fields.get("aliases", [])),
        is_agency=fields.get("is_agency", False),
        is_aggregator=fields.get("is_aggregator", False),
        date_order=order or _order_of(country),
    )


def _order_of(country: str | None) -> DateOrder:
    if country in _MONTH_FIRST:
        return "mdy"
    return "ymd" if country in _YEAR_FIRST else "dmy"


@lru_cache(maxsize=1)
def default_registry() -> OutletRegistry:
    """The registry that comes with the suite; read once."""
    text = files("services.cleaner").joinpath("outlets.json").read_text(encoding="utf-8")
    return OutletRegistry(read_outlets(text, file_name="outlets.json"))


def load_registry(*paths: str | Path) -> OutletRegistry:
    """The suite's registry, extended by users' files in order: an entry replaces an earlier one of the same id.

    Raises OutletRegistryError for a file that cannot be read or is no registry.
    """
    base = default_registry()
    if not paths:
        return base
    outlets = list(base.entries())
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OutletRegistryError(f"the outlet file {path} cannot be read: {error}") from None
        outlets.extend(read_outlets(text, file_name=str(path)))
    return OutletRegistry(outlets)
