"""/metrics, /healthz and /readyz of a worker, on a thread of their own: they answer while the loop is busy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from services.runtime.errors import ConfigurationError

Check = Callable[[], str | None]
"""Why the answer is no, or None."""


class StatusServer:
    """Serves the three paths until `stop`. `port` is known once it is made.

    Raises ConfigurationError when the port cannot be had.
    """

    def __init__(self, host: str, port: int, *, healthy: Check, ready: Check) -> None:
        try:
            self._server = _Server((host, port), {"/healthz": healthy, "/readyz": ready})
        except OSError as error:
            raise ConfigurationError(
                f"NEWSLOOM_HTTP_PORT: {host}:{port} cannot be listened on ({error.strerror}); "
                "choose another port, or 0 for a free one"
            ) from None
        self._thread = Thread(target=self._server.serve_forever, name="status-server", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def write_port(self, path: str) -> None:
        """Write the port to the file at `path`, whole or not at all."""
        target = Path(path)
        # of this process alone: another that was given the same file must not move it away before this one does
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        partial.write_text(f"{self.port}\n")
        partial.replace(target)

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], checks: dict[str, Check]) -> None:
        self.checks = checks
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # the base class names its own base
    # a scraper that stops talking must not hold its thread for ever
    timeout = 10

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0]
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, content_type, encode(REGISTRY))
        elif path in self.server.checks:
            reason = self.server.checks[path]()
            body = {"ok": reason is None, "reason": reason}
            self._answer(200 if reason is None else 503, "application/json", json.dumps(body).encode())
        else:
            self._answer(404, "text/plain; charset=utf-8", b"there are /metrics, /healthz and /readyz\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        # a reason may quote what came from anywhere: no browser is to take it for a page
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args
