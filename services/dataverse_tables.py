"""The Dataverse tables that Coupler knows: their names, keys and which bulk messages they have.

Data, tested against the published table definitions where those are at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Table:
    """One table, found by the name of its entity set."""

    logical_name: str
    key: str
    """The primary key column."""


TABLES = {
    "accounts": Table("account", "accountid"),
    "businessunits": Table("businessunit", "businessunitid"),
    "contacts": Table("contact", "contactid"),
    "invoicedetails": Table("invoicedetail", "invoicedetailid"),
    "invoices": Table("invoice", "invoiceid"),
    "opportunities": Table("opportunity", "opportunityid"),
    "organizations": Table("organization", "organizationid"),
    "pricelevels": Table("pricelevel", "pricelevelid"),
    "productpricelevels": Table("productpricelevel", "productpricelevelid"),
    "products": Table("product", "productid"),
    "roles": Table("role", "roleid"),
    "salesorderdetails": Table("salesorderdetail", "salesorderdetailid"),
    "salesorders": Table("salesorder", "salesorderid"),
    "systemusers": Table("systemuser", "systemuserid"),
    "transactioncurrencies": Table("transactioncurrency", "transactioncurrencyid"),
    "uoms": Table("uom", "uomid"),
    "uomschedules": Table("uomschedule", "uomscheduleid"),
}

MULTIPLE_TABLES = frozenset(
    {
        "accounts",
        "contacts",
        "invoicedetails",
        "pricelevels",
        "products",
        "salesorderdetails",
        "salesorders",
        "uomschedules",
    }
)
"""Tables whose reference page lists the message CreateMultiple. Price list items, units,
currencies and users do not have it. What an organization lacks all the same is found out by asking
it once."""


def table(entity_set: str, known: Mapping[str, Table] = TABLES) -> Table:
    """The table of that entity set; ``ConfigurationError`` for one that is not ``known``."""
    found = known.get(entity_set)
    if found is None:
        raise ConfigurationError(
            "table-unknown",
            f"{entity_set} is not a Dataverse table that Coupler works with.",
            hint="Check the table mapping's name of the table: it is the entity set's, in the "
            "plural.",
        )
    return found
