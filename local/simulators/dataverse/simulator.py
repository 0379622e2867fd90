"""The Dataverse simulator: from a request to its answer."""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from local.simulators.core.clock import ShiftedClock
from local.simulators.core.deliveries import Deliveries
from local.simulators.core.messages import SimRequest, SimResponse
from local.simulators.core.simulator import Command, SeedError
from local.simulators.dataverse.administration import WORKS, Administration
from local.simulators.dataverse.batch import (
    BatchAnswer,
    ChangeSet,
    InnerRequest,
    error_response,
    parse_batch,
    resolve_references,
)
from local.simulators.dataverse.collection import Collection as EntitySet
from local.simulators.dataverse.definitions import Definitions
from local.simulators.dataverse.errors import (
    DataverseError,
    injected,
    invalid_query,
    not_implemented,
    unknown_segment,
)
from local.simulators.dataverse.events import Caller
from local.simulators.dataverse.limits import ServiceLimits, Throttle
from local.simulators.dataverse.linked_rows import LinkedRows
from local.simulators.dataverse.organization import Organization
from local.simulators.dataverse.paths import Segment, parse_segments
from local.simulators.dataverse.preferences import Preferences, parse_preferences
from local.simulators.dataverse.privileges import INTEGRATION_ROLES
from local.simulators.dataverse.projection import Projection
from local.simulators.dataverse.records import Records
from local.simulators.dataverse.rules import Rules
from local.simulators.dataverse.schema import load_schema
from local.simulators.dataverse.security import Security
from local.simulators.dataverse.single import SingleRow
from local.simulators.dataverse.solutions import Solutions
from local.simulators.dataverse.state import API_PATH, Call, State
from local.simulators.dataverse.store import Store
from local.simulators.dataverse.unbound import UNBOUND, Unbound
from local.simulators.dataverse.webhooks import Webhooks, WebhookTimes

_LONGEST_URL = 32 * 1024
_LONGEST_URL_IN_BATCH = 64 * 1024
_PARALLELISM_HINT = "4"
_JSON = "application/json; odata.metadata=minimal"
# Headers that would change what a request does, and that are not imitated. With these values they
# change nothing.
_HARMLESS = {
    "CallerObjectId": None,
    "MSCRMCallerID": None,
    "MSCRM.SuppressDuplicateDetection": "true",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the imitated organization differs from a plain new one."""

    clients: tuple[str, ...] = ()
    """Application (client) ids that have an application user."""
    base_currency: tuple[str, str, str] = ("USD", "US Dollar", "$")
    client_roles: tuple[str, ...] = tuple(INTEGRATION_ROLES)
    """Names of the roles of application users of whose roles nothing is said."""
    activation_needs_price: bool = True
    untracked: frozenset[str] = frozenset()
    """Tables (logical names) without change tracking."""
    limits: ServiceLimits = dataclasses.field(default_factory=ServiceLimits)
    latency_seconds: float = 0.0
    """How long every request takes at least."""
    webhooks: WebhookTimes = dataclasses.field(default_factory=WebhookTimes)


class DataverseSimulator:
    """One organization. `clock` gives the time of day, `monotonic` seconds for the limits;
    `ca_file` holds the authorities trusted when webhooks are sent."""

    name = "dataverse"

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        ca_file: str | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self.time_of_day = ShiftedClock(clock)
        self.deliveries = Deliveries(ca_file=ca_file)
        self._monotonic = monotonic
        self._throttle = Throttle(self._settings.limits, monotonic)
        self.reset()

    def reset(self) -> None:
        """Begin again with a new organization."""
        store = Store(load_schema())
        rules = Rules(store, activation_needs_price=self._settings.activation_needs_price)
        organization = Organization(
            store,
            rules,
            self.time_of_day,
            clients=self._settings.clients,
            client_roles=self._settings.client_roles,
            base_currency=self._settings.base_currency,
        )
        security = Security(store)
        self._state = State(
            store=store,
            records=Records(store, rules, self.time_of_day, security),
            organization=organization,
            security=security,
            clock=self.time_of_day,
            untracked=set(self._settings.untracked),
        )
        self._solutions = Solutions(self._state)
        self._unbound = Unbound(self._state, self._solutions)
        self._links = LinkedRows(self._state)
        self._administration = Administration(self._state, self._solutions)
        self._sets = EntitySet(self._state)
        self._rows = SingleRow(self._state)
        self._definitions = Definitions(self._state)
        self._webhooks = Webhooks(store, self.time_of_day, self.deliveries, self._settings.webhooks)

    def seed(
        self, data: dict[str, list[dict[str, Any]]], options: Mapping[str, str]
    ) -> dict[str, int]:
        """Load rows by entity set; raises `SeedError`, loading nothing."""
        del options  # an organization is all there is
        return self._state.organization.seed(data)

    def change_limits(self, values: Mapping[str, Any]) -> None:
        """Replace limits while running; users begin with an empty window."""
        known = {each.name for each in dataclasses.fields(ServiceLimits)}
        unknown = set(values) - known
        if unknown:
            raise SeedError(f"limits: {sorted(unknown)} are none of {sorted(known)}")
        self._throttle = Throttle(
            dataclasses.replace(self._settings.limits, **values), self._monotonic
        )

    @property
    def commands(self) -> Mapping[str, Command]:
        """What else `POST /_sim/{name}` does."""
        return {name: self._command(name) for name in WORKS}

    def _command(self, name: str) -> Command:
        return lambda values, _options: self._administration.run(name, values)

    def dump(self, entity_set: str) -> list[dict[str, Any]]:
        """All rows of a set with all their columns; raises `LookupError`."""
        table = self._state.store.schema.sets[entity_set]
        wanted = Preferences(annotations="Microsoft.Dynamics.CRM.lookuplogicalname")
        projection = Projection(self._state.store, table, {}, wanted)
        stored = self._state.store.tables[table.name].rows.values()
        rows = projection.rows(stored)
        for row in rows if table.name in ("systemuser", "team") else ():
            row |= self._links.of_row(table, row[table.key])
        return rows

    def audiences(self, request: SimRequest) -> Collection[str]:
        """A token must be for the organization's address."""
        return (request.base_url, request.base_url + "/")

    def unauthorized(self, request: SimRequest, reason: str) -> SimResponse:
        """The answer to a missing or refused token."""
        error = DataverseError(401, "0x80040204", reason)
        challenge = f"Bearer resource_id={request.base_url}/"
        return _finished(error_response(error), {"WWW-Authenticate": challenge})

    async def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request of the Web API."""
        headers: dict[str, str] = {}
        try:
            caller = self._caller(request)
            async with self._throttle.admitted(caller.user_id):
                if self._settings.latency_seconds:
                    await asyncio.sleep(self._settings.latency_seconds)
                response = self._answer_and_publish(request, caller)
            headers = self._throttle.headers(caller.user_id)
        except DataverseError as error:
            response = error_response(error)
        kind = response.kind or _kind(request)
        return _finished(dataclasses.replace(response, kind=kind), headers)

    def _caller(self, request: SimRequest) -> Caller:
        client = next(iter(self._settings.clients), "")
        if request.claims:
            client = str(request.claims.get("appid") or request.claims.get("azp") or "")
        return self._state.security.caller_of(request.claims, client)

    def _answer_and_publish(self, request: SimRequest, caller: Caller) -> SimResponse:
        """Answer; what was written, also before a refused part of a batch, goes to webhooks."""
        try:
            return self._answer(request, caller)
        finally:
            host = request.base_url.partition("://")[2]
            self._webhooks.publish(self._state.store.take_events(), host)

    def _answer(self, request: SimRequest, caller: Caller) -> SimResponse:
        if len(request.raw_path) + len(request.query_string) > _LONGEST_URL:
            raise DataverseError(414, "0x80060888", "The URL is longer than 32 KB.")
        for name, harmless in _HARMLESS.items():
            if name in request.headers and request.headers[name].lower() != harmless:
                raise not_implemented(f"the header {name}: {request.headers[name]}")
        call = Call(request=request, caller=caller)
        self._solutions.advance()
        segments = parse_segments(request)
        if segments and segments[0].name == "$batch":
            return self._batch(call)
        return self._dispatch(segments, call)

    def _dispatch(self, segments: list[Segment] | None, call: Call) -> SimResponse:
        """Answer one request, alone or as a part of a batch; refusals are raised."""
        if not segments:
            raise not_implemented(f"the path {call.request.path}")
        first = segments[0]
        if first.name in UNBOUND and len(segments) == 1:
            return self._unbound.handle(first, call)
        if first.name == "EntityDefinitions":
            return self._definitions.handle(segments, call)
        table = self._state.store.schema.sets.get(first.name)
        if table is None:
            raise not_implemented(f"the resource {first.name}")
        rest = [segment.name for segment in segments[1:]]
        if first.key is not None:
            if rest and LinkedRows.concerns(table, segments[1]):
                return self._links.handle(table, first.key, segments[1:], call)
            if rest:
                return self._rows.below(table, first.key, rest, call)
            return self._rows.handle(table, first.key, call)
        if not rest:
            return self._sets.handle(table, call)
        if len(rest) > 1:
            raise unknown_segment(rest[1])
        return self._sets.action(table, rest[0], call)

    def _batch(self, call: Call) -> SimResponse:
        if call.request.method != "POST":
            raise not_implemented(f"{call.request.method} $batch")
        items = parse_batch(call.request.body, call.request.headers.get("Content-Type", ""))
        go_on = parse_preferences(call.request).continue_on_error
        answer = BatchAnswer()
        known: dict[str, str] = {}
        status, operations = 200, 0
        for item in items:
            if isinstance(item, ChangeSet):
                failed, done = self._change_set(item, known, call, answer)
            else:
                response = self._inner_or_error(item, known, call)
                answer.add(response, item.content_id)
                failed, done = response.status >= 400, response.operations
            operations += done
            if failed and not go_on:
                status = 400
                break
        headers = {"Content-Type": answer.content_type}
        return SimResponse(
            status=status, body=answer.body(), headers=headers, operations=operations
        )

    def _change_set(
        self, change_set: ChangeSet, known: dict[str, str], call: Call, answer: BatchAnswer
    ) -> tuple[bool, int]:
        """Whether it failed, and the records written."""
        responses: list[tuple[str | None, SimResponse]] = []
        inside = dict(known)
        current: InnerRequest | None = None
        try:
            with self._state.store.transaction():
                for current in change_set.requests:
                    if current.method == "GET":
                        raise invalid_query("GET is not allowed in a change set.")
                    response = self._inner(current, inside, call)
                    responses.append((current.content_id, response))
        except DataverseError as error:
            answer.add(error_response(error), current.content_id if current else None)
            return True, 0
        known.update(inside)
        answer.add_change_set(responses)
        return False, sum(response.operations for _, response in responses)

    def _inner_or_error(self, item: InnerRequest, known: dict[str, str], call: Call) -> SimResponse:
        try:
            return self._inner(item, known, call)
        except DataverseError as error:
            response = error_response(error)
            headers = {**response.headers, "REQ_ID": str(uuid4())}
            return dataclasses.replace(response, headers=headers)

    def _inner(self, item: InnerRequest, known: dict[str, str], call: Call) -> SimResponse:
        url, body = resolve_references(item, known)
        if len(url) > _LONGEST_URL_IN_BATCH:
            raise DataverseError(414, "0x80060888", "The URL is longer than 64 KB.")
        parts = urlsplit(url)
        path = parts.path if parts.path.startswith("/") else f"{API_PATH}/{parts.path}"
        request = SimRequest(
            method=item.method,
            path=unquote(path),
            raw_path=path,
            query_string=parts.query,
            headers=item.headers,
            body=body,
            claims=call.request.claims,
            base_url=call.request.base_url,
        )
        struck = call.request.part_fault(request.method, request.path)
        if struck is not None:
            raise injected(struck)
        segments = parse_segments(request)
        if segments and segments[0].name == "$batch":
            raise invalid_query("A batch cannot be a part of a batch.")
        response = self._dispatch(segments, Call(request=request, caller=call.caller))
        entity = response.headers.get("OData-EntityId")
        if entity is None:
            return response
        if item.content_id is not None:
            known[item.content_id] = entity
        return dataclasses.replace(response, headers={"Location": entity, **response.headers})


def _kind(request: SimRequest) -> str:
    """What the counters call a request: the method and the set, without keys."""
    segments = parse_segments(request) or []
    return f"{request.method} {'/'.join(segment.name for segment in segments[:2])}"


def _finished(response: SimResponse, headers: Mapping[str, str]) -> SimResponse:
    """The answer with the headers that every answer has."""
    request_id = str(uuid4())
    common = {
        "OData-Version": "4.0",
        "REQ_ID": request_id,
        "x-ms-service-request-id": request_id,
        "x-ms-dop-hint": _PARALLELISM_HINT,
    }
    if response.body is not None:
        common["Content-Type"] = _JSON
    return dataclasses.replace(response, headers={**common, **headers, **response.headers})
