"""Rows, candidates, picks and results of matches as table rows, and back.

Of a large group a row holds the first candidates of each side; each of all has a row of its own
besides, by which the group is paged through. Which groups and proposals a record is in is told by
rows under the record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from couplings.model import Side
from storage.columns import Columns
from storage.rows import Operation, OperationKind, Row, Value
from sync.matching.model import (
    Candidate,
    Counts,
    Criterion,
    Fate,
    MatchKind,
    MatchRow,
    Pick,
    Result,
    ResultId,
    RowState,
)

PICKED = "picked"
MEMBER = "member"
CANDIDATE = "candidate"
MOST_SHOWN = 50
"""So many candidates of a side a row of a group holds."""
_LONGEST_TEXT = 4000
_LONGEST_NAME = 120
_MOST_CHARACTERS = 30_000
"""Of the candidates of a side: a column holds 32,000."""


def row_key(row: MatchRow) -> tuple[str, ...]:
    """The key of a row among those of its result."""
    return (row.kind.value, row.place)


def pick_key(side: Side, record_id: str) -> tuple[str, ...]:
    """The key of a pick under one of its records."""
    return (PICKED, side, record_id)


def insertions(row: MatchRow) -> Iterator[Operation]:
    """The new rows that a row of a match is."""
    insert = OperationKind.INSERT
    shown = {"bc": _candidates_text(row.bc), "crm": _candidates_text(row.crm)}
    yield Operation(kind=insert, key=row_key(row), values=shown | _row_values(row))
    if row.kind not in (MatchKind.AMBIGUOUS, MatchKind.PROPOSED):
        return
    sides: tuple[tuple[Side, Sequence[Candidate]], ...] = (("bc", row.bc), ("crm", row.crm))
    for side, candidates in sides:
        for number, each in enumerate(candidates):
            values = {"candidate": _candidate_text(each)}
            member = (MEMBER, side, each.record_id, row.kind.value, row.place)
            yield Operation(kind=insert, key=member, values=values)
            if row.kind is MatchKind.AMBIGUOUS:
                key = (*candidates_key(row.place, side), f"{number:08}")
                yield Operation(kind=insert, key=key, values=values)


def candidates_key(place: str, side: Side) -> tuple[str, ...]:
    """What the keys of a group's candidates of one side begin with."""
    return (CANDIDATE, place, side)


def candidate_of(row: Row) -> Candidate:
    """A member's, or a candidate's."""
    return _candidate_of(json.loads(Columns(row).text("candidate")))


def _row_values(row: MatchRow) -> dict[str, Value]:
    return {
        "bc_total": row.bc_total,
        "crm_total": row.crm_total,
        "level": row.level,
        "criterion": json.dumps(asdict(row.criterion)),
        "percent": row.percent,
        "code": row.code,
        "message": row.message[:_LONGEST_TEXT],
        "hint": row.hint[:_LONGEST_TEXT],
        **fate_values(row.fate),
    }


def row_of(row: Row) -> MatchRow:
    columns = Columns(row)
    return MatchRow(
        kind=MatchKind(row.key[0]),
        place=row.key[1],
        bc=_candidates_of(columns.text("bc")),
        crm=_candidates_of(columns.text("crm")),
        bc_total=columns.number("bc_total"),
        crm_total=columns.number("crm_total"),
        level=columns.optional_number("level"),
        criterion=Criterion(**_tuples(json.loads(columns.text("criterion")))),
        percent=columns.optional_number("percent"),
        code=columns.text("code"),
        message=columns.text("message"),
        hint=columns.text("hint"),
        fate=_fate_of(columns),
    )


def _candidates_text(candidates: Sequence[Candidate]) -> str:
    """As many of the first candidates as a column holds."""
    texts: list[str] = []
    size = 0
    for each in candidates[:MOST_SHOWN]:
        texts.append(_candidate_text(each))
        size += len(texts[-1]) + 1
        if size > _MOST_CHARACTERS:
            del texts[-1]
            break
    return f"[{','.join(texts)}]"


def _candidate_text(candidate: Candidate) -> str:
    names = (candidate.number, candidate.name, *candidate.values)
    shortened = [name[:_LONGEST_NAME] for name in names]
    return json.dumps([candidate.record_id, *shortened], ensure_ascii=False)


def _candidates_of(text: str) -> tuple[Candidate, ...]:
    return tuple(map(_candidate_of, json.loads(text)))


def _candidate_of(parts: list[str]) -> Candidate:
    record_id, number, name, *values = parts
    return Candidate(record_id=record_id, number=number, name=name, values=tuple(values))


def fate_values(fate: Fate) -> dict[str, Value]:
    return {
        "state": fate.state.value,
        "fate_code": fate.code,
        "fate_message": fate.message[:_LONGEST_TEXT],
        "fate_hint": fate.hint[:_LONGEST_TEXT],
    }


def _fate_of(columns: Columns) -> Fate:
    return Fate(
        state=RowState(columns.text("state")),
        code=columns.text("fate_code"),
        message=columns.text("fate_message"),
        hint=columns.text("fate_hint"),
    )


def pick_values(pick: Pick) -> dict[str, Value]:
    return {
        "bc_id": pick.bc_id,
        "crm_id": pick.crm_id,
        "bc_name": pick.bc_name[:_LONGEST_NAME],
        "crm_name": pick.crm_name[:_LONGEST_NAME],
        "by": pick.by,
        "picked_at": pick.picked_at,
        **fate_values(pick.fate),
    }


def pick_of(row: Row) -> Pick:
    columns = Columns(row)
    return Pick(
        bc_id=columns.text("bc_id"),
        crm_id=columns.text("crm_id"),
        bc_name=columns.text("bc_name"),
        crm_name=columns.text("crm_name"),
        by=columns.text("by"),
        picked_at=columns.time("picked_at"),
        fate=_fate_of(columns),
    )


def head_values(result: Result) -> dict[str, Value]:
    return {
        "run_id": result.id.run_id,
        "epoch": result.id.epoch,
        "lineage": result.lineage,
        "found_at": result.found_at,
        "counts": json.dumps(asdict(result.counts)),
    }


def result_of(row: Row) -> Result:
    columns = Columns(row)
    return Result(
        mapping=row.key[0],
        id=ResultId(run_id=columns.text("run_id"), epoch=columns.number("epoch")),
        lineage=columns.text("lineage"),
        found_at=columns.time("found_at"),
        counts=Counts(**json.loads(columns.text("counts"))),
    )


def _tuples(lists: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(each) for name, each in lists.items()}
