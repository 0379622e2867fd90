"""Each single thing that can be wrong is made wrong once, and the guide names it and nothing else.

Every case looks at the step that is to name it, through the local host, in a world in which all
else is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.identities import ADMINISTRATOR, SERVICE, SERVICE_SECRET_NAME, TENANT
from solution.write_source import files
from tests.integration.full_sync.installation import BC, CRM
from tests.integration.setup.guided import (
    ALL_OPTIONS,
    ROLES,
    Guided,
    failures,
    findings,
    told,
)
from tests.unit.setup.solution.packages import zipped

TEAM = "00000000-0000-4000-8000-0000000000fe"
STRANGER = "00000000-0000-4000-8000-0000000000ff"


@dataclass(frozen=True)
class Wrong:
    """One thing made wrong, and what is to be said about it."""

    step: str
    check: str
    subject: str
    make: Callable[[Guided], None] = lambda guided: None
    members: Callable[[Guided], dict[str, Any]] = lambda guided: {}
    """Members of the connection's document in place of the right ones."""
    hint: str = ""
    """Words that must be among what to do."""
    result: str = "failed"
    also: tuple[tuple[str, str], ...] = ()
    """Further findings of the step that follow from it."""
    options: dict[str, Any] = field(default_factory=lambda: ALL_OPTIONS)

    def __str__(self) -> str:
        return f"{self.step} {self.check} {self.subject}"[:70]


def user(**changes: Any) -> Callable[[Guided], None]:
    return lambda guided: guided.demand(CRM, "user", {"user": SERVICE.client_id} | changes)


def demand(side: str, name: str, **values: Any) -> Callable[[Guided], None]:
    return lambda guided: guided.demand(side, name, values)


def credentials(**changes: Any) -> Callable[[Guided], dict[str, Any]]:
    good = {
        "tenant_id": TENANT,
        "client_id": SERVICE.client_id,
        "client_secret_name": SERVICE_SECRET_NAME,
    }
    return lambda guided: {"credentials": good | changes}


def company_named(name: str) -> Callable[[Guided], dict[str, Any]]:
    def members(guided: Guided) -> dict[str, Any]:
        side = guided.installation.document(guided.data.company)["business_central"]
        return {"business_central": side | {"company": name}}

    return members


def in_environment_of(tenant: str) -> Callable[[Guided], dict[str, Any]]:
    def members(guided: Guided) -> dict[str, Any]:
        side = guided.installation.document(guided.data.company)["business_central"]
        return {"business_central": side | {"url": side["url"].replace(TENANT, tenant)}}

    return members


def wrong_secret(guided: Guided) -> None:
    guided.store_secret("wrong", "not-the-secret")


def local_currency(code: str) -> Callable[[Guided], None]:
    """Have the company's local currency be that one, as its accountant does."""

    def make(guided: Guided) -> None:
        [row] = guided.installation.dump(BC, "companyInformation")
        changed = {"id": row["id"], "currencyCode": code}
        guided.demand(BC, "edit", {"companyInformation": [changed]})

    return make


def counting_in_euros(guided: Guided) -> None:
    """Have CRM's base currency be the euro, which Business Central has a rate of."""
    guided.begin_anew(base_currency="EUR")


def euros_without_rate(guided: Guided) -> None:
    counting_in_euros(guided)
    rates = guided.installation.dump(BC, "currencyExchangeRates")
    of_euro = [row["id"] for row in rates if row["currencyCode"] == "EUR"]
    guided.demand(BC, "delete", {"currencyExchangeRates": of_euro})


def euros_unknown(guided: Guided) -> None:
    euros_without_rate(guided)
    [euro] = [
        row["id"] for row in guided.installation.dump(BC, "currencies") if row["code"] == "EUR"
    ]
    guided.demand(BC, "delete", {"currencies": [euro]})


def team_without_roles(guided: Guided) -> None:
    unit = guided.installation.dump(CRM, "businessunits")[0]["businessunitid"]
    team = {"teamid": TEAM, "name": "Coupled", "_businessunitid_value": unit}
    team["teamroles_association"] = []
    guided.demand(CRM, "seed", {"teams": [team]})


def without_solution(guided: Guided) -> None:
    guided.demand(CRM, "solution", {"remove": "Coupler"})
    user(roles=["System Customizer"])(guided)


def solution_with(name: str, before: str, after: str) -> Callable[[Guided], None]:
    """Have CRM hold a package with a text of one of its files replaced."""

    def make(guided: Guided) -> None:
        guided.demand(CRM, "solution", {"remove": "Coupler"})
        text = files()[name]
        assert before in text
        guided.installation.world.install_solution(zipped({name: text.replace(before, after, 1)}))
        guided.demand(CRM, "user", {"user": SERVICE.client_id, "roles": ROLES})

    return make


COLUMN_OF_ACCOUNTS = re.findall(
    r"            <attribute .*?</attribute>\n", files()["customizations.xml"], re.DOTALL
)[0]
API_SETS = (
    "salespeoplePurchasers",
    "currencies",
    "companyInformation",
    "currencyExchangeRates",
    "unitsOfMeasure",
    "customers",
    "contacts",
    "items",
    "itemLedgerEntries",
)
PAGES = {"Resources": 77, "CustomerPriceGroups": 7, "SalesPrices": 7002}
PRIVILEGES = (
    ("account", "read"),
    ("account", "create"),
    ("account", "write"),
    ("account", "append"),
    ("account", "appendto"),
    ("account", "assign"),
    ("contact", "create"),
    ("contact", "write"),
    ("transactioncurrency", "write"),
    ("systemuser", "appendto"),
)
PRIVILEGE_NAMES = {
    "account": "Account",
    "contact": "Contact",
    "transactioncurrency": "TransactionCurrency",
    "systemuser": "User",
}
KINDS = {"appendto": "AppendTo"}
TRACKED = ("account", "contact", "product", "pricelevel", "productpricelevel", "uomschedule")

WRONGS = [
    Wrong(
        "addresses",
        "tenant",
        TENANT,
        members=in_environment_of(STRANGER),
        hint="an environment takes applications of its own tenant",
    ),
    Wrong(
        "tokens",
        "client-secret",
        f"{TENANT}--nowhere",
        members=credentials(client_secret_name=f"{TENANT}--nowhere"),
        hint="Store the credential under that name",
    ),
    Wrong(
        "tokens",
        "crm-token",
        "Dynamics 365 Sales",
        make=wrong_secret,
        members=credentials(client_secret_name=f"{TENANT}--wrong"),
        hint="store the secret's value, not its id",
        also=(("business-central-token", "Business Central"),),
    ),
    Wrong(
        "tokens",
        "crm-token",
        "Dynamics 365 Sales",
        members=credentials(client_id=STRANGER),
        hint="check the client id",
        also=(("business-central-token", "Business Central"),),
    ),
    Wrong(
        "crm",
        "administration-mode",
        "",
        make=demand(CRM, "organization", administration_mode=True),
        hint="Switch administration mode off",
    ),
    Wrong(
        "crm",
        "crm-version",
        "9.1.0.643",
        make=demand(CRM, "organization", version="9.1.0.643"),
        hint="version 9.2",
    ),
    Wrong(
        "crm",
        "crm-reachable",
        "",
        make=lambda guided: guided.installation.plan_fault(CRM, "status", status=502),
        hint="tried again",
    ),
    Wrong(
        "business-central",
        "company-found",
        "Nowhere Ltd.",
        members=company_named("Nowhere Ltd."),
        hint="Fabrikam Interiors",
    ),
    Wrong(
        "business-central",
        "business-central-reachable",
        "",
        make=lambda guided: guided.installation.plan_fault(BC, "status", status=503),
        hint="tried again",
    ),
    *(
        Wrong(
            "business-central",
            "entity-set-readable",
            name,
            make=demand(BC, "permissions", set=name, read=False),
            hint="permission set",
        )
        for name in API_SETS
    ),
    *(
        Wrong(
            "business-central",
            "web-service-published",
            name,
            make=demand(BC, "web-service", service=name, published=False),
            hint=f"object id {number} ",
        )
        for name, number in PAGES.items()
    ),
    Wrong(
        "business-central",
        "web-service-published",
        "Resources",
        make=demand(BC, "permissions", set="Resources", read=False),
        hint="Execute for the page",
    ),
    Wrong(
        "synchronization-user",
        "user-exists",
        SERVICE.client_id,
        make=user(remove=True),
        hint="New app user",
    ),
    Wrong(
        "synchronization-user",
        "user-enabled",
        "",
        make=user(isdisabled=True),
        hint="Activate",
    ),
    Wrong(
        "synchronization-user",
        "user-has-roles",
        "",
        make=user(roles=[]),
        hint="Import the CRM solution here",
    ),
    Wrong(
        "synchronization-user",
        "user-not-system-administrator",
        "# Coupler",
        make=user(roles=[*ROLES, "System Administrator"]),
        hint="Take that role from the user",
    ),
    *(
        Wrong(
            "synchronization-user",
            "user-integration-roles",
            "# Coupler",
            make=user(roles=[ROLES[1 - at], "System Customizer"]),
            hint="Import the CRM solution here",
        )
        for at in (0, 1)
    ),
    Wrong(
        "solution",
        "solution-installed",
        "Coupler",
        make=without_solution,
        hint="Import the CRM solution here",
        also=(
            ("solution-roles", ", ".join(ROLES)),
            *(
                ("company-column", table)
                for table in ("account", "contact", "pricelevel", "product", "salesorder")
            ),
        ),
    ),
    Wrong(
        "solution",
        "solution-version",
        "0.9.0.0",
        make=solution_with("solution.xml", "<Version>1.0.0.0<", "<Version>0.9.0.0<"),
        hint="Import the present package",
    ),
    Wrong(
        "solution",
        "company-column",
        "account",
        make=solution_with("customizations.xml", COLUMN_OF_ACCOUNTS, ""),
        hint="Import the CRM solution here",
    ),
    Wrong(
        "currencies",
        "local-currency",
        "LCY Code",
        make=local_currency(""),
        hint="General Ledger Setup",
    ),
    Wrong(
        "currencies",
        "local-currency-in-crm",
        "SEK",
        make=local_currency("SEK"),
        hint="Add the currency SEK",
        also=(("base-currency", "GBP"),),
    ),
    Wrong("currencies", "base-currency", "EUR", make=euros_without_rate, hint="Enter a rate"),
    Wrong("currencies", "base-currency", "EUR", make=euros_unknown, hint="Add the currency EUR"),
    Wrong(
        "currencies",
        "base-currency",
        "EUR",
        make=counting_in_euros,
        result="passed",
        also=(("local-currency", "GBP"), ("local-currency-in-crm", "GBP")),
    ),
    *(
        Wrong(
            "tables",
            "privileges",
            table,
            make=demand(CRM, "privileges", table=table, **{kind: False}),
            hint="Coupler Integration User",
        )
        for table, kind in PRIVILEGES
    ),
    *(
        Wrong(
            "tables",
            "change-tracking",
            table,
            make=demand(CRM, "change-tracking", table=table, enabled=False),
            hint="Track changes",
            result="warning",
        )
        for table in TRACKED
    ),
    Wrong(
        "tables",
        "owning-team",
        STRANGER,
        options={"ownership": "team", "team_id": STRANGER},
        hint="options.team_id",
    ),
    Wrong(
        "tables",
        "owning-team",
        "Coupled",
        make=team_without_roles,
        options={"ownership": "team", "team_id": TEAM},
        hint="Give the team a role",
    ),
    Wrong(
        "item-availability",
        "stock-readable",
        "items",
        make=demand(BC, "permissions", set="items", read=False),
        hint="27 Item",
    ),
    Wrong(
        "item-availability",
        "stock-readable",
        "itemLedgerEntries",
        make=demand(BC, "permissions", set="itemLedgerEntries", read=False),
        hint="32 Item Ledger Entry",
    ),
    Wrong(
        "sales-orders",
        "order-user",
        "nobody@fabrikam.example",
        options=ALL_OPTIONS | {"sales_order_user": "nobody@fabrikam.example"},
        hint="options.sales_order_user",
    ),
    Wrong(
        "sales-orders",
        "user-enabled",
        ADMINISTRATOR.name,
        make=demand(CRM, "user", user=ADMINISTRATOR.sign_in_name, isdisabled=True, islicensed=True),
        options=ALL_OPTIONS | {"sales_order_user": ADMINISTRATOR.sign_in_name},
        hint="Activate",
    ),
    Wrong(
        "sales-orders",
        "user-licensed",
        ADMINISTRATOR.name,
        make=demand(CRM, "user", user=ADMINISTRATOR.sign_in_name, islicensed=False),
        options=ALL_OPTIONS | {"sales_order_user": ADMINISTRATOR.sign_in_name},
        hint="licence",
    ),
    Wrong(
        "sales-orders",
        "entity-set-readable",
        "salesOrders",
        make=demand(BC, "permissions", set="salesOrders", read=False),
        hint="36 Sales Header",
    ),
    Wrong(
        "sales-orders",
        "privileges",
        "salesorder",
        make=demand(CRM, "privileges", table="salesorder", write=False),
        hint="role",
        also=(("privileges", "salesorderdetail"),),
    ),
    Wrong(
        "sales-orders",
        "orders-left-to-business-central",
        "issopintegrationenabled",
        result="warning",
        hint="issopintegrationenabled",
    ),
    Wrong(
        "webhooks",
        "webhooks-registered",
        "",
        result="warning",
        hint="PUT /api/connections/",
    ),
    Wrong(
        "webhooks",
        "webhook-privileges",
        "serviceendpoint",
        make=demand(CRM, "privileges", table="serviceendpoint", create=False),
        result="warning",
        hint="Coupler Integration Administrator",
        also=(("webhooks-registered", ""),),
    ),
]


@pytest.mark.parametrize("wrong", WRONGS, ids=str)
def test_the_guide_names_it(guided: Guided, wrong: Wrong):
    guided.begin_anew()
    wrong.make(guided)
    connection = guided.connect(**{"options": wrong.options} | wrong.members(guided))
    step = guided.look(connection, wrong.step)
    found = {(check, subject) for (_, check, subject) in findings(step, wrong.result)}
    named = {(check, subject) for check, subject in found if check == wrong.check}
    if not wrong.subject:  # a generated address or id
        assert len(named) == 1
        wanted = named | set(wrong.also)
        subject = next(iter(named))[1]
    else:
        wanted, subject = {(wrong.check, wrong.subject), *wrong.also}, wrong.subject
    assert found == wanted
    if wrong.result == "warning":
        assert failures(step) == []
    finding = told(step, wrong.step, wrong.check, subject)
    assert wrong.hint in finding["hint"]
    assert finding["message"]
