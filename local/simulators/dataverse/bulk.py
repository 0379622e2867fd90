"""CreateMultiple, UpdateMultiple and UpsertMultiple: all rows of a call or none."""

from collections.abc import Callable
from typing import Any

from local.simulators.dataverse.errors import (
    invalid_argument,
    invalid_payload,
    records_not_found,
    unknown_segment,
)
from local.simulators.dataverse.events import Caller
from local.simulators.dataverse.records import Records
from local.simulators.dataverse.references import RowReference, parse_reference
from local.simulators.dataverse.schema import TableSchema
from local.simulators.dataverse.store import Store

PREFIX = "Microsoft.Dynamics.CRM."
_TYPE = "@odata.type"
_ID = "@odata.id"

Target = dict[str, Any]


class BulkMessages:
    """The three messages of the tables that have them."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store = store
        self._records = records
        self._messages: dict[str, Callable[[TableSchema, list[Target], Caller], Any]] = {
            "CreateMultiple": self._create,
            "UpdateMultiple": self._update,
            "UpsertMultiple": self._upsert,
        }

    def run(
        self, table: TableSchema, message: str, payload: Any, caller: Caller
    ) -> tuple[list[str] | None, int]:
        """The ids that CreateMultiple answers (else None), and the number of rows."""
        action = self._messages.get(message)
        if action is None or not table.multiple:
            raise unknown_segment(f"{PREFIX}{message}")
        targets = _targets(table, payload)
        with self._store.transaction():
            return action(table, targets, caller), len(targets)

    def _create(self, table: TableSchema, targets: list[Target], caller: Caller) -> list[str]:
        return [self._records.create(table, target, caller)[table.key] for target in targets]

    def _update(self, table: TableSchema, targets: list[Target], caller: Caller) -> None:
        for target in targets:
            row_id = self._reference(table, target).resolve(self._store)
            if row_id is None or self._store.row(table.name, row_id) is None:
                raise records_not_found(table.name, str(row_id))
            self._records.update(table, row_id, _content(target), caller)

    def _upsert(self, table: TableSchema, targets: list[Target], caller: Caller) -> None:
        for target in targets:
            upsert(
                self._store,
                self._records,
                self._reference(table, target),
                _content(target),
                caller,
                key_in_body=False,
            )

    def _reference(self, table: TableSchema, target: Target) -> RowReference:
        """The row that a target names by `@odata.id` or its primary key."""
        if _ID in target:
            reference = parse_reference(self._store, str(target[_ID]))
            if reference.table.name != table.name:
                raise invalid_payload(table.name, f"'{target[_ID]}' is of another entity.")
            return reference
        row_id = target.get(table.key)
        if not isinstance(row_id, str):
            raise invalid_argument(f"A target has neither '{table.key}' nor '{_ID}'.")
        return RowReference(table=table, row_id=row_id.lower())


def upsert(
    store: Store,
    records: Records,
    reference: RowReference,
    payload: dict[str, Any],
    caller: Caller,
    *,
    key_in_body: bool = True,
) -> tuple[dict[str, Any], bool]:
    """Update the row that is named, or create it; gives the row and whether it is new.

    Alternate key columns in the body are passed over in an update and, in a create, used instead
    of those in the key (`key_in_body`) or refused.
    """
    table = reference.table
    row_id = reference.resolve(store)
    key_values = dict(reference.values or {})
    if row_id is not None and store.row(table.name, row_id) is not None:
        content = {name: value for name, value in payload.items() if name not in key_values}
        return records.update(table, row_id, content, caller), False
    if row_id is not None:
        return records.create(table, payload | {table.key: row_id}, caller), True
    if not key_in_body and key_values.keys() & payload.keys():
        raise invalid_argument("Alternate key columns must not be among the columns of a target.")
    created = {name: value for name, value in key_values.items() if name in table.columns} | payload
    for name, value in key_values.items():
        column = table.properties[name]
        if column.type == "lookup":
            target, navigation = next(iter(column.navigation.items()))
            set_name = store.schema.tables[target].set_name
            created.setdefault(f"{navigation}@odata.bind", f"/{set_name}({value})")
    return records.create(table, created, caller), True


def _targets(table: TableSchema, payload: Any) -> list[Target]:
    targets = payload.get("Targets") if isinstance(payload, dict) else None
    if not isinstance(targets, list) or not all(isinstance(item, dict) for item in targets):
        raise invalid_payload(table.name, "The parameter 'Targets' must be a list of records.")
    if not targets:
        raise invalid_argument("The parameter 'Targets' is empty.")
    for target in targets:
        if _TYPE not in target:
            raise invalid_payload(
                table.name, f"Each record of 'Targets' needs its type in '{_TYPE}'."
            )
    return targets


def _content(target: Target) -> Target:
    return {name: value for name, value in target.items() if name != _ID}
