from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.soak_people import register_people
from tests.integration.full_sync.installation import (
    Installation,
    company,
    options,
    running,
    statuses,
)
from tests.integration.incremental.office import MAPPINGS, Office

CUSTOMERS = 16


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One platform for all tests about coupling.

    A module that is about a company of its own fills both systems by ``begin_anew``; every other
    one takes ``office``.
    """
    chosen = options(tmp_path_factory.mktemp("coupling") / "state")
    settings = {**chosen.settings, "BC_OVERLAP_SECONDS": "1"}
    with running(replace(chosen, settings=settings)) as platform:
        yield Installation(platform)


@pytest.fixture(scope="module")
def office(installation: Installation) -> Office:
    """A small company in step, for the tests of one module.

    Its passes begin when they are asked for, and not by themselves. Each test works with customers
    that no other test touches.
    """
    data = company(CUSTOMERS)
    installation.begin_anew(data)
    register_people(installation.platform, data)
    connection = installation.connect(data.company)
    review = installation.synchronize(connection, MAPPINGS)
    assert statuses(review) == dict.fromkeys(MAPPINGS, "finished")
    return Office(installation, connection)


@pytest.fixture(autouse=True)
def _nothing_left_behind(installation: Installation) -> Iterator[None]:
    """No fault outlives the test that planned it."""
    yield
    installation.clear_faults()
