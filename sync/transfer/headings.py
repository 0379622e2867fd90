"""Which columns a file of couplings has, and where in it what is read of them stands. Pure.

An export has all the columns that it writes; a file that a person made names each record of
Business Central by id or by number or code, and each record of Dynamics 365 Sales by id or by the
CRM columns of one of the table mapping's match keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sync.mapping import TableMapping
from sync.transfer.csv_text import CellRow, Fault

CRM_PREFIX = "crm."
"""May stand before the name of a CRM column, and must before one that is called like a heading."""


class Heading(StrEnum):
    BC_ID = "bc_id"
    BC_KEY = "bc_key"
    NAME = "name"
    CRM_ID = "crm_id"
    STATE = "state"
    COUPLED_AT = "coupled_at"
    SYNCHRONIZED_AT = "synchronized_at"
    FIRST = "first"
    REPLACE = "replace"


WRITTEN = (
    Heading.BC_ID,
    Heading.BC_KEY,
    Heading.NAME,
    Heading.CRM_ID,
    Heading.STATE,
    Heading.COUPLED_AT,
    Heading.SYNCHRONIZED_AT,
)
"""The columns of an export; names, states and times are for people, and are not read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Positions of what is read of each row."""

    bc_id: int | None
    bc_key: int | None
    crm_id: int | None
    crm_keys: tuple[Mapping[str, int], ...]
    """By CRM column, for each match key that the file has wholly, in the mapping's order."""
    first: int | None
    replace: int | None
    number: int
    """Of cells in a row."""


def find_columns(header: CellRow, mapping: TableMapping) -> tuple[Columns, list[Fault]]:
    """Where the file has what; the columns are of no use where there are faults."""
    keys = crm_keys_of(mapping)
    places, faults = _places(header, [column for key in keys for column in key])
    columns = Columns(
        bc_id=places.get(Heading.BC_ID),
        bc_key=places.get(Heading.BC_KEY) if has_bc_key(mapping) else None,
        crm_id=places.get(Heading.CRM_ID),
        crm_keys=tuple(
            {column: places[_heading_of(column)] for column in key}
            for key in keys
            if all(_heading_of(column) in places for column in key)
        ),
        first=places.get(Heading.FIRST),
        replace=places.get(Heading.REPLACE),
        number=len(header),
    )
    faults += _incomplete(header, places, keys)
    return columns, faults or _missing(header, mapping, columns)


def has_bc_key(mapping: TableMapping) -> bool:
    """Whether the table's records have a number or code in Business Central, or ids only."""
    return mapping.bc.key != mapping.bc.id_field


def crm_keys_of(mapping: TableMapping) -> list[tuple[str, ...]]:
    """The CRM columns of each match key, in the mapping's order."""
    return [tuple(crm for _, crm in key.pairs) for key in mapping.match]


def naming_bc(mapping: TableMapping) -> str:
    """By what a file names a BC record, in words."""
    return (
        f"by {Heading.BC_ID} or {Heading.BC_KEY}" if has_bc_key(mapping) else f"by {Heading.BC_ID}"
    )


def naming_crm(mapping: TableMapping) -> str:
    """By what a file names a CRM record, in words."""
    keys = (" with ".join(map(_heading_of, key)) for key in crm_keys_of(mapping))
    return "by " + ", or by ".join((Heading.CRM_ID, *keys))


def _heading_of(column: str) -> str:
    """A CRM column's own heading."""
    return f"{CRM_PREFIX}{column}" if column.casefold() in set(Heading) else column


def _places(header: CellRow, crm_columns: Iterable[str]) -> tuple[dict[str, int], list[Fault]]:
    """Positions by heading."""
    known = {f"{CRM_PREFIX}{each.casefold()}": _heading_of(each) for each in crm_columns}
    known |= {each.casefold(): each for each in (*known.values(), *Heading)}
    places: dict[str, int] = {}
    faults: list[Fault] = []
    for position, cell in enumerate(header):
        heading = known.get(cell.text.strip().casefold())
        if heading is None:
            told = ", ".join(dict.fromkeys(known.values()))
            message = f"{cell.text.strip()[:50]!r} is none of the headings known here: {told}."
            faults.append(Fault(line=cell.line, column=cell.column, message=message))
        elif heading in places:
            message = f"{heading} is there twice."
            faults.append(Fault(line=cell.line, column=cell.column, message=message))
        else:
            places[heading] = position
    return places, faults


def _incomplete(
    header: CellRow, places: Mapping[str, int], keys: Sequence[tuple[str, ...]]
) -> list[Fault]:
    """CRM columns of which no match key has all its other columns."""
    headed = [tuple(map(_heading_of, key)) for key in keys]
    of_use = {each for key in headed if all(each in places for each in key) for each in key}
    faults: list[Fault] = []
    for heading in sorted({each for key in headed for each in key} & places.keys() - of_use):
        missing = " or ".join(
            " and ".join(each for each in key if each not in places)
            for key in headed
            if heading in key
        )
        cell = header[places[heading]]
        message = f"{heading} names no record without {missing}."
        faults.append(Fault(line=cell.line, column=cell.column, message=message))
    return faults


def _missing(header: CellRow, mapping: TableMapping, columns: Columns) -> list[Fault]:
    messages = []
    if columns.bc_id is None and columns.bc_key is None:
        messages.append(f"No column names the Business Central records: {naming_bc(mapping)}.")
    if columns.crm_id is None and not columns.crm_keys:
        messages.append(f"No column names the Dynamics 365 Sales records: {naming_crm(mapping)}.")
    return [Fault(line=header[0].line, column=1, message=each) for each in messages]
