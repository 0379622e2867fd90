from __future__ import annotations

from dataclasses import replace

import pytest

from setup.checks.addresses import AddressFacts, check_addresses
from tests.unit.setup.checks.telling import failures, only_passed, the

TENANT = "44444444-4444-4444-8444-444444444444"
OTHER = "55555555-5555-4555-8555-555555555555"
GOOD = AddressFacts(
    business_central_url=f"https://api.businesscentral.dynamics.com/v2.0/{TENANT}/Production",
    crm_url="https://cronus.crm.dynamics.com",
    tenant_id=TENANT,
    allowed_hosts=("api.businesscentral.dynamics.com", "*.dynamics.com"),
)


def test_good_addresses_pass():
    assert only_passed(check_addresses(GOOD))


def test_an_address_without_a_tenant_passes():
    url = "https://api.businesscentral.dynamics.com/v2.0/Production"
    assert only_passed(check_addresses(replace(GOOD, business_central_url=url)))


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"crm_url": "http://cronus.crm.dynamics.com"}, "crm-address"),
        ({"crm_url": "https://cronus.example"}, "crm-address"),
        ({"business_central_url": "https://10.0.0.1/BC"}, "business-central-address"),
        ({"tenant_id": "contoso"}, "tenant"),
        ({"tenant_id": OTHER}, "tenant"),
    ],
)
def test_each_wrong_part_is_named_alone(changes, check):
    findings = check_addresses(replace(GOOD, **changes))
    assert [name for name, _ in failures(findings)] == [check]
    assert len(findings) == 3


def test_both_tenants_are_told_where_they_differ():
    finding = the(check_addresses(replace(GOOD, tenant_id=OTHER)), "tenant")
    assert TENANT in finding.message
    assert OTHER in finding.message


def test_every_wrong_address_is_told_at_once():
    wrong = replace(GOOD, crm_url="https://a.example", business_central_url="https://b.example")
    assert len(failures(check_addresses(wrong))) == 2
