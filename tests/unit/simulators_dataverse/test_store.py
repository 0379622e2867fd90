"""The store: indexes, versions, deletions and rollback."""

from contextlib import suppress
from random import Random
from typing import Any, NoReturn

import pytest

from local.simulators.dataverse.errors import DataverseError
from local.simulators.dataverse.events import Caller, Event
from local.simulators.dataverse.schema import load_schema
from local.simulators.dataverse.store import AlternateKey, Store

SCHEMA = load_schema()
BY_NUMBER = AlternateKey(
    key_id="k", name="k", columns=("accountnumber",), properties=("accountnumber",)
)


@pytest.fixture
def store() -> Store:
    return Store(SCHEMA)


def refuse() -> NoReturn:
    raise DataverseError(400, "", "rolled back")


def account(row_id: str, **columns: Any) -> dict[str, Any]:
    return {"accountid": row_id, **columns}


def found(store: Store, prop: str, value: Any) -> list[str]:
    return sorted(row["accountid"] for row in store.tables["account"].find(prop, value))


def test_rows_are_found_by_indexed_text_without_regard_to_case(store):
    store.insert("account", account("1", name="Alpha"))
    store.insert("account", account("2", name="ALPHA"))
    store.insert("account", account("3", name="Beta"))
    assert found(store, "name", "alpha") == ["1", "2"]
    store.replace("account", account("1", name="Beta"))
    store.remove("account", "3")
    assert found(store, "name", "beta") == ["1"]
    assert found(store, "name", "ALPHA") == ["2"]
    assert found(store, "telephone1", None) == ["1", "2"]


def test_a_failed_transaction_leaves_everything_as_it_was(store):
    store.insert("account", account("1", name="A"))
    store.insert("account", account("2", name="B"))
    before = dict(store.tables["account"].rows)

    def write_and_fail() -> None:
        with store.transaction():
            store.insert("account", account("3", name="C"))
            store.replace("account", account("1", name="changed"))
            store.remove("account", "2")
            with store.transaction():
                store.insert("account", account("2", name="again"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    rows = store.tables["account"]
    assert rows.rows == before
    assert rows.deletions == []
    assert found(store, "name", "changed") == found(store, "name", "C") == []
    assert found(store, "name", "B") == ["2"]


def test_an_inner_transaction_rolls_back_alone(store):
    def write_and_fail() -> None:
        with store.transaction():
            store.insert("account", account("2"))
            raise ZeroDivisionError

    with store.transaction():
        store.insert("account", account("1"))
        with pytest.raises(ZeroDivisionError):
            write_and_fail()
    assert list(store.tables["account"].rows) == ["1"]


def test_versions_never_come_twice(store):
    store.insert("account", account("1"))
    first = store.tables["account"].rows["1"]["versionnumber"]
    with pytest.raises(DataverseError):
        store.insert("account", account("1"))
    store.insert("contact", {"contactid": "1"})
    assert store.tables["contact"].rows["1"]["versionnumber"] > first


def test_ids_come_in_order_whatever_is_written_in_between(store):
    for row_id in ("5", "1", "3"):
        store.insert("account", account(row_id))
    ids = store.tables["account"].ids_after
    assert list(ids(None)) == ["1", "3", "5"]
    store.remove("account", "3")
    store.insert("account", account("4"))
    store.insert("account", account("2"))
    assert list(ids("3")) == ["4", "5"]
    assert list(ids(None)) == ["1", "2", "4", "5"]
    store.insert("account", account("3"))
    assert list(ids("2")) == ["3", "4", "5"]


def test_an_alternate_key_is_unique_from_the_moment_it_is_made(store):
    store.insert("account", account("1", accountnumber="A"))
    store.insert("account", account("2"))
    store.insert("account", account("3"))
    rows = store.tables["account"]
    rows.add_alternate_key(BY_NUMBER)
    with pytest.raises(DataverseError) as refused:
        store.replace("account", account("2", accountnumber="a"))
    assert refused.value.code == "0x80060892"
    assert rows.unique_id(("accountnumber",), ("a",)) == "1"
    store.replace("account", account("1", accountnumber="B"))
    store.replace("account", account("2", accountnumber="a"))
    assert rows.unique_id(("accountnumber",), ("A",)) == "2"
    store.remove("account", "2")
    assert rows.unique_id(("accountnumber",), ("A",)) is None


def test_an_alternate_key_that_the_rows_break_cannot_be_made(store):
    for row_id in "12":
        store.insert("account", account(row_id, accountnumber="A"))
    with pytest.raises(DataverseError):
        store.tables["account"].add_alternate_key(BY_NUMBER)
    assert store.tables["account"].alternate_keys == []


@pytest.mark.parametrize("seed", range(20))
def test_what_changed_is_what_a_look_at_all_rows_would_tell(store, seed):
    """Random writes, deletions and rollbacks, asked for changes in between."""
    random = Random(seed)
    rows = store.tables["account"]

    def write() -> None:
        row_id = str(random.randrange(8))
        if row_id not in rows.rows:
            store.insert("account", account(row_id))
        elif random.random() < 0.4:
            store.remove("account", row_id)
        else:
            store.replace("account", account(row_id))

    for _ in range(60):
        with suppress(DataverseError), store.transaction():
            for _ in range(random.randrange(4)):
                write()
            if random.random() < 0.3:
                refuse()
        since = random.randint(1_000_000, store.version)
        until = random.randint(since, store.version)
        by_version = sorted(rows.rows.values(), key=lambda row: row["versionnumber"])
        assert rows.changed(since=since, until=until) == [
            row for row in by_version if since < row["versionnumber"] <= until
        ]
        assert rows.deleted(since=since, until=until) == [
            entry
            for entry in rows.deletions
            if since < entry[0] <= until and entry[1] not in rows.rows
        ]


def event(row_id: str) -> Event:
    caller = Caller(user_id="u", business_unit_id="b")
    table = SCHEMA.tables["account"]
    return Event(
        message="Update", table=table, row=account(row_id), attributes=(), caller=caller, depth=1
    )


def test_events_are_taken_once_and_those_of_a_rolled_back_transaction_never(store):
    with store.transaction():
        store.note(event("1"))
        with suppress(DataverseError), store.transaction():
            store.note(event("2"))
            refuse()
        store.note(event("3"))
    assert [found.row_id for found in store.take_events()] == ["1", "3"]
    assert store.take_events() == []
