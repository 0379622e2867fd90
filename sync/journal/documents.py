"""The journal of coupling changes as the API shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sync.journal.model import EnteredPair, Entry, JournalPair


def entry_document(entry: Entry) -> dict[str, Any]:
    """A change as far as it is about one table mapping."""
    change = entry.change
    return {
        "id": change.change_id,
        "mapping": entry.mapping,
        "at": change.at.isoformat(),
        "by": change.by,
        "origin": change.origin,
        "undoes": change.undoes or None,
        "undone_by": entry.undone_by or None,
        "example": _pair(entry.example),
    }


def entered_document(entered: EnteredPair) -> dict[str, Any]:
    """A pair of a change, and what became of undoing it."""
    undone = entered.undone
    return _pair(entered.pair) | {
        "undo": {
            "state": undone.state.value,
            "code": undone.code,
            "message": undone.message,
            "hint": undone.hint,
        }
        if undone
        else None
    }


def _pair(pair: JournalPair) -> dict[str, Any]:
    return {
        "bc_id": pair.bc_id,
        "crm_id": pair.crm_id,
        "key": pair.bc_key,
        "name": pair.name,
        "action": pair.action.value,
        "replaced": [asdict(each) for each in pair.replaced],
    }
