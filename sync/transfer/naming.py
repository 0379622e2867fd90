"""Which records the rows of a file mean: numbers, codes and natural keys become ids.

Each system is asked for all rows of a page together. A name that fits no record, or several, is
refused for its row; nobody chooses between them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.matching import comparable
from services.records import Record
from sync.by_hand.named_records import PLACES, find_bc_by_key
from sync.crm_index import failed_requirement, in_scope
from sync.transfer.coupling_file import FileRow
from sync.work import Work

_MOST_SHOWN = 5

type CrmKey = tuple[tuple[str, str], ...]
"""CRM columns and their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOneRecord:
    """Why a name means no record."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The records that a row means; ids are blank where a name means none."""

    bc_id: str
    crm_id: str
    problem: NotOneRecord | None
    """The first one."""


def records_meant(work: Work, rows: Sequence[FileRow]) -> list[Meant]:
    """What each row means, in their order. Ids are taken as they are, whether or not such a record
    exists. Raises as the services do."""
    bc = _bc_ids(work, {row.bc_key for row in rows if row.bc_key})
    crm = _crm_ids(work, {row.crm_key for row in rows if row.crm_key})
    return [_meant(row, bc, crm) for row in rows]


def _meant(
    row: FileRow, bc: dict[str, str | NotOneRecord], crm: dict[CrmKey, str | NotOneRecord]
) -> Meant:
    found = (
        bc[row.bc_key] if row.bc_key else row.bc_id,
        crm[row.crm_key] if row.crm_key else row.crm_id,
    )
    bc_id, crm_id = ("" if isinstance(each, NotOneRecord) else each for each in found)
    problems = [each for each in found if isinstance(each, NotOneRecord)]
    return Meant(bc_id=bc_id, crm_id=crm_id, problem=problems[0] if problems else None)


def _bc_ids(work: Work, keys: set[str]) -> dict[str, str | NotOneRecord]:
    table = work.mapping.bc
    found = find_bc_by_key(work, sorted(keys))
    return {
        key: _only(
            [str(record[table.id_field]).lower() for record in found.get(key, [])],
            f"{key!r} in {table.name} of {PLACES['bc']}",
            "bc_id",
        )
        for key in keys
    }


def _crm_ids(work: Work, keys: set[CrmKey]) -> dict[CrmKey, str | NotOneRecord]:
    found: dict[CrmKey, str | NotOneRecord] = {}
    by_columns: dict[tuple[str, ...], list[CrmKey]] = defaultdict(list)
    for key in sorted(keys):
        by_columns[tuple(column for column, _ in key)].append(key)
    for columns, alike in by_columns.items():
        fitting = _fitting(work, columns, alike)
        for key in alike:
            words = ", ".join(f"{column} {value!r}" for column, value in key)
            ids = fitting[comparable([value for _, value in key])]
            found[key] = _only(
                ids, f"{words} in {work.mapping.crm.entity_set} of {PLACES['crm']}", "crm_id"
            )
    return found


def _fitting(
    work: Work, columns: tuple[str, ...], keys: Iterable[CrmKey]
) -> dict[tuple[object, ...], list[str]]:
    """Ids of the CRM records by the values of these columns. Among several of the same values,
    those that the table mapping is about are meant, if there are any."""
    table = work.mapping.crm
    records = work.crm.fetch_matching(
        table.entity_set,
        columns,
        [[value for _, value in key] for key in keys],
        work.mapping.crm_select(),
    )
    alike: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for record in records:
        alike[comparable([record.get(column) for column in columns])].append(record)
    ids: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for values, several in alike.items():
        inside = [
            each
            for each in several
            if in_scope(table.scope, each) and not failed_requirement(table.requires, each)
        ]
        ids[values] = [str(each[table.id_column]) for each in inside or several]
    return ids


def _only(ids: Sequence[str], words: str, heading: str) -> str | NotOneRecord:
    if len(ids) == 1:
        return ids[0]
    if not ids:
        return NotOneRecord(
            code="record-unknown",
            message=f"There is no {words}.",
            hint=f"Mend the name, or name the record by {heading}.",
        )
    shown = ", ".join(sorted(ids)[:_MOST_SHOWN])
    return NotOneRecord(
        code="record-ambiguous",
        message=f"There are {len(ids)} of {words}: {shown}{', …' * (len(ids) > _MOST_SHOWN)}.",
        hint=f"Name the one that is meant by {heading}.",
    )
