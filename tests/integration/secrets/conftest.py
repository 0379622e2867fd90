from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.full_sync.installation import options, running
from tests.integration.secrets.life import Life


@pytest.fixture(scope="package")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A platform on which everything that knows a secret was done, and what it left behind."""
    chosen = options(tmp_path_factory.mktemp("secrets") / "state")
    with running(chosen) as platform:
        made = Life(platform)
        made.live()
        yield made
