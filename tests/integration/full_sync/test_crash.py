"""The function host is killed (SIGKILL) in the middle of a run and started again."""

from __future__ import annotations

from tests.integration.full_sync.installation import (
    BC,
    CRM,
    Installation,
    company,
    only,
    statuses,
    until,
)

MAPPINGS = ("SALESPEOPLE", "CURRENCY", "CUSTOMER")
BC_SETS = (
    "companies",
    "companyInformation",
    "salespeoplePurchasers",
    "currencies",
    "currencyExchangeRates",
    "customers",
)
CRM_SETS = ("organization", "businessunits", "systemusers", "transactioncurrencies", "accounts")
CREATION = r"/accounts/Microsoft\.Dynamics\.CRM\.CreateMultiple$"
MORE_THAN_A_PAGE = 2100


def begin(installation: Installation, customers: int) -> str:
    """Both systems hold a company of customers; a connection of it."""
    data = only(company(customers), bc=BC_SETS, crm=CRM_SETS)
    installation.begin_anew(data)
    return installation.connect(data.company)


def assert_complete(installation: Installation, connection: str) -> None:
    """Every customer that is not blocked is there on both sides once, and coupled."""
    review = installation.ended(connection)
    assert statuses(review) == dict.fromkeys(MAPPINGS, "finished")
    customers = installation.dump(BC, "customers")
    numbers = sorted(row["number"] for row in customers if row["blocked"] != "All")
    assert sorted(row["accountnumber"] for row in installation.dump(CRM, "accounts")) == numbers
    coupled = installation.client.couplings(connection, "CUSTOMER")
    assert sorted(coupling["key"] for coupling in coupled) == numbers
    assert installation.couplings_not_on_both_sides(connection) == []
    assert installation.duplicates() == []


def test_a_run_whose_host_was_killed_within_a_table_completes_by_itself(installation):
    connection = begin(installation, MORE_THAN_A_PAGE)
    installation.plan_fault(CRM, "slow", method="POST", path=CREATION, seconds=2.0)
    installation.start(connection, MAPPINGS)

    def has_progress() -> bool:
        line = installation.lines(connection)["CUSTOMER"]
        assert line["job_queue_entry_status"] != "finished", "the middle was missed"
        return bool(line["progress"]["handled"])

    until(has_progress, "a page of customers")
    installation.platform.kill_host()
    created = len(installation.dump(CRM, "accounts"))
    assert 0 < created < MORE_THAN_A_PAGE
    installation.clear_faults()
    installation.platform.start_host()
    assert_complete(installation, connection)
    line = installation.lines(connection)["CUSTOMER"]
    assert line["progress"]["handled"] == MORE_THAN_A_PAGE


def test_records_written_but_not_coupled_when_the_host_was_killed_are_adopted(installation):
    connection = begin(installation, 40)
    known = len(installation.dump(CRM, "accounts"))
    # The service creates the records, its answer is lost, and asking again takes until the kill.
    installation.plan_fault(CRM, "commit-then-drop", method="POST", path=CREATION, times=1)
    installation.plan_fault(CRM, "slow", method="POST", path=CREATION, seconds=60.0)
    installation.start(connection, MAPPINGS)
    until(lambda: len(installation.dump(CRM, "accounts")) > known, "accounts in CRM")
    installation.platform.kill_host()
    assert installation.dump(CRM, "accounts")[known:]
    installation.clear_faults()
    installation.platform.start_host()
    assert_complete(installation, connection)


def test_a_run_whose_host_was_killed_before_any_table_began_completes_by_itself(installation):
    connection = begin(installation, 12)
    installation.start(connection, MAPPINGS)
    installation.platform.kill_host()
    installation.platform.start_host()
    assert_complete(installation, connection)
