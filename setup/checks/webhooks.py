"""Step ``webhooks``: both services call when something changes. Without them everything still
works, only later: so nothing here keeps a connection from being enabled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.dataverse_administration import TableDefinition
from setup.checks.findings import Trouble, not_checked, passed, warning
from setup.checks.tables import privileges_finding
from setup.model import Finding, Result
from setup.needs import Access, CrmNeed
from webhooks.store import Registration

PUBLIC_ADDRESS = "public-address"
PRIVILEGES = "webhook-privileges"
REGISTERED = "webhooks-registered"
CRM_STEPS = "crm-webhooks"
SUBSCRIPTIONS = "business-central-webhooks"

_MAKES = (Access.READ, Access.CREATE, Access.WRITE, Access.DELETE)
CRM_NEEDS = (
    CrmNeed(table="serviceendpoint", access=_MAKES, used_by=("webhooks",)),
    CrmNeed(table="sdkmessageprocessingstep", access=_MAKES, used_by=("webhooks",)),
)
_REGISTER = "PUT /api/connections/{id}/webhooks registers and repairs them."


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFacts:
    registration: Registration
    missing_steps: tuple[str, ...] | Trouble = ()
    """Tables and messages of CRM for which nothing is registered."""
    wanted_sets: tuple[str, ...] | Trouble = ()
    """The mapped entity sets that Business Central can tell of."""
    tables: Mapping[str, TableDefinition | Trouble | None]
    privileges: frozenset[str] | Trouble
    now: datetime


def no_public_address() -> list[Finding]:
    return [
        warning(
            PUBLIC_ADDRESS,
            "",
            "The services cannot reach this application, so every table is polled.",
            "Ask its operators to set PUBLIC_URL.",
        )
    ]


def check_webhooks(facts: WebhookFacts) -> list[Finding]:
    found = [passed(PUBLIC_ADDRESS, "", "The services can reach this application.")]
    found += _privileges(facts)
    if not facts.registration.is_wanted:
        message = "No webhooks are registered, so changes are noticed by polling alone."
        return [*found, warning(REGISTERED, "", message, _REGISTER)]
    if facts.registration.problem:
        found.append(warning(REGISTERED, "", facts.registration.problem, _REGISTER))
    else:
        found.append(passed(REGISTERED, "", "Both services were told to call."))
    return [*found, _steps(facts.missing_steps), *_subscriptions(facts)]


def _privileges(facts: WebhookFacts) -> list[Finding]:
    """What registering needs, as warnings."""
    if isinstance(facts.privileges, Trouble):
        return [warning(PRIVILEGES, "", facts.privileges.message, facts.privileges.hint)]
    found: list[Finding] = []
    for need in CRM_NEEDS:
        table = facts.tables[need.table]
        if isinstance(table, Trouble):
            found.append(warning(PRIVILEGES, need.table, table.message, table.hint))
        elif table is not None:
            told = privileges_finding(need, table, facts.privileges, "needed to register webhooks")
            is_complete = told.result is Result.PASSED
            hint = "The role Coupler Integration Administrator of the CRM solution has them."
            found.append(
                passed(PRIVILEGES, need.table, told.message)
                if is_complete
                else warning(PRIVILEGES, need.table, told.message, hint)
            )
    return found


def _steps(missing: tuple[str, ...] | Trouble) -> Finding:
    if isinstance(missing, Trouble):
        return warning(CRM_STEPS, "", missing.message, missing.hint)
    if missing:
        message = f"Dynamics 365 Sales does not call for: {', '.join(missing)}."
        return warning(CRM_STEPS, ", ".join(missing), message, _REGISTER)
    return passed(CRM_STEPS, "", "Dynamics 365 Sales calls for every mapped table.")


def _subscriptions(facts: WebhookFacts) -> list[Finding]:
    wanted = facts.wanted_sets
    if isinstance(wanted, Trouble):
        return [warning(SUBSCRIPTIONS, "", wanted.message, wanted.hint)]
    expiry = {one.entity_set: one.expires for one in facts.registration.subscriptions}
    found: list[Finding] = []
    for name in wanted:
        expires = expiry.get(name)
        if expires is None or expires <= facts.now:
            message = f"Business Central does not call for {name}."
            found.append(warning(SUBSCRIPTIONS, name, message, _REGISTER))
        else:
            message = f"Business Central calls until {expires.isoformat(timespec='minutes')}."
            found.append(passed(SUBSCRIPTIONS, name, message))
    return found or [not_checked(SUBSCRIPTIONS, "", "No mapped table can be told of.")]
