"""Seeds 1500 to 1999: the guarantees hold, whatever happens."""

import pytest

from tests.simulation.seeds import name_of, parts, run_all


@pytest.mark.parametrize("seeds", parts(3), ids=name_of)
def test_the_guarantees_hold_after_everything_that_can_go_wrong(seeds):
    run_all(seeds)
