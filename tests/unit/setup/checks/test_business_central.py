from __future__ import annotations

from dataclasses import replace

import pytest

from services.business_central_administration import Probe, Readability
from setup.checks.business_central import (
    PAGES,
    TABLES,
    BusinessCentralFacts,
    check_business_central,
)
from setup.checks.findings import Trouble
from setup.model import Result
from setup.needs import bc_needs
from sync.mappings import MAPPINGS
from tests.unit.setup.checks.telling import TROUBLE, failures, only_passed, the

NEEDS = tuple(bc_needs(MAPPINGS.values()))
READABLE = Probe(readability=Readability.READABLE)
FORBIDDEN = Probe(readability=Readability.FORBIDDEN, account="no")
ABSENT = Probe(readability=Readability.ABSENT, account="no")
PUBLISHED_NAMES = frozenset(each.name for each in NEEDS if each.is_page)
GOOD = BusinessCentralFacts(
    url="https://bc",
    wanted_company="CRONUS",
    companies=("My Company", "CRONUS"),
    needs=NEEDS,
    published=PUBLISHED_NAMES,
    probes={(each.name, each.is_page): READABLE for each in NEEDS},
)
SETS = [each for each in NEEDS if not each.is_page]
PUBLISHED = [each for each in NEEDS if each.is_page]


def with_probe(name: str, probe: Probe | Trouble, *, is_page: bool) -> BusinessCentralFacts:
    return replace(GOOD, probes={**GOOD.probes, (name, is_page): probe})


def test_a_company_with_everything_passes():
    assert only_passed(check_business_central(GOOD))


def test_a_company_that_is_not_there_is_told_with_those_that_are():
    missing = replace(GOOD, wanted_company="Cronus", probes={})
    findings = check_business_central(missing)
    assert failures(findings) == [("company-found", "Cronus")]
    assert '"CRONUS"' in the(findings, "company-found").hint
    assert {each.result for each in findings if each.check == "entity-set-readable"} == {
        Result.NOT_CHECKED
    }


def test_a_service_that_does_not_answer_is_all_that_is_told():
    findings = check_business_central(replace(GOOD, companies=TROUBLE))
    assert failures(findings) == [("business-central-reachable", "https://bc")]


@pytest.mark.parametrize("need", PUBLISHED, ids=lambda each: each.name)
def test_each_page_that_is_not_published_is_named_with_how_to_publish_it(need):
    spoiled = with_probe(need.name, ABSENT, is_page=True)
    findings = check_business_central(replace(spoiled, published=PUBLISHED_NAMES - {need.name}))
    assert failures(findings) == [("web-service-published", need.name)]
    hint = the(findings, "web-service-published", need.name).hint
    assert f"object id {PAGES[need.name].number} " in hint
    assert f"service name {need.name}" in hint
    assert "Web Services" in hint


def test_all_pages_that_are_not_published_are_named_at_once():
    findings = check_business_central(replace(GOOD, published=frozenset()))
    assert [subject for _, subject in failures(findings)] == [each.name for each in PUBLISHED]


@pytest.mark.parametrize("need", SETS, ids=lambda each: each.name)
def test_each_entity_set_that_may_not_be_read_is_named_with_its_table(need):
    findings = check_business_central(with_probe(need.name, FORBIDDEN, is_page=False))
    assert failures(findings) == [("entity-set-readable", need.name)]
    finding = the(findings, "entity-set-readable", need.name)
    assert TABLES[need.name] in finding.hint
    assert need.used_by[0] in finding.message
    assert ("Modify" in finding.hint) is need.is_written


def test_a_page_that_may_not_be_read_is_named_with_its_table():
    findings = check_business_central(with_probe("Resources", FORBIDDEN, is_page=True))
    assert failures(findings) == [("web-service-published", "Resources")]
    assert "156 Resource" in the(findings, "web-service-published", "Resources").hint


def test_an_entity_set_that_an_older_version_lacks_is_named():
    findings = check_business_central(with_probe("salespeoplePurchasers", ABSENT, is_page=False))
    assert failures(findings) == [("entity-set-readable", "salespeoplePurchasers")]


@pytest.mark.parametrize(("name", "is_page"), [("items", False), ("Resources", True)])
def test_missing_columns_are_all_named(name, is_page):
    probe = Probe(readability=Readability.COLUMNS_MISSING, missing=("SystemId", "Name"))
    findings = check_business_central(with_probe(name, probe, is_page=is_page))
    [(_, subject)] = failures(findings)
    assert subject == name
    [finding] = [each for each in findings if each.result is Result.FAILED]
    assert "SystemId and Name" in finding.message


def test_troubles_with_one_table_leave_the_others_looked_at():
    findings = check_business_central(with_probe("customers", TROUBLE, is_page=False))
    assert failures(findings) == [("entity-set-readable", "customers")]
    assert len(findings) == len(NEEDS) + 2


def test_every_entity_set_of_the_default_mappings_has_its_table_named():
    assert {each.name for each in SETS} <= set(TABLES)
    assert {each.name for each in PUBLISHED} <= set(PAGES)
