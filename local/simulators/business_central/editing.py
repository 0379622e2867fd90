"""What people do in the client: they edit every table, those that the API only reads as well.

The checks and triggers of the tables apply and records are stamped, as for a write of the API;
the rights of the API pages do not, and nobody sends an ETag.
"""

from __future__ import annotations

from typing import Any

from local.simulators.business_central import changes
from local.simulators.business_central.fields import EntitySet, Row
from local.simulators.business_central.schema import COMPANY_SETS, seed_name
from local.simulators.business_central.store import Company
from local.simulators.core.simulator import SeedError


def insert_records(company: Company, data: Any, now: str) -> dict[str, int]:
    """Create records given by entity set; an id may be among a record's fields.

    Like the others it tells how many records of each set it wrote, raises ``SeedError`` or
    ``BcError`` where one cannot be written, and is to be run in a transaction.
    """
    for schema, rows in _by_set(data):
        for row in rows:
            changes.insert(company, schema, row, now, by_user=True)
    return _counted(data)


def edit_records(company: Company, data: Any, now: str) -> dict[str, int]:
    """Change records given by entity set as objects of their id and the changed fields."""
    for schema, rows in _by_set(data):
        for row in rows:
            record_id = row.get(schema.id_field) if isinstance(row, dict) else None
            old = _existing(company, schema, record_id)
            changes.modify(company, schema, old, row, now, by_user=True)
    return _counted(data)


def delete_records(company: Company, data: Any, now: str) -> dict[str, int]:
    """Delete records given by entity set as their ids."""
    for schema, ids in _by_set(data):
        for record_id in ids:
            changes.delete(company, schema, _existing(company, schema, record_id), now)
    return _counted(data)


def _by_set(data: Any) -> list[tuple[EntitySet, list[Any]]]:
    if not isinstance(data, dict) or not all(isinstance(rows, list) for rows in data.values()):
        raise SeedError("The body is an object of entity sets, each a list.")
    found = []
    for name, rows in data.items():
        schema = COMPANY_SETS.get(seed_name(name))
        if schema is None:
            raise SeedError(f"There is no entity set '{name}' in this simulator.")
        found.append((schema, rows))
    return found


def _existing(company: Company, schema: EntitySet, record_id: Any) -> Row:
    row = company[schema.name].get(record_id) if isinstance(record_id, str) else None
    if row is None:
        raise SeedError(f"{schema.name}: there is no record of {schema.id_field} {record_id!r}.")
    return row


def _counted(data: dict[str, list[Any]]) -> dict[str, int]:
    return {name: len(rows) for name, rows in data.items()}
