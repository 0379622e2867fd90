"""What subscribers are told of changes: merged per record, counted, put into one body.

Business Central collects changes for a while after the first one. Consecutive changes of a record
are told as one, and too many of one set as one ``collection``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from local.simulators.business_central.store import Write
from local.simulators.business_central.subscriptions import Resource, Subscription
from local.simulators.business_central.values import moment_text
from local.simulators.core.deliveries import Ending, RetryPolicy

_SAFETY = timedelta(milliseconds=50)
_MOST_ATTEMPTS = 5
_DELAYS = {1: 60.0, 2: 60.0, 3: 600.0, 4: 6000.0, 5: 60_000.0}


class ChangeType(StrEnum):
    """What happened to a record."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record's change by a transaction."""

    resource: Resource
    record_id: str
    type: ChangeType
    stamp: str
    """The record's time stamp; of a deleted one the moment of its deletion."""


@dataclass(slots=True)
class Collected:
    """The changes of one window that one subscription is to be told of."""

    first_stamp: str = ""
    by_record: dict[str, Change] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        """Merge a change into what is known of its record.

        A record created in this window stays so until it is deleted; one deleted and created
        again under its id is created.
        """
        self.first_stamp = min(self.first_stamp or change.stamp, change.stamp)
        known = self.by_record.pop(change.record_id, None)  # the last changed comes last
        created = known is not None and known.type is ChangeType.CREATED
        if created and change.type is ChangeType.UPDATED:
            change = replace(change, type=ChangeType.CREATED)
        self.by_record[change.record_id] = change


def changes_of(writes: Iterable[Write], now: str) -> list[Change]:
    """What a transaction's writes did to each record, all in all.

    Recalculated fields (an item's inventory) are no change, nor is a record that came and went.
    """
    first: dict[tuple[str, str, str], Write] = {}
    for write in writes:
        table = write.table
        first.setdefault((table.company_id, table.schema.name, write.record_id), write)
    found = [
        _change(Resource(company_id, entity_set), write, now)
        for (company_id, entity_set, _), write in first.items()
    ]
    return [each for each in found if each is not None]


def _change(resource: Resource, before: Write, now: str) -> Change | None:
    table, record_id = before.table, before.record_id
    row = table.get(record_id)
    if row is None:
        if before.row is None:
            return None
        return Change(resource=resource, record_id=record_id, type=ChangeType.DELETED, stamp=now)
    if before.row is not None and table.version(record_id) == before.version:
        return None
    return Change(
        resource=resource,
        record_id=record_id,
        type=ChangeType.CREATED if before.row is None else ChangeType.UPDATED,
        stamp=row[table.schema.modified_field] if table.schema.modified_field else now,
    )


def entries(subscription: Subscription, collected: Collected, largest: int) -> list[dict[str, Any]]:
    """The members of a body's ``value`` for one subscription.

    More than ``largest`` changes become one ``collection``, whose filter begins a little before
    the first of them; without a filter where records were deleted, which no filter would find.
    """
    changes = list(collected.by_record.values())
    if len(changes) <= largest:
        return [
            _entry(subscription, f"{each.resource}({each.record_id})", each.type, each.stamp)
            for each in changes
        ]
    address = str(subscription.resource)
    if not any(each.type is ChangeType.DELETED for each in changes):
        since = moment_text(datetime.fromisoformat(collected.first_stamp) - _SAFETY)
        address += f"?$filter=lastModifiedDateTime%20gt%20{since}"
    return [_entry(subscription, address, "collection", max(each.stamp for each in changes))]


def _entry(
    subscription: Subscription, resource: str, change_type: str, stamp: str
) -> dict[str, Any]:
    row = subscription.row
    return {
        "subscriptionId": row["subscriptionId"],
        "clientState": row["clientState"],
        "expirationDateTime": row["expirationDateTime"],
        "resource": resource,
        "changeType": change_type,
        "lastModifiedDateTime": stamp,
    }


def retry_policy(scale: float) -> RetryPolicy:
    """The service's rule of trying again, its delays multiplied by ``scale``.

    A subscriber that is busy or down (408, 429, 5xx, no answer) is asked up to six times, one
    that says anything else but 2xx loses its subscriptions at once.
    """

    def after(attempts: int, status: int | None) -> float | Ending:
        later = status is None or status in (408, 429) or 500 <= status <= 599
        if not later or attempts > _MOST_ATTEMPTS:
            return Ending.UNSUBSCRIBE
        return _DELAYS[attempts] * scale

    return after
