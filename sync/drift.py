"""Drift: where the two systems and the couplings do not say the same, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from couplings.model import Side


class DriftKind(StrEnum):
    """What is wrong with a record or a pair."""

    FIELDS_DIFFER = "fields-differ"  # coupled, and mapped fields are not equal
    UNCOUPLED = "uncoupled"  # both records are there and belong together, without a coupling
    MISSING_IN_CRM = "missing-in-crm"  # a BC record without the partner it should have
    MISSING_IN_BC = "missing-in-bc"  # a CRM record without the partner it should have
    ORPHAN = "orphan"  # coupled, and at least one of the records is gone
    ONE_SIDED = "one-sided"  # one of the two rows of a coupling is there without the other
    DUPLICATE = "duplicate"  # a record that means the same as another one of its side
    OUT_OF_FILTER = "out-of-filter"  # coupled, and no business of its table mapping any more


class Flow(StrEnum):
    """What a pass would do with a field that differs."""

    TO_CRM = "to_crm"
    FROM_CRM = "from_crm"
    CONFLICT = "conflict"  # both sides changed it: it is held
    WAITS = "waits"  # for a record that it refers to
    AGREED = "agreed"  # nothing: neither side changed since both were taken for equal


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """A mapped field whose two values do not mean the same."""

    bc_field: str
    crm_column: str
    bc_value: str
    crm_value: str
    """The values as people know them."""
    flow: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Another record of the same side that means the same."""

    record_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One record, or one pair, that is not as it should be."""

    mapping: str
    kind: DriftKind
    side: Side
    record_id: str
    """Side and id of the record that it is told under: Business Central's, where there is one."""
    bc_id: str = ""
    crm_id: str = ""
    """Ids of the records concerned; empty where there is none."""
    name: str = ""
    """How people call the record."""
    fields: tuple[FieldDifference, ...] = ()
    twins: tuple[Twin, ...] = ()
    """Of a duplicate: the other records."""
    message: str = ""
    """What is wrong, where the kind does not say it all."""
    plan: str = ""
    """What repairing does about it, or what a person has to do."""
    explained_by: str = ""
    """Code of the outcome that tells of it already; such drift needs no repair here. Empty for
    what nobody knew of."""
    run_id: str = ""
    found_at: datetime

    @property
    def is_explained(self) -> bool:
        return bool(self.explained_by)
