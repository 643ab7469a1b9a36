"""What the status port answers is no page, whatever a reason quotes."""

from __future__ import annotations

import http.client
import json

import pytest

from services.runtime.http import StatusServer

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


@pytest.mark.parametrize(
    "path", ["/readyz", "/healthz", "/metrics", f"/{HOSTILE.replace(' ', '%20')}", "/readyz?x=<b>"]
)
def test_no_answer_is_taken_for_html(path: str) -> None:
    server = StatusServer("127.0.0.1", 0, healthy=lambda: None, ready=lambda: HOSTILE)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Content-Type", "").split(";")[0] in ("application/json", "text/plain")
        if path.startswith("/readyz"):
            assert json.loads(body) == {"ok": False, "reason": HOSTILE}
        else:
            assert "<script" not in body
        # another method gets Python's own page of the error, which quotes nothing of the request unescaped
        connection.request("BREW", f"/{HOSTILE.replace(' ', '%20')}")
        refused = connection.getresponse()
        assert refused.status == 501
        assert "<script>alert" not in refused.read().decode()
        connection.close()
    finally:
        server.stop()
