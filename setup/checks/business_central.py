"""Step ``business-central``: the company, and every entity set and page that a mapping needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.business_central_administration import Probe, Readability
from setup.checks.findings import Trouble, failed, failed_by, not_checked, passed
from setup.model import Finding
from setup.needs import BcNeed

BUSINESS_CENTRAL_REACHABLE = "business-central-reachable"
COMPANY_FOUND = "company-found"
WEB_SERVICE = "web-service-published"
ENTITY_SET = "entity-set-readable"

_COMPANIES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of Business Central that is to be published."""

    number: int
    title: str
    table: str


PAGES = {
    "CustomerPriceGroups": Page(
        number=7, title="Customer Price Groups", table="6 Customer Price Group"
    ),
    "ItemCard": Page(number=30, title="Item Card", table="27 Item"),
    "ItemUnitsOfMeasure": Page(
        number=5404, title="Item Units of Measure", table="5404 Item Unit of Measure"
    ),
    "Resources": Page(number=77, title="Resource List", table="156 Resource"),
    "SalesPrices": Page(number=7002, title="Sales Prices", table="7002 Sales Price"),
}
"""The pages that the default mappings use, by the names that their web services must have."""

TABLES = {
    "companyInformation": "79 Company Information",
    "contacts": "5050 Contact",
    "currencies": "4 Currency",
    "currencyExchangeRates": "330 Currency Exchange Rate",
    "customers": "18 Customer",
    "itemLedgerEntries": "32 Item Ledger Entry",
    "items": "27 Item",
    "salesOrders": "36 Sales Header and 37 Sales Line",
    "salespeoplePurchasers": "13 Salesperson/Purchaser",
    "unitsOfMeasure": "204 Unit of Measure",
}
"""The tables behind entity sets of API v2.0, as permission sets name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCentralFacts:
    url: str
    wanted_company: str
    companies: tuple[str, ...] | Trouble
    needs: tuple[BcNeed, ...]
    published: frozenset[str] | Trouble = frozenset()
    """Names of the published web services; asked for only where a page is needed."""
    probes: Mapping[tuple[str, bool], Probe | Trouble]
    """Of each need, by name and whether it is a page; empty where the company is not there."""


def check_business_central(facts: BusinessCentralFacts) -> list[Finding]:
    if isinstance(facts.companies, Trouble):
        return [failed_by(BUSINESS_CENTRAL_REACHABLE, facts.url, facts.companies)]
    reached = passed(BUSINESS_CENTRAL_REACHABLE, facts.url, "Business Central answers.")
    if facts.wanted_company not in facts.companies:
        company = _no_company(facts.wanted_company, facts.companies)
        return [reached, company, *(_waits(each) for each in facts.needs)]
    found = passed(COMPANY_FOUND, facts.wanted_company, "The company is there.")
    return [reached, found, *(_need(each, facts) for each in facts.needs)]


def entity_set_finding(
    need: BcNeed, probe: Probe | Trouble, *, check: str = ENTITY_SET, purpose: str = ""
) -> Finding:
    """What probing an entity set of API v2.0 says; ``purpose`` in place of the mappings' names."""
    used = purpose or _used_by(need)
    table = TABLES.get(need.name, "")
    if isinstance(probe, Trouble):
        return failed_by(check, need.name, probe)
    match probe.readability:
        case Readability.FORBIDDEN:
            kinds = "Read, Insert, Modify and Delete" if need.is_written else "Read"
            of_table = f"for table {table}" if table else f"for the table behind {need.name}"
            return failed(
                check,
                need.name,
                f"The application may not read {need.name} ({used}).",
                f"On the page Microsoft Entra Applications in Business Central give the "
                f"application a permission set with {kinds} {of_table}.",
            )
        case Readability.ABSENT:
            return failed(
                check,
                need.name,
                f"Business Central has no entity set {need.name} in API v2.0 ({used}).",
                "Update Business Central to a version that has it, or disable those table "
                "mappings.",
            )
        case Readability.COLUMNS_MISSING:
            return failed(
                check,
                need.name,
                f"{need.name} has no {_and(probe.missing)} ({used}).",
                "Update Business Central to a version that has it, or take it out of the table "
                "mapping.",
            )
        case Readability.READABLE:
            return passed(check, need.name, f"Can be read ({used}).")


def page_finding(need: BcNeed, probe: Probe | Trouble, *, is_published: bool) -> Finding:
    """What looking for a published page says."""
    page = PAGES.get(need.name)
    if not is_published:
        return failed(
            WEB_SERVICE,
            need.name,
            f"The web service {need.name} is not published ({_used_by(need)}).",
            _how_to_publish(need.name, page),
        )
    if isinstance(probe, Trouble):
        return failed_by(WEB_SERVICE, need.name, probe)
    match probe.readability:
        case Readability.FORBIDDEN:
            table = f"for table {page.table}" if page else "for the page's table"
            return failed(
                WEB_SERVICE,
                need.name,
                f"The application may not read the web service {need.name} ({_used_by(need)}).",
                "On the page Microsoft Entra Applications in Business Central give the "
                f"application a permission set with Read {table} and Execute for the page.",
            )
        case Readability.ABSENT:
            return failed(
                WEB_SERVICE,
                need.name,
                f"The web service {need.name} is listed and cannot be called ({_used_by(need)}).",
                _how_to_publish(need.name, page),
            )
        case Readability.COLUMNS_MISSING:
            return failed(
                WEB_SERVICE,
                need.name,
                f"The web service {need.name} does not show {_and(probe.missing)} "
                f"({_used_by(need)}).",
                _how_to_show(need.name, page, probe.missing),
            )
        case Readability.READABLE:
            return passed(WEB_SERVICE, need.name, f"Published and readable ({_used_by(need)}).")


def _need(need: BcNeed, facts: BusinessCentralFacts) -> Finding:
    probe = facts.probes[need.name, need.is_page]
    if not need.is_page:
        return entity_set_finding(need, probe)
    if isinstance(facts.published, Trouble):
        return failed_by(WEB_SERVICE, need.name, facts.published)
    return page_finding(need, probe, is_published=need.name in facts.published)


def _waits(need: BcNeed) -> Finding:
    check = WEB_SERVICE if need.is_page else ENTITY_SET
    return not_checked(check, need.name, "Waits for the company to be found.")


def _no_company(wanted: str, companies: tuple[str, ...]) -> Finding:
    shown = ", ".join(f'"{name}"' for name in companies[:_COMPANIES_SHOWN]) or "none"
    more = len(companies) - _COMPANIES_SHOWN
    return failed(
        COMPANY_FOUND,
        wanted,
        f'The environment has no company "{wanted}".',
        f"Companies that are there: {shown}{f' and {more} more' if more > 0 else ''}. Correct the "
        "connection's company; its name is written as in Business Central, capital letters and "
        "blanks included.",
    )


def _how_to_publish(name: str, page: Page | None) -> str:
    if page is None:
        return (
            "In Business Central open the page Web Services, add a line with object type Page, "
            f"the page's number as object id and the service name {name}, and tick Published."
        )
    return (
        "In Business Central open the page Web Services, add a line with object type Page, object "
        f"id {page.number} ({page.title}) and service name {name}, and tick Published."
    )


def _how_to_show(name: str, page: Page | None, missing: tuple[str, ...]) -> str:
    title = f"page {page.number} ({page.title})" if page else f"the page behind {name}"
    return (
        f"Add {_and(missing)} to {title} by a page extension: only what a page shows is published."
    )


def _used_by(need: BcNeed) -> str:
    return f"needed by {', '.join(need.used_by)}"


def _and(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
