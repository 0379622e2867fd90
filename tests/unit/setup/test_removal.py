"""Nothing of a removed connection is left, and nothing of another is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from connections.model import ConnectionState
from connections.store import TABLE, ConnectionStore
from errors import TransientError
from setup.removal import (
    COUPLINGS,
    QUEUE,
    WORK_TABLES,
    Removal,
    RemovalTask,
    remove_connection_rows,
)
from storage.queues import Message
from storage.rows import Row
from storage.tables import TenantTable
from tests.fakes.tables import MemoryAccount
from tests.unit.connections.examples import OTHER_TENANT, TENANT, connection

NAMES = (COUPLINGS, *WORK_TABLES)


@pytest.fixture
def account() -> MemoryAccount:
    account = MemoryAccount()
    for tenant in (TENANT, OTHER_TENANT):
        for name in NAMES:
            for connection_id in ("cronus", "cronus-us"):
                table = account.table(name, tenant)
                table.insert(Row(partition=(connection_id,), key=("one",)))
                for number in range(3):
                    key = ("bc", str(number))
                    table.insert(Row(partition=(connection_id, "CUSTOMER"), key=key))
    return account


def rows_left(account: MemoryAccount, tenant, connection_id: str) -> dict[str, int]:
    left: dict[str, int] = {}
    for name in NAMES:
        table = account.table(name, tenant)
        rows = [*table.scan((connection_id,)), *table.scan_below((connection_id,))]
        left |= {name: len(rows)} if rows else {}
    return left


def removed(account: MemoryAccount, *, keep_couplings: bool = False, is_time_up=lambda: False):
    return remove_connection_rows(
        lambda name: account.table(name, TENANT),
        "cronus",
        keep_couplings=keep_couplings,
        is_time_up=is_time_up,
    )


def test_all_rows_of_the_connection_are_removed_and_no_others(account):
    assert removed(account)
    assert rows_left(account, TENANT, "cronus") == {}
    everything = dict.fromkeys(NAMES, 4)
    assert rows_left(account, TENANT, "cronus-us") == everything
    assert rows_left(account, OTHER_TENANT, "cronus") == everything


def test_couplings_are_kept_where_that_is_wanted(account):
    assert removed(account, keep_couplings=True)
    assert rows_left(account, TENANT, "cronus") == {COUPLINGS: 4}


def test_a_removal_without_time_goes_on_where_it_ended(account):
    slices = 0
    while not removed(account, is_time_up=lambda: True):
        slices += 1
    assert slices > len(NAMES)
    assert rows_left(account, TENANT, "cronus") == {}


def test_rows_that_another_removal_was_at_are_no_error(account):
    table = account.table(COUPLINGS, TENANT)
    scans = []

    class Contended:
        """The table, of which another removal takes a row after each look."""

        def __getattr__(self, name):
            return getattr(table, name)

        def scan_below(self, *arguments, **options):
            rows = list(table.scan_below(*arguments, **options))
            if rows:
                table.delete(rows[0].partition, rows[0].key)
                scans.append(rows)
            return iter(rows)

    def table_named(name: str) -> TenantTable:
        of_account: TenantTable = account.table(name, TENANT)
        return cast(TenantTable, Contended()) if name == COUPLINGS else of_account

    done = remove_connection_rows(
        table_named,
        "cronus",
        keep_couplings=False,
        is_time_up=lambda: False,
    )
    assert done
    assert scans
    assert rows_left(account, TENANT, "cronus") == {}


class Sent:
    """A queue that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[Message, int]] = []

    def enqueue(self, queue_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        assert queue_name == QUEUE
        self.messages.append((message, delay_seconds))


class Farewell:
    """A connection that is being deleted, and what goes on around it."""

    def __init__(self, account: MemoryAccount) -> None:
        self.connections = ConnectionStore(account.table(TABLE, TENANT))
        deleting = replace(connection(), state=ConnectionState.DELETING)
        self.stored, _ = self.connections.add(deleting)
        self.sent = Sent()
        self.at_work = False
        self.webhook_failures = 0
        self.webhook_calls = 0
        self.removal = Removal(
            connections=self.connections,
            table=lambda name: account.table(name, TENANT),
            queues=self.sent,
            is_at_work=lambda: self.at_work,
            remove_webhooks=self._remove_webhooks,
        )
        self.task = RemovalTask(tenant=TENANT, connection_id="cronus", keep_couplings=False)

    def _remove_webhooks(self, stored) -> None:
        self.webhook_calls += 1
        if self.webhook_calls <= self.webhook_failures:
            raise TransientError("service-unreachable", "CRM could not be reached.")

    @property
    def is_gone(self) -> bool:
        return not list(self.connections.load_all())

    def deliver_all(self) -> list[int]:
        """Deliver messages until none is left; the delays they were sent with."""
        delays = []
        while self.sent.messages:
            message, delay = self.sent.messages.pop(0)
            delays.append(delay)
            self.removal.go_on(RemovalTask.of(message))
        return delays


@pytest.fixture
def farewell(account) -> Farewell:
    return Farewell(account)


def test_a_connection_goes_after_its_rows(account, farewell):
    farewell.removal.begin(farewell.task)
    assert farewell.deliver_all() == [0]
    assert farewell.is_gone
    assert rows_left(account, TENANT, "cronus") == {}


def test_a_message_delivered_twice_does_no_harm(farewell):
    farewell.removal.go_on(farewell.task)
    farewell.removal.go_on(farewell.task)
    assert farewell.is_gone
    assert farewell.webhook_calls == 1


def test_a_connection_that_was_created_anew_is_left_alone(account, farewell):
    farewell.connections.change(farewell.stored, connection())
    farewell.removal.go_on(farewell.task)
    assert not farewell.is_gone
    assert rows_left(account, TENANT, "cronus") != {}


def test_rows_stay_while_a_worker_holds_a_table(account, farewell):
    farewell.at_work = True
    farewell.removal.go_on(farewell.task)
    ((message, delay),) = farewell.sent.messages
    assert RemovalTask.of(message) == farewell.task
    assert delay > 0
    assert rows_left(account, TENANT, "cronus") != {}


@pytest.mark.parametrize(("failures", "calls"), [(2, 3), (100, 5)])
def test_services_that_do_not_answer_are_asked_again_and_then_given_up(farewell, failures, calls):
    farewell.webhook_failures = failures
    farewell.removal.begin(farewell.task)
    delays = farewell.deliver_all()
    assert farewell.webhook_calls == calls
    assert all(delay > 0 for delay in delays[1:])
    assert farewell.is_gone
