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


def test_a_status_fault_words_its_error():
    described = {"action": "status", "status": 412, "code": "0x80060882", "message": "Stale."}
    fault = plan(described).take("PATCH", "/")
    assert fault is not None
    answer = fault.answer()
    assert answer is not None
    assert answer.body == {"error": {"code": "0x80060882", "message": "Stale."}}


def struck(faults: FaultPlan, requests: int) -> list[bool]:
    return [faults.take("GET", "/") is not None for _ in range(requests)]


def test_a_probable_fault_strikes_at_random_until_cleared():
    faults = plan({"action": "drop", "probability": 0.25})
    assert 150 < sum(struck(faults, 1000)) < 350
    faults.clear()
    assert not any(struck(faults, 100))


def test_the_same_seed_strikes_the_same_requests():
    def of(seed: int) -> list[bool]:
        return struck(plan({"action": "drop", "probability": 0.5, "seed": seed}), 100)

    assert of(7) == of(7)
    assert of(7) != of(8)


def test_a_probable_fault_may_have_an_end():
    assert sum(struck(plan({"action": "drop", "probability": 0.5, "times": 3}), 100)) == 3


@pytest.mark.parametrize(("probability", "strikes"), [(0, 0), (1, 50)])
def test_the_ends_of_probability_are_never_and_always(probability, strikes):
    assert sum(struck(plan({"action": "drop", "probability": probability}), 50)) == strikes


def test_requests_that_a_fault_is_not_meant_for_do_not_change_whom_it_strikes():
    description = {"match": {"method": "GET"}, "action": "drop", "probability": 0.5, "seed": 3}
    alone, among_others = plan(description), plan(description)
    expected = struck(alone, 50)
    found = []
    for _ in range(50):
        among_others.take("POST", "/")
        found += struck(among_others, 1)
    assert found == expected


def test_a_fault_of_parts_strikes_parts_alone():
    faults = plan({"action": "status", "status": 409, "part": True, "match": {"path": "/a$"}})
    assert faults.take("PATCH", "/a") is None
    assert faults.take_part("PATCH", "/b") is None
    answer = faults.take_part("PATCH", "/a")
    assert answer is not None
    assert answer.status == 409
    assert faults.take_part("PATCH", "/a") is None


def test_a_fault_of_requests_strikes_no_parts():
    assert plan({"action": "status"}).take_part("PATCH", "/a") is None


def test_a_redirect_leads_to_another_host():
    fault = plan({"action": "redirect"}).take("GET", "/")
    assert fault is not None
    answer = fault.answer()
    assert answer is not None
    assert answer.status == 302
    assert answer.headers["Location"].startswith("https://elsewhere.invalid")


@pytest.mark.parametrize(
    "action",
    [
        "drop",
        "timeout",
        "slow",
        "unauthorized",
        "commit-then-drop",
        "commit-then-timeout",
    ],
)
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
        ({"action": "drop", "times": True}, "times"),
        ({"action": "drop", "probability": -0.1}, "probability"),
        ({"action": "drop", "probability": 1.1}, "probability"),
        ({"action": "drop", "seed": "a"}, "seed"),
        ({"action": "drop", "part": True}, "part"),
        ({"action": "status", "part": 1}, "part"),
        ({"action": "status", "code": 7}, "code"),
        ({"action": "status", "message": None}, "message"),
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
