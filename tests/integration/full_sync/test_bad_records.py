"""Records that CRM cannot take: each stops alone, and its outcome tells why and what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from local.sample_data.model import SampleData
from tests.integration.full_sync.installation import CRM, Installation, company, only, statuses

MAPPINGS = ("SALESPEOPLE", "CURRENCY", "CUSTOMER", "CONTACT")
BC_SETS = (
    "companies",
    "companyInformation",
    "salespeoplePurchasers",
    "currencies",
    "currencyExchangeRates",
    "customers",
    "contacts",
    "contactsInformation",
)
CRM_SETS = ("organization", "businessunits", "systemusers", "transactioncurrencies", "accounts")
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaft"
BAD_PERSONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Marred:
    """A company with some bad records after its run, and after they were mended."""

    connection: str
    review: dict[str, Any]
    currency: dict[str, Any]
    persons: list[dict[str, Any]]
    contacts_in_crm: int
    outcomes: list[dict[str, Any]]


def marred_company() -> tuple[SampleData, dict[str, Any], list[dict[str, Any]]]:
    """A company with a currency whose code is too long and persons whose surname is."""
    data = only(company(20), bc=BC_SETS, crm=CRM_SETS)
    rows = {name: [dict(row) for row in some] for name, some in data.business_central.items()}
    template = rows["currencies"][-1]
    currency = template | {
        "id": "0f5b0f6e-0b0a-4c8c-9d62-6f4f6a1d7c11",
        "code": "EURODOLLAR",
        "displayName": "Dollars deposited in Europe",
    }
    rows["currencies"].append(currency)
    rate = rows["currencyExchangeRates"][-1] | {
        "id": "0f5b0f6e-0b0a-4c8c-9d62-6f4f6a1d7c12",
        "currencyCode": "EURODOLLAR",
    }
    rows["currencyExchangeRates"].append(rate)
    persons = [row for row in rows["contacts"] if row["type"] == "Person"][:BAD_PERSONS]
    for number, person in enumerate(persons):
        person["displayName"] = f"Hubert {LONG_NAME}{number}"
    return replace(data, business_central=rows), currency, persons


@pytest.fixture(scope="module")
def marred(installation: Installation) -> Marred:
    data, currency, persons = marred_company()
    installation.begin_anew(data)
    connection = installation.connect(data.company)
    review = installation.synchronize(connection, MAPPINGS)
    return Marred(
        connection=connection,
        review=review,
        currency=currency,
        persons=persons,
        contacts_in_crm=len(installation.dump(CRM, "contacts")),
        outcomes=installation.client.outcomes(connection),
    )


def listed(installation: Installation, connection: str, query: str) -> dict[str, Any]:
    answer = installation.call("GET", f"connections/{connection}/outcomes?{query}")
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def names(outcomes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(outcome["mapping"], outcome["record_id"]) for outcome in outcomes]


def test_a_bad_record_does_not_stop_its_table_nor_those_that_depend_on_it(marred):
    assert statuses(marred.review) == {
        "SALESPEOPLE": "finished",
        "CURRENCY": "finished-with-errors",
        "CUSTOMER": "finished",
        "CONTACT": "finished-with-errors",
    }
    lines = {line["name"]: line for line in marred.review["lines"]}
    for name, bad, total in (
        ("CURRENCY", 1, 7),
        ("CONTACT", BAD_PERSONS, marred.contacts_in_crm + BAD_PERSONS),
    ):
        counters = lines[name]["counters"]["to_crm"]
        assert counters["failed"] == bad
        assert lines[name]["progress"]["handled"] == total
        assert sum(counters.values()) == total
        assert lines[name]["to_int_table_job_status"] == "error"
        assert f"{bad} failed" in lines[name]["message"]


def test_the_outcome_of_a_bad_record_tells_record_field_value_reason_and_remedy(marred):
    (outcome,) = [each for each in marred.outcomes if each["mapping"] == "CURRENCY"]
    assert outcome["side"] == "bc"
    assert outcome["record_id"] == marred.currency["id"]
    assert "EURODOLLAR" in outcome["record_name"]
    assert (outcome["field"], outcome["value"]) == ("code", "EURODOLLAR")
    assert outcome["kind"] == "failed"
    assert outcome["code"]
    assert "5" in outcome["message"]
    assert outcome["hint"]
    assert outcome["attempts"] == 1
    assert outcome["run_id"] == marred.review["run"]["run_id"]
    assert datetime.fromisoformat(outcome["first_seen"]) <= datetime.fromisoformat(
        outcome["last_seen"]
    )


def test_a_record_that_only_the_service_refuses_is_explained_in_its_words(marred):
    outcomes = [each for each in marred.outcomes if each["mapping"] == "CONTACT"]
    assert {each["record_id"] for each in outcomes} == {row["id"] for row in marred.persons}
    for outcome in outcomes:
        assert LONG_NAME in outcome["record_name"]
        assert "50" in outcome["message"]
        assert outcome["hint"]


def test_outcomes_are_filtered_by_mapping_and_kind(installation, marred):
    def found(query: str) -> list[tuple[str, str]]:
        return names(listed(installation, marred.connection, query)["outcomes"])

    contacts = [each for each in names(marred.outcomes) if each[0] == "CONTACT"]
    failed = [each for each in marred.outcomes if each["kind"] == "failed"]
    assert found("mapping=CONTACT") == contacts
    assert found("mapping=CONTACT&kind=failed") == contacts
    assert found("kind=failed") == names(failed)
    assert found("kind=conflict") == found("mapping=CUSTOMER") == []


def test_outcomes_come_in_pages_that_together_hold_each_of_them_once(installation, marred):
    found: list[tuple[str, str]] = []
    query = "limit=1"
    while True:
        page = listed(installation, marred.connection, query)
        assert len(page["outcomes"]) <= 1
        found += names(page["outcomes"])
        if not page["continuation"]:
            break
        query = f"limit=1&continuation={quote(page['continuation'], safe='')}"
    assert found == names(marred.outcomes)
    assert len(found) == BAD_PERSONS + 1


def test_an_unknown_kind_or_a_foreign_continuation_is_refused(installation, marred):
    for query in ("kind=broken", "limit=0", "limit=1001", "limit=ten", "continuation=abc", "x=1"):
        answer = installation.call("GET", f"connections/{marred.connection}/outcomes?{query}")
        assert answer.status in (400, 422), query
        assert answer.body["code"]


def test_a_bad_record_noticed_again_keeps_its_row_and_counts_the_attempts(installation, marred):
    installation.synchronize(marred.connection, ["CURRENCY"])
    (outcome,) = listed(installation, marred.connection, "mapping=CURRENCY")["outcomes"]
    (before,) = [each for each in marred.outcomes if each["mapping"] == "CURRENCY"]
    assert outcome["first_seen"] == before["first_seen"]
    assert outcome["last_seen"] > before["last_seen"]
    assert outcome["attempts"] == 2
