"""Hypothesis strategies for events, built from the models' own fields and constraints."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from schemas.articles import RawArticle
from schemas.events import Event, Part

# what text on the wire can hold: everything but surrogates, NUL and astral planes included
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def events(event_type: type[Event]) -> st.SearchStrategy[Event]:
    """Valid instances of `event_type`: fields within their constraints, those with defaults left out at times."""
    drawn = st.fixed_dictionaries(
        {name: _field(name, field) for name, field in event_type.model_fields.items() if field.is_required()},
        optional={
            name: _field(name, field) for name, field in event_type.model_fields.items() if not field.is_required()
        },
    )
    return drawn.map(_whole if event_type is RawArticle else dict).map(event_type.model_validate)


def _whole(fields: dict[str, Any]) -> dict[str, Any]:
    """The rules that a raw article has over several fields at once."""
    if fields.get("url") is None and fields.get("record_id") is None:
        fields["record_id"] = "1"
    if fields.get("status") != "withdrawn" and not ((fields.get("html") or "") + (fields.get("text") or "")).strip():
        fields["text"] = "a"
    return fields


def _field(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    if (
        name == "url"
        and field.annotation == str | None
        and any(isinstance(limit, annotated_types.MaxLen) for limit in field.metadata)
    ):
        return st.none() | TEXT.map(lambda path: "https://www.larkfield-courier.example/" + path.strip())
    return _annotation(field.annotation, field.metadata)


def _limit(metadata: list[Any], kind: type, attribute: str) -> Any:
    return next((getattr(limit, attribute) for limit in metadata if isinstance(limit, kind)), None)


def _annotation(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        nested = [part for item in arguments[1:] for part in (item.metadata if isinstance(item, FieldInfo) else [item])]
        return _annotation(arguments[0], [*metadata, *nested])
    if origin in (Union, types.UnionType):
        return st.one_of(*(_annotation(argument, metadata) for argument in arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    shortest = _limit(metadata, annotated_types.MinLen, "min_length") or 0
    if origin is tuple:
        return st.lists(_annotation(arguments[0], []), min_size=shortest, max_size=max(shortest, 3))
    if origin is dict:
        return st.dictionaries(TEXT, JSON_VALUES if arguments[1] is Any else _annotation(arguments[1], []), max_size=3)
    least = _limit(metadata, annotated_types.Ge, "ge")
    most = _limit(metadata, annotated_types.Le, "le")
    scalars: dict[Any, Callable[[], st.SearchStrategy[Any]]] = {
        type(None): st.none,
        str: lambda: TEXT.filter(lambda text: len(text) >= shortest),
        bool: st.booleans,
        int: lambda: st.integers(least, most if most is not None else 2**53),
        float: lambda: st.floats(least, most, allow_nan=False),
        datetime: lambda: INSTANTS,
    }
    if annotation in scalars:
        return scalars[annotation]()
    if isinstance(annotation, type) and issubclass(annotation, Part):
        fields = annotation.model_fields.items()
        return st.fixed_dictionaries({name: _field(name, field) for name, field in fields})
    raise TypeError(f"no strategy for {annotation}; teach it here")
