"""Step ``addresses``: where the services are, and whose they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from errors import RefusedRequestError
from services.addresses import check_address
from setup.checks.findings import failed, passed
from setup.model import Finding

BUSINESS_CENTRAL_ADDRESS = "business-central-address"
CRM_ADDRESS = "crm-address"

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressFacts:
    business_central_url: str
    crm_url: str
    tenant_id: str
    """The Entra ID tenant of the connection's credentials."""
    allowed_hosts: tuple[str, ...]


def check_addresses(facts: AddressFacts) -> list[Finding]:
    """Both addresses are allowed today, and Business Central's is of the credentials' tenant."""
    return [
        _address(BUSINESS_CENTRAL_ADDRESS, facts.business_central_url, facts.allowed_hosts),
        _address(CRM_ADDRESS, facts.crm_url, facts.allowed_hosts),
        _tenant(facts),
    ]


def _address(check: str, url: str, allowed: tuple[str, ...]) -> Finding:
    try:
        check_address(url, allowed)
    except RefusedRequestError as error:
        return failed(check, url, error.message, error.hint)
    return passed(check, url, "The address may be used.")


def _tenant(facts: AddressFacts) -> Finding:
    check = "tenant"
    if not _GUID.fullmatch(facts.tenant_id):
        return failed(
            check,
            facts.tenant_id,
            "The tenant id of the credentials is not a GUID in small letters.",
            "Copy the Directory (tenant) id from the application's registration in Entra ID.",
        )
    path = urlsplit(facts.business_central_url).path.lower()
    others = {match.group() for match in _GUID.finditer(path)} - {facts.tenant_id}
    if others:
        return failed(
            check,
            facts.tenant_id,
            f"Business Central's address names the tenant {others.pop()}, the credentials are of "
            f"the tenant {facts.tenant_id}.",
            "Correct whichever is wrong: an environment takes applications of its own tenant.",
        )
    return passed(check, facts.tenant_id, "Address and credentials are of one tenant.")
