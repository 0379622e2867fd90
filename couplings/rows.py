"""Couplings as table rows, and back.

A coupling is two rows of one partition. ``bc~{id}`` holds everything; ``crm~{id}`` points to it,
and is there so that the storage itself refuses to couple the CRM record a second time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from couplings.model import BaseSnapshot, Coupling, CouplingIndexEntry, CouplingState
from storage.rows import Row, Value

BC = "bc"
CRM = "crm"

INDEX_COLUMNS = ("crm_id", "bc_key", "bc_digest", "crm_digest", "state")

_PIECE = 15_000
"""Characters of the base snapshot's JSON in one column: at most 60 KB in UTF-16, whatever they
are; a column holds 64 KiB."""


def data_values(coupling: Coupling) -> dict[str, Value]:
    """All columns of the data row."""
    return {"crm_id": coupling.crm_id, **content_values(coupling)}


def content_values(coupling: Coupling) -> dict[str, Value]:
    """The columns that may change while the pair stays the same.

    Unknown values are written as empty text, never left out, so that a merge replaces what was
    there before.
    """
    base = coupling.base
    pieces = _pieces(base)
    return {
        "bc_key": coupling.bc_key,
        "name": coupling.name,
        "bc_version": coupling.bc_version or "",
        "crm_version": coupling.crm_version or "",
        "state": coupling.state.value,
        "coupled_at": coupling.coupled_at,
        "synchronized_at": coupling.synchronized_at or "",
        "bc_digest": base.digest("bc") if base else "",
        "crm_digest": base.digest("crm") if base else "",
        "base_pieces": len(pieces),
        **{_piece_name(number): piece for number, piece in enumerate(pieces)},
    }


def coupling_of(mapping: str, row: Row) -> Coupling:
    """The coupling that a data row holds."""
    values = row.values
    return Coupling(
        mapping=mapping,
        bc_id=row.key[1],
        crm_id=_text(values, "crm_id"),
        bc_key=_text(values, "bc_key"),
        name=_text(values, "name"),
        base=_base(values),
        bc_version=_text(values, "bc_version") or None,
        crm_version=_text(values, "crm_version") or None,
        state=CouplingState(_text(values, "state")),
        coupled_at=_required_time(values, "coupled_at"),
        synchronized_at=_time(values, "synchronized_at"),
        etag=row.etag,
    )


def index_entry_of(row: Row) -> CouplingIndexEntry:
    """The index entry of a data row read with ``INDEX_COLUMNS``."""
    values = row.values
    return CouplingIndexEntry(
        bc_id=row.key[1],
        crm_id=_text(values, "crm_id"),
        bc_key=_text(values, "bc_key"),
        bc_digest=_text(values, "bc_digest"),
        crm_digest=_text(values, "crm_digest"),
        state=CouplingState(_text(values, "state")),
        etag=row.etag,
    )


def _pieces(base: BaseSnapshot | None) -> list[str]:
    if base is None:
        return []
    text = json.dumps({BC: base.bc, CRM: base.crm}, ensure_ascii=False, separators=(",", ":"))
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def _base(values: Mapping[str, Value]) -> BaseSnapshot | None:
    count = values.get("base_pieces") or 0
    assert isinstance(count, int)
    if not count:
        return None
    text = "".join(_text(values, _piece_name(number)) for number in range(count))
    content: dict[str, dict[str, Any]] = json.loads(text)
    return BaseSnapshot(bc=content[BC], crm=content[CRM])


def _piece_name(number: int) -> str:
    return f"base_{number}"


def _text(values: Mapping[str, Value], column: str) -> str:
    value = values[column]
    assert isinstance(value, str)
    return value


def _time(values: Mapping[str, Value], column: str) -> datetime | None:
    value = values[column]
    return value if isinstance(value, datetime) else None


def _required_time(values: Mapping[str, Value], column: str) -> datetime:
    value = values[column]
    assert isinstance(value, datetime)
    return value
