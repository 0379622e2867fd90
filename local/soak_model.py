"""What users do to the two systems in a soak, and which fields both systems share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BC, CRM = "business_central", "crm"
SIDES = (BC, CRM)
OTHER = {BC: CRM, CRM: BC}

type Record = dict[str, Any]


SETS: Mapping[str, Mapping[str, str]] = {
    BC: {
        "customers": "id",
        "contacts": "id",
        "items": "id",
        "salespeoplePurchasers": "id",
        "currencies": "id",
        "unitsOfMeasure": "id",
        "resources": "SystemId",
        "customerPriceGroups": "SystemId",
        "salesPrices": "SystemId",
    },
    CRM: {
        "accounts": "accountid",
        "contacts": "contactid",
        "products": "productid",
        "systemusers": "systemuserid",
        "transactioncurrencies": "transactioncurrencyid",
        "uomschedules": "uomscheduleid",
        "uoms": "uomid",
        "pricelevels": "pricelevelid",
        "productpricelevels": "productpricelevelid",
    },
}
"""What a synchronization may write: entity sets by side, with the column of their ids."""


class Kind(StrEnum):
    """How a field's values look."""

    TEXT = "text"
    CODE = "code"  # Business Central keeps it in upper case
    PHONE = "phone"  # Business Central refuses letters in it
    PERSON = "person"  # CRM composes it of two columns
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedField:
    """A field that is the same on both sides, in whichever words each side calls it."""

    bc: str
    crm: str
    kind: Kind = Kind.TEXT
    both_ways: bool = True
    """Else it is edited in Business Central alone."""

    def column(self, side: str) -> str:
        return self.bc if side == BC else self.crm


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTable:
    """A table that both sides have, and how its records are known again on the other side."""

    mapping: str
    bc_set: str
    crm_set: str
    crm_id: str
    identity: SharedField
    """Never edited, and different for every record."""
    fields: tuple[SharedField, ...]
    numbers: tuple[tuple[str, str], ...]
    """Columns (side, name) in which no two records may have the same."""

    def entity_set(self, side: str) -> str:
        return self.bc_set if side == BC else self.crm_set

    def id_of(self, side: str, record: Record) -> str:
        return str(record["id" if side == BC else self.crm_id])

    def takes_part(self, side: str, record: Record) -> bool:
        """Whether a record is one of those that are kept in step."""
        if not record.get(self.identity.column(side)):
            return False
        if self.mapping == "CONTACT" and side == BC:
            return bool(record["type"] == "Person")
        if self.mapping == "ITEM-PRODUCT" and side == CRM:
            return record.get("producttypecode") == _SALES_INVENTORY
        return True

    def field(self, name: str) -> SharedField:
        """The field of that name in Business Central."""
        return next(field for field in self.fields if field.bc == name)


_SALES_INVENTORY = 1
_ADDRESS = (
    SharedField(bc="addressLine1", crm="address1_line1"),
    SharedField(bc="city", crm="address1_city"),
    SharedField(bc="state", crm="address1_stateorprovince"),
    SharedField(bc="postalCode", crm="address1_postalcode", kind=Kind.CODE),
    SharedField(bc="phoneNumber", crm="telephone1", kind=Kind.PHONE),
)
_EMAIL = SharedField(bc="email", crm="emailaddress1")

TABLES = (
    SharedTable(
        mapping="CUSTOMER",
        bc_set="customers",
        crm_set="accounts",
        crm_id="accountid",
        identity=_EMAIL,
        fields=(
            SharedField(bc="displayName", crm="name"),
            *_ADDRESS,
            SharedField(bc="creditLimit", crm="creditlimit", kind=Kind.AMOUNT, both_ways=False),
        ),
        numbers=((BC, "number"), (CRM, "accountnumber")),
    ),
    SharedTable(
        mapping="CONTACT",
        bc_set="contacts",
        crm_set="contacts",
        crm_id="contactid",
        identity=_EMAIL,
        fields=(
            SharedField(bc="displayName", crm="fullname", kind=Kind.PERSON),
            SharedField(bc="jobTitle", crm="jobtitle"),
            *_ADDRESS,
        ),
        numbers=((BC, "number"),),
    ),
    SharedTable(
        mapping="ITEM-PRODUCT",
        bc_set="items",
        crm_set="products",
        crm_id="productid",
        identity=SharedField(bc="number", crm="productnumber"),
        fields=(
            SharedField(bc="displayName", crm="name"),
            SharedField(bc="unitPrice", crm="price", kind=Kind.AMOUNT, both_ways=False),
        ),
        numbers=((BC, "number"), (CRM, "productnumber")),
    ),
)
"""What is edited. Prices, units and the rest are synchronized beside, and stay as they are."""

BY_MAPPING: Mapping[str, SharedTable] = {table.mapping: table for table in TABLES}

type Place = tuple[str, str]
"""Table mapping and a record's identity: the same record on either side."""


class Action(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    POST = "post"  # stock, which leaves the item's own time stamp as it is
    REPRICE = "reprice"  # an item's price for a group of customers, in Business Central alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One field that a user wrote."""

    field: str
    """Its name in Business Central."""
    before: Any
    """What the user saw in it and wrote over."""
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Something that a user did and the service confirmed."""

    at: float
    """Seconds on the soak's own clock."""
    side: str
    action: Action
    mapping: str
    identity: str
    record_id: str
    """On the side of the edit."""
    writes: tuple[Write, ...] = ()
    by_integration_user: bool = False

    @property
    def place(self) -> Place:
        return (self.mapping, self.identity)


class Snapshot:
    """The records of both sides that are kept in step, as they were at one moment."""

    def __init__(self, rows: Mapping[tuple[str, str], list[Record]]) -> None:
        """``rows``: all records by side and entity set."""
        self.rows = rows
        self._found: dict[tuple[str, str], dict[str, list[Record]]] = {}
        for table in TABLES:
            for side in SIDES:
                column = table.identity.column(side)
                by_identity: dict[str, list[Record]] = {}
                for record in rows.get((side, table.entity_set(side)), ()):
                    if table.takes_part(side, record):
                        by_identity.setdefault(str(record[column]), []).append(record)
                self._found[side, table.mapping] = by_identity

    def of(self, side: str, mapping: str) -> Mapping[str, list[Record]]:
        """Records by identity; more than one of an identity is a duplicate."""
        return self._found[side, mapping]

    def one(self, side: str, place: Place) -> Record | None:
        """The record of an identity on a side."""
        mapping, identity = place
        found = self._found[side, mapping].get(identity)
        return found[0] if found else None

    def on_both_sides(self, mapping: str) -> list[str]:
        """Identities that both sides have, in a stable order."""
        return sorted(self.of(BC, mapping).keys() & self.of(CRM, mapping).keys())

    def places(self) -> Iterator[Place]:
        """Every record of either side once."""
        for table in TABLES:
            either = self.of(BC, table.mapping).keys() | self.of(CRM, table.mapping).keys()
            yield from ((table.mapping, identity) for identity in sorted(either))


def same(one: Any, other: Any) -> bool:
    """Whether two sides' values of a field mean the same: "no text" has several forms. Pure."""
    if isinstance(one, int | float) or isinstance(other, int | float):
        return abs(float(one or 0) - float(other or 0)) < _CENT / 2
    return (one or "") == (other or "")


_CENT = 0.01
