"""Part of the step ``addresses``: other connections to the same CRM organization.

Two companies in one organization must tell their records apart: without the company column each
would take the other's accounts for new ones of its own. Two connections of the same company and
organization would couple every record twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from connections.model import Connection
from setup.checks.findings import failed, passed
from setup.model import Finding

CHECK = "companies-kept-apart"


def check_sharing(connection: Connection, neighbours: Sequence[Connection]) -> list[Finding]:
    """``neighbours``: the tenant's other enabled connections to the organization."""
    if not neighbours:
        message = "No other enabled connection leads to this organization."
        return [passed(CHECK, connection.crm.url, message)]
    return [_beside(connection, each) for each in neighbours]


def _beside(connection: Connection, neighbour: Connection) -> Finding:
    subject = neighbour.connection_id
    if neighbour.business_central == connection.business_central:
        return failed(
            CHECK,
            subject,
            f"The connection {subject!r} connects the same company with the same organization.",
            "Use that connection, or disable it before this one is enabled.",
        )
    apart = "options.crm_solution and options.separate_companies"
    if not connection.options.separate_companies:
        return failed(
            CHECK,
            subject,
            f"The connection {subject!r} connects {neighbour.business_central.company!r} with the "
            "same organization, and this connection does not tell companies apart.",
            f"Set {apart} of this connection.",
        )
    if not neighbour.options.separate_companies:
        return failed(
            CHECK,
            subject,
            f"The connection {subject!r} to the same organization does not tell companies apart.",
            f"Disable it, set its {apart}, and enable it again.",
        )
    return passed(CHECK, subject, f"The records of {subject!r} are told apart by company.")
