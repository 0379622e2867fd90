"""Requests to one row: reading, changing, upserting, deleting it, and single properties of it."""

from typing import Any

from local.simulators.core.messages import SimResponse
from local.simulators.dataverse.bulk import upsert
from local.simulators.dataverse.errors import (
    DataverseError,
    duplicate_key,
    invalid_argument,
    invalid_query,
    not_implemented,
    unknown_segment,
    version_mismatch,
)
from local.simulators.dataverse.preferences import parse_preferences
from local.simulators.dataverse.privileges import READ
from local.simulators.dataverse.projection import (
    Projection,
    etag,
    query_options,
    refuse_unknown_options,
)
from local.simulators.dataverse.references import RowReference, parse_key
from local.simulators.dataverse.schema import Row, TableSchema
from local.simulators.dataverse.security import require
from local.simulators.dataverse.state import Call, State, json_response, no_content

_OPTIONS = frozenset({"$select", "$expand"})
_REF = "$ref"


class SingleRow:
    """Answers requests to `/{set}({key})` and what is below it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store

    def handle(self, table: TableSchema, key: str, call: Call) -> SimResponse:
        """Answer a request to the row itself."""
        reference = parse_key(self._store, table, key)
        match call.request.method:
            case "GET":
                return self._get(reference, call)
            case "PATCH":
                return self._patch(reference, key, call)
            case "DELETE":
                row_id = reference.existing(self._store)
                self._check_version(table, row_id, call)
                self._state.records.delete(table, row_id, call.caller)
                return no_content()
            case method:
                raise DataverseError(405, "0x80060888", f"{method} is not allowed on a record.")

    def below(self, table: TableSchema, key: str, path: list[str], call: Call) -> SimResponse:
        """Answer a request to a property of the row, or to a link of a lookup."""
        row_id = parse_key(self._store, table, key).existing(self._store)
        name, rest = path[0], path[1:]
        if rest == [_REF] and name in table.navigations:
            return self._link(table, row_id, name, call)
        if rest or name not in table.property_names:
            if name in table.navigations or rest:
                raise not_implemented(f"{call.request.method} {'/'.join(path)} of a record")
            raise unknown_segment(name)
        return self._property(table, row_id, name, call)

    def _get(self, reference: RowReference, call: Call) -> SimResponse:
        require(call.caller, READ, reference.table)
        options = query_options(call.request.query_string)
        refuse_unknown_options(options, _OPTIONS)
        projection = Projection(
            self._store, reference.table, options, parse_preferences(call.request)
        )
        row = self._existing_row(reference)
        headers = {"ETag": etag(row)}
        if call.request.headers.get("If-None-Match") == etag(row):
            return SimResponse(status=304, headers=headers)
        body = self._representation(reference.table, projection, row, call)
        return json_response(body, headers=headers)

    def _patch(self, reference: RowReference, key: str, call: Call) -> SimResponse:
        options = query_options(call.request.query_string)
        refuse_unknown_options(options, _OPTIONS)
        preferences = parse_preferences(call.request)
        table = reference.table
        projection = Projection(self._store, table, options, preferences)
        payload = call.record_payload(table.set_name)
        self._check_conditions(reference, call)
        row, created = upsert(self._store, self._state.records, reference, payload, call.caller)
        if not preferences.representation:
            # an upsert answers with the address it was sent to, alternate key and all
            return no_content({"OData-EntityId": call.url(f"{table.set_name}({key})")})
        headers = {"Preference-Applied": "return=representation", "ETag": etag(row)}
        body = self._representation(table, projection, row, call)
        return json_response(body, status=201 if created else 200, headers=headers)

    def _check_conditions(self, reference: RowReference, call: Call) -> None:
        """If-Match: only an update (of that version); If-None-Match: only a create."""
        if "If-Match" in call.request.headers:
            self._check_version(reference.table, reference.existing(self._store), call)
        if call.request.headers.get("If-None-Match") == "*":
            row_id = reference.resolve(self._store)
            if row_id is not None and self._store.row(reference.table.name, row_id) is not None:
                raise duplicate_key()

    def _check_version(self, table: TableSchema, row_id: str, call: Call) -> None:
        expected = call.request.headers.get("If-Match")
        row = self._store.tables[table.name].rows[row_id]
        if expected not in (None, "*", etag(row)):
            raise version_mismatch()

    def _property(self, table: TableSchema, row_id: str, name: str, call: Call) -> SimResponse:
        column = table.properties[name]
        match call.request.method:
            case "GET":
                require(call.caller, READ, table)
                value = self._store.tables[table.name].rows[row_id].get(name)
                if value is None:
                    return no_content()
                context = call.url(f"$metadata#{table.set_name}({row_id})/{name}")
                return json_response({"@odata.context": context, "value": value})
            case "PUT":
                payload = call.record_payload(table.set_name)
                if set(payload) != {"value"}:
                    raise invalid_argument('The body must be {"value": …}.')
                changes = {column.name: payload["value"]}
            case "DELETE":
                changes = {column.name: None}
            case method:
                raise DataverseError(405, "0x80060888", f"{method} is not allowed on a property.")
        if column.type == "lookup":
            raise invalid_query(f"'{name}' is changed by its navigation property and $ref.")
        self._check_version(table, row_id, call)
        self._state.records.update(table, row_id, changes, call.caller)
        return no_content()

    def _link(self, table: TableSchema, row_id: str, name: str, call: Call) -> SimResponse:
        if call.request.method == "DELETE":
            target: Any = None
        elif call.request.method == "PUT":
            target = call.record_payload(table.set_name).get("@odata.id")
        else:
            raise not_implemented(f"{call.request.method} of a lookup's {_REF}")
        self._check_version(table, row_id, call)
        changes = {f"{name}@odata.bind": target}
        self._state.records.update(table, row_id, changes, call.caller)
        return no_content()

    def _existing_row(self, reference: RowReference) -> Row:
        row_id = reference.existing(self._store)
        return self._store.tables[reference.table.name].rows[row_id]

    @staticmethod
    def _representation(
        table: TableSchema, projection: Projection, row: Row, call: Call
    ) -> dict[str, Any]:
        columns = f"({projection.context})" if projection.context else ""
        context = call.url(f"$metadata#{table.set_name}{columns}/$entity")
        return {"@odata.context": context} | projection.row(row)
