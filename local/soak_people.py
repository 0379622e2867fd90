"""The users of a soak: they work in both systems through the services' own Web APIs.

Faults strike them as they strike Coupler. A user reads a record, writes it with the version that
was read, and where no clear answer comes reads it again: so it is always known what a user wrote
over, and whether it was written.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.demo import ENVIRONMENT
from local.http_client import Answer
from local.identities import SERVICE, TENANT, Application
from local.platform import Platform
from local.sample_data.model import SampleData
from local.soak_choice import Intention
from local.soak_model import (
    BC,
    BY_MAPPING,
    CRM,
    SIDES,
    Action,
    Edit,
    Kind,
    Record,
    SharedTable,
    Write,
    same,
)

PEOPLE = Application(name="people", client_id="00000000-0000-4000-8000-00000000c005")
"""As whom users work, so that what they change is not by the user that Coupler is."""

_BC_AUDIENCE = "https://api.businesscentral.dynamics.com"
_PATIENCE_SECONDS = 90.0
"""So long a user tries again before giving up."""
_PAUSE_SECONDS = 0.2
_ANSWER_SECONDS = 10.0
_TOKEN_SECONDS = 600.0
_TRANSIENT = (302, 401, 408, 409, 429, 500, 502, 503, 504)
_GONE, _CHANGED = 404, 412
_CRM_CUSTOMER = 3
_NON_INTERACTIVE = 4


class PeopleError(Exception):
    """A user could not work at all; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A record as a user saw it."""

    record: Record
    etag: str


class Desk:
    """One user's access to one of the services; safe for several threads."""

    def __init__(
        self, platform: Platform, side: str, application: Application, company_id: str
    ) -> None:
        self._platform = platform
        self._application = application
        addresses = platform.addresses
        if side == BC:
            self._audience = _BC_AUDIENCE
            self._root = (
                f"{addresses.business_central}/v2.0/{TENANT}/{ENVIRONMENT}"
                f"/api/v2.0/companies({company_id})"
            )
        else:
            self._audience = addresses.crm
            self._root = f"{addresses.crm}/api/data/v9.2"
        self._token = ""
        self._token_until = 0.0
        self._lock = threading.Lock()
        self.requests = 0
        """How often the service was asked."""

    def ask(self, method: str, path: str, body: Any = None, etag: str = "") -> Answer | None:
        """One request; None where it is unknown what became of it."""
        headers = {"If-Match": etag} if etag else {}
        try:
            headers["Authorization"] = f"Bearer {self._valid_token()}"
            with self._lock:
                self.requests += 1
            answer = self._platform.client.request(
                method, f"{self._root}/{path}", body=body, headers=headers, seconds=_ANSWER_SECONDS
            )
        except (OSError, http.client.HTTPException, KeyError, TypeError):
            return None  # nobody answered, or Entra ID gave no token
        if answer.status == 401:
            self._token_until = 0.0
        cut_short = answer.body is not None and not isinstance(answer.body, dict)
        return None if answer.status in _TRANSIENT or cut_short else answer

    def _valid_token(self) -> str:
        with self._lock:
            if time.monotonic() > self._token_until:
                self._token = self._platform.token(self._application, self._audience)
                self._token_until = time.monotonic() + _TOKEN_SECONDS
            return self._token


class People:
    """Everybody who works in the two systems; safe for several threads."""

    def __init__(self, platform: Platform, company_id: str, clock: Callable[[], float]) -> None:
        self._platform = platform
        self._clock = clock
        self._desks = {
            (side, application.name): Desk(platform, side, application, company_id)
            for side in SIDES
            for application in (PEOPLE, SERVICE)
        }

    def requests(self) -> int:
        """How often users asked either service."""
        return sum(desk.requests for desk in self._desks.values())

    def do(self, intention: Intention) -> Edit | None:
        """Do what is intended and tell what was done; None where the record is gone meanwhile.

        Raises ``PeopleError`` where the service refuses it or does not answer for too long.
        """
        match intention.action:
            case Action.CHANGE:
                return self._change(intention)
            case Action.CREATE:
                return self._create(intention)
            case Action.DELETE:
                return self._delete(intention)
            case Action.POST:
                line = {
                    "itemNumber": intention.identity,
                    "quantity": intention.values["quantity"],
                }
                return self._in_client(intention, "post-inventory", [line])
            case Action.REPRICE:
                row = {
                    "SystemId": intention.record_id,
                    "Unit_Price": intention.values["price"],
                }
                return self._in_client(intention, "edit", {"salesPrices": [row]})

    def _change(self, intention: Intention) -> Edit | None:
        table = BY_MAPPING[intention.mapping]
        path, desk = _path(table, intention), self._desk(intention)
        body = _body(table, intention)
        before: dict[str, Any] = {}
        for _ in self._tries(intention):
            seen = _read(desk, path)
            if seen is None:
                continue
            if not seen.record:
                return None
            if before and _holds(table, intention, seen.record):
                return self._edit(intention, before)  # it was written, the answer was lost
            before = {
                name: seen.record.get(table.field(name).column(intention.side))
                for name in intention.values
            }
            answer = desk.ask("PATCH", path, body, seen.etag)
            if answer is None or answer.status == _CHANGED:
                continue
            if answer.status == _GONE:
                return None
            _require_done(answer, intention)
            return self._edit(intention, before)
        raise _no_patience(intention)

    def _create(self, intention: Intention) -> Edit | None:
        """The id is chosen beforehand, so that nobody creates a record twice."""
        table = BY_MAPPING[intention.mapping]
        desk = self._desk(intention)
        body = _body(table, intention) | _new_members(table, intention)
        for _ in self._tries(intention):
            seen = _read(desk, _path(table, intention))
            if seen is None:
                continue
            if seen.record:
                return self._edit(intention, {})
            answer = desk.ask("POST", table.entity_set(intention.side), body)
            if answer is None:
                continue
            _require_done(answer, intention)
            return self._edit(intention, {})
        raise _no_patience(intention)

    def _delete(self, intention: Intention) -> Edit | None:
        path, desk = _path(BY_MAPPING[intention.mapping], intention), self._desk(intention)
        tried = False
        for _ in self._tries(intention):
            answer = desk.ask("DELETE", path)
            if answer is not None and answer.status == _GONE:
                return self._edit(intention, {}) if tried else None
            tried = True
            if answer is None:
                continue
            _require_done(answer, intention)
            return self._edit(intention, {})
        raise _no_patience(intention)

    def _in_client(self, intention: Intention, command: str, body: Any) -> Edit:
        """What Business Central's API offers to nobody is done in its client: the simulator's
        commands stand for that."""
        answer = self._platform.client.request(
            "POST", f"{self._platform.addresses.business_central}/_sim/{command}", body=body
        )
        _require_done(answer, intention)
        return self._edit(intention, {})

    def _edit(self, intention: Intention, before: Mapping[str, Any]) -> Edit:
        writes = [
            Write(field=name, before=before.get(name), after=value)
            for name, value in intention.values.items()
        ]
        return Edit(
            at=self._clock(),
            side=intention.side,
            action=intention.action,
            mapping=intention.mapping,
            identity=intention.identity,
            record_id=intention.record_id,
            writes=() if intention.action in (Action.POST, Action.REPRICE) else tuple(writes),
            by_integration_user=intention.by_integration_user,
        )

    def _desk(self, intention: Intention) -> Desk:
        application = SERVICE if intention.by_integration_user else PEOPLE
        return self._desks[intention.side, application.name]

    def _tries(self, intention: Intention) -> Any:
        """Goes on, with pauses, until patience is at its end."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            yield intention
            time.sleep(_PAUSE_SECONDS)


def register_people(platform: Platform, data: SampleData) -> None:
    """Let users in: an application that Entra ID, Business Central and CRM know."""
    client = {"tenant": TENANT, "client_id": PEOPLE.client_id, "secret": PEOPLE.secret}
    user = {
        "systemuserid": PEOPLE.client_id,
        "fullname": "# People",
        "lastname": "# People",
        "domainname": "people@localhost",
        "_businessunitid_value": data.crm["businessunits"][0]["businessunitid"],
        "accessmode": _NON_INTERACTIVE,
        "isdisabled": False,
        "applicationid": PEOPLE.client_id,
    }
    addresses = platform.addresses
    for address, rows in (
        (addresses.entra, {"clients": [client]}),
        (addresses.business_central, {"entraApplications": [{"clientId": PEOPLE.client_id}]}),
        (addresses.crm, {"systemusers": [user]}),
    ):
        answer = platform.client.request("POST", f"{address}/_sim/seed", body=rows)
        if answer.status != 200:
            raise PeopleError(f"{address} does not let people in: {answer.body}")


def _read(desk: Desk, path: str) -> Seen | None:
    """A record, empty where there is none; None where it is unknown."""
    answer = desk.ask("GET", path)
    if answer is None:
        return None
    if answer.status == _GONE:
        return Seen(record={}, etag="")
    if answer.status != 200 or not isinstance(answer.body, dict):
        return None
    return Seen(record=answer.body, etag=str(answer.body.get("@odata.etag", "")))


def _path(table: SharedTable, intention: Intention) -> str:
    return f"{table.entity_set(intention.side)}({intention.record_id})"


def _body(table: SharedTable, intention: Intention) -> dict[str, Any]:
    """The intended values as the side's API takes them."""
    body: dict[str, Any] = {}
    for name, value in intention.values.items():
        field = table.field(name)
        if field.kind is Kind.PERSON and intention.side == CRM:
            body["firstname"], _, body["lastname"] = str(value).partition(" ")
        else:
            body[field.column(intention.side)] = value
    return body


def _holds(table: SharedTable, intention: Intention, record: Record) -> bool:
    return all(
        same(record.get(table.field(name).column(intention.side)), value)
        for name, value in intention.values.items()
    )


def _new_members(table: SharedTable, intention: Intention) -> dict[str, Any]:
    """What a new record needs beside its values."""
    identity = {table.identity.column(intention.side): intention.identity}
    if intention.side == CRM:
        members: dict[str, Any] = {table.crm_id: intention.record_id}
        if table.mapping == "CUSTOMER":
            members["customertypecode"] = _CRM_CUSTOMER
        else:
            members["parentcustomerid_account@odata.bind"] = f"/accounts({intention.parent})"
        return identity | members
    members = {"id": intention.record_id}
    match table.mapping:
        case "CUSTOMER":
            members["type"] = "Company"
        case "CONTACT":
            members |= {"type": "Person", "companyNumber": intention.parent}
        case _:
            members |= {"type": "Inventory", "baseUnitOfMeasureCode": "PCS"}
    return identity | members


def _require_done(answer: Answer, intention: Intention) -> None:
    if answer.status >= 300:
        raise PeopleError(
            f"{intention.action} of {intention.mapping} {intention.identity} in {intention.side} "
            f"was refused ({answer.status}): {answer.body}"
        )


def _no_patience(intention: Intention) -> PeopleError:
    return PeopleError(
        f"{intention.action} of {intention.mapping} {intention.identity} in {intention.side} got "
        f"no answer within {_PATIENCE_SECONDS:.0f} s"
    )
