"""What names a trace: derived from headers and coordinates, the same whenever a record is processed again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from services.runtime.errors import ConfigurationError
from services.runtime.service import Record
from services.runtime.settings import RuntimeSettings, read_settings
from services.runtime.tracing import RecordSpans, exemplar, trace_of

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Half:
    """Records the traces whose id begins with an even digit."""

    def samples(self, trace_id: str) -> bool:
        return int(trace_id[0], 16) % 2 == 0

    def record(self, spans: RecordSpans) -> None: ...

    def begin(self, topic: str) -> bytes:
        return PARENT

    def close(self) -> None: ...


def record(traceparent: bytes | None = None, offset: int = 7, topic: str = "raw-articles") -> Record:
    headers = () if traceparent is None else (("traceparent", traceparent),)
    return Record(topic, 3, offset, None, b"{}", headers, datetime(2026, 3, 2, tzinfo=UTC))


def test_a_publishers_trace_is_carried_on_with_its_flag_and_a_span_of_ones_own() -> None:
    trace = trace_of(record(PARENT), "cleaner", Half())
    assert (trace.trace_id, trace.parent_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert trace.is_sampled
    assert trace.header == b"00-0af7651916cd43dd8448eb211c80319c-%s-01" % trace.span_id.encode()
    assert trace_of(record(PARENT), "cleaner") == trace
    assert trace_of(record(PARENT), "entities").span_id != trace.span_id
    assert trace_of(record(PARENT, offset=8), "cleaner").span_id != trace.span_id
    assert not trace_of(record(PARENT[:-2] + b"00"), "cleaner", Half()).is_sampled


@pytest.mark.parametrize(
    "bad",
    [b"", b"nonsense", PARENT.upper(), PARENT[:-3], b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
     b"00-0af7651916cd43dd8448eb211c80319c-" + b"0" * 16 + b"-01", b"ff" + PARENT[2:]],
)  # fmt: skip
def test_what_is_no_trace_context_begins_a_trace_of_the_records_own(bad: bytes) -> None:
    trace = trace_of(record(bad), "cleaner")
    assert trace.parent_id is None
    assert trace == trace_of(record(), "cleaner")
    assert not trace.is_sampled


@given(st.integers(0, 10**6))
def test_whether_a_trace_that_begins_here_is_recorded_is_the_tracers_to_say(offset: int) -> None:
    trace = trace_of(record(offset=offset), "cleaner", Half())
    assert trace.is_sampled == (int(trace.trace_id[0], 16) % 2 == 0)
    assert trace.header.endswith(b"-01") == trace.is_sampled


def test_an_exemplar_is_what_the_library_takes_however_long_a_topics_name() -> None:
    histogram = Histogram("seconds", "", registry=CollectorRegistry())
    for topic in ("raw-articles", "x" * 249):
        one = record(topic=topic)
        about = exemplar(trace_of(one, "cleaner"), one)
        assert about["trace_id"] == trace_of(one, "cleaner").trace_id
        assert ("record" in about) == (topic == "raw-articles")
        histogram.observe(0.1, about)


def test_a_wrong_address_is_named_and_an_empty_one_is_none() -> None:
    with pytest.raises(ConfigurationError, match="NEWSLOOM_TRACING_ENDPOINT"):
        read_settings(RuntimeSettings, tracing_endpoint="collector:4318")
    assert read_settings(RuntimeSettings, tracing_endpoint="").tracing_endpoint is None
