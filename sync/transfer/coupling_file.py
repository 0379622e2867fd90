"""What a file says of couplings: its rows as wishes, or everything that is wrong with it. Pure.

A record is named by its id where the row has one, by its number, code or natural key where not, so
that an export, which has both, is taken as it is. Rows that are all blank are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from errors import RefusedRequestError
from sync.by_hand.named_records import is_id
from sync.by_hand.pairing import First
from sync.mapping import TableMapping
from sync.transfer.csv_text import Cell, CellRow, Fault, read_rows
from sync.transfer.headings import Columns, find_columns, naming_bc, naming_crm

MOST_ROWS = 20_000
_MOST_FAULTS_TOLD = 50
_LONGEST_CELL = 250
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LOOKUP_COLUMN = re.compile(r"_\w+_value")
_YES = ("true", "yes", "1")
_NO = ("false", "no", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One row of a file: two records that somebody says are the same."""

    line: int
    """Where it begins."""
    bc_id: str
    """Lower case; blank where the record is named by its number or code."""
    bc_key: str
    """Blank where the record is named by its id."""
    crm_id: str
    """Lower case; blank where the record is named by a natural key."""
    crm_key: tuple[tuple[str, str], ...]
    """CRM columns and their values; none where the record is named by its id."""
    first: First
    replaces: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """What holds for rows that do not say it."""

    first: First = First.NONE
    replaces: bool = False


class FaultyFileError(RefusedRequestError):
    """The file cannot be read, or says what cannot be; ``errors`` tells where."""

    def __init__(self, faults: list[Fault]) -> None:
        told = faults[:_MOST_FAULTS_TOLD]
        number = "One place" if len(faults) == 1 else f"{len(faults)} places"
        rest = f" The first {len(told)} are told." if len(told) < len(faults) else ""
        super().__init__(
            422,
            "file-faulty",
            f"{number} of the file cannot be read as couplings.{rest}",
            hint="Mend the file and send it again; nothing of it was stored.",
        )
        self.errors = tuple(
            {"member": f"line {each.line}, column {each.column}", "message": each.message}
            for each in told
        )


def read_file(text: str, mapping: TableMapping, unsaid: Unsaid) -> list[FileRow]:
    """The rows of a file of couplings of this table mapping; raises ``FaultyFileError``.

    ``text`` has lone surrogates in place of bytes that are not UTF-8.
    """
    found = read_rows(text)
    faults = found.faults
    if not found.rows:
        raise FaultyFileError(faults or [Fault(line=1, column=1, message="The file is empty.")])
    header, *rows = found.rows
    columns, of_header = find_columns(header, mapping)
    wishes = [row for row in rows if any(cell.text.strip() for cell in row)]
    reader = _RowReader(columns, mapping, unsaid)
    read = [] if of_header else [reader.read(row) for row in wishes if len(row) == columns.number]
    faults += [*of_header, *_of_shape(columns, wishes), *reader.faults]
    if faults:
        raise FaultyFileError(sorted(faults, key=lambda each: (each.line, each.column)))
    return read


def _of_shape(columns: Columns, rows: list[CellRow]) -> Iterator[Fault]:
    if not rows:
        yield Fault(line=1, column=1, message="The file has headings and no row below them.")
    if len(rows) > MOST_ROWS:
        yield Fault(
            line=rows[MOST_ROWS][0].line,
            column=1,
            message=f"A file has at most {MOST_ROWS} rows, this one {len(rows)}. Divide it.",
        )
    for row in rows:
        if len(row) != columns.number:
            yield Fault(
                line=row[0].line,
                column=row[0].column,
                message=f"The row has {len(row)} cells, the headings are {columns.number}.",
            )


class _RowReader:
    """Reads rows that have as many cells as there are headings, and collects what is wrong."""

    def __init__(self, columns: Columns, mapping: TableMapping, unsaid: Unsaid) -> None:
        self.faults: list[Fault] = []
        self._columns = columns
        self._mapping = mapping
        self._unsaid = unsaid

    def read(self, row: CellRow) -> FileRow:
        """What the row says; of no use where something is wrong with it."""
        bc_id = self._id(row, self._columns.bc_id)
        bc_key = "" if bc_id else self._text(row, self._columns.bc_key)
        if not bc_id and not bc_key:
            told = naming_bc(self._mapping)
            self._fault(row[0], f"The row names no record of Business Central: {told}.")
        crm_id = self._id(row, self._columns.crm_id)
        crm_key = () if crm_id else self._crm_key(row)
        if not crm_id and not crm_key:
            told = naming_crm(self._mapping)
            self._fault(row[0], f"The row names no record of Dynamics 365 Sales: {told}.")
        return FileRow(
            line=row[0].line,
            bc_id=bc_id,
            bc_key=bc_key,
            crm_id=crm_id,
            crm_key=crm_key,
            first=self._first(row),
            replaces=self._replaces(row),
        )

    def _crm_key(self, row: CellRow) -> tuple[tuple[str, str], ...]:
        """The first match key of which no cell is blank."""
        for key in self._columns.crm_keys:
            values = {
                column: self._id(row, position)
                if _LOOKUP_COLUMN.fullmatch(column)
                else self._text(row, position)
                for column, position in key.items()
            }
            if all(values.values()):
                return tuple(values.items())
        return ()

    def _first(self, row: CellRow) -> First:
        text = self._text(row, self._columns.first).lower()
        choices = {each.value: each for each in First}
        if text and text not in choices and self._columns.first is not None:
            told = ", ".join(choices)
            self._fault(row[self._columns.first], f"Must be one of {told}, or blank.")
        return choices.get(text, self._unsaid.first)

    def _replaces(self, row: CellRow) -> bool:
        text = self._text(row, self._columns.replace).lower()
        if not text:
            return self._unsaid.replaces
        if text not in (*_YES, *_NO) and self._columns.replace is not None:
            self._fault(row[self._columns.replace], "Must be yes or no, or blank.")
        return text in _YES

    def _id(self, row: CellRow, position: int | None) -> str:
        text = self._text(row, position)
        if text and not is_id(text) and position is not None:
            self._fault(row[position], f"{text[:50]!r} is no id.")
        return text.lower()

    def _text(self, row: CellRow, position: int | None) -> str:
        """What a cell says, blank where the file has no such column."""
        if position is None:
            return ""
        text = row[position].text.strip()
        if len(text) > _LONGEST_CELL:
            self._fault(row[position], f"Longer than {_LONGEST_CELL} characters.")
        if _CONTROL.search(text):
            self._fault(row[position], "Control characters, such as a line break, within the cell.")
        return text

    def _fault(self, cell: Cell, message: str) -> None:
        self.faults.append(Fault(line=cell.line, column=cell.column, message=message))
