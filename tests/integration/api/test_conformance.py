"""Whatever the API is asked, within its description and without, it answers as described."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.api.conftest import Subject
from tests.integration.api.described import OPERATIONS, operation

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
RANKS = ("none", "reader", "operator", "administrator")
EXAMPLES = 6
"""Of each operation, so that all of them together take no longer than a minute or so."""
SLOW = {"run_setup", "run_setup_step", "enable_connection", "register_webhooks"}
"""They ask both services a lot."""

TELLS_WHAT_IS_WRONG = "check_mapping"
"""It answers what is not as described with what is wrong, which is what it is for."""

LAST = ("disable_connection", "change_connection", "enable_connection", "delete_connection")
"""What would take the ground from under the others."""


def in_order() -> list[str]:
    """All that looks first, then what acts, and what removes at last."""
    looks = [name for name, (method, *_) in OPERATIONS.items() if method == "GET"]
    acts = [name for name in OPERATIONS if name not in looks and name not in LAST]
    return [*looks, *acts, *(name for name in LAST if name in OPERATIONS)]


def known_parameters(subject: Subject) -> dict[str, str]:
    """Path parameters that name something that is there."""
    outcome = subject.outcome
    return {
        "connection_id": subject.connection,
        "mapping": outcome["mapping"],
        "side": outcome["side"],
        "record_id": outcome["record_id"],
        "run": subject.run,
        "change": subject.change,
    }


def present_version(subject: Subject, case: Any) -> str:
    """The ETag of what the case changes, or of its connection."""
    headers = {"Authorization": f"Bearer {subject.tokens['reader']}"}
    for path in (case.formatted_path, f"/connections/{subject.connection}"):
        answer = requests.get(f"{subject.address}{path}", headers=headers, timeout=30)
        if answer.status_code == 200 and "ETag" in answer.headers:
            return answer.headers["ETag"]
    return '"none"'


def answered(subject: Subject, case: Any, role: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {subject.tokens[role]}"}
    answer: requests.Response = case.call(base_url=subject.address, headers=headers)
    return answer


def is_from_the_host(answer: Any) -> bool:
    """Whether the address fits no route, as one with a slash within a segment: the application,
    whose answers all have a correlation id, was not asked."""
    return answer.status_code == 404 and "x-correlation-id" not in answer.headers


def checks_of(name: str, case: Any) -> list[Any]:
    """All checks but for what is no mistake after all: the host leaves out query parameters without
    a value."""
    if name == TELLS_WHAT_IS_WRONG or "" in (case.query or {}).values():
        return CHECKS
    return [*CHECKS, negative_data_rejection]


@pytest.mark.parametrize("name", in_order())
def test_every_answer_is_as_described(subject, name):
    needed = OPERATIONS[name][-1]["x-role"]
    cases = st.one_of(
        operation(name).as_strategy(GenerationMode.POSITIVE),
        operation(name).as_strategy(GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=EXAMPLES // 4 if name in SLOW else EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=cases,
        # mostly the role that it needs, and what is there
        role=st.sampled_from((*[role for role in (needed, needed) if role != "none"], *RANKS[1:])),
        is_known=st.sampled_from((True, True, False)),
        is_versioned=st.booleans(),
    )
    def ask(case: Any, role: str, is_known: bool, is_versioned: bool) -> None:
        if is_known:
            known = known_parameters(subject)
            case.path_parameters.update(
                {one: known[one] for one in case.path_parameters if one in known}
            )
        if is_versioned and "If-Match" in case.headers:
            case.headers["If-Match"] = present_version(subject, case)
        answer = answered(subject, case, role)
        if is_from_the_host(answer):
            return
        case.validate_response(answer, checks=checks_of(name, case))
        if RANKS.index(role) < RANKS.index(needed):
            assert answer.status_code == 403
            assert answer.json()["code"] == "role-insufficient"

    ask()


OF_CUSTOMERS = {"list_matches", "list_candidates", "list_changed_pairs"}
"""What they show is there of customers."""


@pytest.mark.parametrize(
    "name",
    [name for name, (method, *_) in OPERATIONS.items() if method == "GET"],
)
def test_what_is_there_is_shown_as_described(subject, name):
    case = operation(name).Case(
        path_parameters=path_parameters(subject, name), query=known_query(subject, name)
    )
    answer = answered(subject, case, "administrator")
    assert answer.status_code == 200
    case.validate_response(answer, checks=CHECKS)


def known_query(subject: Subject, name: str) -> dict[str, str]:
    """Of what needs a query: one that names something that is there."""
    known = {
        "list_side_records": {"side": "bc"},
        "list_matches": {"kind": "ambiguous"},
        "list_candidates": {"place": subject.place, "side": "crm"},
    }
    if name in known:
        return known[name]
    if name != "compare_records":
        return {}
    mapping = known_parameters(subject)["mapping"]
    coupling = subject.installation.client.couplings(subject.connection, mapping)[-1]
    return {"bc": coupling["bc_id"], "crm": coupling["crm_id"]}


def path_parameters(subject: Subject, name: str) -> dict[str, str]:
    known = known_parameters(subject)
    if name in OF_CUSTOMERS:
        known["mapping"] = "CUSTOMER"
    return {one: quote(known[one]) for one in known if f"{{{one}}}" in OPERATIONS[name][1]}
