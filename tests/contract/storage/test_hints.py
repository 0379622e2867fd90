"""Record hints, and requests for passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.hints import HintReason, HintStore, RecordHint
from sync.requests import QUEUE, PassRequests
from tests.fakes.queues import MemoryQueues

NOW = datetime(2026, 6, 26, 12, 0, tzinfo=UTC)


def hint(record_id: str = "1", **changes) -> RecordHint:
    made = RecordHint(side="bc", record_id=record_id, reason=HintReason.CHANGED, due_at=NOW)
    return replace(made, **changes)


@pytest.fixture
def hints(open_table) -> HintStore:
    return HintStore(open_table("hints"), "demo")


def test_a_hint_is_due_when_its_time_has_come(hints):
    hints.add_many("CUSTOMER", [hint(due_at=NOW + timedelta(minutes=1))])
    assert hints.due("CUSTOMER", NOW, 10) == []
    assert len(hints.due("CUSTOMER", NOW + timedelta(minutes=1), 10)) == 1


def test_many_hints_at_one_record_are_one_and_what_a_person_asks_is_another(hints):
    asked, told = hint(reason=HintReason.RETRY), hint()
    hints.add_many("CUSTOMER", [told, asked])
    hints.add_many("CUSTOMER", [asked])
    hints.add_many("CUSTOMER", [told, hint(reason=HintReason.AGAIN)])
    left = hints.due("CUSTOMER", NOW, 10)
    assert {each.reason for each in left} == {HintReason.AGAIN, HintReason.RETRY}
    assert len(left) == 2


def test_what_is_left_for_a_comparison_is_kept_apart_from_what_is_asked_meanwhile(hints):
    left = hint(reason=HintReason.COUPLE, by_comparison=True)
    hints.add_many("CUSTOMER", [left, hint(reason=HintReason.RETRY)])
    assert [each.reason for each in hints.due("CUSTOMER", NOW, 10)] == [HintReason.RETRY]
    assert hints.left_for_comparison("CUSTOMER") == [left]
    hints.remove_many("CUSTOMER", hints.left_for_comparison("CUSTOMER"))
    assert hints.left_for_comparison("CUSTOMER") == []
    assert len(hints.due("CUSTOMER", NOW, 10)) == 1


def test_a_handled_hint_is_removed(hints):
    hints.add_many("CUSTOMER", [hint("1"), hint("2")])
    first, _ = hints.due("CUSTOMER", NOW, 10)
    hints.remove_many("CUSTOMER", [first])
    assert [each.record_id for each in hints.due("CUSTOMER", NOW, 10)] == ["2"]


def test_a_hint_that_was_written_again_while_its_record_was_handled_stays(hints):
    hints.add_many("CUSTOMER", [hint("1"), hint("2")])
    read = hints.due("CUSTOMER", NOW, 10)
    hints.add_many("CUSTOMER", [hint("1", due_at=NOW - timedelta(seconds=1))])
    hints.remove_many("CUSTOMER", read)
    assert [each.record_id for each in hints.due("CUSTOMER", NOW, 10)] == ["1"]


def test_more_hints_than_one_transaction_holds_are_stored_and_removed(hints):
    hints.add_many("CUSTOMER", [hint(str(number)) for number in range(250)])
    assert len(hints.due("CUSTOMER", NOW, 220)) == 220
    hints.remove_many("CUSTOMER", hints.due("CUSTOMER", NOW, 1000))
    assert hints.due("CUSTOMER", NOW, 1000) == []


def test_mappings_do_not_share_hints(hints):
    hints.add_many("CUSTOMER", [hint()])
    assert hints.due("CONTACT", NOW, 10) == []


@pytest.fixture
def queues() -> MemoryQueues:
    return MemoryQueues()


@pytest.fixture
def requests(open_table, queues, tenant) -> PassRequests:
    return PassRequests(open_table("watermarks"), queues, tenant=tenant, connection_id="demo")


def test_requests_before_a_pass_begins_are_one_message(requests, queues, tenant):
    requests.request("CUSTOMER", delay_seconds=1)
    requests.request("CUSTOMER")
    (sent,) = queues.sent
    assert (sent.queue_name, sent.delay_seconds) == (QUEUE, 1)
    assert sent.content == {
        "tenant": tenant,
        "connection": "demo",
        "mapping": "CUSTOMER",
        "asked": False,
    }


def test_a_request_after_a_pass_began_is_a_message_of_its_own(requests, queues):
    requests.request("CUSTOMER")
    requests.take("CUSTOMER")
    assert not requests.is_wanted("CUSTOMER")
    requests.request("CUSTOMER")
    assert len(queues.sent) == 2


def test_a_wish_is_known_until_a_pass_takes_it(requests):
    requests.want("CUSTOMER")
    assert requests.is_wanted("CUSTOMER")
    assert not requests.is_wanted("CONTACT")
    requests.take("CUSTOMER")
    requests.take("CUSTOMER")
    assert not requests.is_wanted("CUSTOMER")
