"""The users of a simulated tenant's two systems: what they have at first, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from couplings.model import Side
from tests.fakes.services import FakeTables
from tests.simulation.oracle import text_of
from tests.simulation.tables import TABLES, SimTable
from tests.simulation.tenant import BAD, SimTenant

type Record = dict[str, Any]
type Changed = Callable[[SimTable, Side, str], None]

_SIDES: tuple[Side, Side] = ("bc", "crm")


class Users:
    """Everybody who works in one tenant's systems; each tells the webhooks what changed."""

    def __init__(self, world: SimTenant, rng: Random, changed: Changed) -> None:
        self._world = world
        self._rng = rng
        self._changed = changed
        self._count = 100
        self._actions: list[tuple[float, Callable[[], None]]] = [
            (12, self.edit),
            (2, self.edit_amount),
            (1.5, self.edit_owned_by_the_other_side),
            (1, self.touch),
            (1, self.enter_the_same_on_both_sides),
            (1, self.revert),
            (0.5, self.enter_something_refused),
            (1.5, self.create),
            (0.5, self.create_on_both_sides),
            (1, self.delete),
            (1, self.move_stock),
            (0.7, self.refer_to_another),
            (0.3, self.change_rate),
            (1, self.cross_the_filter),
        ]

    def act(self) -> None:
        """Somebody does something."""
        weights = [weight for weight, _ in self._actions]
        ((_, action),) = self._rng.choices(self._actions, weights)
        action()

    # The beginning

    def move_in(self, sizes: dict[str, int]) -> None:
        """Records as they are before Coupler is switched on: some are on both sides already, more
        or less alike."""
        for name in self._world.names:
            for _ in range(sizes[name]):
                if self._rng.random() < 0.4 and TABLES[name].new_crm:
                    self._create_twins(TABLES[name])
                else:
                    self._create_in(TABLES[name])

    def _next(self) -> str:
        self._count += 1
        return str(self._count)

    def _new_id(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    # Creating

    def create(self) -> None:
        self._create_in(self._any_table())

    def create_on_both_sides(self) -> None:
        """Two people enter the same thing at the same time."""
        names = [each for each in self._world.names if each in ("CUSTOMER", "CONTACT")]
        if names:
            self._create_twins(TABLES[self._rng.choice(names)])

    def _create_in(self, table: SimTable) -> None:
        side = self._rng.choice(table.created_in)
        record = self._new_record(table, side, self._next())
        if record is not None:
            self._store_new(table, side, record, self._new_id())

    def _create_twins(self, table: SimTable) -> None:
        number = self._next()
        entity = self._new_id()
        bc = self._new_record(table, "bc", number) if table.new_bc else None
        crm = self._new_record(table, "crm", number)
        if crm is None:
            return
        if bc is None:
            self._store_new(table, "crm", crm, entity)
            return
        if table.mapping == "CUSTOMER":
            crm["accountnumber"] = bc["number"]
        if table.mapping == "CONTACT":
            account = self._partner_of(bc["companyNumber"])
            if account is None:
                self._store_new(table, "bc", bc, entity)
                return
            crm |= {"_parentcustomerid_value": account}
            bc["email"] = crm["emailaddress1"] = f"twin{number}@example.com"
        for bc_name, crm_name in table.both:
            if self._rng.random() < 0.6 and crm_name != "fullname":
                crm[crm_name] = bc.get(bc_name)
        self._store_new(table, "bc", bc, entity)
        self._store_new(table, "crm", crm, entity)

    def _partner_of(self, card: str) -> str | None:
        """The account that is the same as the customer with this company card, coupled or not."""
        oracle = self._world.oracle
        for bc_id, customer in self._world.bc.tables["customers"].items():
            if f"CO{customer['number']}" == card:
                entity = oracle.entities[("CUSTOMER", "bc", bc_id)]
                found = oracle.live.get(("CUSTOMER", "crm", entity), set())
                return min(found, default=None)
        return None

    def _new_record(self, table: SimTable, side: Side, number: str) -> Record | None:
        """None where what it must refer to is not there."""
        record = table.new(side)(self._new_id(), number)
        if table.mapping == "CONTACT":
            parents = sorted(self._rows("CUSTOMER", side))
            if not parents:
                return None
            parent = self._rng.choice(parents)
            if side == "bc":
                record["companyNumber"] = (
                    f"CO{self._world.bc.tables['customers'][parent]['number']}"
                )
            else:
                record["_parentcustomerid_value"] = parent
                record |= dict.fromkeys(("emailaddress1", "jobtitle", "telephone1", "mobilephone"))
        if table.mapping == "ITEM-PRODUCT":
            units = sorted(each["code"] for each in self._rows("UNIT OF MEASURE", "bc").values())
            if not units:
                return None
            record["baseUnitOfMeasureCode"] = self._rng.choice(units)
        if table.mapping == "CURRENCY" and side == "bc":
            rate = {"id": self._new_id(), "currencyCode": record["code"], "rate": 1.5}
            self._world.bc.put("currencyExchangeRates", rate)
        if table.mapping == "CUSTOMER" and side == "bc":
            self._refer(record)
        return record

    def _store_new(self, table: SimTable, side: Side, record: Record, entity: str) -> None:
        self._world.oracle.created(table, side, record, entity)
        self._put(table, side, record)

    # Editing

    def edit(self) -> None:
        found = self._any_record(lambda table: bool(table.both))
        if found:
            table, side, record_id = found
            name = self._rng.choice(table.both)[0 if side == "bc" else 1]
            self._enter(table, side, record_id, {name: self._new_value(name)})

    def revert(self) -> None:
        """Somebody enters what was there before."""
        found = self._any_record(lambda table: bool(table.both))
        if found:
            table, side, record_id = found
            name = self._rng.choice(table.both)[0 if side == "bc" else 1]
            old = self._rows(table.mapping, side)[record_id].get(name)
            self._enter(table, side, record_id, {name: self._new_value(name)})
            self._enter(table, side, record_id, {name: old})

    def touch(self) -> None:
        """Something that no mapping is about changes: a new version, and nothing to do."""
        found = self._any_record(lambda table: True)
        if found:
            table, side, record_id = found
            self._enter(table, side, record_id, {"remark": self._next()})

    def edit_amount(self) -> None:
        found = self._any_record(lambda table: bool(table.amounts), side="bc")
        if found:
            table, side, record_id = found
            name = self._rng.choice([bc for bc, _ in table.amounts if bc != "inventory"])
            self._enter(table, side, record_id, {name: self._rng.randint(1, 999)})

    def edit_owned_by_the_other_side(self) -> None:
        """Somebody edits what belongs to the other system, or what belongs to this one."""
        found = self._any_record(lambda table: bool(table.to_crm or table.from_crm))
        if found:
            table, side, record_id = found
            fields = [pair for pair in (*table.to_crm, *table.from_crm) if pair[0] != "number"]
            if fields:
                name = self._rng.choice(fields)[0 if side == "bc" else 1]
                self._enter(table, side, record_id, {name: self._new_value(name)})

    def enter_the_same_on_both_sides(self) -> None:
        found = self._any_record(lambda table: bool(table.both), side="bc")
        if not found:
            return
        table, _, bc_id = found
        entity = self._world.oracle.entities[(table.mapping, "bc", bc_id)]
        for crm_id in sorted(self._world.oracle.live.get((table.mapping, "crm", entity), ())):
            bc_name, crm_name = self._rng.choice(table.both)
            value = self._new_value(crm_name)
            self._enter(table, "bc", bc_id, {bc_name: value})
            self._enter(table, "crm", crm_id, {crm_name: value})

    def enter_something_refused(self) -> None:
        found = self._any_record(lambda table: table.mapping == "CUSTOMER")
        if found:
            table, side, record_id = found
            name = "phoneNumber" if side == "bc" else "telephone1"
            self._enter(table, side, record_id, {name: f"{BAD} {self._next()}"})

    def refer_to_another(self) -> None:
        found = self._any_record(lambda table: table.mapping == "CUSTOMER", side="bc")
        if found:
            table, side, record_id = found
            changes: Record = {}
            self._refer(changes)
            self._enter(table, side, record_id, changes)

    def _refer(self, customer: Record) -> None:
        """Give a customer of Business Central a currency and a salesperson, or none."""
        codes = ["GBP", *(each["code"] for each in self._rows("CURRENCY", "bc").values())]
        people = ["", *(each["code"] for each in self._rows("SALESPEOPLE", "bc").values())]
        customer["currencyCode"] = self._rng.choice(sorted(codes))
        customer["salespersonCode"] = self._rng.choice(sorted(people))

    def change_rate(self) -> None:
        rates = self._world.bc.tables["currencyExchangeRates"]
        if rates:
            rate = rates[self._rng.choice(sorted(rates))]
            self._world.bc.put("currencyExchangeRates", rate | {"rate": self._rng.randint(2, 9)})

    def move_stock(self) -> None:
        items = self._rows("ITEM-PRODUCT", "bc")
        if items:
            item = self._rng.choice(sorted(items))
            self._world.bc.move_stock(item, self._rng.randint(1, 9))
            self._world.stage.note(self._world.tenant[:2], "user moves stock of", item)

    def cross_the_filter(self) -> None:
        """A coupled record stops being the mapping's business, or is it again."""
        table = self._any_table()
        if table.scope is None:
            return
        side, name, inside, outside = table.scope
        rows = self._rows(table.mapping, side)
        coupled = [each for each in rows if self._world.is_coupled(table.mapping, each, side)]
        if coupled:
            record_id = self._rng.choice(sorted(coupled))
            value = outside if rows[record_id][name] == inside else inside
            self._enter(table, side, record_id, {name: value})

    def _new_value(self, name: str) -> str:
        number = self._next()
        if name in ("displayName", "fullname", "name", "currencyname"):
            return f"Name {number}"
        return f"{name[:2]}{number}@example.com" if "mail" in name else f"{name[:2]} {number}"

    def _enter(self, table: SimTable, side: Side, record_id: str, changes: Record) -> None:
        rows = self._service(side).tables[table.name(side)]
        old = dict(rows[record_id])
        new = old | changes
        if "fullname" in changes and table.mapping == "CONTACT":
            first, _, last = text_of(changes["fullname"]).rpartition(" ")
            new |= {"firstname": first or None, "lastname": last}
        self._world.oracle.edited(table, side, record_id, old, new)
        note = [record_id, changes, "was", {name: old.get(name) for name in changes}]
        self._world.stage.note(self._world.tenant[:2], "user", side, table.name(side), *note)
        self._put(table, side, new)

    def _put(self, table: SimTable, side: Side, record: Record) -> None:
        world = self._world
        late = world.stage.chance(world.stage.plan.late_stamp)
        if late:  # stamped when its transaction began, seen only now
            world.bc_skew -= timedelta(seconds=(seconds := self._rng.uniform(0, 400)))
        stored = self._service(side).put(table.name(side), record)
        if late:
            world.bc_skew += timedelta(seconds=seconds)
        stamp = stored.get("lastModifiedDateTime", "")
        world.stage.note(world.tenant[:2], "user stored", side, record[table.key(side)], stamp)
        self._changed(table, side, record[table.key(side)])

    # Deleting

    def delete(self) -> None:
        found = self._any_record(lambda table: table.mapping in ("CUSTOMER", "CONTACT"))
        if not found:
            return
        table, side, record_id = found
        if table.mapping == "CUSTOMER" and self._has_contacts(side, record_id):
            return
        self._world.stage.note(self._world.tenant[:2], "user deletes", side, record_id)
        self._world.oracle.deleted(table, side, self._rows(table.mapping, side)[record_id])
        self._service(side).delete(table.name(side), record_id)
        self._changed(table, side, record_id)

    def _has_contacts(self, side: Side, record_id: str) -> bool:
        entity = self._world.oracle.entities[("CUSTOMER", side, record_id)]
        live = self._world.oracle.live
        accounts = live.get(("CUSTOMER", "crm", entity), set())
        cards = {
            f"CO{self._world.bc.tables['customers'][each]['number']}"
            for each in live.get(("CUSTOMER", "bc", entity), ())
        }
        bc = any(each["companyNumber"] in cards for each in self._rows("CONTACT", "bc").values())
        return bc or any(
            each["_parentcustomerid_value"] in accounts
            for each in self._rows("CONTACT", "crm").values()
        )

    # Choosing

    def _service(self, side: Side) -> FakeTables:
        return self._world.bc if side == "bc" else self._world.crm

    def _rows(self, mapping: str, side: Side) -> dict[str, Record]:
        return self._service(side).tables[TABLES[mapping].name(side)]

    def _any_table(self) -> SimTable:
        return TABLES[self._rng.choice(self._world.names)]

    def _any_record(
        self, fits: Callable[[SimTable], bool], side: Side | None = None
    ) -> tuple[SimTable, Side, str] | None:
        table = self._any_table()
        where = side if side is not None else self._rng.choice(_SIDES)
        ids = sorted(
            each
            for each in self._rows(table.mapping, where)
            if (table.mapping, where, each) in self._world.oracle.entities
        )
        if not ids or not fits(table):
            return None
        return table, where, self._rng.choice(ids)
