"""The seeds of the ordinary test run, divided among the files that run side by side."""

from __future__ import annotations

import gc

from tests.simulation.runner import run_seed

SEEDS = 2000
FILES = 4
_SEEDS_PER_TEST = 25


def parts(file: int) -> list[range]:
    """The seeds of one file, as many to a test as take a few seconds."""
    per_file = SEEDS // FILES
    first = file * per_file
    return [
        range(start, start + _SEEDS_PER_TEST)
        for start in range(first, first + per_file, _SEEDS_PER_TEST)
    ]


def name_of(seeds: range) -> str:
    return f"{seeds.start}-{seeds.stop - 1}"


def run_all(seeds: range) -> None:
    """Simulate these seeds; what they leave behind is collected once, which saves a good part of
    the time."""
    gc.disable()
    try:
        for seed in seeds:
            run_seed(seed)
    finally:
        gc.enable()
