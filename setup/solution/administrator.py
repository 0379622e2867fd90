"""The administrator who imports the solution: used for that, and never kept.

The token lives in the memory of one call. It is handed to the transport and nowhere else: not to a
row, a log, an answer or an exception.
"""

from __future__ import annotations

from errors import AuthorizationError, RefusedRequestError
from services.dataverse_administration import (
    SYSTEM_ADMINISTRATOR,
    SYSTEM_CUSTOMIZER,
    DataverseAdministration,
    Identity,
)

_NEEDED = {SYSTEM_ADMINISTRATOR: "System Administrator", SYSTEM_CUSTOMIZER: "System Customizer"}


def verified_administrator(crm: DataverseAdministration) -> Identity:
    """Who signed in, if they may import.

    Raises ``RefusedRequestError`` (422): ``administrator-not-accepted`` where the organization does
    not take the sign-in, ``administrator-needed`` naming the roles that the person lacks.
    """
    try:
        identity = crm.who_am_i()
        held = {role.template_id for role in crm.roles_of(identity.user_id)}
    except AuthorizationError as error:
        raise RefusedRequestError(
            422,
            "administrator-not-accepted",
            f"The CRM organization does not take this sign-in: {error.message}",
            hint="Sign in as a person of this organization who is System Administrator and System "
            "Customizer; a token must be for the organization's own address and not expired.",
        ) from None
    missing = [name for template, name in _NEEDED.items() if template not in held]
    if missing:
        raise RefusedRequestError(
            422,
            "administrator-needed",
            f"The person who signed in lacks the role{'s'[: len(missing) - 1]} "
            f"{' and '.join(missing)}.",
            hint="Sign in as a person who has both roles, or have the roles assigned to them "
            "directly.",
        )
    return identity
