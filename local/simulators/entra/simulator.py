"""Imitates Entra ID: tokens for applications and people, keys, discovery.

Applications sign in by client credentials, people by device code or by their password (the grant
``password``, which public applications are allowed).

Its own address as the client wrote it is the authority of the tokens: ``iss`` follows the URL that
the token was asked for under.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.simulators.core.messages import SimRequest, SimResponse, not_implemented
from local.simulators.core.simulator import Command, SeedError
from local.simulators.entra import refusals
from local.simulators.entra.directory import Directory
from local.simulators.entra.grants import Grants
from local.simulators.entra.refusals import RefusedError
from local.simulators.entra.sign_ins import SignIns
from local.simulators.entra.signing import SigningKey

_TENANTLESS = ("common", "organizations")
_SETS = {"clients", "users"}
_SECRETS = {"secrets", "password"}


class EntraSimulator:
    """Token and device code endpoints, OpenID configuration, JSON Web Keys, instance discovery."""

    name = "entra"

    def __init__(
        self,
        clients: list[dict[str, Any]] | None = None,
        users: list[dict[str, Any]] | None = None,
        *,
        signing_key: SigningKey | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.signing_key = signing_key or SigningKey()
        self._clock = clock
        self._directory = Directory()
        self._begin()
        self.seed({"clients": clients or [], "users": users or []}, {})

    def _begin(self) -> None:
        self._sign_ins = SignIns(self._clock, self._directory.user_named)
        self._grants = Grants(self._directory, self._sign_ins, self.signing_key, self._clock)

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
        """Register ``clients`` and ``users``, in the place of those of their names."""
        if unknown := data.keys() - _SETS:
            raise SeedError(f"Entra ID has no set {sorted(unknown)}, only {sorted(_SETS)}")
        self._directory.add(data.get("clients", []), data.get("users", []))
        return {name: len(rows) for name, rows in data.items()}

    def dump(self, entity_set: str) -> list[dict[str, Any]]:
        """The registered ``clients`` or ``users``, without their secrets."""
        if entity_set not in _SETS:
            raise LookupError(entity_set)
        found = self._directory.clients if entity_set == "clients" else self._directory.users
        rows = [asdict(each) for each in found]
        return [{name: row[name] for name in row if name not in _SECRETS} for row in rows]

    def reset(self) -> None:
        """Forget every client, user and sign-in. The signing key stays."""
        self._directory.clear()
        self._begin()

    @property
    def commands(self) -> Mapping[str, Command]:
        """What else ``POST /_sim/{name}`` does."""
        return {"sign-in": lambda values, _options: self._sign_ins.play(values)}

    async def handle(self, request: SimRequest) -> SimResponse:
        """Answer by the last parts of the path, the first being the tenant."""
        tenant, _, rest = request.path.lstrip("/").partition("/")
        match (request.method, rest):
            case ("POST", "oauth2/v2.0/token"):
                return self._answer(request, tenant.lower(), self._grants.issued, "POST token")
            case ("POST", "oauth2/v2.0/devicecode"):
                return self._answer(request, tenant.lower(), self._grants.begun, "POST devicecode")
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

    def _answer(
        self,
        request: SimRequest,
        tenant: str,
        grant: Callable[[dict[str, str], str, str], Any],
        kind: str,
    ) -> SimResponse:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        try:
            body = grant(form, tenant, request.base_url)
        except RefusedError as refused:
            return refused.response(self._clock())
        headers = {"Cache-Control": "no-store"}
        return SimResponse(status=200, body=body, headers=headers, kind=kind)

    def _openid_configuration(self, request: SimRequest, tenant: str) -> SimResponse:
        if tenant not in _TENANTLESS and not self._directory.knows(tenant):
            return refusals.unknown_tenant(tenant).response(self._clock())
        base = f"{request.base_url}/{tenant}"
        issuer = "{tenantid}" if tenant in _TENANTLESS else tenant
        body = {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": f"{request.base_url}/{issuer}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        }
        return SimResponse(status=200, body=body, kind="GET openid-configuration")


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
