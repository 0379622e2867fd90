"""Tells the registered webhooks of what clients wrote, and keeps the runs that failed.

A delivery is given up after 60 seconds or any answer that is not 2xx; only 502, 503 and 504 are
tried once more. Nothing orders deliveries among each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from local.simulators.core.deliveries import Deliveries, Delivery, Ending
from local.simulators.dataverse.events import MESSAGES, UPDATE, Event
from local.simulators.dataverse.schema import Row
from local.simulators.dataverse.store import Store
from local.simulators.dataverse.values import utc_text
from local.simulators.dataverse.webhook_payload import context_of, serialized
from local.simulators.dataverse.webhook_rules import (
    HTTP_HEADER,
    HTTP_QUERY_STRING,
    attributes_of,
    settings_of,
)

_TRIED_AGAIN = (502, 503, 504)
_ENABLED = 0
_COMPLETED, _SUCCEEDED, _FAILED = 3, 30, 31
_SYSTEM_EVENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTimes:
    """How long the service waits, in seconds; when it tries again is not documented."""

    timeout: float = 60.0
    retry: float = 5.0


class Webhooks:
    """The steps of one organization."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        deliveries: Deliveries,
        times: WebhookTimes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._deliveries = deliveries
        self._times = times

    def publish(self, events: Sequence[Event], host: str) -> None:
        """Send what happened in one request to every step that is registered for it; `host` is
        the organization's."""
        steps = self._steps() if events else {}
        if not steps:
            return
        correlation_id = str(uuid4())
        for event in events:
            for step in steps.get((event.message, event.table.name), ()):
                if _concerns(step, event):
                    self._send(event, step, host, correlation_id)

    def _steps(self) -> dict[tuple[str, str], list[Row]]:
        """The enabled steps by message and table, in the order of their ranks."""
        found: dict[tuple[str, str], list[Row]] = {}
        steps = self._store.tables["sdkmessageprocessingstep"].rows.values()
        for step in sorted(steps, key=lambda row: row["rank"] or 0):
            message_filter = self._row("sdkmessagefilter", step["_sdkmessagefilterid_value"])
            message = self._row("sdkmessage", message_filter["_sdkmessageid_value"])["name"]
            if step["statecode"] == _ENABLED and message in MESSAGES:
                key = (message, message_filter["primaryobjecttypecode"])
                found.setdefault(key, []).append(step)
        return found

    def _send(self, event: Event, step: Row, host: str, correlation_id: str) -> None:
        endpoint = self._row("serviceendpoint", step["_eventhandler_value"])
        operation_id = str(uuid4())
        context = context_of(
            event,
            step,
            store=self._store,
            correlation_id=correlation_id,
            operation_id=operation_id,
            now=self._clock(),
        )
        body, too_long = serialized(context)
        headers = {
            "x-ms-dynamics-organization": host,
            "x-ms-dynamics-entity-name": event.table.name,
            "x-ms-dynamics-request-name": event.message,
            "x-ms-correlation-request-id": correlation_id,
        }
        if too_long:
            headers["x-ms-dynamics-msg-size-exceeded"] = "true"
        address, secrets = _authorized(endpoint)
        run = _new_run(operation_id, event, step, correlation_id, utc_text(self._clock()))
        self._deliveries.send(
            Delivery(
                address=address,
                body=body,
                headers=headers | secrets,
                policy=self._policy,
                timeout_seconds=self._times.timeout,
                ended=partial(self._keep_run, run, keep=not step.get("asyncautodelete")),
            )
        )

    def _policy(self, attempt: int, status: int | None) -> float | Ending:
        if attempt == 1 and status in _TRIED_AGAIN:
            return self._times.retry
        return Ending.GIVEN_UP

    def _keep_run(self, run: Row, ending: Ending, status: int | None, *, keep: bool) -> None:
        """Keep the run of a step: always where it failed, else unless it deletes itself."""
        failed = ending is not Ending.DELIVERED
        if not failed and not keep:
            return
        now = utc_text(self._clock())
        reason = "did not answer in time" if status is None else f"answered {status}"
        outcome = {
            "statecode": _COMPLETED,
            "statuscode": _FAILED if failed else _SUCCEEDED,
            "message": f"The webhook {reason}." if failed else None,
            "completedon": now,
            "modifiedon": now,
        }
        with self._store.transaction():
            self._store.insert("asyncoperation", run | outcome)

    def _row(self, table: str, row_id: str) -> Row:
        return self._store.tables[table].rows[row_id]


def _concerns(step: Row, event: Event) -> bool:
    """Whether an update sent any of the columns that the step asks for."""
    names = attributes_of(step)
    if event.message != UPDATE or not names:
        return True
    columns = event.table.columns
    return any(columns[name].row_name in event.attributes for name in names)


def _authorized(endpoint: Row) -> tuple[str, dict[str, str]]:
    """The address to send to and the headers that prove who sends."""
    url, secret = endpoint["url"], endpoint["authvalue"]
    if endpoint["authtype"] == HTTP_HEADER:
        return url, settings_of(secret) or {}
    query: dict[str, Any] = {"code": secret}
    if endpoint["authtype"] == HTTP_QUERY_STRING:
        query = dict(settings_of(secret) or {})
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}", {}


def _new_run(operation_id: str, event: Event, step: Row, correlation_id: str, now: str) -> Row:
    return {
        "asyncoperationid": operation_id,
        "name": step.get("name"),
        "operationtype": _SYSTEM_EVENT,
        "messagename": event.message,
        "primaryentitytype": event.table.name,
        "_owningextensionid_value": step["sdkmessageprocessingstepid"],
        "correlationid": correlation_id,
        "depth": event.depth,
        "retrycount": 0,
        "createdon": now,
        "startedon": now,
        "_createdby_value": event.caller.user_id,
        "_modifiedby_value": event.caller.user_id,
    }
