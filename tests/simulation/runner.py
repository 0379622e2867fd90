"""Running seeds, and telling how to run one again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tests.simulation.lineage import BrokenGuaranteeError
from tests.simulation.simulation import Simulation


class SeedFailedError(AssertionError):
    """A seed under which a guarantee does not hold."""


def run_seed(seed: int, simulation: Simulation | None = None) -> Simulation:
    """Simulate one seed; raises ``SeedFailedError`` with the command that shows it again."""
    simulation = simulation or Simulation(seed)
    try:
        simulation.run()
    except BrokenGuaranteeError as broken:
        simulation.note("BROKEN", str(broken))
        raise SeedFailedError(
            f"seed {seed}: {broken}\n"
            f"replay with: .venv/bin/python -m tests.simulation --seed {seed} --verbose"
        ) from broken
    return simulation


def digest(simulation: Simulation) -> str:
    """A short text that is equal for equal event logs."""
    state = hashlib.blake2b(digest_size=12)
    for event in simulation.events:
        state.update(repr(event).encode())
    return state.hexdigest()


def lines(simulation: Simulation) -> Iterable[str]:
    """The event log for people."""
    for time, depth, *words in simulation.events:
        yield f"{time:%m-%d %H:%M:%S.%f} {'  ' * depth}{' '.join(map(str, words))}"
