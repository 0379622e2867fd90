"""Drift in storage: one row for each record or pair that a look at the table found.

The rows of a table are those of its last look; while one is under way, those that it met already
are of this one and the others still of the one before.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import batched

from couplings.model import Side
from storage.columns import Columns
from storage.leafing import rows_from
from storage.paging import check_limit, take_page
from storage.removal import remove_rows
from storage.rows import TRANSACTION_LIMIT, Operation, OperationKind, Row, Value
from storage.tables import TenantTable
from sync.drift import Drift, DriftKind, FieldDifference, Flow, Twin

_LONGEST_TEXT = 4000
_MOST_FIELDS = 40
"""Differences of so many fields are kept: a column holds 32,000 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPage:
    drift: list[Drift]
    continuation: str | None
    """Opaque; None on the last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCount:
    """How many records of a mapping are in drift of this kind."""

    mapping: str
    kind: DriftKind
    drift: int
    explained: int
    """Those that an outcome tells of already; they are not among ``drift``."""


class DriftStore:
    """The drift of one connection; safe for several threads."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._connection = connection_id

    def put_many(self, mapping: str, drifts: Sequence[Drift]) -> None:
        """Store drift, the last one of each record; idempotent."""
        latest = {(drift.side, drift.record_id): drift for drift in drifts}
        for some in batched(latest.items(), TRANSACTION_LIMIT, strict=False):
            self._table.transact(
                self._partition(mapping),
                [
                    Operation(kind=OperationKind.UPSERT, key=key, values=_values(drift))
                    for key, drift in some
                ],
            )

    def forget_others(self, mapping: str, run_id: str) -> None:
        """Remove what earlier runs found and this one did not; idempotent."""
        rows = self._table.scan(self._partition(mapping), select=("run_id",))
        others = [row.key for row in rows if row.values["run_id"] != run_id]
        remove_rows(self._table, self._partition(mapping), others)

    def list_page(
        self,
        *,
        mapping: str | None = None,
        kind: DriftKind | None = None,
        keep: Callable[[Drift], bool] = lambda _: True,
        limit: int = 100,
        continuation: str | None = None,
    ) -> DriftPage:
        """Drift by mapping and record, what is to ``keep`` of it. Raises ``RefusedRequestError``:
        422 for a limit outside 1 to 1000, 400 for a continuation that another list gave."""
        rows = rows_from(
            self._table,
            self._connection,
            mapping,
            where={"kind": kind.value} if kind else {},
            limit=check_limit(limit),
            continuation=continuation,
        )
        kept = (row for row in rows if keep(_drift_of(row)))
        page, following = take_page(kept, limit, of=self._table)
        return DriftPage(drift=[_drift_of(row) for row in page], continuation=following)

    def scan(self, mapping: str) -> Iterator[Drift]:
        """All drift of a mapping, a thousand to a request."""
        return map(_drift_of, self._table.scan(self._partition(mapping)))

    def find(self, mapping: str, side: Side, record_id: str) -> Drift | None:
        """The drift told under this record; one point read."""
        row = self._table.get(self._partition(mapping), (side, record_id))
        return _drift_of(row) if row else None

    def summary(self) -> list[DriftCount]:
        """Counts of all drift by mapping and kind, in that order; reads all rows' kinds."""
        rows = self._table.scan_below((self._connection,), select=("kind", "explained_by"))
        drift: Counter[tuple[str, str]] = Counter()
        explained: Counter[tuple[str, str]] = Counter()
        for row in rows:
            columns = Columns(row)
            counter = explained if columns.text("explained_by") else drift
            counter[row.partition[1], columns.text("kind")] += 1
        return [
            DriftCount(
                mapping=mapping,
                kind=DriftKind(kind),
                drift=drift[mapping, kind],
                explained=explained[mapping, kind],
            )
            for mapping, kind in sorted(drift.keys() | explained.keys())
        ]

    def _partition(self, mapping: str) -> tuple[str, ...]:
        return (self._connection, mapping)


def _values(drift: Drift) -> dict[str, Value]:
    return {
        "kind": drift.kind.value,
        "bc_id": drift.bc_id,
        "crm_id": drift.crm_id,
        "name": drift.name[:250],
        "fields": json.dumps([asdict(each) for each in drift.fields[:_MOST_FIELDS]]),
        "twins": json.dumps([asdict(each) for each in drift.twins]),
        "message": drift.message[:_LONGEST_TEXT],
        "plan": drift.plan[:_LONGEST_TEXT],
        "explained_by": drift.explained_by,
        "run_id": drift.run_id,
        "found_at": drift.found_at,
    }


def _drift_of(row: Row) -> Drift:
    side, record_id = row.key
    columns = Columns(row)
    return Drift(
        mapping=row.partition[1],
        kind=DriftKind(columns.text("kind")),
        side="bc" if side == "bc" else "crm",
        record_id=record_id,
        bc_id=columns.text("bc_id"),
        crm_id=columns.text("crm_id"),
        name=columns.text("name"),
        fields=tuple(
            FieldDifference(**(each | {"flow": Flow(each["flow"])}))
            for each in json.loads(columns.text("fields"))
        ),
        twins=tuple(Twin(**each) for each in json.loads(columns.text("twins"))),
        message=columns.text("message"),
        plan=columns.text("plan"),
        explained_by=columns.text("explained_by"),
        run_id=columns.text("run_id"),
        found_at=columns.time("found_at"),
    )
