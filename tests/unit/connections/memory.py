"""A storage account in memory, as far as connections use one: by tenant, insert only if absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from identity.model import TenantId
from storage.rows import Row, RowExistsError


class MemoryAccount:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, ...], Row] = {}
        self._versions = 0

    def table(self, name: str, tenant: TenantId) -> MemoryTable:
        return MemoryTable(self, (name, tenant))

    def next_etag(self) -> str:
        self._versions += 1
        return f'W/"{self._versions}"'


class MemoryTable:
    def __init__(self, account: MemoryAccount, place: tuple[str, str]) -> None:
        self._account = account
        self._place = place

    def get(self, partition: tuple[str, ...], key: tuple[str, ...]) -> Row | None:
        return self._account.rows.get((*self._place, *partition, "|", *key))

    def insert(self, row: Row) -> Row:
        key = (*self._place, *row.partition, "|", *row.key)
        if key in self._account.rows:
            raise RowExistsError("row-exists", "There is such a row.")
        self._account.rows[key] = replace(row, etag=self._account.next_etag())
        return self._account.rows[key]

    def scan(self, partition: tuple[str, ...]) -> Iterator[Row]:
        within = (*self._place, *partition, "|")
        keys = sorted(key for key in self._account.rows if key[: len(within)] == within)
        return iter([self._account.rows[key] for key in keys])
