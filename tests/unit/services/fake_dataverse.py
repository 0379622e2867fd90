"""A Dataverse of a few lines for tests of the client: keyed tables, CreateMultiple and ``$batch``.

It is scripted for faults and remembers what it was asked. Fidelity is the simulator's business
(``tests/contract``); here only the protocol between client and service is played.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from services.dataverse_tables import TABLES
from tests.unit.services.multipart import ReceivedPart, content_type, multipart, parts_of
from tests.unit.services.scripted_service import Answer, Asked, json_answer, refusal

_API = "/api/data/v9.2/"
type Reply = tuple[int, dict[str, str], bytes]


def problem(status: int, code: str, message: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return status, named, json.dumps({"error": {"code": code, "message": message}}).encode()


class FakeDataverse:
    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.version = 100
        self.asked: list[Asked] = []
        self.batches: list[list[ReceivedPart]] = []
        self.before: Callable[[Asked], Answer | None] = lambda asked: None
        """May answer in the service's place."""
        self.after: Answer | None = None
        """Answers in the service's place, once, what the service has carried out."""
        self.before_part: Callable[[ReceivedPart], Reply | None] = lambda part: None
        self.multiple_fault: Answer | None = None
        self._lock = Lock()
        self._names: set[tuple[str, Any]] = set()

    def respond(self, asked: Asked) -> Answer:
        with self._lock:
            return self._respond(asked)

    def _respond(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        instead = self.before(asked)
        if instead is not None:
            return instead
        if asked.path == f"{_API}$batch":
            answer, instead = self._batch(asked), self.after
            self.after = None
            return instead or answer
        if "CreateMultiple" in asked.path:
            return self._create_multiple(asked)
        status, headers, body = self._single(
            ReceivedPart(asked.method, asked.path, asked.headers, asked.body)
        )
        return Answer(status, {"Content-Type": "application/json", **headers}, body)

    @property
    def kinds(self) -> list[str]:
        return [f"{asked.method} {urlsplit(asked.path).path[len(_API) :]}" for asked in self.asked]

    def _batch(self, asked: Asked) -> Answer:
        assert asked.headers["Prefer"] == "odata.continue-on-error"
        boundary = re.search('boundary="(.*)"', asked.headers["Content-Type"])
        assert boundary is not None
        parts = parts_of(asked.body, boundary.group(1))
        self.batches.append(parts)
        replies = [self.before_part(part) or self._single(part) for part in parts]
        return Answer(200, {"Content-Type": content_type()}, multipart(replies))

    def _create_multiple(self, asked: Asked) -> Answer:
        if self.multiple_fault is not None:
            return self.multiple_fault
        entity_set = asked.path[len(_API) :].partition("/")[0]
        targets = asked.json["Targets"]
        known = TABLES[entity_set]
        for target in targets:
            assert target.pop("@odata.type") == f"Microsoft.Dynamics.CRM.{known.logical_name}"
            if target[known.key] in self.rows.get(entity_set, {}) or target.get("name") == "bad":
                return refusal(412, "0x80040237", "Cannot insert duplicate key.")
        for target in targets:
            self._store(entity_set, target[known.key], target)
        return json_answer({"Ids": [target[known.key] for target in targets]})

    def _single(self, part: ReceivedPart) -> Reply:
        path, _, query = unquote(part.path).removeprefix(_API).partition("?")
        entity_set, _, record_id = path.removesuffix(")").partition("(")
        if part.method == "GET":
            return self._read(entity_set, record_id, query)
        if part.method == "DELETE":
            return self._delete(part, entity_set, record_id)
        assert part.headers["Prefer"] == "return=representation"
        values = json.loads(part.body)
        table = self.rows.setdefault(entity_set, {})
        if part.method == "POST":
            record_id = values[TABLES[entity_set].key]
            if record_id in table or (entity_set, values.get("name")) in self._names:
                return problem(
                    412, "0x80040237", "A record with matching key values already exists."
                )
            created = True
        else:
            created = record_id not in table
            guard = part.headers.get("If-Match")
            if guard and created:
                return problem(404, "0x80040217", f"record With Id = {record_id} Does Not Exist")
            if guard and guard not in ("*", table[record_id]["@odata.etag"]):
                return problem(412, "0x80060882", "The version doesn't match.")
        if values.get("name") == "bad":
            return problem(400, "0x80044331", "A validation error occurred.")
        self._store(entity_set, record_id, values)
        etag = table[record_id]["@odata.etag"]
        return 201 if created else 200, {}, json.dumps({"@odata.etag": etag}).encode()

    def _delete(self, part: ReceivedPart, entity_set: str, record_id: str) -> Reply:
        row = self.rows.setdefault(entity_set, {}).get(record_id)
        if row is None:
            return problem(404, "0x80040217", f"account With Id = {record_id} Does Not Exist")
        if part.headers.get("If-Match", row["@odata.etag"]) != row["@odata.etag"]:
            return problem(412, "0x80060882", "The version doesn't match.")
        del self.rows[entity_set][record_id]
        return 204, {}, b""

    def _store(self, entity_set: str, record_id: str, values: dict[str, Any]) -> None:
        self.version += 1
        self._names.add((entity_set, values.get("name")))
        row = self.rows.setdefault(entity_set, {}).setdefault(record_id, {})
        key = {TABLES[entity_set].key: record_id}
        row |= values | key | {"@odata.etag": f'W/"{self.version}"'}

    def _read(self, entity_set: str, record_id: str, query: str) -> Reply:
        rows = self.rows.get(entity_set, {})
        if record_id:
            if record_id not in rows:
                return problem(404, "0x80040217", "Does Not Exist")
            return 200, {}, json.dumps(rows[record_id]).encode()
        wanted = re.search(r"PropertyName='(\w+)',PropertyValues=(\[.*?\])\)", query)
        found = list(rows.values())
        if wanted:
            listed = json.loads(wanted.group(2))
            found = [row for row in found if row.get(wanted.group(1)) in listed]
        answer: dict[str, Any] = {"value": found}
        if parse_qs(query).get("$count"):
            answer["@odata.count"] = min(len(found), 5000)
        return 200, {}, json.dumps(answer).encode()
