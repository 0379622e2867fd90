"""Couplings as table rows, and back.

A coupling is two rows of one partition. ``bc~{id}`` holds everything; ``crm~{id}`` points to it,
and is there so that the storage itself refuses to couple the CRM record a second time.
"""

from __future__ import annotations

import json
from typing import Any

from couplings.model import BaseSnapshot, Coupling, CouplingIndexEntry, CouplingState
from storage.columns import Columns
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
    columns = Columns(row)
    return Coupling(
        mapping=mapping,
        bc_id=row.key[1],
        crm_id=columns.text("crm_id"),
        bc_key=columns.text("bc_key"),
        name=columns.text("name"),
        base=_base(columns),
        bc_version=columns.text("bc_version") or None,
        crm_version=columns.text("crm_version") or None,
        state=CouplingState(columns.text("state")),
        coupled_at=columns.time("coupled_at"),
        synchronized_at=columns.optional_time("synchronized_at"),
        etag=row.etag,
    )


def index_entry_of(row: Row) -> CouplingIndexEntry:
    """The index entry of a data row read with ``INDEX_COLUMNS``."""
    columns = Columns(row)
    return CouplingIndexEntry(
        bc_id=row.key[1],
        crm_id=columns.text("crm_id"),
        bc_key=columns.text("bc_key"),
        bc_digest=columns.text("bc_digest"),
        crm_digest=columns.text("crm_digest"),
        state=CouplingState(columns.text("state")),
        etag=row.etag,
    )


def _pieces(base: BaseSnapshot | None) -> list[str]:
    if base is None:
        return []
    text = json.dumps({BC: base.bc, CRM: base.crm}, ensure_ascii=False, separators=(",", ":"))
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def _base(columns: Columns) -> BaseSnapshot | None:
    count = columns.number("base_pieces")
    if not count:
        return None
    text = "".join(columns.text(_piece_name(number)) for number in range(count))
    content: dict[str, dict[str, Any]] = json.loads(text)
    return BaseSnapshot(bc=content[BC], crm=content[CRM])


def _piece_name(number: int) -> str:
    return f"base_{number}"
