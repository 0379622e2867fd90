"""The places at which a table's special rule may take part. Pure: references are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from errors import RecordError
from services.records import Record, Write
from sync.ids import RecordIds
from sync.mapping import TableMapping
from sync.plan import WaitingFor
from sync.projection import Resolver
from sync.references import Asked, Need, References


class RecordSkippedError(RecordError):
    """The record takes no part, by a rule that a person would recognise; not a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A record about to be written to CRM, as its companions need to know it."""

    crm_id: str
    bc: Record
    """The BC record with its derived fields."""
    columns: dict[str, Any]
    """The mapped CRM columns as they will be: those written now over those CRM has."""
    changed: frozenset[str]
    """The columns that are written now."""
    first_time: bool
    """The record is new in CRM, or coupled just now: its companions must be ensured."""


def _nothing_more(asked: Asked) -> None:
    """All there is to know is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleContext:
    """What rules may look at."""

    mapping: TableMapping
    references: References
    resolver: Resolver
    ids: RecordIds
    load: Callable[[Asked], None] = _nothing_more
    """Completes ``references`` by what records ask for."""


class Rule:
    """The rule of a table that has no special ones; the others override parts of it."""

    needs: ClassVar[frozenset[Need]] = frozenset()
    """Reference data that must be loaded for all records."""

    def asks_for(self, bc: Iterable[Record], crm: Iterable[Record], context: RuleContext) -> Asked:
        """What the references must tell before these BC records are derived, and BC records are
        made from these CRM records."""
        del bc, crm, context
        return Asked()

    def derive(self, record: Record, context: RuleContext) -> Record:
        """The BC record with its derived fields added.

        Raises ``RecordError`` where a field cannot be worked out, ``RecordSkippedError`` where the
        record takes no part.
        """
        del context
        return record

    def predecessors(self, record: Record, context: RuleContext) -> tuple[str, ...]:
        """Ids of BC records whose CRM partner this derived, uncoupled record is to take over.

        Raises ``RecordSkippedError`` where another record counts in its place.
        """
        del record, context
        return ()

    def may_create(self, record: Record, context: RuleContext) -> None:
        """Raise ``RecordSkippedError`` for a derived BC record that must not be created in CRM."""

    def check_match(self, bc: Record, crm: Record, context: RuleContext) -> None:
        """Raise ``RecordError`` where a matched pair must not be coupled."""

    def belongs(self, crm_record: Record, context: RuleContext) -> bool:
        """Whether an uncoupled CRM record can be a partner of this table's records at all."""
        del crm_record, context
        return True

    def bc_fields(self, crm_record: Record, context: RuleContext) -> Record | WaitingFor:
        """Further fields of a BC record to be made from a CRM record."""
        del crm_record, context
        return {}

    def companions(self, written: Written, context: RuleContext) -> list[list[Write]]:
        """CRM records that go with this one, in stages: a stage needs the ones before it.

        They belong to Coupler alone, have ids of their own, and are upserted.
        """
        del written, context
        return []

    def last_columns(self, written: Written, context: RuleContext) -> Record:
        """Further CRM columns to set on a new record once its companions are there."""
        del written, context
        return {}
