"""Business Central as a source and target of records: API v2.0, and pages published as OData web
services for the tables that the API lacks (those are read only)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services import business_central_batch, writing
from services.business_central_endpoint import Endpoint, Source
from services.business_central_reading import BusinessCentralReader, companies
from services.business_central_writing import operation_of, outcome_of
from services.records import Record, Write, WriteKind, WriteResult, WriteStatus
from services.transport import Transport
from services.writing import PartOutcome

__all__ = ["CONCURRENCY", "BusinessCentral", "Endpoint", "Source", "companies"]

CONCURRENCY = 5
"""Requests that Business Central processes at once for one user; more would only queue there."""


class BusinessCentral(BusinessCentralReader):
    """One company's records. Safe to use from several threads."""

    def __init__(
        self, transport: Transport, company_id: str, company_name: str, *, parallel: int = 4
    ) -> None:
        """``parallel``: batches of one ``apply`` that are under way at once."""
        super().__init__(transport, company_id, company_name)
        self._parallel = parallel

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Write records of API v2.0 in batches of up to 100; results in the order of the writes.

        The writes must not depend on one another: batches may run side by side. A bad record
        stops only itself. Calling it again with the same writes makes no second record (see
        ``services.writing``).

        Raises the families of ``services.transport``; some of the writes may then have been
        carried out, and applying all of them again is the remedy.
        """
        results = self._apply(writes)
        # There is no upsert: what an unguarded update does not find is created.
        absent = [
            position
            for position, result in enumerate(results)
            if result.status is WriteStatus.MISSING and result.write.kind is WriteKind.UPSERT
        ]
        inserts = [replace(writes[position], kind=WriteKind.INSERT) for position in absent]
        for position, result in zip(absent, self._apply(inserts), strict=True):
            results[position] = replace(result, write=writes[position])
        return results

    def _apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        if not writes:
            return []
        most = business_central_batch.MOST_OPERATIONS
        chunks = [
            range(start, min(start + most, len(writes))) for start in range(0, len(writes), most)
        ]

        def apply_chunk(chunk: Sequence[int]) -> list[WriteResult]:
            chosen = [writes[position] for position in chunk]
            results = writing.repeated(self._transport, chosen, self._send_writes)
            return writing.settled(results, self._present)

        by_position = writing.side_by_side(chunks, apply_chunk, self._parallel)
        return [by_position[position] for position in range(len(writes))]

    def _present(self, entity_set: str, ids: Sequence[str]) -> dict[str, Record]:
        endpoint = Endpoint.api(entity_set)
        return self.fetch_many(endpoint, ids, [endpoint.id_field])

    def _send_writes(self, writes: Sequence[Write]) -> list[PartOutcome]:
        operations = [
            operation_of(self._inner(Endpoint.api(write.table), ""), write) for write in writes
        ]
        answered = self._send_batch(operations)
        outcomes = [outcome_of(self._transport, answer) for answer in answered]
        self._transport.traffic.add_operations(len(operations))
        return outcomes
