"""``python -m local soak``: both systems under steady edits, with faults and kills.

A company is synchronized once, incremental synchronization is switched on, and users edit both
sides while requests and webhooks fail and the function host is killed. Then everything is left in
peace, and what both systems hold is judged from what the users did (``local.soak_oracle``).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import SystemRandom
from typing import Any

from local.azurite import InstallError
from local.coupler_client import CouplerApiError, CouplerClient
from local.demo import CONNECTION, connection_document
from local.options import add_platform_options, platform_options
from local.platform import Platform, PlatformOptions
from local.processes import Sink, StartError, file_sink
from local.sample_data.generator import generate
from local.simulated_world import SeedError, SimulatedWorld
from local.soak_faults import FaultsError
from local.soak_oracle import Verdict, judge, shown, touched
from local.soak_people import People, PeopleError, register_people
from local.soak_report import fetch_pairs, report_of
from local.soak_storm import Storm
from local.soak_watch import Watch, look_at_everything

DEFAULT_MINUTES = 3.0
_CUSTOMERS = 150
_EDITS_PER_SECOND = 3.0
_PERIOD_SECONDS = 15
"""The shortest that a connection may have."""
_SETTINGS = {"TABLE_JOB_LEASE_SECONDS": "15", "TENANT_STARTS_PER_HOUR": "0"}
"""A killed worker's tables are free before the next kill, so that passes die in many places. One
tenant starts everything."""
_QUIET_SECONDS = 60.0
"""At the end nobody may write for so long."""
_CALM_LOOKS = 3
_CALM_LOOK_SECONDS = 6.0
_CALM_DEADLINE_SECONDS = 240.0
_SYNCHRONIZED_SECONDS = 300.0
_FAULTY = ("lost", "duplicates", "loops", "stale", "restless")
"""Figures that have to be nothing."""
_LOG = Path(".local") / "soak.log"
_RESULT = Path(".local") / "soak.json"
_OUTCOMES = Path(".local") / "soak-outcomes.json"
"""What Coupler reports at the end, to be read where something is not as it must be."""


class SoakError(Exception):
    """The soak came to no verdict; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how much, and from which seed."""

    seconds: float
    seed: int
    customers: int = _CUSTOMERS
    edits_per_second: float = _EDITS_PER_SECOND
    quiet_seconds: float = _QUIET_SECONDS


def main(arguments: Sequence[str]) -> int:
    """Soak and print the figures as JSON: 0, or 1 where something was lost, doubled or does
    not come to rest."""
    parser = argparse.ArgumentParser(prog="python -m local soak", description=__doc__)
    add_platform_options(parser)
    parser.add_argument("--minutes", type=_minutes, default=DEFAULT_MINUTES)
    parser.add_argument("--seed", type=int, help="of the edits and faults; any by default")
    parser.add_argument("--customers", type=int, default=_CUSTOMERS)
    found = parser.parse_args(arguments)
    if found.crm_url or found.bc_url:
        parser.error("only the simulators are soaked: their data is made and thrown away")
    plan = Plan(
        seconds=60 * found.minutes,
        seed=SystemRandom().randrange(1_000_000) if found.seed is None else found.seed,
        customers=found.customers,
    )
    options = replace(platform_options(found), in_memory=True, settings=_SETTINGS)
    try:
        figures, verdict = _soak(options, plan, file_sink(_LOG))
    except (
        SoakError,
        FaultsError,
        PeopleError,
        SeedError,
        StartError,
        InstallError,
        CouplerApiError,
        OSError,
    ) as error:
        _tell(f"The soak failed (seed {plan.seed}): {error}\nThe parts' logs are in {_LOG}.")
        return 1
    except KeyboardInterrupt:
        return 130
    text = json.dumps(figures, indent=2)
    _RESULT.write_text(text + "\n", encoding="utf-8")
    for sentence in [*shown(verdict.lost), *shown(verdict.duplicates), *shown(verdict.stale)]:
        _tell(f"✗ {sentence}")
    print(text)
    return 1 if any(figures[name] for name in _FAULTY) else 0


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if minutes <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes")
    return minutes


def _tell(text: str) -> None:
    """Progress goes to the error output: the figures alone are the output."""
    print(text, file=sys.stderr, flush=True)


def _soak(options: PlatformOptions, plan: Plan, log: Sink) -> tuple[dict[str, Any], Verdict]:
    began = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    with Platform(options, log) as platform:
        _tell(f"Seed {plan.seed}. Starting every part and filling the simulators …")
        platform.start()
        world, client = SimulatedWorld(platform), CouplerClient(platform)
        data = generate(plan.customers, known_to_crm=0)
        world.fill(data)
        register_people(platform, data)
        _synchronize_once(platform, client, data.company)
        client.set_incremental(CONNECTION, {"enabled": True, "period_seconds": _PERIOD_SECONDS})
        client.register_webhooks(CONNECTION)
        before = look_at_everything(world)
        world.forget_requests()
        people = People(platform, data.business_central["companies"][0]["id"], clock)
        with Watch(world, clock) as watch:
            storm = Storm(platform, people, watch, plan.seed, _tell)
            storm.rage(plan.seconds, plan.edits_per_second)
            _tell("Faults are off; waiting until both systems are calm …")
            calm_s, restless = _await_calm(world, client)
            arrival = watch.figures()
        requests = _requests(world) - people.requests()
        loops, quiet_requests = _quiet(world, plan.quiet_seconds)
        after = look_at_everything(world)
        outcomes = client.outcomes(CONNECTION)
        _OUTCOMES.write_text(json.dumps(outcomes, indent=2), encoding="utf-8")
        reports = [report_of(outcome) for outcome in outcomes]
        pairs = fetch_pairs(client, CONNECTION)
        verdict = judge(before, storm.edits, after, reports, pairs)
    for sentence in shown(loops):
        _tell(f"✗ written though nothing changed: {sentence}")
    for sentence in shown(restless):
        _tell(f"✗ not calm within {_CALM_DEADLINE_SECONDS:.0f} s: {sentence}")
    figures = {
        "edits": len(storm.edits),
        "faults": storm.faults,
        "kills": storm.kills,
        "conflicts": verdict.conflicts,
        "duplicates": len(verdict.duplicates),
        "lost": len(verdict.lost),
        "loops": len(loops),
        "arrival_s": arrival,
        "requests_per_change": round(requests / max(1, len(storm.edits)), 2),
        "seed": plan.seed,
        "seconds": round(plan.seconds),
        "calm_after_s": round(calm_s, 1),
        "stale": len(verdict.stale),
        "restless": restless,
        "requests": requests,
        "quiet_requests_per_minute": round(quiet_requests * 60 / plan.quiet_seconds, 1),
        "edits_by_action": storm.by_action(),
        "reported": verdict.reported,
    }
    return figures, verdict


def _synchronize_once(platform: Platform, client: CouplerClient, company: str) -> None:
    _tell("Synchronizing everything once …")
    client.create_connection(connection_document(platform, company))
    client.enable(CONNECTION)
    client.start_full_sync(CONNECTION)
    deadline = time.monotonic() + _SYNCHRONIZED_SECONDS
    while (review := client.review(CONNECTION))["run"]["state"] == "in-process":
        if time.monotonic() > deadline:
            raise SoakError("the first full synchronization does not end")
        time.sleep(1.0)
    if review["run"]["state"] != "finished":
        raise SoakError(f"the first full synchronization: {review['run']['message']}")


def _await_calm(world: SimulatedWorld, client: CouplerClient) -> tuple[float, list[str]]:
    """Wait until nobody writes any more and every table is in step: the seconds it took, and what
    is not calm after all."""
    began = time.monotonic()
    calm, former = 0, look_at_everything(world)
    while calm < _CALM_LOOKS:
        time.sleep(_CALM_LOOK_SECONDS)
        latest = look_at_everything(world)
        restless = _restless(client) + touched(former, latest)
        calm, former = 0 if restless else calm + 1, latest
        if time.monotonic() - began > _CALM_DEADLINE_SECONDS:
            return time.monotonic() - began, restless
    return time.monotonic() - began, []


def _restless(client: CouplerClient) -> list[str]:
    """Tables that are not in step, with the reason that they give."""
    return [
        f"{table['mapping']} is {table['state']}: {table['message']}"
        for table in client.tables(CONNECTION)["tables"]
        if table["state"] not in ("in-step", "in-process")
    ]


def _quiet(world: SimulatedWorld, seconds: float) -> tuple[list[str], int]:
    """Records written while nobody edits, and how many requests looking for changes takes."""
    _tell(f"Listening for {seconds:.0f} s whether anybody writes …")
    former = look_at_everything(world)
    world.forget_requests()
    time.sleep(seconds)
    loops = touched(former, look_at_everything(world))
    return loops, _requests(world)


def _requests(world: SimulatedWorld) -> int:
    return sum(int(counted["requests"]) for counted in world.requests().values())
