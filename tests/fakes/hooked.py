"""A tenant's table that lets a test act between two storage calls, or lose an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from storage.rows import Operation, Row
from storage.tables import TenantTable


class HookedTable(TenantTable):
    """Runs what a test armed just before the next call of that name, once."""

    def __init__(self, table: TenantTable) -> None:
        super().__init__(table._client, table._tenant)
        self._armed: dict[str, list[Callable[[], object]]] = {}
        self._doubled: set[str] = set()

    def before(self, call: str, action: Callable[[], object]) -> None:
        """Run the action before the next call; several are run before one call each."""
        self._armed.setdefault(call, []).append(action)

    def lose_answer(self, call: str) -> None:
        """Carry the next call out twice and return the second answer, as when the SDK repeats a
        request whose answer was lost."""
        self._doubled.add(call)

    def get(self, partition: tuple[str, ...], key: tuple[str, ...]) -> Row | None:
        return self._run("get", super().get, partition, key)

    def insert(self, row: Row) -> Row:
        return self._run("insert", super().insert, row)

    def replace(self, row: Row, etag: str) -> Row:
        return self._run("replace", super().replace, row, etag)

    def delete(
        self, partition: tuple[str, ...], key: tuple[str, ...], etag: str | None = None
    ) -> None:
        self._run("delete", super().delete, partition, key, etag)

    def transact(self, partition: tuple[str, ...], operations: Sequence[Operation]) -> list[str]:
        return self._run("transact", super().transact, partition, operations)

    def _run[Result](self, call: str, work: Callable[..., Result], *arguments: Any) -> Result:
        armed = self._armed.get(call)
        if armed:
            armed.pop(0)()
        if call in self._doubled:
            self._doubled.remove(call)
            work(*arguments)
        return work(*arguments)
