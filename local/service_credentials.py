"""As whom the demo's connection calls Business Central and CRM.

Simulated services know the simulated application. For real ones an application of a real tenant is
named by environment variables, so that its secret is on no command line:

    SERVICE_TENANT=… SERVICE_CLIENT_ID=… SERVICE_CLIENT_SECRET=… make demo CRM_URL=… BC_URL=…
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field

from local.identities import SERVICE, TENANT

_VARIABLES = ("SERVICE_TENANT", "SERVICE_CLIENT_ID", "SERVICE_CLIENT_SECRET")
_AUTHORITY = "SERVICE_AUTHORITY"
_PUBLIC_AUTHORITY = "https://login.microsoftonline.com"


class CredentialsError(Exception):
    """The environment names part of an application; the text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredentials:
    """An application of an Entra ID tenant."""

    tenant: str
    client_id: str
    secret: str = field(repr=False)
    authority: str = ""
    """Where its tokens come from, empty for the simulator of Entra ID."""


SIMULATED = ServiceCredentials(tenant=TENANT, client_id=SERVICE.client_id, secret=SERVICE.secret)


def take_credentials(environment: MutableMapping[str, str]) -> ServiceCredentials:
    """The application that the environment names, else the simulated one.

    The variables are removed, so that no child process inherits them. Raises
    ``CredentialsError``.
    """
    given = {name: environment.pop(name, "") for name in _VARIABLES}
    authority = environment.pop(_AUTHORITY, "") or _PUBLIC_AUTHORITY
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return SIMULATED
    if missing:
        raise CredentialsError(
            f"For a real service set {', '.join(_VARIABLES)}; missing: {', '.join(missing)}."
        )
    tenant, client_id, secret = given.values()
    return ServiceCredentials(
        tenant=tenant, client_id=client_id, secret=secret, authority=authority.rstrip("/")
    )
