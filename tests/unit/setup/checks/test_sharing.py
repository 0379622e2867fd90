from __future__ import annotations

from dataclasses import replace

import pytest

from connections.model import Connection, Options
from setup.checks.sharing import CHECK, check_sharing
from tests.unit.connections.examples import connection
from tests.unit.setup.checks.telling import failures, only_passed, the

APART = Options(crm_solution=True, separate_companies=True)


def of(name: str, company: str, options: Options) -> Connection:
    made = connection(connection_id=name)
    side = replace(made.business_central, company=company)
    return replace(made, business_central=side, options=options)


def test_a_connection_alone_with_its_organization_passes():
    assert only_passed(check_sharing(connection(), []))


def test_the_same_company_and_organization_are_connected_once():
    present = of("present", connection().business_central.company, APART)
    findings = check_sharing(replace(connection(), options=APART), [present])
    assert failures(findings) == [(CHECK, "present")]
    assert "same company" in the(findings, CHECK).message


@pytest.mark.parametrize(
    ("mine", "theirs", "whose"),
    [(Options(), APART, "of this connection"), (APART, Options(), "Disable it")],
)
def test_companies_that_share_an_organization_are_both_told_apart(mine, theirs, whose):
    findings = check_sharing(of("mine", "Mine", mine), [of("theirs", "Theirs", theirs)])
    assert failures(findings) == [(CHECK, "theirs")]
    assert whose in the(findings, CHECK).hint


def test_companies_that_are_told_apart_pass():
    assert only_passed(check_sharing(of("mine", "Mine", APART), [of("theirs", "Theirs", APART)]))


def test_every_neighbour_is_told_of():
    neighbours = [of("one", "One", Options()), of("two", "Two", APART)]
    findings = check_sharing(of("mine", "Mine", Options()), neighbours)
    assert failures(findings) == [(CHECK, "one"), (CHECK, "two")]
