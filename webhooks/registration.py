"""Registering a connection's webhooks with both services, and repairing what was lost.

Registering and repairing are one procedure, safe to repeat at any point: a key counts as set only
after the service has taken it, and whatever is found incomplete is made again. A subscription of
Business Central needs its key again whenever it is made, and keys are not kept, so a lost one has
all of them made anew with a new key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from errors import ConcurrencyError, ConfigurationError, CouplerError
from services.business_central_subscriptions import Subscription
from services.dataverse_webhooks import Registration as CrmRegistration
from services.dataverse_webhooks import Tables
from sync.catalog import CatalogSource
from webhooks.key_ring import KeyRing
from webhooks.mapped_tables import bc_entity_sets, crm_tables
from webhooks.store import KnownSubscription, WebhookStore

RENEW_BELOW = timedelta(hours=36)
"""Half of the three days that a subscription lives: one day of failed renewals ends none."""


class CrmWebhooks(Protocol):
    """What registering needs of ``services.dataverse_webhooks.DataverseWebhooks``."""

    def ensure(self, name: str, url: str, key: str | None, tables: Tables) -> CrmRegistration: ...

    def remove(self, name: str) -> None: ...


class BcSubscriptions(Protocol):
    """What registering needs of ``BusinessCentralSubscriptions``."""

    def resource(self, entity_set: str) -> str: ...

    def supported_resources(self) -> frozenset[str]: ...

    def list_subscriptions(self) -> list[Subscription]: ...

    def subscribe(self, url: str, resource: str, client_state: str) -> Subscription: ...

    def renew(self, subscription: Subscription) -> Subscription | None: ...

    def unsubscribe(self, subscription_id: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Under which name and addresses a connection's webhooks are registered."""

    name: str
    """Of the service endpoint in Dataverse."""
    crm: str
    bc: str


class Registrar:
    """Registers the webhooks of one connection.

    Every method raises the error families of the services; ``ConcurrencyError`` where another
    registration of the connection is under way. Trouble of one side leaves the other side alone.
    """

    def __init__(
        self,
        *,
        addresses: Addresses,
        store: WebhookStore,
        crm: CrmWebhooks,
        bc: BcSubscriptions,
        catalog: CatalogSource,
        now: Callable[[], datetime],
    ) -> None:
        self._addresses = addresses
        self._store = store
        self._crm = crm
        self._bc = bc
        self._catalog = catalog
        self._now = now

    def register(self, *, new_keys: bool = False) -> None:
        """Have both services call, and keep it so; idempotent. ``new_keys`` replaces the keys.

        Where a side fails, that is stored, and raised once the other side was tried: webhooks are
        wanted from the first call on, whether or not it succeeds.
        """
        known = self._store.load()
        if not known.is_wanted:
            self._store.note(self._now())  # so that the timer completes it, should this call die
        failures = [
            *_failure_of(lambda: self._register_crm(known.ring("crm"), new_key=new_keys)),
            *_failure_of(
                lambda: self._register_bc(known.ring("bc"), known.subscriptions, new_key=new_keys)
            ),
        ]
        self._store.note(self._now(), " ".join(each.explained() for each in failures))
        if failures:
            raise failures[0]

    def remove(self) -> None:
        """Have neither service call any more; idempotent. The keys end last."""
        self._crm.remove(self._addresses.name)
        for each in self._own_subscriptions().values():
            self._unsubscribe(each)
        self._store.remove()

    def _register_crm(self, ring: KeyRing, *, new_key: bool) -> None:
        if ring.is_set and not new_key:
            try:
                self._ensure_crm(None)
            except ConfigurationError as error:
                if error.code != "webhook-key-missing":
                    raise
            else:
                return
        key, ring = self._store.issue_key("crm", ring, self._now())
        self._ensure_crm(key)
        self._store.key_is_set("crm", ring)

    def _ensure_crm(self, key: str | None) -> None:
        tables = crm_tables(self._catalog())
        self._crm.ensure(self._addresses.name, self._addresses.crm, key, tables)

    def _register_bc(
        self, ring: KeyRing, known: tuple[KnownSubscription, ...], *, new_key: bool
    ) -> None:
        names = bc_entity_sets(self._catalog(), self._bc.supported_resources())
        wanted = {self._bc.resource(name): name for name in names}
        existing = self._own_subscriptions()
        live = None
        if ring.is_set and not new_key and _path_set(wanted) <= set(existing):
            live = self._renewed([existing[path][0] for path in _path_set(wanted)])
        for path, subscriptions in existing.items():
            # one is enough for a table; more were made where the answer to making it was lost
            kept = 1 if live is not None and path in _path_set(wanted) else 0
            self._unsubscribe(subscriptions[kept:])
        if live is None:
            key, ring = self._store.issue_key("bc", ring, self._now())
            live = [self._bc.subscribe(self._addresses.bc, path, key) for path in wanted]
            self._store.key_is_set("bc", ring)
        named = {_path(resource): name for resource, name in wanted.items()}
        self._store.save_subscriptions(
            known,
            [
                KnownSubscription(
                    entity_set=named[_path(one.resource)],
                    resource=one.resource,
                    expires=one.expires,
                )
                for one in live
            ],
        )

    def _renewed(self, subscriptions: list[Subscription]) -> list[Subscription] | None:
        """The subscriptions with at least ``RENEW_BELOW`` to live; None where one is lost."""
        renewed = []
        for one in subscriptions:
            is_due = one.expires - self._now() < RENEW_BELOW
            kept = self._renew(one) if is_due else one
            if kept is None:
                return None
            renewed.append(kept)
        return renewed

    def _renew(self, subscription: Subscription) -> Subscription | None:
        try:
            return self._bc.renew(subscription)
        except ConcurrencyError:
            return subscription  # somebody else renewed it; when it ends is read the next time

    def _own_subscriptions(self) -> dict[str, list[Subscription]]:
        """Subscriptions that call this connection's address, by the path of their resource."""
        own: dict[str, list[Subscription]] = defaultdict(list)
        for one in self._bc.list_subscriptions():
            if one.url == self._addresses.bc:
                own[_path(one.resource)].append(one)
        return own

    def _unsubscribe(self, subscriptions: Iterable[Subscription]) -> None:
        for one in subscriptions:
            self._bc.unsubscribe(one.id)


def _failure_of(work: Callable[[], None]) -> list[CouplerError]:
    """What the work failed with, if it did."""
    try:
        work()
    except CouplerError as error:
        return [error]
    return []


def _path(resource: str) -> str:
    return resource.strip("/").lower()


def _path_set(resources: dict[str, str]) -> set[str]:
    return {_path(resource) for resource in resources}
