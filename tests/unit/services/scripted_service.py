"""A service that answers as a test tells it, over TLS on a free port of 127.0.0.1."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop: bool = False
    """Break the connection instead of answering."""
    cut: bool = False
    """Promise more bytes than are sent, then break the connection."""


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, {"Content-Type": "application/json", **named}, json.dumps(value).encode())


def refusal(status: int, code: str = "", message: str = "", **headers: str) -> Answer:
    return json_answer({"error": {"code": code, "message": message}}, status, **headers)


DROPPED = Answer(drop=True)


class ScriptedService:
    """Answers from ``script`` in turn, or by ``respond`` where one is set."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        self.script: list[Answer] = []
        self.respond: Callable[[Asked], Answer] | None = None
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def next_answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.respond is not None:
            return self.respond(asked)
        return self.script.pop(0) if self.script else Answer(599, {}, b"the script is at its end")

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(service: ScriptedService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked = Asked(self.command, self.path, dict(self.headers), body)
            answer = service.next_answer(asked)
            self.close_connection = answer.drop or answer.cut
            if answer.drop:
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + (10 if answer.cut else 0)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815  http.server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
            """Tests are silent."""

    return Handler
