"""Measuring a match: which records of two systems fit each other, where nothing is coupled yet.

A match has to know all records before it can tell of any, so both its time and its memory grow with
them. That they grow no faster is what is measured: the same is done with a tenth of the records, on
a platform of its own, whose peak of memory is its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from local.bench_match_data import PROPOSED_FROM, match_data
from local.bench_measure import ProcessMeter, StorageMeter, wall_seconds
from local.coupler_client import CouplerClient
from local.demo import CONNECTION, connection_document
from local.platform import Platform, PlatformOptions
from local.processes import Sink
from local.simulated_world import SimulatedWorld

type Figures = dict[str, Any]

_MAPPING = "CUSTOMER"
_POLL_SECONDS = 1.0
_DEADLINE_SECONDS = 1800.0
_RATIOS = ("wall_s", "slice_s", "cpu_s", "peak_rss_mb", "memory_above_idle_mb", "storage_requests")


class MatchBenchError(Exception):
    """A match did not find what there is, or did not come to its end; the text says what."""


def measure_match(
    options: PlatformOptions, records: int, log: Sink, tell: Callable[[str], None]
) -> Figures:
    """Figures of a match of so many records on each side, and of a tenth of them.

    Raises ``MatchBenchError``.
    """
    large = _measure(options, records, log, tell)
    tenth = _measure(options, max(1, records // 10), log, tell)
    return large | {"tenth": tenth, "times_tenth": times(large, tenth)}


def times(large: Mapping[str, Any], small: Mapping[str, Any]) -> dict[str, float]:
    """By how much the figures of more records are greater than those of fewer. Pure."""
    figures = {name: (large[name], small[name]) for name in ("records", *_RATIOS)}
    requests = [sum(each["requests"].values()) for each in (large, small)]
    figures["requests"] = (requests[0], requests[1])
    return {name: round(one / max(0.01, other), 2) for name, (one, other) in figures.items()}


def require_counts(expected: Mapping[str, int], found: Mapping[str, int]) -> None:
    """Raise ``MatchBenchError`` where a match counted otherwise than the records were made."""
    differing = [
        f"{name}: {found.get(name)} found, {expected.get(name)} made"
        for name in {**expected, **found}
        if found.get(name) != expected.get(name)
    ]
    if differing:
        raise MatchBenchError(f"the match found something else: {'; '.join(differing)}")


def _measure(
    options: PlatformOptions, records: int, log: Sink, tell: Callable[[str], None]
) -> Figures:
    tell(f"Making {records} customers and as many accounts to be matched …")
    made = match_data(records)
    storage = StorageMeter(log)
    with Platform(options, storage) as platform:
        tell("Starting every part and filling the simulators …")
        platform.start()
        world = SimulatedWorld(platform)
        world.fill(made.data)
        client = CouplerClient(platform)
        client.create_connection(connection_document(platform, made.data.company))
        client.enable(CONNECTION)
        client.set_incremental(CONNECTION, {"enabled": False})  # no timer in between
        client.change_mapping(CONNECTION, _MAPPING, {"proposes_from": PROPOSED_FROM})
        tell("Matching …")
        figures, counts = _match(platform, world, client, storage)
    require_counts(made.counts, counts)
    return {"records": records, "counts": counts} | figures


def _match(
    platform: Platform, world: SimulatedWorld, client: CouplerClient, storage: StorageMeter
) -> tuple[Figures, dict[str, int]]:
    """What a match cost, and what it counted."""
    look_cost = storage.cost_of(lambda: client.matches(CONNECTION))
    process = ProcessMeter(platform.host_process_id())
    process.forget_peak()
    idle_mb = process.peak_rss_mb()
    world.forget_requests()
    storage.reset()
    client.start_match(CONNECTION, [_MAPPING])
    report, looks = _await_end(client, process)
    cpu_s, peak_mb = process.cpu_s(), process.peak_rss_mb()
    stored = storage.settled() - looks * look_cost
    [table] = report["tables"]
    figures = {
        "wall_s": round(wall_seconds(report["run"]), 2),
        "slice_s": round(wall_seconds(table["line"]), 2),
        "cpu_s": round(cpu_s, 2),
        "peak_rss_mb": round(peak_mb, 1),
        "memory_above_idle_mb": round(peak_mb - idle_mb, 1),
        "requests": {side: each["requests"] for side, each in world.requests().items()},
        "storage_requests": round(stored),
    }
    return figures, table["counts"]


def _await_end(client: CouplerClient, process: ProcessMeter) -> tuple[dict[str, Any], int]:
    """The report once the match is over, and how often it was asked for."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    looks = 0
    while time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        process.look()
        looks += 1
        try:
            report = client.matches(CONNECTION)
        except TimeoutError:  # a machine with better things to do: the run may go on all the same
            continue
        if report["run"]["state"] == "finished":
            return report, looks
        if report["run"]["state"] != "in-process":
            told = "; ".join(each["line"]["message"] for each in report["tables"])
            raise MatchBenchError(f"the match is {report['run']['state']}: {told}")
    raise MatchBenchError(f"the match is not over after {_DEADLINE_SECONDS:.0f} s")
