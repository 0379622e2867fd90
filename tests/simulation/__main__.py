"""Simulate seeds: ``python -m tests.simulation --seed 17 --verbose`` or ``--seeds 0-1999``."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.runner import SeedFailedError, digest, lines, run_seed
from tests.simulation.simulation import Simulation


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="run this seed and say its digest")
    parser.add_argument("--seeds", help="run all seeds from A to B: A-B")
    parser.add_argument("--verbose", action="store_true", help="tell all events of the seed")
    options = parser.parse_args()
    if options.seeds:
        first, _, last = options.seeds.partition("-")
        return _run_many(range(int(first), int(last) + 1))
    return _run_one(options.seed, verbose=options.verbose)


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run_one(seed: int, *, verbose: bool) -> int:
    simulation = Simulation(seed)
    failure: SeedFailedError | None = None
    try:
        run_seed(seed, simulation)
    except SeedFailedError as error:
        failure = error
    if verbose:
        for line in lines(simulation):
            _say(line)
    _say(failure or f"seed {seed}: {len(simulation.events)} events, {digest(simulation)}")
    return 1 if failure else 0


def _run_many(seeds: range) -> int:
    begun = time.monotonic()
    failed = 0
    for seed in seeds:
        try:
            run_seed(seed)
        except SeedFailedError as error:
            failed += 1
            _say(error)
    _say(f"{len(seeds)} seeds, {failed} failed, {time.monotonic() - begun:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
