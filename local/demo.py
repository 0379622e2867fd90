"""``python -m local demo``: a company is coupled and synchronized, watched, and checked."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from local.azurite import InstallError
from local.coupler_client import CouplerApiError, CouplerClient
from local.demo_check import check, counts, pairs
from local.demo_view import (
    counts_table,
    outcomes_table,
    pairs_table,
    recommendations_table,
    review_table,
    setup_table,
)
from local.identities import SERVICE_SECRET_NAME, TENANT
from local.options import add_platform_options, platform_options
from local.platform import Platform
from local.processes import StartError, file_sink
from local.sample_data.folder import FolderError, load_folder
from local.sample_data.generator import DEFAULT_CUSTOMERS, generate
from local.sample_data.model import SampleData
from local.service_credentials import CredentialsError
from local.simulated_world import SeedError, SimulatedWorld, fingerprint, storage_folder

CONNECTION = "demo"
ENVIRONMENT = "Production"
_POLL_SECONDS = 0.3
_PLAIN_WIDTH = 120
"""Columns to print where the output is no terminal: in a log, in continuous integration."""


class DemoError(Exception):
    """The demo could not do what it shows; the text says why."""


def main(arguments: Sequence[str]) -> int:
    """Run the demo: 0 when everything that must hold was seen to hold, else 1."""
    parser = argparse.ArgumentParser(prog="python -m local demo", description=__doc__)
    add_platform_options(parser)
    parser.add_argument("--data", type=Path, help="folder of data in the APIs' own JSON shape")
    parser.add_argument("--customers", type=int, default=DEFAULT_CUSTOMERS)
    found = parser.parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    try:
        data = load_folder(found.data) if found.data else generate(found.customers)
        with Platform(platform_options(found), file_sink(_log_file())) as platform:
            return _demo(console, platform, data)
    except (
        CredentialsError,
        DemoError,
        FolderError,
        SeedError,
        StartError,
        InstallError,
        CouplerApiError,
        OSError,
    ) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        print(f"The parts' logs are in {_log_file()}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _log_file() -> Path:
    return Path(".local") / "demo.log"


def _demo(console: Console, platform: Platform, data: SampleData) -> int:
    world = SimulatedWorld(platform)
    mark = fingerprint(data)
    again = world.saved_mark == mark
    if not again:
        world.forget()
        shutil.rmtree(storage_folder(platform), ignore_errors=True)
    console.print("Starting Azurite, the simulators and the function host …")
    platform.start()
    if again:
        console.print(
            "The same data and application as last time: going on from where the last demo ended."
        )
        world.restore()
        world.forget_mark()
    else:
        world.fill(data)
    world.forget_requests()
    client = CouplerClient(platform)
    client.create_connection(connection_document(platform, data.company))
    client.enable(CONNECTION)
    console.print(setup_table(client.setup(CONNECTION)))
    recommended = client.recommendations(CONNECTION)
    console.print(recommendations_table(recommended))
    began = time.monotonic()
    client.start_full_sync(CONNECTION)
    review = _watch(console, client)
    seconds = time.monotonic() - began
    report = _report(console, client, world, review, seconds, again=again)
    world.save(mark)
    target = Path(".local") / "demo.json"
    target.write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    for fault in report["faults"]:
        console.print(f"[red]✗ {fault}")
    verdict = "[green]✓ everything checked holds" if report["ok"] else "[red]✗ see above"
    console.print(f"{verdict}; the figures are in {target}")
    return 0 if report["ok"] else 1


def connection_document(platform: Platform, company: str) -> dict[str, Any]:
    """The connection that the demo creates."""
    base = platform.addresses.business_central
    url = platform.options.bc_url or f"{base}/v2.0/{TENANT}/{ENVIRONMENT}"
    return {
        "connection_id": CONNECTION,
        "name": f"{company} with its CRM organization",
        "business_central": {"url": url, "company": company},
        "crm": {"url": platform.addresses.crm},
        "credentials": {
            "tenant_id": platform.options.service.tenant,
            "client_id": platform.options.service.client_id,
            "client_secret_name": SERVICE_SECRET_NAME,
        },
    }


def _watch(console: Console, client: CouplerClient) -> dict[str, Any]:
    """Show the review until the run is over."""
    review = client.review(CONNECTION)
    with Live(review_table(review), console=console, refresh_per_second=8) as live:
        while review["run"]["state"] == "in-process":
            time.sleep(_POLL_SECONDS)
            review = client.review(CONNECTION)
            live.update(review_table(review))
    return review


def _report(
    console: Console,
    client: CouplerClient,
    world: SimulatedWorld,
    review: dict[str, Any],
    seconds: float,
    *,
    again: bool,
) -> dict[str, Any]:
    """Show the result and return it as the demo's JSON."""
    requests = world.requests()
    outcomes = client.outcomes(CONNECTION)
    faults = check(review, outcomes, client, world, CONNECTION, again=again)
    console.print(counts_table(counts(client, world, CONNECTION)))
    console.print(pairs_table(pairs(client, world, CONNECTION)))
    if outcomes:
        console.print(outcomes_table(outcomes))
    for side, counted in requests.items():
        told = f"{counted['requests']} requests, {counted['operations']} operations"
        console.print(f"{side.replace('_', ' ')}: {told}")
    console.print(f"Time: {seconds:.1f} s")
    return {
        "lines": review["lines"],
        "run": review["run"],
        "requests": requests,
        "outcomes": len(outcomes),
        "seconds": round(seconds, 2),
        "faults": faults,
        "ok": not faults,
    }
