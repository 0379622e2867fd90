"""What a table mapping is: data that says which records and fields are kept equal, and how.

A mapping is addressed by its name, never by its tables, so that several mappings may share one.
The words are those of Business Central's "integration table mapping": direction, constant value,
match-based coupling, update conflict resolution. The default mappings are in ``sync.mappings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import Any

from couplings.match_keys import Compare as Compare
from couplings.match_keys import MatchField as MatchField
from couplings.match_keys import MatchKey as MatchKey

MAPPING_NAME = r"[A-Z][A-Z -]{0,40}[A-Z]"
"""How a table mapping is called, such as ``ITEM-PRODUCT``."""


class Direction(StrEnum):
    TO_CRM = "to_crm"
    FROM_CRM = "from_crm"
    BOTH = "both"

    @property
    def writes_crm(self) -> bool:
        return self is not Direction.FROM_CRM

    @property
    def writes_bc(self) -> bool:
        return self is not Direction.TO_CRM


class UpdateConflict(StrEnum):
    """Who wins where both sides changed the same two-way field."""

    KEEP_BOTH = "keep_both"  # neither: the field is held and reported
    SEND_TO_CRM = "send_to_crm"  # Business Central wins, CRM's value is kept on the report
    GET_FROM_CRM = "get_from_crm"  # CRM wins, Business Central's value is kept on the report


class DeletionConflict(StrEnum):
    """What is done where one record of a coupled pair was deleted."""

    REPORT = "report"  # nothing: the pair stays as it is and is reported
    RESTORE = "restore"  # the deleted record is created anew and coupled
    UNCOUPLE = "uncouple"  # the coupling is removed, the remaining record stays
    DELETE = "delete"  # the remaining record is deleted too, unless it changed since


class LookupBy(StrEnum):
    KEY = "key"  # the field holds the parent's number or code
    ID = "id"  # the field holds the parent's id


class LookupTarget(StrEnum):
    RECORD = "record"  # the coupled record itself
    BASE_UNIT = "base_unit"  # the base unit that a coupled unit group made by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A field that refers to a record of another table, resolved through that table's couplings."""

    mappings: tuple[str, ...]
    """Mappings whose couplings are asked, in this order; at least one must know the record."""
    by: LookupBy
    navigation: str
    """CRM's navigation property for writing; case-sensitive and not always the column's name."""
    entity_set: str
    target: LookupTarget = LookupTarget.RECORD
    named_by: str = ""
    """For a reference by id: the BC field that names the parent in messages."""
    blank_is_local_currency: bool = False
    """Business Central leaves the currency blank, or names the local one, for local currency; CRM
    always names a currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """One field of a BC record and the CRM column that it is kept equal to."""

    bc: str
    crm: str
    direction: Direction
    transformation: str = "same"
    """Name of a transformation in ``sync.transformations``."""
    lookup: Lookup | None = None
    bc_length: int | None = None
    crm_length: int | None = None
    """Longest text that each side takes; a longer value fails the record, unless ``truncate``."""
    truncate: bool = False
    keep_if_blank: bool = False
    """A blank value in the source leaves the target as it is (the incumbent's "not null")."""
    clear_on_failure: bool = False
    """A reference to a record that is not coupled yet clears the target, and the record goes on in
    place of waiting; once the other is coupled the reference follows. It breaks circles, as between
    a customer and its primary contact (the incumbent's "clear value on failed sync")."""
    constant: Any = None
    """In place of a BC field: the value that the column is kept at; None for none. ``bc`` is then
    the column's name with ``=`` before it."""
    only_on_insert: bool = False
    """Written when the record is created and left alone ever after."""
    last: bool = False
    """Written after the record's companions: a product can be activated only when it is priced."""
    derived: str = ""
    """For a field that the API does not offer: how Coupler works it out."""
    update_conflict: UpdateConflict | None = None
    """Who wins a conflict on this field; None: as the table mapping says."""

    @property
    def crm_column(self) -> str:
        """The column's name in CRM's answers: a lookup reads as ``_name_value``."""
        return f"_{self.crm}_value" if self.lookup else self.crm


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A value set when a record is created on one side."""

    name: str
    value: Any
    lookup_local_currency: bool = False
    """The value is the local currency's record, bound under ``name``."""
    entity_set: str = ""
    """The value is the id of a CRM record of this entity set, bound under ``name``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A record is a mapping's business only if the condition holds.

    Change feeds cannot be filtered by the server, so each condition can be asked of the server
    (``odata``) and of a record that was read (``holds``).
    """

    field: str
    values: tuple[Any, ...] = ()
    """The field has one of these values; empty: it has any value that is not blank."""
    suffix: str = ""
    """In place of values: the field's text does not end in this, capital letters or not."""
    asked: bool = True
    """Whether the server can be asked portably."""

    def holds(self, record: Mapping[str, Any]) -> bool:
        value = record.get(self.field)
        if self.suffix:
            return not str(value or "").casefold().endswith(self.suffix.casefold())
        return value in self.values if self.values else value not in (None, "")

    def odata(self, blank: str) -> str:
        """The condition as filter text; ``blank`` is how the service writes a blank value."""
        if self.suffix:
            return f"not endswith({self.field},{_literal(self.suffix)})"
        if not self.values:
            return f"{self.field} ne {blank}"
        parts = [f"{self.field} eq {_literal(value)}" for value in self.values]
        return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def _filter(scope: tuple[Condition, ...], blank: str) -> str:
    return " and ".join(each.odata(blank) for each in scope if each.asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A record takes part only if its field has one of the values; else it is skipped by name."""

    field: str
    values: tuple[Any, ...]
    code: str
    message: str
    hint: str = ""
    """What a person may do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BcTable:
    """Where the BC records are."""

    name: str
    """Entity set of API v2.0, or name of the page's web service."""
    page: bool = False
    """True for a page published as an OData web service (API v2.0 lacks the table)."""
    key: str
    """Field of the number or code by which other tables refer to a record."""
    title: tuple[str, ...]
    """Fields by which people know a record."""
    scope: tuple[Condition, ...] = ()
    """Records outside are no business of this mapping."""
    derived_from: str = ""
    """Another table of API v2.0 that derived fields come from: when it changes, all records are
    compared, because it leaves their stamps alone."""
    compared_daily: bool = False
    """What counts depends on the date: all records are compared when a new day begins."""
    has_stock: bool = False
    """The table has a stock field, whose changes leave the record's stamp alone."""
    requires: tuple[Requirement, ...] = ()
    """Conditions for being created in CRM; a record that fails one is skipped and reported."""
    also_read: tuple[str, ...] = ()
    """Fields that rules need and no field mapping names."""

    @property
    def id_field(self) -> str:
        return "SystemId" if self.page else "id"

    @property
    def stamp_field(self) -> str:
        """The field with the time of a record's last change."""
        return "SystemModifiedAt" if self.page else "lastModifiedDateTime"

    @property
    def filter(self) -> str:
        """The scope as OData filter, as far as the server can be asked; may be empty."""
        return _filter(self.scope, "''")

    @property
    def counted(self) -> tuple[Condition, ...]:
        """The conditions of the records that passes count; none for a page, of which counting both
        these and the whole would take a request more."""
        return () if self.page else tuple(each for each in self.scope if each.asked)

    @property
    def counted_filter(self) -> str:
        """Those conditions as OData filter; empty where all records are counted."""
        return _filter(self.counted, "''")

    def name_of(self, record: Mapping[str, Any]) -> str:
        """How people call a record: its number or code, and its title."""
        names = [record.get(field) for field in self.title]
        if self.key != self.id_field:
            names.insert(0, record.get(self.key))
        return " ".join(str(name) for name in names if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmTable:
    """Where the CRM records are."""

    name: str
    """Logical name."""
    entity_set: str
    id_column: str
    title: str
    scope: tuple[Condition, ...] = ()
    """Records outside are no business of this mapping."""
    requires: tuple[Requirement, ...] = ()
    """Conditions for being created in Business Central."""
    also_read: tuple[str, ...] = ()

    @property
    def filter(self) -> str:
        """The scope as OData filter; may be empty."""
        return _filter(self.scope, "null")


@dataclass(frozen=True, kw_only=True)  # without slots, so that what is derived can be kept
class TableMapping:
    """One integration table mapping."""

    name: str
    bc: BcTable
    crm: CrmTable
    direction: Direction
    enabled: bool = True
    """Whether the table is synchronized at all."""
    dependencies: tuple[str, ...] = ()
    """Mappings that must be finished first."""
    fields: tuple[FieldMapping, ...]
    constants_in_crm: tuple[Constant, ...] = ()
    constants_in_bc: tuple[Constant, ...] = ()
    match: tuple[MatchKey, ...] = ()
    proposes_from: int | None = None
    """How much alike, in percent, two names must be for their records to be proposed to a person
    where no key matches them; None: nothing is proposed. A proposal couples nothing by itself."""
    creates_in_crm: bool
    creates_in_bc: bool
    update_conflict: UpdateConflict = UpdateConflict.KEEP_BOTH
    deletion_conflict: DeletionConflict = DeletionConflict.REPORT
    rule: str = ""
    """Name of the rule in ``sync.rules`` that derives fields and companions, blank for none."""
    not_offered: tuple[str, ...] = field(default=())
    """What the built-in integration synchronizes here and the APIs do not offer, for the docs."""

    @cached_property
    def lineage(self) -> str:
        """A text that changes whenever the mapping does: watermarks of another one do not count."""
        return blake2b(repr(self).encode(), digest_size=12).hexdigest()

    @property
    def builds_on(self) -> frozenset[str]:
        """The mappings that it depends on, or through which it looks records up."""
        lookups = [field.lookup for field in self.fields if field.lookup]
        names = (name for lookup in lookups for name in lookup.mappings)
        return frozenset((*self.dependencies, *names))

    def bc_select(self) -> tuple[str, ...]:
        """The fields to read from Business Central, each once, in a stable order."""
        mapped = [each.bc for each in self.fields if not each.derived and each.constant is None]
        conditions = [each.field for each in self.bc.scope]
        conditions += [each.field for each in self.bc.requires]
        stamps = [self.bc.stamp_field]
        names = [self.bc.id_field, self.bc.key, *self.bc.title, *mapped, *conditions, *stamps]
        return tuple(dict.fromkeys([*names, *self.bc.also_read]))

    def crm_select(self) -> tuple[str, ...]:
        """The columns to read from CRM, each once, in a stable order."""
        mapped = [each.crm_column for each in self.fields]
        keys = [pair[1] for match in self.match for pair in match.pairs]
        conditions = [each.field for each in self.crm.scope]
        conditions += [each.field for each in self.crm.requires]
        names = [self.crm.id_column, self.crm.title, *mapped, *keys, *conditions]
        return tuple(dict.fromkeys([*names, *self.crm.also_read]))
