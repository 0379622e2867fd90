"""Pages of rows for callers outside: a limit, and an opaque text to go on from."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from errors import RefusedRequestError
from storage.rows import Row

MAX_PAGE = 1000
_PART_LIMIT = 512
"""Characters that a key has at most."""


def check_limit(limit: int) -> int:
    """The limit itself; raises ``RefusedRequestError`` (422) outside 1 to 1000."""
    if not 1 <= limit <= MAX_PAGE:
        raise RefusedRequestError(
            422, "limit-out-of-range", f"A page has 1 to {MAX_PAGE} entries, not {limit}."
        )
    return limit


def take_page(rows: Iterator[Row], limit: int) -> tuple[list[Row], str | None]:
    """The first rows, and where to go on: None where there are no more."""
    page: list[Row] = []
    for row in rows:
        if len(page) == limit:
            return page, _continuation(page[-1])
        page.append(row)
    return page, None


def resume(continuation: str | None) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Partition and key of the last row already given; raises ``RefusedRequestError`` (422) for a
    text that did not come from ``take_page``."""
    if continuation is None:
        return None
    try:
        content = json.loads(base64.urlsafe_b64decode(continuation.encode("ascii")))
    except ValueError:  # not ASCII, not base64, not UTF-8 or not JSON
        content = None
    match content:
        case [[*partition], [*key]] if _are_parts(partition) and _are_parts(key):
            return tuple(partition), tuple(key)
    raise unknown_continuation()


def unknown_continuation() -> RefusedRequestError:
    """The answer to a continuation that belongs to no list, or to another one."""
    return RefusedRequestError(
        422,
        "continuation-unknown",
        "The continuation is not one that this list gave.",
        hint="Pass the continuation of the previous page unchanged, or none to begin anew.",
    )


def _continuation(row: Row) -> str:
    text = json.dumps([row.partition, row.key])
    return base64.urlsafe_b64encode(text.encode()).decode("ascii")


def _are_parts(values: list[object]) -> bool:
    return bool(values) and all(
        isinstance(part, str) and len(part) <= _PART_LIMIT for part in values
    )
