"""Where an import of the CRM solution is kept: the table ``solutions``, one row per connection."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from errors import RefusedRequestError
from setup.solution.model import ImportState, Problem, SolutionImport
from storage.columns import Columns
from storage.rows import Row, RowChangedError, RowExistsError
from storage.tables import TenantTable

TABLE = "solutions"
_KEY = ("import",)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImport:
    """An import and the version of its row; empty where there is no row."""

    value: SolutionImport
    etag: str = ""


class SolutionStore:
    """The import of one connection."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._partition = (connection_id,)

    def load(self) -> StoredImport:
        """The last import; one that never began where there is none."""
        row = self._table.get(self._partition, _KEY)
        if row is None:
            return StoredImport(value=SolutionImport())
        return StoredImport(value=_import_of(row), etag=row.etag)

    def save(self, stored: StoredImport, value: SolutionImport) -> StoredImport:
        """Keep how it goes now.

        Raises ``RefusedRequestError`` (409) where another call carried it on since it was read.
        """
        row = _row_of(self._partition, value)
        try:
            kept = self._table.replace(row, stored.etag) if stored.etag else self._table.insert(row)
        except (RowChangedError, RowExistsError):
            raise RefusedRequestError(
                409,
                "import-elsewhere",
                "Another call carries this import on at the moment.",
                hint="Look how it goes, and send this again if it is not finished.",
            ) from None
        return StoredImport(value=value, etag=kept.etag)


def _row_of(partition: tuple[str, ...], value: SolutionImport) -> Row:
    return Row(
        partition=partition,
        key=_KEY,
        values={
            "state": value.state.value,
            "progress": value.progress,
            "version": value.version,
            "digest": value.digest,
            "upload_id": value.upload_id,
            "import_job_id": value.import_job_id,
            "operation_id": value.operation_id,
            "roles": json.dumps(value.roles),
            "began_at": value.began_at,
            "changed_at": value.changed_at,
            "begun_by": value.begun_by,
            "problem": json.dumps(asdict(value.problem)) if value.problem else "",
        },
    )


def _import_of(row: Row) -> SolutionImport:
    columns = Columns(row)
    problem = columns.text("problem")
    return SolutionImport(
        state=ImportState(columns.text("state")),
        progress=columns.number("progress"),
        version=columns.text("version"),
        digest=columns.text("digest"),
        upload_id=columns.text("upload_id"),
        import_job_id=columns.text("import_job_id"),
        operation_id=columns.text("operation_id"),
        roles=tuple(json.loads(columns.text("roles"))),
        began_at=columns.optional_time("began_at"),
        changed_at=columns.optional_time("changed_at"),
        begun_by=columns.text("begun_by"),
        problem=Problem(**json.loads(problem)) if problem else None,
    )
