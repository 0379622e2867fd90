"""Step ``synchronization-user``: the CRM user of the connection's application.

The user must be allowed what the mappings need and no more: a System Administrator would hide every
missing privilege, and whoever got at its credentials could do anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from services.dataverse_administration import SYSTEM_ADMINISTRATOR, Identity, Role, User
from setup.checks.findings import Trouble, failed, failed_by, not_checked, passed
from setup.model import Finding

USER_EXISTS = "user-exists"
USER_ENABLED = "user-enabled"
USER_LICENSED = "user-licensed"
USER_HAS_ROLES = "user-has-roles"
NOT_SYSTEM_ADMINISTRATOR = "user-not-system-administrator"
INTEGRATION_ROLES = "user-integration-roles"

# Codes of the Dataverse Web API
_NOT_A_MEMBER = re.compile("0x80072560|not a member of the organization", re.IGNORECASE)
_DISABLED = re.compile("0x80040225|0x80041D1F|is disabled", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFacts:
    client_id: str
    """The application whose user it is."""
    identity: Identity | Trouble
    """Whom the organization takes the application for."""
    user: User | Trouble | None
    roles: tuple[Role, ...] | Trouble
    integration_roles: tuple[str, ...]
    """The roles that the user must have; none where the solution is not chosen."""


def check_synchronization_user(facts: UserFacts) -> list[Finding]:
    if isinstance(facts.identity, Trouble):
        return [_refused(facts.client_id, facts.identity)]
    if isinstance(facts.user, Trouble):
        return [_without_rights(facts.client_id, facts.user)]
    if facts.user is None or facts.user.application_id != facts.client_id.lower():
        return [_absent(facts.client_id)]
    name = facts.user.name or facts.client_id
    return [
        passed(USER_EXISTS, name, "The application's user is in the organization."),
        *user_is_usable(facts.user, name),
        *_roles(facts, name),
    ]


def user_is_usable(user: User, name: str) -> list[Finding]:
    """Enabled, and licensed where a licence is needed."""
    if user.is_disabled:
        enabled = _disabled(name)
    else:
        enabled = passed(USER_ENABLED, name, "The user is enabled.")
    if user.is_interactive and not user.is_licensed:
        licensed = failed(
            USER_LICENSED,
            name,
            f"The user {name} has no licence.",
            "Assign a Dynamics 365 Sales licence in the Microsoft 365 admin center.",
        )
    else:
        words = "The user is licensed." if user.is_interactive else "The user needs no licence."
        licensed = passed(USER_LICENSED, name, words)
    return [enabled, licensed]


def _refused(client_id: str, trouble: Trouble) -> Finding:
    if _NOT_A_MEMBER.search(trouble.message):
        return _absent(client_id)
    if _DISABLED.search(trouble.message):
        return _disabled(f"of application {client_id}")
    return failed_by(USER_EXISTS, client_id, trouble)


def _absent(client_id: str) -> Finding:
    return failed(
        USER_EXISTS,
        client_id,
        f"The application {client_id} has no user in the CRM organization.",
        "Power Platform admin center, Environments, the environment, Settings, Application users: "
        "New app user, and choose the application.",
    )


def _disabled(name: str) -> Finding:
    return failed(
        USER_ENABLED,
        name,
        f"The user {name} is disabled.",
        "Power Platform admin center, Environments, the environment, Settings, Application users: "
        "choose the user and Activate.",
    )


def _without_rights(client_id: str, trouble: Trouble) -> Finding:
    return failed(
        USER_HAS_ROLES,
        client_id,
        f"The application's user may not even read itself: {trouble.message}",
        "Import the CRM solution here, which gives it its roles, or assign a role with Read on "
        "User and Security Role in the Power Platform admin center.",
    )


def _roles(facts: UserFacts, name: str) -> list[Finding]:
    if isinstance(facts.roles, Trouble):
        return [_without_rights(name, facts.roles)]
    found: list[Finding] = []
    named = [role.name for role in facts.roles]
    if named:
        found.append(passed(USER_HAS_ROLES, name, f"Roles: {', '.join(sorted(named))}."))
    else:
        found.append(
            failed(
                USER_HAS_ROLES,
                name,
                f"The user {name} has no security role.",
                "Import the CRM solution here, which assigns its roles, or assign roles in the "
                "Power Platform admin center.",
            )
        )
    found.append(_not_system_administrator(facts.roles, name))
    found.append(_integration_roles(facts.integration_roles, named, name))
    return found


def _not_system_administrator(roles: Collection[Role], name: str) -> Finding:
    if any(role.template_id == SYSTEM_ADMINISTRATOR for role in roles):
        return failed(
            NOT_SYSTEM_ADMINISTRATOR,
            name,
            f"The user {name} is a System Administrator.",
            "Take that role from the user, or use another application: the connection must not be "
            "able to do more than it needs.",
        )
    return passed(NOT_SYSTEM_ADMINISTRATOR, name, "The user is no System Administrator.")


def _integration_roles(wanted: tuple[str, ...], named: list[str], name: str) -> Finding:
    if not wanted:
        return not_checked(
            INTEGRATION_ROLES,
            name,
            "The CRM solution is not chosen; the step of the tables tells what privileges miss.",
        )
    missing = [role for role in wanted if role not in named]
    if missing:
        return failed(
            INTEGRATION_ROLES,
            name,
            f"The user {name} lacks the role{'s'[: len(missing) - 1]} {' and '.join(missing)}.",
            "Import the CRM solution here with an administrator's sign-in: it brings the roles "
            "and assigns them.",
        )
    return passed(INTEGRATION_ROLES, name, f"The user has the roles {' and '.join(wanted)}.")
