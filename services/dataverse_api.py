"""The Web API of Dataverse as every request to it is spoken: its root and its headers."""

from __future__ import annotations

from collections.abc import Mapping

from services.transport import Response, Transport

ROOT = "api/data/v9.2"
HEADERS = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",  # the documented way to switch caching off; not a condition
}
JSON = {**HEADERS, "Content-Type": "application/json; charset=utf-8"}


def get(
    transport: Transport, entity_set: str, path: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Read ``path``, which is below the connection's address, or a link that the service gave."""
    return transport.send(
        "GET",
        path,
        headers={**HEADERS, **(headers or {})},
        idempotent=True,
        kind=f"GET {entity_set}",
    )
