from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.full_sync.installation import options, running
from tests.integration.setup.guided import Guided


@pytest.fixture(scope="package")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guided]:
    """One platform for all tests of the setup guide."""
    with running(options(tmp_path_factory.mktemp("setup") / "state")) as platform:
        yield Guided(platform)
