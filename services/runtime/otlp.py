"""Traces to an OpenTelemetry collector, as OTLP over HTTP. The only module that imports opentelemetry."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from services.runtime import clock
from services.runtime.metrics import TRACE_SPANS, release
from services.runtime.settings import RuntimeSettings
from services.runtime.tracing import RecordSpans, Trace

# spans that wait for the collector, about 1 KB each; what comes on top drops the oldest
_QUEUE_SPANS: Final = 8192
_BATCH_SPANS: Final = 512
_DELAY_MILLISECONDS: Final = 1000
_EXPORT_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 3.0


class _Ids(IdGenerator):
    """Gives the ids that are said beforehand: they derive from records and stand in headers already."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class _Counted(SpanExporter):
    """Counts what the collector took and what it did not."""

    def __init__(self, exporter: SpanExporter, service: str) -> None:
        self._exporter = exporter
        self._service = service
        for result in ("exported", "failed"):
            TRACE_SPANS.labels(service, result)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        is_taken = result is SpanExportResult.SUCCESS
        TRACE_SPANS.labels(self._service, "exported" if is_taken else "failed").inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class OtlpTracer:
    """See `services.runtime.tracing.Tracer`. To be used from one thread; sends from one of its own.

    Spans are made once a record is settled, with the times that the engine took: nothing of OpenTelemetry runs while
    a record is worked on. Headers and certificates for the collector come from the OTEL_EXPORTER_OTLP_* variables.
    """

    def __init__(self, settings: RuntimeSettings, service: str) -> None:
        assert settings.tracing_endpoint is not None
        self._bound = round(settings.tracing_ratio * 2**64)
        self._prefix = settings.topic_prefix
        self._group = settings.group(service)
        self._ids = _Ids()
        resource = Resource.create(
            {
                "service.name": f"newsloom-{service}",
                "service.version": release(),
                "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            }
        )
        # whether a trace is recorded was decided by whoever began it, and stands in its header
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=settings.tracing_endpoint, timeout=_EXPORT_SECONDS)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                _Counted(exporter, service),
                max_queue_size=_QUEUE_SPANS,
                max_export_batch_size=_BATCH_SPANS,
                schedule_delay_millis=_DELAY_MILLISECONDS,
            )
        )
        self._tracer = self._provider.get_tracer("newsloom", release())

    def samples(self, trace_id: str) -> bool:
        """As OpenTelemetry's TraceIdRatioBased: by the id's last 64 bits."""
        return int(trace_id[16:], 16) < self._bound

    def record(self, spans: RecordSpans) -> None:
        """One span for the record, below it one for its processing and one for each topic that it was sent to."""
        record, trace = spans.record, spans.trace
        # monotonic readings as Unix time; the difference of the two clocks is taken once for all spans of a record
        offset = clock.now().timestamp() - clock.seconds()
        topic = record.topic.removeprefix(self._prefix)
        own = self._span(
            f"process {topic}",
            trace.trace_id,
            trace.span_id,
            trace.parent_id,
            otel.SpanKind.CONSUMER,
            (spans.began + offset, spans.ended + offset),
            {
                "messaging.system": "kafka",
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "messaging.destination.name": record.topic,
                "messaging.destination.partition.id": str(record.partition),
                "messaging.kafka.offset": record.offset,
                "messaging.consumer.group.name": self._group,
                "messaging.message.body.size": len(record.value or b""),
                "newsloom.record": record.coordinates,
                "newsloom.waited_seconds": max(0.0, spans.began + offset - record.timestamp.timestamp()),
                "newsloom.outcome": spans.outcome,
                **({"newsloom.reason": spans.reason} if spans.reason else {}),
            },
            problem=spans.reason if spans.outcome == "dead_lettered" else None,
        )
        if spans.processed is not None:
            began, ended = spans.processed
            self._span(
                "process",
                trace.trace_id,
                _derived(trace, "process"),
                own,
                otel.SpanKind.INTERNAL,
                (began + offset, ended + offset),
                {},
            )
        began, ended = spans.sent
        for name, count in spans.published.items():
            self._span(
                f"send {name}",
                trace.trace_id,
                _derived(trace, name),
                own,
                otel.SpanKind.PRODUCER,
                (began + offset, ended + offset),
                {
                    "messaging.system": "kafka",
                    "messaging.operation.name": "send",
                    "messaging.operation.type": "send",
                    "messaging.destination.name": self._prefix + name,
                    "messaging.batch.message_count": count,
                },
            )

    def begin(self, topic: str) -> bytes:
        """A trace with an id drawn at random: a record that is published twice is published twice."""
        trace_id, span_id = f"{random.getrandbits(128) or 1:032x}", f"{random.getrandbits(64) or 1:016x}"
        trace = Trace(trace_id, span_id, None, "01" if self.samples(trace_id) else "00")
        if trace.is_sampled:
            now = clock.now().timestamp()
            self._span(
                f"send {topic.removeprefix(self._prefix)}",
                trace_id,
                span_id,
                None,
                otel.SpanKind.PRODUCER,
                (now, now),
                {
                    "messaging.system": "kafka",
                    "messaging.operation.name": "send",
                    "messaging.operation.type": "send",
                    "messaging.destination.name": topic,
                },
            )
        return trace.header

    def close(self) -> None:
        """Deliver what is waiting; a collector that is away holds nobody up."""
        closing = threading.Thread(target=self._provider.shutdown, name="trace-exporter-close", daemon=True)
        closing.start()
        closing.join(timeout=_CLOSE_SECONDS)

    def _span(
        self,
        name: str,
        trace_id: str,
        span_id: str,
        parent_id: str | None,
        kind: otel.SpanKind,
        times: tuple[float, float],
        attributes: Mapping[str, str | int | float],
        problem: str | None = None,
    ) -> str:
        self._ids.trace_id, self._ids.span_id = int(trace_id, 16), int(span_id, 16)
        parent = otel.INVALID_SPAN_CONTEXT
        if parent_id is not None:
            parent = otel.SpanContext(
                self._ids.trace_id, int(parent_id, 16), is_remote=True, trace_flags=otel.TraceFlags(1)
            )
        span = self._tracer.start_span(
            name,
            context=otel.set_span_in_context(otel.NonRecordingSpan(parent)),
            kind=kind,
            attributes=dict(attributes),
            start_time=int(times[0] * 1e9),
        )
        if problem is not None:
            span.set_status(otel.Status(otel.StatusCode.ERROR, problem))
        span.end(end_time=int(times[1] * 1e9))
        return span_id


def _derived(trace: Trace, what: str) -> str:
    """A span id of a part of `trace`'s span: the same whenever the record is processed again."""
    return hashlib.sha256(f"{trace.trace_id}/{trace.span_id}/{what}".encode()).hexdigest()[:16]
