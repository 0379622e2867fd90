"""The body of a webhook: the execution context of an event, as the platform serializes it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from local.simulators.dataverse.computed import organization_of
from local.simulators.dataverse.events import CREATE, DELETE, Event
from local.simulators.dataverse.formatting import lookup_target
from local.simulators.dataverse.schema import Column, Row
from local.simulators.dataverse.store import Store
from local.simulators.dataverse.webhook_rules import ASYNCHRONOUS, POST_OPERATION

LARGEST = 256 * 1024
_TOO_MUCH = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"
_MAIN_OPERATION = 30
_NO_ISOLATION = 1
_STAMPS = ("modifiedon", "_modifiedby_value")
_OPTIONS = ("choice", "state", "status")


def context_of(
    event: Event, step: Row, *, store: Store, correlation_id: str, operation_id: str, now: datetime
) -> dict[str, Any]:
    """The whole body, however long it is."""
    organization = organization_of(store)
    target = _target(event)
    context: dict[str, Any] = {
        "BusinessUnitId": event.caller.business_unit_id,
        "CorrelationId": correlation_id,
        "Depth": event.depth,
        "InitiatingUserId": event.caller.user_id,
        "InputParameters": [{"key": "Target", "value": target}],
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsOfflinePlayback": False,
        "IsolationMode": _NO_ISOLATION,
        "MessageName": event.message,
        "Mode": ASYNCHRONOUS,
        "OperationCreatedOn": _date_text(now) + "+0000)/",
        "OperationId": operation_id,
        "OrganizationId": organization["organizationid"],
        "OrganizationName": organization["name"],
        "OutputParameters": (
            [{"key": "id", "value": event.row_id}] if event.message == CREATE else []
        ),
        "OwningExtension": _reference(
            "sdkmessageprocessingstep", step["sdkmessageprocessingstepid"], typed=False
        ),
        "ParentContext": None,
        "PostEntityImages": _primary_name_image(event),
        "PreEntityImages": [],
        "PrimaryEntityId": event.row_id,
        "PrimaryEntityName": event.table.name,
        "RequestId": None,
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": POST_OPERATION,
        "UserId": event.caller.user_id,
    }
    parent = context | {"Stage": _MAIN_OPERATION, "OwningExtension": None, "PostEntityImages": []}
    return context | {"ParentContext": parent}


def serialized(context: Mapping[str, Any]) -> tuple[bytes, bool]:
    """The body as it is sent, and whether what makes it too long was taken out."""
    whole = orjson.dumps(context)
    if len(whole) <= LARGEST:
        return whole, False
    kept = {name: value for name, value in context.items() if name not in _TOO_MUCH}
    return orjson.dumps(kept), True


def _target(event: Event) -> dict[str, Any]:
    if event.message == DELETE:
        return _reference(event.table.name, event.row_id)
    names = event.row if event.message == CREATE else (*event.attributes, *_STAMPS)
    names = dict.fromkeys((event.table.key, *names))
    return _entity(event, [name for name in names if name in event.table.properties])


def _primary_name_image(event: Event) -> list[dict[str, Any]]:
    title = event.table.title
    if event.message == DELETE or title is None:
        return []
    image = _entity(event, [title, event.table.key], typed=False)
    return [{"key": "AsynchronousStepPrimaryName", "value": image}]


def _entity(event: Event, names: list[str], *, typed: bool = True) -> dict[str, Any]:
    columns = event.table.properties
    attributes = [
        {"key": columns[name].name, "value": _value(columns[name], event.row)}
        for name in names
        if name != "versionnumber" and (event.message != CREATE or event.row.get(name) is not None)
    ]
    entity: dict[str, Any] = {
        "Attributes": attributes,
        "EntityState": None,
        "FormattedValues": [],
        "Id": event.row_id,
        "KeyAttributes": [],
        "LogicalName": event.table.name,
        "RelatedEntities": [],
        "RowVersion": None,
    }
    return {"__type": f"Entity:{_CONTRACTS}", **entity} if typed else entity


def _reference(table: str, row_id: str, *, typed: bool = True) -> dict[str, Any]:
    reference: dict[str, Any] = {
        "Id": row_id,
        "KeyAttributes": [],
        "LogicalName": table,
        "Name": None,
        "RowVersion": None,
    }
    return {"__type": f"EntityReference:{_CONTRACTS}", **reference} if typed else reference


def _value(column: Column, row: Row) -> Any:
    value = row.get(column.row_name)
    if value is None:
        return None
    if column.type == "lookup":
        return _reference(lookup_target(column, row), value)
    if column.type in _OPTIONS:
        return {"__type": f"OptionSetValue:{_CONTRACTS}", "Value": value}
    if column.type == "money":
        return {"__type": f"Money:{_CONTRACTS}", "Value": value}
    if column.type in ("datetime", "date"):
        moment = datetime.fromisoformat(value)
        return _date_text(moment.replace(tzinfo=moment.tzinfo or UTC)) + ")/"
    return value


def _date_text(moment: datetime) -> str:
    return f"/Date({int(moment.timestamp() * 1000)}"
