"""Finding records by what people call them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from couplings.model import Side
from errors import RefusedRequestError
from services.records import Record
from sync.fetching import fetch_bc, fetch_crm
from sync.work import Work

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOST_NAMED = 20

PLACES: dict[Side, str] = {"bc": "Business Central", "crm": "Dynamics 365 Sales"}


def is_id(named: str) -> bool:
    """Whether it is an id, and no number or code."""
    return _ID.fullmatch(named) is not None


def find_bc(work: Work, named: Sequence[str]) -> dict[str, Record]:
    """BC records by the ids, numbers or codes that they are named by; few requests for many.

    Raises ``RefusedRequestError``: 404 for records that do not exist, 409 where several have a
    number; else as the service does.
    """
    ids = {each: each.lower() for each in named if is_id(each)}
    by_id = fetch_bc(work, list(ids.values()))
    found = {name: by_id[bc_id] for name, bc_id in ids.items() if bc_id in by_id}
    by_key = find_bc_by_key(work, [each for each in named if not is_id(each)])
    found |= {key: _only(work, key, fitting) for key, fitting in by_key.items()}
    _require(named, found, "bc", work.mapping.bc.name)
    return found


def find_bc_by_key(work: Work, keys: Sequence[str]) -> dict[str, list[Record]]:
    """All BC records of each number or code; without those that no record has.

    Business Central tells capital letters from small ones and writes codes in capital ones, so a
    code is found in either. Few requests for many.
    """
    table = work.mapping.bc
    if not keys or table.key == table.id_field:
        return {}
    forms = list(dict.fromkeys(form for key in keys for form in (key, key.upper())))
    of_key: dict[str, list[Record]] = {}
    for record in work.bc.fetch_many_by(work.endpoint, table.key, forms, work.mapping.bc_select()):
        of_key.setdefault(str(record[table.key]), []).append(record)
    fitting = {key: of_key.get(key) or of_key.get(key.upper()) or [] for key in keys}
    return {key: records for key, records in fitting.items() if records}


def find_crm(work: Work, named: Sequence[str]) -> dict[str, Record]:
    """CRM records by their ids. Raises as ``find_bc``."""
    by_id = fetch_crm(work, [each.lower() for each in named if is_id(each)])
    found = {each: by_id[each.lower()] for each in named if each.lower() in by_id}
    _require(named, found, "crm", work.mapping.crm.entity_set)
    return found


def shown(named: Sequence[str]) -> str:
    """Names for a message: the first ones of many."""
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def _only(work: Work, key: str, fitting: Sequence[Record]) -> Record:
    """The record of that number or code; raises where there are several."""
    if len(fitting) > 1:
        table = work.mapping.bc
        raise RefusedRequestError(
            409,
            "record-ambiguous",
            f"{len(fitting)} records of {table.name} in {PLACES['bc']} are called {key!r}.",
            hint=f"Name the one that is meant by its {table.id_field}.",
        )
    return fitting[0]


def _require(named: Sequence[str], found: dict[str, Record], side: Side, table: str) -> None:
    missing = [each for each in named if each not in found]
    if missing:
        raise RefusedRequestError(
            404,
            "record-unknown",
            f"Not in {table} of {PLACES[side]}: {shown(missing)}.",
            hint="Name BC records by id, number or code, CRM records by id.",
        )
