"""Coupling records one at a time from the command line."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

COUPLINGS = "connections/cronus/couplings/CUSTOMER"
PARTNER = {"bc_id": "b1", "crm_id": "c9", "name": "Adatum [old]", "gone": True}
SUGGESTED = {
    "mapping": "SALESPEOPLE",
    "bc_id": "b5",
    "key": "JO",
    "name": "JO Jo",
    "crm_id": "c5",
    "crm_name": "Jo Smith",
    "couple_first": [],
}


def compared(**members: Any) -> dict[str, Any]:
    return {
        "mapping": "CUSTOMER",
        "bc": {"id": "b1", "key": "10000", "name": "10000 Adatum", "coupled_with": None},
        "crm": {"id": "c1", "name": "Adatum Ltd", "coupled_with": None},
        "coupled": False,
        "fields": [
            {
                "bc_field": "city",
                "crm_column": "address1_city",
                "bc_value": "Ely",
                "crm_value": "Hull [north]",
                "same": False,
                "flow": "conflict",
                "problem": "",
            }
        ],
        "obstacles": [],
        "couple_first": [],
        "firsts": ["to_crm", "from_crm", "none"],
    } | members


def with_partner() -> dict[str, Any]:
    seen = compared()
    seen["bc"]["coupled_with"] = PARTNER
    return seen


def first(**members: Any) -> dict[str, Any]:
    return {"message": "JO is not coupled.", "suggestion": SUGGESTED, "why_none": ""} | members


COUPLED = {"coupling": {}, "coupled_before": False, "replaced": [], "parents": []}


@pytest.fixture
def answers(monkeypatch):
    """Lets a person at a terminal answer."""

    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    return lambda text: monkeypatch.setattr(sys, "stdin", Keyboard(text))


@pytest.fixture(autouse=True)
def _nobody_there(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def test_two_records_are_shown_side_by_side(coupler, service):
    service.plan("GET", f"{COUPLINGS}/compare", compared())
    ended = coupler("compare", "cronus", "CUSTOMER", "10000", "c1")
    assert ended.code == 0
    for told in ("Ely", "Hull [north]", "both have their own value"):
        assert told in ended.out
    assert service.asked[0].query == {"bc": "10000", "crm": "c1"}


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (with_partner(), "Adatum [old] (c9), which was deleted"),
        (
            compared(obstacles=[{"message": "It is blocked.", "hint": "Unblock it."}]),
            "In the way: It is blocked. Unblock it.",
        ),
        (
            compared(obstacles=[{"message": "x", "hint": ""}], couple_first=[first()]),
            "To couple first: SALESPEOPLE JO Jo with Jo Smith (c5)",
        ),
        (
            compared(
                obstacles=[{"message": "x", "hint": ""}],
                couple_first=[first(suggestion=None, why_none="2 records fit.")],
            ),
            "To couple first: JO is not coupled. 2 records fit.",
        ),
    ],
)
def test_what_stands_in_the_way_is_shown(coupler, service, seen, told):
    service.plan("GET", f"{COUPLINGS}/compare", seen)
    ended = coupler("compare", "cronus", "CUSTOMER", "10000", "c1")
    assert ended.code == 3
    assert told in ended.out


def test_what_comes_before_a_parent_is_shown_before_it(coupler, service):
    deep = SUGGESTED | {"mapping": "CUSTOMER", "couple_first": [first()]}
    service.plan(
        "GET",
        f"{COUPLINGS}/compare",
        compared(obstacles=[{"message": "x", "hint": ""}], couple_first=[first(suggestion=deep)]),
    )
    out = coupler("compare", "cronus", "CUSTOMER", "10000", "c1").out
    assert out.index("first: SALESPEOPLE") < out.index("first: CUSTOMER")


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ((), {"first": "to_crm", "replace": False, "with_parents": False}),
        (("--first", "from-crm"), {"first": "from_crm", "replace": False, "with_parents": False}),
        (("--with-parents",), {"first": "to_crm", "replace": False, "with_parents": True}),
    ],
)
def test_two_records_are_coupled(coupler, service, arguments, sent):
    service.plan("GET", f"{COUPLINGS}/compare", compared())
    service.plan("POST", COUPLINGS, COUPLED)
    ended = coupler("couple", "cronus", "CUSTOMER", "10000", "c1", *arguments, "--json")
    assert (ended.code, ended.document) == (0, COUPLED)
    (asked,) = service.asked_for("POST", COUPLINGS)
    assert asked.body == {"bc": "b1", "crm": "c1"} | sent


def test_parents_that_were_coupled_are_told(coupler, service):
    service.plan("GET", f"{COUPLINGS}/compare", compared())
    service.plan("POST", COUPLINGS, COUPLED | {"parents": [SUGGESTED]})
    out = coupler("couple", "cronus", "CUSTOMER", "10000", "c1", "--with-parents").out
    assert "Coupled first: SALESPEOPLE JO Jo with Jo Smith (c5)" in out


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_who_gives_up_a_partner_is_asked_before(coupler, service, answers, answer, code):
    service.plan("GET", f"{COUPLINGS}/compare", with_partner())
    service.plan("POST", COUPLINGS, COUPLED | {"replaced": [PARTNER]})
    answers(answer)
    ended = coupler("couple", "cronus", "CUSTOMER", "10000", "c1", "--replace")
    assert ended.code == code
    assert "Adatum [old] (c9), which was deleted" in ended.told
    assert len(service.asked_for("POST", COUPLINGS)) == (code == 0)


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("--yes",), 0)])
def test_a_script_says_yes_beforehand(coupler, service, arguments, code):
    service.plan("GET", f"{COUPLINGS}/compare", with_partner())
    service.plan("POST", COUPLINGS, COUPLED)
    ended = coupler("couple", "cronus", "CUSTOMER", "10000", "c1", "--replace", *arguments)
    assert ended.code == code
    assert ("--yes" in ended.told) is (code == 2)


def uncoupling(*dependents: dict[str, Any]) -> dict[str, Any]:
    example = {"bc_id": "b1", "crm_id": "c1", "key": "10000", "name": "Adatum [1]"}
    return {"pairs": 1, "examples": [example], "dependents": list(dependents)}


PEOPLE = {"mapping": "CONTACT", "count": 3, "examples": [{"bc_id": "p", "name": "Robert Townes"}]}


def test_pairs_that_nothing_refers_to_are_taken_apart_unasked(coupler, service):
    service.plan("POST", f"{COUPLINGS}/uncouple", uncoupling(), {"pairs": 1})
    ended = coupler("uncouple", "cronus", "CUSTOMER", "10000", "--crm", "c2")
    assert ended.code == 0
    assert "Adatum [1]" in ended.out
    looked, done = service.asked_for("POST", f"{COUPLINGS}/uncouple")
    assert looked.body == {"bc": ["10000"], "crm": ["c2"], "preview": True}
    assert done.body == {"bc": ["10000"], "crm": ["c2"]}


@pytest.mark.parametrize(
    ("answer", "arguments", "code", "calls"),
    [
        ("y\n", (), 0, 2),
        ("n\n", (), 1, 1),
        (None, (), 2, 1),
        (None, ("--yes",), 0, 2),
        (None, ("--preview",), 0, 1),
    ],
)
def test_a_cascade_is_told_before(coupler, service, answers, answer, arguments, code, calls):
    service.plan("POST", f"{COUPLINGS}/uncouple", uncoupling(PEOPLE), {"pairs": 1})
    if answer:
        answers(answer)
    ended = coupler("uncouple", "cronus", "CUSTOMER", "10000", *arguments)
    assert ended.code == code
    assert len(service.asked) == calls
    if code != 0:
        assert "3 of CONTACT" in ended.told
    else:
        assert "Robert Townes" in ended.out


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("--yes",), 0)])
def test_a_whole_table_is_taken_apart_by_a_run(coupler, service, arguments, code):
    service.plan("POST", f"{COUPLINGS}/uncouple", uncoupling(), {"run_id": "r1"})
    ended = coupler("uncouple", "cronus", "CUSTOMER", "--all", *arguments)
    assert ended.code == code
    bodies = [each.body for each in service.asked]
    assert bodies == [{"all": True, "preview": True}, {"all": True}][: len(bodies)]
    assert ("run r1" in ended.out) is (code == 0)


@pytest.mark.parametrize(("outside", "code"), [(0, 0), (2, 3)])
def test_partners_are_asked_for(coupler, service, outside, code):
    asked = {"asked": 1, "coupled": 1, "outside": outside}
    service.plan("POST", f"{COUPLINGS}/create", asked)
    ended = coupler("create", "cronus", "CUSTOMER", "--crm", "c2", "c3")
    assert ended.code == code
    assert service.asked[0].body == {"bc": [], "crm": ["c2", "c3"]}
    assert "1 have partners already." in ended.out


def test_records_are_synchronized_now(coupler, service):
    service.plan("POST", f"{COUPLINGS}/synchronize", {"pairs": 1})
    ended = coupler("synchronize", "cronus", "CUSTOMER", "10000", "--json")
    assert (ended.code, ended.document) == (0, {"pairs": 1})


@pytest.mark.parametrize("command", ["uncouple", "create", "synchronize"])
def test_no_records_are_a_usage_error(coupler, service, command):
    assert coupler(command, "cronus", "CUSTOMER").code == 2
    assert not service.asked
