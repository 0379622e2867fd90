"""What users do next in a soak: chosen at random, by a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from local.soak_model import (
    BC,
    BY_MAPPING,
    CRM,
    SIDES,
    Action,
    Kind,
    Place,
    Record,
    SharedField,
    SharedTable,
    Snapshot,
)

_CUSTOMER, _CONTACT, _ITEM = "CUSTOMER", "CONTACT", "ITEM-PRODUCT"

_WEIGHTS = {
    "change": 50,
    "change-both": 14,  # other fields of one record on either side, at the same time
    "collide": 6,  # one field of one record on both sides, at the same time
    "create": 14,
    "create-family": 4,  # a company and, at once, a person who works there
    "post": 9,
    "reprice": 4,
    "delete": 3,
}
_TABLE_WEIGHTS = {_CUSTOMER: 55, _CONTACT: 30, _ITEM: 15}
_FAVOURITES = 0.4
"""How often a record is one of the few that everybody works with."""
_FAVOURITE_SHARE = 0.05
_BY_INTEGRATION_USER = 0.1
_MOST_FIELDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Intention:
    """What one user is about to do."""

    side: str
    action: Action
    mapping: str
    identity: str
    record_id: str
    """Of a new record: the id that it is to get."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """By the fields' names in Business Central."""
    parent: str = ""
    """Of a new person: the account's id in CRM, the company's number in Business Central."""
    by_integration_user: bool = False

    @property
    def place(self) -> Place:
        return (self.mapping, self.identity)


type Errand = list[Intention]
"""What one user does, in this order."""


class Chooser:
    """A seeded source of intentions. Every value that it makes is made once only."""

    def __init__(self, seed: int, run: str) -> None:
        """``run``: marks what this soak makes."""
        self._random = Random(seed)  # noqa: S311 - edits at random, not secrets
        self._run = run
        self._serial = 0

    def next(self, snapshot: Snapshot) -> list[Errand]:
        """What is done next; several errands are meant for the same moment.

        Empty where nothing of the chosen sort can be done just now.
        """
        chosen = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        match chosen:
            case "change":
                return self._change(snapshot)
            case "change-both":
                return self._change_both(snapshot)
            case "collide":
                return self._collide(snapshot)
            case "create":
                return self._create(snapshot)
            case "create-family":
                return self._create_family()
            case "post":
                return self._post(snapshot)
            case "reprice":
                return self._reprice(snapshot)
            case _:
                return self._delete(snapshot)

    # Changes

    def _change(self, snapshot: Snapshot) -> list[Errand]:
        found = self._record_on_both_sides(snapshot)
        if found is None:
            return []
        table, identity = found
        side = self._random.choice(SIDES)
        return self._changes(snapshot, table, identity, {side: self._some(table, side)})

    def _change_both(self, snapshot: Snapshot) -> list[Errand]:
        found = self._record_on_both_sides(snapshot)
        if found is None:
            return []
        table, identity = found
        fields = [each for each in table.fields if each.both_ways]
        if len(fields) < 2:
            return []
        one, other = self._random.sample(fields, 2)
        return self._changes(snapshot, table, identity, {BC: [one], CRM: [other]})

    def _collide(self, snapshot: Snapshot) -> list[Errand]:
        found = self._record_on_both_sides(snapshot)
        if found is None:
            return []
        table, identity = found
        contested = self._random.choice([each for each in table.fields if each.both_ways])
        return self._changes(snapshot, table, identity, {side: [contested] for side in SIDES})

    def _changes(
        self,
        snapshot: Snapshot,
        table: SharedTable,
        identity: str,
        wanted: Mapping[str, Sequence[SharedField]],
    ) -> list[Errand]:
        errands: list[Errand] = []
        for side, fields in wanted.items():
            record = snapshot.one(side, (table.mapping, identity))
            if record is not None:
                change = Intention(
                    side=side,
                    action=Action.CHANGE,
                    mapping=table.mapping,
                    identity=identity,
                    record_id=table.id_of(side, record),
                    values={each.bc: self._value(each.kind) for each in fields},
                    by_integration_user=self._random.random() < _BY_INTEGRATION_USER,
                )
                errands.append([change])
        return errands

    def _some(self, table: SharedTable, side: str) -> list[SharedField]:
        fields = [each for each in table.fields if each.both_ways or side == BC]
        return self._random.sample(fields, self._random.randint(1, min(_MOST_FIELDS, len(fields))))

    def _record_on_both_sides(self, snapshot: Snapshot) -> tuple[SharedTable, str] | None:
        weights = list(_TABLE_WEIGHTS.values())
        table = BY_MAPPING[self._random.choices(list(_TABLE_WEIGHTS), weights)[0]]
        identities = snapshot.on_both_sides(table.mapping)
        if not identities:
            return None
        favourites = identities[: max(1, int(len(identities) * _FAVOURITE_SHARE))]
        few = self._random.random() < _FAVOURITES
        return table, self._random.choice(favourites if few else identities)

    # New records

    def _create(self, snapshot: Snapshot) -> list[Errand]:
        weights = list(_TABLE_WEIGHTS.values())
        mapping = self._random.choices(list(_TABLE_WEIGHTS), weights)[0]
        if mapping == _CUSTOMER:
            return [[self._new_company(self._random.choice(SIDES))]]
        if mapping == _ITEM:
            return [[self._new_item()]]
        side = self._random.choice(SIDES)
        parent = self._parent(snapshot, side)
        return [[self._new_person(side, parent)]] if parent else []

    def _create_family(self) -> list[Errand]:
        """In CRM, where whoever makes a company may name its people at once."""
        company = self._new_company(CRM)
        return [[company, self._new_person(CRM, company.record_id)]]

    def _new_company(self, side: str) -> Intention:
        identity = self._mailbox("office")
        names = ("displayName", "city", "phoneNumber")
        return self._new(BY_MAPPING[_CUSTOMER], side, identity, names)

    def _new_person(self, side: str, parent: str) -> Intention:
        names = ("displayName", "jobTitle")
        return self._new(BY_MAPPING[_CONTACT], side, self._mailbox("person"), names, parent)

    def _new_item(self) -> Intention:
        identity = f"{self._run}{self._next():05d}".upper()
        return self._new(BY_MAPPING[_ITEM], BC, identity, ("displayName", "unitPrice"))

    def _new(
        self,
        table: SharedTable,
        side: str,
        identity: str,
        names: Sequence[str],
        parent: str = "",
    ) -> Intention:
        return Intention(
            side=side,
            action=Action.CREATE,
            mapping=table.mapping,
            identity=identity,
            record_id=self._id(),
            values={name: self._value(table.field(name).kind) for name in names},
            parent=parent,
        )

    def _parent(self, snapshot: Snapshot, side: str) -> str:
        """A company that both systems have, as a person's record of a side refers to it."""
        identities = snapshot.on_both_sides(_CUSTOMER)
        if not identities:
            return ""
        identity = self._random.choice(identities)
        if side == CRM:
            account = snapshot.one(CRM, (_CUSTOMER, identity))
            return str(account["accountid"]) if account else ""
        return next((str(card["number"]) for card in _cards(snapshot, identity)), "")

    # Stock, prices and deletions

    def _post(self, snapshot: Snapshot) -> list[Errand]:
        found = sorted(snapshot.of(BC, _ITEM).items())
        if not found:
            return []
        identity, records = self._random.choice(found)
        return [
            [
                Intention(
                    side=BC,
                    action=Action.POST,
                    mapping=_ITEM,
                    identity=identity,
                    record_id=records[0]["id"],
                    values={"quantity": self._random.randint(1, 40)},
                )
            ]
        ]

    def _reprice(self, snapshot: Snapshot) -> list[Errand]:
        prices = snapshot.rows.get((BC, "salesPrices"), ())
        if not prices:
            return []
        price = self._random.choice(prices)
        return [
            [
                Intention(
                    side=BC,
                    action=Action.REPRICE,
                    mapping="SALESPRC-PRODPRICE",
                    identity=f"{price['Item_No']} {price['Sales_Code']}",
                    record_id=price["SystemId"],
                    values={"price": self._value(Kind.AMOUNT)},
                )
            ]
        ]

    def _delete(self, snapshot: Snapshot) -> list[Errand]:
        """Persons only: companies have people and documents that hold them."""
        identities = snapshot.on_both_sides(_CONTACT)
        if not identities:
            return []
        identity = self._random.choice(identities)
        side = self._random.choice(SIDES)
        record = snapshot.one(side, (_CONTACT, identity))
        if record is None:
            return []
        return [
            [
                Intention(
                    side=side,
                    action=Action.DELETE,
                    mapping=_CONTACT,
                    identity=identity,
                    record_id=BY_MAPPING[_CONTACT].id_of(side, record),
                )
            ]
        ]

    # Values

    def _value(self, kind: Kind) -> Any:
        number = self._next()
        match kind:
            case Kind.PHONE:
                return f"+44 1632 {number:06d}"
            case Kind.PERSON:
                return f"{self._random.choice(_GIVEN)} {self._run.capitalize()}{number:05d}"
            case Kind.AMOUNT:
                return 1000 + number / 100
            case Kind.CODE:
                return f"{self._run}{number:05d}".upper()
            case _:
                return f"{self._random.choice(_WORDS)} {self._run}{number:05d}"

    def _mailbox(self, name: str) -> str:
        return f"{name}{self._next():05d}@{self._run}.example"

    def _id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _next(self) -> int:
        self._serial += 1
        return self._serial


_WORDS = ("Mill", "Bridge", "Orchard", "Harbour", "Station", "Market", "Chapel", "Garden")
_GIVEN = ("Amy", "Ben", "Carla", "David", "Elif", "Farid", "Greta", "Hugo")


def _cards(snapshot: Snapshot, email: str) -> list[Record]:
    """Business Central's contact cards of the company with that address."""
    return [
        contact
        for contact in snapshot.rows.get((BC, "contacts"), ())
        if contact["type"] == "Company" and contact["email"] == email
    ]
