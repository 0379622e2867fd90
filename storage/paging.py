"""Pages of rows for callers outside: a limit, and an opaque text to go on from.

The text says where a page ended, and of which list it is: one tenant's, in one table. It is no
secret and gives no access: whoever makes one up gets another place of the same list, because tenant
and connection are never taken from it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

from errors import RefusedRequestError
from storage.rows import Row
from storage.tables import TenantTable

MAX_PAGE = 1000
_PART_LIMIT = 512
"""Characters that a key has at most."""

type Position = tuple[tuple[str, ...], tuple[str, ...]]
"""Partition and key of the last row of a page."""


def check_limit(limit: int) -> int:
    """The limit itself; raises ``RefusedRequestError`` (422) outside 1 to 1000."""
    if not 1 <= limit <= MAX_PAGE:
        raise RefusedRequestError(
            422, "limit-out-of-range", f"A page has 1 to {MAX_PAGE} entries, not {limit}."
        )
    return limit


def take_page(rows: Iterator[Row], limit: int, *, of: TenantTable) -> tuple[list[Row], str | None]:
    """The first rows, and where to go on: None where there are no more."""
    page: list[Row] = []
    for row in rows:
        if len(page) == limit:
            return page, continuation_after((page[-1].partition, page[-1].key), of=of)
        page.append(row)
    return page, None


def resume(continuation: str | None, *, of: TenantTable) -> Position | None:
    """Partition and key of the last row already given; raises ``RefusedRequestError`` (400) for a
    text that is not from a page of this table."""
    if continuation is None:
        return None
    try:
        content = json.loads(base64.b64decode(continuation.encode("ascii"), b"-_", validate=True))
    except (ValueError, RecursionError):  # not ASCII, not base64, not UTF-8 or not JSON
        content = None
    match content:
        case [str(mark), [*partition], [*key]] if mark == _mark(of):
            if _are_parts(partition) and _are_parts(key):
                return tuple(partition), tuple(key)
    raise unknown_continuation()


def continuation_after(position: Position, *, of: TenantTable) -> str:
    """The text with which ``resume`` finds the position again."""
    text = json.dumps([_mark(of), *position])
    return base64.urlsafe_b64encode(text.encode()).decode("ascii")


def unknown_continuation() -> RefusedRequestError:
    """The answer to a continuation that belongs to no list, or to another one."""
    return RefusedRequestError(
        400,
        "continuation-unknown",
        "The continuation is not one that this list gave.",
        hint="Pass the continuation of the previous page unchanged, or none to begin anew.",
    )


def _mark(table: TenantTable) -> str:
    return hashlib.blake2b(f"{table.tenant}/{table.name}".encode(), digest_size=6).hexdigest()


def _are_parts(values: list[object]) -> bool:
    return bool(values) and all(
        isinstance(part, str) and len(part) <= _PART_LIMIT for part in values
    )
