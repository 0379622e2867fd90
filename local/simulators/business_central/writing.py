"""POST, PATCH and DELETE on an entity set of a company: rights, ETags, answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from local.simulators.business_central import changes
from local.simulators.business_central.errors import (
    NotSimulatedError,
    bad_request,
    entity_changed,
    method_not_allowed,
)
from local.simulators.business_central.fields import EntitySet, Row
from local.simulators.business_central.reading import Collection
from local.simulators.business_central.representation import (
    ANY_VERSION,
    checked_if_match,
    etag,
)
from local.simulators.business_central.store import Journal
from local.simulators.core.messages import SimRequest, SimResponse

type Now = Callable[[], str]

_NO_CONTENT = "return-no-content"


def insert(collection: Collection, request: SimRequest, journal: Journal, now: Now) -> SimResponse:
    """Answer a POST on a collection."""
    schema = collection.schema
    _require_right(schema, request.method, schema.insert, "Collection")
    body = _json(request)
    with journal.transaction():
        row = changes.insert(collection.company, schema, body, now())
    location = f"{collection.root}/{collection.path}({row['id']})"
    return _written(collection, request, row, status=201, headers={"Location": location})


def modify(
    collection: Collection, request: SimRequest, row: Callable[[], Row], journal: Journal, now: Now
) -> SimResponse:
    """Answer a PATCH on a record; ``row`` finds it or raises."""
    schema = collection.schema
    _require_right(schema, request.method, schema.modify, "Entity")
    expected = checked_if_match(request.headers.get("If-Match"))
    old = row()
    _require_version(collection, old, expected)
    body = _json(request)
    with journal.transaction():
        changed = changes.modify(collection.company, schema, old, body, now())
    return _written(collection, request, changed, status=200, headers={})


def delete(
    collection: Collection, request: SimRequest, row: Callable[[], Row], journal: Journal, now: Now
) -> SimResponse:
    """Answer a DELETE on a record; the ETag is looked at only where one is sent."""
    schema = collection.schema
    _require_right(schema, request.method, schema.delete, "Entity")
    old = row()
    if "If-Match" in request.headers:
        _require_version(collection, old, checked_if_match(request.headers["If-Match"]))
    with journal.transaction():
        changes.delete(collection.company, schema, old, now())
    return SimResponse(status=204, headers={"OData-Version": "4.0"}, kind=f"DELETE {schema.name}")


def _require_right(schema: EntitySet, method: str, allowed: bool, edm_type: str) -> None:
    if not allowed:
        raise method_not_allowed(method, schema.name, edm_type)
    if not schema.writes_simulated:
        raise NotSimulatedError(f"{method} on {schema.name}")


def _require_version(collection: Collection, row: Row, expected: str) -> None:
    current = collection.version_of(row)
    if expected != ANY_VERSION and (current is None or expected != etag(current)):
        raise entity_changed()


def _json(request: SimRequest) -> Any:
    try:
        return request.json()
    except ValueError:
        raise bad_request("Invalid Request Body") from None


def _written(
    collection: Collection,
    request: SimRequest,
    row: Row,
    *,
    status: int,
    headers: dict[str, str],
) -> SimResponse:
    if _NO_CONTENT in request.headers.get("Prefer", ""):
        return SimResponse(
            status=204,
            headers={"OData-Version": "4.0", **headers},
            kind=f"{request.method} {collection.schema.name}",
        )
    response = collection.single(request, row, status=status)
    return dataclasses.replace(response, headers={**response.headers, **headers})
