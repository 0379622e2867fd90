"""Outcomes, their causes and conflict policies as the API shows them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sync.causes import Cause
from sync.decisions import Asked, version_of
from sync.mapping import Direction, TableMapping
from sync.outcome_model import Decision, FieldDetail, Outcome
from sync.policies import Policies

_SIDE_OF_DIRECTION = {Direction.TO_CRM: "bc", Direction.FROM_CRM: "crm"}
"""Whose value is carried over in which direction."""


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """Everything known about one record that is not in step."""
    return {
        "mapping": outcome.mapping,
        "side": outcome.side,
        "record_id": outcome.record_id,
        "record_name": outcome.record_name,
        "partner_id": outcome.partner_id,
        "partner_name": outcome.partner_name,
        "kind": outcome.kind.value,
        "code": outcome.code,
        "message": outcome.message,
        "hint": outcome.hint,
        "heals_by_itself": outcome.heals_by_itself,
        "field": outcome.field,
        "value": outcome.value,
        "bc_value": outcome.bc_value,
        "crm_value": outcome.crm_value,
        "fields": [_detail(each) for each in outcome.fields],
        "version": version_of(outcome),
        "waits_for": {"mappings": list(outcome.waits_for), "ref": outcome.waits_for_ref},
        "first_seen": _time(outcome.first_seen),
        "last_seen": _time(outcome.last_seen),
        "attempts": outcome.attempts,
        "run_id": outcome.run_id,
        "parked": outcome.parked,
        "ignored": outcome.ignored,
        "decision": _decision(outcome.decision),
    }


def _detail(detail: FieldDetail) -> dict[str, Any]:
    winner = _SIDE_OF_DIRECTION[detail.winner] if detail.winner else None
    shown = {name: value for name, value in asdict(detail).items() if name != "seen"}
    return shown | {"winner": winner}


def _decision(decision: Decision | None) -> dict[str, Any] | None:
    if decision is None:
        return None
    winners = {column: _SIDE_OF_DIRECTION[each] for column, each in decision.winners.items()}
    return {"kind": decision.kind.value, "winners": winners}


def cause_document(cause: Cause) -> dict[str, Any]:
    """One group of records that are not in step for the same reason."""
    example = cause.example
    return {
        "mapping": cause.mapping,
        "kind": cause.kind.value,
        "code": cause.code,
        "count": cause.count,
        "ignored": cause.ignored,
        "parked": cause.parked,
        "first_seen": _time(cause.first_seen),
        "last_seen": _time(cause.last_seen),
        "heals_by_itself": cause.heals_by_itself,
        "needs_a_person": cause.needs_a_person,
        "example": {
            "side": example.side,
            "record_id": example.record_id,
            "record_name": example.record_name,
            "message": example.message,
        },
        "what_to_do": example.hint,
    }


def asked_document(asked: Asked) -> dict[str, Any]:
    """What was asked for."""
    return {"records": asked.total, "by_mapping": dict(asked.records)}


def policies_document(mapping: TableMapping, policies: Policies) -> dict[str, Any]:
    """The conflict policies of a mapping, with every field that can have one."""
    return {
        "mapping": mapping.name,
        "update_conflict": policies.update_conflict.value,
        "deletion_conflict": policies.deletion_conflict.value,
        "fields": [
            {
                "bc_field": each.bc,
                "crm_column": each.crm,
                "update_conflict": policies.fields.get(each.crm),
            }
            for each in mapping.fields
            if each.direction is Direction.BOTH
        ],
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
