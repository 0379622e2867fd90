"""Whether a soak ended well, judged from what users did and what both systems hold. All pure.

Nothing of it is taken from Coupler but what it reports: the records of the two sides belong
together by an address or number that nobody edits, and since every value is written once only, the
values tell who wrote over whom:

- A value that a user wrote is accounted for where it stands on both sides at the end, where a user
  on either side saw it and wrote over it, or where it still stands on its own side and the
  difference is reported. Any other value was overwritten by nobody but Coupler: it is lost.
- A value that nobody wrote was invented, and is told as lost, too.
- A record that one side lacks was deleted there and is reported, or is lost.
- A record that waits for another one which both sides have, or for a customer that is one, waits
  for nothing: it should have healed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.soak_model import (
    BC,
    BY_MAPPING,
    CRM,
    OTHER,
    SETS,
    SIDES,
    TABLES,
    Action,
    Edit,
    Place,
    Record,
    SharedTable,
    Snapshot,
    same,
)

_NO_CUSTOMER = "company-is-no-customer"
_SHOWN = 40
"""Sentences of one sort; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One record that Coupler says is not in step."""

    mapping: str
    ids: frozenset[str]
    """Of the record on both sides, as far as the report names them."""
    kind: str
    code: str
    waits_for: str = ""
    """Number or id of the record that has to be coupled first."""
    values: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Fields in conflict by their names in Business Central: its value and CRM's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is not as it must be, a sentence each."""

    lost: list[str]
    duplicates: list[str]
    stale: list[str]
    """Records that are in step and yet reported not to be."""
    conflicts: int
    """Fields that differ because both sides changed them, each reported with both values."""
    reported: dict[str, int]
    """Records that are not in step and are reported, by kind and code."""


def judge(
    before: Snapshot,
    edits: Sequence[Edit],
    after: Snapshot,
    reports: Sequence[Report],
    couplings: Mapping[str, Sequence[tuple[str, str]]],
) -> Verdict:
    """``couplings``: pairs of ids (Business Central, CRM) by table mapping."""
    judgement = _Judgement(before, edits, after, reports)
    lost = [sentence for place in after.places() for sentence in judgement.of(place)]
    lost += [*judgement.vanished(), *judgement.prices(), *judgement.waiting_in_vain()]
    duplicates = [*_records_twice(after), *_couplings_twice(couplings)]
    return Verdict(
        lost=lost,
        duplicates=duplicates,
        stale=list(judgement.stale()),
        conflicts=judgement.conflicts,
        reported=dict(Counter(f"{each.mapping} {each.kind} {each.code}" for each in reports)),
    )


def shown(sentences: Sequence[str]) -> list[str]:
    """As many as a person reads, and how many more there are."""
    more = len(sentences) - _SHOWN
    return [*sentences[:_SHOWN], *([f"… and {more} more"] if more > 0 else [])]


class _Judgement:
    """The records at the end, held against what users did to them."""

    def __init__(
        self,
        before: Snapshot,
        edits: Sequence[Edit],
        after: Snapshot,
        reports: Sequence[Report],
    ) -> None:
        self._before = before
        self._after = after
        self._edits = edits
        self._reports: dict[str, list[Report]] = {}
        for report in reports:
            for record_id in report.ids:
                self._reports.setdefault(record_id, []).append(report)
        self._edits_of: dict[Place, list[Edit]] = {}
        for edit in edits:
            self._edits_of.setdefault(edit.place, []).append(edit)
        self.conflicts = 0

    def of(self, place: Place) -> Iterator[str]:
        """What is wrong with a record that one side has at least."""
        table = BY_MAPPING[place[0]]
        records = {side: self._after.one(side, place) for side in SIDES}
        reports = self._reports_of(place, records)
        bc, crm = records[BC], records[CRM]
        if bc is not None and crm is not None:
            if table.mapping == "ITEM-PRODUCT":
                yield from _stock(place, bc, crm, reports)
            for each in table.fields:
                yield from self._field(place, each.bc, bc, crm, reports)
        elif not reports:
            has = BC if crm is None else CRM
            yield f"{_told(place)} is in {has} alone and nothing reports it"

    def vanished(self) -> Iterator[str]:
        """Records that neither side has though nobody deleted them."""
        deleted = {edit.place for edit in self._edits if edit.action is Action.DELETE}
        edited = {place for place in self._edits_of if place[0] in BY_MAPPING}
        known = {*self._before.places(), *edited}
        for place in sorted(known - deleted - set(self._after.places())):
            yield f"{_told(place)} is gone from both sides and nobody deleted it"

    def stale(self) -> Iterator[str]:
        """Records that are the same on both sides though something is reported of them."""
        for place in self._after.places():
            records = {side: self._after.one(side, place) for side in SIDES}
            bc, crm = records[BC], records[CRM]
            if bc is None or crm is None:
                continue
            fields = BY_MAPPING[place[0]].fields
            if all(same(bc.get(each.bc), crm.get(each.crm)) for each in fields):
                for report in self._reports_of(place, records):
                    yield f"{_told(place)} is in step and reported as {report.kind} {report.code}"

    def waiting_in_vain(self) -> Iterator[str]:
        """Records that are reported to wait for something that is there."""
        reports = [report for some in self._reports.values() for report in some]
        there = {
            name: place
            for place in self._after.places()
            for name in self._names_on_both_sides(place)
        }
        for report in {id(report): report for report in reports}.values():
            if report.waits_for in there:
                ids, place = ", ".join(sorted(report.ids)), there[report.waits_for]
                yield f"{report.mapping} {ids} waits for {_told(place)}, which both sides have"
            if report.code == _NO_CUSTOMER:
                yield from self._no_customer(report)

    def _names_on_both_sides(self, place: Place) -> set[str]:
        """Ids and numbers of a record, none where a side lacks it."""
        table = BY_MAPPING[place[0]]
        found = {side: self._after.one(side, place) for side in SIDES}
        if not all(found.values()):
            return set()
        ids = {table.id_of(side, record) for side, record in found.items() if record}
        return ids | {str((found[BC] or {}).get("number"))}

    def _no_customer(self, report: Report) -> Iterator[str]:
        customers = self._after.of(BC, "CUSTOMER")
        contacts = self._after.rows.get((BC, "contacts"), ())
        companies = {row["number"]: row["email"] for row in contacts if row["type"] == "Company"}
        for contact in contacts:
            if contact["id"] in report.ids and companies.get(contact["companyNumber"]) in customers:
                yield (
                    f"CONTACT {contact['email']}: {contact['companyName']} is told to be no "
                    "customer, and is one"
                )

    def prices(self) -> Iterator[str]:
        """Prices in Business Central that CRM has otherwise, though it has product and list."""
        rows = self._after.rows
        products = {
            row["productid"]: row["productnumber"] for row in rows.get((CRM, "products"), ())
        }
        lists = {row["pricelevelid"]: row["name"] for row in rows.get((CRM, "pricelevels"), ())}
        amounts = {
            (products.get(row["_productid_value"]), lists.get(row["_pricelevelid_value"])): row
            for row in rows.get((CRM, "productpricelevels"), ())
        }
        for price in rows.get((BC, "salesPrices"), ()):
            key = (price["Item_No"], price["Sales_Code"])
            known = key[0] in products.values() and key[1] in lists.values()
            if price["Minimum_Quantity"] or not known or price["SystemId"] in self._reports:
                continue  # of the breaks for quantities CRM has none
            amount = amounts[key]["amount"] if key in amounts else None
            if not same(price["Unit_Price"], amount):
                yield f"price of {' for '.join(key)}: {price['Unit_Price']}, in CRM {amount}"

    def _field(
        self, place: Place, name: str, bc: Record, crm: Record, reports: Sequence[Report]
    ) -> Iterator[str]:
        shared = BY_MAPPING[place[0]].field(name)
        values = {BC: bc.get(shared.bc), CRM: crm.get(shared.crm)}
        if not same(values[BC], values[CRM]):
            if not reports:
                yield (
                    f"{_told(place)} {name}: {values[BC]!r} in Business Central, {values[CRM]!r} "
                    "in CRM, and nothing reports it"
                )
                return
            yield from self._conflict(place, name, values, reports)
        yield from self._overwritten(place, name, values)
        for side in SIDES:
            if not self._is_known(place, name, values[side]):
                yield f"{_told(place)} {name}: nobody wrote {values[side]!r}, which {side} has"

    def _conflict(
        self, place: Place, name: str, values: Mapping[str, Any], reports: Sequence[Report]
    ) -> Iterator[str]:
        """A conflict counts; one of this field has to hold both values as they are.

        A conflict holds its own fields alone, so it is no reason for others to differ.
        """
        for report in reports:
            if name in report.values:
                self.conflicts += 1
                kept = report.values[name]
                if not (same(kept[0], values[BC]) and same(kept[1], values[CRM])):
                    yield (
                        f"{_told(place)} {name}: the conflict is reported with {kept}, the "
                        f"records have {values[BC]!r} and {values[CRM]!r}"
                    )
                return
        if all(report.values for report in reports):
            yield (
                f"{_told(place)} {name}: {values[BC]!r} in Business Central, {values[CRM]!r} in "
                "CRM, and only conflicts of other fields are reported"
            )

    def _overwritten(self, place: Place, name: str, values: Mapping[str, Any]) -> Iterator[str]:
        """Values that users wrote and nobody but Coupler wrote over."""
        written = [
            (edit, write)
            for edit in self._edits_of.get(place, ())
            for write in edit.writes
            if write.field == name
        ]
        seen = [write.before for edit, write in written if edit.action is Action.CHANGE]
        for edit, write in written:
            if same(values[edit.side], write.after):
                continue  # where it stands alone, the difference was judged already
            if not any(same(before, write.after) for before in seen):
                yield (
                    f"{_told(place)} {name}: {write.after!r} was written in {edit.side} at "
                    f"{edit.at:.1f} s and overwritten by no user; at the end {OTHER[edit.side]} "
                    f"has {values[OTHER[edit.side]]!r}, {edit.side} {values[edit.side]!r}"
                )

    def _is_known(self, place: Place, name: str, value: Any) -> bool:
        shared = BY_MAPPING[place[0]].field(name)
        for side in SIDES:
            record = self._before.one(side, place)
            if record is not None and same(record.get(shared.column(side)), value):
                return True
        writes = [write for edit in self._edits_of.get(place, ()) for write in edit.writes]
        named = [write for write in writes if write.field == name]
        # a field that a new record was not given is empty
        unset = not value and any(
            edit.action is Action.CREATE for edit in self._edits_of.get(place, ())
        )
        return unset or any(same(write.after, value) for write in named)

    def _reports_of(self, place: Place, records: Mapping[str, Record | None]) -> list[Report]:
        table = BY_MAPPING[place[0]]
        ids = {table.id_of(side, record) for side, record in records.items() if record}
        ids |= {edit.record_id for edit in self._edits_of.get(place, ())}
        found = [report for record_id in ids for report in self._reports.get(record_id, ())]
        return [report for report in found if report.mapping == table.mapping]


def _stock(place: Place, bc: Record, crm: Record, reports: Sequence[Report]) -> Iterator[str]:
    """CRM knows no negative stock."""
    expected = max(0.0, float(bc["inventory"]))
    if not same(expected, crm.get("quantityonhand")) and not reports:
        yield (
            f"{_told(place)}: stock is {bc['inventory']} in Business Central, "
            f"{crm.get('quantityonhand')} in CRM"
        )


def _records_twice(after: Snapshot) -> Iterator[str]:
    for table in TABLES:
        for side in SIDES:
            for identity, records in after.of(side, table.mapping).items():
                if len(records) > 1:
                    ids = ", ".join(table.id_of(side, record) for record in records)
                    yield f"{table.mapping} {identity} is {len(records)} times in {side}: {ids}"
        yield from _numbers_twice(table, after)


def _numbers_twice(table: SharedTable, after: Snapshot) -> Iterator[str]:
    for side, column in table.numbers:
        rows = after.rows.get((side, table.entity_set(side)), ())
        for number, times in Counter(row.get(column) for row in rows).items():
            if number and times > 1:
                yield f"{table.mapping}: {column} {number} is {times} times in {side}"


def _couplings_twice(couplings: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[str]:
    for mapping, pairs in couplings.items():
        for position, side in enumerate(SIDES):
            for record_id, times in Counter(pair[position] for pair in pairs).items():
                if times > 1:
                    yield f"{mapping}: the record {record_id} of {side} has {times} couplings"


def _told(place: Place) -> str:
    return " ".join(place)


def touched(before: Snapshot, after: Snapshot) -> list[str]:
    """Records that were written between two snapshots, by the versions that the services keep.

    A write that changes nothing counts, too, and so does a deletion.
    """
    found = []
    for (side, entity_set), rows in after.rows.items():
        former = _versions(side, entity_set, before.rows.get((side, entity_set), ()))
        latter = _versions(side, entity_set, rows)
        found += [
            f"{entity_set} {key} in {side}"
            for key in sorted(former | latter)
            if former.get(key) != latter.get(key)
        ]
    return found


def _versions(side: str, entity_set: str, rows: Sequence[Record]) -> dict[str, Any]:
    key = SETS[side][entity_set]
    if side == CRM:
        return {row[key]: row["versionnumber"] for row in rows}
    stamp = "lastModifiedDateTime" if key == "id" else "SystemModifiedAt"
    return {row[key]: row[stamp] for row in rows}
