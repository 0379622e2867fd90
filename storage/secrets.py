"""Tenants' secrets, read from Key Vault when needed and kept in memory for minutes.

Rows hold a secret's name, never its value. A tenant's secrets are named ``{tenant}--...``: a
connection that names anything else is refused before the vault is asked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from errors import (
    AuthorizationError,
    ConfigurationError,
    CouplerError,
    RefusedRequestError,
    ThrottledError,
    TransientError,
)
from identity.model import TenantId
from settings import Settings

CACHE_SECONDS = 300.0
"""How long a value read is used again; a rotated secret is taken up after at most this time."""

_BUSY_SECONDS = 10.0
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")


class SecretText:
    """A secret that does not show itself in logs, messages or JSON; ``reveal`` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "SecretText('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, specification: str) -> str:
        return format("***", specification)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written out")


class SecretReader:
    """Secrets of the vault that the settings name; safe for several threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        client: SecretClient | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client or _open(settings)
        self._monotonic = monotonic
        self._lock = Lock()
        self._known: dict[str, tuple[float, SecretText]] = {}

    def read(self, tenant: TenantId, name: str) -> SecretText:
        """The current value of the tenant's secret.

        Raises ``RefusedRequestError`` (422) for a name that is not this tenant's,
        ``ConfigurationError`` where there is no such secret, ``AuthorizationError`` where the
        vault refuses this application, ``TransientError`` where it cannot be reached.
        """
        check_secret_name(tenant, name)
        now = self._monotonic()
        with self._lock:
            known = self._known.get(name)
        if known and known[0] > now:
            return known[1]
        secret = SecretText(self._fetch(name))
        with self._lock:
            self._known[name] = (now + CACHE_SECONDS, secret)
        return secret

    def forget(self, name: str) -> None:
        """Read the secret anew next time: its value was refused by the service it is for."""
        with self._lock:
            self._known.pop(name, None)

    def _fetch(self, name: str) -> str:
        try:
            value = self._client.get_secret(name).value
        except AzureError as error:
            # the cause is not chained: its text may hold the vault's raw answer
            raise _translated(error, name) from None
        if not value:
            raise ConfigurationError(
                "secret-empty",
                f"The secret {name} in Key Vault is empty.",
                hint="Store the credential as a new version of it.",
            )
        return value


def check_secret_name(tenant: TenantId, name: str) -> None:
    """Raises ``RefusedRequestError`` (422) unless the name is well formed and this tenant's."""
    prefix = f"{tenant}--"
    if not name.startswith(prefix) or len(name) == len(prefix) or not _NAME.fullmatch(name):
        raise RefusedRequestError(
            422,
            "secret-not-yours",
            "The secret's name is not one of this tenant's.",
            hint=f"Use a name of letters, digits and dashes that begins with {prefix}",
        )


def _open(settings: Settings) -> SecretClient:
    options: dict[str, Any] = {
        "retry_total": 3,
        "retry_backoff_max": 8,
        "connection_timeout": 5,
        "read_timeout": 15,
    }
    credential = DefaultAzureCredential(
        authority=settings.entra_authority,
        disable_instance_discovery=not settings.entra_instance_discovery,
        **options,
    )
    return SecretClient(
        settings.key_vault_url,
        credential,
        verify_challenge_resource=settings.key_vault_verify_challenge,
        **options,
    )


def _translated(error: AzureError, name: str) -> CouplerError:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if isinstance(error, ResourceNotFoundError):
        return ConfigurationError(
            "secret-missing",
            f"There is no secret {name} in Key Vault.",
            hint="Store the credential under that name, or correct the name in the connection.",
        )
    if isinstance(error, ClientAuthenticationError) or status in (401, 403):
        return AuthorizationError(
            "secret-forbidden",
            f"Key Vault does not let this application read the secret {name}.",
            hint="Grant the application's identity the role Key Vault Secrets User, and check "
            "that the secret is enabled.",
        )
    if status == 429:
        return ThrottledError(
            "vault-busy", f"Key Vault is too busy to give {name}.", retry_after=_BUSY_SECONDS
        )
    if status is None or status >= 500:
        return TransientError(
            "vault-unavailable",
            f"Key Vault did not give the secret {name}.",
            hint="The work is tried again; if this lasts, check KEY_VAULT_URL and the network.",
        )
    return ConfigurationError(
        "vault-refused",
        f"Key Vault refused the request for the secret {name} ({status}).",
        hint="Check KEY_VAULT_URL and KEY_VAULT_VERIFY_CHALLENGE.",
    )
