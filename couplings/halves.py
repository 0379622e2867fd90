"""Halves of couplings: one of a pair's two rows without the other.

Both rows are written and removed in one transaction, so halves come from outside only: a table
restored from a copy, a row removed by hand. Half a pair keeps its records from being coupled at
all, since the storage refuses the row that is there. Mending is guarded by that row's version and
by the absence of the other one, both in one transaction: who writes meanwhile wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from couplings.model import Side
from couplings.rows import BC, CRM
from storage.rows import Operation, OperationKind, Row, RowChangedError, TransactionRefusedError
from storage.tables import TenantTable

HALF_COLUMNS = ("crm_id", "bc_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfCoupling:
    """A row whose counterpart is missing, or belongs to another pair."""

    side: Side
    """Whose row is there: ``bc`` holds all that is known of the pair, ``crm`` only points."""
    bc_id: str
    crm_id: str
    etag: str = field(default="", compare=False)


def find_halves(rows: Iterable[Row]) -> Iterator[HalfCoupling]:
    """The halves among a mapping's rows, which come in the order of their keys.

    Memory: two ids for each coupling.
    """
    unmet: dict[str, tuple[str, str]] = {}
    for row in rows:
        side, record_id = row.key
        if side == BC:
            unmet[record_id] = (str(row.values["crm_id"]), row.etag)
            continue
        bc_id = str(row.values["bc_id"])
        if unmet.get(bc_id, ("", ""))[0] == record_id:
            del unmet[bc_id]
        else:
            yield HalfCoupling(side="crm", bc_id=bc_id, crm_id=record_id, etag=row.etag)
    for bc_id, (crm_id, etag) in unmet.items():
        yield HalfCoupling(side="bc", bc_id=bc_id, crm_id=crm_id, etag=etag)


def mend_half(table: TenantTable, partition: tuple[str, ...], half: HalfCoupling) -> bool:
    """Complete the pair where its data are there, else remove the pointer; False where somebody
    wrote since it was found.

    The data are removed, too, where the CRM record is coupled with another BC record by now.
    """
    if half.side == "crm":
        data = table.get(partition, (BC, half.bc_id))
        if data is not None and data.values["crm_id"] == half.crm_id:
            return (
                False  # coupled while the rows were read: the pointer came after, its data before
            )
        return _remove(table, partition, (CRM, half.crm_id), half.etag)
    operations = [
        Operation(
            kind=OperationKind.MERGE,
            key=(BC, half.bc_id),
            values={"crm_id": half.crm_id},
            etag=half.etag,
        ),
        Operation(kind=OperationKind.INSERT, key=(CRM, half.crm_id), values={"bc_id": half.bc_id}),
    ]
    try:
        table.transact(partition, operations)
    except TransactionRefusedError:
        pointer = table.get(partition, (CRM, half.crm_id))
        if pointer is None or pointer.values["bc_id"] == half.bc_id:
            return False
        return _remove(table, partition, (BC, half.bc_id), half.etag)
    return True


def _remove(
    table: TenantTable, partition: tuple[str, ...], key: tuple[str, ...], etag: str
) -> bool:
    try:
        table.delete(partition, key, etag=etag)
    except RowChangedError:
        return False
    return True
