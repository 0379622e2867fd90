"""The HTTP API of Durable Functions: one for the webhook and for the SDK's client.

Answers as the extension's ``HttpApiHandler`` gives them. What this host does not have is answered
with 501 and a text that says so.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from local.host.durable.engine import Engine
from local.host.durable.errors import InstanceRunningError, UnknownOrchestratorError
from local.host.durable.history import parse_time
from local.host.durable.instance import Instance, Status
from local.host.durable.links import RPC_PATH, WEBHOOK_PATH, Links
from local.host.durable.orchestrators import Orchestrators
from local.host.durable.store import MAX_TEXT, HubStore, InstanceFilter, too_long
from local.host.durable.views import history_view, instance_view

_CONTINUATION_HEADER = "x-ms-continuation-token"
_PAGE_SIZE = 100
_LONGEST_ID = 100
_FORBIDDEN_IN_ID = frozenset("/\\#?")
_UNSUPPORTED = ("rewind", "restart")


class _RefusedError(Exception):
    """The request ends here, with this answer."""

    def __init__(self, status: int, message: str | None = None, **members: str) -> None:
        super().__init__(message)
        self.response = (
            web.Response(status=status)
            if message is None
            else web.json_response({"Message": message, **members}, status=status)
        )


class WebApi:
    """Answers requests under WEBHOOK_PATH and RPC_PATH."""

    def __init__(self, engine: Engine, store: HubStore, links: Links) -> None:
        self._engine = engine
        self._store = store
        self._links = links

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request; 404 for paths that the API does not have."""
        prefix = WEBHOOK_PATH if request.path.startswith(WEBHOOK_PATH) else RPC_PATH
        path = request.rel_url.raw_path.removeprefix(prefix).strip("/")
        try:
            return await self._route(request, [unquote(part) for part in path.split("/")])
        except _RefusedError as refused:
            return refused.response

    async def _route(self, request: web.Request, parts: list[str]) -> web.Response:
        match request.method, parts:
            case "POST", ["orchestrators", name]:
                return await self._start(request, name, None)
            case "POST", ["orchestrators", name, instance_id]:
                return await self._start(request, name, instance_id)
            case "GET" | "DELETE", ["instances"]:
                return await self._instances(request)
            case "GET" | "DELETE", ["instances", instance_id]:
                return await self._instance(request, instance_id)
            case "POST", ["instances", instance_id, "raiseEvent", event]:
                return await self._raise_event(request, instance_id, event)
            case "POST", ["instances", instance_id, operation]:
                return await self._operate(request, instance_id, operation)
            case _, ["entities", *_]:
                raise _RefusedError(501, "The local host does not implement durable entities.")
        raise _RefusedError(404)

    # ------------------------------------------------------------------- start

    async def _start(
        self, request: web.Request, name: str, instance_id: str | None
    ) -> web.Response:
        if "timeout" in request.query:
            raise _RefusedError(
                501, "The local host does not wait for completion: leave out 'timeout'."
            )
        if instance_id is not None:
            _check_id(instance_id)
        text = await request.text()
        payload = _json_text(text) if text else None
        try:
            instance_id = await self._engine.create(
                name,
                instance_id=instance_id,
                input=payload,
                version=request.query.get("version", ""),
            )
        except UnknownOrchestratorError:
            raise _RefusedError(
                400,
                "One or more of the arguments submitted is incorrect",
                ExceptionMessage=Orchestrators.unknown(name),
                ExceptionType="System.ArgumentException",
            ) from None
        except InstanceRunningError:
            raise _RefusedError(
                409, f"An Orchestration instance with the id {instance_id} already runs."
            ) from None
        links = self._links.management(instance_id)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": "10"}
        return web.json_response(links, status=202, headers=headers)

    # ------------------------------------------------------------ one instance

    async def _instance(self, request: web.Request, instance_id: str) -> web.Response:
        instance = await self._existing(instance_id)
        if request.method == "DELETE":
            return await self._purge_one(instance)
        history = None
        if _flag(request, "showHistory", default=False):
            show_output = _flag(request, "showHistoryOutput", default=False)
            events = await self._engine.history(instance)
            history = history_view(events, show_output=show_output)
        view = instance_view(
            instance, show_input=_flag(request, "showInput", default=True), history=history
        )
        if not instance.status.is_final:
            headers = {"Location": str(request.url), "Retry-After": "5"}
            return web.json_response(view, status=202, headers=headers)
        failed = instance.status == Status.FAILED
        as_error = _flag(request, "returnInternalServerErrorOnFailure", default=False)
        return web.json_response(view, status=500 if failed and as_error else 200)

    async def _purge_one(self, instance: Instance) -> web.Response:
        if not instance.status.is_final:
            raise _RefusedError(
                412,
                "Only orchestrations in a terminal state can be purged, but the orchestration "
                f"with instance ID {instance.id} has status {instance.status.value}",
            )
        return web.json_response({"instancesDeleted": await self._engine.purge([instance])})

    async def _raise_event(
        self, request: web.Request, instance_id: str, event: str
    ) -> web.Response:
        await self._unfinished(instance_id)
        if request.content_type != "application/json":
            raise _RefusedError(400, "Only application/json request content is supported")
        payload = _json_text(await request.text() or "null")
        if not await self._engine.raise_event(instance_id, event, payload):
            raise _RefusedError(410)
        return web.Response(status=202)

    async def _operate(
        self, request: web.Request, instance_id: str, operation: str
    ) -> web.Response:
        operations = {
            "terminate": self._engine.terminate,
            "suspend": self._engine.suspend,
            "resume": self._engine.resume,
        }
        if operation in _UNSUPPORTED:
            raise _RefusedError(501, f"The local host does not implement '{operation}'.")
        if operation not in operations:
            raise _RefusedError(404)
        await self._unfinished(instance_id)
        reason = request.query.get("reason")
        if too_long(reason):
            raise _RefusedError(400, "The reason is too long.")
        if not await operations[operation](instance_id, reason):
            raise _RefusedError(410)
        return web.Response(status=202)

    async def _existing(self, instance_id: str) -> Instance:
        instance = await self._engine.find(instance_id)
        if instance is None:
            raise _RefusedError(404)
        return instance

    async def _unfinished(self, instance_id: str) -> Instance:
        instance = await self._existing(instance_id)
        if instance.status.is_final:
            raise _RefusedError(410)
        return instance

    # ----------------------------------------------------------- all instances

    async def _instances(self, request: web.Request) -> web.Response:
        wanted = _filter(request)
        if request.method == "DELETE":
            return await self._purge_all(wanted)
        page = await self._store.list_page(
            wanted,
            size=_page_size(request),
            continuation=_continuation(request.headers.get(_CONTINUATION_HEADER)),
        )
        show_input = _flag(request, "showInput", default=True)
        views = [instance_view(instance, show_input=show_input) for instance in page.instances]
        headers = {}
        if page.continuation:
            token = json.dumps(dict(page.continuation)).encode()
            headers[_CONTINUATION_HEADER] = base64.b64encode(token).decode()
        return web.json_response(views, headers=headers)

    async def _purge_all(self, wanted: InstanceFilter) -> web.Response:
        if wanted.created_from is None:
            raise _RefusedError(400, "Please provide value for 'createdTimeFrom' parameter.")
        final = [status for status in Status if status.is_final]
        statuses = [status for status in wanted.statuses or final if status.is_final]
        deleted = 0
        while statuses:
            page = await self._store.list_page(
                InstanceFilter(
                    statuses=statuses,
                    created_from=wanted.created_from,
                    created_to=wanted.created_to,
                ),
                size=_PAGE_SIZE,
                continuation=None,
            )
            if not page.instances:
                break
            deleted += await self._engine.purge(page.instances)
        if not deleted:
            raise _RefusedError(404)
        return web.json_response({"instancesDeleted": deleted})


def _check_id(instance_id: str) -> None:
    if not 0 < len(instance_id) <= _LONGEST_ID or instance_id.startswith("@"):
        raise _RefusedError(
            400,
            f"Instance IDs have 1 to {_LONGEST_ID} characters and do not start with @.",
            ExceptionMessage=f"invalid instance ID: {instance_id[:_LONGEST_ID]}",
        )
    if not instance_id.isprintable() or _FORBIDDEN_IN_ID & set(instance_id):
        raise _RefusedError(
            400,
            "Instance IDs must not contain /, \\, #, ? and control characters.",
            ExceptionMessage=f"invalid instance ID: {instance_id}",
        )


def _json_text(text: str) -> str:
    """`text` as JSON in ASCII; refuses what is no JSON and what the tables cannot hold."""
    try:
        normal = json.dumps(json.loads(text))
    except ValueError as error:
        raise _RefusedError(400, "Invalid JSON content", ExceptionMessage=str(error)) from error
    if too_long(normal):
        message = f"The payload takes {len(normal)} characters as JSON; the local host stores up to"
        raise _RefusedError(
            400, f"{message} {MAX_TEXT}.", ExceptionMessage=f"{message} {MAX_TEXT}."
        )
    return normal


def _flag(request: web.Request, name: str, *, default: bool) -> bool:
    value = request.query.get(name, "").lower()
    return value == "true" if value in ("true", "false") else default


def _filter(request: web.Request) -> InstanceFilter:
    names = ",".join(request.query.getall("runtimeStatus", [])).split(",")
    statuses = {status.value.lower(): status for status in Status}
    return InstanceFilter(
        statuses=[statuses[name.lower()] for name in names if name.lower() in statuses],
        id_prefix=request.query.get("instanceIdPrefix", ""),
        created_from=_moment(request, "createdTimeFrom"),
        created_to=_moment(request, "createdTimeTo"),
    )


def _moment(request: web.Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise _RefusedError(400, f"'{name}' is no ISO 8601 time: {text}") from None


def _page_size(request: web.Request) -> int:
    text = request.query.get("top", "")
    return max(1, min(int(text), 1000)) if text.isdecimal() else _PAGE_SIZE


def _continuation(token: str | None) -> Mapping[str, str] | None:
    if not token or token == "null":  # noqa: S105 - what the extension sends for "no more"
        return None
    try:
        decoded: Any = json.loads(base64.b64decode(token, validate=True))
    except ValueError:
        raise _RefusedError(400, f"'{_CONTINUATION_HEADER}' is not a token of this API") from None
    return {str(key): str(value) for key, value in dict(decoded).items()}
