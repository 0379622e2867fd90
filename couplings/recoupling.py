"""Giving two records another partner: the couplings they have go and the new one comes, at once.

One transaction, guarded by the versions of the rows that were read, so nobody ever finds a record
without the partner it had and without the one it gets, and of two who recouple the same record the
second one replaces what the first one made, and is told so:

    writer A: 1 with A in place of B          writer B: 1 with C
    reads 1~B                                 reads 1~B
    writes 1~A, removes B's pointer: done
                                              writes 1~C: refused, 1 has another version
                                              reads 1~A, writes 1~C: done, it replaced 1~A
"""

from __future__ import annotations

from couplings.model import Coupling
from couplings.rows import BC, CRM, coupling_of, data_values
from storage.rows import Operation, OperationKind, Row, TransactionRefusedError, Value
from storage.tables import TenantTable


def recouple(
    table: TenantTable, partition: tuple[str, ...], coupling: Coupling
) -> tuple[Coupling, ...] | None:
    """Couple the pair in place of whatever its records are coupled with; returns what was replaced.

    A pair that is coupled already stays as it is. None where others wrote since the rows were
    read: nothing was changed then.
    """
    data = table.get(partition, (BC, coupling.bc_id))
    if data is not None and data.values["crm_id"] == coupling.crm_id:
        return ()
    pointer = table.get(partition, (CRM, coupling.crm_id))
    replaced: list[Coupling] = []
    operations = [
        _putting((BC, coupling.bc_id), data, data_values(coupling)),
        _putting((CRM, coupling.crm_id), pointer, {"bc_id": coupling.bc_id}),
    ]
    if data is not None:
        replaced.append(coupling_of(coupling.mapping, data))
        left = table.get(partition, (CRM, str(data.values["crm_id"])))
        # Of half a pair the pointer is missing, or is another one's (``couplings.halves``).
        operations += _removing(left if left and left.values["bc_id"] == coupling.bc_id else None)
    if pointer is not None and pointer.values["bc_id"] != coupling.bc_id:
        left = table.get(partition, (BC, str(pointer.values["bc_id"])))
        if left is not None and left.values["crm_id"] == coupling.crm_id:
            replaced.append(coupling_of(coupling.mapping, left))
            operations += _removing(left)
    try:
        table.transact(partition, operations)
    except TransactionRefusedError:
        return None
    return tuple(replaced)


def _putting(key: tuple[str, ...], present: Row | None, values: dict[str, Value]) -> Operation:
    if present is None:
        return Operation(kind=OperationKind.INSERT, key=key, values=values)
    return Operation(kind=OperationKind.REPLACE, key=key, values=values, etag=present.etag)


def _removing(row: Row | None) -> list[Operation]:
    if row is None:
        return []
    return [Operation(kind=OperationKind.DELETE, key=row.key, etag=row.etag)]
