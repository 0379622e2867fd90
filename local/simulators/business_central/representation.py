"""Records as the wire shows them: ETags, annotations, contexts."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

from local.simulators.business_central.errors import missing_token
from local.simulators.business_central.fields import Row

JSON_TYPE = "application/json; odata.metadata=minimal; odata.streaming=true"
HEADERS = {"Content-Type": JSON_TYPE, "OData-Version": "4.0"}

ANY_VERSION = "*"

# An ETag holds a number of 20 digits. Multiplying the version by an odd number modulo a power of
# two gives every version another one, and none that a client could mistake for a counter.
_SMALLEST = 10**19
_MODULUS = 2**62
_FACTOR = 6364136223846793005
_TOKEN = re.compile(rb"'20;\d{20}1;00;'")
_WEAK = re.compile(r'W/"(?P<token>[A-Za-z0-9+/=]+)"')


def etag(version: int) -> str:
    """The ETag of a record's version."""
    digits = _SMALLEST + version * _FACTOR % _MODULUS
    return f'W/"{b64encode(f"'20;{digits}1;00;'".encode()).decode()}"'


def checked_if_match(value: str | None) -> str:
    """An ``If-Match`` header's only ETag or ``*``; raises ``BcError`` where there is none."""
    value = (value or "").strip()
    if value == ANY_VERSION:
        return value
    match = _WEAK.fullmatch(value)
    if match is None or not _is_token(match["token"]):
        raise missing_token()
    return value


def _is_token(text: str) -> bool:
    try:
        return _TOKEN.fullmatch(b64decode(text, validate=True)) is not None
    except ValueError:
        return False


def shown(row: Row, version: int | None, select: Iterable[str] | None) -> dict[str, Any]:
    """A record with its ETag (where it has one), all or the selected fields of it."""
    head = {} if version is None else {"@odata.etag": etag(version)}
    if select is None:
        return head | row
    return head | {name: row[name] for name in select}


def context(
    root: str, path: str, select: Iterable[str] | None, expanded: Iterable[str], *, single: bool
) -> str:
    """The context URL of an answer: ``…/$metadata#companies(…)/customers(id,number)/$entity``."""
    chosen = [*(select or ()), *(f"{name}()" for name in expanded)]
    columns = f"({','.join(chosen)})" if chosen else ""
    return f"{root}/$metadata#{path}{columns}{'/$entity' if single else ''}"
