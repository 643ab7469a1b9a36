"""Traces: one from publish to the last event, carried by the `traceparent` headers that records have anyway.

What names a trace is derived here, from a record's headers and coordinates, and needs no library; recording it is the
tracer's (`otlp.py`, the extra `tracing`), which is there only where NEWSLOOM_TRACING_ENDPOINT says where to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from services.runtime.errors import ConfigurationError
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings

TRACEPARENT: Final = "traceparent"
_TRACEPARENT: Final = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE: Final = b"0" * 32
_NO_SPAN: Final = b"0" * 16
# OpenMetrics allows an exemplar so many characters, names and values together
_EXEMPLAR_CHARS: Final = 128


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a record stands in its trace. Ids in hex, 32 and 16 digits; `span_id` is that of what this service does
    with the record, `parent_id` that of who wrote it, None where the trace begins here."""

    trace_id: str
    span_id: str
    parent_id: str | None
    flags: str

    @property
    def is_sampled(self) -> bool:
        """Whether the trace is to be recorded."""
        return bool(int(self.flags, 16) & 1)

    @property
    def header(self) -> bytes:
        """The `traceparent` of everything that the record leads to (W3C Trace Context)."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}".encode()


def trace_of(record: Record, service: str, tracer: Tracer | None = None) -> Trace:
    """The publisher's trace carried on, or one of the record's own, begun at `service`.

    Ids derive from the coordinates, so that a record that is processed twice leads to the same headers. Whether a
    trace is recorded is said by who began it: by its publisher's `traceparent`, else by `tracer`, without which it
    is not.
    """
    digest = hashlib.sha256(f"{service}/{record.coordinates}".encode()).hexdigest()
    for name, value in record.headers:
        if name == TRACEPARENT and (match := _TRACEPARENT.fullmatch(value)):
            trace_id, parent_id, flags = match.groups()
            if trace_id != _NO_TRACE and parent_id != _NO_SPAN:
                return Trace(trace_id.decode(), digest[:16], parent_id.decode(), flags.decode())
    trace_id = digest[:32]
    flags = "01" if tracer is not None and tracer.samples(trace_id) else "00"
    return Trace(trace_id, digest[32:48], None, flags)


def exemplar(trace: Trace, record: Record) -> dict[str, str]:
    """What a histogram keeps beside an observation: the trace, and the record where its name is short enough."""
    found = {"trace_id": trace.trace_id}
    if len(record.coordinates) + len("trace_idrecord") + len(trace.trace_id) <= _EXEMPLAR_CHARS:
        found["record"] = record.coordinates
    return found


@dataclass(frozen=True, slots=True)
class RecordSpans:
    """What became of one record, and when; instants are readings of `clock.seconds`.

    `published` counts what it led to by topic, without prefix. `processed` is None for a record that never came so far.
    """

    record: Record
    trace: Trace
    began: float
    processed: tuple[float, float] | None
    sent: tuple[float, float]
    ended: float
    outcome: str
    reason: str
    published: Mapping[str, int]


class Tracer(Protocol):
    """Records traces. Never raises and never waits: what cannot be delivered is dropped and counted."""

    def samples(self, trace_id: str) -> bool:
        """Whether a trace that begins here is recorded; the same for the same id."""
        ...

    def record(self, spans: RecordSpans) -> None:
        """Take what became of a record."""
        ...

    def begin(self, topic: str) -> bytes:
        """Begin a trace with the publishing of a record to `topic`; the record's `traceparent`."""
        ...

    def close(self) -> None:
        """Deliver what is waiting, within a few seconds."""
        ...


def open_tracer(settings: RuntimeSettings, service: str) -> Tracer | None:
    """The tracer of this process; None where no endpoint is set, which is the default.

    Raises ConfigurationError where an endpoint is set and the extra is not installed.
    """
    if settings.tracing_endpoint is None:
        return None
    try:
        from services.runtime.otlp import OtlpTracer
    except ImportError as error:
        raise ConfigurationError(
            f"NEWSLOOM_TRACING_ENDPOINT is set and the extra `tracing` is not installed ({error.name} is missing); "
            f"pip install 'newsloom[tracing]', or unset it"
        ) from None
    return OtlpTracer(settings, service)
