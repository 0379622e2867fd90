"""What the parts of the simulator share: the store and those who write to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from local.simulators.core.messages import SimRequest, SimResponse
from local.simulators.dataverse.errors import invalid_payload
from local.simulators.dataverse.events import Caller
from local.simulators.dataverse.organization import Organization
from local.simulators.dataverse.records import Records
from local.simulators.dataverse.security import Security
from local.simulators.dataverse.store import Store

API_PATH = "/api/data/v9.2"


@dataclass(slots=True)
class Switches:
    """What the operators of the platform set."""

    version: str = "9.2.24044.00195"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The organization as the request handlers see it."""

    store: Store
    records: Records
    organization: Organization
    security: Security
    clock: Callable[[], datetime]
    untracked: set[str] = field(default_factory=set)
    """Tables whose change tracking is switched off."""
    switches: Switches = field(default_factory=Switches)

    def tracks(self, table: str) -> bool:
        """Whether a table has change tracking."""
        return self.store.schema.tables[table].tracking and table not in self.untracked


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request with the user it runs for."""

    request: SimRequest
    caller: Caller

    @property
    def service(self) -> str:
        """The address of the service's root, without a slash at the end."""
        return self.request.base_url + API_PATH

    def url(self, path: str) -> str:
        """The address of something below the root."""
        return f"{self.service}/{path}"

    def payload(self, entity: str) -> Any:
        """The JSON body; refused where it is none."""
        try:
            return orjson.loads(self.request.body)
        except orjson.JSONDecodeError as error:
            raise invalid_payload(entity, f"System.Text.Json.JsonException: {error}") from error

    def record_payload(self, entity: str) -> dict[str, Any]:
        """The JSON body of one record."""
        found = self.payload(entity)
        if not isinstance(found, dict):
            raise invalid_payload(entity, "The body must be a JSON object.")
        return found


def json_response(
    body: dict[str, Any],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    operations: int = 1,
) -> SimResponse:
    """An answer with a JSON body, serialized once."""
    return SimResponse(
        status=status, body=orjson.dumps(body), headers=headers or {}, operations=operations
    )


def no_content(headers: dict[str, str] | None = None, *, operations: int = 1) -> SimResponse:
    """An answer without a body."""
    return SimResponse(status=204, headers=headers or {}, operations=operations)
