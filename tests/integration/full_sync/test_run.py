"""A full synchronization of a generated company, and another one right after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from sync.mappings import DEPENDENCIES
from tests.integration.full_sync.installation import (
    BC,
    CRM,
    CRM_KEY,
    TABLES,
    Installation,
    company,
    statuses,
    writes,
)

CUSTOMERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoRuns:
    """What was seen of two runs of the same company, the second with nothing to do."""

    connection: str
    accepted: Any
    first: dict[str, Any]
    second: dict[str, Any]
    before: dict[str, list[dict[str, Any]]]
    between: dict[str, list[dict[str, Any]]]
    after: dict[str, list[dict[str, Any]]]
    second_requests: dict[str, Any]
    outcomes: list[dict[str, Any]]


@pytest.fixture(scope="module")
def runs(installation: Installation) -> TwoRuns:
    data = company(CUSTOMERS)
    installation.begin_anew(data)
    before = installation.everything()
    connection = installation.connect(data.company)
    accepted = installation.start(connection)
    first = installation.ended(connection)
    between = installation.everything()
    installation.world.forget_requests()
    second = installation.synchronize(connection)
    return TwoRuns(
        connection=connection,
        accepted=accepted,
        first=first,
        second=second,
        before=before,
        between=between,
        after=installation.everything(),
        second_requests=installation.world.requests(),
        outcomes=installation.client.outcomes(connection),
    )


def counted(line: dict[str, Any], *names: str) -> int:
    return sum(counters[name] for counters in line["counters"].values() for name in names)


def test_starting_is_accepted_and_tells_where_the_review_is(runs):
    assert runs.accepted.status == 202
    assert runs.accepted.headers["Location"] == f"/api/connections/{runs.connection}/full-sync"
    assert runs.accepted.body["state"] == "in-process"


def test_every_line_finishes(runs):
    assert statuses(runs.first) == dict.fromkeys(DEPENDENCIES, "finished")
    assert runs.first["run"]["state"] == "finished"


def test_the_review_tells_how_each_direction_of_each_line_went(runs):
    directions = {
        line["name"]: (
            line["direction"],
            line["to_int_table_job_status"],
            line["from_int_table_job_status"],
        )
        for line in runs.first["lines"]
    }
    to_crm, both = ("to_crm", "success", ""), ("both", "success", "success")
    assert directions == {
        "SALESPEOPLE": ("from_crm", "", "success"),
        "CURRENCY": to_crm,
        "UNIT OF MEASURE": to_crm,
        "CUSTOMER": both,
        "CONTACT": both,
        "ITEM-PRODUCT": both,
        "RESOURCE-PRODUCT": to_crm,
        "CUSTPRCGRP-PRICE": to_crm,
        "SALESPRC-PRODPRICE": to_crm,
    }


def test_the_review_tells_progress_and_times_of_each_line(runs):
    sizes = {name: len(runs.before[f"{BC} {bc_set}"]) for name, (bc_set, _, _) in TABLES.items()}
    persons = [row for row in runs.before[f"{BC} contacts"] if row["type"] == "Person"]
    sizes["CONTACT"] = len(persons)
    for line in runs.first["lines"]:
        size = sizes[line["name"]]
        assert line["progress"] == {"handled": size, "expected": size, "percent": 100}
        assert datetime.fromisoformat(line["started_at"]) < datetime.fromisoformat(
            line["finished_at"]
        )
        assert (line["waiting_for"], line["blocked_by"], line["attempt"]) == ([], [], 1)


def test_a_line_begins_only_after_those_it_depends_on_have_finished(runs):
    lines = {line["name"]: line for line in runs.first["lines"]}
    assert {name: tuple(line["dependencies"]) for name, line in lines.items()} == DEPENDENCIES
    for name, parents in DEPENDENCIES.items():
        for parent in parents:
            assert lines[parent]["finished_at"] <= lines[name]["started_at"], (parent, name)


def test_lines_that_do_not_depend_on_each_other_run_side_by_side(runs):
    lines = runs.first["lines"]
    assert any(
        one["started_at"] < other["finished_at"] and other["started_at"] < one["finished_at"]
        for one in lines
        for other in lines
        if one is not other
    )


def test_what_was_not_in_crm_is_created_and_what_was_is_coupled(runs):
    known = len(runs.before[f"{CRM} accounts"])
    assert 0 < known < CUSTOMERS
    customer = next(line for line in runs.first["lines"] if line["name"] == "CUSTOMER")
    assert counted(customer, "inserted") == CUSTOMERS - known
    assert counted(customer, "coupled", "modified", "unchanged") == known
    new_users = len(runs.between[f"{CRM} systemusers"]) - len(runs.before[f"{CRM} systemusers"])
    assert new_users == 0


def test_both_sides_hold_the_same_records_afterwards(runs):
    customers = {row["number"]: row for row in runs.between[f"{BC} customers"]}
    accounts = {row["accountnumber"]: row for row in runs.between[f"{CRM} accounts"]}
    assert len(runs.between[f"{CRM} accounts"]) == len(accounts) == CUSTOMERS
    assert {number: row["name"] for number, row in accounts.items()} == {
        number: row["displayName"] for number, row in customers.items()
    }
    numbers = [row["number"] for row in runs.between[f"{BC} items"]]
    numbers += [row["No"] for row in runs.between[f"{BC} resources"]]
    products = [row["productnumber"] for row in runs.between[f"{CRM} products"]]
    assert sorted(products) == sorted(numbers)
    persons = [row for row in runs.between[f"{BC} contacts"] if row["type"] == "Person"]
    assert {row["emailaddress1"] for row in runs.between[f"{CRM} contacts"]} == {
        row["email"] for row in persons
    }


def test_every_record_is_coupled_once_and_every_coupling_exists_on_both_sides(installation, runs):
    for name, (bc_set, bc_key, crm_set) in TABLES.items():
        couplings = installation.client.couplings(runs.connection, name)
        line = next(line for line in runs.first["lines"] if line["name"] == name)
        left_out = counted(line, "skipped")
        assert len(couplings) == line["progress"]["handled"] - left_out, name
        bc_ids = [coupling["bc_id"] for coupling in couplings]
        crm_ids = [coupling["crm_id"] for coupling in couplings]
        assert len(set(bc_ids)) == len(set(crm_ids)) == len(couplings)
        assert set(bc_ids) <= {row[bc_key] for row in runs.after[f"{BC} {bc_set}"]}
        assert set(crm_ids) <= {row[CRM_KEY[crm_set]] for row in runs.after[f"{CRM} {crm_set}"]}


def test_no_number_or_name_is_there_twice(installation, runs):
    assert installation.duplicates() == []


def test_a_record_left_out_says_why_and_what_to_do(runs):
    skipped = sum(counted(line, "skipped") for line in runs.first["lines"])
    assert len(runs.outcomes) == skipped
    for outcome in runs.outcomes:
        assert outcome["kind"] == "skipped"
        assert outcome["code"]
        assert outcome["field"]
        assert outcome["message"]
        assert outcome["hint"]


def test_a_second_run_asks_neither_service_to_write(runs):
    # Business Central is looked at by batches of reads; that none was of writes, its records tell.
    assert writes(runs.second_requests)[BC].keys() <= {"POST $batch"}
    assert writes(runs.second_requests)[CRM] == {}
    assert runs.after == runs.between


def test_a_second_run_counts_every_record_as_unchanged(runs):
    assert statuses(runs.second) == dict.fromkeys(DEPENDENCIES, "finished")
    for line in runs.second["lines"]:
        handled = line["progress"]["handled"]
        assert counted(line, "unchanged", "skipped") == handled, line
        assert counted(line, "inserted", "modified", "coupled", "failed", "conflict") == 0, line
