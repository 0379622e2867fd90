"""What a privilege is called, which tables have which, and what the platform's own roles hold.

A privilege is named after its table, with exceptions: a sales order is an Order, a user a User, and
price lists, price list items, units and unit groups go by the privileges of products.
"""

from collections.abc import Mapping
from typing import Any

from local.simulators.dataverse.messages import metadata_id

CREATE, READ, WRITE, DELETE = "Create", "Read", "Write", "Delete"
APPEND, APPEND_TO, ASSIGN, SHARE = "Append", "AppendTo", "Assign", "Share"
OF_RECORDS = (CREATE, READ, WRITE, DELETE, APPEND, APPEND_TO)
OF_OWNED_RECORDS = (*OF_RECORDS, ASSIGN, SHARE)

GLOBAL = "Global"
DEPTHS = ("Basic", "Local", "Deep", GLOBAL)
"""How far a privilege reaches; ``Global`` is the whole organization."""

SYSTEM_ADMINISTRATOR = "627090ff-40a3-4053-8790-584edc5be201"
SYSTEM_CUSTOMIZER = "119f245c-3cc8-4b62-b31c-d1a046ced15d"
"""The templates of the platform's own roles."""

INTEGRATION_ROLES = {
    "Coupler Integration User": "7d1c36a9-52f4-4f0e-9d0b-3a5b8c1e6f01",
    "Coupler Integration Administrator": "7d1c36a9-52f4-4f0e-9d0b-3a5b8c1e6f02",
}
"""The roles that an organization of the simulator has from the start, with their ids."""

IMPORT_CUSTOMIZATION = "prvImportCustomization"
WRITE_ENTITY = "prvWriteEntity"
ASSIGN_ROLE = "prvAssignRole"

_SUFFIXES = {
    "account": "Account",
    "asyncoperation": "AsyncOperation",
    "businessunit": "BusinessUnit",
    "contact": "Contact",
    "importjob": "ImportJob",
    "organization": "Organization",
    "pricelevel": "Product",
    "product": "Product",
    "productpricelevel": "Product",
    "publisher": "Publisher",
    "role": "Role",
    "salesorder": "Order",
    "salesorderdetail": "Order",
    "sdkmessage": "SdkMessage",
    "sdkmessagefilter": "SdkMessage",
    "sdkmessageprocessingstep": "SdkMessageProcessingStep",
    "serviceendpoint": "ServiceEndpoint",
    "solution": "Solution",
    "systemuser": "User",
    "team": "Team",
    "transactioncurrency": "TransactionCurrency",
    "uom": "Product",
    "uomschedule": "Product",
}
_OWNED = {"account", "contact", "salesorder", "salesorderdetail"}
_FEWER = {"organization": (READ, WRITE), "sdkmessage": (READ,), "sdkmessagefilter": (READ,)}
"""Tables without privileges for the other kinds of access: those need none."""
TYPE_CODES = {
    "account": 1,
    "asyncoperation": 4700,
    "businessunit": 10,
    "contact": 2,
    "importjob": 9107,
    "organization": 1019,
    "pricelevel": 1022,
    "product": 1024,
    "productpricelevel": 1026,
    "publisher": 7101,
    "role": 1036,
    "salesorder": 1088,
    "salesorderdetail": 1089,
    "sdkmessage": 4606,
    "sdkmessagefilter": 4607,
    "sdkmessageprocessingstep": 4608,
    "serviceendpoint": 4618,
    "solution": 7100,
    "systemuser": 8,
    "team": 9,
    "transactioncurrency": 9105,
    "uom": 1055,
    "uomschedule": 1056,
}

NAMES: Mapping[str, Mapping[str, str]] = {
    table: {
        access: f"prv{access}{suffix}"
        for access in _FEWER.get(table, OF_OWNED_RECORDS if table in _OWNED else OF_RECORDS)
    }
    for table, suffix in _SUFFIXES.items()
}
"""The privilege's name by table and kind of access."""

_METADATA = tuple(
    f"prv{access}{kind}"
    for access in (CREATE, READ, WRITE, DELETE)
    for kind in ("Entity", "Attribute", "Relationship", "OptionSet")
)
_OTHER_TABLES = tuple(
    f"prv{access}{suffix}"
    for suffix in ("Invoice", "Opportunity", "Quote")
    for access in OF_OWNED_RECORDS
)
_MISCELLANEOUS = (IMPORT_CUSTOMIZATION, "prvPublishCustomization", ASSIGN_ROLE, "prvDisableUser")

KNOWN = frozenset(
    [
        *(name for names in NAMES.values() for name in names.values()),
        *_METADATA,
        *_OTHER_TABLES,
        *_MISCELLANEOUS,
    ]
)
"""Every privilege that the organization has."""

_READ_BY_ALL = ("BusinessUnit", "Organization", "Role", "Solution", "SdkMessage", "User", "Team")


def _integration() -> frozenset[str]:
    records = {
        f"prv{access}{suffix}"
        for suffix in ("Account", "Contact", "Product", "TransactionCurrency", "Order")
        for access in (*OF_RECORDS, ASSIGN)
    }
    webhooks = {
        f"prv{access}{suffix}"
        for suffix in ("ServiceEndpoint", "SdkMessageProcessingStep")
        for access in OF_RECORDS
    }
    owners = {f"prv{APPEND_TO}{suffix}" for suffix in ("User", "Team", "BusinessUnit")}
    reading = {f"prv{READ}{suffix}" for suffix in _READ_BY_ALL}
    metadata = {name for name in _METADATA if name.startswith("prvRead")}
    granted = records | webhooks | owners | reading | metadata | {"prvReadAsyncOperation"}
    return KNOWN & granted


def _customizer() -> frozenset[str]:
    reading = {f"prv{READ}{suffix}" for suffix in (*_READ_BY_ALL, "AsyncOperation", "ImportJob")}
    solutions = {
        f"prv{access}{kind}" for access in OF_RECORDS for kind in ("Solution", "Publisher")
    }
    rest = {*_METADATA, IMPORT_CUSTOMIZATION, "prvPublishCustomization"}
    return KNOWN & (reading | solutions | rest)


OF_TEMPLATES: Mapping[str, frozenset[str]] = {
    SYSTEM_ADMINISTRATOR: KNOWN,
    SYSTEM_CUSTOMIZER: _customizer(),
}
OF_INTEGRATION = _integration()


def privilege_id(name: str) -> str:
    """The id of a privilege: always the same."""
    return metadata_id("privilege", name)


def privilege_metadata(table: str) -> list[dict[str, Any]]:
    """The privileges of a table as its definition tells them."""
    owned = table in _OWNED
    return [
        {
            "CanBeBasic": owned,
            "CanBeDeep": owned,
            "CanBeGlobal": True,
            "CanBeLocal": owned,
            "CanBeEntityReference": False,
            "CanBeParentEntityReference": False,
            "CanBeRecordFilter": False,
            "Name": name,
            "PrivilegeId": privilege_id(name),
            "PrivilegeType": access,
        }
        for access, name in NAMES[table].items()
    ]
