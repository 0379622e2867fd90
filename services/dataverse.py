"""Dataverse (Dynamics 365 Sales) as a source and target of records, by Web API v9.2."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from errors import AuthorizationError, TransientError
from services import answers, dataverse_batch, faults, matching, odata, writing
from services.dataverse_api import HEADERS, JSON, ROOT, get
from services.dataverse_batch import Part, PartAnswer
from services.dataverse_changes import fetch_changes
from services.dataverse_tables import MULTIPLE_TABLES, TABLES, Table, table
from services.dataverse_writing import json_body, outcome_of, part_of
from services.faults import Meaning
from services.records import (
    ChangePage,
    Page,
    Record,
    Write,
    WriteKind,
    WriteResult,
    WriteStatus,
)
from services.transport import Transport
from services.writing import PartOutcome

CONCURRENCY = 8
"""Requests at once from one process: well below the 52 that a user is granted."""

_COUNT_CAP = 5000  # @odata.count never tells more
_LONGEST_URL = 30_000  # 32 KB are allowed
_MOST_IDS = 1000
_MOST_CONDITIONS = 400  # a query may hold 500
_PARTS_PER_READ = 10  # bounds the answer to some ten thousand records
# What refuses a CreateMultiple and may yet be the matter of one record in it: a failing plug-in, an
# owner who may not own such records.
_PERHAPS_OF_ONE_RECORD = ("service-failed", "service-privilege-missing")


class Dataverse:
    """One organization's records. Safe to use from several threads."""

    def __init__(self, transport: Transport, *, parallel: int = 4) -> None:
        """``parallel``: batches of one ``apply`` that are under way at once."""
        self._transport = transport
        self._service = transport.service_name
        self._root = f"{urlsplit(transport.base_url).path}/{ROOT}"
        self._parallel = parallel
        self._multiple = set(MULTIPLE_TABLES)
        self._tables = dict(TABLES)

    def know(self, entity_set: str, logical_name: str, key: str) -> None:
        """Make a further table known, with its primary key column; idempotent."""
        self._tables.setdefault(entity_set, Table(logical_name, key))

    def fetch_pages(
        self,
        entity_set: str,
        *,
        select: Sequence[str],
        filter: str | None = None,  # noqa: A002  the option's own name reads best at the call
        orderby: str | None = None,
        page_size: int = 5000,
        cursor: str | None = None,
        count: bool = False,
    ) -> Iterator[Page]:
        """The table page by page, from the beginning or from a page's ``next``.

        ``count`` asks for ``Page.total``, which Dataverse tells up to 4999 records only; it is
        None above. Raises the families of ``services.transport`` and ``services.answers``.
        """
        query = odata.query(select=select, filter=filter, orderby=orderby, count=count)
        link: str | None = cursor or f"{ROOT}/{odata.name(entity_set)}{query}"
        while link:
            page = self._page(entity_set, link, page_size)
            yield page
            link = page.next

    def fetch_page(
        self,
        entity_set: str,
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
        page = self._page(entity_set, f"{ROOT}/{odata.name(entity_set)}{query}", page_size)
        return replace(page, next=odata.skiptoken_of(page.next))

    def fetch_many(
        self, entity_set: str, key: str, ids: Sequence[str], select: Sequence[str]
    ) -> dict[str, Record]:
        """The records whose ``key`` column is one of ``ids``, by that column's value.

        ``key`` is the primary key or another column of unique values. Records that do not exist
        are absent from the answer. However many ids, few requests: chunks travel in one batch.
        """
        columns = [*select, *([] if key in select else [key])]
        wanted = list(dict.fromkeys(ids))

        def path(chunk: Sequence[str]) -> str:
            query = odata.query(select=columns, filter=odata.is_in(key, chunk))
            return f"{odata.name(entity_set)}{query}"

        records = self._fetch_chunks(entity_set, wanted, path, _MOST_IDS)
        return {str(record[key]): record for record in records if record.get(key) is not None}

    def fetch_matching(
        self,
        entity_set: str,
        columns: Sequence[str],
        values: Sequence[Sequence[Any]],
        select: Sequence[str],
    ) -> list[Record]:
        """All records whose ``columns`` have one of these sets of values, each record once.

        Values are text (compared without regard to letter case, as Dataverse does), numbers, and
        ids of lookup columns (``_ownerid_value``). However many sets, few requests: chunks travel
        in one batch.
        """
        wanted = list(dict.fromkeys(matching.fits(columns, each) for each in values))

        def path(chunk: Sequence[str]) -> str:
            return (
                f"{odata.name(entity_set)}{odata.query(select=select, filter=' or '.join(chunk))}"
            )

        most = max(1, _MOST_CONDITIONS // len(columns))
        records = self._fetch_chunks(entity_set, wanted, path, most)
        key = table(entity_set, self._tables).key
        return list({str(record[key]): record for record in records}.values())

    def fetch_changes(
        self,
        entity_set: str,
        *,
        select: Sequence[str],
        watermark: str | None,
        cursor: str | None = None,
        page_size: int = 5000,
    ) -> Iterator[ChangePage]:
        """What changed in the table since ``watermark``; without one, every record.

        The last page bears the next watermark. ``cursor`` resumes at a page's ``next``; the
        watermark is then given as before. Ids of deleted records are in lower case. A filter is
        not possible here.

        Raises ``WatermarkExpiredError`` where Dataverse cannot tell what changed: the watermark is
        too old, unknown, of another address (``watermark-…``) or of other columns than ``select``
        (``watermark-of-other-columns``), or the table is not tracked (``change-tracking-off``).
        Otherwise the families of ``services.transport`` and ``services.answers``.
        """
        return fetch_changes(
            self._transport,
            entity_set,
            select=select,
            watermark=watermark,
            cursor=cursor,
            page_size=page_size,
        )

    def fetch(self, entity_set: str, record_id: str, select: Sequence[str]) -> Record | None:
        """One record by its primary key, None if there is none."""
        path = f"{ROOT}/{odata.by_id(entity_set, record_id)}{odata.query(select=select)}"
        response = get(self._transport, entity_set, path)
        if not response.ok:
            said = faults.words(response.body)
            if faults.judge(response.status, said.code) is Meaning.MISSING:
                return None
        record = answers.json_object(self._service, response)
        self._transport.traffic.add_operations(1)
        return record

    def count(self, entity_set: str, filter: str | None = None) -> int:  # noqa: A002  as above
        """How many records there are.

        One request below 5000 records, where Dataverse's own count ends; above, the ids are read
        page by page, for want of any exact count in the Web API.
        """
        ids = [table(entity_set, self._tables).key]
        query = odata.query(select=ids, filter=filter, count=True)
        first = self._page(entity_set, f"{ROOT}/{odata.name(entity_set)}{query}", 1)
        if first.total is not None:
            return first.total
        pages = self.fetch_pages(entity_set, select=ids, filter=filter)
        return sum(len(page.records) for page in pages)

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Write the records in the fewest safe requests; results in the order of the writes.

        The writes must not depend on one another (no record twice, none referring to another):
        batches of up to 1000 may run side by side. A bad record stops only itself. Calling it
        again with the same writes makes no second record (see ``services.writing``).

        Raises the families of ``services.transport``; some of the writes may then have been
        carried out, and applying all of them again is the remedy.
        """
        if not writes:
            return []
        multiple: dict[str, list[int]] = {}
        single: list[int] = []
        for position, write in enumerate(writes):
            if write.kind is WriteKind.INSERT and write.table in self._multiple:
                multiple.setdefault(write.table, []).append(position)
            else:
                single.append(position)
        chunks = [
            positions[start : start + dataverse_batch.MOST_PARTS]
            for positions in (*multiple.values(), single)
            for start in range(0, len(positions), dataverse_batch.MOST_PARTS)
        ]
        bulk = {position for positions in multiple.values() for position in positions}

        def apply_chunk(chunk: Sequence[int]) -> list[WriteResult]:
            chosen = [writes[position] for position in chunk]
            return self._create_multiple(chosen) if chunk[0] in bulk else self._batch(chosen)

        results = writing.side_by_side(chunks, apply_chunk, self._parallel)
        return [results[position] for position in range(len(writes))]

    # Reading

    def _page(self, entity_set: str, link: str, page_size: int) -> Page:
        # The preference belongs to the request, not to the link: it is repeated for every page.
        response = get(
            self._transport, entity_set, link, {"Prefer": f"odata.maxpagesize={page_size}"}
        )
        page = self._read(response.request, answers.json_object(self._service, response))
        self._transport.traffic.add_operations(len(page.records))
        return page

    def _read(self, request: str, answer: Record) -> Page:
        total = answer.get("@odata.count")
        return Page(
            records=answers.rows(self._service, request, answer),
            next=answers.next_link(self._service, request, answer),
            total=total if isinstance(total, int) and 0 <= total < _COUNT_CAP else None,
        )

    def _all(self, entity_set: str, link: str) -> list[Record]:
        pages = self.fetch_pages(entity_set, select=(), cursor=link)
        return [record for page in pages for record in page.records]

    def _fetch_chunks[T](
        self,
        entity_set: str,
        values: Sequence[T],
        path: Callable[[Sequence[T]], str],
        most: int,
    ) -> list[Record]:
        """The records of the paths that chunks of the values make, in as few requests as fit."""
        origin = len(f"{self._transport.base_url}/{ROOT}/")
        chunks = odata.chunks_within(values, path, _LONGEST_URL - origin, most)
        paths = [path(chunk) for chunk in chunks]
        if len(paths) == 1:
            return self._all(entity_set, f"{ROOT}/{paths[0]}")
        return [
            record
            for start in range(0, len(paths), _PARTS_PER_READ)
            for record in self._batch_read(entity_set, paths[start : start + _PARTS_PER_READ])
        ]

    def _batch_read(self, entity_set: str, paths: Sequence[str]) -> list[Record]:
        parts = [
            Part(method="GET", path=f"{self._root}/{path}", headers={"Accept": "application/json"})
            for path in paths
        ]
        records: list[Record] = []
        for path, answer in zip(paths, self._send_batch(parts), strict=True):
            if answer is None or answer.status != 200:
                # The plain request waits, repeats or explains, whichever its answer calls for.
                records += self._all(entity_set, f"{ROOT}/{path}")
                continue
            request = f"GET {entity_set}"
            parsed = answers.parsed_object(self._service, request, answer.body)
            page = self._read(request, parsed)
            self._transport.traffic.add_operations(len(page.records))
            records += page.records
            records += self._all(entity_set, page.next) if page.next else []
        return records

    # Writing

    def _create_multiple(self, writes: Sequence[Write]) -> list[WriteResult]:
        """All or nothing by Dataverse's rule, and a refusal names no record: then one batch with
        continue-on-error finds the bad records in fewer requests than halving would."""
        entity_set = writes[0].table
        place = table(entity_set, self._tables)
        targets = [
            {
                "@odata.type": f"Microsoft.Dynamics.CRM.{place.logical_name}",
                place.key: write.id,
                **write.values,
            }
            for write in writes
        ]
        try:
            response = self._transport.send(
                "POST",
                f"{ROOT}/{odata.name(entity_set)}/Microsoft.Dynamics.CRM.CreateMultiple",
                headers=JSON,
                body=json_body({"Targets": targets}),
                # Repeating it after its answer was lost is safe: the keys are in it, so it is
                # refused as a duplicate, and the batch below finds the records existing.
                idempotent=True,
                kind=f"POST {entity_set}/CreateMultiple",
            )
        except (TransientError, AuthorizationError) as failure:
            if failure.code not in _PERHAPS_OF_ONE_RECORD:
                raise
            return self._batch(writes)
        if not response.ok:
            said = faults.words(response.body)
            if faults.judge(response.status, said.code) is Meaning.NO_SUCH_PLACE:
                self._multiple.discard(entity_set)  # this organization does not offer it
            return self._batch(writes)
        answer = answers.json_object(self._service, response)
        answers.member(self._service, response.request, answer, "Ids", list)
        self._transport.traffic.add_operations(len(writes))
        return [WriteResult(write=write, status=WriteStatus.WRITTEN) for write in writes]

    def _batch(self, writes: Sequence[Write]) -> list[WriteResult]:
        results = writing.repeated(self._transport, writes, self._send_writes)
        return writing.settled(results, self._present)

    def _present(self, entity_set: str, ids: Sequence[str]) -> dict[str, Record]:
        key = table(entity_set, self._tables).key
        return self.fetch_many(entity_set, key, ids, [key])

    def _send_writes(self, writes: Sequence[Write]) -> list[PartOutcome]:
        keys = [table(write.table, self._tables).key for write in writes]
        parts = [part_of(self._root, write, key) for write, key in zip(writes, keys, strict=True)]
        outcomes = [outcome_of(self._transport, each) for each in self._send_batch(parts)]
        self._transport.traffic.add_operations(len(parts))
        return outcomes

    def _send_batch(self, parts: Sequence[Part]) -> list[PartAnswer | None]:
        """The answers by part; None for parts that the answer does not speak of."""
        boundary = f"batch_{secrets.token_hex(16)}"
        response = self._transport.send(
            "POST",
            f"{ROOT}/$batch",
            headers={
                **HEADERS,
                "Content-Type": f'multipart/mixed; boundary="{boundary}"',
                "Prefer": "odata.continue-on-error",
            },
            body=dataverse_batch.encode(parts, boundary),
            idempotent=True,  # every part is a read or a keyed write: see services.writing
            kind="POST $batch",
        )
        answers.checked(self._service, response)
        content_type = response.headers.get("Content-Type", "")
        try:
            answered = dataverse_batch.decode(content_type, response.body)
        except ValueError as failure:
            raise answers.unreadable(self._service, response.request, str(failure)) from None
        if len(answered) > len(parts):
            raise answers.unreadable(
                self._service, response.request, "there are more answers than requests"
            )
        return [*answered, *[None] * (len(parts) - len(answered))]
