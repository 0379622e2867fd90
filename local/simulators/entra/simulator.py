"""Imitates Entra ID as daemon applications use it: client credentials, keys, discovery.

Its own address as the client wrote it is the authority of the tokens: ``iss`` follows the URL that
the token was asked for under.
"""

from __future__ import annotations

import hmac
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.simulators.core.messages import SimRequest, SimResponse, not_implemented
from local.simulators.core.simulator import SeedError
from local.simulators.entra.clients import Client, client_from
from local.simulators.entra.signing import SigningKey

_SCOPE_SUFFIX = "/.default"
_TENANTLESS = ("common", "organizations")


class _RefusedError(Exception):
    """A token request that Entra ID refuses, in its own words."""

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.code = code


class EntraSimulator:
    """Token endpoint, OpenID configuration, JSON Web Keys and instance discovery."""

    name = "entra"

    def __init__(
        self,
        clients: list[dict[str, Any]] | None = None,
        *,
        signing_key: SigningKey | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.signing_key = signing_key or SigningKey()
        self._clock = clock
        self._clients: dict[tuple[str, str], Client] = {}
        self.seed({"clients": clients or []}, {})

    def audiences(self, request: SimRequest) -> Collection[str]:  # noqa: ARG002 - protocol
        """Nothing here needs a token: it is where tokens come from."""
        return ()

    def unauthorized(self, request: SimRequest, reason: str) -> SimResponse:  # noqa: ARG002
        """Never asked for, see ``audiences``."""
        return SimResponse(status=401, body={"error": "invalid_token", "error_description": reason})

    def seed(
        self,
        data: dict[str, list[dict[str, Any]]],
        options: Mapping[str, str],  # noqa: ARG002
    ) -> dict[str, int]:
        """Register ``clients``; a client of the same tenant and id is replaced."""
        if unknown := data.keys() - {"clients"}:
            raise SeedError(f"Entra ID has no set {sorted(unknown)}, only clients")
        clients = [client_from(row) for row in data.get("clients", [])]
        self._clients |= {(client.tenant, client.client_id): client for client in clients}
        return {"clients": len(clients)}

    def dump(self, entity_set: str) -> list[dict[str, Any]]:
        """The registered ``clients``, without their secrets."""
        if entity_set != "clients":
            raise LookupError(entity_set)
        rows = [asdict(client) for client in self._clients.values()]
        return [{name: row[name] for name in row if name != "secret"} for row in rows]

    def reset(self) -> None:
        """Forget every client. The signing key stays."""
        self._clients.clear()

    async def handle(self, request: SimRequest) -> SimResponse:
        """Answer by the last parts of the path, the first being the tenant."""
        tenant, _, rest = request.path.lstrip("/").partition("/")
        match (request.method, rest):
            case ("POST", "oauth2/v2.0/token"):
                return self._token(request, tenant.lower())
            case ("GET", "v2.0/.well-known/openid-configuration"):
                return self._openid_configuration(request, tenant.lower())
            case ("GET", "discovery/v2.0/keys"):
                return SimResponse(
                    status=200, body={"keys": [self.signing_key.public_jwk]}, kind="GET keys"
                )
            case ("GET", "discovery/instance"):
                return _instance_discovery(request)
            case _:
                return not_implemented(f"{request.method} {request.path}")

    def _token(self, request: SimRequest, tenant: str) -> SimResponse:
        try:
            body = self._issued(request, tenant)
        except _RefusedError as refused:
            return self._refusal(refused)
        return SimResponse(
            status=200, body=body, headers={"Cache-Control": "no-store"}, kind="POST token"
        )

    def _issued(self, request: SimRequest, tenant: str) -> dict[str, Any]:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if _required(form, "grant_type") != "client_credentials":
            raise _RefusedError(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{form['grant_type']}'.",
            )
        client = self._authenticated(tenant, form)
        scope = _required(form, "scope")
        if not scope.endswith(_SCOPE_SUFFIX) or " " in scope:
            raise _RefusedError(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must "
                "have a scope value with /.default suffixed to the resource identifier.",
            )
        claims = self._claims(request, client, scope.removesuffix(_SCOPE_SUFFIX))
        return {
            "token_type": "Bearer",
            "expires_in": client.expires_in,
            "ext_expires_in": client.expires_in,
            "access_token": self.signing_key.sign(claims),
        }

    def _authenticated(self, tenant: str, form: dict[str, str]) -> Client:
        if not self._knows(tenant):
            raise _tenant_not_found(tenant)
        client_id = _required(form, "client_id")
        client = self._clients.get((tenant, client_id.lower()))
        if client is None:
            raise _RefusedError(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory "
                f"'{tenant}'.",
            )
        if "client_secret" not in form:
            raise _RefusedError(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or "
                "'client_secret'.",
            )
        if not hmac.compare_digest(client.secret.encode(), form["client_secret"].encode()):
            raise _RefusedError(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is "
                "the client secret value, not the client secret ID, for a secret added to app "
                f"'{client_id}'.",
            )
        return client

    def _claims(self, request: SimRequest, client: Client, audience: str) -> dict[str, Any]:
        now = int(self._clock())
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"{request.base_url}/{client.tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + client.expires_in,
            "appid": client.client_id,
            "azp": client.client_id,
            "azpacr": "1",
            "idtyp": "app",
            "oid": client.object_id,
            "sub": client.object_id,
            "tid": client.tenant,
            "uti": uuid.uuid4().hex[:22],
            "ver": "2.0",
        }
        return claims | ({"roles": list(client.roles)} if client.roles else {})

    def _openid_configuration(self, request: SimRequest, tenant: str) -> SimResponse:
        if tenant not in _TENANTLESS and not self._knows(tenant):
            return self._refusal(_tenant_not_found(tenant))
        base = f"{request.base_url}/{tenant}"
        issuer = "{tenantid}" if tenant in _TENANTLESS else tenant
        body = {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": f"{request.base_url}/{issuer}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        }
        return SimResponse(status=200, body=body, kind="GET openid-configuration")

    def _refusal(self, refused: _RefusedError) -> SimResponse:
        moment = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        body = {
            "error": refused.error,
            "error_description": f"AADSTS{refused.code}: {refused} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {moment}",
            "error_codes": [refused.code],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
        }
        return SimResponse(status=refused.status, body=body, kind="refused")

    def _knows(self, tenant: str) -> bool:
        return any(known == tenant for known, _ in self._clients)


def _instance_discovery(request: SimRequest) -> SimResponse:
    endpoint = request.parameter("authorization_endpoint") or ""
    tenant = urlsplit(endpoint).path.lstrip("/").partition("/")[0] or "common"
    host = urlsplit(request.base_url).netloc
    body = {
        "tenant_discovery_endpoint": f"{request.base_url}/{tenant}/v2.0/.well-known/"
        "openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }
    return SimResponse(status=200, body=body, kind="GET instance")


def _required(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise _RefusedError(
            400,
            "invalid_request",
            900144,
            f"The request body must contain the following parameter: '{name}'.",
        )
    return form[name]


def _tenant_not_found(tenant: str) -> _RefusedError:
    return _RefusedError(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
