"""What a search asks the services: one box for part of a name or the beginning of a number. Pure.

Dataverse is asked for either at once. Business Central refuses ``or`` between different fields, so
its list is two readings, one after the other: the records whose number begins with the text, and
then those that have it in their name, without those of the first reading. That takes no memory of
what was told before: whether a record belongs to the first reading shows in its number. Merging
both by the order asked for would, since the services' cursors stand at pages and not at records.
"""

from __future__ import annotations

from dataclasses import dataclass

from services import odata
from services.records import Record
from sync.mapping import FieldMapping, TableMapping
from sync.records.model import Asked

_TEXTS = ("text", "code")
"""Transformations by which a number stays what people read as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One of the service's lists that make up the list asked for."""

    filter: str
    """OData; empty for all records."""
    key: str
    """Field of the number."""
    without: tuple[str, ...] = ()
    """Records whose number begins with one of these were in an earlier reading."""

    def has(self, record: Record) -> bool:
        """Whether a record that this reading found was in none before."""
        return not (self.without and str(record.get(self.key) or "").startswith(self.without))


def readings_of(mapping: TableMapping, asked: Asked) -> list[Reading]:
    """The readings that together are the list asked for, in their order; each record is in one."""
    if asked.side == "crm":
        filters = [mapping.crm.filter, _in_crm(mapping, asked.search)]
        return [Reading(filter=odata.all_of(filters), key="")]
    bc = mapping.bc
    common = [bc.filter, odata.contains(bc.key, asked.key) if asked.key else ""]
    if not asked.search:
        return [Reading(filter=odata.all_of(common), key=bc.key)]
    by_name = odata.all_of([*common, odata.contains(bc.title[0], asked.search)])
    if bc.key in (bc.id_field, bc.title[0]):
        return [Reading(filter=by_name, key=bc.key)]
    # Codes are in capital letters, and Business Central tells those from small ones.
    forms = tuple(dict.fromkeys((asked.search, asked.search.upper())))
    by_number = odata.any_of([odata.starts_with(bc.key, each) for each in forms])
    return [
        Reading(filter=odata.all_of([*common, by_number]), key=bc.key),
        Reading(filter=by_name, key=bc.key, without=forms),
    ]


def _in_crm(mapping: TableMapping, text: str) -> str:
    if not text:
        return ""
    by_name = odata.contains(mapping.crm.title, text)
    column = next((each.crm for each in mapping.fields if _is_number(mapping, each)), "")
    if column in ("", mapping.crm.title):
        return by_name
    return odata.any_of([by_name, odata.starts_with(column, text)])


def _is_number(mapping: TableMapping, field: FieldMapping) -> bool:
    """Whether CRM has the BC record's number in this field's column."""
    return (
        field.bc == mapping.bc.key
        and field.direction.writes_crm
        and field.lookup is None
        and field.transformation in _TEXTS
    )
