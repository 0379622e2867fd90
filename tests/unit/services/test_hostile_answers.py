"""Answers meant to wear Coupler out: endless, trickling, or larger than they look."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import trustme

from errors import ConfigurationError, TransientError
from services.transport import Limits, Timing, Transport
from tests.unit.services.scripted_service import Answer

NewTransport = Callable[..., Transport]
REAL_TIME = Timing(sleep=lambda _: None)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HURRIED = Limits(attempts=1, connect_timeout=10, read_timeout=10, whole_answer=0.5)
"""No time for a whole answer, much for a single silence."""
SECONDS = 8.0
"""By then the transport has long given up, and the service has not."""


def get(transport: Transport) -> None:
    transport.send("GET", "/x", kind="test", idempotent=True)


@contextmanager
def answering(
    certificate: trustme.LeafCert, talk: Callable[[Callable[[bytes], None]], None]
) -> Iterator[str]:
    """The address of a service that takes one request and answers it by ``talk(send)``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            raw, _ = listener.accept()
            with context.wrap_socket(raw, server_side=True) as client:
                client.recv(65_536)
                talk(client.sendall)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        thread.join()


def trickle(send: Callable[[bytes], None], first: bytes, drop: bytes) -> None:
    """Say something, then a little every now and then."""
    send(first)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        send(drop)
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (HEAD + b"Content-Length: 1000000\r\n\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD + b"\r\n", b"x"),
    ],
    ids=["of a known length", "in chunks", "until the connection ends"],
)
def test_a_body_that_trickles_is_given_up_in_time(
    new_transport: NewTransport, certificate, first, drop
):
    begun = time.monotonic()
    with answering(certificate, lambda send: trickle(send, first, drop)) as url:
        transport = new_transport(url, limits=HURRIED, timing=REAL_TIME)
        with pytest.raises(TransientError):
            get(transport)
        assert time.monotonic() - begun < SECONDS / 2


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (HEAD, b"X-More: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["within a header", "header by header", "with interim answers"],
)
def test_headers_that_trickle_are_given_up_in_time(
    new_transport: NewTransport, certificate, first, drop
):
    begun = time.monotonic()
    with answering(certificate, lambda send: trickle(send, first, drop)) as url:
        transport = new_transport(url, limits=HURRIED, timing=REAL_TIME)
        with pytest.raises(TransientError):
            get(transport)
        assert time.monotonic() - begun < SECONDS / 2


def test_an_answer_without_an_end_is_refused_at_the_limit(new_transport: NewTransport, certificate):
    def pour(send: Callable[[bytes], None]) -> None:
        send(HEAD + b"\r\n")
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            send(b"x" * 65_536)

    with answering(certificate, pour) as url:
        transport = new_transport(url, limits=Limits(largest_answer=10**6), timing=REAL_TIME)
        with pytest.raises(ConfigurationError, match="larger than"):
            get(transport)


def test_a_small_answer_that_unpacks_to_a_huge_one_is_refused_before_it_fills_the_memory(
    new_transport: NewTransport, service
):
    packed = gzip.compress(bytes(200 * 1024 * 1024))
    assert len(packed) < 10**6
    service.script = [Answer(200, {"Content-Encoding": "gzip"}, packed)]
    transport = new_transport(limits=Limits(largest_answer=10**6))
    tracemalloc.start()
    try:
        with pytest.raises(ConfigurationError, match="larger than"):
            get(transport)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 1024 * 1024
