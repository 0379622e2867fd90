"""Which long work there is besides synchronizing and reconciling, and what a slice of it does."""

from __future__ import annotations

from collections.abc import Mapping

from identity.model import TenantId
from sync.bulk.opening import coupling_slices
from sync.job_model import RunKind
from sync.matching.opening import matching_slices
from sync.slices import MakeSlice


def further_slices(tenant: TenantId, connection_id: str) -> Mapping[RunKind, MakeSlice]:
    """What is done in runs of one connection, by their kind."""
    return {
        RunKind.MATCH: matching_slices(tenant, connection_id),
        RunKind.COUPLING: coupling_slices(tenant, connection_id),
    }
