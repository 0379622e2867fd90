"""Access tokens for the services, acquired from Entra ID with a connection's client credentials.

Tokens live in memory only. The credentials are asked for when a token is first needed and again
once they are refused, so that those that were rotated meanwhile are taken up by what is at work:

    a worker                                  administrator
    has tokens by the old secret
                                              has the connection use another secret
                                              removes the old one in Entra ID
    needs another token: refused
    asks for the credentials again: the new
    ones give a token, the work goes on

A secret never stands in a message or a log.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import msal  # type: ignore[import-untyped]  # msal ships no types
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from errors import AuthorizationError, TransientError
from services.faults import shortened

_TIMEOUTS = (10.0, 30.0)  # seconds to connect, seconds of silence
# Asking for a token twice harms nothing, so POST is repeated like any other request.
_RETRIES = Retry(
    total=2,
    redirect=0,
    allowed_methods=None,
    status_forcelist=(500, 502, 503, 504),
    backoff_factor=0.2,
    raise_on_status=False,
)
_AADSTS = re.compile(r"AADSTS\d+")
_HINTS = {
    "AADSTS7000215": "The client secret is wrong: store the secret's value, not its id.",
    "AADSTS7000222": "The client secret has expired: make a new one and store it.",
    "AADSTS700016": "The application is not known in this tenant: check the client id, and that "
    "an administrator of the tenant has consented to it.",
    "AADSTS90002": "The tenant is not known: check the tenant id.",
    "AADSTS500011": "The service is not known in this tenant: check the service's address.",
    "AADSTS53003": "A conditional access policy of the tenant blocks the application.",
}
_HINT = "Check the connection's tenant id, client id and client secret."


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Where tokens come from; the same for all connections (from ``settings``)."""

    address: str
    """``https://login.microsoftonline.com``, without a tenant."""
    instance_discovery: bool = True
    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """An application of a tenant, and its secret."""

    tenant: str
    client: str
    secret: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class ServiceToken:
    """The token of one application in one tenant for one service. Safe to share among threads.

    Calling it gives a token that is valid for some minutes more; it is kept until shortly before
    it expires. ``forget`` makes the next call acquire a new one, with the credentials asked for
    again.
    """

    authority: Authority
    credentials: Callable[[], ClientCredentials] = field(repr=False)
    """As they are now."""
    scope: str
    """``https://contoso.crm.dynamics.com/.default``."""
    _application: _Application | None = field(default=None, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __call__(self) -> str:
        """The token.

        Raises ``AuthorizationError`` when Entra ID refuses, ``TransientError`` when it cannot be
        reached, and what ``credentials`` raises.
        """
        with self._lock:
            kept, self._application = self._application, None
            if kept is not None:
                with suppress(AuthorizationError):
                    return self._token_of(kept)
            return self._token_of(_Application(self.credentials(), self.authority))

    def forget(self) -> None:
        """Drop the token, because a service did not accept it."""
        with self._lock:
            self._application = None

    def _token_of(self, application: _Application) -> str:
        token = application.token(self.scope)
        self._application = application
        return token


class _Application:
    """The application as it was when its credentials were asked for, and its tokens."""

    def __init__(self, credentials: ClientCredentials, authority: Authority) -> None:
        self._credentials = credentials
        self._authority = authority
        self._msal: msal.ConfidentialClientApplication | None = None

    def token(self, scope: str) -> str:
        """Raises as ``ServiceToken``."""
        try:
            answer: dict[str, Any] = self._client().acquire_token_for_client([scope]) or {}
        except (requests.RequestException, msal.exceptions.MsalServiceError):
            raise TransientError(
                "entra-unreachable",
                f"Entra ID could not be reached for a token of tenant {self._credentials.tenant}.",
                hint="It is tried again.",
            ) from None
        except ValueError as failure:  # how msal reports that the tenant's metadata is missing
            raise self._refused(scope, "", shortened(str(failure))) from None
        token = answer.get("access_token")
        if isinstance(token, str):
            return token
        description = str(answer.get("error_description") or "")
        code = _AADSTS.search(description)
        named = code.group() if code else str(answer.get("error") or "")
        raise self._refused(scope, named, description)

    def _client(self) -> msal.ConfidentialClientApplication:
        """Asks Entra ID about the tenant when first called."""
        if self._msal is None:
            self._msal = msal.ConfidentialClientApplication(
                self._credentials.client,
                client_credential=self._credentials.secret,
                authority=f"{self._authority.address}/{self._credentials.tenant}",
                instance_discovery=None if self._authority.instance_discovery else False,
                http_client=EntraHttp(self._authority.ca_bundle),
            )
        return self._msal

    def _refused(self, scope: str, code: str, description: str) -> AuthorizationError:
        first_sentence = shortened(description.partition("Trace ID")[0]).removeprefix(f"{code}: ")
        return AuthorizationError(
            "token-refused",
            f"Entra ID gave application {self._credentials.client} in tenant "
            f"{self._credentials.tenant} no token for {scope.removesuffix('/.default')}: "
            f"{code} {first_sentence}".rstrip(),
            hint=_HINTS.get(code, _HINT),
        )


class EntraHttp(requests.Session):
    """msal's way out: no proxies of the environment, time limits, no redirects, few retries."""

    def __init__(self, ca_bundle: str | None) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = ca_bundle or True
        self.mount("https://", HTTPAdapter(max_retries=_RETRIES))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        options.update(timeout=_TIMEOUTS, allow_redirects=False)
        return super().send(request, **options)
