from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.full_sync.installation import Installation, company, options, running


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One platform for all tests; whoever uses it begins with ``begin_anew``."""
    with running(options(tmp_path_factory.mktemp("installation") / "state")) as platform:
        yield Installation(platform)


@pytest.fixture
def small_company(installation: Installation) -> str:
    """Both systems hold a small company; its name."""
    data = company(40)
    installation.begin_anew(data)
    return data.company
