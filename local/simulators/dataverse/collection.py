"""Requests to an entity set: queries, counts, change tracking, creates, bulk messages."""

from typing import Any

from local.simulators.core.messages import SimResponse
from local.simulators.dataverse.bulk import PREFIX, BulkMessages
from local.simulators.dataverse.errors import DataverseError, not_implemented
from local.simulators.dataverse.preferences import Preferences, parse_preferences
from local.simulators.dataverse.privileges import READ
from local.simulators.dataverse.projection import (
    Projection,
    etag,
    query_options,
    refuse_unknown_options,
)
from local.simulators.dataverse.querying import (
    MOST_ROWS,
    QUERY_OPTIONS,
    Cookie,
    TableQuery,
    next_link,
    parse_cookie,
)
from local.simulators.dataverse.schema import TableSchema
from local.simulators.dataverse.security import require, require_all_rows
from local.simulators.dataverse.state import Call, State, json_response, no_content
from local.simulators.dataverse.tracking import (
    Changes,
    check_trackable,
    delta_link,
    delta_token,
    parse_token,
)

_DELTA = "$deltatoken"
_TOTAL = "@Microsoft.Dynamics.CRM.totalrecordcount"
_TOTAL_EXCEEDED = "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
_REPRESENTATION_OPTIONS = frozenset({"$select", "$expand"})


class Collection:
    """Answers requests to `/{set}` and `/{set}/{action}`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store
        self._bulk = BulkMessages(state.store, state.records)

    def handle(self, table: TableSchema, call: Call) -> SimResponse:
        """Answer a request to the set itself."""
        match call.request.method:
            case "GET":
                return self._get(table, call)
            case "POST":
                return self._create(table, call)
            case method:
                raise DataverseError(405, "0x80060888", f"{method} is not allowed on a set.")

    def action(self, table: TableSchema, name: str, call: Call) -> SimResponse:
        """Answer a request to `/{set}/$count` or a bound action of the set."""
        if name == "$count" and call.request.method == "GET":
            return self._count(table, call)
        if name.startswith(PREFIX) and call.request.method == "POST":
            message = name.removeprefix(PREFIX)
            ids, count = self._bulk.run(table, message, call.payload(table.set_name), call.caller)
            if ids is None:
                return no_content(operations=count)
            context = call.url(f"$metadata#{PREFIX}{message}Response")
            return json_response({"@odata.context": context, "Ids": ids}, operations=count)
        raise not_implemented(f"{call.request.method} {table.set_name}/{name}")

    def _create(self, table: TableSchema, call: Call) -> SimResponse:
        options = query_options(call.request.query_string)
        refuse_unknown_options(options, _REPRESENTATION_OPTIONS)
        preferences = parse_preferences(call.request)
        projection = Projection(self._store, table, options, preferences)
        payload = call.record_payload(table.set_name)
        row = self._state.records.create(table, payload, call.caller)
        if not preferences.representation:
            return no_content({"OData-EntityId": call.url(f"{table.set_name}({row[table.key]})")})
        context = {"@odata.context": _context(call, table, projection) + "/$entity"}
        headers = {"Preference-Applied": "return=representation", "ETag": etag(row)}
        return json_response(context | projection.row(row), status=201, headers=headers)

    def _get(self, table: TableSchema, call: Call) -> SimResponse:
        require(call.caller, READ, table)
        options = query_options(call.request.query_string)
        preferences = parse_preferences(call.request)
        cookie = parse_cookie(options["$skiptoken"]) if "$skiptoken" in options else None
        if _DELTA in options:
            return self._changes(table, call, options, preferences)
        refuse_unknown_options(options, QUERY_OPTIONS)
        if preferences.track_changes or (cookie is not None and cookie.tracking):
            return self._tracked(table, call, options, preferences)
        query = TableQuery(self._store, table, options)
        projection = Projection(self._store, table, options, preferences)
        page = query.page(preferences.page_size)
        body: dict[str, Any] = {"@odata.context": _context(call, table, projection)}
        if page.total is not None:
            body["@odata.count"] = min(page.total, MOST_ROWS)
            if preferences.annotate(_TOTAL[1:]):
                body[_TOTAL] = min(page.total, MOST_ROWS)
                body[_TOTAL_EXCEEDED] = page.total > MOST_ROWS
        body["value"] = projection.rows(page.rows)
        self._add_next_link(body, table, call, page.following)
        return json_response(body, headers=_applied(preferences), operations=max(1, len(page.rows)))

    def _tracked(
        self,
        table: TableSchema,
        call: Call,
        options: dict[str, str],
        preferences: Preferences,
    ) -> SimResponse:
        """All rows, and on the last page the link to what changed since the first page."""
        check_trackable(table, self._state.tracks(table.name), options)
        require_all_rows(call.caller, table)
        query = TableQuery(self._store, table, options)
        projection = Projection(self._store, table, options, preferences)
        version = query.cookie_state.get("version", self._store.version)
        page = query.page(preferences.page_size, state={"version": version})
        body: dict[str, Any] = {
            "@odata.context": _context(call, table, projection),
            "value": projection.rows(page.rows),
        }
        if page.following is None:
            body["@odata.deltaLink"] = self._delta_link(table, call, version)
        self._add_next_link(body, table, call, page.following)
        return json_response(body, headers=_applied(preferences), operations=max(1, len(page.rows)))

    def _changes(
        self,
        table: TableSchema,
        call: Call,
        options: dict[str, str],
        preferences: Preferences,
    ) -> SimResponse:
        check_trackable(table, self._state.tracks(table.name), options)
        require_all_rows(call.caller, table)
        refuse_unknown_options(options, frozenset({"$select", _DELTA, "$skiptoken"}))
        since = parse_token(self._store, table, options[_DELTA], self._state.clock())
        cookie = parse_cookie(options["$skiptoken"]) if "$skiptoken" in options else None
        until = cookie.state["until"] if cookie else self._store.version
        projection = Projection(self._store, table, options, preferences)
        changes = Changes(self._store, table, since=since, until=until)
        changed, deleted, following = changes.page(preferences.page_size, cookie)
        body: dict[str, Any] = {"@odata.context": _context(call, table, projection) + "/$delta"}
        if following is None:
            body["@odata.deltaLink"] = self._delta_link(table, call, until)
        self._add_next_link(body, table, call, following)
        gone = call.url(f"$metadata#{table.set_name}/$deletedEntity")
        body["value"] = projection.rows(changed) + [
            {"@odata.context": gone, "id": row_id, "reason": "deleted"} for row_id in deleted
        ]
        return json_response(
            body, headers=_applied(preferences), operations=max(1, len(body["value"]))
        )

    def _count(self, table: TableSchema, call: Call) -> SimResponse:
        require(call.caller, READ, table)
        options = query_options(call.request.query_string)
        if _DELTA in options:
            check_trackable(table, self._state.tracks(table.name), options)
            since = parse_token(self._store, table, options[_DELTA], self._state.clock())
            total = len(Changes(self._store, table, since=since, until=self._store.version))
        else:
            refuse_unknown_options(options, frozenset({"$filter"}))
            total = TableQuery(self._store, table, options).count()
        text = str(min(total, MOST_ROWS))
        return SimResponse(status=200, body=text, headers={"Content-Type": "text/plain"})

    def _delta_link(self, table: TableSchema, call: Call, version: int) -> str:
        token = delta_token(version, self._state.clock())
        return delta_link(call.url(table.set_name), call.request.query_string, token)

    @staticmethod
    def _add_next_link(
        body: dict[str, Any], table: TableSchema, call: Call, following: Cookie | None
    ) -> None:
        if following is not None:
            url = call.url(table.set_name)
            body["@odata.nextLink"] = next_link(url, call.request.query_string, following)


def _context(call: Call, table: TableSchema, projection: Projection) -> str:
    columns = f"({projection.context})" if projection.context else ""
    return call.url(f"$metadata#{table.set_name}{columns}")


def _applied(preferences: Preferences) -> dict[str, str]:
    applied = []
    if preferences.track_changes:
        applied.append("odata.track-changes")
    if preferences.page_size is not None:
        applied.append(f"odata.maxpagesize={preferences.page_size}")
    if preferences.annotations is not None:
        applied.append(f'odata.include-annotations="{preferences.annotations}"')
    return {"Preference-Applied": ",".join(applied)} if applied else {}
