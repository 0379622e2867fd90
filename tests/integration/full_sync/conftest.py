from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.full_sync.demos import Demos
from tests.integration.full_sync.elsewhere import Elsewhere, begun
from tests.integration.full_sync.installation import Installation, company, options, running

IN_THE_BACKGROUND = ("elsewhere", "demos")
"""Fixtures that mostly wait: the other tests run meanwhile."""


@pytest.fixture(scope="package")
def installation(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    """One platform for all tests; whoever uses it begins with ``begin_anew``."""
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    for name in IN_THE_BACKGROUND:
        if name in wanted:
            request.getfixturevalue(name)
    with running(options(tmp_path_factory.mktemp("installation") / "state")) as platform:
        yield Installation(platform)


@pytest.fixture(scope="package")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """A second platform, whose run waits for a service that cannot be reached."""
    with begun(tmp_path_factory.mktemp("elsewhere") / "state") as begun_elsewhere:
        yield begun_elsewhere


@pytest.fixture(scope="package")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demos]:
    """The demos under way, one after the other."""
    with Demos(tmp_path_factory.mktemp("demos")) as made:
        yield made


@pytest.fixture
def small_company(installation: Installation) -> str:
    """Both systems hold a small company; its name."""
    data = company(40)
    installation.begin_anew(data)
    return data.company
