"""A subscriber to webhooks: a small HTTP server that keeps what it is sent."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_DEADLINE_SECONDS = 10


class Receiver:
    """What came, and what is answered: change the attributes as a test needs it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.handshakes: list[str] = []
        self.statuses: list[int] = []
        """Answers to the next notifications; 204 where none is left."""
        self.proof: Callable[[str], tuple[int, str]] = lambda token: (200, token)
        """The answer to a handshake."""
        self._changed = threading.Condition()

    def take(self, token: str | None, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Keep a request and answer it."""
        with self._changed:
            self._changed.notify_all()
            if token is not None:
                self.handshakes.append(token)
                return self.proof(token)
            self.bodies.append(json.loads(body))
            self.headers.append(headers)
            return (self.statuses.pop(0) if self.statuses else 204), ""

    def entries(self, count: int) -> list[dict[str, Any]]:
        """All notifications, at least so many; waits for them."""
        self.wait(lambda: len(self._entries()) >= count)
        return self._entries()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something that came makes the condition true."""
        with self._changed:
            assert self._changed.wait_for(condition, _DEADLINE_SECONDS), self.bodies

    def _entries(self) -> list[dict[str, Any]]:
        return [entry for body in self.bodies for entry in body["value"]]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Serve a receiver on a free port, over https where ``tls`` is given."""
    receiver: Receiver

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = query.get("validationToken", [None])[0]
            status, text = receiver.take(token, body, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name upstream
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    receiver = Receiver(f"{scheme}://127.0.0.1:{server.server_address[1]}/api/bc?code=key")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
