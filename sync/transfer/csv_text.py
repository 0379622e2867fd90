"""Rows of cells as comma-separated text, and back (RFC 4180). Pure.

Spreadsheets take a cell that begins like a formula for one, whatever wrote it, and run it. So such
a cell is written with an apostrophe before it, and so is one that has that apostrophe already; the
reader takes one off again wherever the writer could have put it. What is written is read as it was.

The reader takes what spreadsheets write: commas or semicolons (what follows the first heading
decides), lines ended in any way, a byte order mark. It is strict about everything else and tells
all that is wrong with line and column, both counted from 1, the column in characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

MEDIA_TYPE = "text/csv"

_FORMULA = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001 - the wide forms, which spreadsheets take for these
_GUARD = "'"
_GUARDED = (*_FORMULA, _GUARD)
_TO_BE_QUOTED = re.compile(r"""[",;\r\n\t\ufeff]""")
_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')
_FIRST_CELL = re.compile(rf'(?:{_QUOTED.pattern}|[^",;\r\n])*+')
_BYTE_ORDER_MARK = "\ufeff"
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_UTF_16 = ("\udcff\udcfe", "\udcfe\udcff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a file, and where."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell, and where it begins."""

    text: str
    line: int
    column: int


type CellRow = tuple[Cell, ...]
"""The cells of one row; at least one."""


@dataclass(slots=True)
class CsvText:
    """What a text holds. The rows are of no use where there are faults."""

    rows: list[CellRow] = field(default_factory=list)
    """Without empty lines."""
    faults: list[Fault] = field(default_factory=list)


def write_rows(rows: Iterable[Sequence[str]]) -> str:
    """The rows as text, each ended by CR LF."""
    return "".join(f"{_written_row(row)}\r\n" for row in rows)


def read_rows(text: str) -> CsvText:
    """The rows of a text, in which lone surrogates stand for bytes that are not UTF-8."""
    found = CsvText()
    if text.startswith(_UTF_16):
        found.faults.append(
            Fault(line=1, column=1, message="The file is in UTF-16. Save it as CSV UTF-8.")
        )
        return found
    text = text.removeprefix(_BYTE_ORDER_MARK)
    found.faults += _not_utf_8(text)
    reader = _Reader(text)
    found.rows += reader.rows()
    found.faults += reader.faults
    return found


def _written_row(row: Sequence[str]) -> str:
    # a row of one blank cell would be an empty line, which is none
    return '""' if list(row) == [""] else ",".join(map(_written, row))


def _written(cell: str) -> str:
    text = f"{_GUARD}{cell}" if cell.startswith(_GUARDED) else cell
    return '"{}"'.format(text.replace('"', '""')) if _TO_BE_QUOTED.search(text) else text


def _read(text: str) -> str:
    return text[1:] if text.startswith(_GUARD) and text[1:].startswith(_GUARDED) else text


def _not_utf_8(text: str) -> Iterator[Fault]:
    """The first such place of each line."""
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if found := _NOT_UTF_8.search(line):
            yield Fault(
                line=number,
                column=found.start() + 1,
                message="Not UTF-8 from here on. Save the file as CSV UTF-8.",
            )


class _Reader:
    """Goes through a text once."""

    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self._text = text
        first = _FIRST_CELL.match(text)
        self._separator = ";" if first and text.startswith(";", first.end()) else ","
        self._plain = re.compile(rf"[^{self._separator}\r\n]*+")
        self._at = 0
        self._line = 1
        self._line_start = 0

    def rows(self) -> Iterator[CellRow]:
        while self._at < len(self._text):
            if not self._end_line():
                yield tuple(self._cells())

    def _cells(self) -> Iterator[Cell]:
        """The cells up to the end of a row."""
        while True:
            yield self._cell()
            if self._at == len(self._text) or self._end_line():
                return
            self._at += 1  # the separator

    def _cell(self) -> Cell:
        line, column = self._line, self._column
        if not self._text.startswith('"', self._at):
            text = self._plain_text()
            if '"' in text:
                self._fault(column + text.index('"'), "A quote within a cell that is not quoted.")
        elif quoted := _QUOTED.match(self._text, self._at):
            text = quoted.group()[1:-1].replace('""', '"')
            self._pass(quoted.group())
            column_after = self._column
            if self._plain_text():
                self._fault(column_after, "Text after the quote that ends a cell.")
        else:
            self._fault(column, "A quote opens here that is never closed.")
            text = self._text[self._at :]
            self._pass(text)
        return Cell(text=_read(text), line=line, column=column)

    def _plain_text(self) -> str:
        """What stands here up to a separator or the end of the line."""
        found = self._plain.match(self._text, self._at)
        text = found.group() if found else ""
        self._at += len(text)
        return text

    def _end_line(self) -> bool:
        """Pass the end of a line, if it is here."""
        found = _LINE_END.match(self._text, self._at)
        if found:
            self._pass(found.group())
        return found is not None

    def _pass(self, text: str) -> None:
        """Go on behind text that may hold ends of lines."""
        start = self._at
        self._at += len(text)
        for end in _LINE_END.finditer(text):
            self._line += 1
            self._line_start = start + end.end()

    @property
    def _column(self) -> int:
        return self._at - self._line_start + 1

    def _fault(self, column: int, message: str) -> None:
        self.faults.append(Fault(line=self._line, column=column, message=message))
