from __future__ import annotations

import pytest

from local.simulators.core.descriptions import DescriptionError
from local.simulators.core.faults import FaultAction, FaultPlan


def plan(*descriptions: object) -> FaultPlan:
    made = FaultPlan()
    for description in descriptions:
        made.add(description)
    return made


def test_a_fault_strikes_as_often_as_told_and_then_no_more():
    faults = plan({"action": "drop", "times": 2})
    assert [faults.take("GET", "/a") is not None for _ in range(3)] == [True, True, False]


def test_a_fault_strikes_once_unless_told():
    faults = plan({"action": "drop"})
    assert faults.take("GET", "/a") is not None
    assert faults.take("GET", "/a") is None


def test_a_fault_without_end_strikes_until_cleared():
    faults = plan({"action": "drop", "times": None})
    assert all(faults.take("GET", "/a") for _ in range(10))
    faults.clear()
    assert faults.take("GET", "/a") is None


def test_a_fault_strikes_only_its_method_and_path():
    faults = plan({"match": {"method": "post", "path": r"accounts\("}, "action": "drop"})
    assert faults.take("GET", "/api/accounts(1)") is None
    assert faults.take("POST", "/api/contacts(1)") is None
    assert faults.take("POST", "/api/accounts(1)") is not None


def test_the_first_fitting_fault_strikes_first():
    faults = plan({"action": "status", "status": 500}, {"action": "status", "status": 502})
    struck = [faults.take("GET", "/") for _ in range(2)]
    assert [fault.status for fault in struck if fault] == [500, 502]


def test_remaining_times_are_shown():
    faults = plan({"action": "drop", "times": 3})
    faults.take("GET", "/")
    assert faults.snapshot()[0]["times"] == 2


def test_a_status_fault_answers_with_status_and_retry_after():
    fault = plan({"action": "status", "status": 429, "retry_after": 7}).take("GET", "/")
    assert fault is not None
    answer = fault.answer()
    assert answer is not None
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


def test_a_redirect_leads_to_another_host():
    fault = plan({"action": "redirect"}).take("GET", "/")
    assert fault is not None
    answer = fault.answer()
    assert answer is not None
    assert answer.status == 302
    assert answer.headers["Location"].startswith("https://elsewhere.invalid")


@pytest.mark.parametrize("action", ["drop", "slow", "commit-then-drop"])
def test_other_actions_answer_nothing_themselves(action):
    fault = plan({"action": action}).take("GET", "/")
    assert fault is not None
    assert fault.answer() is None


@pytest.mark.parametrize(
    ("description", "named"),
    [
        ([], "object"),
        ({"action": "explode"}, "action"),
        ({"action": "drop", "when": "now"}, "members"),
        ({"action": "drop", "match": {"host": "x"}}, "match"),
        ({"action": "drop", "match": {"path": "("}}, "regular expression"),
        ({"action": "drop", "times": 0}, "times"),
        ({"action": "status", "status": "503"}, "status"),
        ({"action": "slow", "seconds": True}, "seconds"),
        ({"action": "status", "retry_after": 1.5}, "retry_after"),
    ],
)
def test_a_malformed_fault_is_refused_by_name(description, named):
    with pytest.raises(DescriptionError, match=named):
        plan(description)


def test_every_action_can_be_planned():
    assert [fault["action"] for fault in plan(*({"action": a} for a in FaultAction)).snapshot()]
