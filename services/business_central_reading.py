"""Business Central as a source of records: API v2.0, and pages published as OData web services for
the tables that the API lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services import answers, business_central_batch, faults, matching, odata
from services.business_central_batch import Operation, OperationAnswer
from services.business_central_endpoint import Endpoint, Source
from services.faults import Meaning
from services.records import Page, Peek, Record
from services.transport import Response, Transport

_API = "api/v2.0"
_ODATA = "ODataV4"
_LONGEST_URL = 8_000  # no limit is documented; this is far below what its web server takes
_MOST_IDS = 200
_READS_PER_BATCH = 50
_PAGE_OF_READ = 1000
_LARGEST_PAGE = 20_000  # more is refused
_HEADERS = {"Accept": "application/json"}


def companies(transport: Transport) -> list[Record]:
    """The environment's companies (``id``, ``name``, ``displayName``), to find one by its name."""
    response = transport.send(
        "GET", f"{_API}/companies", headers=_HEADERS, idempotent=True, kind="GET companies"
    )
    answer = answers.json_object(transport.service_name, response)
    found = answers.rows(transport.service_name, response.request, answer)
    transport.traffic.add_operations(len(found))
    return found


class BusinessCentralReader:
    """One company's records, to be read. Safe to use from several threads."""

    def __init__(self, transport: Transport, company_id: str, company_name: str) -> None:
        self._transport = transport
        self._service = transport.service_name
        self.company_id = company_id
        self._company = {
            Source.API: odata.by_id("companies", company_id),
            Source.PAGE: odata.by_name("Company", company_name),
        }

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

    def fetch_page(
        self,
        endpoint: Endpoint,
        *,
        select: Sequence[str],
        filter: str | None,  # noqa: A002  as above
        orderby: str,
        page_size: int,
        token: str,
    ) -> Page:
        """One page, its ``next`` being a token that names the place in this list only; an empty
        ``token`` is the beginning. Raises as ``fetch_pages``."""
        query = odata.query(select=select, filter=filter, orderby=orderby, skiptoken=token)
        page = self._page(endpoint, self._path(endpoint, query), page_size)
        return replace(page, next=odata.skiptoken_of(page.next))

    def fetch_many(
        self, endpoint: Endpoint, ids: Sequence[str], select: Sequence[str]
    ) -> dict[str, Record]:
        """The records of those ids, by id (lower case). Those that do not exist are absent.

        However many ids, few requests: chunks travel in one batch.
        """
        field = endpoint.id_field
        columns = _with(select, field)
        wanted = [odata.guid(text) for text in ids]
        records = self.fetch_many_by(endpoint, field, wanted, columns)
        return {str(record[field]).lower(): record for record in records if field in record}

    def fetch_many_by(
        self,
        endpoint: Endpoint,
        field: str,
        values: Sequence[Any],
        select: Sequence[str],
        *,
        expand: str | None = None,
    ) -> list[Record]:
        """All records whose ``field`` has one of the values; several may have the same.

        Text is compared as Business Central does, which tells capital letters from small ones.
        However many values, few requests: chunks travel in one batch, those of pages singly.
        """
        wanted = list(dict.fromkeys(matching.operand(field, value) for value in values))

        def query(chunk: Sequence[odata.Value]) -> str:
            return odata.query(select=select, filter=odata.any_equal(field, chunk), expand=expand)

        room = _LONGEST_URL - len(f"{self._transport.base_url}/{self._path(endpoint, '')}")
        queries = [query(chunk) for chunk in odata.chunks_within(wanted, query, room, _MOST_IDS)]
        records: list[Record] = []
        for start in range(0, len(queries), _READS_PER_BATCH):
            for page in self._first_pages(endpoint, queries[start : start + _READS_PER_BATCH]):
                records += page.records
                records += self._rest(endpoint, page)
        return records

    def fetch_matching(
        self,
        endpoint: Endpoint,
        fields: Sequence[str],
        values: Sequence[Sequence[Any]],
        select: Sequence[str],
    ) -> list[Record]:
        """All records whose ``fields`` have one of these sets of values.

        Business Central has no ``or`` of different fields, so it is asked for the field of which
        the sets have most values, and the rest is compared here, without regard to letter case
        and to blanks around text. In the field asked for, a value in other letters than the
        record's is not found: Business Central's ``eq`` tells capital from small ones.
        """
        chosen = max(
            range(len(fields)),
            key=lambda at: len({matching.comparable([each[at]]) for each in values}),
        )
        wanted = {matching.comparable(each) for each in values}
        found = self.fetch_many_by(
            endpoint, fields[chosen], [each[chosen] for each in values], _with(select, *fields)
        )
        return [
            record
            for record in found
            if matching.comparable([record.get(field) for field in fields]) in wanted
        ]

    def fetch_another(
        self,
        endpoint: Endpoint,
        *,
        where: Mapping[str, odata.Value],
        field: str,
        than: Iterable[odata.Value],
        select: Sequence[str],
    ) -> Record | None:
        """A record of those ``where`` fields have these values whose ``field`` has none of
        ``than``; None where there is none. One request, whatever the number of records."""
        conditions = [odata.compare(name, "eq", value) for name, value in where.items()]
        conditions += [odata.compare(field, "ne", value) for value in than]
        query = odata.query(select=select, filter=odata.all_of(conditions), top=1)
        return next(iter(self._page_of(endpoint, query).records), None)

    def fetch_ids(self, endpoint: Endpoint, filter: str) -> set[str]:  # noqa: A002  as above
        """The ids, in lower case, of all records under ``filter`` (empty: of the whole table)."""
        field = endpoint.id_field
        pages = self.fetch_pages(
            endpoint, select=[field], filter=filter or None, page_size=_LARGEST_PAGE
        )
        return {str(record[field]).lower() for page in pages for record in page.records}

    def peek(
        self,
        endpoint: Endpoint,
        *,
        filter: str,  # noqa: A002  as above
        since: str,
        stamp: str,
    ) -> Peek:
        """Whether anything changed: how many records there are, and how many are stamped later.

        ``total`` counts the records under ``filter``, ``whole`` those of the table. ``recent`` and
        ``newest`` are of all records whose ``stamp`` is later than ``since`` (an ISO date-time; all
        where it is empty), in or out of the filter: a record may have left it. One request; for a
        page two, or three under a filter.
        """
        total = _how_many(endpoint, filter)
        recent = odata.query(
            select=[endpoint.id_field, stamp],
            filter=_later(stamp, since),
            orderby=f"{odata.name(stamp)} desc",
            top=1,
            count=True,
        )
        further = [_how_many(endpoint, "")] if filter else []
        counted, beyond, *whole = self._first_pages(endpoint, [total, recent, *further])
        return Peek(
            total=self._told(endpoint, counted),
            whole=self._told(endpoint, whole[0] if whole else counted),
            recent=self._told(endpoint, beyond),
            newest=str(beyond.records[0][stamp]) if beyond.records else "",
        )

    def fetch_changes(
        self,
        endpoint: Endpoint,
        *,
        select: Sequence[str],
        stamp: str,
        since: str,
        page_size: int = 5000,
        cursor: str | None = None,
    ) -> Iterator[Page]:
        """The records whose ``stamp`` is later than ``since``, in the order of their stamps.

        ``since`` is an ISO date-time as Business Central gives it; empty for every record. The id
        and the stamp are read even if not selected. ``cursor`` resumes at a page's ``next``.
        Deleted records are not among them. A record that changes meanwhile may come twice.
        """
        return self.fetch_pages(
            endpoint,
            select=_with(select, endpoint.id_field, stamp),
            filter=_later(stamp, since),
            orderby=odata.name(stamp),
            page_size=page_size,
            cursor=cursor,
        )

    def fetch_stock_changes(self, after: int | None) -> tuple[int, list[str]]:
        """The last item ledger entry's number, and the items of the entries beyond ``after``.

        Movements of stock leave an item's own stamp as it is. Each item's number is given once.
        Without ``after`` only the last entry is looked at, and no items are given; it is 0 where
        there is no entry.
        """
        entries = Endpoint.api("itemLedgerEntries")
        if after is None:
            query = odata.query(select=["entryNumber"], orderby="entryNumber desc", top=1)
            (page,) = self._first_pages(entries, [query])
            return max((int(row["entryNumber"]) for row in page.records), default=0), []
        pages = self.fetch_pages(
            entries,
            select=["entryNumber", "itemNumber"],
            filter=odata.compare("entryNumber", "gt", after),
            orderby="entryNumber",
            page_size=_LARGEST_PAGE,
        )
        last, items = after, dict[str, None]()
        for page in pages:
            for row in page.records:
                last = max(last, int(row["entryNumber"]))
                items[str(row["itemNumber"])] = None
        return last, list(items)

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

    def _rest(self, endpoint: Endpoint, page: Page) -> list[Record]:
        if not page.next:
            return []
        pages = self.fetch_pages(endpoint, select=(), cursor=page.next)
        return [record for page in pages for record in page.records]

    def _first_pages(self, endpoint: Endpoint, queries: Sequence[str]) -> list[Page]:
        """The first page of each query: of an API's in one batch, of others one by one."""
        if len(queries) == 1 or endpoint.source is Source.PAGE:
            return [self._page_of(endpoint, query) for query in queries]
        operations = [
            Operation(
                method="GET",
                path=self._inner(endpoint, query),
                headers={**_HEADERS, "Prefer": f"odata.maxpagesize={_PAGE_OF_READ}"},
            )
            for query in queries
        ]
        pages: list[Page] = []
        for query, answer in zip(queries, self._send_batch(operations), strict=True):
            if answer is None or answer.status != 200 or not isinstance(answer.body, dict):
                # The plain request waits, repeats or explains, whichever its answer calls for.
                pages.append(self._page_of(endpoint, query))
                continue
            page = self._read(f"GET {endpoint.name}", answer.body)
            self._transport.traffic.add_operations(len(page.records))
            pages.append(page)
        return pages

    def _page_of(self, endpoint: Endpoint, query: str) -> Page:
        return self._page(endpoint, self._path(endpoint, query), _PAGE_OF_READ)

    def _told(self, endpoint: Endpoint, page: Page) -> int:
        if page.total is None:
            raise answers.unreadable(
                self._service, f"GET {endpoint.name}", "it does not tell how many records there are"
            )
        return page.total

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


def _with(select: Sequence[str], *more: str) -> list[str]:
    """The columns, each once. No columns are all columns and stay so."""
    return list(dict.fromkeys([*select, *more])) if select else []


def _how_many(endpoint: Endpoint, filter: str) -> str:  # noqa: A002  the service's own name
    """The question how many records there are under the filter."""
    return odata.query(select=[endpoint.id_field], filter=filter or None, top=1, count=True)


def _later(stamp: str, since: str) -> str | None:
    return odata.compare(stamp, "gt", datetime.fromisoformat(since)) if since else None
