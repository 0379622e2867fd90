"""A task hub: Durable Functions for one app, as the function host uses it."""

import logging
import re

from aiohttp import web
from azure.data.tables.aio import TableServiceClient

from local.host.durable.activities import Activities
from local.host.durable.engine import Engine
from local.host.durable.links import Links
from local.host.durable.orchestrators import Orchestrators
from local.host.durable.store import HubStore
from local.host.durable.webapi import WebApi
from local.host.errors import HostError
from local.host.worker import Worker

_log = logging.getLogger("host.durable")

# Azure's rule, shortened by the length of the longest table suffix.
_HUB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,44}")


class DurableHub:
    """The orchestrations of an app, kept in the tables of `hub_name`.

    One host at a time may run a hub: unlike the extension this one has no leases.
    """

    def __init__(
        self,
        worker: Worker,
        tables: TableServiceClient,
        hub_name: str,
        base_url: str,
        max_concurrent_activities: int = 10,
    ) -> None:
        """`base_url` is where the host serves `handle`. Raises HostError for an unusable name."""
        if not _HUB_NAME.fullmatch(hub_name):
            raise HostError(
                f"the task hub name {hub_name!r} must be 3 to 45 letters and digits, a letter first"
            )
        self._hub_name = hub_name
        self._links = Links(base_url, hub_name)
        self._store = HubStore(tables, hub_name)
        self._engine = Engine(
            store=self._store,
            orchestrators=Orchestrators(worker),
            activities=Activities(worker, self.client_binding, max_concurrent_activities),
        )
        self._api = WebApi(self._engine, self._store, self._links)

    async def start(self) -> None:
        """Create the tables if need be and go on with unfinished instances."""
        await self._store.open()
        recovered = await self._engine.start()
        _log.info("task hub %s: %d unfinished instances", self._hub_name, recovered)

    async def stop(self) -> None:
        """Stop all work at once; the next start goes on with it."""
        await self._engine.stop()

    def client_binding(self) -> str:
        """The value of a ``durableClient`` parameter."""
        return self._links.client_binding()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request to the Durable HTTP API."""
        return await self._api.handle(request)
