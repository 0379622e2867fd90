"""A time limit for a whole exchange, however slowly the other side speaks.

The timeouts of a socket bound each silence. A service that sends a byte now and then, in its
headers or its body, is never silent for long and could hold a worker for days. So another thread
ends the connection when the time is up.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection


@dataclass(slots=True)
class Deadline:
    """Whether the time of an exchange was over before its end.

    What was read is then worth nothing: where an answer ends with its connection, a connection
    that was ended looks like a whole answer.
    """

    is_over: bool = False


class EndableSession(requests.Session):
    """A session for one request at a time, whose connection another thread can end."""

    def __init__(self) -> None:
        super().__init__()
        self._endable = _EndableAdapter()
        self.mount("https://", self._endable)

    @contextmanager
    def within(self, seconds: float) -> Iterator[Deadline]:
        """End the connection unless the exchange within is done in time."""
        deadline = Deadline()

        def end() -> None:
            deadline.is_over = True
            self._endable.end()

        timer = Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield deadline
        finally:
            timer.cancel()


class _Connection(HTTPSConnection):
    """Knows its socket even when only its answer still reads from it."""

    last_socket: socket.socket | None = None

    def connect(self) -> None:
        super().connect()
        self.last_socket = self.sock


class _EndableAdapter(HTTPAdapter):
    """Knows the connection in use: the one that was made last, as requests do not overlap."""

    def __init__(self) -> None:
        super().__init__()
        self._connection: _Connection | None = None

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool = super().get_connection_with_tls_context(*arguments, **options)

        def made(**settings: Any) -> _Connection:
            self._connection = _Connection(**settings)
            return self._connection

        vars(pool)["ConnectionCls"] = made
        return pool

    def end(self) -> None:
        connection = self._connection
        used = (connection.sock or connection.last_socket) if connection else None
        if used is None:
            return
        # The socket below TLS: what TLS does at a shutdown is not for other threads.
        with suppress(OSError):
            socket.socket.shutdown(used, socket.SHUT_RDWR)
