"""Registering a connection's webhooks with both services, and repairing what was lost.

Registering and repairing are one procedure, safe to repeat at any point: a key counts as set only
after the service has taken it, and whatever is found incomplete is made again. A subscription of
Business Central needs its key again whenever it is made, and keys are not kept, so a lost one has
all of them made anew with a new key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from errors import ConfigurationError
from services.business_central_subscriptions import Subscription
from services.dataverse_webhooks import Registration as CrmRegistration
from services.dataverse_webhooks import Tables
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
    registration of the connection is under way.
    """

    def __init__(
        self,
        *,
        addresses: Addresses,
        store: WebhookStore,
        crm: CrmWebhooks,
        bc: BcSubscriptions,
        now: Callable[[], datetime],
    ) -> None:
        self._addresses = addresses
        self._store = store
        self._crm = crm
        self._bc = bc
        self._now = now

    def register(self, *, new_keys: bool = False) -> None:
        """Have both services call, and keep it so; idempotent. ``new_keys`` replaces the keys."""
        rings = self._store.load()
        self._register_crm(rings.ring("crm"), new_key=new_keys)
        self._register_bc(rings.ring("bc"), rings.subscriptions, new_key=new_keys)
        self._store.note(self._now())

    def remove(self) -> None:
        """Have neither service call any more; idempotent. The keys end last."""
        self._crm.remove(self._addresses.name)
        for subscription in self._own_subscriptions().values():
            self._bc.unsubscribe(subscription.id)
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
        self._crm.ensure(self._addresses.name, self._addresses.crm, key, crm_tables())

    def _register_bc(
        self, ring: KeyRing, known: tuple[KnownSubscription, ...], *, new_key: bool
    ) -> None:
        supported = self._bc.supported_resources()
        wanted = {self._bc.resource(name): name for name in bc_entity_sets(supported)}
        existing = self._own_subscriptions()
        live = None
        if ring.is_set and not new_key and _path_set(wanted) <= set(existing):
            live = self._renewed([existing[path] for path in _path_set(wanted)])
        for path, subscription in existing.items():
            if live is None or path not in _path_set(wanted):
                self._bc.unsubscribe(subscription.id)
        if live is None:
            key, ring = self._store.issue_key("bc", ring, self._now())
            live = [self._bc.subscribe(self._addresses.bc, path, key) for path in wanted]
            self._store.key_is_set("bc", ring)
        names = {_path(resource): name for resource, name in wanted.items()}
        self._store.save_subscriptions(
            known,
            [
                KnownSubscription(
                    entity_set=names[_path(one.resource)],
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
            kept = self._bc.renew(one) if is_due else one
            if kept is None:
                return None
            renewed.append(kept)
        return renewed

    def _own_subscriptions(self) -> dict[str, Subscription]:
        """Subscriptions that call this connection's address, by the path of their resource."""
        found = self._bc.list_subscriptions()
        return {_path(one.resource): one for one in found if one.url == self._addresses.bc}


def _path(resource: str) -> str:
    return resource.strip("/").lower()


def _path_set(resources: dict[str, str]) -> set[str]:
    return {_path(resource) for resource in resources}
