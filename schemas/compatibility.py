"""Whether two versions of an event's JSON Schema can live on one topic.

Within a schema version records of either are read by programs of either, so the rule is the strictest of the usual ones
(full compatibility, both ways): fields are only added, with a default. What this module calls a problem breaks either
the readers of yesterday or the records of yesterday.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

Schema = Mapping[str, Any]

_ANNOTATIONS: Final = frozenset({"title", "description", "examples", "$id", "$schema", "$comment", "$defs"})
# compared structurally below; every other keyword must stay as it is
_STRUCTURE: Final = frozenset({"properties", "required", "items", "anyOf", "$ref", "type", "enum", "const", "default"})


def compatibility_problems(old: Schema, new: Schema) -> tuple[str, ...]:
    """What keeps `new` from replacing `old` on its topic, a sentence each with the field's path; empty when nothing.

    Both are JSON Schemas as `schemas.export.json_schema` writes them: objects, arrays, `anyOf` and references into
    their own `$defs`. Words (titles, descriptions) may change.
    """
    return tuple(_compare(old, new, (old, new), "", frozenset()))


def _compare(
    old: Schema, new: Schema, roots: tuple[Schema, Schema], path: str, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    references = str(old.get("$ref", "")), str(new.get("$ref", ""))
    if any(references):
        if references in seen:
            return
        seen = seen | {references}
    where = path or "the event"
    if ("default" in old) != ("default" in new) or old.get("default") != new.get("default"):
        yield f"{where}: the default changed from {_shown(old, 'default')} to {_shown(new, 'default')}"
    old, new = _resolved(old, roots[0]), _resolved(new, roots[1])
    if old.get("type") != new.get("type"):
        yield f"{where}: the type changed from {_shown(old, 'type')} to {_shown(new, 'type')}"
    yield from _compare_values(old, new, where)
    yield from _compare_fields(old, new, roots, path, seen)
    if "items" in old and "items" in new:
        yield from _compare(old["items"], new["items"], roots, f"{path}[]", seen)
    elif "items" in old or "items" in new:
        yield f"{where}: what its items are changed"
    old_choices, new_choices = _choices(old), _choices(new)
    if len(old_choices) != len(new_choices):
        yield f"{where}: the type changed: there were {len(old_choices)} alternatives, there are {len(new_choices)}"
    else:
        for old_choice, new_choice in zip(old_choices, new_choices, strict=True):
            yield from _compare(old_choice, new_choice, roots, path, seen)
    for keyword in sorted((set(old) | set(new)) - _ANNOTATIONS - _STRUCTURE):
        if _without_words(old.get(keyword)) != _without_words(new.get(keyword)):
            yield f"{where}: {keyword} changed from {_shown(old, keyword)} to {_shown(new, keyword)}"


def _compare_values(old: Schema, new: Schema, where: str) -> Iterator[str]:
    old_values, new_values = _values(old), _values(new)
    for value in old_values:
        if value not in new_values:
            yield f"{where}: the value {value!r} is gone; records that carry it are refused"
    for value in new_values:
        if value not in old_values:
            yield f"{where}: the value {value!r} is new; readers of the last version refuse it"


def _values(schema: Schema) -> list[object]:
    """The values a schema lists; a choice of one is written as const or as enum."""
    return [schema["const"]] if "const" in schema else list(schema.get("enum", []))


def _compare_fields(
    old: Schema, new: Schema, roots: tuple[Schema, Schema], path: str, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    old_fields = cast("dict[str, Schema]", old.get("properties", {}))
    new_fields = cast("dict[str, Schema]", new.get("properties", {}))
    old_required, new_required = set(old.get("required", [])), set(new.get("required", []))
    for name, field in old_fields.items():
        here = f"{path}.{name}" if path else name
        if name not in new_fields:
            yield f"{here}: the field is gone; readers of the last version look for it"
            continue
        if name in new_required - old_required:
            yield f"{here}: the field is required now; records without it are refused"
        if name in old_required - new_required:
            yield f"{here}: the field is no longer required; readers of the last version refuse records without it"
        yield from _compare(field, new_fields[name], roots, here, seen)
    for name in new_fields:
        # a default made by a factory is not in the schema; not being required says that there is one
        if name not in old_fields and name in new_required:
            here = f"{path}.{name}" if path else name
            yield f"{here}: the new field is required; give it a default"


def _choices(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf", []))


def _resolved(schema: Schema, root: Schema) -> Schema:
    """`schema` with what it refers to put in its place; its own keywords win."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    target: Any = root
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    own = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
    return {**_resolved(cast("Schema", target), root), **own}


def _without_words(value: object) -> object:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {name: _without_words(item) for name, item in fields.items() if name not in _ANNOTATIONS}
    if isinstance(value, list):
        return [_without_words(item) for item in cast("list[object]", value)]
    return value


def _shown(schema: Schema, keyword: str) -> str:
    return repr(schema[keyword]) if keyword in schema else "none"
