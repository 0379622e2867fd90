"""What is known of a record that is not in step, as a value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sync.mapping import Direction

type RecordKey = tuple[str, str]
"""Side (``bc`` or ``crm``) and the record's id there."""


class OutcomeKind(StrEnum):
    FAILED = "failed"  # refused for its content or by the service
    WAITING = "waiting"  # for a record it refers to; heals by itself
    SKIPPED = "skipped"  # left out on purpose, by a rule that is named
    CONFLICT = "conflict"  # both sides changed the same field, or one record was deleted
    AMBIGUOUS = "ambiguous"  # several records could be its partner


UNCOUPLED = "uncoupled"
"""Code of a record whose coupling was removed: it gets no new partner while it stays as it is."""
LEFT_UNCOUPLED = "left-uncoupled"
"""Code of a record that a full synchronization left without partner, as its mode has it: it gets
no new one while it stays as it is, or until a full synchronization creates partners."""
TO_STAY_UNCOUPLED = frozenset({UNCOUPLED, LEFT_UNCOUPLED})
"""Codes of records that are without partner because somebody wants it so."""
SETTLED = "update-conflict-settled"
"""Code of a conflict that was decided: nothing is left to do, and the losing value is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDetail:
    """One field that both sides changed."""

    bc_field: str
    crm_column: str
    bc_value: str
    crm_value: str
    """The values as people know them."""
    base_value: str
    """Business Central's value when both sides last agreed; empty where they never did."""
    winner: Direction | None
    """Whose value was carried over by the conflict policy; None where the field is held."""
    seen: str
    """Stands for the two values: a decision counts only while they are these."""


class DecisionKind(StrEnum):
    """What a person wants done about a record."""

    RESOLVE = "resolve"
    RESTORE = "restore"
    UNCOUPLE = "uncouple"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's decision, carried out when the record is handled next."""

    kind: DecisionKind
    winners: dict[str, Direction] = dataclasses.field(default_factory=dict)
    """Of a resolved conflict: CRM column → the direction in which its value goes."""
    seen: dict[str, str] = dataclasses.field(default_factory=dict)
    """CRM column → the values that the person saw, as ``FieldDetail.seen`` tells them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one record, and what to do about it."""

    mapping: str
    side: str
    """``bc`` or ``crm``: whose id ``record_id`` is."""
    record_id: str
    code: str
    """Stable reason, kebab-case."""
    kind: OutcomeKind
    record_name: str
    message: str
    first_seen: datetime
    """Of an outcome to be recorded: now; the store keeps an earlier time it knows."""
    last_seen: datetime
    run_id: str
    """The run that noticed it last; empty where a pass did."""
    partner_id: str = ""
    """The record's id on the other side, where it has or had a partner there."""
    partner_name: str = ""
    field: str = ""
    value: str = ""
    bc_value: str = ""
    crm_value: str = ""
    """Both values of ``field``, where both sides have one."""
    fields: tuple[FieldDetail, ...] = ()
    """Every field in conflict."""
    hint: str = ""
    """What to do; empty where the message says it."""
    attempts: int = 1
    """How often it was noticed; counted by the store."""
    waits_for: tuple[str, ...] = ()
    """Of a waiting record: the table mappings that could couple what it refers to."""
    waits_for_ref: str = ""
    """The number, code or id of the record that it waits for."""
    content: str = ""
    """Of a refused record: a digest of what it held on both sides."""
    refusals: int = 0
    """How often in a row the same content was refused for the same reason; counted by the store."""
    parked: bool = False
    """Refused so often that it is left alone until its content changes or a person asks."""
    ignored: bool = False
    """A person wants to hear no more of it, until something else is to be said."""
    decision: Decision | None = None
    """What a person wants done about it, until that is done."""
    considered: Decision | None = dataclasses.field(default=None, compare=False)
    """Of an outcome to be recorded: the decision that was known when the record was handled. A
    newer one stays."""
    untried: bool = dataclasses.field(default=False, compare=False)
    """Of an outcome to be recorded: nothing was tried, so it is no further attempt."""
    etag: str = dataclasses.field(default="", compare=False)
    """Version of the row that it was read from."""

    @property
    def key(self) -> RecordKey:
        return (self.side, self.record_id)

    @property
    def heals_by_itself(self) -> bool:
        """Whether nobody has to do anything."""
        passing = self.code.startswith("service-failed") or self.code == "keeps-changing"
        return passing or self.kind is OutcomeKind.WAITING
