"""The floor of a bench: the records of a company moved by a program that decides nothing.

It reads the pages that the service reads, sends the batches that it sends and stores as many
coupling rows of the same size, with as much at once: two tables, four batches of each to CRM, eight
transactions to storage, one page ahead. What a full synchronization takes longer than this is the
service's own doing. Left out is what only the service needs: jobs, leases, messages, outcomes, and
reading couplings back.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from urllib.parse import quote

import requests

from local.azurite import connection_string
from local.bench_bodies import Known, Part, Record, bc_id
from local.bench_rows import Row, RowsRefusedError, RowTable
from local.bench_tables import FIRST, SIDE_BY_SIDE, TABLES, Read, Table
from local.identities import SERVICE, TENANT
from local.platform import Platform

_PAGE = 2000
_LARGE_PAGE = 5000
_BATCH = 1000
_CRM_BATCHES = 4
_STORAGE_BATCHES = 8
_PAIRS_PER_TRANSACTION = 50
_TABLE_NAME = "floor"
_BC_AUDIENCE = "https://api.businesscentral.dynamics.com"
_DIGEST = "0123456789abcdef01234567"


class FloorError(Exception):
    """A service refused what the floor sent; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    record: Record
    crm_id: str
    body: Record
    """What CRM is to get, empty where the record is there already."""


class _Service:
    """Requests to one service, with one connection for each thread."""

    def __init__(self, base: str, token: str, authorities: str) -> None:
        self._base = base
        self._authorities = authorities
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._local = threading.local()

    def send(self, method: str, path: str, headers: Record, body: bytes | None = None) -> bytes:
        url = path if path.startswith("https://") else f"{self._base}/{path}"
        answer = self._session().request(
            method, url, headers=headers, data=body, timeout=600, allow_redirects=False
        )
        if not answer.ok:
            raise FloorError(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.content

    def pages(self, path: str, size: int) -> Iterator[list[Record]]:
        link: str | None = path
        while link:
            answer = json.loads(self.send("GET", link, {"Prefer": f"odata.maxpagesize={size}"}))
            yield answer["value"]
            link = answer.get("@odata.nextLink")

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.verify = self._authorities
            session.headers.update(self._headers)
            self._local.session = session
        return session


class _Floor:
    """Both services and the table for couplings of one platform."""

    def __init__(self, platform: Platform, company: str, rows: RowTable) -> None:
        authorities = str(platform.certificates.bundle)
        bc, crm = platform.addresses.business_central, platform.addresses.crm
        self._crm = _Service(f"{crm}/api/data/v9.2", platform.token(SERVICE, crm), authorities)
        self._bc = _Service(
            f"{bc}/v2.0/{TENANT}/Production", platform.token(SERVICE, _BC_AUDIENCE), authorities
        )
        found = json.loads(self._bc.send("GET", "api/v2.0/companies", {}))["value"]
        company_id = next(each["id"] for each in found if each["name"] == company)
        self._api = f"api/v2.0/companies({company_id})"
        self._odata = f"ODataV4/Company('{quote(company)}')"
        self._rows = rows
        self._known = Known()

    def move(self, table: Table, crm_pool: Executor, storage_pool: Executor) -> int:
        """Move one table; the number of pairs."""
        for read in (*table.before, table.existing):
            self._learn(read)
        moved = 0
        for page in _one_ahead(self._pages(table.source, _PAGE)):
            pairs = [
                self._pair(table, record) for record in page if table.takes(self._known, record)
            ]
            self._create(table, [pair.body for pair in pairs if pair.body], crm_pool)
            for part_of in table.after:
                parts = [part_of(self._known, pair.record) for pair in pairs]
                _all(crm_pool, self._batch, parts)
            transactions = batched(pairs, _PAIRS_PER_TRANSACTION, strict=False)
            list(storage_pool.map(lambda some: self._couple(table, some), transactions))
            moved += len(pairs)
        return moved

    def _pages(self, read: Read, size: int) -> Iterator[list[Record]]:
        if read.in_crm:
            return self._crm.pages(read.path, size)
        return self._bc.pages(f"{self._odata if read.page else self._api}/{read.path}", size)

    def _learn(self, read: Read) -> None:
        for page in self._pages(read, _LARGE_PAGE):
            for record in page:
                read.learn(self._known, record)

    def _pair(self, table: Table, record: Record) -> _Pair:
        existing = table.match(self._known, record)
        if existing:
            return _Pair(record=record, crm_id=existing, body={})
        body = table.body(self._known, record)
        return _Pair(record=record, crm_id=body[table.key], body=body)

    def _create(self, table: Table, bodies: Sequence[Record], pool: Executor) -> None:
        if table.bulk:
            _all(pool, lambda some: self._create_multiple(table, some), bodies)
            return
        path = f"{table.entity_set}?$select={table.key}"
        _all(pool, self._batch, [Part(method="POST", path=path, body=body) for body in bodies])

    def _create_multiple(self, table: Table, bodies: Sequence[Record]) -> None:
        kind = {"@odata.type": f"Microsoft.Dynamics.CRM.{table.bulk}"}
        content = json.dumps({"Targets": [kind | body for body in bodies]}).encode()
        path = f"{table.entity_set}/Microsoft.Dynamics.CRM.CreateMultiple"
        answer = self._crm.send("POST", path, {"Content-Type": "application/json"}, content)
        if len(json.loads(answer)["Ids"]) != len(bodies):
            raise FloorError(f"{path} did not make all of its records")

    def _batch(self, parts: Sequence[Part]) -> None:
        answer = self._crm.send(
            "POST",
            "$batch",
            {
                "Content-Type": 'multipart/mixed; boundary="floor"',
                "Prefer": "odata.continue-on-error",
            },
            b"".join([*map(_encoded, parts), b"--floor--\r\n"]),
        )
        if answer.count(b"HTTP/1.1 2") != len(parts):
            raise FloorError(f"a batch was not carried out in full: {answer[:1000]!r}")

    def _couple(self, table: Table, pairs: Sequence[_Pair]) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        rows = [row for pair in pairs for row in _coupling_rows(table, pair, now)]
        try:
            self._rows.insert(rows)
        except RowsRefusedError as error:
            raise FloorError(f"the coupling rows of {table.name} were refused: {error}") from error


def move_everything(
    platform: Platform, company: str, tell: Callable[[str], None]
) -> dict[str, int]:
    """Move a whole company; the coupled records by table mapping.

    Raises ``FloorError`` where a service refuses anything.
    """
    tables = {table.name: table for table in TABLES}
    rows = RowTable(connection_string(platform.options.ports), _TABLE_NAME)
    moved: dict[str, int] = {}
    with ExitStack() as resources:
        floor = _Floor(platform, company, rows)
        storage = resources.enter_context(ThreadPoolExecutor(_STORAGE_BATCHES))

        def move(names: Sequence[str]) -> None:
            with ThreadPoolExecutor(_CRM_BATCHES) as crm:
                for name in names:
                    moved[name] = floor.move(tables[name], crm, storage)
                    tell(f"{name} moved: {moved[name]}")

        move(FIRST)
        lanes = resources.enter_context(ThreadPoolExecutor(len(SIDE_BY_SIDE)))
        list(lanes.map(move, SIDE_BY_SIDE))
    return moved


def _all[Item](
    pool: Executor, send: Callable[[Sequence[Item]], None], items: Sequence[Item]
) -> None:
    """Send items in batches side by side, and wait for all."""
    list(pool.map(send, batched(items, _BATCH, strict=False)))


def _one_ahead(pages: Iterator[list[Record]]) -> Iterator[list[Record]]:
    """The pages, each asked for while the one before is moved."""
    with ThreadPoolExecutor(1) as reader:
        coming: Future[list[Record] | None] = reader.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = reader.submit(next, pages, None)
            yield page


def _encoded(part: Part) -> bytes:
    condition = f"If-Match: {part.if_match}\r\n" if part.if_match else ""
    return (
        "--floor\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"{part.method} /api/data/v9.2/{part.path} HTTP/1.1\r\n"
        "Content-Type: application/json; type=entry\r\nPrefer: return=representation\r\n"
        f"{condition}\r\n{json.dumps(part.body)}\r\n"
    ).encode()


def _coupling_rows(table: Table, pair: _Pair, now: str) -> tuple[Row, Row]:
    """Both rows of a pair, as large as the service's own."""
    own = bc_id(pair.record)
    partition = f"{TENANT}~bench~{table.name.replace(' ', '_')}"
    data: Row = {
        "PartitionKey": partition,
        "RowKey": f"bc~{own}",
        "crm_id": pair.crm_id,
        "bc_key": own,
        "name": own,
        "bc_version": str(pair.record.get("@odata.etag", "")),
        "crm_version": "",
        "state": "coupled",
        "coupled_at": now,
        "coupled_at@odata.type": "Edm.DateTime",
        "synchronized_at": now,
        "synchronized_at@odata.type": "Edm.DateTime",
        "bc_digest": _DIGEST,
        "crm_digest": _DIGEST,
        "base_pieces": 1,
        "base_0": json.dumps({"bc": pair.record, "crm": pair.body}),
    }
    return data, {"PartitionKey": partition, "RowKey": f"crm~{pair.crm_id}", "bc_id": own}
