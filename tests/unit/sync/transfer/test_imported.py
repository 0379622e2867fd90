"""An import as a list of wants, and its report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from couplings.model import Coupling, CouplingState
from sync.bulk.model import Action, Told, ToldState, Want, WantList
from sync.by_hand.pairing import First
from sync.job_model import JobState, TableJob
from sync.transfer.coupling_file import FileRow
from sync.transfer.import_model import Import, ReportedRow, RowState
from sync.transfer.import_store import TABLE, ImportStore
from sync.transfer.imported import ImportedList
from tests.support.bulk import carry_out
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
        work = self.open(self.load_catalog().named("CUSTOMER"), whole=False)
        return ImportedList(self.store, self.imported, work)

    def carry_out(self) -> TableJob:
        """The import's run, from its start to its end."""
        return carry_out(self, self.wants())

    def row_states(self) -> list[RowState]:
        return [each.state for each in self.report()]

    def pairs(self) -> set[tuple[str, str]]:
        return {(each.bc_id, each.crm_id) for each in self.couplings.scan("CUSTOMER")}

    def report(self) -> list[ReportedRow]:
        return self.store.rows_after("a", "", 1000)


def coupled(bc_id: str, crm_id: str) -> Coupling:
    return Coupling(
        mapping="CUSTOMER",
        bc_id=bc_id,
        crm_id=crm_id,
        bc_key="10000",
        name="10000 Customer 10000",
        base=None,
        bc_version=None,
        crm_version=None,
        state=CouplingState.COUPLED,
        coupled_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        synchronized_at=None,
    )


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


# with what carries it out


PAIR = (CUSTOMER["id"], ACCOUNT["accountid"])


def with_customer(imports: Imports, number: str) -> str:
    """The id of a further customer."""
    imports.bc.put("customers", bc_customer(number))
    return str(bc_customer(number)["id"])


def test_all_rows_are_coupled_where_nothing_stands_in_the_way():
    imports = Imports(row(2, "10000", "C-1"), row(3, "20000", "C-2"))
    other = with_customer(imports, "20000")
    assert imports.carry_out().state is JobState.FINISHED
    assert imports.row_states() == [RowState.COUPLED] * 2
    assert imports.pairs() == {PAIR, (other, OTHER_ACCOUNT["accountid"])}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (row(3, "20000", "X"), "record-unknown"),
        (row(3, "20000", "C-1"), "named-twice"),
        (row(3, "20000", "", crm_id="c" * 8, crm_key=()), "record-unknown"),
    ],
)
def test_one_row_that_is_refused_has_nothing_coupled(bad, code):
    imports = Imports(row(2, "10000", "C-1"), bad)
    with_customer(imports, "20000")
    assert imports.carry_out().state is JobState.ERROR
    assert [(each.state, each.code) for each in imports.report()] == [
        (RowState.FIT, ""),
        (RowState.REFUSED, code),
    ]
    assert imports.pairs() == set()


def test_a_record_that_pages_apart_name_twice_has_nothing_coupled():
    rows = [row(line, "", "", bc_id=f"{line}", crm_id=f"{line}") for line in range(2, 600)]
    imports = Imports(row(600, "10000", "C-1"), row(1200, "10000", "C-2"), *rows)
    imports.carry_out()
    assert imports.report()[-1].code == "named-twice"


def test_a_check_couples_nothing():
    imports = Imports(row(2, "10000", "C-1"), check_only=True)
    assert imports.carry_out().state is JobState.FINISHED
    assert imports.row_states() == [RowState.FIT]
    assert imports.pairs() == set()


def test_another_partner_is_given_up_only_where_the_row_says_so():
    imports = Imports(row(2, "10000", "C-2", replaces=False))
    imports.couplings.couple_many("CUSTOMER", [coupled(*PAIR)])
    imports.carry_out()
    [refusal] = imports.report()
    assert (refusal.state, refusal.code) == (RowState.REFUSED, "coupled-otherwise")
    imports = Imports(row(2, "10000", "C-2", replaces=True))
    imports.couplings.couple_many("CUSTOMER", [coupled(*PAIR)])
    imports.carry_out()
    [done] = imports.report()
    assert done.state is RowState.COUPLED
    assert "Account 1" in done.replaced[0]
    assert imports.pairs() == {(CUSTOMER["id"], OTHER_ACCOUNT["accountid"])}


def test_a_parent_that_is_not_coupled_refuses_the_file():
    imports = Imports(row(2, "10000", "C-1"))
    imports.bc.put("customers", CUSTOMER | {"salespersonCode": "JR"})
    imports.carry_out()
    [refusal] = imports.report()
    assert (refusal.state, refusal.code) == (RowState.REFUSED, "parent-not-coupled")


def test_an_import_that_was_carried_out_finds_all_as_wanted():
    imports = Imports(row(2, "10000", "C-1"))
    imports.couplings.couple_many("CUSTOMER", [coupled(*PAIR)])
    assert imports.carry_out().state is JobState.FINISHED
    assert imports.row_states() == [RowState.ALREADY]
