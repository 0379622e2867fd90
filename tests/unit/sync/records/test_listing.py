"""Listing one system's records: state, partner and reason of each, the order, and the pages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from couplings.model import Coupling, CouplingState
from errors import RefusedRequestError
from sync.outcome_model import Outcome, OutcomeKind
from sync.records.listing import MOST_PAGES
from tests.support.table_jobs import bc_customer, crm_account
from tests.unit.sync.records.reading import Office, asked_for

ADATUM = bc_customer("10000", displayName="Adatum")
FABRIKAM = bc_customer("20000", displayName="Fabrikam")
ADATUM_LTD = crm_account(1, name="Adatum Ltd")
RIVAL = crm_account(2, name="Rival")


@pytest.fixture
def office() -> Office:
    """Two customers and two accounts, of which the first ones are a pair."""
    office = Office()
    for customer in (FABRIKAM, ADATUM):
        office.bc.put("customers", customer)
    for account in (RIVAL, ADATUM_LTD):
        office.crm.put("accounts", account)
    couple(office, ADATUM, ADATUM_LTD)
    return office


def couple(
    office: Office,
    customer: dict[str, Any],
    account: dict[str, Any],
    state: CouplingState = CouplingState.COUPLED,
) -> None:
    coupling = Coupling(
        mapping="CUSTOMER",
        bc_id=customer["id"],
        crm_id=account["accountid"],
        bc_key=customer["number"],
        name="Known of old",
        base=None,
        bc_version=None,
        crm_version=None,
        state=state,
        coupled_at=office.now(),
        synchronized_at=None,
    )
    assert office.couplings.couple_many("CUSTOMER", [coupling]) == []


def say(office: Office, side: str, record_id: str, kind: OutcomeKind, code: str = "x") -> None:
    outcome = Outcome(
        mapping="CUSTOMER",
        side=side,
        record_id=record_id,
        code=code,
        kind=kind,
        record_name="it",
        message="This is why.",
        first_seen=office.now(),
        last_seen=office.now(),
        run_id="",
        hint="Do that.",
    )
    office.outcomes.record_many([outcome])


# State, partner and reason


@pytest.mark.parametrize(
    ("side", "named", "partner"),
    [("bc", "Adatum", "Adatum Ltd"), ("crm", "Adatum Ltd", "Adatum")],
)
def test_a_coupled_record_is_listed_with_its_partners_name(office, side, named, partner):
    first, second = office.listed(side=side)
    assert (first.name, first.state.value, first.said) == (named, "coupled", None)
    assert first.partner is not None
    assert (first.partner.name, first.partner.gone) == (partner, False)
    assert (second.state.value, second.partner, second.said) == ("uncoupled", None, None)


def test_a_record_has_its_number_in_business_central_only(office):
    assert [each.key for each in office.listed(side="bc")] == ["10000", "20000"]
    assert [each.key for each in office.listed(side="crm")] == ["", ""]


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_a_partner_that_is_gone_is_named_as_it_was(office, side):
    if side == "bc":
        office.crm.delete("accounts", ADATUM_LTD["accountid"])
    else:
        office.bc.delete("customers", ADATUM["id"])
    [gone] = office.listed(side=side, state="gone")
    assert gone.partner is not None
    assert (gone.partner.name, gone.partner.gone) == ("Known of old", True)
    assert gone.state.value == "coupled"


def test_no_record_is_gone_whose_partner_stands_or_that_has_none(office):
    assert office.listed(side="bc", state="gone") == []
    assert office.listed(side="crm", state="gone") == []


def test_a_partner_is_gone_however_the_coupling_stands(office):
    couple(office, FABRIKAM, crm_account(9), CouplingState.FAILED)
    assert office.names(state="gone") == ["Fabrikam"]
    assert office.names(state="failed") == ["Fabrikam"]


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_what_is_said_of_a_pair_is_said_of_both_records(office, side):
    say(office, "bc", ADATUM["id"], OutcomeKind.FAILED, "value-too-long")
    first, second = office.listed(side=side)
    assert first.said is not None
    assert (first.said.code, first.said.message, first.said.hint) == (
        "value-too-long",
        "This is why.",
        "Do that.",
    )
    assert second.said is None


def test_a_record_without_partner_stands_as_was_last_said_of_it(office):
    say(office, "bc", FABRIKAM["id"], OutcomeKind.SKIPPED)
    assert [each.state.value for each in office.listed()] == ["coupled", "skipped"]
    assert office.names(state="skipped") == ["Fabrikam"]


def test_a_kind_that_is_no_state_leaves_a_record_uncoupled(office):
    say(office, "bc", FABRIKAM["id"], OutcomeKind.AMBIGUOUS)
    assert [each.state.value for each in office.listed()] == ["coupled", "uncoupled"]


def test_all_without_partner_are_uncoupled_whatever_was_said_of_them(office):
    say(office, "bc", FABRIKAM["id"], OutcomeKind.FAILED)
    assert office.names(state="uncoupled") == ["Fabrikam"]
    assert office.names(state="coupled") == ["Adatum"]


def test_records_outside_the_mappings_filter_are_not_listed(office):
    office.crm.put("accounts", crm_account(3, name="Competitor", customertypecode=1))
    assert office.names(side="crm") == ["Adatum Ltd", "Rival"]


def test_records_are_sought_in_the_list_of_their_state(office):
    office.bc.put("customers", bc_customer("30000", displayName="Adatum Two"))
    assert office.names(search="Adatum", state="uncoupled") == ["Adatum Two"]


# The order


@pytest.mark.parametrize(
    ("side", "order", "names"),
    [
        ("bc", "name", ["Adatum", "Fabrikam"]),
        ("bc", "-name", ["Fabrikam", "Adatum"]),
        ("bc", "key", ["Adatum", "Fabrikam"]),
        ("bc", "-key", ["Fabrikam", "Adatum"]),
        ("bc", "modified", ["Fabrikam", "Adatum"]),
        ("bc", "-modified", ["Adatum", "Fabrikam"]),
        ("crm", "name", ["Adatum Ltd", "Rival"]),
        ("crm", "-name", ["Rival", "Adatum Ltd"]),
        ("crm", "modified", ["Rival", "Adatum Ltd"]),
        ("crm", "-modified", ["Adatum Ltd", "Rival"]),
    ],
)
def test_a_list_is_in_the_order_asked_for(office, side, order, names):
    for day, customer in enumerate((FABRIKAM, ADATUM), 1):
        office.bc.tables["customers"][customer["id"]]["lastModifiedDateTime"] = f"2026-01-0{day}"
    for day, account in enumerate((RIVAL, ADATUM_LTD), 1):
        office.crm.tables["accounts"][account["accountid"]]["modifiedon"] = f"2026-01-0{day}"
    assert office.names(side=side, order=order) == names
    assert office.names(side=side, order=order, limit=1) == names


# Pages


def crowd(office: Office) -> None:
    """23 customers and accounts of few names; of some the name is how other numbers begin."""
    for each in range(23):
        name = f"Crowd {each % 4}" + (" of 701" if each % 3 == 0 else "")
        first = 70100 if each % 2 else 80100
        office.bc.put("customers", bc_customer(str(first + each), displayName=name))
        office.crm.put("accounts", crm_account(100 + each, name=name, accountnumber=f"701{each}"))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("order", ["name", "-name", "modified"])
@pytest.mark.parametrize("side", ["bc", "crm"])
@pytest.mark.parametrize("search", ["", "701", "Crowd 1", "70101", "701 "])
def test_pages_have_every_record_once_and_in_the_same_order(office, search, side, order, limit):
    crowd(office)
    whole = office.listed(side=side, order=order, search=search, limit=500)
    pages = office.listed(side=side, order=order, search=search, limit=limit)
    assert [each.record_id for each in pages] == [each.record_id for each in whole]
    assert len({each.record_id for each in pages}) == len(pages)
    rows = office.bc.tables["customers"] if side == "bc" else office.crm.tables["accounts"]
    number, name = ("number", "displayName") if side == "bc" else ("accountnumber", "name")
    fitting = {
        record_id
        for record_id, row in rows.items()
        if search in row[name] or (row[number] or "").startswith(search)
    }
    assert {each.record_id for each in pages} == fitting


@pytest.mark.parametrize("state", ["coupled", "uncoupled", "gone"])
def test_pages_of_a_state_have_every_record_of_it_once(office, state):
    crowd(office)
    for number in (3, 11, 19):
        couple(office, bc_customer(str(70100 + number)), crm_account(200 + number))
    counts = {"coupled": 4, "uncoupled": 21, "gone": 3}
    found = [each.record_id for each in office.listed(state=state, limit=2)]
    assert len(set(found)) == len(found) == counts[state]


def test_a_call_reads_few_pages_and_goes_on_where_it_ended(office):
    crowd(office)
    page = office.page(asked_for(order="-name", state="coupled", limit=2))
    assert page.records == []
    assert page.continuation is not None
    assert len(office.pages["bc"]) == MOST_PAGES


def test_what_was_found_is_told_without_reading_on(office):
    crowd(office)
    page = office.page(asked_for(state="coupled", limit=2))
    assert [each.name for each in page.records] == ["Adatum"]
    assert len(office.pages["bc"]) == 1


def test_what_a_name_finds_fills_the_page_that_numbers_began(office):
    office.bc.put("customers", bc_customer("90000", displayName="Friend of 10000"))
    page = office.page(asked_for(search="10000", limit=2))
    assert [each.name for each in page.records] == ["Adatum", "Friend of 10000"]
    assert page.continuation is None


def test_a_page_that_numbers_filled_is_followed_by_what_names_find(office):
    office.bc.put("customers", bc_customer("90000", displayName="Friend of 10000"))
    asked = asked_for(search="10000", limit=1)
    first = office.page(asked)
    second = office.page(asked, first.continuation)
    found = [[each.name for each in page.records] for page in (first, second)]
    assert (found, second.continuation) == ([["Adatum"], ["Friend of 10000"]], None)


# What is refused


@pytest.mark.parametrize(
    ("how", "mapping", "code"),
    [
        ({"limit": 0}, "CUSTOMER", "limit-out-of-range"),
        ({"limit": 1001}, "CUSTOMER", "limit-out-of-range"),
        ({"side": "crm", "key": "1"}, "CUSTOMER", "no-number-in-crm"),
        ({"side": "crm", "order": "key"}, "CUSTOMER", "no-number-in-crm"),
        ({"side": "crm", "order": "-key"}, "CUSTOMER", "no-number-in-crm"),
        ({"key": "1"}, "SALESPRC-PRODPRICE", "no-number"),
        ({"order": "key"}, "SALESPRC-PRODPRICE", "no-number"),
    ],
)
def test_what_cannot_be_listed_is_refused_before_anything_is_read(office, how, mapping, code):
    with pytest.raises(RefusedRequestError) as refused:
        office.page(asked_for(**how), None, mapping)
    assert (refused.value.status, refused.value.code) == (422, code)
    assert office.pages == {"bc": [], "crm": []}


@pytest.mark.parametrize(
    "other",
    [
        {"side": "crm"},
        {"search": "Crowd 1"},
        {"state": "coupled"},
        {"order": "-name"},
        {"key": "7"},
    ],
)
def test_a_continuation_of_another_list_is_refused(office, other):
    crowd(office)
    page = office.page(asked_for(limit=2))
    with pytest.raises(RefusedRequestError) as refused:
        office.page(asked_for(limit=2, **other), page.continuation)
    assert (refused.value.status, refused.value.code) == (400, "continuation-unknown")


def test_a_list_goes_on_with_another_limit(office):
    crowd(office)
    page = office.page(asked_for(limit=2))
    rest = office.page(asked_for(limit=100), page.continuation)
    assert len(rest.records) == 23


@pytest.mark.parametrize("place", [[-1, ""], [2, ""], ["0", ""], [0, 7], [0], [0, "", ""]])
def test_a_continuation_that_no_list_gave_is_refused(office, place):
    asked = asked_for(search="Crowd")
    content = json.dumps([asked.mark("CUSTOMER"), *place]).encode()
    for given in (base64.urlsafe_b64encode(content).decode(), "bm8=", "é", "_"):
        with pytest.raises(RefusedRequestError) as refused:
            office.page(asked, given)
        assert refused.value.status == 400
