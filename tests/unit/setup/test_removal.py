"""Nothing of a removed connection is left, and nothing of another is touched."""

from __future__ import annotations

from typing import cast

import pytest

from setup.removal import COUPLINGS, WORK_TABLES, remove_rows
from storage.rows import Row
from storage.tables import TenantTable
from tests.fakes.tables import MemoryAccount
from tests.unit.connections.examples import OTHER_TENANT, TENANT

NAMES = (COUPLINGS, *WORK_TABLES)


@pytest.fixture
def account() -> MemoryAccount:
    account = MemoryAccount()
    for tenant in (TENANT, OTHER_TENANT):
        for name in NAMES:
            for connection in ("cronus", "cronus-us"):
                table = account.table(name, tenant)
                table.insert(Row(partition=(connection,), key=("one",)))
                for number in range(3):
                    key = ("bc", str(number))
                    table.insert(Row(partition=(connection, "CUSTOMER"), key=key))
    return account


def rows_left(account: MemoryAccount, tenant, connection: str) -> dict[str, int]:
    left: dict[str, int] = {}
    for name in NAMES:
        table = account.table(name, tenant)
        rows = [*table.scan((connection,)), *table.scan_below((connection,))]
        left |= {name: len(rows)} if rows else {}
    return left


def removed(account: MemoryAccount, *, keep_couplings: bool = False, is_time_up=lambda: False):
    return remove_rows(
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

    done = remove_rows(
        table_named,
        "cronus",
        keep_couplings=False,
        is_time_up=lambda: False,
    )
    assert done
    assert scans
    assert rows_left(account, TENANT, "cronus") == {}
