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

OVERLAP_SECONDS = "1"
"""Short, because a pass is quiet only after that time."""


@pytest.fixture(scope="package")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A company in step, whose passes begin when a test asks for them and not by themselves."""
    chosen = options(tmp_path_factory.mktemp("incremental") / "state")
    settings = {**chosen.settings, "BC_OVERLAP_SECONDS": OVERLAP_SECONDS}
    with running(replace(chosen, settings=settings)) as platform:
        installation = Installation(platform)
        data = company(40)
        installation.begin_anew(data)
        register_people(platform, data)
        connection = installation.connect(data.company)
        installation.client.set_incremental(connection, {"enabled": False})
        review = installation.synchronize(connection, MAPPINGS)
        assert statuses(review) == dict.fromkeys(MAPPINGS, "finished")
        yield Office(installation, connection)


@pytest.fixture(autouse=True)
def _nothing_left_behind(office: Office) -> Iterator[None]:
    """No fault outlives the test that planned it."""
    yield
    office.installation.clear_faults()
