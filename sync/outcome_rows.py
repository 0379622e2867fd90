"""Outcomes as table rows, and back."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import Any

from storage.columns import Columns
from storage.rows import Row, Value
from sync.mapping import Direction
from sync.outcome_model import (
    Decision,
    DecisionKind,
    FieldDetail,
    Outcome,
    OutcomeKind,
    RecordKey,
)

_LONGEST_VALUE = 1000
_LONGEST_DETAIL = 100
_MOST_FIELDS = 12
"""Details of so many fields are kept. A transaction of ``RECORDED_AT_ONCE`` rows has 4 MiB."""
RECORDED_AT_ONCE = 50
_REFUSALS_TO_PARK = 3
_VARYING = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"  # a GUID
    r"|\b(?=[a-f]*\d)[0-9a-f]{16,}\b"  # an id of a request or trace
    r"|\d+(?:[-/.:,T ]+\d+)*(?:\s?[AP]M\b)?",  # a number, a date, a time
    re.IGNORECASE,
)
"""What may be another one each time that the same is refused."""


def continued(outcome: Outcome, known: Outcome | None) -> Outcome:
    """An outcome that is noticed once more: since when, how often, and what a person said of it.

    ``known`` may be this very outcome, stored by a request whose answer was lost: it counts once.
    """
    if known is None:
        return replace(outcome, refusals=int(bool(outcome.content)))
    is_attempt = not outcome.untried and outcome.last_seen != known.last_seen
    is_same = (outcome.code, outcome.message) == (known.code, known.message)
    is_refused_alike = (
        bool(outcome.content)
        and (outcome.code, outcome.content) == (known.code, known.content)
        and says_the_same(outcome.message, known.message)
    )
    refusals = known.refusals + is_attempt if is_refused_alike else int(bool(outcome.content))
    is_carried_out = known.decision == outcome.considered
    return replace(
        outcome,
        first_seen=known.first_seen,
        attempts=known.attempts + is_attempt,
        refusals=refusals,
        parked=refusals >= _REFUSALS_TO_PARK,
        ignored=known.ignored and (is_same or is_refused_alike),
        decision=outcome.decision if is_carried_out else known.decision,
    )


def says_the_same(message: str, other: str) -> bool:
    """Whether two refusals of one content say the same.

    Services put into them what is new each time: the id of a request, the time, a duration. What
    varies like that is left out of the comparison; that the record is still the same, its content
    tells.
    """
    return _VARYING.sub("*", message) == _VARYING.sub("*", other)


def key_of(row: Row) -> RecordKey:
    side, record_id = row.key
    return side, record_id


def outcome_values(outcome: Outcome) -> dict[str, Value]:
    return {
        "code": outcome.code,
        "kind": outcome.kind.value,
        "record_name": _cut(outcome.record_name, 250),
        "partner_id": outcome.partner_id,
        "partner_name": _cut(outcome.partner_name, 250),
        "field": outcome.field,
        "value": _cut(outcome.value, _LONGEST_VALUE),
        "bc_value": _cut(outcome.bc_value, _LONGEST_VALUE),
        "crm_value": _cut(outcome.crm_value, _LONGEST_VALUE),
        "fields": json.dumps(
            [_detail_values(each) for each in outcome.fields[:_MOST_FIELDS]], ensure_ascii=False
        ),
        "message": _cut(outcome.message, 4000),
        "hint": _cut(outcome.hint, 1000),
        "first_seen": outcome.first_seen,
        "last_seen": outcome.last_seen,
        "attempts": outcome.attempts,
        "run_id": outcome.run_id,
        "waits_for": json.dumps(outcome.waits_for),
        "waits_for_ref": outcome.waits_for_ref,
        "content": outcome.content,
        "refusals": outcome.refusals,
        "parked": outcome.parked,
        "ignored": outcome.ignored,
        "decision": json.dumps(asdict(outcome.decision)) if outcome.decision else "",
    }


def outcome_of(row: Row) -> Outcome:
    columns = Columns(row)
    side, record_id = row.key
    return Outcome(
        mapping=row.partition[1],
        side=side,
        record_id=record_id,
        code=columns.text("code"),
        kind=OutcomeKind(columns.text("kind")),
        record_name=columns.text("record_name"),
        partner_id=columns.text("partner_id"),
        partner_name=columns.text("partner_name"),
        field=columns.text("field"),
        value=columns.text("value"),
        bc_value=columns.text("bc_value"),
        crm_value=columns.text("crm_value"),
        fields=tuple(_detail_of(each) for each in json.loads(columns.text("fields"))),
        message=columns.text("message"),
        hint=columns.text("hint"),
        first_seen=columns.time("first_seen"),
        last_seen=columns.time("last_seen"),
        attempts=columns.number("attempts"),
        run_id=columns.text("run_id"),
        waits_for=tuple(json.loads(columns.text("waits_for"))),
        waits_for_ref=columns.text("waits_for_ref"),
        content=columns.text("content"),
        refusals=columns.number("refusals"),
        parked=columns.flag("parked"),
        ignored=columns.flag("ignored"),
        decision=_decision_of(columns.text("decision")),
        etag=row.etag,
    )


def _detail_values(detail: FieldDetail) -> dict[str, Any]:
    texts = ("bc_value", "crm_value", "base_value")
    return asdict(detail) | {each: _cut(getattr(detail, each), _LONGEST_DETAIL) for each in texts}


def _detail_of(values: dict[str, Any]) -> FieldDetail:
    winner = values["winner"]
    return FieldDetail(**(values | {"winner": Direction(winner) if winner else None}))


def _decision_of(text: str) -> Decision | None:
    if not text:
        return None
    values = json.loads(text)
    return Decision(
        kind=DecisionKind(values["kind"]),
        winners={column: Direction(each) for column, each in values["winners"].items()},
        seen=values["seen"],
    )


def _cut(text: str, longest: int) -> str:
    """Texts of services and users can be of any length; a person reads the beginning."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
