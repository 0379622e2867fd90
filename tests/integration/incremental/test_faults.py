"""Passes whose services refuse, whose secret is wrong, whose host dies, or whose table is busy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.identities import SERVICE
from tests.integration.full_sync.installation import CRM
from tests.integration.incremental.office import Office, soon

ACCOUNTS = r"/accounts($|/)"
CREATION = r"/accounts/Microsoft\.Dynamics\.CRM\.CreateMultiple$"


def test_a_table_whose_service_throttles_backs_off_and_catches_up_by_itself(office: Office):
    """A service that asks for more patience than a function has: the table waits in its place."""
    customer = office.customer()
    office.pass_over()
    office.edit_bc(customer.bc_id, city="Ely")
    office.installation.plan_fault(
        CRM, "status", path=ACCOUNTS, status=429, retry_after=1000, times=1
    )
    office.ask_for_passes()
    soon(lambda: office.table("CUSTOMER")["state"] == "retrying", "the back-off")
    assert "Dynamics 365 Sales" in office.table("CUSTOMER")["message"]
    assert office.table("CUSTOMER")["retry_at"]
    assert office.table("CURRENCY")["state"] == "in-step"
    office.pass_over()  # a person need not wait
    assert office.crm(customer.crm_id)["address1_city"] == "Ely"
    assert office.table("CUSTOMER")["failures"] == 0


@pytest.fixture
def wrong_secret(office: Office) -> Iterator[None]:
    """Somebody gave the application another secret; a new process cannot sign in."""
    office.set_secret_of_service("another")
    office.restart_host()
    yield
    office.set_secret_of_service(SERVICE.secret)


@pytest.mark.usefixtures("wrong_secret")
def test_a_wrong_secret_stops_the_connection_with_one_reason_until_it_is_mended(office: Office):
    customer = office.customer()
    office.edit_bc(customer.bc_id, city="Ely")
    office.ask_for_passes()
    stopped = soon(lambda: office.client.tables(office.connection)["stopped"], "the stop")
    assert "secret" in (stopped["message"] + stopped["hint"]).lower()
    assert stopped["next_try_at"] > stopped["since"]
    assert {
        table["state"]
        for table in office.client.tables(office.connection)["tables"]
        if table["state"] != "new"
    } == {"stopped"}
    office.set_secret_of_service(SERVICE.secret)
    office.pass_over()
    assert office.client.tables(office.connection)["stopped"] is None
    assert office.crm(customer.crm_id)["address1_city"] == "Ely"


def test_a_pass_whose_host_was_killed_within_a_table_loses_and_doubles_nothing(office: Office):
    edited = office.customer()
    office.pass_over()
    new = [f"killed{number}@mill.example" for number in range(3)]
    for email in new:
        office.new_bc("customers", displayName=f"Mill {email}", email=email)
    office.edit_crm(edited.crm_id, address1_city="Ripon")
    # CRM creates the accounts, its answer is lost, and asking again takes until the kill.
    office.installation.plan_fault(CRM, "commit-then-drop", method="POST", path=CREATION, times=1)
    office.installation.plan_fault(CRM, "slow", method="POST", path=CREATION, seconds=60.0)
    office.ask_for_passes()
    soon(lambda: len(_accounts_of(office, new)) == len(new), "the new accounts in CRM")
    office.kill_host()
    office.installation.clear_faults()
    office.start_host()
    soon(lambda: office.table("CUSTOMER")["state"] != "in-process", "the dead worker's lease")
    office.pass_over()
    assert sorted(_accounts_of(office, new)) == new
    assert office.bc(edited.bc_id)["city"] == "Ripon"
    assert office.installation.duplicates() == []
    names = [row["name"] for row in office.client.couplings(office.connection, "CUSTOMER")]
    assert sum("killed" in name for name in names) == len(new)


def _accounts_of(office: Office, emails: list[str]) -> list[str]:
    rows = office.installation.dump(CRM, "accounts")
    return [row["emailaddress1"] for row in rows if row["emailaddress1"] in emails]


def test_a_full_synchronization_and_a_pass_never_work_on_a_table_at_the_same_time(office: Office):
    customer = office.customer()
    office.pass_over()
    before = office.table("CUSTOMER")["last_started_at"]
    office.installation.plan_fault(CRM, "slow", path=ACCOUNTS, seconds=2.0, times=2)
    started = office.installation.start(office.connection, ["CUSTOMER"])
    assert started.status == 202, started.body
    soon(lambda: office.table("CUSTOMER")["state"] == "in-process", "the full synchronization")
    office.edit_bc(customer.bc_id, city="Truro")
    office.ask_for_passes()
    office.ask_for_passes()
    run = office.installation.review(office.connection)["run"]
    while run["state"] == "in-process":
        table = office.table("CUSTOMER")
        run = office.installation.review(office.connection)["run"]
        assert table["last_started_at"] == before or run["state"] != "in-process"
    assert run["state"] in ("finished", "finished-with-errors")  # others' records may be refused
    soon(lambda: office.crm(customer.crm_id)["address1_city"] == "Truro", "the pass that waited")
