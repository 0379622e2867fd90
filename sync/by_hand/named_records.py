"""Finding records by what people call them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from couplings.model import Side
from errors import RefusedRequestError
from services.records import Record
from sync.changes import fetch_crm
from sync.work import Work

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOST_NAMED = 20

PLACES: dict[Side, str] = {"bc": "Business Central", "crm": "Dynamics 365 Sales"}


def is_id(named: str) -> bool:
    """Whether it is an id, and no number or code."""
    return _ID.fullmatch(named) is not None


def find_bc(work: Work, named: Sequence[str]) -> dict[str, Record]:
    """BC records by the ids, numbers or codes that they are named by; few requests for many.

    Business Central tells capital letters from small ones and writes codes in capital ones, so a
    code is found in either.

    Raises ``RefusedRequestError``: 404 for records that do not exist, 409 where several have a
    number; else as the service does.
    """
    mapping, select = work.mapping, work.mapping.bc_select()
    ids = {each: each.lower() for each in named if is_id(each)}
    keys = [each for each in named if not is_id(each)]
    by_id = work.bc.fetch_many(work.endpoint, list(ids.values()), select) if ids else {}
    found = {name: by_id[bc_id] for name, bc_id in ids.items() if bc_id in by_id}
    if keys and mapping.bc.key != mapping.bc.id_field:
        forms = list(dict.fromkeys(form for key in keys for form in (key, key.upper())))
        records = work.bc.fetch_many_by(work.endpoint, mapping.bc.key, forms, select)
        found |= _by_key(work, keys, records)
    _require(named, found, "bc", mapping.bc.name)
    return found


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


def _by_key(work: Work, keys: Sequence[str], records: Iterable[Record]) -> dict[str, Record]:
    table = work.mapping.bc
    of_key: dict[str, list[Record]] = {}
    for record in records:
        of_key.setdefault(str(record[table.key]), []).append(record)
    found: dict[str, Record] = {}
    for key in keys:
        fitting = of_key.get(key) or of_key.get(key.upper()) or []
        if len(fitting) > 1:
            raise RefusedRequestError(
                409,
                "record-ambiguous",
                f"{len(fitting)} records of {table.name} in {PLACES['bc']} are called {key!r}.",
                hint=f"Name the one that is meant by its {table.id_field}.",
            )
        found |= {key: fitting[0]} if fitting else {}
    return found


def _require(named: Sequence[str], found: dict[str, Record], side: Side, table: str) -> None:
    missing = [each for each in named if each not in found]
    if missing:
        raise RefusedRequestError(
            404,
            "record-unknown",
            f"Not in {table} of {PLACES[side]}: {shown(missing)}.",
            hint="Name BC records by id, number or code, CRM records by id.",
        )
