from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.soak_people import register_people
from tests.integration.full_sync.installation import Installation, company, options, running
from tests.integration.incremental.office import Office


@pytest.fixture(scope="package")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A connected company of a few customers, with nothing synchronized yet."""
    chosen = options(tmp_path_factory.mktemp("mappings") / "state")
    settings = {**chosen.settings, "BC_OVERLAP_SECONDS": "1"}
    with running(replace(chosen, settings=settings)) as platform:
        installation = Installation(platform)
        data = company(10)
        installation.begin_anew(data)
        register_people(platform, data)
        yield Office(installation, installation.connect(data.company))
