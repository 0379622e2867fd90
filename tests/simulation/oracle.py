"""The judge of a simulation: what users did, and whether each write of Coupler may be.

It knows nothing of couplings, bases or watermarks. A record belongs to an entity: what users
created, and what Coupler made of that. See ``lineage`` for the rule of what may overwrite what.
"""

from __future__ import annotations

from typing import Any

from couplings.model import Side
from services.records import Record, Write, WriteKind
from sync.ids import RecordIds
from sync.mapping import DeletionConflict, TableMapping, UpdateConflict
from tests.simulation.lineage import BrokenGuaranteeError, FieldKey, Lineage
from tests.simulation.tables import MAPPING_OF, SimTable

type Place = tuple[str, Side, str]
"""Mapping, side and id of a record."""

_FAVOURS: dict[UpdateConflict, Side | None] = {
    UpdateConflict.KEEP_BOTH: None,
    UpdateConflict.SEND_TO_CRM: "bc",
    UpdateConflict.GET_FROM_CRM: "crm",
}


def text_of(value: Any) -> str:
    return "" if value is None else str(value)


class Oracle:
    """Judges one connection."""

    def __init__(self, ids: RecordIds, mappings: dict[str, TableMapping]) -> None:
        self._ids = ids
        self._mappings = mappings
        self.lineage = Lineage()
        self.entities: dict[Place, str] = {}
        """The entity of each record that ever was."""
        self.live: dict[tuple[str, Side, str], set[str]] = {}
        """Ids of the records there are, by mapping, side and entity."""
        self._made_from: dict[Place, str] = {}
        """Places of records that Coupler may make → the entity that they would belong to."""
        self.losers: set[tuple[FieldKey, str]] = set()
        """Users' values that a conflict policy overwrote."""
        self.apart: set[tuple[str, str]] = set()
        """Mappings and entities of which a person uncoupled a record."""
        self._deleted: dict[tuple[str, str], tuple[Side, Record]] = {}
        """What users deleted last, by mapping and entity, with its side."""

    # What users do

    def created(self, table: SimTable, side: Side, record: Record, entity: str) -> None:
        """A user created a record; records of one entity on both sides are the same thing."""
        self._register(table, side, record[table.key(side)], entity)
        for pair in table.both:
            key = (table.mapping + entity, *pair)
            value = text_of(record.get(pair[0] if side == "bc" else pair[1]))
            self.lineage.entered(key, value, "" if value else None)

    def edited(self, table: SimTable, side: Side, record_id: str, old: Record, new: Record) -> None:
        """A user changed a record."""
        entity = self.entities[(table.mapping, side, record_id)]
        for pair in table.both:
            name = pair[0] if side == "bc" else pair[1]
            before, after = text_of(old.get(name)), text_of(new.get(name))
            if before != after:
                self.lineage.entered((table.mapping + entity, *pair), after, before)

    def deleted(self, table: SimTable, side: Side, record: Record) -> None:
        """A user deleted a record."""
        entity = self._forget(table, side, record[table.key(side)])
        self._deleted[(table.mapping, entity)] = (side, record)

    # What people decide

    def decided(self, place: Place, pair: tuple[str, str], winner: str, loser: str) -> None:
        """A person who saw both values of a pair of fields may have one replaced by the other."""
        mapping, _, _ = place
        self.lineage.entered((mapping + self.entities[place], *pair), winner, loser)

    def parted(self, place: Place) -> None:
        """A person may have the coupling of a record removed: once that one changes, it is matched
        or copied as a new one, so that there may be several of the same thing."""
        self.apart.add((place[0], self.entities[place]))

    def may_repeat(self, mapping: str, entity: str) -> bool:
        """Whether there may be several of it in one system: a person uncoupled it, or one of those
        it may refer to, which then are several as well."""
        parents = self._mappings[mapping].dependencies
        return (mapping, entity) in self.apart or any(each in parents for each, _ in self.apart)

    # What Coupler does

    def wrote(self, side: Side, write: Write, old: Record | None, new: Record | None) -> None:
        """Coupler wrote a record; raises ``BrokenGuaranteeError`` where it must not have."""
        table = MAPPING_OF.get((side, write.table))
        if table is None:
            return  # a companion, which is Coupler's alone
        if write.kind is WriteKind.DELETE or new is None:
            self._judge_deletion(table, side, write, old or {})
            return
        if old is None:
            self._judge_creation(table, side, write, new)
        else:
            self._judge_update(table, side, write, old, new)

    def _judge_deletion(self, table: SimTable, side: Side, write: Write, old: Record) -> None:
        """Whoever deleted the partner had seen all that the record says."""
        entity = self._forget(table, side, write.id)
        policy = self._mappings[table.mapping].deletion_conflict
        deleted_in, deleted = self._deleted.get((table.mapping, entity), (side, old))
        if policy is not DeletionConflict.DELETE or deleted_in == side:
            raise BrokenGuaranteeError(f"G1: {side} {write.table} {write.id} was deleted")
        for pair in table.both:
            here, there = pair if side == "bc" else pair[::-1]
            value, seen = text_of(old.get(here)), text_of(deleted.get(there))
            if not self.lineage.descends((table.mapping + entity, *pair), seen, value):
                raise BrokenGuaranteeError(f"G1: {value!r} of {side} {write.id} was deleted unseen")

    def _judge_creation(self, table: SimTable, side: Side, write: Write, new: Record) -> None:
        entity = self._made_from.get((table.mapping, side, write.id))
        if entity is None:
            raise BrokenGuaranteeError(f"{side} {write.table} {write.id} was made of nothing")
        others = self.live.get((table.mapping, side, entity))
        if others and not self.may_repeat(table.mapping, entity):
            raise BrokenGuaranteeError(
                f"G2: {side} {write.table} {write.id} is a duplicate of {sorted(others)}"
            )
        self._register(table, side, write.id, entity)
        for pair in table.both:
            value = text_of(new.get(pair[0] if side == "bc" else pair[1]))
            key = (table.mapping + entity, *pair)
            if value and not self.lineage.knows(key, value):
                raise BrokenGuaranteeError(f"nobody ever entered {value!r} for {key}")

    def _judge_update(
        self, table: SimTable, side: Side, write: Write, old: Record, new: Record
    ) -> None:
        entity = self.entities[(table.mapping, side, write.id)]
        for pair in table.both:
            name = pair[0] if side == "bc" else pair[1]
            before, after = text_of(old.get(name)), text_of(new.get(name))
            if before == after:
                continue
            key = (table.mapping + entity, *pair)
            if not self.lineage.knows(key, after):
                raise BrokenGuaranteeError(f"nobody ever entered {after!r} for {key}")
            if self.lineage.descends(key, after, before):
                continue
            winner = _FAVOURS[self._mappings[table.mapping].update_conflict]
            if winner is None or winner == side:
                raise BrokenGuaranteeError(
                    f"G1: {before!r} of {side} {write.table} {write.id} {name} was overwritten "
                    f"by {after!r}, entered by somebody who had not seen it"
                )
            self.losers.add((key, before))
            self.lineage.entered(key, after, before)

    # Records and entities

    def _register(self, table: SimTable, side: Side, record_id: str, entity: str) -> None:
        self.entities[(table.mapping, side, record_id)] = entity
        self.live.setdefault((table.mapping, side, entity), set()).add(record_id)
        other: Side = "crm" if side == "bc" else "bc"
        made = self._ids.of(table.mapping, side, record_id)
        self._made_from[(table.mapping, other, made)] = entity

    def _forget(self, table: SimTable, side: Side, record_id: str) -> str:
        entity = self.entities[(table.mapping, side, record_id)]
        self.live[(table.mapping, side, entity)].discard(record_id)
        return entity
