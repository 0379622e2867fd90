"""Which records the rows of a file mean."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from sync.by_hand.pairing import First
from sync.transfer.coupling_file import FileRow
from sync.transfer.naming import Meant, records_meant
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

ROW = FileRow(
    line=2, bc_id="b", bc_key="", crm_id="c", crm_key=(), first=First.NONE, replaces=False
)
ADATUM = (("name", "Adatum"), ("address1_postalcode", "N1 1AA"))


def by_bc_key(key: str) -> FileRow:
    return replace(ROW, bc_id="", bc_key=key)


def by_crm_key(*key: tuple[str, str]) -> FileRow:
    return replace(ROW, crm_id="", crm_key=key)


def account(number: int, **columns) -> str:
    return str(crm_account(number, **columns)["accountid"])


@pytest.fixture
def world() -> SyncWorld:
    return SyncWorld()


def meant(world: SyncWorld, *rows: FileRow) -> list[Meant]:
    return records_meant(world.open(world.load_catalog().named("CUSTOMER")), rows)


def test_ids_are_taken_as_they_are_and_nobody_is_asked(world):
    calls: list[str] = []
    world.bc.before_call = world.crm.before_call = lambda *told: calls.append(told[0])
    assert meant(world, ROW) == [Meant(bc_id="b", crm_id="c", problem=None)]
    assert calls == []


def test_a_number_means_the_record_that_has_it_in_capital_letters_or_not(world):
    customer = bc_customer("10000") | {"number": "C-1"}
    world.bc.put("customers", customer)
    assert [each.bc_id for each in meant(world, by_bc_key("C-1"), by_bc_key("c-1"))] == [
        customer["id"]
    ] * 2


def test_a_natural_key_means_the_record_that_has_it_in_any_case(world):
    world.crm.put("accounts", crm_account(1, accountnumber="C-1"))
    world.crm.put("accounts", crm_account(2, name="Adatum"))
    found = meant(world, by_crm_key(("accountnumber", "c-1")), by_crm_key(*ADATUM))
    assert [each.crm_id for each in found] == [account(1), account(2)]


def test_names_of_no_record_are_refused_each_for_its_row(world):
    world.bc.put("customers", bc_customer("10000"))
    known, *unknown = meant(
        world, by_bc_key("10000"), by_bc_key("X"), by_crm_key(("accountnumber", "X"))
    )
    assert known.problem is None
    assert [each.problem.code for each in unknown if each.problem] == ["record-unknown"] * 2
    assert [each.bc_id or each.crm_id for each in unknown] == ["c", "b"]
    problem = unknown[1].problem
    assert problem
    assert "accountnumber 'X' in accounts" in problem.message
    assert "crm_id" in problem.hint


def test_nobody_chooses_among_several(world):
    for number in (1, 2, 3):
        world.crm.put("accounts", crm_account(number, accountnumber="C-1"))
    world.bc.put("customers", bc_customer("10000") | {"number": "X"})
    world.bc.put("customers", bc_customer("20000") | {"number": "X"})
    in_crm, in_bc = meant(world, by_crm_key(("accountnumber", "C-1")), by_bc_key("X"))
    assert in_crm.problem
    assert in_bc.problem
    assert in_crm.problem.code == in_bc.problem.code == "record-ambiguous"
    assert all(account(number) in in_crm.problem.message for number in (1, 2, 3))
    assert (in_crm.crm_id, in_bc.bc_id) == ("", "")


def test_among_several_those_that_may_be_coupled_are_meant(world):
    world.crm.put("accounts", crm_account(1, accountnumber="C-1", statecode=1))
    world.crm.put("accounts", crm_account(2, accountnumber="C-1"))
    world.crm.put("accounts", crm_account(3, accountnumber="C-1", customertypecode=11))
    world.crm.put("accounts", crm_account(4, accountnumber="C-2", statecode=1))
    first, second = meant(
        world, by_crm_key(("accountnumber", "C-1")), by_crm_key(("accountnumber", "C-2"))
    )
    assert (first.crm_id, second.crm_id) == (account(2), account(4))


def test_a_page_costs_a_request_for_each_way_of_naming(world):
    calls: list[tuple[str, ...]] = []
    world.bc.before_call = world.crm.before_call = lambda *told: calls.append(told)
    rows = [by_bc_key(f"{number}") for number in range(200)]
    rows += [by_crm_key(("accountnumber", f"{number}")) for number in range(200)]
    rows += [by_crm_key(("name", f"{number}"), ADATUM[1]) for number in range(200)]
    assert len(meant(world, *rows)) == 600
    assert len(calls) == 3


def test_ids_are_in_small_letters(world):
    world.bc.put("customers", bc_customer("10000"))
    [found] = meant(world, by_bc_key("10000"))
    assert found.bc_id == str(UUID(found.bc_id))
