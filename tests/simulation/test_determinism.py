"""A seed tells everything: each run of it is the same, in any process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.runner import digest, run_seed

_REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("seed", range(0, 2000, 80))
def test_a_seed_run_twice_gives_the_same_events(seed):
    assert digest(run_seed(seed)) == digest(run_seed(seed))


def test_another_process_gives_the_same_events():
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7"]
    outputs = {
        subprocess.run(
            command,
            cwd=_REPOSITORY,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert digest(run_seed(7)) in outputs.pop()
