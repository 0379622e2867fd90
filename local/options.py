"""Command line options that every command of the local platform takes."""

from __future__ import annotations

import argparse
import os
from urllib.parse import urlsplit

from local.platform import PlatformOptions
from local.ports import DEFAULT_BASE, Ports
from local.service_credentials import take_credentials


def add_platform_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``platform_options`` reads."""
    parser.add_argument(
        "--port-base",
        type=_ports,
        default=Ports.from_base(),
        dest="ports",
        metavar="PORT",
        help=f"the port from which all others follow (default {DEFAULT_BASE})",
    )
    parser.add_argument(
        "--crm-url",
        type=_https_address,
        metavar="URL",
        help="a CRM organization to use in the simulator's place",
    )
    parser.add_argument(
        "--bc-url",
        type=_https_address,
        metavar="URL",
        help="a Business Central base address, up to and without /api, in the simulator's place",
    )


def platform_options(found: argparse.Namespace) -> PlatformOptions:
    """The platform asked for on the command line and by the environment.

    Raises ``CredentialsError``.
    """
    return PlatformOptions(
        ports=found.ports,
        crm_url=found.crm_url,
        bc_url=found.bc_url,
        service=take_credentials(os.environ),
    )


def _ports(text: str) -> Ports:
    try:
        return Ports.from_base(int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _https_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is no https:// address")
    return text.rstrip("/")
