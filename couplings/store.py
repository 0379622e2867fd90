"""Couplings of one connection, in storage.

Two records can be coupled once only, and the storage is what refuses the second time: both rows of
a pair are inserted in one transaction, and an insert fails where the row exists. Two writers at
the same BC record:

    writer A                                  writer B
    insert bc~1 and crm~A: done
                                              insert bc~1 and crm~B: refused, bc~1 exists
                                              reads bc~1: coupled to A, reports a refusal

Neither order leaves half a pair behind, and no lock is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import batched

from couplings.halves import HALF_COLUMNS, HalfCoupling, find_halves, mend_half
from couplings.listing import CouplingPage, Listed, coupling_page
from couplings.model import Coupling, CouplingIndexEntry
from couplings.recoupling import recouple
from couplings.rows import (
    BC,
    CRM,
    INDEX_COLUMNS,
    content_values,
    coupling_of,
    data_values,
    index_entry_of,
)
from errors import ConcurrencyError, RecordError, TransientError
from storage.rows import (
    ANY_VERSION,
    TRANSACTION_LIMIT,
    Operation,
    OperationKind,
    Row,
    RowChangedError,
    TransactionRefusedError,
)
from storage.tables import TenantTable

_PAIRS = TRANSACTION_LIMIT // 2
_TRIES = 5
"""How often a write is tried where others write the same rows between reading and writing."""


class CouplingChangedError(ConcurrencyError):
    """A coupling was written by another worker since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingRefusal:
    """A pair that was not coupled, or not saved, and why."""

    coupling: Coupling
    bc_coupled_to: str | None
    """CRM id that the BC record is coupled to already."""
    crm_coupled_to: str | None
    """BC id that the CRM record is coupled to already."""
    message: str


class CouplingStore:
    """The couplings of one connection; safe for several threads.

    ``pool`` runs batches and point reads side by side; without one they run one after another. The
    store waits for what it gave to the pool, so its methods are not to be called from tasks of the
    same pool.
    """

    def __init__(
        self, table: TenantTable, connection_id: str, *, pool: Executor | None = None
    ) -> None:
        self._table = table
        self._connection = connection_id
        self._pool = pool

    def couple_many(self, mapping: str, couplings: Sequence[Coupling]) -> list[CouplingRefusal]:
        """Couple pairs; returns those that were refused because a record has another partner.

        Idempotent: a pair that is coupled already is a success, and takes the new base, versions
        and state (``coupled_at`` stays). Every other pair is written even where some are refused.
        """
        couplings = [_checked(mapping, coupling) for coupling in couplings]
        distinct, repeated = _split_repeated(couplings)
        batches = [list(batch) for batch in batched(distinct, _PAIRS, strict=False)]
        refused = self._side_by_side(lambda batch: self._couple_batch(mapping, batch), batches)
        refusals = [refusal for some in refused for refusal in some]
        # after the others: what is refused of these depends on what became of the first ones
        refusals += [r for coupling in repeated if (r := self._couple_one(mapping, coupling))]
        return refusals

    def save_many(self, mapping: str, couplings: Sequence[Coupling]) -> list[CouplingRefusal]:
        """Write base, versions, state and names of couplings that exist.

        The ETag of a coupling that was read keeps a worker that lost its lease from storing what
        is outdated by now: raises ``CouplingChangedError`` where the coupling was written since.
        Returns those that exist no longer, or with another partner; every other one is written.
        """
        couplings = [_checked(mapping, coupling) for coupling in couplings]
        last = {coupling.bc_id: coupling for coupling in couplings}
        batches = [list(batch) for batch in batched(last.values(), TRANSACTION_LIMIT, strict=False)]
        refused = self._side_by_side(lambda batch: self._save_batch(mapping, batch), batches)
        return [refusal for some in refused for refusal in some]

    def find_by_bc(self, mapping: str, ids: Iterable[str]) -> dict[str, Coupling]:
        """Couplings by BC id, one point read for each id; ids without one are left out.

        For a few; from about a thousand ids on, ``scan`` or ``scan_index`` is cheaper.
        """
        distinct = list(dict.fromkeys(ids))
        found = self._side_by_side(lambda bc_id: self._load(mapping, bc_id), distinct)
        return {coupling.bc_id: coupling for coupling in found if coupling}

    def find_by_crm(self, mapping: str, ids: Iterable[str]) -> dict[str, Coupling]:
        """Couplings by CRM id, two point reads for each id; ids without one are left out."""
        distinct = list(dict.fromkeys(ids))
        found = self._side_by_side(lambda crm_id: self._load_by_crm(mapping, crm_id), distinct)
        return {coupling.crm_id: coupling for coupling in found if coupling}

    def find_entry(self, mapping: str, bc_id: str) -> CouplingIndexEntry | None:
        """The index entry of a BC record's coupling; one point read."""
        row = self._table.get(self._partition(mapping), (BC, bc_id))
        return index_entry_of(row) if row else None

    def find_entry_by_crm(self, mapping: str, crm_id: str) -> CouplingIndexEntry | None:
        """The index entry of a CRM record's coupling; two point reads."""
        pointer = self._table.get(self._partition(mapping), (CRM, crm_id))
        return self.find_entry(mapping, str(pointer.values["bc_id"])) if pointer else None

    def find_entry_by_key(self, mapping: str, bc_key: str) -> CouplingIndexEntry | None:
        """The index entry of the coupled BC record of that number; one query of the whole table."""
        rows = self._table.scan(
            self._partition(mapping), prefix=(BC,), where={"bc_key": bc_key}, select=INDEX_COLUMNS
        )
        return next((index_entry_of(row) for row in rows), None)

    def scan(self, mapping: str) -> Iterator[Coupling]:
        """All couplings in the order of BC ids, a thousand to a request."""
        rows = self._table.scan(self._partition(mapping), prefix=(BC,))
        return (coupling_of(mapping, row) for row in rows)

    def scan_index(self, mapping: str, *, after: str = "") -> Iterator[CouplingIndexEntry]:
        """All couplings in the order of BC ids, those beyond one where it is given, without their
        base snapshots."""
        rows = self._table.scan(
            self._partition(mapping),
            prefix=(BC,),
            after=(BC, after) if after else None,
            select=INDEX_COLUMNS,
        )
        return (index_entry_of(row) for row in rows)

    def count(self, mapping: str) -> int:
        """Number of couplings; reads all keys."""
        return sum(1 for _ in self._table.scan(self._partition(mapping), prefix=(BC,), select=()))

    def halves(self, mapping: str) -> Iterator[HalfCoupling]:
        """Rows of pairs whose other row is missing; reads the keys of all couplings."""
        return find_halves(self._table.scan(self._partition(mapping), select=HALF_COLUMNS))

    def mend(self, mapping: str, half: HalfCoupling) -> bool:
        """As ``couplings.halves.mend_half``; idempotent."""
        return mend_half(self._table, self._partition(mapping), half)

    def list_page(self, mapping: str, asked: Listed) -> CouplingPage:
        """Couplings for people to leaf through; see ``couplings.listing.coupling_page``."""
        return coupling_page(self._table, self._partition(mapping), mapping, asked)

    def recouple(self, mapping: str, coupling: Coupling) -> tuple[Coupling, ...]:
        """Couple a pair whatever its records are coupled with, and return the couplings that it
        replaced; see ``couplings.recoupling``."""
        for _ in range(_TRIES):
            replaced = recouple(self._table, self._partition(mapping), _checked(mapping, coupling))
            if replaced is not None:
                return replaced
        raise _contended(coupling.bc_id)

    def uncouple(self, mapping: str, bc_id: str, *, crm_id: str = "") -> Coupling | None:
        """Remove the coupling of this BC record and return it; None where there is none, or where
        its partner is not the CRM record that is named."""
        partition = self._partition(mapping)
        for _ in range(_TRIES):
            row = self._table.get(partition, (BC, bc_id))
            if row is None:
                return None
            coupling = coupling_of(mapping, row)
            if crm_id not in ("", coupling.crm_id):
                return None
            try:
                self._table.transact(
                    partition,
                    [
                        Operation(kind=OperationKind.DELETE, key=(BC, bc_id), etag=row.etag),
                        Operation(kind=OperationKind.DELETE, key=(CRM, coupling.crm_id)),
                    ],
                )
            except TransactionRefusedError:
                continue
            return coupling
        raise _contended(bc_id)

    def _couple_batch(self, mapping: str, batch: Sequence[Coupling]) -> list[CouplingRefusal]:
        operations = [operation for coupling in batch for operation in _insertion(coupling)]
        try:
            self._table.transact(self._partition(mapping), operations)
        except (TransactionRefusedError, RecordError):
            # one pair that exists, or is too large, refuses the whole batch
            return self._couple_rest(mapping, batch)
        return []

    def _couple_rest(self, mapping: str, batch: Sequence[Coupling]) -> list[CouplingRefusal]:
        """Couple a batch of which some pairs exist, as after a crash: those take their new content
        and the others are inserted in one transaction. What stands in its way goes alone."""
        partition = self._partition(mapping)
        operations: list[Operation] = []
        alone: list[Coupling] = []
        for coupling in batch:
            row = self._table.get(partition, (BC, coupling.bc_id))
            if row is None:
                operations += _insertion(coupling)
            elif row.values["crm_id"] == coupling.crm_id:
                operations.append(_refreshing(mapping, coupling, row))
            else:
                alone.append(coupling)
        try:
            if operations:
                self._table.transact(partition, operations)
        except (TransactionRefusedError, RecordError):
            alone = list(batch)
        return [r for coupling in alone if (r := self._couple_one(mapping, coupling))]

    def _couple_one(self, mapping: str, coupling: Coupling) -> CouplingRefusal | None:
        """Couple one pair, whatever became of an earlier attempt at it."""
        partition = self._partition(mapping)
        for _ in range(_TRIES):
            try:
                self._table.transact(partition, _insertion(coupling))
            except TransactionRefusedError:
                pass
            except RecordError as error:
                return _refusal(coupling, None, None, reason=error.message)
            else:
                return None
            bc_row = self._table.get(partition, (BC, coupling.bc_id))
            crm_row = self._table.get(partition, (CRM, coupling.crm_id))
            bc_partner = str(bc_row.values["crm_id"]) if bc_row else None
            crm_partner = str(crm_row.values["bc_id"]) if crm_row else None
            if bc_row and bc_partner == coupling.crm_id:
                if self._refresh(mapping, coupling, bc_row):
                    return None
            elif bc_partner or crm_partner:
                return _refusal(coupling, bc_partner, crm_partner)
            # else both were uncoupled since the insert was refused
        raise _contended(coupling.bc_id)

    def _refresh(self, mapping: str, coupling: Coupling, row: Row) -> bool:
        """Give an existing coupling new content; False where it changed in the meantime."""
        try:
            self._table.transact(row.partition, [_refreshing(mapping, coupling, row)])
        except TransactionRefusedError:
            return False
        return True

    def _save_batch(self, mapping: str, batch: Sequence[Coupling]) -> list[CouplingRefusal]:
        operations = [
            Operation(
                kind=OperationKind.MERGE,
                key=(BC, coupling.bc_id),
                values=content_values(coupling),
                etag=coupling.etag or ANY_VERSION,
            )
            for coupling in batch
        ]
        try:
            self._table.transact(self._partition(mapping), operations)
        except (TransactionRefusedError, RecordError):
            return [r for coupling in batch if (r := self._save_one(mapping, coupling))]
        return []

    def _save_one(self, mapping: str, coupling: Coupling) -> CouplingRefusal | None:
        partition = self._partition(mapping)
        for _ in range(_TRIES):
            row = self._table.get(partition, (BC, coupling.bc_id))
            partner = str(row.values["crm_id"]) if row else None
            if row is None or partner != coupling.crm_id:
                return _refusal(coupling, partner, None)
            if coupling.etag not in ("", row.etag):
                if coupling_of(mapping, row) == coupling:
                    return None  # our own write, whose answer was lost
                raise CouplingChangedError(
                    "coupling-changed",
                    f"Another worker stored what became of {coupling.name or coupling.bc_id}.",
                )
            try:
                self._table.replace(replace(row, values=data_values(coupling)), row.etag)
            except RowChangedError:
                continue
            except RecordError as error:
                return _refusal(coupling, None, None, reason=error.message)
            return None
        raise _contended(coupling.bc_id)

    def _load(self, mapping: str, bc_id: str) -> Coupling | None:
        row = self._table.get(self._partition(mapping), (BC, bc_id))
        return coupling_of(mapping, row) if row else None

    def _load_by_crm(self, mapping: str, crm_id: str) -> Coupling | None:
        pointer = self._table.get(self._partition(mapping), (CRM, crm_id))
        if pointer is None:
            return None
        coupling = self._load(mapping, str(pointer.values["bc_id"]))
        # None or another partner: uncoupled between the two reads
        return coupling if coupling and coupling.crm_id == crm_id else None

    def _partition(self, mapping: str) -> tuple[str, ...]:
        return (self._connection, mapping)

    def _side_by_side[Item, Result](
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> list[Result]:
        if self._pool is None or len(items) < 2:
            return [work(item) for item in items]
        return list(self._pool.map(work, items))


def _insertion(coupling: Coupling) -> list[Operation]:
    return [
        Operation(
            kind=OperationKind.INSERT, key=(BC, coupling.bc_id), values=data_values(coupling)
        ),
        Operation(
            kind=OperationKind.INSERT,
            key=(CRM, coupling.crm_id),
            values={"bc_id": coupling.bc_id},
        ),
    ]


def _refreshing(mapping: str, coupling: Coupling, row: Row) -> Operation:
    """Gives the coupling that this row holds new content; when it was coupled stays."""
    kept = replace(coupling, coupled_at=coupling_of(mapping, row).coupled_at)
    return Operation(
        kind=OperationKind.REPLACE, key=row.key, values=data_values(kept), etag=row.etag
    )


def _checked(mapping: str, coupling: Coupling) -> Coupling:
    """Raises ``ValueError`` for a coupling of another mapping, or one without both ids."""
    if coupling.mapping != mapping:
        raise ValueError(f"a coupling of {coupling.mapping} was given to be stored as {mapping}")
    if not coupling.bc_id or not coupling.crm_id:
        raise ValueError(f"a coupling of {mapping} lacks an id")
    return coupling


def _split_repeated(couplings: Sequence[Coupling]) -> tuple[list[Coupling], list[Coupling]]:
    """Couplings whose records occur first, and those that name a record of an earlier one."""
    distinct: list[Coupling] = []
    repeated: list[Coupling] = []
    seen: set[tuple[str, str]] = set()
    for coupling in couplings:
        records = {(BC, coupling.bc_id), (CRM, coupling.crm_id)}
        (repeated if records & seen else distinct).append(coupling)
        seen |= records
    return distinct, repeated


def _refusal(
    coupling: Coupling, bc_partner: str | None, crm_partner: str | None, *, reason: str = ""
) -> CouplingRefusal:
    reasons = [reason] if reason else []
    if bc_partner and bc_partner != coupling.crm_id:
        reasons.append(f"the BC record {coupling.bc_id} is coupled to CRM record {bc_partner}")
    if crm_partner and crm_partner != coupling.bc_id:
        reasons.append(f"the CRM record {coupling.crm_id} is coupled to BC record {crm_partner}")
    if not reasons:
        reasons.append(f"the BC record {coupling.bc_id} is no longer coupled")
    record = coupling.name or coupling.bc_key or coupling.bc_id
    return CouplingRefusal(
        coupling=coupling,
        bc_coupled_to=bc_partner,
        crm_coupled_to=crm_partner,
        message=f"{record} ({coupling.mapping}): {'; '.join(reasons)}",
    )


def _contended(bc_id: str) -> TransientError:
    return TransientError(
        "coupling-contended",
        f"Others keep changing the coupling of BC record {bc_id}.",
        hint="The work is tried again.",
    )
