from __future__ import annotations

from collections import Counter
from typing import Any

from local.soak_choice import Chooser, Errand
from local.soak_model import BC, CRM, Action, Snapshot

CUSTOMERS = [f"office@c{n}.example" for n in range(20)]
PERSONS = [f"person@c{n}.example" for n in range(20)]


def company(number: int) -> dict[str, Any]:
    return {"id": f"c{number}", "number": f"C{number}", "email": CUSTOMERS[number]}


def card(number: int) -> dict[str, Any]:
    return company(number) | {"id": f"card{number}", "number": f"CT{number}", "type": "Company"}


def person(number: int) -> dict[str, Any]:
    return {"id": f"p{number}", "type": "Person", "email": PERSONS[number]}


def price(number: int) -> dict[str, Any]:
    return {"SystemId": f"s{number}", "Item_No": f"{number}", "Sales_Code": "TRADE"}


BOTH_SIDES = Snapshot(
    {
        (BC, "customers"): [company(n) for n in range(20)],
        (BC, "contacts"): [*map(card, range(20)), *map(person, range(20))],
        (BC, "items"): [{"id": f"i{n}", "number": f"{n}"} for n in range(5)],
        (BC, "salesPrices"): [price(n) for n in range(5)],
        (CRM, "accounts"): [
            {"accountid": f"a{n}", "emailaddress1": CUSTOMERS[n]} for n in range(19)
        ],
        (CRM, "contacts"): [{"contactid": f"q{n}", "emailaddress1": PERSONS[n]} for n in range(19)],
        (CRM, "products"): [
            {"productid": f"x{n}", "productnumber": f"{n}", "producttypecode": 1} for n in range(5)
        ],
    }
)
NOTHING = Snapshot({})


def chosen(seed: int, times: int = 400, snapshot: Snapshot = BOTH_SIDES) -> list[list[Errand]]:
    chooser = Chooser(seed, "s1")
    return [chooser.next(snapshot) for _ in range(times)]


def intentions(choices: list[list[Errand]]) -> list[Any]:
    return [each for errands in choices for errand in errands for each in errand]


def test_a_seed_gives_the_same_edits_every_time():
    assert chosen(7) == chosen(7)
    assert chosen(7) != chosen(8)


def test_every_sort_of_edit_is_chosen_on_every_side_that_has_it():
    found = Counter((each.action, each.side) for each in intentions(chosen(1)))
    assert set(found) == {
        (Action.CHANGE, BC),
        (Action.CHANGE, CRM),
        (Action.CREATE, BC),
        (Action.CREATE, CRM),
        (Action.DELETE, BC),
        (Action.DELETE, CRM),
        (Action.POST, BC),
        (Action.REPRICE, BC),
    }


def test_no_value_identity_or_id_of_a_new_record_is_made_twice():
    new = [each for each in intentions(chosen(1)) if each.action is Action.CREATE]
    written = [
        value
        for each in intentions(chosen(1))
        if each.action in (Action.CREATE, Action.CHANGE)
        for value in each.values.values()
    ]
    for made in (written, [each.identity for each in new], [each.record_id for each in new]):
        assert len(made) == len(set(made))


def test_what_goes_one_way_is_edited_in_business_central_alone():
    in_crm = [each for each in intentions(chosen(1)) if each.side == CRM]
    assert in_crm
    assert not {"creditLimit", "unitPrice"} & {name for each in in_crm for name in each.values}


def test_only_records_of_both_sides_are_changed_or_deleted():
    touched = [
        each for each in intentions(chosen(1)) if each.action in (Action.CHANGE, Action.DELETE)
    ]
    assert {CUSTOMERS[19], PERSONS[19]}.isdisjoint(each.identity for each in touched)


def test_both_sides_are_edited_at_once_in_one_field_and_in_different_fields():
    at_once = [errands for errands in chosen(1) if len(errands) == 2]
    pairs = [(bc, crm) for [bc], [crm] in at_once if {bc.side, crm.side} == {BC, CRM}]
    assert len(pairs) == len(at_once)
    assert all(bc.identity == crm.identity for bc, crm in pairs)
    assert any(bc.values.keys() == crm.values.keys() for bc, crm in pairs)
    assert any(bc.values.keys() != crm.values.keys() for bc, crm in pairs)


def test_a_person_is_made_right_after_the_company_that_it_works_for():
    families = [errand for errands in chosen(1) for errand in errands if len(errand) > 1]
    assert families
    for company_made, person_made in families:
        assert company_made.mapping == "CUSTOMER"
        assert person_made.parent == company_made.record_id


def test_a_person_in_business_central_belongs_to_a_companys_contact_card():
    persons = [
        each
        for each in intentions(chosen(1))
        if each.action is Action.CREATE and each.mapping == "CONTACT" and each.side == BC
    ]
    assert persons
    assert all(each.parent.startswith("CT") for each in persons)


def test_some_records_are_everybodys_favourites():
    found = Counter(each.identity for each in intentions(chosen(1)) if each.mapping == "CUSTOMER")
    ((_, most),) = found.most_common(1)
    assert most > 0.3 * sum(times for name, times in found.items() if name in CUSTOMERS)


def test_where_nothing_is_there_only_new_records_are_made():
    assert {each.action for each in intentions(chosen(1, snapshot=NOTHING))} == {Action.CREATE}
