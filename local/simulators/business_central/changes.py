"""Inserting, modifying and deleting records: checks, triggers, time stamps.

The API may write what its pages let be edited. A person in the client works with pages of other
rights (``by_user``): every field but ids, time stamps and calculated ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, override
from uuid import uuid4

from local.simulators.business_central.contact_cards import ContactRules, CustomerRules
from local.simulators.business_central.documents import LINES_OF
from local.simulators.business_central.errors import (
    BcError,
    NotSimulatedError,
    already_exists,
    bad_request,
    field_check,
)
from local.simulators.business_central.fields import EntitySet, Field, Row
from local.simulators.business_central.item_rules import ItemRules
from local.simulators.business_central.references import References
from local.simulators.business_central.rules import Rules, Writer, check_email
from local.simulators.business_central.store import Company
from local.simulators.business_central.values import checked

_NO_RULES = Rules()


class SalespersonRules(Rules):
    """Triggers of the table Salesperson/Purchaser."""

    @override
    def prepare_insert(self, company: Company, row: Row, given: set[str]) -> None:
        check_email(row["email"])
        check_email(row["email2"])

    @override
    def prepare_modify(self, company: Company, old: Row, row: Row) -> None:
        self.prepare_insert(company, row, set())


class DocumentRules(Rules):
    """Triggers of a document's table: the lines go with it."""

    def __init__(self, lines: EntitySet) -> None:
        self._lines = lines.name

    @override
    def deleted(self, writer: Writer, row: Row) -> None:
        lines = writer.company[self._lines]
        for line in lines.find("documentId", row["id"]):
            lines.delete(line["id"])


_RULES: Mapping[str, Rules] = {
    "customers": CustomerRules(),
    "contacts": ContactRules(),
    "items": ItemRules(),
    "salespeoplePurchasers": SalespersonRules(),
    **{name: DocumentRules(lines) for name, lines in LINES_OF.items()},
}


def insert(
    company: Company, schema: EntitySet, body: Any, now: str, *, by_user: bool = False
) -> Row:
    """Create the record that a POST describes; raises ``BcError`` and creates nothing."""
    given = _given(schema, body)
    row = schema.empty_row()
    row[schema.id_field] = str(uuid4())
    writable = _by_user if by_user else _by_api
    _apply(company, schema, row, given, lambda each: each.name == schema.id_field or writable(each))
    rules = _RULES.get(schema.name, _NO_RULES)
    rules.prepare_insert(company, row, set(given))
    _require_free_key(company, schema, row)
    writer = Writer(company, now)
    row = writer.store(schema.name, row)
    rules.inserted(writer, row)
    return row


def modify(
    company: Company, schema: EntitySet, old: Row, body: Any, now: str, *, by_user: bool = False
) -> Row:
    """Change an existing record as a PATCH says; raises ``BcError`` and changes nothing."""
    given = _given(schema, body)
    if given.get(schema.id_field) == old[schema.id_field]:
        del given[schema.id_field]
    row = dict(old)
    _apply(company, schema, row, given, _by_user if by_user else _by_api)
    if schema.key_of(row) != schema.key_of(old):
        raise NotSimulatedError(f"renaming (the primary key of {schema.name} would change)")
    rules = _RULES.get(schema.name, _NO_RULES)
    rules.prepare_modify(company, old, row)
    writer = Writer(company, now)
    row = writer.store(schema.name, row)
    rules.modified(writer, old, row)
    return row


def delete(company: Company, schema: EntitySet, row: Row, now: str) -> None:
    """Delete an existing record; raises ``BcError`` where it is still needed."""
    rules = _RULES.get(schema.name, _NO_RULES)
    rules.check_delete(company, row)
    company[schema.name].delete(row[schema.id_field])
    rules.deleted(Writer(company, now), row)


def _given(schema: EntitySet, body: Any) -> dict[str, Any]:
    """The properties that a body sets: unset ones may stand in it as null."""
    if not isinstance(body, dict):
        raise bad_request("Invalid Request Body")
    for name in body:
        if name in schema.parts:
            raise NotSimulatedError(f"writing '{name}' together with its {schema.entity}")
        if name not in schema.by_name and not name.startswith("@odata."):
            raise bad_request(
                f"The property '{name}' does not exist on type 'Microsoft.NAV.{schema.entity}'. "
                "Make sure to only use property names that are defined by the type."
            )
    return {
        name: value for name, value in body.items() if value is not None and name in schema.by_name
    }


def _apply(
    company: Company,
    schema: EntitySet,
    row: Row,
    given: Mapping[str, Any],
    writable: Callable[[Field], bool],
) -> None:
    """Validate the given values in their order and set them."""
    references = References(company, schema.name)
    for name, value in given.items():
        field = schema.by_name[name]
        if not writable(field):
            raise _read_only(field)
        row[name] = checked(field, value)
        references.apply(row, name)


def _by_api(field: Field) -> bool:
    return field.editable and not field.stamped


def _by_user(field: Field) -> bool:
    return field.name not in ("id", "SystemId") and not field.stamped and not field.flow


def _read_only(field: Field) -> BcError:
    return BcError(400, "BadRequest_InvalidOperation", f"Control '{field.name}' is read-only.")


def _require_free_key(company: Company, schema: EntitySet, row: Row) -> None:
    table = company[schema.name]
    for name, caption in schema.key:
        if not row[name] and name not in schema.blank_keys:
            raise field_check(
                f"{caption} must have a value in {schema.table}: {caption}=. "
                "It cannot be zero or empty."
            )
    if table.by_key(*schema.key_of(row)) is not None:
        raise already_exists(schema.table, schema.key_text(row))
    record_id = row[schema.id_field]
    if table.get(record_id) is not None:
        raise already_exists(schema.table, f"SystemId='{{{record_id.upper()}}}'")
