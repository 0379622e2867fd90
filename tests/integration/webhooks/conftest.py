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
    until,
)
from tests.integration.incremental.office import MAPPINGS, Office
from tests.integration.webhooks.registrar import Registrar

PERIOD_SECONDS = 86_400
"""So long no pass begins by itself: what arrives was announced."""


@pytest.fixture(scope="package")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A company in step, for which the timer will not send again as long as the tests run.

    It sends for a new connection at once. That is awaited before there is anything to pass over,
    else such a pass could bring what a test takes for announced.
    """
    chosen = options(tmp_path_factory.mktemp("webhooks") / "state")
    with running(replace(chosen, settings={**chosen.settings, "BC_OVERLAP_SECONDS": "1"})) as up:
        installation = Installation(up)
        data = company(20)
        installation.begin_anew(data)
        register_people(up, data)
        connection = installation.connect(data.company)
        client = installation.client
        client.set_incremental(connection, {"enabled": True, "period_seconds": PERIOD_SECONDS})
        until(lambda: client.tables(connection)["timer_at"], "the timer's first look")
        review = installation.synchronize(connection, MAPPINGS)
        assert statuses(review) == dict.fromkeys(MAPPINGS, "finished")
        office = Office(installation, connection)
        office.pass_over()
        yield office


@pytest.fixture
def registrar(office: Office) -> Iterator[Registrar]:
    """Webhooks are registered, whatever a test before did with them; clocks agree afterwards."""
    registrar = Registrar(office)
    registrar.register()
    yield registrar
    registrar.set_clock_of_bc(0)
