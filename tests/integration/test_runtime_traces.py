"""Traces over the real Kafka, taken by a receiver of our own that speaks OTLP: one from publish to the last event."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from services.local.broker import Broker
from services.local.ports import free_port
from services.runtime.kafka import Publisher
from tests.deployment import REPOSITORY
from tests.observed import ObservedSuite, raw
from tests.support import eventually, run_newsloom

SERVICES = ("cleaner", "entities", "duplicates")


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    began: int
    ended: int
    status: int
    attributes: dict[str, Any]


class Collector:
    """An OTLP/HTTP receiver: takes what is posted to /v1/traces and decodes it."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                is_right = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
                if is_right:
                    collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200 if is_right else 400)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            about = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {
                        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
                    }
                    self.spans.append(
                        Span(
                            about["service.name"], span.name, span.trace_id.hex(), span.span_id.hex(),
                            span.parent_span_id.hex(), span.kind, span.start_time_unix_nano, span.end_time_unix_nano,
                            span.status.code, attributes,
                        )
                    )  # fmt: skip

    def of(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def suite(kafka: Broker, redis_url: str, tmp_path: Path, topic_prefix: str) -> Iterator[ObservedSuite]:
    suite = ObservedSuite(kafka.bootstrap, redis_url, tmp_path, topic_prefix)
    yield suite
    suite.close()


def publish_by_command(suite: ObservedSuite, page: bytes, **environment: str) -> None:
    path = suite.folder / "page.jsonl"
    path.write_bytes(page + b"\n")
    done = run_newsloom(
        "publish",
        str(path),
        environment={
            "NEWSLOOM_KAFKA_BOOTSTRAP": suite.settings.kafka_bootstrap,
            "NEWSLOOM_TOPIC_PREFIX": suite.settings.topic_prefix,
            **environment,
        },
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()


def header(suite: ObservedSuite, topic: str, number: int = 0) -> str:
    return dict(suite.records(topic)[number].headers)["traceparent"].decode()


@pytest.mark.long
def test_one_trace_leads_from_publish_to_the_last_event(suite: ObservedSuite, collector: Collector) -> None:
    for name in SERVICES:
        suite.start(name, NEWSLOOM_TRACING_ENDPOINT=collector.endpoint)
    suite.ready(*SERVICES)
    publish_by_command(suite, raw(1), NEWSLOOM_TRACING_ENDPOINT=collector.endpoint)
    eventually(lambda: suite.records("article-entities") and suite.records("duplicates-discards"), 60)
    trace_id = header(suite, "raw-articles").split("-")[1]
    expected = {
        ("newsloom-publish", "send raw-articles"),
        ("newsloom-cleaner", "process raw-articles"),
        ("newsloom-cleaner", "process"),
        ("newsloom-cleaner", "send clean-articles"),
        ("newsloom-entities", "process clean-articles"),
        ("newsloom-entities", "process"),
        ("newsloom-entities", "send article-entities"),
        ("newsloom-duplicates", "process clean-articles"),
        ("newsloom-duplicates", "process"),
        ("newsloom-duplicates", "send duplicates-discards"),
    }
    eventually(lambda: {(span.service, span.name) for span in collector.of(trace_id)} >= expected, 30)
    spans = {(span.service, span.name): span for span in collector.of(trace_id)}
    assert set(spans) == expected
    assert len({span.span_id for span in spans.values()}) == len(expected)
    # parents: publish > cleaner > entities, duplicates; what a service does with a record lies below its own span
    published, cleaned = (
        spans["newsloom-publish", "send raw-articles"],
        spans["newsloom-cleaner", "process raw-articles"],
    )
    assert published.parent_id == ""
    assert cleaned.parent_id == published.span_id
    for service in ("entities", "duplicates"):
        assert spans[f"newsloom-{service}", "process clean-articles"].parent_id == cleaned.span_id
    for (service, name), span in spans.items():
        if name == "process" or (name.startswith("send") and service != "newsloom-publish"):
            source = "raw-articles" if service == "newsloom-cleaner" else "clean-articles"
            own = spans[service, f"process {source}"]
            assert span.parent_id == own.span_id
            assert own.began <= span.began <= span.ended <= own.ended
    # the headers name those spans, so that a consumer's own spans join in
    assert header(suite, "raw-articles") == f"00-{trace_id}-{published.span_id}-01"
    assert header(suite, "clean-articles") == f"00-{trace_id}-{cleaned.span_id}-01"
    recognised = spans["newsloom-entities", "process clean-articles"]
    assert header(suite, "article-entities") == f"00-{trace_id}-{recognised.span_id}-01"
    assert (cleaned.kind, published.kind) == (ProtoSpan.SPAN_KIND_CONSUMER, ProtoSpan.SPAN_KIND_PRODUCER)
    assert cleaned.attributes["messaging.destination.name"] == f"{suite.settings.topic_prefix}raw-articles"
    assert cleaned.attributes["messaging.kafka.offset"] == 0
    assert cleaned.attributes["newsloom.outcome"] == "emitted"
    assert spans["newsloom-duplicates", "process clean-articles"].attributes["newsloom.reason"] == "no_match"
    # a record that cannot be processed, without a trace of its publisher's: an error, and the root
    suite.publish([b"no json"])
    eventually(lambda: any(span.status == Status.STATUS_CODE_ERROR for span in collector.spans), 30)
    [dead] = [span for span in collector.spans if span.status == Status.STATUS_CODE_ERROR]
    assert (dead.name, dead.parent_id, dead.attributes["newsloom.reason"]) == (
        "process raw-articles",
        "",
        "decode_error",
    )
    exported = 'newsloom_trace_spans_total{result="exported",service="cleaner"}'
    eventually(lambda: exported in suite.get("cleaner", "/metrics")[1])
    # a publisher that does not want its trace recorded is heard
    before = len(collector.spans)
    unwanted = "0af7651916cd43dd8448eb211c80319c"
    with Publisher(suite.settings) as publisher:
        traceparent = f"00-{unwanted}-b7ad6b7169203331-00".encode()
        publisher.send_now(f"{suite.settings.topic_prefix}raw-articles", b"2", raw(2), [("traceparent", traceparent)])
    eventually(lambda: len(suite.records("article-entities")) == 2, 30)
    assert header(suite, "article-entities", 1).endswith("-00") or header(suite, "article-entities").endswith("-00")
    suite.stop("cleaner")
    assert collector.of(unwanted) == []
    assert len(collector.spans) == before


@pytest.mark.long
def test_a_collector_that_is_away_holds_nobody_up_and_no_traces_are_made_unasked(
    suite: ObservedSuite, collector: Collector
) -> None:
    suite.start("cleaner", NEWSLOOM_TRACING_ENDPOINT=f"http://127.0.0.1:{free_port()}/v1/traces")
    suite.ready("cleaner")
    suite.publish([raw(number) for number in range(20)])
    eventually(lambda: len(suite.records("clean-articles")) == 20, 30)
    failed = 'newsloom_trace_spans_total{result="failed",service="cleaner"} 0.0'
    eventually(lambda: failed not in suite.get("cleaner", "/metrics")[1], 30)
    assert suite.stop("cleaner") == 0
    # off: no span, and the sampled flag is not set
    suite.start("cleaner")
    suite.ready("cleaner")
    suite.publish([raw(100)])
    eventually(lambda: len(suite.records("clean-articles")) == 21, 30)
    assert "newsloom_trace_spans_total{" not in suite.get("cleaner", "/metrics")[1]
    assert [dict(r.headers)["traceparent"][-2:] for r in suite.records("clean-articles")].count(b"00") == 1


def test_the_extra_is_not_missed_while_traces_are_off_and_named_where_it_is() -> None:
    # as where the extra is not installed: an import of it fails
    script = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import services.observer.service, services.cli\n"
        "from services.cleaner.service import main\n"
        "from services.runtime.settings import RuntimeSettings\n"
        "from services.runtime.tracing import open_tracer\n"
        "print(open_tracer(RuntimeSettings(tracing_endpoint=None), 'cleaner'), flush=True)\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, "NEWSLOOM_TRACING_ENDPOINT": "http://127.0.0.1:1/v1/traces"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "None\n", done.stderr
    assert done.returncode == 78, done.stderr
    assert "pip install 'newsloom[tracing]'" in done.stderr
    assert "Traceback" not in done.stderr
