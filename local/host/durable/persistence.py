"""Doing work until it is done, though the storage may be away for a while."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from azure.core.exceptions import AzureError

_log = logging.getLogger("host.durable")

_LONGEST_PAUSE_SECONDS = 30.0


async def persist(work: Callable[[], Awaitable[None]], what: str) -> None:
    """Do `work`, again and again with growing pauses as long as it raises; `what` names it.

    `work` must bear being done again from its start. Giving up would leave an instance hanging
    until the host is restarted.
    """
    pause = 1.0
    while True:
        try:
            return await work()
        except AzureError as error:
            _log.warning("%s: storage failed, next try in %.0f s: %s", what, pause, error)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("%s: failed, next try in %.0f s", what, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
