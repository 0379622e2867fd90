"""Coupling by hand as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sync.by_hand.order import Compared, CoupledInOrder, CoupleFirst, Suggestion
from sync.by_hand.pair_requests import Uncoupling
from sync.by_hand.pairing import First
from sync.by_hand.partner_creation import Wanted
from sync.by_hand.side_by_side import ComparedField, Obstacle, Partner, SideBySide
from sync.cascade import Dependent
from sync.documents import coupling_document
from sync.mapping import TableMapping

_MOST_EXAMPLES = 20


def compared_document(mapping: TableMapping, compared: Compared) -> dict[str, Any]:
    """Both records side by side, and what is to be known before they are coupled."""
    seen = compared.seen
    return {
        "mapping": mapping.name,
        "bc": {
            "id": seen.bc_id,
            "key": seen.key,
            "name": seen.name,
            "coupled_with": _partner(seen.of_bc) if seen.of_bc else None,
        },
        "crm": {
            "id": seen.crm_id,
            "name": seen.crm_name,
            "coupled_with": _partner(seen.of_crm) if seen.of_crm else None,
        },
        "coupled": seen.is_coupled,
        "fields": [_field(each) for each in seen.fields],
        "obstacles": [_obstacle(each) for each in seen.obstacles],
        "couple_first": [_couple_first(each) for each in compared.first],
        "firsts": [each.value for each in possible_firsts(mapping, seen)],
    }


def possible_firsts(mapping: TableMapping, seen: SideBySide) -> tuple[First, ...]:
    """The directions that may be chosen, the usual one before the others: none for a pair that is
    coupled, else the table's main one."""
    ways = [First.TO_CRM] if mapping.direction.writes_crm else []
    ways += [First.FROM_CRM] if mapping.direction.writes_bc else []
    return (First.NONE, *ways) if seen.is_coupled else (*ways, First.NONE)


def coupled_document(done: CoupledInOrder) -> dict[str, Any]:
    """What became of a wish to couple two records."""
    pair = done.pair
    return {
        "coupling": coupling_document(pair.coupling),
        "coupled_before": pair.before,
        "replaced": [_coupling_and_partner(each) for each in pair.replaced],
        "parents": [_pair(each) for each in done.parents],
    }


def uncoupling_document(uncoupling: Uncoupling) -> dict[str, Any]:
    """What taking pairs apart would mean."""
    return {
        "pairs": uncoupling.pairs,
        "examples": [
            {"bc_id": each.bc_id, "crm_id": each.crm_id, "key": each.bc_key, "name": each.name}
            for each in uncoupling.examples
        ],
        "dependents": [
            _dependents(name, some) for name, some in sorted(uncoupling.dependents.items())
        ],
    }


def wanted_document(wanted: Wanted) -> dict[str, Any]:
    """What became of a wish for partners."""
    return {"asked": wanted.asked, "coupled": wanted.coupled, "outside": wanted.outside}


def _partner(partner: Partner) -> dict[str, Any]:
    return {
        "bc_id": partner.coupling.bc_id,
        "crm_id": partner.coupling.crm_id,
        "name": partner.name,
        "gone": partner.record is None,
    }


def _coupling_and_partner(partner: Partner) -> dict[str, Any]:
    return _partner(partner) | {"key": partner.coupling.bc_key}


def _field(field: ComparedField) -> dict[str, Any]:
    return {
        "bc_field": field.bc_field,
        "crm_column": field.crm_column,
        "bc_value": field.bc_value,
        "crm_value": field.crm_value,
        "same": field.same,
        "flow": field.flow.value if field.flow else None,
        "problem": field.problem,
    }


def _obstacle(obstacle: Obstacle) -> dict[str, Any]:
    return {
        "code": obstacle.code,
        "message": obstacle.message,
        "field": obstacle.field,
        "hint": obstacle.hint,
    }


def _couple_first(first: CoupleFirst) -> dict[str, Any]:
    return {
        "mappings": list(first.mappings),
        "side": first.side,
        "ref": first.ref,
        "field": first.field,
        "message": first.message,
        "suggestion": _suggestion(first.suggestion) if first.suggestion else None,
        "why_none": first.why_none,
    }


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    first = [_couple_first(each) for each in suggestion.first]
    return _pair(suggestion) | {"couple_first": first}


def _pair(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "mapping": suggestion.mapping,
        "bc_id": suggestion.bc_id,
        "key": suggestion.bc_key,
        "name": suggestion.name,
        "crm_id": suggestion.crm_id,
        "crm_name": suggestion.crm_name,
    }


def _dependents(mapping: str, dependents: Sequence[Dependent]) -> dict[str, Any]:
    return {
        "mapping": mapping,
        "count": len(dependents),
        "examples": [
            {"bc_id": each.bc_id, "name": each.name} for each in dependents[:_MOST_EXAMPLES]
        ],
    }
