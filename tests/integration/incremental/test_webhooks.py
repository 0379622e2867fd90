"""Webhooks bring a change at once; where one is lost, the timer brings it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.full_sync.installation import BC, CRM
from tests.integration.incremental.office import Office, soon

SECONDS = 15.0
"""Business Central collects notifications for a while before it sends them."""
TIMER_SECONDS = 45.0
"""The timer ticks every 15 seconds, and the shortest period is as long."""


@pytest.fixture
def webhooks(office: Office) -> Iterator[None]:
    """Both services tell of changes; no timer is due."""
    office.pass_over()
    told = office.client.register_webhooks(office.connection)
    assert told["registered"], told
    yield
    office.client.remove_webhooks(office.connection)
    office.client.set_incremental(office.connection, {"enabled": False})
    for side in (BC, CRM):
        office.clear_delivery_faults(side)


@pytest.mark.usefixtures("webhooks")
def test_a_change_whose_webhook_was_lost_is_brought_by_the_timer(office: Office):
    of_bc, of_crm = office.customer(), office.customer()
    for side in (BC, CRM):
        office.lose_deliveries(side)
    office.edit_bc(of_bc.bc_id, city="Rye")
    office.edit_crm(of_crm.crm_id, address1_city="Hythe")
    soon(lambda: all(map(office.lost_deliveries, (BC, CRM))), "the lost webhooks")
    assert office.crm(of_bc.crm_id)["address1_city"] != "Rye"
    assert office.bc(of_crm.bc_id)["city"] != "Hythe"
    office.client.set_incremental(office.connection, {"enabled": True, "period_seconds": 15})
    soon(
        lambda: (
            office.crm(of_bc.crm_id)["address1_city"] == "Rye"
            and office.bc(of_crm.bc_id)["city"] == "Hythe"
        ),
        "the timer's pass",
        seconds=TIMER_SECONDS,
    )


def leave_the_timer_out(office: Office) -> None:
    """Passes may begin by themselves, and the timer's next one is a day away."""
    day = {"enabled": True, "period_seconds": 86_400}
    office.client.set_incremental(office.connection, day)
    office.pass_over()


@pytest.mark.usefixtures("webhooks")
def test_webhooks_bring_changes_of_either_side_without_a_timer(office: Office):
    leave_the_timer_out(office)
    of_bc, of_crm = office.customer(), office.customer()
    before = office.table("SALESPEOPLE")["last_started_at"]
    office.edit_bc(of_bc.bc_id, city="Dover")
    office.edit_crm(of_crm.crm_id, address1_city="Deal")
    soon(lambda: office.bc(of_crm.bc_id)["city"] == "Deal", "CRM's change", seconds=SECONDS)
    soon(
        lambda: office.crm(of_bc.crm_id)["address1_city"] == "Dover",
        "Business Central's change",
        seconds=SECONDS,
    )
    # a pass of the timer would have begun with the first table
    assert office.table("SALESPEOPLE")["last_started_at"] == before
