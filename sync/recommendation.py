"""What a full synchronization does with records without partner, and what is recommended. Pure.

The rules are the incumbent's (its "initial synch recommendation") as far as they are sensible here;
where they differ and why is told in docs/adr/0018-recommendation.md. Their sense: two systems that
both hold records of a table may hold the same ones under different numbers, so nothing is created
until a person has looked; where one side holds none, nothing can come to be there twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from sync.mapping import TableMapping

_OWN_RECORDS_OF_CRM = {
    "transactioncurrency": "the organization's own currency",
    "uomschedule": "the unit group that every organization has",
}
"""CRM tables that are never empty: one record in them says nothing."""
_USERS = "systemuser"


class Mode(StrEnum):
    """What is done with a table; coupled records are synchronized in the first two."""

    FULL_SYNCHRONIZATION = "full-synchronization"  # a partner is found or created for the others
    COUPLE_RECORDS = "couple-records"  # the others are coupled where they match, none is created
    NO_RECORDS = "no-records"  # nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class SideCount:
    """Records of one side that are the mapping's business."""

    records: int
    """As many as there are, or at least."""
    is_all: bool = True
    """Whether there are no more: Dataverse counts up to 4,999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What both systems hold of a table."""

    bc: SideCount
    crm: SideCount
    coupled: int
    """Pairs coupled already."""

    @property
    def bc_uncoupled(self) -> SideCount:
        return self._left(self.bc)

    @property
    def crm_uncoupled(self) -> SideCount:
        return self._left(self.crm)

    def _left(self, side: SideCount) -> SideCount:
        """An estimate where coupled records left the filter: they are counted as if they had not.
        Where it cannot be told whether any is left, at least one is assumed."""
        left = max(0, side.records - self.coupled)
        return SideCount(records=left if side.is_all else max(1, left), is_all=side.is_all)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What is recommended for a table, why in words, and what that rests on."""

    mode: Mode
    reason: str
    holdings: Holdings


def recommend(mapping: TableMapping, holdings: Holdings) -> Recommendation:
    """What to do with the table, given what both sides hold of it."""
    mode, reason = _judged(mapping, holdings)
    return Recommendation(mode=mode, reason=reason, holdings=holdings)


def _judged(mapping: TableMapping, holdings: Holdings) -> tuple[Mode, str]:
    bc, crm = holdings.bc_uncoupled, holdings.crm_uncoupled
    if not (bc.records or crm.records):
        if holdings.coupled:
            return Mode.FULL_SYNCHRONIZATION, "All records are coupled: they are brought into step."
        return Mode.NO_RECORDS, "Neither system holds records of this table."
    if mapping.crm.name == _USERS:
        return (
            Mode.FULL_SYNCHRONIZATION,
            "Users get the salespeople of their e-mail addresses; no user is ever created.",
        )
    own = _OWN_RECORDS_OF_CRM.get(mapping.crm.name)
    if own and holdings.crm.records <= 1 and bc.records:
        return (
            Mode.FULL_SYNCHRONIZATION,
            f"Dynamics 365 Sales holds {own} at most: nothing can come to be there twice.",
        )
    if bc.records and crm.records:
        return Mode.COUPLE_RECORDS, _why_couple(bc, crm)
    empty = "Dynamics 365 Sales" if bc.records else "Business Central"
    return (
        Mode.FULL_SYNCHRONIZATION,
        f"{empty} holds no records without partner: nothing can come to be there twice.",
    )


def _why_couple(bc: SideCount, crm: SideCount) -> str:
    return (
        f"Both systems hold records without partner ({_told(bc)} in Business Central, {_told(crm)} "
        "in Dynamics 365 Sales): they may be the same ones, so those that match are coupled, and "
        "none is created."
    )


def _told(side: SideCount) -> str:
    return str(side.records) if side.is_all else f"{side.records} or more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """What was ordered for the tables of a run; the recommendation where nothing was."""

    every: Mode | None = None
    """For tables that are not named."""
    named: Mapping[str, Mode] = field(default_factory=dict)
    """Mapping → its mode."""

    def of(self, mapping: str) -> Mode | None:
        """What was ordered for a table, None where it is to be as recommended."""
        return self.named.get(mapping, self.every)

    def text(self) -> str:
        """As ``Run.order`` keeps it; empty where nothing was ordered."""
        if self.every is None and not self.named:
            return ""
        return json.dumps({"every": self.every, "named": dict(self.named)})


def modes_of(text: str) -> Modes:
    """The modes that ``Modes.text`` wrote."""
    if not text:
        return Modes()
    order = json.loads(text)
    every = Mode(order["every"]) if order["every"] else None
    return Modes(every=every, named={name: Mode(mode) for name, mode in order["named"].items()})


def recommendation_text(recommendation: Recommendation | None) -> str:
    """The recommendation as a table row keeps it, empty for none."""
    return json.dumps(asdict(recommendation)) if recommendation else ""


def recommendation_of(text: str) -> Recommendation | None:
    """The recommendation that ``recommendation_text`` wrote."""
    if not text:
        return None
    stored = json.loads(text)
    holdings = stored["holdings"]
    return Recommendation(
        mode=Mode(stored["mode"]),
        reason=stored["reason"],
        holdings=Holdings(
            bc=SideCount(**holdings["bc"]),
            crm=SideCount(**holdings["crm"]),
            coupled=holdings["coupled"],
        ),
    )
