from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from local.soak_model import BC, CRM, Action, Edit, Snapshot, Write
from local.soak_oracle import Report, Verdict, judge, shown, touched

EMAIL = "office@mill.example"
PLACE = f"CUSTOMER {EMAIL}"


def customer(**values: Any) -> dict[str, Any]:
    return {
        "id": "bc-1",
        "number": "C1",
        "email": EMAIL,
        "displayName": "Mill",
        "city": "Bath",
        "creditLimit": 0,
        "lastModifiedDateTime": "t1",
    } | values


def account(**values: Any) -> dict[str, Any]:
    return {
        "accountid": "crm-1",
        "accountnumber": "C1",
        "emailaddress1": EMAIL,
        "name": "Mill",
        "address1_city": "Bath",
        "creditlimit": None,
        "versionnumber": 1,
    } | values


def snapshot(
    customers: Sequence[dict[str, Any]], accounts: Sequence[dict[str, Any]], **sets: Any
) -> Snapshot:
    rows = {(BC, "customers"): list(customers), (CRM, "accounts"): list(accounts)}
    for name, some in sets.items():
        side, _, entity_set = name.partition("__")
        rows[side, entity_set] = some
    return Snapshot(rows)


def change(side: str, before: Any, after: Any, *, field: str = "city") -> Edit:
    return Edit(
        at=1.0,
        side=side,
        action=Action.CHANGE,
        mapping="CUSTOMER",
        identity=EMAIL,
        record_id="bc-1" if side == BC else "crm-1",
        writes=(Write(field=field, before=before, after=after),),
    )


def report(kind: str = "failed", **values: tuple[Any, Any]) -> Report:
    return Report(
        mapping="CUSTOMER", ids=frozenset({"bc-1"}), kind=kind, code="because", values=values
    )


def verdict(
    bc: dict[str, Any] | None,
    crm: dict[str, Any] | None,
    *edits: Edit,
    reports: Sequence[Report] = (),
) -> Verdict:
    after = snapshot([bc] if bc else [], [crm] if crm else [])
    return judge(snapshot([customer()], [account()]), edits, after, reports, {})


def test_a_record_that_nobody_edited_and_that_is_the_same_on_both_sides_is_in_order():
    assert verdict(customer(), account()).lost == []


def test_an_edit_that_arrived_is_in_order():
    found = verdict(customer(city="Ely"), account(address1_city="Ely"), change(BC, "Bath", "Ely"))
    assert found.lost == []


def test_an_edit_that_did_not_arrive_is_lost():
    (sentence,) = verdict(customer(city="Ely"), account(), change(BC, "Bath", "Ely")).lost
    assert PLACE in sentence
    assert "'Ely'" in sentence
    assert "nothing reports it" in sentence


def test_an_edit_that_is_reported_is_not_lost():
    found = verdict(
        customer(city="Ely"), account(), change(BC, "Bath", "Ely"), reports=[report("failed")]
    )
    assert found.lost == []
    assert found.reported == {"CUSTOMER failed because": 1}


def test_a_value_that_a_user_saw_on_the_other_side_and_wrote_over_is_in_order():
    found = verdict(
        customer(city="Hull"),
        account(address1_city="Hull"),
        change(BC, "Bath", "Ely"),
        change(CRM, "Ely", "Hull"),
    )
    assert found.lost == []


def test_a_value_that_the_other_sides_value_replaced_unseen_is_lost():
    (sentence,) = verdict(
        customer(city="Hull"),
        account(address1_city="Hull"),
        change(BC, "Bath", "Ely"),
        change(CRM, "Bath", "Hull"),
    ).lost
    assert "'Ely' was written in business_central" in sentence


def test_a_value_that_the_base_replaced_is_lost():
    (sentence,) = verdict(customer(), account(), change(CRM, "Bath", "Ely")).lost
    assert "'Ely' was written in crm" in sentence


def test_a_value_that_was_replaced_before_its_user_wrote_again_is_lost():
    found = verdict(
        customer(city="York"),
        account(address1_city="York"),
        change(BC, "Bath", "Ely"),
        change(CRM, "Bath", "Hull"),
        change(BC, "Hull", "York"),  # the user sees what overwrote Ely
    )
    assert len(found.lost) == 1
    assert "'Ely'" in found.lost[0]


def test_a_value_that_nobody_wrote_is_invented():
    found = verdict(customer(city="Rome"), account(address1_city="Rome"))
    assert [sentence for sentence in found.lost if "nobody wrote 'Rome'" in sentence]


def test_a_conflict_with_both_values_as_they_are_counts_and_loses_nothing():
    found = verdict(
        customer(city="Ely"),
        account(address1_city="Hull"),
        change(BC, "Bath", "Ely"),
        change(CRM, "Bath", "Hull"),
        reports=[report("conflict", city=("Ely", "Hull"))],
    )
    assert found.lost == []
    assert found.conflicts == 1


def test_a_conflict_told_with_an_old_value_is_told():
    found = verdict(
        customer(city="Ely"),
        account(address1_city="Hull"),
        change(BC, "Bath", "Ely"),
        change(CRM, "Bath", "Hull"),
        reports=[report("conflict", city=("Bath", "Hull"))],
    )
    assert "reported with ('Bath', 'Hull')" in found.lost[0]


def test_a_conflict_of_another_field_is_no_reason_for_a_field_to_differ():
    found = verdict(
        customer(city="Ely", displayName="Mill A"),
        account(name="Mill B"),
        change(BC, "Bath", "Ely"),
        change(BC, "Mill", "Mill A", field="displayName"),
        change(CRM, "Mill", "Mill B", field="displayName"),
        reports=[report("conflict", displayName=("Mill A", "Mill B"))],
    )
    assert found.conflicts == 1
    (sentence,) = found.lost
    assert "city" in sentence


def test_a_record_that_is_in_step_is_not_to_be_reported():
    (sentence,) = verdict(customer(), account(), reports=[report("skipped")]).stale
    assert sentence == f"{PLACE} is in step and reported as skipped because"
    assert verdict(customer(), account(name="M"), reports=[report("skipped")]).stale == []
    assert verdict(customer(), None, reports=[report("skipped")]).stale == []


@pytest.mark.parametrize(("bc", "crm"), [(customer(), None), (None, account())])
def test_a_record_of_one_side_alone_has_to_be_reported(bc, crm):
    (sentence,) = verdict(bc, crm).lost
    assert "alone and nothing reports it" in sentence
    reports = (
        [report("deleted")]
        if bc
        else [Report(mapping="CUSTOMER", ids=frozenset({"crm-1"}), kind="deleted", code="gone")]
    )
    assert verdict(bc, crm, reports=reports).lost == []


def test_a_report_of_the_deleted_record_counts_for_the_one_that_is_left():
    deletion = Edit(
        at=1.0,
        side=BC,
        action=Action.DELETE,
        mapping="CUSTOMER",
        identity=EMAIL,
        record_id="bc-1",
    )
    assert verdict(None, account(), deletion, reports=[report("deleted")]).lost == []
    assert len(verdict(None, account(), deletion).lost) == 1


def test_a_record_that_both_sides_lost_is_told_unless_somebody_deleted_it():
    (sentence,) = verdict(None, None).lost
    assert "gone from both sides" in sentence


def test_a_new_records_empty_fields_are_no_inventions():
    edit = Edit(
        at=1.0,
        side=CRM,
        action=Action.CREATE,
        mapping="CUSTOMER",
        identity="new@mill.example",
        record_id="crm-2",
        writes=(Write(field="displayName", before=None, after="New"),),
    )
    bc = customer(id="bc-2", number="C2", email="new@mill.example", displayName="New", city="")
    crm = account(
        accountid="crm-2",
        accountnumber="C2",
        emailaddress1="new@mill.example",
        name="New",
        address1_city=None,
    )
    after = snapshot([customer(), bc], [account(), crm])
    assert judge(snapshot([customer()], [account()]), [edit], after, [], {}).lost == []


def test_records_of_one_address_or_number_are_duplicates():
    twice = snapshot(
        [customer(), customer(id="bc-2", email="other@mill.example")],
        [account(), account(accountid="crm-2", accountnumber=None)],
    )
    found = judge(snapshot([customer()], [account()]), [], twice, [], {}).duplicates
    assert found == [
        f"{PLACE} is 2 times in crm: crm-1, crm-2",
        "CUSTOMER: number C1 is 2 times in business_central",
    ]


def test_a_record_with_two_couplings_is_a_duplicate():
    one = snapshot([customer()], [account()])
    pairs = {"CUSTOMER": [("bc-1", "crm-1"), ("bc-1", "crm-2")]}
    assert judge(one, [], one, [], pairs).duplicates == [
        "CUSTOMER: the record bc-1 of business_central has 2 couplings"
    ]


def person(**values: Any) -> dict[str, Any]:
    return {
        "id": "p-1",
        "number": "CT2",
        "type": "Person",
        "email": "amy@mill.example",
        "companyNumber": "CT1",
        "companyName": "Mill",
    } | values


CARD = person(id="card-1", number="CT1", type="Company", email=EMAIL)


@pytest.mark.parametrize("name", ["bc-1", "crm-1", "C1"])
def test_a_record_that_waits_for_one_of_both_sides_should_have_healed(name):
    waiting = Report(
        mapping="CONTACT",
        ids=frozenset({"p-1"}),
        kind="waiting",
        code="waiting-for-parent",
        waits_for=name,
    )
    both = snapshot([customer()], [account()])
    (sentence,) = judge(both, [], both, [waiting], {}).lost
    assert "waits for CUSTOMER office@mill.example" in sentence
    bc_alone = snapshot([customer()], [])
    blocked = [waiting, report("skipped")]
    assert judge(bc_alone, [], bc_alone, blocked, {}).lost == []


@pytest.mark.parametrize(("company", "is_lost"), [("CT1", 1), ("CT9", 0)])
def test_a_company_that_is_a_customer_is_not_told_to_be_none(company, is_lost):
    told = Report(
        mapping="CONTACT",
        ids=frozenset({"p-1"}),
        kind="skipped",
        code="company-is-no-customer",
    )
    both = snapshot(
        [customer()],
        [account()],
        business_central__contacts=[CARD, person(companyNumber=company)],
    )
    assert len(judge(both, [], both, [told], {}).lost) == is_lost


def item(**values: Any) -> dict[str, Any]:
    return {"id": "i-1", "number": "1001", "displayName": "Desk", "unitPrice": 5.0} | values


def product(**values: Any) -> dict[str, Any]:
    return {
        "productid": "p-1",
        "productnumber": "1001",
        "name": "Desk",
        "price": 5.0,
        "producttypecode": 1,
    } | values


@pytest.mark.parametrize(("stock", "told", "is_lost"), [(7, 7, 0), (-3, 0, 0), (7, 5, 1)])
def test_stock_is_the_same_and_never_negative_in_crm(stock, told, is_lost):
    both = snapshot(
        [],
        [],
        business_central__items=[item(inventory=stock)],
        crm__products=[product(quantityonhand=told)],
    )
    assert len(judge(both, [], both, [], {}).lost) == is_lost


@pytest.mark.parametrize(("amount", "minimum", "is_lost"), [(4.5, 0, 0), (4.0, 0, 1), (4.0, 10, 0)])
def test_prices_are_the_same_but_for_quantity_breaks(amount, minimum, is_lost):
    price = {
        "SystemId": "s-1",
        "Item_No": "1001",
        "Sales_Code": "TRADE",
        "Minimum_Quantity": minimum,
        "Unit_Price": 4.5,
    }
    line = {
        "productpricelevelid": "l-1",
        "_productid_value": "p-1",
        "_pricelevelid_value": "pl-1",
        "amount": amount,
    }
    both = snapshot(
        [],
        [],
        business_central__items=[item(inventory=0)],
        business_central__salesPrices=[price],
        crm__products=[product()],
        crm__pricelevels=[{"pricelevelid": "pl-1", "name": "TRADE"}],
        crm__productpricelevels=[line],
    )
    assert len(judge(both, [], both, [], {}).lost) == is_lost


def test_a_price_that_was_changed_is_no_record_that_is_gone():
    one = snapshot([customer()], [account()])
    repriced = Edit(
        at=1.0,
        side=BC,
        action=Action.REPRICE,
        mapping="SALESPRC-PRODPRICE",
        identity="1001 TRADE",
        record_id="s-1",
    )
    assert judge(one, [repriced], one, [], {}).lost == []


def test_what_was_written_created_or_deleted_between_two_snapshots_was_touched():
    before = snapshot([customer(), customer(id="bc-2")], [account()])
    after = snapshot(
        [customer(lastModifiedDateTime="t2")],
        [account(), account(accountid="crm-2", versionnumber=2)],
    )
    assert touched(before, before) == []
    assert touched(before, after) == [
        "customers bc-1 in business_central",
        "customers bc-2 in business_central",
        "accounts crm-2 in crm",
    ]


def test_many_sentences_are_cut_and_counted():
    assert shown(["a", "b"]) == ["a", "b"]
    assert shown([str(n) for n in range(45)])[-1] == "… and 5 more"
