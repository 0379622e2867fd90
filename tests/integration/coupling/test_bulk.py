"""Work on many pairs in the background, through the local host: progress, result, and a crash."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.coupling.test_by_hand import Desk
from tests.integration.coupling.test_transfer import Files
from tests.integration.full_sync.installation import CRM, until
from tests.integration.incremental.office import Office, soon


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    return Desk(office)


def line_of(office: Office, location: str) -> dict[str, Any]:
    """The only line of a run, and how the run stands."""
    answer = office.installation.call("GET", location.removeprefix("/api/"))
    assert answer.status == 200, answer.body
    (line,) = answer.body["lines"]
    return {"run": answer.body["run"]["state"], **line}


def ended(office: Office, location: str) -> dict[str, Any]:
    """The line as soon as the run is over."""

    def over() -> dict[str, Any] | None:
        line = line_of(office, location)
        return line if line["run"] != "in-process" else None

    return until(over, "the end of the run") or {}


def pairs(office: Office) -> set[tuple[str, str]]:
    found = office.client.couplings(office.connection, "CUSTOMER")
    return {(each["bc_id"], each["crm_id"]) for each in found}


def test_a_table_is_taken_apart_and_coupled_again_although_the_host_is_killed(desk, office):
    before = pairs(office)
    accounts = len(office.installation.dump(CRM, "accounts"))
    content = Files(office).export(1000).content
    begun = desk.ask("uncouple", all=True)
    assert begun.status == 202, begun.body
    line = ended(office, begun.headers["Location"])
    assert line["run"] == "finished"
    assert line["progress"] == line["progress"] | {"handled": len(before), "expected": len(before)}
    assert line["counters"]["to_crm"]["uncoupled"] == len(before)
    soon(lambda: not pairs(office), "the end of all couplings")

    office.installation.plan_fault(CRM, "slow", method="GET", path="/accounts", seconds=3.0)
    location = Files(office).send(content).headers["Location"]
    until(
        lambda: line_of(office, location)["job_queue_entry_status"] == "in-process",
        "a worker at the line",
    )
    office.installation.platform.kill_host()
    office.installation.clear_faults()
    office.installation.platform.start_host()
    line = ended(office, location)
    assert line["run"] == "finished", line
    assert line["counters"]["to_crm"]["coupled"] == len(before)
    assert pairs(office) == before
    assert office.installation.duplicates() == []
    assert len(office.installation.dump(CRM, "accounts")) == accounts


def test_a_run_on_many_pairs_stands_in_the_way_of_others_and_is_cancelled(desk, office):
    office.installation.plan_fault(CRM, "slow", method="GET", path="/accounts", seconds=3.0)
    content = Files(office).export(1000).content
    location = Files(office).send(content).headers["Location"]
    refused = desk.ask("uncouple", all=True)
    assert (refused.status, refused.body["code"]) == (409, "run-active")
    assert location.rpartition("/")[2] in refused.body["detail"]
    cancelled = office.installation.call("POST", f"{location.removeprefix('/api/')}/cancel")
    assert cancelled.status == 202, cancelled.body
    assert ended(office, location)["run"] == "cancelled"
