"""Who exists in the simulated world: one tenant and its applications, known to the demo."""

from __future__ import annotations

from dataclasses import dataclass

TENANT = "00000000-0000-4000-8000-00000000c001"

API_AUDIENCE = "api://coupler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application registered in the tenant."""

    name: str
    client_id: str
    roles: tuple[str, ...] = ()
    """The app roles of the function app's API that the tenant assigned to it."""
    public: bool = False
    """Whether people may sign in by it."""

    @property
    def secret(self) -> str:
        """Protects nothing: it opens simulators on this machine only, and may be known."""
        return f"{self.name}-on-this-machine"


FUNCTION_APP = Application(name="function-app", client_id="00000000-0000-4000-8000-00000000c002")
"""The function app's own identity, which reads Key Vault."""

PORTAL = Application(
    name="portal",
    client_id="00000000-0000-4000-8000-00000000c003",
    roles=("Sync.Admin",),
)
"""A caller of the function app's API who may do everything."""

OPERATOR_APP = Application(
    name="operator",
    client_id="00000000-0000-4000-8000-00000000c005",
    roles=("Sync.Operate",),
)
"""A caller who may start and decide, but change no connection."""

READER_APP = Application(
    name="reader",
    client_id="00000000-0000-4000-8000-00000000c006",
    roles=("Sync.Read",),
)
"""A caller who may look."""

SERVICE = Application(name="cronus", client_id="00000000-0000-4000-8000-00000000c004", public=True)
"""The application that Coupler is in Business Central and CRM, a connection's credentials; an
administrator of CRM signs in by it."""

SERVICE_SECRET_NAME = f"{TENANT}--cronus-client-secret"
"""The Key Vault secret of ``SERVICE``, the name that a connection gives."""

APPLICATIONS = (FUNCTION_APP, PORTAL, OPERATOR_APP, READER_APP, SERVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the tenant who signs in."""

    name: str
    sign_in_name: str
    roles: tuple[str, ...] = ()
    """The app roles of the function app's API that the tenant assigned to them."""

    @property
    def password(self) -> str:
        """Protects nothing, like ``Application.secret``."""
        return f"{self.sign_in_name}-on-this-machine"


ADMINISTRATOR = Person(
    name="Ada Min", sign_in_name="ada.min@fabrikam.example", roles=("Sync.Admin",)
)
"""An administrator of the function app; CRM's, too, where the simulated world has her."""

OPERATOR = Person(
    name="Otto Rate", sign_in_name="otto.rate@fabrikam.example", roles=("Sync.Operate",)
)

READER = Person(name="Rhea Der", sign_in_name="rhea.der@fabrikam.example", roles=("Sync.Read",))

NOBODY = Person(name="Noah Body", sign_in_name="noah.body@fabrikam.example")
"""Somebody without any role."""

PEOPLE = (ADMINISTRATOR, OPERATOR, READER, NOBODY)
