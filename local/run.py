"""``python -m local run``: the platform for people, up until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from local.azurite import InstallError
from local.identities import API_AUDIENCE, PORTAL, TENANT
from local.options import add_platform_options, platform_options
from local.platform import Platform, PlatformOptions, describe
from local.processes import StartError, terminal_sink
from local.service_credentials import CredentialsError
from local.simulated_world import SimulatedWorld

_MARK = "run"
"""Marks a saved world that people used: a demo does not go on from it."""


def main(arguments: Sequence[str]) -> int:
    """Run the platform that the command line asks for, see ``run_until_stopped``."""
    parser = argparse.ArgumentParser(prog="python -m local run", description=__doc__)
    add_platform_options(parser)
    try:
        options = platform_options(parser.parse_args(arguments))
    except CredentialsError as error:
        print(error, file=sys.stderr)
        return 1
    return run_until_stopped(options)


def run_until_stopped(options: PlatformOptions) -> int:
    """Run until Ctrl-C or SIGTERM (0), or until a part fails (1, with one clear message)."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    with Platform(options, terminal_sink()) as platform:
        world = SimulatedWorld(platform)
        is_up = False
        try:
            platform.start()
            if world.restore():
                print("The simulators hold what they held at the end of the last demo or run.")
            is_up = True
            _show(platform)
            failure = platform.wait_for_an_end()
        except KeyboardInterrupt:
            failure = ""
            _ignore_signals()
            if is_up:
                world.save(_MARK)
        except (StartError, InstallError) as error:
            failure = str(error)
        _ignore_signals()
        print("stopping", flush=True)
    if failure:
        print(failure, file=sys.stderr)
    return 1 if failure else 0


def _ignore_signals() -> None:
    """A second Ctrl-C must not leave half of the parts running."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def client_environment(platform: Platform) -> dict[str, str]:
    """What the command line client needs to speak to this platform as its administrator."""
    return {
        "COUPLER_URL": platform.addresses.function_app,
        "COUPLER_AUTHORITY": platform.addresses.entra,
        "COUPLER_TENANT": TENANT,
        "COUPLER_CLIENT_ID": PORTAL.client_id,
        "COUPLER_CLIENT_SECRET": PORTAL.secret,
        "COUPLER_AUDIENCE": API_AUDIENCE,
        "REQUESTS_CA_BUNDLE": str(platform.certificates.bundle),
    }


def _show(platform: Platform) -> None:
    print("\nCoupler is up. Ctrl-C stops it.\n")
    for name, address in describe(platform.addresses).items():
        print(f"  {name:<18}{address}")
    print(f"  {'certificates':<18}{platform.certificates.bundle}")
    print("\nFor the command line client, in another terminal:\n")
    for name, value in client_environment(platform).items():
        print(f"  export {name}={value}")
    print("  .venv/bin/python -m cli status\n", flush=True)
