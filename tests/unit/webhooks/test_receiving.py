"""What the receivers do with calls of either service, true or forged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from couplings.model import Side
from errors import RefusedRequestError
from identity.model import TenantId
from sync.catalog import DEFAULT_CATALOG
from sync.hints import HintStore
from sync.requests import QUEUE, PassRequests
from tests.fakes.queues import MemoryQueues
from tests.fakes.tables import MemoryAccount
from webhooks.receiving import BODY_LIMIT, Receiver
from webhooks.store import KnownSubscription, WebhookStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = TenantId("11111111-0000-4000-8000-000000000001")
COMPANY = "/api/v2.0/companies(11111111-1111-4111-8111-111111111111)"


def event(name: str) -> bytes:
    return (Path(__file__).parent / "events" / f"{name}.json").read_bytes()


class World:
    """A connection with webhooks registered on both sides."""

    def __init__(self) -> None:
        account = MemoryAccount()
        self.now = NOW
        self.queues = MemoryQueues()
        self.store = WebhookStore(account.table("webhooks", TENANT), "cronus")
        self.hints = HintStore(account.table("hints", TENANT), "cronus")
        requests = PassRequests(
            account.table("watermarks", TENANT),
            self.queues,
            tenant=TENANT,
            connection_id="cronus",
        )
        self.receiver = Receiver(
            store=self.store,
            hints=self.hints,
            requests=requests,
            catalog=lambda: DEFAULT_CATALOG,
            is_kept_in_step=lambda: True,
            now=lambda: self.now,
        )
        self.crm_key, self.bc_key = self.rotate("crm"), self.rotate("bc")
        self.store.save_subscriptions(
            [],
            [
                KnownSubscription(entity_set=name, resource=f"{COMPANY}/{name}", expires=NOW)
                for name in ("items", "customers")
            ],
        )

    def rotate(self, side: Side) -> str:
        key, ring = self.store.issue_key(side, self.store.load().ring(side), self.now)
        self.store.key_is_set(side, ring)
        return key

    def hinted(self, mapping):
        return [(hint.side, hint.record_id) for hint in self.hints.due(mapping, NOW, 100)]

    def asked(self):
        return {message["mapping"] for message in self.queues.take(QUEUE)}


@pytest.fixture
def world():
    return World()


def test_a_change_in_crm_becomes_a_hint_and_a_requested_pass(world):
    world.receiver.crm_call(world.crm_key, event("crm_update_contact"))
    assert world.hinted("CONTACT") == [("crm", "7d3fa1f0-1111-4111-8111-aaaaaaaaaaaa")]
    assert world.asked() == {"CONTACT"}


def test_a_call_without_its_larger_members_reaches_every_mapping_of_the_table(world):
    world.receiver.crm_call(world.crm_key, event("crm_size_exceeded_product"))
    assert world.asked() == {"ITEM-PRODUCT", "RESOURCE-PRODUCT"}


def test_a_replayed_call_changes_nothing(world):
    for _ in range(2):
        world.receiver.crm_call(world.crm_key, event("crm_update_contact"))
    assert len(world.hinted("CONTACT")) == 1
    assert world.asked() == {"CONTACT"}


@pytest.mark.parametrize("key", ["", "forged", "é\ud800"])
def test_a_forged_call_of_crm_is_refused_before_it_is_read(world, key):
    with pytest.raises(RefusedRequestError) as refused:
        world.receiver.crm_call(key, b"{ no JSON")
    assert refused.value.status == 401
    assert not world.asked()


def test_a_connection_without_webhooks_refuses_like_a_wrong_key(world):
    with pytest.raises(RefusedRequestError) as wrong:
        world.receiver.crm_call("forged", b"{}")
    world.store.remove()
    with pytest.raises(RefusedRequestError) as unknown:
        world.receiver.crm_call(world.crm_key, b"{}")
    assert vars(wrong.value) == vars(unknown.value)


def test_a_key_of_one_side_does_not_open_the_other(world):
    with pytest.raises(RefusedRequestError):
        world.receiver.crm_call(world.bc_key, event("crm_update_contact"))


def test_a_verified_call_that_is_not_json_is_refused(world):
    with pytest.raises(RefusedRequestError) as refused:
        world.receiver.crm_call(world.crm_key, b"{")
    assert refused.value.status == 400


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"MessageName": [], "PrimaryEntityId": 1}'])
def test_a_verified_call_about_nothing_known_is_ignored(world, body):
    if b"[]," in body:
        body = body.replace(b"[]", b'"Update"')
    assert world.receiver.crm_call(world.crm_key, body) == 0


def test_oversized_calls_are_refused_to_crm_and_dropped_of_bc(world):
    body = b" " * (BODY_LIMIT + 1)
    with pytest.raises(RefusedRequestError) as refused:
        world.receiver.crm_call(world.crm_key, body)
    assert refused.value.status == 413
    assert world.receiver.bc_call(body) == 0


def test_a_bad_entry_or_one_of_another_company_does_not_spoil_the_others(world):
    world.receiver.bc_call(event("bc_mixed").replace(b"KEY", world.bc_key.encode()))
    assert world.hinted("ITEM-PRODUCT") == [("bc", "22222222-2222-4222-8222-222222222222")]
    assert world.hinted("CUSTOMER") == []  # a collection: the pass finds what changed
    assert world.asked() == {"ITEM-PRODUCT", "CUSTOMER"}


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"value": [1, {}, null]}'])
def test_nonsense_in_the_name_of_bc_is_dropped(world, body):
    assert world.receiver.bc_call(body) == 0


def test_the_old_key_ends_after_a_day_or_at_the_next_rotation(world):
    first = world.crm_key
    second = world.rotate("crm")
    for live in (first, second):
        world.receiver.crm_call(live, b"{}")
    world.now += timedelta(days=1)
    with pytest.raises(RefusedRequestError):
        world.receiver.crm_call(first, b"{}")
    world.rotate("crm")
    world.rotate("crm")
    with pytest.raises(RefusedRequestError):
        world.receiver.crm_call(second, b"{}")


def test_no_key_is_stored(world):
    assert world.crm_key not in repr(world.store.load())


def test_the_handshake_is_answered_only_where_a_subscription_is_or_is_being_made(world):
    assert world.receiver.bc_handshake()
    world.store.remove()
    assert not world.receiver.bc_handshake()
