"""A subscriber to webhooks on this machine, for the contract tests."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: dict[str, Any]

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of the Target entity by name."""
        return {item["key"]: item["value"] for item in self.target["Attributes"]}

    @property
    def target(self) -> dict[str, Any]:
        (found,) = (p["value"] for p in self.body["InputParameters"] if p["key"] == "Target")
        target: dict[str, Any] = found
        return target


@dataclass
class Receiver:
    """Keeps what it gets; answers the statuses it is told to (one each), else 200."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    hold: threading.Event | None = None
    """Where set, requests are answered when it is."""

    def messages(self) -> list[tuple[str, str]]:
        """Message and table of what came, in any order."""
        return sorted(
            (each.body["MessageName"], each.body["PrimaryEntityName"]) for each in self.received
        )

    def answer(self, got: Received) -> int:
        self.received.append(got)
        if self.hold is not None:
            self.hold.wait(30)
        return self.statuses.pop(0) if self.statuses else 200


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition, at most that long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.answer(Received(self.path, headers, json.loads(content)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/api/crm"
    try:
        yield receiver
    finally:
        if receiver.hold is not None:
            receiver.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()
