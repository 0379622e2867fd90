"""Access tokens for the services, acquired from Entra ID with a connection's client credentials.

Tokens live in memory only. The client secret is asked for when an application is first used and
again after a refusal, so that a secret rotated in the vault is taken up by itself; it never stands
in a message or a log.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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


@dataclass(slots=True, kw_only=True)
class ServiceToken:
    """The token of one application in one tenant for one service. Safe to share among threads.

    Calling it gives a token that is valid for some minutes more; it is kept until shortly before
    it expires. ``forget`` makes the next call acquire a new one, with the secret read again.
    """

    authority: Authority
    tenant: str
    client: str
    secret: Callable[[], str] = field(repr=False)
    scope: str
    """``https://contoso.crm.dynamics.com/.default``."""
    _application: msal.ConfidentialClientApplication | None = field(
        default=None, init=False, repr=False
    )
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __call__(self) -> str:
        """The token.

        Raises ``AuthorizationError`` when Entra ID refuses, ``TransientError`` when it cannot be
        reached, and what ``secret`` raises.
        """
        with self._lock:
            try:
                return self._acquired()
            except (requests.RequestException, msal.exceptions.MsalServiceError):
                self._application = None
                raise TransientError(
                    "entra-unreachable",
                    f"Entra ID could not be reached for a token of tenant {self.tenant}.",
                    hint="It is tried again.",
                ) from None
            except ValueError as failure:  # how msal reports that the tenant's metadata is missing
                self._application = None
                raise self._refused("", shortened(str(failure))) from None

    def forget(self) -> None:
        """Drop the token, because a service did not accept it."""
        with self._lock:
            self._application = None

    def _acquired(self) -> str:
        if self._application is None:
            self._application = msal.ConfidentialClientApplication(
                self.client,
                client_credential=self.secret(),
                authority=f"{self.authority.address}/{self.tenant}",
                instance_discovery=None if self.authority.instance_discovery else False,
                http_client=EntraHttp(self.authority.ca_bundle),
            )
        answer: dict[str, Any] = self._application.acquire_token_for_client([self.scope]) or {}
        token = answer.get("access_token")
        if isinstance(token, str):
            return token
        self._application = None
        description = str(answer.get("error_description") or "")
        code = _AADSTS.search(description)
        raise self._refused(code.group() if code else str(answer.get("error") or ""), description)

    def _refused(self, code: str, description: str) -> AuthorizationError:
        first_sentence = shortened(description.partition("Trace ID")[0]).removeprefix(f"{code}: ")
        return AuthorizationError(
            "token-refused",
            f"Entra ID gave application {self.client} in tenant {self.tenant} no token for "
            f"{self.scope.removesuffix('/.default')}: {code} {first_sentence}".rstrip(),
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
