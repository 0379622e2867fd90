"""Serves a simulator over TLS on 127.0.0.1: as a process of its own, or in a thread for tests."""

from __future__ import annotations

import asyncio
import signal
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from local.simulators.core.messages import Headers, SimRequest, SimResponse
from local.simulators.core.pipeline import Pipeline
from local.simulators.core.simulator import Simulator
from local.simulators.core.tokens import TokenVerifier

HOST = "127.0.0.1"
_LARGEST_BODY = 512 * 1024 * 1024
_LONGEST_REQUEST_LINE = 64 * 1024  # a simulator refuses by its own rule what is too long
_START_SECONDS = 10


def serve(
    simulator: Simulator,
    *,
    port: int,
    certificate: Path,
    key: Path,
    verifier: TokenVerifier | None,
) -> None:
    """Serve until SIGINT or SIGTERM; raises ``OSError`` where the port cannot be bound."""
    asyncio.run(_serve_until_signal(simulator, port, tls_context(certificate, key), verifier))


@contextmanager
def running(
    simulator: Simulator,
    *,
    certificate: Path,
    key: Path,
    verifier: TokenVerifier | None = None,
    port: int = 0,
) -> Iterator[str]:
    """Serve in a thread (on a free port) and yield the base URL; stopped and joined at the end."""
    server = RunningSimulator(simulator, tls_context(certificate, key), verifier, port)
    try:
        yield server.base_url
    finally:
        server.stop()


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server context of a PEM certificate chain and its private key."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


class RunningSimulator:
    """A simulator served by an event loop in a thread of its own."""

    def __init__(
        self,
        simulator: Simulator,
        tls: ssl.SSLContext,
        verifier: TokenVerifier | None = None,
        port: int = 0,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        start = asyncio.run_coroutine_threadsafe(_start(simulator, port, tls, verifier), self._loop)
        try:
            self._runner = start.result(_START_SECONDS)
        except BaseException:
            self._end_loop()
            raise
        self.base_url = f"https://{HOST}:{self._runner.addresses[0][1]}"

    def stop(self) -> None:
        """Close the port and every connection, end the thread."""
        asyncio.run_coroutine_threadsafe(_stop(self._runner), self._loop).result()
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _serve_until_signal(
    simulator: Simulator, port: int, tls: ssl.SSLContext, verifier: TokenVerifier | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = await _start(simulator, port, tls, verifier)
    print(f"{simulator.name} listens on https://{HOST}:{port}", flush=True)
    await stop.wait()
    await _stop(runner)


async def _start(
    simulator: Simulator, port: int, tls: ssl.SSLContext, verifier: TokenVerifier | None
) -> web.AppRunner:
    pipeline = Pipeline(simulator, verifier)

    async def handler(request: web.Request) -> web.StreamResponse:
        answer = await pipeline.answer(await _simulator_request(request))
        if answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=499)  # goes nowhere: the connection is gone
        return _web_response(answer)

    async def stop_pipeline(_: web.Application) -> None:
        await pipeline.stop()

    application = web.Application(client_max_size=_LARGEST_BODY)
    application.on_cleanup.append(stop_pipeline)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=1.0, max_line_size=_LONGEST_REQUEST_LINE
    )
    await pipeline.start()
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port, ssl_context=tls).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


async def _stop(runner: web.AppRunner) -> None:
    server = runner.server
    connections = server.connections if isinstance(server, web.Server) else []
    transports = [connection.transport for connection in connections]
    await runner.cleanup()
    for transport in transports:
        # closing alone would wait for the client's TLS farewell, which an idle client never sends
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
    await asyncio.sleep(0)


async def _simulator_request(request: web.Request) -> SimRequest:
    raw_path, _, query_string = request.raw_path.partition("?")
    return SimRequest(
        method=request.method,
        path=unquote(raw_path),
        raw_path=raw_path,
        query_string=query_string,
        query=parse_qsl(query_string, keep_blank_values=True),
        headers=Headers(request.headers),
        body=await request.read(),
        base_url=f"https://{request.host}",
    )


def _web_response(answer: SimResponse) -> web.Response:
    headers: dict[str, Any] = dict(answer.headers)
    content_type = answer.content_type()
    if content_type is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = content_type
    return web.Response(status=answer.status, body=answer.payload(), headers=headers)
