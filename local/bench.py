"""``python -m local bench``: a generated company's synchronization, measured: full, then passes;
then a match of two systems that were in use before.

Its time is set against a floor: the same pages, batches and coupling rows, moved in the same
surroundings by a program that decides nothing (``local.bench_floor``). Azurite keeps its data in
memory for both, so that the demo's data stays as it is and saving files does not blur the times.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.azurite import InstallError
from local.bench_floor import FloorError, move_everything
from local.bench_match import MatchBenchError, measure_match
from local.bench_measure import (
    STORAGE_UNIT,
    ProcessMeter,
    StorageMeter,
    in_step,
    line_seconds,
    per_1000,
    unfinished,
    wall_seconds,
)
from local.bench_passes import BENCH_SETTINGS, PassBench, PassError, ratios, spread_stamps
from local.coupler_client import CouplerApiError, CouplerClient
from local.demo import CONNECTION, connection_document
from local.options import add_platform_options, platform_options
from local.platform import Platform, PlatformOptions
from local.processes import Sink, StartError, file_sink
from local.sample_data.generator import generate
from local.sample_data.model import SampleData
from local.simulated_world import SeedError, SimulatedWorld
from local.soak_people import PeopleError

DEFAULT_CUSTOMERS = 20_000
DEFAULT_MATCH_RECORDS = 100_000
_POLL_SECONDS = 1.5
_STALLED_SECONDS = 600.0
"""A run whose review does not change for so long is given up."""
_LOG = Path(".local") / "bench.log"
_RESULT = Path(".local") / "bench.json"
_COMPARED_SETS = (
    *("accounts", "contacts", "products", "pricelevels", "productpricelevels"),
    *("transactioncurrencies", "uomschedules", "uoms"),
)
"""What must be as many in CRM after the floor as after the product."""


class BenchError(Exception):
    """Nothing that can be compared was measured; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The product's run."""

    figures: dict[str, Any]
    coupled: dict[str, int]
    """Coupled records by table mapping."""
    crm_records: dict[str, int]
    """Records in CRM afterwards, by entity set."""
    passes: dict[str, Any]
    """Of incremental synchronization, once all is in step."""


def main(arguments: Sequence[str]) -> int:
    """Measure and print the figures as JSON: 0, or 1 where the run did not finish in full."""
    parser = argparse.ArgumentParser(prog="python -m local bench", description=__doc__)
    add_platform_options(parser)
    parser.add_argument(
        "--customers",
        type=_number,
        default=DEFAULT_CUSTOMERS,
        help=f"to synchronize (default {DEFAULT_CUSTOMERS})",
    )
    parser.add_argument(
        "--match-records",
        type=_number,
        default=DEFAULT_MATCH_RECORDS,
        help=f"of each side to match (default {DEFAULT_MATCH_RECORDS}); 0 leaves the match out",
    )
    parser.add_argument("--only", choices=("match",), help="leave out all else")
    found = parser.parse_args(arguments)
    if found.customers == 0:
        parser.error("no customers, nothing to measure")
    if found.only == "match" and found.match_records == 0:
        parser.error("only the match, and that left out: nothing to measure")
    if found.crm_url or found.bc_url:
        parser.error("only the simulators are measured: their data is made and thrown away")
    options = replace(
        platform_options(found), in_memory=True, storage_log=True, settings=BENCH_SETTINGS
    )
    try:
        log = file_sink(_LOG)
        figures = {} if found.only else _bench(options, found.customers, log)
        if found.match_records:
            figures["match"] = measure_match(options, found.match_records, log, _tell)
    except (
        BenchError,
        FloorError,
        MatchBenchError,
        PassError,
        PeopleError,
        SeedError,
        StartError,
        InstallError,
        CouplerApiError,
        OSError,
    ) as error:
        _tell(f"The bench failed: {error}\nThe parts' logs are in {_LOG}.")
        return 1
    except KeyboardInterrupt:
        return 130
    text = json.dumps(figures, indent=2)
    _RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of records")
    return int(text)


def _tell(text: str) -> None:
    """Progress goes to the error output: the figures alone are the output."""
    print(text, file=sys.stderr, flush=True)


def _bench(options: PlatformOptions, customers: int, log: Sink) -> dict[str, Any]:
    _tell(f"Making a company of {customers} customers …")
    data = _company(customers)
    measured = _measure_product(options, data, log)
    floor = _measure_floor(options, data, log, measured)
    figures = {"customers": customers, **measured.figures, **floor}
    figures["times_floor"] = round(figures["wall_s"] / figures["floor_wall_s"], 2)
    return figures | _compare_passes(options, customers, log, measured)


def _compare_passes(
    options: PlatformOptions, customers: int, log: Sink, measured: Measured
) -> dict[str, Any]:
    """The passes, beside those of a company of a tenth of the size."""
    tenth = max(1, customers // 10)
    _tell(f"The same with a company of {tenth} customers …")
    smaller = _measure_product(options, _company(tenth), log)
    return {
        "passes": measured.passes,
        "tenth_customers": tenth,
        "tenth_passes": smaller.passes,
        "passes_times_tenth": ratios(measured.passes, smaller.passes),
    }


def _company(customers: int) -> SampleData:
    """A company that CRM knows nothing of, grown over the years."""
    return spread_stamps(generate(customers, known_to_crm=0))


def _measure_product(options: PlatformOptions, data: SampleData, log: Sink) -> Measured:
    storage = StorageMeter(log)
    with Platform(options, storage) as platform:
        _tell("Starting every part and filling the simulators …")
        platform.start()
        world = SimulatedWorld(platform)
        world.fill(data)
        client = CouplerClient(platform)
        client.create_connection(connection_document(platform, data.company))
        client.enable(CONNECTION)
        client.set_incremental(CONNECTION, {"enabled": False})  # no timer in between
        world.forget_requests()
        process = ProcessMeter(platform.host_process_id())
        storage.reset()
        client.start_full_sync(CONNECTION)
        review = _await_end(client, process)
        # at once, while the host is not yet idle for long
        transactions, cpu_s = storage.counted(), process.cpu_s()
        figures = _figures(review, world.requests())
        figures |= {
            "cpu_s": round(cpu_s, 2),
            "storage_transactions": transactions | {"unit": STORAGE_UNIT},
            "peak_rss_mb": round(process.peak_rss_mb(), 1),
        }
        crm_records = _crm_records(world)
        bench = PassBench(
            platform=platform, world=world, client=client, storage=storage, connection=CONNECTION
        )
        return Measured(
            figures=figures,
            coupled={line["name"]: in_step(line) for line in review["lines"]},
            crm_records=crm_records,
            passes=bench.measure(data, _tell),
        )


def _await_end(client: CouplerClient, process: ProcessMeter) -> dict[str, Any]:
    """Wait until the run is over; raises ``BenchError`` where it fails or stands still."""
    shown, changed_at = "", time.monotonic()
    review: dict[str, Any] = {"run": {"state": "in-process"}, "lines": []}
    while True:
        try:
            review = client.review(CONNECTION)
        except TimeoutError:  # a machine with better things to do: the run may go on all the same
            _tell("(the service did not answer in time)")
        process.look()
        lines = review["lines"]
        told = _progress(lines)
        if told != shown:
            _tell(told)
            shown, changed_at = told, time.monotonic()
        if review["run"]["state"] != "in-process":
            break
        if time.monotonic() - changed_at > _STALLED_SECONDS:
            raise BenchError(f"the run does not go on. {'; '.join(unfinished(lines))}")
        time.sleep(_POLL_SECONDS)
    faults = unfinished(lines)
    if faults:
        raise BenchError("; ".join(faults))
    return review


def _progress(lines: Sequence[dict[str, Any]]) -> str:
    """One line of what is under way and how far."""
    active = [
        f"{line['name']} {line['progress']['handled']}/{line['progress']['expected'] or '?'}"
        for line in lines
        if line["job_queue_entry_status"] == "in-process"
    ]
    over = sum(line["job_queue_entry_status"] == "finished" for line in lines)
    return f"{over} of {len(lines)} tables finished" + "".join(f", {each}" for each in active)


def _figures(review: dict[str, Any], counted: dict[str, Any]) -> dict[str, Any]:
    lines = review["lines"]
    records = sum(line["progress"]["handled"] for line in lines)

    def by_service(member: str) -> dict[str, int]:
        return {service: count[member] for service, count in counted.items()}

    return {
        "records": records,
        "wall_s": round(wall_seconds(review["run"]), 2),
        "requests_per_1000": per_1000(by_service("requests"), records),
        "operations_per_1000": per_1000(by_service("operations"), records),
        "requests": {service: count["by_kind"] for service, count in counted.items()},
        "throttled": by_service("throttled"),
        "lines": {
            line["name"]: {"records": line["progress"]["handled"], "wall_s": line_seconds(line)}
            for line in lines
        },
    }


def _measure_floor(
    options: PlatformOptions, data: SampleData, log: Sink, measured: Measured
) -> dict[str, Any]:
    """The floor in a fresh platform without the function host; it must move the same records."""
    storage = StorageMeter(log)
    with Platform(options, storage) as platform:
        _tell("Starting afresh for the floor …")
        platform.start_azurite()
        platform.start_simulators()
        world = SimulatedWorld(platform)
        world.fill(data)
        world.forget_requests()
        storage.reset()
        began = time.perf_counter()
        coupled = move_everything(platform, data.company, _tell)
        wall_s = time.perf_counter() - began
        transactions = storage.counted()
        counted = world.requests()
        _compare("coupled records", measured.coupled, coupled)
        _compare("records in CRM", measured.crm_records, _crm_records(world))
    return {
        "floor_wall_s": round(wall_s, 2),
        "floor_requests": {service: count["by_kind"] for service, count in counted.items()},
        "floor_storage_transactions": transactions,
    }


def _crm_records(world: SimulatedWorld) -> dict[str, int]:
    return {entity_set: world.count("crm", entity_set) for entity_set in _COMPARED_SETS}


def _compare(what: str, product: dict[str, int], floor: dict[str, int]) -> None:
    """Raise ``BenchError`` where the floor did not move what the product moved."""
    differing = [
        f"{name}: {product.get(name)} by the product, {floor.get(name)} by the floor"
        for name in product | floor
        if product.get(name) != floor.get(name)
    ]
    if differing:
        raise BenchError(f"the floor moved other data, so it is none ({what}): {differing}")
