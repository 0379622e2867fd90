"""Notifies subscribers of what transactions changed, after collecting it for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from local.simulators.business_central.limits import Limits
from local.simulators.business_central.notifications import (
    Collected,
    changes_of,
    entries,
    retry_policy,
)
from local.simulators.business_central.store import Journal, Write
from local.simulators.business_central.subscriptions import Subscriptions
from local.simulators.business_central.values import moment_text
from local.simulators.core.deliveries import Deliveries, Delivery, Ending


class Notifier:
    """What subscribers are still to be told; it hears of changes from ``journal``.

    ``limits`` gives the limits that count now; ``now`` is the service's clock.
    """

    def __init__(
        self,
        journal: Journal,
        subscriptions: Subscriptions,
        deliveries: Deliveries,
        now: Callable[[], datetime],
        limits: Callable[[], Limits],
    ) -> None:
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._now = now
        self._limits = limits
        self._collected: dict[str, Collected] = {}
        journal.on_commit = self._noticed

    def forget(self) -> None:
        """Forget what was collected and not yet sent."""
        self._collected = {}

    def _noticed(self, writes: list[Write]) -> None:
        """Collect what a transaction changed for the subscriptions that watch it."""
        watching = self._subscriptions.active()
        if not watching:
            return
        waiting = bool(self._collected)
        for change in changes_of(writes, moment_text(self._now())):
            for subscription in watching:
                if subscription.resource == change.resource:
                    key = subscription.row["subscriptionId"]
                    self._collected.setdefault(key, Collected()).add(change)
        if self._collected and not waiting:
            self._deliveries.after(self._limits().notification_delay, self._notify)

    def _notify(self) -> None:
        """Send what was collected: one body to each address."""
        collected, self._collected = self._collected, {}
        largest = int(self._limits().notification_records)
        bodies: dict[str, list[dict[str, Any]]] = {}
        for subscription in self._subscriptions.active():
            changes = collected.get(subscription.row["subscriptionId"])
            if changes is not None:
                body = bodies.setdefault(subscription.address, [])
                body += entries(subscription, changes, largest)
        policy = retry_policy(self._limits().notification_retry_scale)
        for address, value in bodies.items():
            self._deliveries.send(
                Delivery(
                    address=address,
                    body={"value": value},
                    policy=policy,
                    headers={"clientRequestId": str(uuid4()), "x-ms-correlation-id": str(uuid4())},
                    ended=self._ender({each["subscriptionId"] for each in value}),
                )
            )

    def _ender(self, subscription_ids: set[str]) -> Callable[[Ending, int | None], None]:
        def ended(ending: Ending, _status: int | None) -> None:
            if ending is Ending.UNSUBSCRIBE:
                for each in subscription_ids:
                    self._subscriptions.remove(each)

        return ended
