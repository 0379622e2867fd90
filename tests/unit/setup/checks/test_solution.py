from __future__ import annotations

from dataclasses import replace

import pytest

from services.dataverse_administration import Solution
from setup.checks.solution import SolutionFacts, check_solution, not_chosen, version_of
from setup.model import Result
from setup.solution.contents import COMPANY_COLUMN, COMPANY_TABLES, LOWEST_VERSION, ROLES, SOLUTION
from solution import roles
from solution.write_source import VERSION
from tests.unit.setup.checks.telling import TROUBLE, failures, only_passed, the

INSTALLED = Solution(unique_name=SOLUTION, version="1.0.0.0", is_managed=False)
GOOD = SolutionFacts(
    name=SOLUTION,
    lowest_version=LOWEST_VERSION,
    solution=INSTALLED,
    roles=dict.fromkeys(ROLES, "id"),
    wanted_roles=ROLES,
    column=COMPANY_COLUMN,
    columns=dict.fromkeys(COMPANY_TABLES, True),
)


def test_an_installed_solution_passes():
    assert only_passed(check_solution(GOOD))


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"solution": None}, ("solution-installed", SOLUTION)),
        ({"solution": TROUBLE}, ("solution-installed", SOLUTION)),
        ({"solution": replace(INSTALLED, version="0.9.9.9")}, ("solution-version", "0.9.9.9")),
        ({"roles": {ROLES[0]: "id"}}, ("solution-roles", ROLES[1])),
        ({"roles": TROUBLE}, ("solution-roles", SOLUTION)),
        ({"columns": {"account": True, "product": False}}, ("company-column", "product")),
        ({"columns": {"account": TROUBLE, "product": True}}, ("company-column", "account")),
    ],
)
def test_each_thing_that_is_missing_is_named_alone(changes, failed):
    assert failures(check_solution(replace(GOOD, **changes))) == [failed]


def test_a_version_is_compared_by_its_numbers():
    assert version_of("1.10.0.0") > version_of("1.9.0.0")
    assert only_passed(check_solution(replace(GOOD, solution=replace(INSTALLED, version="1.10"))))


def test_where_it_is_not_chosen_it_is_not_looked_at():
    assert the(not_chosen(SOLUTION), "solution-installed").result is Result.NOT_CHECKED


def test_the_source_of_the_solution_brings_what_the_service_relies_on():
    assert tuple(roles.PRIVILEGES) == ROLES
    assert roles.COMPANY_COLUMN == COMPANY_COLUMN
    assert tuple(sorted(name.lower() for name in roles.COMPANY_TABLES)) == COMPANY_TABLES
    assert version_of(VERSION) >= LOWEST_VERSION
