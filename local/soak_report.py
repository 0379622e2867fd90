"""Coupler's own reports of records that are not in step, in the oracle's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.coupler_client import CouplerClient
from local.soak_oracle import Report


def fetch_pairs(client: CouplerClient, connection: str) -> dict[str, list[tuple[str, str]]]:
    """Ids of the coupled records of every table, Business Central's first."""
    return {
        table["mapping"]: [
            (coupling["bc_id"], coupling["crm_id"])
            for coupling in client.couplings(connection, table["mapping"])
        ]
        for table in client.tables(connection)["tables"]
    }


def report_of(outcome: Mapping[str, Any]) -> Report:
    """An outcome as the API shows it. Pure.

    Values count as in conflict where no policy settled the field.
    """
    held = [field for field in outcome["fields"] if not field["winner"]]
    return Report(
        mapping=outcome["mapping"],
        ids=frozenset({outcome["record_id"], outcome["partner_id"]} - {""}),
        kind=outcome["kind"],
        code=outcome["code"],
        waits_for=outcome["waits_for"]["ref"],
        values={field["bc_field"]: (field["bc_value"], field["crm_value"]) for field in held},
    )
