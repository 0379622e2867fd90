"""What an environment lets its callers see: published web services, permissions, on-premises keys.

Everything is published and permitted until ``/_sim/`` takes it away.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any

from local.simulators.business_central.errors import permission_missing, rejected_credentials
from local.simulators.business_central.fields import EntitySet
from local.simulators.business_central.schema import COMPANY_SETS, WEB_SERVICE_SETS
from local.simulators.core.descriptions import described
from local.simulators.core.messages import SimRequest
from local.simulators.core.simulator import SeedError

READ, INSERT, MODIFY, DELETE = "Read", "Insert", "Modify", "Delete"
BY_METHOD = {"GET": READ, "POST": INSERT, "PATCH": MODIFY, "DELETE": DELETE}
_MEMBERS = {each.lower(): each for each in BY_METHOD.values()}


class Access:
    """Published services, permissions taken, and users with a web service access key."""

    def __init__(self, web_service_users: Mapping[str, str]) -> None:
        self._web_service_users = dict(web_service_users)
        self._unpublished: set[str] = set()
        self._forbidden: set[tuple[str, str]] = set()

    @property
    def is_on_premises(self) -> bool:
        """Whether users come with web service access keys: no environment online takes them."""
        return bool(self._web_service_users)

    @property
    def published(self) -> dict[str, EntitySet]:
        """The page web services that are published, by name."""
        return {
            name: each for name, each in WEB_SERVICE_SETS.items() if name not in self._unpublished
        }

    def require(self, schema: EntitySet, method: str) -> None:
        """Refuse what the permission sets do not allow; raises ``BcError``."""
        action = BY_METHOD.get(method, READ)
        if self._forbidden and (schema.name, action) in self._forbidden:
            raise permission_missing(schema.table, action)

    def user_of_key(self, request: SimRequest) -> str:
        """The user of a web service access key (Basic); raises ``BcError`` where it is wrong."""
        _, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise rejected_credentials() from None
        known = self._web_service_users.get(user, "")
        if not known or not hmac.compare_digest(known.encode(), key.encode()):
            raise rejected_credentials()
        return user

    def publish(self, values: Any) -> dict[str, Any]:
        """Publish a web service or take it back: ``{"service": name, "published": bool}``."""
        given = described(values, {"service", "published"}, "a web service")
        name, published = given.get("service"), given.get("published")
        if name not in WEB_SERVICE_SETS or not isinstance(published, bool):
            raise SeedError(
                f"a web service: service is one of {sorted(WEB_SERVICE_SETS)}, published a boolean"
            )
        (self._unpublished.discard if published else self._unpublished.add)(name)
        return {"published": sorted(self.published)}

    def permit(self, values: Any) -> None:
        """Take permissions of an entity set, or give them back: ``{"set": name, "read": false}``;
        ``read``, ``insert``, ``modify``, ``delete``."""
        given = described(values, {"set", *_MEMBERS}, "permissions")
        changes = {_MEMBERS[name]: given[name] for name in _MEMBERS if name in given}
        if given.get("set") not in COMPANY_SETS:
            raise SeedError(f"permissions: set is one of {sorted(COMPANY_SETS)}")
        if not changes or not all(isinstance(value, bool) for value in changes.values()):
            raise SeedError(f"permissions: {sorted(_MEMBERS)} are booleans, at least one")
        for action, permitted in changes.items():
            entry = (given["set"], action)
            (self._forbidden.discard if permitted else self._forbidden.add)(entry)


def is_basic(request: SimRequest) -> bool:
    """Whether a request comes with a user and a key instead of a token."""
    return request.headers.get("Authorization", "").lower().startswith("basic ")
