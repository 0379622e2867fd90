"""Tables, their order and indexes, and transactions over them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulators.business_central.master_data import CONTACTS
from local.simulators.business_central.store import Journal, Table
from local.simulators.core.odata_filter import datetime_key
from tests.unit.simulators_business_central.world import row


def contact(number: str, **values: Any) -> dict[str, Any]:
    return row("contacts", number=number, **values)


def numbers(table: Table) -> list[str]:
    return [each["number"] for each in table.rows()]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def table(journal: Journal) -> Table:
    return Table(CONTACTS, journal)


def test_rows_come_in_the_order_of_the_primary_key(table):
    for number in ("B", "C", "A"):
        table.put(contact(number))
    assert numbers(table) == ["A", "B", "C"]
    assert [each["number"] for each in table.rows_after(contact("A")["id"])] == ["B", "C"]


def test_a_put_row_has_a_newer_version_unless_told_otherwise(table):
    first = contact("A")
    table.put(first)
    version = table.version(first["id"])
    table.put(first, new_version=False)
    assert table.version(first["id"]) == version
    table.put(first)
    assert table.version(first["id"]) > version


def test_indexes_follow_changed_and_deleted_rows(table):
    first = contact("A", companyNumber="X")
    table.put(first)
    table.put(first | {"companyNumber": "Y"})
    assert table.find("companyNumber", "X") == []
    assert [each["number"] for each in table.find("companyNumber", "Y")] == ["A"]
    table.delete(first["id"])
    assert table.find("companyNumber", "Y") == []
    assert table.by_key("A") is None


def test_a_failed_transaction_takes_everything_back(table, journal):
    kept, deleted = contact("A", companyNumber="X"), contact("B")
    table.put(kept)
    table.put(deleted)
    version = table.version(kept["id"])

    def fail() -> None:
        with journal.transaction():
            table.put(kept | {"companyNumber": "Y", "number": "Z"})
            table.delete(deleted["id"])
            table.put(contact("C"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert numbers(table) == ["A", "B"]
    assert table.version(kept["id"]) == version
    assert [each["number"] for each in table.find("companyNumber", "X")] == ["A"]


def test_a_failed_outer_transaction_takes_the_inner_one_back(table, journal):
    def fail() -> None:
        with journal.transaction():
            with journal.transaction():
                table.put(contact("A"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert numbers(table) == []


def test_a_failed_inner_transaction_leaves_the_outer_one_alone(table, journal):
    def fail() -> None:
        with journal.transaction():
            table.put(contact("B"))
            raise RuntimeError

    with journal.transaction():
        table.put(contact("A"))
        with pytest.raises(RuntimeError):
            fail()
    assert numbers(table) == ["A"]


@given(
    st.lists(
        st.tuples(st.sampled_from("ABCDE"), st.sampled_from(["X", "Y"]), st.booleans()), max_size=30
    )
)
def test_any_series_of_writes_taken_back_leaves_no_trace(writes):
    journal = Journal()
    table = Table(CONTACTS, journal)
    table.put(contact("A", companyNumber="X"))
    before = list(table.rows())

    def fail() -> None:
        with journal.transaction():
            for number, parent, delete in writes:
                record = contact(number, companyNumber=parent)
                if not delete:
                    table.put(record)
                elif table.get(record["id"]) is not None:
                    table.delete(record["id"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(table.rows()) == before
    assert table.find("companyNumber", "X") == before
    assert table.find("companyNumber", "Y") == []


STAMPS = [f"2026-01-01T00:00:0{second}Z" for second in ("0", "0.1", "0.12", "0.9", "1", "1.5")]


@given(
    st.lists(
        st.tuples(st.sampled_from("ABCDE"), st.sampled_from(STAMPS), st.booleans()), max_size=30
    ),
    st.integers(0, 30),
    st.sampled_from(STAMPS),
)
def test_records_are_found_by_their_time_whenever_it_is_asked_for(writes, asked_at, since):
    table = Table(CONTACTS, Journal())
    for number, (name, stamp, delete) in enumerate(writes):
        if number == asked_at:
            table.stamped_from(datetime_key(since))  # from now on in order
        record = contact(name, lastModifiedDateTime=stamp)
        if not delete:
            table.put(record)
        elif table.get(record["id"]) is not None:
            table.delete(record["id"])
    found = table.stamped_from(datetime_key(since))
    stamps = [each["lastModifiedDateTime"] for each in found]
    assert stamps == sorted(stamps, key=STAMPS.index)
    wanted = [
        row
        for row in table.rows()
        if STAMPS.index(row["lastModifiedDateTime"]) >= STAMPS.index(since)
    ]
    assert sorted(found, key=CONTACTS.key_of) == wanted


def test_records_are_found_from_a_key_on(table):
    for number in ("B", "D", "A"):
        table.put(contact(number))
    assert [each["number"] for each in table.rows_from("B")] == ["B", "D"]
    assert [each["number"] for each in table.rows_from("C")] == ["D"]
    assert table.rows_from("E") == []
    last = table.last()
    assert last is not None
    assert last["number"] == "D"
