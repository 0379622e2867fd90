"""Imitates the secrets of one Azure Key Vault (data plane API).

As the real service does, it lets expired and not yet valid secrets be read (their dates inform the
reader) and refuses disabled ones.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from local.simulators.core.messages import SimRequest, SimResponse, not_implemented
from local.simulators.core.simulator import SeedError
from local.simulators.key_vault.secrets import NAME, DeletedSecret, SecretStore, SecretVersion

AUDIENCE = "https://vault.azure.net"
_API_VERSION = re.compile(r"7\.\d(\.\d)?|20\d\d-\d\d-\d\d")
_PAGE = 25
_RETENTION_SECONDS = 90 * 24 * 3600
_MOST_VALUE_BYTES = 25 * 1024
_SETTABLE = ("enabled", "nbf", "exp")


class KeyVaultSimulator:
    """One vault of one tenant; ``authority`` is the address of Entra ID without a tenant."""

    name = "key_vault"

    def __init__(
        self, *, authority: str, tenant: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._authority = authority.rstrip("/")
        self._tenant = tenant
        self._secrets = SecretStore(clock)

    def audiences(self, request: SimRequest) -> Collection[str]:  # noqa: ARG002 - protocol
        """Every request needs a token made for Key Vault."""
        return (AUDIENCE,)

    def unauthorized(self, request: SimRequest, reason: str) -> SimResponse:  # noqa: ARG002
        """The challenge from which clients learn whose token to bring."""
        challenge = f'Bearer authorization="{self._authority}/{self._tenant}", '
        challenge += f'resource="{AUDIENCE}"'
        answer = _error(401, "Unauthorized", f"AKV10000: {reason}")
        return SimResponse(
            status=401,
            body=answer.body,
            headers={"WWW-Authenticate": challenge},
            operations=0,
            kind="challenge",
        )

    def seed(
        self,
        data: dict[str, list[dict[str, Any]]],
        options: Mapping[str, str],  # noqa: ARG002
    ) -> dict[str, int]:
        """Set ``secrets``, rows of ``name`` and ``value``."""
        if unknown := data.keys() - {"secrets"}:
            raise SeedError(f"Key Vault has no set {sorted(unknown)}, only secrets")
        rows = data.get("secrets", [])
        for row in rows:
            if row.keys() != {"name", "value"} or not all(isinstance(v, str) for v in row.values()):
                raise SeedError("secrets: a row has name and value, both text")
            if not NAME.fullmatch(row["name"]):
                raise SeedError(f"secrets: {row['name']!r} is no name of a secret")
        for row in rows:
            self._secrets.set(row["name"], row["value"])
        return {"secrets": len(rows)}

    def dump(self, entity_set: str) -> list[dict[str, Any]]:
        """Names and values of all ``secrets``."""
        if entity_set != "secrets":
            raise LookupError(entity_set)
        return [{"name": secret.name, "value": secret.value} for secret in self._secrets.latest()]

    def reset(self) -> None:
        """Forget every secret."""
        self._secrets.clear()

    async def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request of the data plane."""
        version = request.parameter("api-version")
        if version is None or not _API_VERSION.fullmatch(version):
            return _error(400, "BadParameter", "The api-version query parameter is invalid.")
        if request.claims and request.claims["tid"] != self._tenant:
            return self.unauthorized(request, "AKV10032: Invalid issuer: another tenant's token.")
        parts = [part for part in request.path.split("/") if part]
        if len(parts) > 1 and not NAME.fullmatch(parts[1]):
            return _error(400, "BadParameter", f"{parts[1]!r} is no valid name of a secret.")
        match parts:
            case ["secrets", *rest]:
                return self._on_secrets(request, rest)
            case ["deletedsecrets", name, *rest]:
                return self._on_deleted(request, name, rest)
            case _:
                return not_implemented(f"{request.method} {request.path}")

    def _on_secrets(self, request: SimRequest, rest: list[str]) -> SimResponse:
        match (request.method, rest):
            case ("GET", []):
                return self._page(request, self._secrets.latest(), with_version=False)
            case ("GET", [name, "versions"]):
                return self._page(request, self._secrets.versions(name), with_version=True)
            case ("GET", [name, *version]) if len(version) <= 1:
                return self._get(request, name, *version)
            case ("PUT", [name]):
                return self._put(request, name)
            case ("DELETE", [name]):
                deleted = self._secrets.delete(name)
                return _not_found(name) if deleted is None else _deleted(request, deleted)
            case _:
                return not_implemented(f"{request.method} {request.path}")

    def _on_deleted(self, request: SimRequest, name: str, rest: list[str]) -> SimResponse:
        match (request.method, rest):
            case ("GET", []):
                deleted = self._secrets.deleted(name)
                return _not_found(name) if deleted is None else _deleted(request, deleted)
            case ("DELETE", []):
                purged = self._secrets.purge(name)
                return SimResponse(status=204, kind="purge") if purged else _not_found(name)
            case ("POST", ["recover"]):
                secret = self._secrets.recover(name)
                if secret is None:
                    return _not_found(name)
                return SimResponse(status=200, body=_properties(request, secret), kind="recover")
            case _:
                return not_implemented(f"{request.method} {request.path}")

    def _get(self, request: SimRequest, name: str, version: str = "") -> SimResponse:
        secret = self._secrets.find(name, version)
        if secret is None:
            return _not_found(f"{name}/{version}" if version else name)
        if not secret.enabled:
            return _error(
                403,
                "Forbidden",
                "Operation get is not allowed on a disabled secret.",
                inner="SecretDisabled",
            )
        body = {"value": secret.value, **_properties(request, secret)}
        return SimResponse(status=200, body=body, kind="GET secret")

    def _put(self, request: SimRequest, name: str) -> SimResponse:
        if self._secrets.deleted(name) is not None:
            return _error(
                409,
                "Conflict",
                f"Secret {name} is currently in a deleted but recoverable state, and its name "
                "cannot be reused; in this state, the secret can only be recovered or purged.",
                inner="ObjectIsDeletedButRecoverable",
            )
        try:
            body = request.json()
            value, attributes = body["value"], body.get("attributes") or {}
        except (ValueError, KeyError, TypeError, AttributeError):
            return _error(400, "BadParameter", "The body has no value.")
        if not isinstance(value, str) or len(value.encode()) > _MOST_VALUE_BYTES:
            return _error(400, "BadParameter", "The value is no text of at most 25600 bytes.")
        secret = self._secrets.set(
            name,
            value,
            attributes={key: attributes[key] for key in _SETTABLE if key in attributes},
            content_type=body.get("contentType"),
            tags=body.get("tags"),
        )
        answer = {"value": secret.value, **_properties(request, secret)}
        return SimResponse(status=200, body=answer, kind="PUT secret")

    def _page(
        self, request: SimRequest, secrets: list[SecretVersion], *, with_version: bool
    ) -> SimResponse:
        start = int(request.parameter("$skiptoken") or 0)
        size = min(int(request.parameter("maxresults") or _PAGE), _PAGE)
        end = start + size
        version = request.parameter("api-version")
        following = f"{request.base_url}{request.path}?api-version={version}"
        following += f"&$skiptoken={end}&maxresults={size}"
        page = secrets[start:end]
        body = {
            "value": [_properties(request, secret, with_version=with_version) for secret in page],
            "nextLink": following if end < len(secrets) else None,
        }
        return SimResponse(status=200, body=body, operations=len(page), kind="GET secrets")


def _properties(
    request: SimRequest, secret: SecretVersion, *, with_version: bool = True
) -> dict[str, Any]:
    identifier = f"{request.base_url}/secrets/{secret.name}"
    properties: dict[str, Any] = {
        "id": f"{identifier}/{secret.version}" if with_version else identifier,
        "attributes": secret.attributes,
        "tags": secret.tags,
    }
    if secret.content_type is not None:
        properties["contentType"] = secret.content_type
    return properties


def _deleted(request: SimRequest, deleted: DeletedSecret) -> SimResponse:
    secret = deleted.versions[-1]
    body = _properties(request, secret) | {
        "recoveryId": f"{request.base_url}/deletedsecrets/{secret.name}",
        "deletedDate": deleted.deleted_at,
        "scheduledPurgeDate": deleted.deleted_at + _RETENTION_SECONDS,
    }
    return SimResponse(status=200, body=body, kind=f"{request.method} deleted secret")


def _not_found(name: str) -> SimResponse:
    return _error(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted "
        "this secret you may be able to recover it using the correct recovery command.",
    )


def _error(status: int, code: str, message: str, *, inner: str = "") -> SimResponse:
    error: dict[str, Any] = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    return SimResponse(status=status, body={"error": error}, kind="refused")
