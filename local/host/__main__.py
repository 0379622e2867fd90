"""``python -m local.host APP_DIR``: serve a Functions app on this machine."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from local.host.errors import HostError
from local.host.host import FunctionHost, HostOptions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the host; 0 after a clean stop, 1 if it could not start or had to abandon functions."""
    options = _options(arguments)
    _configure_logging()
    try:
        host = FunctionHost(options)
        abandoned = asyncio.run(_serve(host))
    except HostError as error:
        print(f"function host: {error}", file=sys.stderr)
        return 1
    if abandoned or not _closes(host, options.grace_seconds):
        names = ", ".join(abandoned) or "activities"
        print(f"function host: abandoned while running: {names}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(1)  # their threads would keep the interpreter alive
    return 0


def _closes(host: FunctionHost, seconds: float) -> bool:
    """Whether the worker's threads ended in time; a thread cannot be told to."""
    closing = threading.Thread(target=host.close, daemon=True)
    closing.start()
    closing.join(seconds)
    return not closing.is_alive()


async def _serve(host: FunctionHost) -> list[str]:
    stop = asyncio.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    return await host.serve(stop)


def _options(arguments: Sequence[str] | None) -> HostOptions:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("app_directory", type=Path, help="the folder of function_app.py")
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument(
        "--azurite-port",
        type=int,
        default=10000,
        help="Azurite's blob port; queues and tables are on the next two (default %(default)s)",
    )
    parser.add_argument(
        "--queue-visibility-seconds",
        type=int,
        default=600,
        help="how long a message taken from a queue stays invisible (default %(default)s)",
    )
    parser.add_argument(
        "--grace-seconds",
        type=float,
        default=20.0,
        help="how long running functions may take to end at a stop (default %(default)s)",
    )
    return HostOptions(**vars(parser.parse_args(arguments)))


def _configure_logging() -> None:
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stdout,
        format="%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("azure").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
