"""What is kept of a connection's webhooks: the table ``webhooks``, one partition per connection.

Few rows, read at once: the registration itself (it exists as long as webhooks are wanted), the keys
of either side, Business Central's subscriptions, and when each side last called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from couplings.model import Side
from storage.columns import Columns
from storage.rows import Row, Value
from storage.tables import TenantTable
from webhooks.key_ring import KeyRing, new_key

TABLE = "webhooks"
_REGISTRATION = ("registration",)
_KEYS = "keys"
_SUBSCRIPTION = "subscription"
_DELIVERY = "delivery"
_DELIVERY_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSubscription:
    """A subscription of Business Central that was made for the connection."""

    entity_set: str
    resource: str
    """Path of the entity set, with the company in it."""
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """All that is known of a connection's webhooks; empty where it has none."""

    is_wanted: bool = False
    checked_at: datetime | None = None
    """When both sides were last found or made complete, or that failed."""
    problem: str = ""
    """Why it failed."""
    keys: dict[Side, KeyRing] = field(default_factory=dict)
    subscriptions: tuple[KnownSubscription, ...] = ()
    delivered_at: dict[Side, datetime] = field(default_factory=dict)

    def ring(self, side: Side) -> KeyRing:
        return self.keys.get(side, KeyRing())


class WebhookStore:
    """The webhooks of one connection."""

    def __init__(self, table: TenantTable, connection_id: str) -> None:
        self._table = table
        self._partition = (connection_id,)

    def load(self) -> Registration:
        """What is stored, in one read; a connection without webhooks or an unknown one is empty."""
        found = Registration()
        for row in self._table.scan(self._partition):
            found = _with_row(found, row)
        return found

    def note(self, now: datetime, problem: str = "") -> None:
        """Webhooks are wanted; ``problem`` tells what keeps them from being complete."""
        values: dict[str, Value] = {"checked_at": now, "problem": problem}
        self._table.upsert(Row(partition=self._partition, key=_REGISTRATION, values=values))

    def issue_key(self, side: Side, ring: KeyRing, now: datetime) -> tuple[str, KeyRing]:
        """Make a new key, live from now on; raises ``ConcurrencyError`` where another was made
        since ``ring`` was read."""
        key = new_key()
        return key, self._save_ring(side, ring.with_new(key, now))

    def key_is_set(self, side: Side, ring: KeyRing) -> None:
        """The service has the ring's current key."""
        self._save_ring(side, replace(ring, is_set=True))

    def save_subscriptions(
        self, known: Iterable[KnownSubscription], wanted: Iterable[KnownSubscription]
    ) -> None:
        """Keep these subscriptions in place of the known ones."""
        kept = {one.entity_set: one for one in wanted}
        for one in known:
            if one.entity_set not in kept:
                self._table.delete(self._partition, (_SUBSCRIPTION, one.entity_set))
        for one in kept.values():
            values: dict[str, Value] = {"resource": one.resource, "expires": one.expires}
            key = (_SUBSCRIPTION, one.entity_set)
            self._table.upsert(Row(partition=self._partition, key=key, values=values))

    def note_delivery(self, registration: Registration, side: Side, now: datetime) -> None:
        """A side called; storms of calls write no more than once a minute."""
        last = registration.delivered_at.get(side)
        if last is None or now - last >= _DELIVERY_NOTED_EVERY:
            row = Row(partition=self._partition, key=(_DELIVERY, side), values={"at": now})
            self._table.upsert(row)

    def remove(self) -> None:
        """Forget everything; the keys end with it. Idempotent."""
        for row in list(self._table.scan(self._partition, select=[])):
            self._table.delete(self._partition, row.key)

    def _save_ring(self, side: Side, ring: KeyRing) -> KeyRing:
        row = Row(
            partition=self._partition,
            key=(_KEYS, side),
            values={
                "current": ring.current,
                "is_set": ring.is_set,
                "previous": ring.previous,
                "previous_until": ring.previous_until,
            },
        )
        stored = self._table.replace(row, ring.etag) if ring.etag else self._table.insert(row)
        return replace(ring, etag=stored.etag)


def _with_row(found: Registration, row: Row) -> Registration:
    columns = Columns(row)
    if row.key == _REGISTRATION:
        return replace(
            found,
            is_wanted=True,
            checked_at=columns.time("checked_at"),
            problem=columns.text("problem"),
        )
    kind, name = row.key
    if kind == _SUBSCRIPTION:
        subscription = KnownSubscription(
            entity_set=name, resource=columns.text("resource"), expires=columns.time("expires")
        )
        return replace(found, subscriptions=(*found.subscriptions, subscription))
    side: Side = "bc" if name == "bc" else "crm"
    if kind == _DELIVERY:
        return replace(found, delivered_at=found.delivered_at | {side: columns.time("at")})
    ring = KeyRing(
        current=columns.text("current"),
        is_set=columns.flag("is_set"),
        previous=columns.text("previous"),
        previous_until=_time_or_none(row, "previous_until"),
        etag=row.etag,
    )
    return replace(found, keys=found.keys | {side: ring})


def _time_or_none(row: Row, column: str) -> datetime | None:
    value = row.values.get(column)
    return value if isinstance(value, datetime) else None
