"""The options every simulator process takes, and starting it by them."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.simulators.core.server import serve
from local.simulators.core.simulator import Simulator
from local.simulators.core.tokens import TokenVerifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a simulator process was started with."""

    port: int
    certificate: Path
    key: Path
    entra: str
    """Base address of Entra ID: whose tokens are accepted."""
    ca_file: str | None
    """The certificate authorities trusted, from ``REQUESTS_CA_BUNDLE``: for Entra ID's keys and
    for sending webhooks."""
    configuration: Path | None
    """A JSON file of the simulator's own settings, where it has any."""


def run(
    name: str, build: Callable[[Options], Simulator], arguments: Sequence[str] | None = None
) -> None:
    """Parse the arguments, build the simulator and serve it until it is told to stop.

    Exits with one clear line and status 1 where the port is taken.
    """
    options = parse(name, arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    verifier = TokenVerifier(options.entra, ca_file=options.ca_file)
    try:
        serve(
            build(options),
            port=options.port,
            certificate=options.certificate,
            key=options.key,
            verifier=verifier,
        )
    except OSError as error:
        print(f"{name} cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        sys.exit(1)


def parse(name: str, arguments: Sequence[str] | None = None) -> Options:
    """The options; exits with argparse's message where they are wrong."""
    parser = argparse.ArgumentParser(prog=f"python -m local.simulators.{name}")
    parser.add_argument("--port", type=int, required=True, help="HTTPS port on 127.0.0.1")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM chain of the server")
    parser.add_argument("--key", type=Path, required=True, help="PEM private key of the server")
    parser.add_argument("--entra", required=True, help="base address of Entra ID, without tenant")
    parser.add_argument("--configuration", type=Path, help="JSON file of the simulator's settings")
    found = parser.parse_args(arguments)
    return Options(
        port=found.port,
        certificate=found.certificate,
        key=found.key,
        entra=found.entra,
        ca_file=os.environ.get("REQUESTS_CA_BUNDLE"),
        configuration=found.configuration,
    )
