"""Business Central as a source and target of records: API v2.0, and pages published as OData web
services for the tables that the API lacks (those are read only)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from services import answers, business_central_batch, faults, odata, writing
from services.business_central_batch import Operation, OperationAnswer
from services.faults import Meaning
from services.records import Page, Record, Write, WriteKind, WriteResult, WriteStatus
from services.transport import Response, Transport
from services.writing import PartOutcome

CONCURRENCY = 5
"""Requests that Business Central processes at once for one user; more would only queue there."""

_API = "api/v2.0"
_ODATA = "ODataV4"
_LONGEST_URL = 8_000  # no limit is documented; this is far below what its web server takes
_MOST_IDS = 200
_READS_PER_BATCH = 50
_HEADERS = {"Accept": "application/json"}


class Source(StrEnum):
    API = "api"  # an entity set of API v2.0
    PAGE = "page"  # a page published as an OData web service, read only


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a table's records are found, and which column holds a record's id."""

    source: Source
    name: str
    id_field: str

    @classmethod
    def api(cls, entity_set: str) -> Endpoint:
        return cls(Source.API, entity_set, "id")

    @classmethod
    def page(cls, service: str) -> Endpoint:
        """The page must expose the system fields ``SystemId`` and ``SystemModifiedAt``."""
        return cls(Source.PAGE, service, "SystemId")


def companies(transport: Transport) -> list[Record]:
    """The environment's companies (``id``, ``name``, ``displayName``), to find one by its name."""
    response = transport.send(
        "GET", f"{_API}/companies", headers=_HEADERS, idempotent=True, kind="GET companies"
    )
    answer = answers.json_object(transport.service_name, response)
    found = answers.rows(transport.service_name, response.request, answer)
    transport.traffic.add_operations(len(found))
    return found


class BusinessCentral:
    """One company's records. Safe to use from several threads."""

    def __init__(
        self, transport: Transport, company_id: str, company_name: str, *, parallel: int = 4
    ) -> None:
        """``parallel``: batches of one ``apply`` that are under way at once."""
        self._transport = transport
        self._service = transport.service_name
        self._company = {
            Source.API: odata.by_id("companies", company_id),
            Source.PAGE: odata.by_name("Company", company_name),
        }
        self._parallel = parallel

    def fetch_pages(
        self,
        endpoint: Endpoint,
        *,
        select: Sequence[str],
        filter: str | None = None,  # noqa: A002  the option's own name reads best at the call
        orderby: str | None = None,
        expand: str | None = None,
        page_size: int = 5000,
        cursor: str | None = None,
        count: bool = False,
    ) -> Iterator[Page]:
        """The table page by page, from the beginning or from a page's ``next``.

        ``count`` asks for ``Page.total``. Raises the families of ``services.transport`` and
        ``services.answers``.
        """
        query = odata.query(
            select=select, filter=filter, orderby=orderby, expand=expand, count=count
        )
        link: str | None = cursor or self._path(endpoint, query)
        while link:
            page = self._page(endpoint, link, page_size)
            yield page
            link = page.next

    def fetch_many(
        self, endpoint: Endpoint, ids: Sequence[str], select: Sequence[str]
    ) -> dict[str, Record]:
        """The records of those ids, by id (lower case). Those that do not exist are absent.

        However many ids, few requests: chunks travel in one batch.
        """
        field = endpoint.id_field
        columns = [*select, *([] if field in select else [field])]
        wanted = [UUID(odata.guid(text)) for text in dict.fromkeys(ids)]

        def query(chunk: Sequence[UUID]) -> str:
            return odata.query(select=columns, filter=odata.any_equal(field, chunk))

        room = _LONGEST_URL - len(f"{self._transport.base_url}/{self._path(endpoint, '')}")
        queries = [query(chunk) for chunk in odata.chunks_within(wanted, query, room, _MOST_IDS)]
        if len(queries) == 1 or endpoint.source is Source.PAGE:
            records = [row for text in queries for row in self._all(endpoint, text)]
        else:
            records = [
                row
                for start in range(0, len(queries), _READS_PER_BATCH)
                for row in self._batch_read(endpoint, queries[start : start + _READS_PER_BATCH])
            ]
        return {str(record[field]).lower(): record for record in records if field in record}

    def fetch(self, endpoint: Endpoint, record_id: str, select: Sequence[str]) -> Record | None:
        """One record by its id, None if there is none."""
        if endpoint.source is Source.PAGE:
            # A page's own key is its table's primary key, so the id is looked for.
            return self.fetch_many(endpoint, [record_id], select).get(record_id.lower())
        key = f"({odata.guid(record_id)}){odata.query(select=select)}"
        response = self._get(endpoint, self._path(endpoint, key), {})
        if not response.ok:
            said = faults.words(response.body)
            if faults.judge(response.status, said.code) is Meaning.MISSING:
                return None
        record = answers.json_object(self._service, response)
        self._transport.traffic.add_operations(1)
        return record

    def count(self, endpoint: Endpoint, filter: str | None = None) -> int:  # noqa: A002  as above
        """How many records there are."""
        query = odata.query(select=[endpoint.id_field], filter=filter, top=1, count=True)
        response = self._get(endpoint, self._path(endpoint, query), {})
        answer = answers.json_object(self._service, response)
        total = answers.member(self._service, response.request, answer, "@odata.count", int)
        return int(total)

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

    # Reading

    def _path(self, endpoint: Endpoint, rest: str) -> str:
        root = _API if endpoint.source is Source.API else _ODATA
        return f"{root}/{self._inner(endpoint, rest)}"

    def _inner(self, endpoint: Endpoint, rest: str) -> str:
        return f"{self._company[endpoint.source]}/{odata.name(endpoint.name)}{rest}"

    def _get(self, endpoint: Endpoint, path: str, headers: Mapping[str, str]) -> Response:
        return self._transport.send(
            "GET",
            path,
            headers={**_HEADERS, **headers},
            idempotent=True,
            kind=f"GET {endpoint.name}",
        )

    def _page(self, endpoint: Endpoint, link: str, page_size: int) -> Page:
        # The preference belongs to the request, not to the link: it is repeated for every page.
        response = self._get(endpoint, link, {"Prefer": f"odata.maxpagesize={page_size}"})
        page = self._read(response.request, answers.json_object(self._service, response))
        self._transport.traffic.add_operations(len(page.records))
        return page

    def _read(self, request: str, answer: Record) -> Page:
        total = answer.get("@odata.count")
        return Page(
            records=answers.rows(self._service, request, answer),
            next=answers.next_link(self._service, request, answer),
            total=total if isinstance(total, int) else None,
        )

    def _all(self, endpoint: Endpoint, query: str) -> list[Record]:
        pages = self.fetch_pages(endpoint, select=(), cursor=self._path(endpoint, query))
        return [record for page in pages for record in page.records]

    def _batch_read(self, endpoint: Endpoint, queries: Sequence[str]) -> list[Record]:
        operations = [
            Operation(
                method="GET",
                path=self._inner(endpoint, query),
                headers={**_HEADERS, "Prefer": f"odata.maxpagesize={_MOST_IDS}"},
            )
            for query in queries
        ]
        records: list[Record] = []
        for query, answer in zip(queries, self._send_batch(operations), strict=True):
            if answer is None or answer.status != 200 or not isinstance(answer.body, dict):
                # The plain request waits, repeats or explains, whichever its answer calls for.
                records += self._all(endpoint, query)
                continue
            page = self._read(f"GET {endpoint.name}", answer.body)
            self._transport.traffic.add_operations(len(page.records))
            records += page.records
        return records

    # Writing

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
        operations = [self._operation(write) for write in writes]
        outcomes = [self._outcome(answer) for answer in self._send_batch(operations)]
        self._transport.traffic.add_operations(len(operations))
        return outcomes

    def _operation(self, write: Write) -> Operation:
        endpoint = Endpoint.api(write.table)
        if write.kind is WriteKind.INSERT:
            return Operation(
                method="POST",
                path=self._inner(endpoint, ""),
                headers={"Content-Type": "application/json"},
                # The caller's order of columns is kept: it is the order they are validated in.
                body={endpoint.id_field: write.id, **write.values},
            )
        return Operation(
            method="PATCH",
            path=self._inner(endpoint, f"({odata.guid(write.id)})"),
            # If-Match is required; "*" only where the caller asked for no guard.
            headers={"Content-Type": "application/json", "If-Match": write.version or "*"},
            body=write.values,
        )

    def _send_batch(self, operations: Sequence[Operation]) -> list[OperationAnswer | None]:
        """The answers by operation; None for those that the answer does not speak of."""
        response = self._transport.send(
            "POST",
            f"{_API}/$batch",
            headers={
                **_HEADERS,
                "Content-Type": "application/json",
                "Prefer": "odata.continue-on-error",
            },
            body=business_central_batch.encode(operations),
            idempotent=True,  # every operation is a read or a keyed write: see services.writing
            kind="POST $batch",
        )
        answer = answers.json_object(self._service, response)
        try:
            return business_central_batch.decode(answer, len(operations))
        except ValueError as failure:
            raise answers.unreadable(self._service, response.request, str(failure)) from None

    def _outcome(self, answer: OperationAnswer | None) -> PartOutcome:
        if answer is None:
            return PartOutcome(status=0)
        if answer.status > 299:
            return PartOutcome(
                status=answer.status,
                said=faults.words_of(answer.body),
                retry_after=self._transport.retry_after(answer.headers),
            )
        record = answer.body if isinstance(answer.body, dict) else None
        return PartOutcome(
            status=answer.status,
            record=record,
            version=(record or {}).get("@odata.etag") or answer.headers.get("etag"),
        )
