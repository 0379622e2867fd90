"""A row's columns by the type they were written with."""

from __future__ import annotations

from datetime import datetime

from storage.rows import Row


class Columns:
    """Reads a row that this application wrote; a missing or strange column is a defect, not an
    outcome, and raises ``KeyError`` or ``TypeError``."""

    def __init__(self, row: Row) -> None:
        self._values = row.values

    def text(self, column: str) -> str:
        return self._typed(column, str)

    def number(self, column: str) -> int:
        return self._typed(column, int)

    def optional_number(self, column: str) -> int | None:
        """None where the column was written as None."""
        return None if self._values.get(column) is None else self.number(column)

    def flag(self, column: str) -> bool:
        return self._typed(column, bool)

    def time(self, column: str) -> datetime:
        return self._typed(column, datetime)

    def optional_time(self, column: str) -> datetime | None:
        """None where the column was written as None or as empty text."""
        return self.time(column) if self._values.get(column) else None

    def _typed[T: (str, int, bool, datetime)](self, column: str, kind: type[T]) -> T:
        value = self._values[column]
        if not isinstance(value, kind):
            raise TypeError(f"the column {column} holds a {type(value).__name__}")
        return value
