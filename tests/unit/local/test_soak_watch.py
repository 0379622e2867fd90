from __future__ import annotations

from typing import Any

from local.soak_model import BC, CRM, Action, Edit, Snapshot, Write
from local.soak_watch import Arrivals

EMAIL = "office@mill.example"


def edit(after: str, at: float, *, action: Action = Action.CHANGE) -> Edit:
    return Edit(
        at=at,
        side=BC,
        action=action,
        mapping="CUSTOMER",
        identity=EMAIL,
        record_id="bc-1",
        writes=(Write(field="city", before="Bath", after=after),),
    )


def crm_with(*cities: str) -> Snapshot:
    rows: list[dict[str, Any]] = [
        {"accountid": "a", "emailaddress1": EMAIL, "address1_city": city} for city in cities
    ]
    return Snapshot({(CRM, "accounts"): rows})


def test_an_edit_has_arrived_when_the_other_side_shows_its_value():
    arrivals = Arrivals()
    arrivals.expect(edit("Ely", 10.0), sampled=True)
    arrivals.look(crm_with("Bath"), 11.0)
    arrivals.look(crm_with("Ely"), 13.5)
    arrivals.look(crm_with("Ely"), 20.0)
    assert arrivals.figures() == {
        "median": 3.5,
        "p99": 3.5,
        "samples": 1,
        "written_over_before_seen": 0,
        "never_seen": 0,
    }


def test_a_new_record_has_arrived_when_it_is_there():
    arrivals = Arrivals()
    arrivals.expect(edit("Ely", 10.0, action=Action.CREATE), sampled=True)
    arrivals.look(crm_with(), 11.0)
    assert arrivals.figures()["samples"] == 0
    arrivals.look(crm_with("Bath"), 12.0)
    assert arrivals.figures()["median"] == 2.0


def test_an_edit_that_is_written_over_before_it_was_seen_is_no_sample():
    arrivals = Arrivals()
    arrivals.expect(edit("Ely", 10.0), sampled=True)
    arrivals.expect(edit("Hull", 11.0), sampled=False)
    arrivals.look(crm_with("Hull"), 12.0)
    assert arrivals.figures()["samples"] == 0
    assert arrivals.figures()["written_over_before_seen"] == 1


def test_an_edit_of_a_record_that_is_deleted_is_waited_for_no_more():
    arrivals = Arrivals()
    arrivals.expect(edit("Ely", 10.0), sampled=True)
    arrivals.expect(edit("", 11.0, action=Action.DELETE), sampled=True)
    assert arrivals.figures()["never_seen"] == 0
    assert arrivals.figures()["written_over_before_seen"] == 1


def test_an_edit_that_nobody_ever_saw_is_counted_as_such():
    arrivals = Arrivals()
    arrivals.expect(edit("Ely", 10.0), sampled=True)
    assert arrivals.figures() == {
        "median": None,
        "p99": None,
        "samples": 0,
        "written_over_before_seen": 0,
        "never_seen": 1,
    }
