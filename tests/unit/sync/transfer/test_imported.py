"""An import as a list of wants, and its report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.bulk.model import Action, Told, ToldState, Want, WantList
from sync.by_hand.pairing import First
from sync.transfer.coupling_file import FileRow
from sync.transfer.import_model import Import, ReportedRow, RowState
from sync.transfer.import_store import TABLE, ImportStore
from sync.transfer.imported import ImportedList
from tests.support.table_jobs import CONNECTION, SyncWorld, bc_customer, crm_account

CUSTOMER = bc_customer("10000")
ACCOUNT = crm_account(1, accountnumber="C-1")
OTHER_ACCOUNT = crm_account(2, accountnumber="C-2")


def row(line: int, key: str, number: str, **changes) -> FileRow:
    named = FileRow(
        line=line,
        bc_id="",
        bc_key=key,
        crm_id="",
        crm_key=(("accountnumber", number),),
        first=First.TO_CRM,
        replaces=True,
    )
    return replace(named, **changes)


class Imports(SyncWorld):
    """A customer and two accounts, and a file about them."""

    def __init__(self, *rows: FileRow, check_only: bool = False) -> None:
        super().__init__()
        self.bc.put("customers", CUSTOMER)
        for each in (ACCOUNT, OTHER_ACCOUNT):
            self.crm.put("accounts", each)
        self.store = ImportStore(self.account.table(TABLE, self.tenant), CONNECTION, "CUSTOMER")
        self.imported = Import(
            import_id="a",
            mapping="CUSTOMER",
            check_only=check_only,
            rows=len(rows),
            stored_at=self.now(),
        )
        self.store.add(self.imported, rows)

    def wants(self) -> ImportedList:
        """The list as a slice opens it."""
        work = self.open(self.load_catalog().named("CUSTOMER"))
        return ImportedList(self.store, self.imported, work)

    def report(self) -> list[ReportedRow]:
        return self.store.rows_after("a", "", 1000)


def refused(want: Want, code: str = "not-coupleable") -> Told:
    return Told(place=want.place, state=ToldState.REFUSED, code=code, message="No.", hint="Mend.")


def told(want: Want, state: ToldState) -> Told:
    return Told(place=want.place, state=state)


def test_names_become_ids():
    wants: WantList = Imports(row(2, "10000", "C-1")).wants()
    assert wants.page("", 10) == [
        Want(
            place="00000002",
            action=Action.COUPLE,
            bc_id=CUSTOMER["id"],
            crm_id=ACCOUNT["accountid"],
            first=First.TO_CRM,
            replaces=True,
        )
    ]
    assert (wants.strict, wants.check_only, wants.count()) == (True, False, 1)


def test_a_check_says_so():
    assert Imports(check_only=True).wants().check_only


def test_pages_follow_each_other_in_the_order_of_the_file():
    wants = Imports(*(row(line, "10000", "C-1") for line in (9, 10, 100, 2))).wants()
    first = wants.page("", 3)
    rest = wants.page(first[-1].place, 3)
    assert [int(each.place) for each in (*first, *rest)] == [2, 9, 10, 100]
    assert wants.page(rest[-1].place, 3) == []


def test_a_name_of_no_record_is_told_as_such_and_not_as_others_say():
    imports = Imports(row(2, "X", "C-1"), row(3, "10000", "X"))
    wants = imports.wants()
    blank = wants.page("", 10)
    assert [(each.bc_id, each.crm_id) for each in blank] == [
        ("", ACCOUNT["accountid"]),
        (CUSTOMER["id"], ""),
    ]
    wants.tell([refused(each) for each in blank])
    report = imports.report()
    assert [(each.state, each.code) for each in report] == [
        (RowState.REFUSED, "record-unknown")
    ] * 2
    assert "'X'" in report[0].message
    assert wants.page("", 10) == imports.wants().page("", 10) == blank


def test_what_is_told_of_a_row_is_reported_with_the_records_that_it_means():
    imports = Imports(row(2, "10000", "C-1"))
    wants = imports.wants()
    [want] = wants.page("", 10)
    wants.tell([refused(want)])
    [reported] = imports.report()
    assert (reported.state, reported.code, reported.message, reported.hint) == (
        RowState.REFUSED,
        "not-coupleable",
        "No.",
        "Mend.",
    )
    assert (reported.bc_id, reported.crm_id) == (want.bc_id, want.crm_id)


def test_a_later_word_about_a_row_counts():
    imports = Imports(row(2, "10000", "C-1"))
    wants = imports.wants()
    [want] = wants.page("", 10)
    wants.tell([told(want, ToldState.FIT)])
    [want] = imports.wants().page("", 10)
    again = imports.wants()
    again.page("", 10)
    again.tell([replace(told(want, ToldState.COUPLED), replaced=("It had another one.",))])
    [reported] = imports.report()
    assert (reported.state, reported.replaced) == (RowState.COUPLED, ("It had another one.",))


def test_what_was_checked_is_what_is_coupled_whoever_renames_a_record():
    imports = Imports(row(2, "10000", "C-1"))
    wants = imports.wants()
    [checked] = wants.page("", 10)
    wants.tell([told(checked, ToldState.FIT)])
    imports.crm.put("accounts", ACCOUNT | {"accountnumber": "C-3"})
    imports.crm.put("accounts", OTHER_ACCOUNT | {"accountnumber": "C-1"})
    assert imports.wants().page("", 10) == [checked]


def test_a_pair_that_this_import_coupled_before_a_crash_is_reported_as_coupled():
    imports = Imports(row(2, "10000", "C-1"))
    wants = imports.wants()
    [want] = wants.page("", 10)
    wants.tell([replace(told(want, ToldState.COUPLED), replaced=("It had another one.",))])
    again = imports.wants()
    again.page("", 10)
    again.tell([told(want, ToldState.ALREADY)])
    [reported] = imports.report()
    assert (reported.state, reported.replaced) == (RowState.COUPLED, ("It had another one.",))


@pytest.mark.parametrize("state", [ToldState.FIT, ToldState.ALREADY])
def test_telling_twice_is_telling_once(state):
    imports = Imports(row(2, "10000", "C-1"))
    wants = imports.wants()
    [want] = wants.page("", 10)
    wants.tell([told(want, state)])
    once = imports.report()
    wants.tell([told(want, state)])
    assert imports.report() == once


def test_a_record_that_an_earlier_row_means_is_refused():
    account_id = OTHER_ACCOUNT["accountid"]
    imports = Imports(
        row(2, "10000", "C-1"),
        row(3, "10000", "C-2"),
        row(4, "", "", bc_id="b", crm_id=ACCOUNT["accountid"], crm_key=()),
        row(5, "", "", bc_id="c", crm_id=account_id, crm_key=()),
    )
    wants = imports.wants()
    given = wants.page("", 10)
    assert [bool(each.bc_id and each.crm_id) for each in given] == [True, False, False, True]
    wants.tell([refused(each) for each in given[1:3]])
    _, second, third, _ = imports.report()
    assert (second.code, third.code) == ("named-twice", "named-twice")
    assert f"Line 2 names record {CUSTOMER['id']} of Business Central" in second.message
    assert f"Line 2 names record {ACCOUNT['accountid']} of Dynamics" in third.message


def test_a_slice_that_goes_on_knows_what_earlier_rows_mean():
    imports = Imports(row(2, "10000", "C-1"), row(3, "10000", "C-2"))
    wants = imports.wants()
    [first] = wants.page("", 1)
    wants.tell([told(first, ToldState.FIT)])
    [second] = imports.wants().page(first.place, 1)
    assert (second.bc_id, second.crm_id) == ("", "")


def test_a_row_that_is_given_twice_is_not_its_own_rival():
    imports = Imports(row(2, "10000", "C-1"))
    wants = imports.wants()
    assert wants.page("", 10) == wants.page("", 10) == imports.wants().page("", 10)
