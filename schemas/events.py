"""What every event shares: its base class, its instants, its hashes and how it is read from bytes."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self, TypeVar, cast

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import from_json
from xxhash import xxh3_128_hexdigest

SCHEMA_VERSION: Final = "1"
HASH_SCHEME: Final = "1"

_LONG: Final = 1 << 15
_SURROGATES = re.compile("[\ud800-\udfff]")
# pydantic reads digits as seconds or milliseconds since 1970, whichever looks likelier: a guess that is not ours
_TIMESTAMP = re.compile(r"\s*[+-]?\d+(\.\d*)?\s*", re.ASCII)


class InvalidEventError(ValueError):
    """A value that is not the topic's event: `kind` tells bytes that do not parse from a value that does not fit.

    The message names the field, the value (shortened) and what to do, and never holds a whole page.
    """

    def __init__(self, message: str, *, kind: Literal["decode_error", "invalid"], fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.kind: Literal["decode_error", "invalid"] = kind
        self.fields = fields


def well_formed(text: str) -> str:
    """`text` in NFC with each lone surrogate replaced by U+FFFD, so that it can be encoded and hashed."""
    return text if text.isascii() else unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", text))


def content_hash(*parts: str) -> str:
    """32 hex digits of SHA-256 over the scheme number and `parts`, each made `well_formed`.

    The parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ. Equal parts give equal hashes on every
    machine and in every release of one scheme: stored ids rely on it.
    """
    digest = hashlib.sha256(HASH_SCHEME.encode())
    for part in parts:
        try:
            encoded = (part if part.isascii() else unicodedata.normalize("NFC", part)).encode()
        except UnicodeEncodeError:  # what looks for surrogates first takes five times as long
            encoded = well_formed(part).encode()
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.hexdigest()[:32]


def value_hash(value: bytes) -> str:
    """32 hex digits of XXH3 over a record's value as it lies on the topic: who "owns" a memo (DESIGN, identity).

    Not SHA-256, which takes a tenth of the time that a page's other events take: the hash is no id and leaves no event.
    Two values made to collide have an event sent a second time, byte for byte.
    """
    return xxh3_128_hexdigest(value, seed=int(HASH_SCHEME))


def _parse_instant(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | datetime):
        raise ValueError(_NO_INSTANT)
    if isinstance(value, str) and _TIMESTAMP.fullmatch(value):
        raise ValueError(_NO_INSTANT)
    try:
        parsed = _AWARE.validate_python(value)
        utc = parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError("the instant is outside the years 1 to 9999") from None
    except ValidationError as error:
        kind = error.errors(include_url=False, include_context=False)[0]["type"]
        raise ValueError(_NO_ZONE if kind == "timezone_aware" else _NO_INSTANT) from None
    # events carry milliseconds: what is read back equals what was written
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def format_instant(instant: datetime) -> str:
    """`instant` as RFC 3339 in UTC with milliseconds: 2026-01-31T08:15:00.000Z."""
    utc = instant.astimezone(UTC)
    # not strftime: %Y does not pad years below 1000 everywhere
    return utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


_NO_INSTANT: Final = "not an RFC 3339 instant; write a string such as 2026-01-31T08:15:00Z"
_NO_ZONE: Final = "an instant without a time zone; append Z for UTC, or an offset such as +02:00"
_AWARE: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)

Instant = Annotated[
    datetime,
    BeforeValidator(_parse_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An aware datetime in UTC, cut to milliseconds; on the wire RFC 3339 ending in Z. A time without a zone is refused."""

Ratio = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share, similarity or confidence in [0, 1]."""

Offset = Annotated[int, Field(ge=0)]
"""A position in a text, in Unicode code points."""


class Part(BaseModel):
    """A part of an event: frozen; unknown fields are ignored when read."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")


class Event(Part):
    """A record's typed value. Within a schema version fields are only added, with defaults."""

    schema_version: Literal["1"] = Field(default=SCHEMA_VERSION, description="Version of this event's schema.")

    def to_bytes(self) -> bytes:
        """The event as it is written to its topic: UTF-8 JSON, every field, in the order of the schema."""
        # what model_dump_json gives, without its way over a string
        return self.__pydantic_serializer__.to_json(self)

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """The event in `value`; fields that this version does not know are ignored.

        Raises InvalidEventError, whose `kind` is decode_error (not UTF-8 JSON) or invalid (JSON of another shape).
        """
        return read_event(cls, value)[0]

    @classmethod
    def closed_from_bytes(cls, value: bytes) -> Self:
        """As `from_bytes`, but an unknown field is an error: for publishers and tests, who would rather see a typo."""
        event, unknown = read_event(cls, value)
        if unknown:
            names = ", ".join(unknown[:5])
            raise InvalidEventError(
                f"{cls.__name__} has no field {names}; correct the name, or put it under `extra` where there is one",
                kind="invalid",
                fields=unknown,
            )
        return event


E = TypeVar("E", bound=Event)


def read_event(event_type: type[E], value: bytes) -> tuple[E, tuple[str, ...]]:
    """The event in `value`, and the dotted names of the fields it carries that `event_type` does not know.

    Lone surrogates, which `json.dumps` of several languages writes as escapes, become U+FFFD. Raises
    InvalidEventError as `Event.from_bytes` does.
    """
    try:
        if len(value) >= _LONG:
            # a long string is copied once less than where the model reads the bytes; what fails here is read so
            with suppress(ValueError):
                return _read_parsed(event_type, from_json(value))
        return event_type.model_validate_json(value, extra="forbid"), ()
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
    if problems[0]["type"] == "json_invalid":
        return _read_leniently(event_type, value, problems[0]["msg"])
    unknown = _unknown(problems)
    if not unknown:
        raise _invalid(event_type, cast("list[dict[str, Any]]", problems))
    try:
        return event_type.model_validate_json(value), unknown
    except ValidationError as error:
        remaining = error.errors(include_url=False, include_context=False)
        raise _invalid(event_type, cast("list[dict[str, Any]]", remaining)) from None


def _read_parsed(event_type: type[E], data: object) -> tuple[E, tuple[str, ...]]:
    """The event in parsed JSON, and the fields that it does not know; ValidationError for any other shape."""
    try:
        return event_type.model_validate(data, extra="forbid"), ()
    except ValidationError as error:
        unknown = _unknown(error.errors(include_url=False, include_context=False, include_input=False))
    return event_type.model_validate(data), unknown


def _unknown(problems: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(_dotted(problem["loc"]) for problem in problems if problem["type"] == "extra_forbidden")


def _read_leniently(event_type: type[E], value: bytes, complaint: str) -> tuple[E, tuple[str, ...]]:
    """Python's own parser where the strict one gave up over a lone surrogate; anything else is a decode error."""
    if "surrogate" not in complaint and "hex escape" not in complaint:
        raise InvalidEventError(
            f"the value is not UTF-8 JSON ({complaint}); "
            f"it starts with {shorten(value)}; write one JSON object a record",
            kind="decode_error",
        )
    try:
        data: object = json.loads(value.decode())
        repaired = json.dumps(_scrub(data), ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidEventError(
            f"the value is not UTF-8 JSON ({error}); it starts with {shorten(value)}", kind="decode_error"
        ) from None
    return read_event(event_type, repaired)


def _scrub(data: object) -> object:
    if isinstance(data, str):
        return _SURROGATES.sub("\ufffd", data)
    if isinstance(data, list):
        return [_scrub(item) for item in cast("list[object]", data)]
    if isinstance(data, dict):
        return {_scrub(key): _scrub(item) for key, item in cast("dict[str, object]", data).items()}
    return data


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location)


def _invalid(event_type: type[Event], problems: list[dict[str, Any]]) -> InvalidEventError:
    """One message for the first problems: field, value and remedy."""
    known = [problem for problem in problems if problem["type"] != "extra_forbidden"]
    # pydantic counts a list's bad items as absent and complains of its length too: nothing that anyone could mend
    places = [problem["loc"] for problem in known]
    known = [
        problem
        for problem in known
        if problem["type"] != "too_short"
        or not any(place != problem["loc"] and place[: len(problem["loc"])] == problem["loc"] for place in places)
    ]
    lines: list[str] = []
    for problem in known[:3]:
        field = _dotted(problem["loc"]) or event_type.__name__
        message = str(problem["msg"]).removeprefix("Value error, ")
        if problem["type"] == "missing":
            message = "required and missing; add it"
        # the input of a missing field, or of a rule over the whole event, is the whole event: nobody wants to read that
        whole = problem["type"] == "missing" or not problem["loc"]
        lines.append(f"{field}: {message}" if whole else f"{field}: {message} (got {shorten(problem['input'])})")
    if len(known) > 3:
        lines.append(f"and {len(known) - 3} more")
    fields = tuple(_dotted(problem["loc"]) for problem in known)
    article = "an" if event_type.__name__[0] in "AEIOU" else "a"
    return InvalidEventError(f"not {article} {event_type.__name__}: " + "; ".join(lines), kind="invalid", fields=fields)


def shorten(value: object, *, limit: int = 60) -> str:
    """`value` as Python would print it, cut to about `limit` characters: for messages and logs, never a whole page."""
    if isinstance(value, bytes | bytearray):
        shown = repr(bytes(value[:limit]))
    elif isinstance(value, str):
        shown = ascii(value[:limit]) if _SURROGATES.search(value[:limit]) else repr(value[:limit])
    else:
        shown = repr(value)
        return shown if len(shown) <= limit else shown[:limit] + "…"
    return shown if len(value) <= limit else shown + "…"
