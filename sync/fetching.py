"""Reading records of a mapping's tables by their ids."""

from __future__ import annotations

from collections.abc import Sequence

from services.records import Record
from sync.work import Work


def fetch_bc(work: Work, bc_ids: Sequence[str]) -> dict[str, Record]:
    """The BC records of these ids that exist, as they are now; few requests for all of them."""
    if not bc_ids:
        return {}
    return work.bc.fetch_many(work.endpoint, list(bc_ids), work.mapping.bc_select())


def fetch_crm(work: Work, crm_ids: Sequence[str]) -> dict[str, Record]:
    """The CRM records of these ids, as ``fetch_bc``."""
    if not crm_ids:
        return {}
    table = work.mapping.crm
    return work.crm.fetch_many(
        table.entity_set, table.id_column, list(crm_ids), work.mapping.crm_select()
    )
