"""Step ``tokens``: the credentials, and a token of Entra ID for each service."""

from __future__ import annotations

from dataclasses import dataclass

from setup.checks.findings import Trouble, failed_by, not_checked, passed
from setup.model import Finding

CRM_TOKEN = "crm-token"  # noqa: S105  the name of a check
BUSINESS_CENTRAL_TOKEN = "business-central-token"  # noqa: S105  the name of a check


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """``None`` stands for success, ``Trouble`` for what came in its place."""

    secret_address: str
    """The name of the Key Vault secret."""
    secret: Trouble | None
    business_central: Trouble | None
    crm: Trouble | None
    key_address: str = ""
    """The name of the secret with the web service access key, where one is given."""
    key: Trouble | None = None


def check_tokens(facts: TokenFacts) -> list[Finding]:
    """The secrets can be read, and Entra ID gives a token for either service."""
    found = [_secret("client-secret", facts.secret_address, facts.secret)]
    if facts.key_address:
        found.append(_secret("web-service-key", facts.key_address, facts.key))
    for check, service, trouble in (
        (BUSINESS_CENTRAL_TOKEN, "Business Central", facts.business_central),
        (CRM_TOKEN, "Dynamics 365 Sales", facts.crm),
    ):
        if facts.secret is not None:
            found.append(not_checked(check, service, "Waits for the client secret."))
        elif trouble is not None:
            found.append(failed_by(check, service, trouble))
        else:
            found.append(passed(check, service, "Entra ID gave the application a token."))
    return found


def _secret(check: str, address: str, trouble: Trouble | None) -> Finding:
    if trouble is not None:
        return failed_by(check, address, trouble)
    return passed(check, address, "The secret can be read from Key Vault.")
