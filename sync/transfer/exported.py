"""Couplings as a file, for people to keep, look through and send back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from couplings.model import Coupling
from sync.transfer.csv_text import write_rows
from sync.transfer.headings import WRITTEN, Heading


def exported(couplings: Iterable[Coupling]) -> str:
    """A whole file: the headings, and a row for each coupling."""
    return write_rows([WRITTEN, *map(_row, couplings)])


def _row(coupling: Coupling) -> list[str]:
    cells = {
        Heading.BC_ID: coupling.bc_id,
        Heading.BC_KEY: coupling.bc_key,
        Heading.NAME: coupling.name,
        Heading.CRM_ID: coupling.crm_id,
        Heading.STATE: coupling.state.value,
        Heading.COUPLED_AT: _time(coupling.coupled_at),
        Heading.SYNCHRONIZED_AT: _time(coupling.synchronized_at),
    }
    return [cells[heading] for heading in WRITTEN]


def _time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else ""
