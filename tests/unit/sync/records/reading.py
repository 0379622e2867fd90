"""Services that search and sort, to list records from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.simulators.core.odata_filter import (
    Kind,
    joins_distinct_properties_by_or,
    parse_filter,
)
from local.simulators.core.odata_predicate import Property, compile_filter
from services.records import Page, Record
from sync.records.listing import list_records
from sync.records.model import Asked, ListedRecord, RecordOrder, RecordPage, RecordState
from tests.support.table_jobs import SyncWorld

_NUMBERS = ("customertypecode", "statecode")


class _Searched:
    """The lists of one service's tables; the cursor is the last record's place."""

    def __init__(self, tables: Any, key: Callable[[str], str], *, is_bc: bool) -> None:
        self._tables = tables
        self._id_column = key
        self._is_bc = is_bc
        self.sizes: list[int] = []
        """Records that each page had."""

    def page(self, table: str, text: str | None, orderby: str, size: int, token: str) -> Page:
        column, _, down = orderby.partition(" ")
        id_column = self._id_column(table)
        keeps = self._condition(text)
        rows = sorted(
            (row for row in self._tables.tables[table].values() if keeps(row)),
            key=lambda row: (str(row.get(column) or "").casefold(), row[id_column]),
            reverse=down == "desc",
        )
        begin = next((n for n, row in enumerate(rows, 1) if row[id_column] == token), 0)
        assert begin or not token, "a cursor of another list"
        some = rows[begin : begin + size]
        self.sizes.append(len(some))
        more = len(rows) > begin + size
        return Page(records=[dict(row) for row in some], next=some[-1][id_column] if more else None)

    def _condition(self, text: str | None) -> Callable[[Record], bool]:
        if not text:
            return lambda row: True
        condition = parse_filter(text)
        assert not (self._is_bc and joins_distinct_properties_by_or(condition)), text

        def read(path: str) -> Property:
            kind = Kind.NUMBER if path in _NUMBERS else Kind.TEXT
            return Property(kind=kind, read=lambda row: row.get(path))

        return compile_filter(condition, read, fold_case=not self._is_bc)


class Office(SyncWorld):
    """A company whose services list records."""

    def __init__(self) -> None:
        super().__init__()
        bc = _Searched(self.bc, self.bc.id_columns.__getitem__, is_bc=True)
        crm = _Searched(self.crm, self.crm.id_columns.__getitem__, is_bc=False)
        self.pages = {"bc": bc.sizes, "crm": crm.sizes}

        def bc_page(endpoint: Any, *, select: Any, filter: Any, **how: Any) -> Page:  # noqa: A002
            return bc.page(endpoint.name, filter, how["orderby"], how["page_size"], how["token"])

        def crm_page(entity_set: str, *, select: Any, filter: Any, **how: Any) -> Page:  # noqa: A002
            return crm.page(entity_set, filter, how["orderby"], how["page_size"], how["token"])

        self.bc.fetch_page = bc_page  # type: ignore[attr-defined]  # only lists need it
        self.crm.fetch_page = crm_page  # type: ignore[attr-defined]  # as above

    def page(
        self, asked: Asked, continuation: str | None = None, mapping: str = "CUSTOMER"
    ) -> RecordPage:
        return list_records(self.open(self.catalog.named(mapping)), asked, continuation)

    def listed(self, mapping: str = "CUSTOMER", **how: Any) -> list[ListedRecord]:
        """All pages of a list."""
        asked = asked_for(**how)
        found, continuation = list[ListedRecord](), None
        while True:
            page = self.page(asked, continuation, mapping)
            assert len(page.records) <= asked.limit
            found += page.records
            continuation = page.continuation
            if continuation is None:
                return found

    def names(self, **how: Any) -> list[str]:
        return [each.name for each in self.listed(**how)]


def asked_for(side: Any = "bc", order: str = "name", state: str | None = None, **how: Any) -> Asked:
    return Asked(
        side=side, order=RecordOrder(order), state=RecordState(state) if state else None, **how
    )
