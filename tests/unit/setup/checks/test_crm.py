from __future__ import annotations

from dataclasses import replace

import pytest

from services.dataverse_administration import Identity, Organization
from setup.checks.crm import CrmFacts, check_crm
from setup.checks.findings import Trouble
from setup.model import Result
from tests.unit.setup.checks.telling import TROUBLE, failures, only_passed, the

URL = "https://cronus.crm.dynamics.com"
GOOD = CrmFacts(
    url=URL,
    identity=Identity(user_id="u", business_unit_id="b", organization_id="o"),
    version="9.2.24044.195",
    organization=Organization(name="cronus", base_currency_id="c", orders_are_integrated=False),
)
CLOSED = Trouble(
    code="service-privilege-missing",
    message="Dynamics 365 Sales answered GET /WhoAmI with 403: the organization is in "
    "administration mode.",
    hint="",
)
STRANGER = Trouble(code="service-privilege-missing", message="with 403: 0x80072560.", hint="")


def test_an_open_organization_of_a_known_version_passes():
    assert only_passed(check_crm(GOOD))


def test_an_organization_that_does_not_answer_is_all_that_is_told():
    assert failures(check_crm(replace(GOOD, identity=TROUBLE))) == [("crm-reachable", URL)]


def test_administration_mode_is_told_with_where_to_switch_it_off():
    closed = replace(GOOD, identity=CLOSED, version=CLOSED, organization=CLOSED)
    findings = check_crm(closed)
    assert failures(findings) == [("administration-mode", URL)]
    assert "Power Platform admin center" in the(findings, "administration-mode").hint


def test_what_is_wrong_with_the_user_alone_is_left_to_its_own_step():
    findings = check_crm(replace(GOOD, identity=STRANGER, version=STRANGER))
    assert failures(findings) == []
    assert the(findings, "crm-version").result is Result.WARNING


@pytest.mark.parametrize("version", ["9.1.0.643", "8.2.1", "7.1"])
def test_an_old_version_fails(version):
    assert failures(check_crm(replace(GOOD, version=version))) == [("crm-version", version)]


@pytest.mark.parametrize("version", ["9.2", "9.10.0", "10.0.1"])
def test_later_versions_pass(version):
    assert only_passed(check_crm(replace(GOOD, version=version)))


def test_a_version_of_another_form_is_a_warning():
    assert the(check_crm(replace(GOOD, version="next")), "crm-version").result is Result.WARNING
