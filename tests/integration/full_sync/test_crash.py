"""The function host is killed (SIGKILL) in the middle of a run and started again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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


def begin(installation: Installation, customers: int) -> str:
    """Both systems hold a company of customers; a connection of it."""
    data = only(company(customers), bc=BC_SETS, crm=CRM_SETS)
    installation.begin_anew(data)
    return installation.connect(data.company)


def begin_with_customers_of_crm_only(installation: Installation) -> tuple[str, int, int]:
    """As ``begin``, but what CRM knows is not in Business Central; how many are on each side."""
    data = only(company(40), bc=BC_SETS, crm=CRM_SETS)
    accounts = [row | {"accountnumber": None} for row in data.crm["accounts"]]
    known = {row["accountnumber"] for row in data.crm["accounts"]}
    customers = [row for row in data.business_central["customers"] if row["number"] not in known]
    installation.begin_anew(
        replace(
            data,
            business_central=data.business_central | {"customers": customers},
            crm=data.crm | {"accounts": accounts},
        )
    )
    return installation.connect(data.company), len(customers), len(accounts)


def assert_complete(
    installation: Installation, connection: str, mappings: Sequence[str] = MAPPINGS
) -> None:
    """Every customer that is not blocked is there on both sides once, and coupled."""
    review = installation.ended(connection)
    assert statuses(review) == dict.fromkeys(mappings, "finished")
    customers = installation.dump(BC, "customers")
    numbers = sorted(row["number"] for row in customers if row["blocked"] != "All")
    assert sorted(row["accountnumber"] for row in installation.dump(CRM, "accounts")) == numbers
    coupled = installation.client.couplings(connection, "CUSTOMER")
    assert sorted(coupling["key"] for coupling in coupled) == numbers
    assert installation.couplings_not_on_both_sides(connection) == []
    assert installation.duplicates() == []


def test_a_run_whose_host_was_killed_within_a_table_completes_by_itself(installation):
    connection, of_bc, of_crm = begin_with_customers_of_crm_only(installation)
    # One direction of the table goes through, the other one is held up.
    installation.plan_fault(BC, "slow", method="POST", path=r"/\$batch$", seconds=3.0)
    installation.start(connection, MAPPINGS)

    def has_progress() -> bool:
        line = installation.lines(connection)["CUSTOMER"]
        assert line["job_queue_entry_status"] != "finished", "the middle was missed"
        return bool(line["progress"]["handled"])

    until(has_progress, "a page of customers")
    installation.platform.kill_host()
    assert len(installation.dump(CRM, "accounts")) == of_bc + of_crm
    assert len(installation.dump(BC, "customers")) == of_bc
    installation.clear_faults()
    installation.platform.start_host()
    assert_complete(installation, connection)
    customer = installation.lines(connection)["CUSTOMER"]
    assert customer["progress"]["handled"] == of_bc + of_crm
    assert customer["counters"]["to_crm"]["inserted"] == of_bc
    assert len(installation.dump(BC, "customers")) == of_bc + of_crm


def test_records_created_in_bc_but_not_coupled_when_the_host_was_killed_are_adopted(installation):
    connection, of_bc, of_crm = begin_with_customers_of_crm_only(installation)
    installation.start(connection, MAPPINGS[:2])
    installation.ended(connection)
    # The first two batches are looks at the table. Then the service creates the records, its
    # answer is lost, and asking again takes until the kill.
    installation.plan_fault(BC, "slow", method="POST", path=r"/\$batch$", seconds=0.0, times=2)
    installation.plan_fault(BC, "commit-then-drop", method="POST", path=r"/\$batch$", times=1)
    installation.plan_fault(BC, "slow", method="POST", path=r"/\$batch$", seconds=60.0)
    installation.start(connection, ("CUSTOMER",))
    until(lambda: len(installation.dump(BC, "customers")) > of_bc, "customers of CRM in BC")
    installation.platform.kill_host()
    installation.clear_faults()
    installation.platform.start_host()
    assert_complete(installation, connection, ("CUSTOMER",))
    assert len(installation.dump(BC, "customers")) == of_bc + of_crm


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
