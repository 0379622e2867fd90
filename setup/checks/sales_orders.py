"""Step ``sales-orders``: somebody in CRM can handle orders, and Business Central takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.business_central_administration import Probe
from services.dataverse_administration import Organization, TableDefinition, User
from setup.checks.business_central import entity_set_finding
from setup.checks.findings import Trouble, failed, failed_by, not_checked, passed, warning
from setup.checks.synchronization_user import user_is_usable
from setup.checks.tables import privileges_finding
from setup.model import Finding
from setup.needs import Access, BcNeed, CrmNeed

OPTION = "sales-orders"
ORDER_USER = "order-user"
ORDER_TABLE = "order-table"
INTEGRATED = "orders-left-to-business-central"

_PURPOSE = ("sales orders",)
CRM_NEEDS = (
    CrmNeed(table="salesorder", access=(Access.READ, Access.WRITE), used_by=_PURPOSE),
    CrmNeed(table="salesorderdetail", access=(Access.READ, Access.WRITE), used_by=_PURPOSE),
)
BC_NEEDS = (
    # its lines can be read order by order only
    BcNeed(
        name="salesOrders",
        is_page=False,
        columns=("id", "number"),
        used_by=_PURPOSE,
        is_written=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesOrderFacts:
    address: str = ""
    """E-mail address of the user who handles orders; empty: the synchronization user."""
    user: User | Trouble | None = None
    privileges: frozenset[str] | Trouble = frozenset()
    tables: Mapping[str, TableDefinition | Trouble | None]
    orders: Mapping[str, Probe | Trouble]
    """What probing Business Central's entity sets shows, by name."""
    organization: Organization | Trouble


def not_chosen() -> list[Finding]:
    return [not_checked(OPTION, "", "Sales order integration is not chosen.")]


def check_sales_orders(facts: SalesOrderFacts) -> list[Finding]:
    return [
        *_user(facts),
        *(entity_set_finding(need, facts.orders[need.name]) for need in BC_NEEDS),
        _integrated(facts.organization),
    ]


def _user(facts: SalesOrderFacts) -> list[Finding]:
    subject = facts.address or "the synchronization user"
    if isinstance(facts.user, Trouble):
        return [failed_by(ORDER_USER, subject, facts.user)]
    if facts.user is None:
        return [
            failed(
                ORDER_USER,
                subject,
                f"No user of the organization has the e-mail address {subject}.",
                "Correct options.sales_order_user, or leave it out to have the synchronization "
                "user handle orders.",
            )
        ]
    name = facts.user.name or subject
    found = [passed(ORDER_USER, subject, f"{name} handles the orders.")]
    if facts.address:
        found += user_is_usable(facts.user, name)
    if isinstance(facts.privileges, Trouble):
        return [*found, failed_by(ORDER_USER, subject, facts.privileges)]
    return [*found, *(_table(need, facts, facts.privileges, name) for need in CRM_NEEDS)]


def _table(need: CrmNeed, facts: SalesOrderFacts, held: frozenset[str], name: str) -> Finding:
    table = facts.tables[need.table]
    if isinstance(table, Trouble):
        return failed_by(ORDER_TABLE, need.table, table)
    if table is None:
        return failed(
            ORDER_TABLE,
            need.table,
            f"The organization has no table {need.table}.",
            "Install Dynamics 365 Sales in this environment.",
        )
    return privileges_finding(need, table, held, "needed for sales orders", whose=name)


def _integrated(organization: Organization | Trouble) -> Finding:
    subject = "issopintegrationenabled"
    if isinstance(organization, Trouble):
        return failed_by(INTEGRATED, subject, organization)
    if not organization.orders_are_integrated:
        return warning(
            INTEGRATED,
            subject,
            "Dynamics 365 Sales still offers its own commands to fulfil and to invoice orders.",
            "Import the CRM solution here, which switches them off, or set the organization's "
            "column issopintegrationenabled to true.",
        )
    return passed(INTEGRATED, subject, "Fulfilling and invoicing are left to Business Central.")
