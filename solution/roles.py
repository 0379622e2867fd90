"""The privileges of Coupler's two security roles, from which ``customizations.xml`` is checked.

Data. CRM names a privilege after its table, with exceptions: a sales order is an Order, a user a
User, and price lists, price list items, units and unit groups go by the privileges of products
("Product entity privileges", Dynamics 365 developer's guide).
"""

from __future__ import annotations

INTEGRATION_USER = "Coupler Integration User"
INTEGRATION_ADMINISTRATOR = "Coupler Integration Administrator"

_RECORDS = ("Create", "Read", "Write", "Delete", "Append", "AppendTo")

PRIVILEGES: dict[str, tuple[str, ...]] = {
    # what is synchronized
    INTEGRATION_USER: (
        *(f"prv{each}Account" for each in (*_RECORDS, "Assign")),
        *(f"prv{each}Contact" for each in (*_RECORDS, "Assign")),
        *(f"prv{each}Product" for each in _RECORDS),
        *(f"prv{each}TransactionCurrency" for each in _RECORDS),
        *(f"prv{each}Order" for each in (*_RECORDS, "Assign")),
        *(f"prv{each}Invoice" for each in (*_RECORDS, "Assign")),
        *(f"prv{each}Opportunity" for each in ("Read", "Write", "Append", "AppendTo")),
        "prvReadUser",
        "prvAppendToUser",
        "prvReadTeam",
        "prvAppendToTeam",
        "prvReadBusinessUnit",
        "prvAppendToBusinessUnit",
        "prvReadOrganization",
    ),
    # what the setup guide looks at, and webhooks
    INTEGRATION_ADMINISTRATOR: (
        "prvReadRole",
        "prvReadUser",
        "prvReadTeam",
        "prvReadBusinessUnit",
        "prvReadOrganization",
        "prvReadSolution",
        "prvReadEntity",
        "prvReadAttribute",
        "prvReadRelationship",
        "prvReadOptionSet",
        "prvReadSdkMessage",
        *(f"prv{each}ServiceEndpoint" for each in ("Create", "Read", "Write", "Delete")),
        *(
            f"prv{each}SdkMessageProcessingStep"
            for each in ("Create", "Read", "Write", "Delete", "Append", "AppendTo")
        ),
        "prvAppendToServiceEndpoint",
    ),
}

ROLE_IDS = {
    INTEGRATION_USER: "7d1c36a9-52f4-4f0e-9d0b-3a5b8c1e6f01",
    INTEGRATION_ADMINISTRATOR: "7d1c36a9-52f4-4f0e-9d0b-3a5b8c1e6f02",
}

COMPANY_COLUMN = "coupler_companyid"
COMPANY_TABLES = ("Account", "Contact", "PriceLevel", "Product", "SalesOrder")
"""The tables with the company column, by their schema names in the order of CRM's own exports."""
