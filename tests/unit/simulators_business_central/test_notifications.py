"""What is told of changes, without anything being sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulators.business_central.notifications import (
    Change,
    ChangeType,
    Collected,
    changes_of,
    entries,
    retry_policy,
)
from local.simulators.business_central.store import Company, Environment, Write
from local.simulators.business_central.subscriptions import Resource, Subscription
from local.simulators.core.deliveries import Ending
from tests.unit.simulators_business_central.world import COMPANY, COMPANY_NAME, company, row

CREATED, UPDATED, DELETED = ChangeType
RESOURCE = Resource(COMPANY, "currencies")
NOW = "2026-06-26T08:00:00.000Z"


def change(kind: ChangeType, stamp: str = NOW, record_id: str = "1") -> Change:
    return Change(resource=RESOURCE, record_id=record_id, type=kind, stamp=stamp)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ([UPDATED, UPDATED], UPDATED),
        ([CREATED, UPDATED, UPDATED], CREATED),
        ([CREATED, DELETED], DELETED),
        ([UPDATED, DELETED], DELETED),
        ([DELETED, CREATED], CREATED),
        ([CREATED, DELETED, CREATED, UPDATED], CREATED),
    ],
)
def test_changes_of_a_record_become_one(kinds, told):
    collected = Collected()
    for number, kind in enumerate(kinds):
        collected.add(change(kind, f"2026-06-26T08:00:0{number}.000Z"))
    (found,) = collected.by_record.values()
    assert found.type is told
    assert found.stamp == f"2026-06-26T08:00:0{len(kinds) - 1}.000Z"
    assert collected.first_stamp == "2026-06-26T08:00:00.000Z"


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(list(ChangeType)))))
def test_every_changed_record_is_told_once_and_in_the_order_of_its_last_change(changes):
    collected = Collected()
    for record_id, kind in changes:
        collected.add(change(kind, record_id=record_id))
    last = {record_id: at for at, (record_id, _) in enumerate(changes)}
    assert list(collected.by_record) == sorted(last, key=last.__getitem__)
    for record_id, found in collected.by_record.items():
        is_gone = changes[last[record_id]][1] is DELETED
        assert (found.type is DELETED) is is_gone


def subscription() -> Subscription:
    values = {"subscriptionId": "s", "clientState": "c", "expirationDateTime": "e"}
    return Subscription(
        row=values, version=1, resource=RESOURCE, expires=datetime.max.replace(tzinfo=UTC)
    )


def told(collected: Collected, largest: int) -> list[dict[str, Any]]:
    return entries(subscription(), collected, largest)


def test_a_collection_begins_shortly_before_its_first_change_by_time():
    collected = Collected()
    for number, second in enumerate((3, 1, 2)):
        stamp = f"2026-06-26T08:00:0{second}.020Z"
        collected.add(change(CREATED, stamp, record_id=str(number)))
    assert [each["changeType"] for each in told(collected, 3)] == ["created"] * 3
    (entry,) = told(collected, 2)
    assert entry == {
        "subscriptionId": "s",
        "clientState": "c",
        "expirationDateTime": "e",
        "resource": f"api/v2.0/companies({COMPANY})/currencies"
        "?$filter=lastModifiedDateTime%20gt%202026-06-26T08:00:00.970Z",
        "changeType": "collection",
        "lastModifiedDateTime": "2026-06-26T08:00:03.020Z",
    }


def test_a_collection_with_deletions_has_no_filter():
    collected = Collected()
    for number, kind in enumerate((CREATED, DELETED)):
        collected.add(change(kind, record_id=str(number)))
    (entry,) = told(collected, 1)
    assert entry["resource"] == f"api/v2.0/companies({COMPANY})/currencies"


@pytest.fixture
def environment() -> Environment:
    return Environment()


@pytest.fixture
def cronus(environment: Environment) -> Company:
    return environment.add_company(company(COMPANY, COMPANY_NAME))


@pytest.fixture
def heard(environment: Environment) -> list[list[Write]]:
    found: list[list[Write]] = []
    environment.journal.on_commit = found.append
    return found


def kinds(writes: list[Write]) -> dict[str, ChangeType]:
    return {each.record_id: each.type for each in changes_of(writes, NOW)}


def test_a_transaction_is_told_by_what_it_did_all_in_all(environment, cronus, heard):
    table = cronus["currencies"]
    old, gone = row("currencies", code="EUR"), row("currencies", code="USD")
    new, passing = row("currencies", code="NOK"), row("currencies", code="XXX")
    with environment.journal.transaction():
        table.put(old)
        table.put(gone)
    with environment.journal.transaction():
        table.put(old | {"symbol": "e"})
        table.put(old | {"symbol": "€"})
        table.put(new)
        table.put(new | {"symbol": "kr"})
        table.delete(gone["id"])
        table.put(passing)
        table.delete(passing["id"])
    assert kinds(heard[1]) == {old["id"]: UPDATED, new["id"]: CREATED, gone["id"]: DELETED}
    (updated, created, deleted) = changes_of(heard[1], NOW)
    assert updated.resource == RESOURCE
    assert (updated.stamp, deleted.stamp) == (old["lastModifiedDateTime"], NOW)
    assert created.stamp == new["lastModifiedDateTime"]


def test_a_calculated_field_is_no_change(environment, cronus, heard):
    item = row("items", number="1")
    with environment.journal.transaction(silent=True):
        cronus["items"].put(item)
    with environment.journal.transaction():
        cronus["items"].put(item | {"inventory": 3}, new_version=False)
    assert len(heard) == 1
    assert kinds(heard[0]) == {}


def test_nobody_hears_of_silent_and_of_failed_transactions(environment, cronus, heard):
    journal, table = environment.journal, cronus["currencies"]

    def fail() -> None:
        with journal.transaction():
            table.put(row("currencies", code="EUR"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with journal.transaction(silent=True), journal.transaction():
        table.put(row("currencies", code="NOK"))
    assert heard == []


def test_inner_transactions_are_heard_of_with_the_outer_one(environment, cronus, heard):
    journal, table = environment.journal, cronus["currencies"]
    with journal.transaction():
        with journal.transaction():
            table.put(row("currencies", code="EUR"))
        assert heard == []
        table.put(row("currencies", code="NOK"))
    assert [len(writes) for writes in heard] == [2]


@pytest.mark.parametrize("status", [None, 408, 429, 500, 503, 599])
def test_a_busy_subscriber_is_asked_again_ever_more_seldom_and_not_for_ever(status):
    policy = retry_policy(1)
    delays = [policy(attempt, status) for attempt in range(1, 7)]
    assert delays == [60, 60, 600, 6000, 60_000, Ending.UNSUBSCRIBE]
    assert timedelta(seconds=60 + 60 + 600 + 6000 + 60_000) < timedelta(hours=36)
    assert retry_policy(0.01)(3, status) == 6


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 413, 600])
def test_any_other_answer_unsubscribes(status):
    assert retry_policy(1)(1, status) is Ending.UNSUBSCRIBE
