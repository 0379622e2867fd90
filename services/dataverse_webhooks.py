"""Registering for Dataverse's webhooks: one service endpoint, and a step per table and message.

An endpoint is known by its name. It and its steps get ids that follow from the name, so that
registering twice, or again after an answer was lost, makes nothing twice. The key is write-only:
Dataverse never shows it, so it is set whenever one is given. Source: "Register a WebHook".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from errors import AuthorizationError, ConfigurationError
from services import answers, faults, matching, odata
from services.dataverse import Dataverse
from services.dataverse_api import HEADERS, JSON, ROOT
from services.dataverse_writing import json_body
from services.faults import Meaning
from services.records import Record
from services.transport import Response, Transport

type Tables = Mapping[str, Collection[str]]
"""Logical names of tables, and the messages to be told of each (Create, Update, Delete)."""

_ENDPOINTS = "serviceendpoints"
_STEPS = "sdkmessageprocessingsteps"
_WEBHOOK = 8  # the endpoint's contract
_KEY_IN_QUERY = 4  # its kind of authentication: the key travels as the parameter ``code``
_AFTER_THE_OPERATION = 40
_ASYNCHRONOUS = 1
_ENABLED = 0
_IDS = UUID("6b4f4b0e-6a57-4d0f-9a1e-0f5b1d2c7a43")  # namespace of the ids made here
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is registered, after ``ensure``."""

    endpoint_id: str
    added: tuple[tuple[str, str], ...]
    """Tables and messages for which a step was made, in order."""
    removed: int
    """Steps taken away: of tables no longer wanted, switched off, or double."""


@dataclass(frozen=True, slots=True)
class _Step:
    id: str
    place: tuple[str, str]
    """Table and message; empty names where they cannot be told."""
    works: bool


class DataverseWebhooks:
    """The webhooks of one organization. Safe to use from several threads.

    Every method raises the families of ``services.transport`` and ``services.answers``;
    ``AuthorizationError`` says which privileges the application's user needs.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._dataverse = Dataverse(transport)

    def ensure(self, name: str, url: str, key: str | None, tables: Tables) -> Registration:
        """Have Dataverse call ``url`` for these tables and messages, and for no others.

        ``url`` has no key in it: Dataverse adds ``code=<key>``. ``key`` None keeps the key that
        is set. Idempotent. Raises ``ConfigurationError`` where the endpoint is new and has no key,
        where Dataverse refuses the address, or where a table has no such message.
        """
        wanted = _places(tables)
        endpoint_id = self._ensure_endpoint(name, url, key)
        steps = self._steps(endpoint_id)
        kept = {step.place: step.id for step in steps if step.works and step.place in wanted}
        surplus = [step for step in steps if kept.get(step.place) != step.id]
        for step in surplus:
            self._delete(_STEPS, step.id)
        added = [place for place in wanted if place not in kept]
        filters = self._filters(added)
        for place in added:
            self._add_step(name, endpoint_id, place, filters[place])
        return Registration(endpoint_id=endpoint_id, added=tuple(added), removed=len(surplus))

    def remove(self, name: str) -> None:
        """Take the endpoint of that name and its steps away; idempotent."""
        for endpoint in self._endpoints(name):
            for step in self._steps(endpoint["serviceendpointid"]):
                self._delete(_STEPS, step.id)
            self._delete(_ENDPOINTS, endpoint["serviceendpointid"])

    def missing(self, name: str, tables: Tables) -> list[tuple[str, str]]:
        """Tables and messages for which no working step is registered."""
        working = {
            step.place
            for endpoint in self._endpoints(name)
            for step in self._steps(endpoint["serviceendpointid"])
            if step.works
        }
        return [place for place in _places(tables) if place not in working]

    # Reading

    def _endpoints(self, name: str) -> list[Record]:
        """Usually one; the order is always the same."""
        wanted = [
            odata.compare("name", "eq", name),
            odata.compare("contract", "eq", _WEBHOOK),
        ]
        return self._read(
            _ENDPOINTS,
            ["serviceendpointid", "url", "authtype"],
            odata.all_of(wanted),
            orderby="serviceendpointid",
        )

    def _steps(self, endpoint_id: str) -> list[_Step]:
        columns = [
            "sdkmessageprocessingstepid",
            "_sdkmessageid_value",
            "_sdkmessagefilterid_value",
            "stage",
            "mode",
            "statecode",
        ]
        of_endpoint = odata.compare("_eventhandler_value", "eq", UUID(endpoint_id))
        rows = self._read(_STEPS, columns, of_endpoint, orderby="sdkmessageprocessingstepid")
        messages = self._names("sdkmessages", "sdkmessageid", rows, "name")
        filters = self._names(
            "sdkmessagefilters", "sdkmessagefilterid", rows, "primaryobjecttypecode"
        )
        return [
            _Step(
                row["sdkmessageprocessingstepid"],
                (
                    filters.get(row["_sdkmessagefilterid_value"], ""),
                    messages.get(row["_sdkmessageid_value"], ""),
                ),
                (row["stage"], row["mode"], row["statecode"])
                == (_AFTER_THE_OPERATION, _ASYNCHRONOUS, _ENABLED),
            )
            for row in rows
        ]

    def _names(self, entity_set: str, key: str, rows: list[Record], column: str) -> dict[str, str]:
        ids = [str(row[f"_{key}_value"]) for row in rows if row.get(f"_{key}_value")]
        found = self._dataverse.fetch_many(entity_set, key, ids, [column])
        return {record_id: str(record[column]) for record_id, record in found.items()}

    def _filters(self, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], Record]:
        """The message filter of each table and message."""
        names = sorted({message for _, message in places})
        messages = self._dataverse.fetch_many("sdkmessages", "name", names, ["sdkmessageid"])
        ids = {name: str(row["sdkmessageid"]) for name, row in messages.items()}
        columns = ("primaryobjecttypecode", "_sdkmessageid_value")
        asked = [(table, ids[message]) for table, message in places if message in ids]
        conditions = [matching.fits(columns, each) for each in asked]
        rows = (
            self._read("sdkmessagefilters", columns, " or ".join(conditions), columns[0])
            if conditions
            else []
        )
        found = {(row[columns[0]], row[columns[1]]): row for row in rows}
        for table, message in places:
            if (table, ids.get(message, "")) not in found:
                raise ConfigurationError(
                    "webhook-message-unknown",
                    f"Dataverse has no message {message} of the table {table} to register for.",
                    hint="Check that the table's name is right and that its solution is installed.",
                )
        return {(table, message): found[table, ids[message]] for table, message in places}

    def _read(
        self, entity_set: str, select: Sequence[str], condition: str, orderby: str
    ) -> list[Record]:
        pages = self._dataverse.fetch_pages(
            entity_set, select=select, filter=condition, orderby=orderby
        )
        return [record for page in pages for record in page.records]

    # Writing

    def _ensure_endpoint(self, name: str, url: str, key: str | None) -> str:
        existing = self._endpoints(name)
        values: dict[str, Any] = {"url": url, "authtype": _KEY_IN_QUERY}
        if not existing and key is None:
            raise ConfigurationError(
                "webhook-key-missing",
                f"The service endpoint {name} is to be made anew, for which its key is needed.",
                hint="Register the webhooks with a new key.",
            )
        if existing:
            endpoint_id = str(existing[0]["serviceendpointid"])
            is_same = {column: existing[0][column] for column in values} == values
            if is_same and key is None:
                return endpoint_id
        else:
            endpoint_id = str(uuid5(_IDS, name))
            created = values | {"name": name, "contract": _WEBHOOK, "authvalue": key}
            if self._create(_ENDPOINTS, {"serviceendpointid": endpoint_id} | created):
                return endpoint_id
        # It was there, or an earlier try had made it, perhaps with another key.
        changed = values if key is None else values | {"authvalue": key}
        self._send(
            "PATCH",
            f"{odata.by_id(_ENDPOINTS, endpoint_id)}",
            _ENDPOINTS,
            {"If-Match": "*"},
            changed,
        )
        return endpoint_id

    def _add_step(self, name: str, endpoint_id: str, place: tuple[str, str], found: Record) -> None:
        table, message = place
        step_id = uuid5(UUID(endpoint_id), f"{message} of {table}")
        self._create(
            _STEPS,
            {
                "sdkmessageprocessingstepid": str(step_id),
                "name": f"{name}: {message} of {table}"[:_LONGEST_NAME],
                "stage": _AFTER_THE_OPERATION,
                "mode": _ASYNCHRONOUS,
                "asyncautodelete": True,  # keep no row of every call that succeeded
                "rank": 1,
                "supporteddeployment": 0,
                "eventhandler_serviceendpoint@odata.bind": f"/{_ENDPOINTS}({endpoint_id})",
                "sdkmessageid@odata.bind": f"/sdkmessages({found['_sdkmessageid_value']})",
                "sdkmessagefilterid@odata.bind": (
                    f"/sdkmessagefilters({found['sdkmessagefilterid']})"
                ),
            },
        )

    def _create(self, entity_set: str, values: Record) -> bool:
        """Whether it was created; False where a record of that id exists."""
        response = self._send("POST", entity_set, entity_set, {}, values, Meaning.DUPLICATE)
        return response.ok

    def _delete(self, entity_set: str, record_id: str) -> None:
        path = odata.by_id(entity_set, record_id)
        self._send("DELETE", path, entity_set, {}, None, Meaning.MISSING)

    def _send(
        self,
        method: str,
        path: str,
        entity_set: str,
        headers: Mapping[str, str],
        values: Record | None,
        allowed: Meaning | None = None,
    ) -> Response:
        """Send one keyed write; a refusal that means ``allowed`` is returned as well."""
        try:
            response = self._transport.send(
                method,
                f"{ROOT}/{path}",
                headers={**(HEADERS if values is None else JSON), **headers},
                body=None if values is None else json_body(values),
                idempotent=True,  # the id is ours: a repetition finds it made, changed or gone
                kind=f"{method} {entity_set}",
            )
        except AuthorizationError as failure:
            raise AuthorizationError(
                failure.code,
                failure.message,
                hint="Give the application's user a role with the privileges to create, read, "
                "write and delete service endpoints and SDK message processing steps, such as "
                "System Customizer.",
            ) from None
        said = faults.words(response.body)
        if not response.ok and faults.judge(response.status, said.code) is allowed:
            return response
        self._transport.traffic.add_operations(1)
        return answers.checked(self._transport.service_name, response)


def _places(tables: Tables) -> list[tuple[str, str]]:
    return sorted({(table, message) for table, messages in tables.items() for message in messages})
