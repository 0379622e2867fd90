"""Rows inserted or removed the cheap way are those that the SDK would have inserted or removed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.plain_transactions import entity_text
from storage.rows import Operation, OperationKind, Row, TransactionRefusedError, Value
from storage.tables import TenantTable

TEXTS = ["plain", "", "quote ' and \" both", "line\r\nbreak", "--batch_1", "ÆØÅ 漢字 😀", "\\u0041"]
VALUES: list[Value] = [
    *TEXTS,
    *(0, -1, 2**31 - 1, 2**31, -(2**40)),
    *(0.5, -1e300, 12.0),
    *(True, False),
    datetime(2026, 6, 26, 12, 30, 1, 234567, tzinfo=UTC),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_was_given(table: TenantTable, value: Value) -> None:
    key = ("bc", "1")
    operation = Operation(kind=OperationKind.INSERT, key=key, values={"column": value})
    table.transact(("p",), [operation])
    singly = table.insert(Row(partition=("p",), key=("bc", "2"), values={"column": value}))
    found = table.get(("p",), key)
    other = table.get(("p",), singly.key)
    assert found
    assert other
    assert found.values == other.values == {"column": value}
    assert type(found.values["column"]) is type(other.values["column"])


@pytest.mark.parametrize("text", ["O'Hara & Sons", "a b", "100 %", "é"])
def test_a_key_of_any_text_is_stored_and_found(table: TenantTable, text: str) -> None:
    etags = table.transact(
        ("p",), [Operation(kind=OperationKind.INSERT, key=("bc", text), values={})]
    )
    found = table.get(("p",), ("bc", text))
    assert found
    assert [found.etag] == etags


@pytest.mark.parametrize("text", ["O'Hara & Sons", "a b", "100 %", "é", "a+b%27=(1),2"])
def test_a_row_of_any_key_is_removed_and_no_other(table: TenantTable, text: str) -> None:
    keys = [("bc", text), ("bc", text, "more"), ("bc", "other")]
    for key in keys:
        table.insert(Row(partition=("p",), key=key, values={}))
    deletions = [Operation(kind=OperationKind.DELETE, key=key) for key in keys[:2]]
    assert table.transact(("p",), deletions) == ["", ""]
    assert [row.key for row in table.scan(("p",))] == keys[2:]


def test_a_deletion_removes_no_row_whose_key_looks_like_the_other_in_an_address(
    table: TenantTable,
) -> None:
    keys = [("%41",), ("A",), ("a+b",), ("a b",), ("it''s",), ("it's",)]
    for key in keys:
        table.insert(Row(partition=("p",), key=key, values={}))
    deletions = [Operation(kind=OperationKind.DELETE, key=key) for key in keys[::2]]
    table.transact(("p",), deletions)
    assert {row.key for row in table.scan(("p",))} == set(keys[1::2])


def test_a_refused_deletion_names_its_index_and_removes_nothing(table: TenantTable) -> None:
    keys = [("bc", str(number)) for number in range(4)]
    for key in keys:
        if key != ("bc", "2"):
            table.insert(Row(partition=("p",), key=key, values={}))
    deletions = [Operation(kind=OperationKind.DELETE, key=key) for key in keys]
    with pytest.raises(TransactionRefusedError) as error:
        table.transact(("p",), deletions)
    assert error.value.index == 2
    assert len(list(table.scan(("p",)))) == 3


def test_a_deletion_that_depends_on_a_version_is_refused_where_that_is_another(
    table: TenantTable,
) -> None:
    row = table.insert(Row(partition=("p",), key=("bc", "1"), values={}))
    table.upsert(row)
    guarded = Operation(kind=OperationKind.DELETE, key=row.key, etag=row.etag)
    with pytest.raises(TransactionRefusedError):
        table.transact(("p",), [guarded])
    assert table.get(("p",), row.key)


def test_a_hundred_rows_are_inserted_with_an_etag_each(table: TenantTable) -> None:
    operations = [
        Operation(kind=OperationKind.INSERT, key=("bc", f"{n:03d}"), values={"n": n})
        for n in range(100)
    ]
    etags = table.transact(("p",), operations)
    assert etags == [row.etag for row in table.scan(("p",))]


def test_a_refused_insertion_names_its_index_and_changes_nothing(table: TenantTable) -> None:
    table.insert(Row(partition=("p",), key=("bc", "2"), values={}))
    operations = [
        Operation(kind=OperationKind.INSERT, key=("bc", str(n)), values={}) for n in range(4)
    ]
    with pytest.raises(TransactionRefusedError) as error:
        table.transact(("p",), operations)
    assert error.value.index == 2
    assert [row.key for row in table.scan(("p",))] == [("bc", "2")]


ENTITIES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=8), st.one_of(st.text(), st.booleans()), max_size=4
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(ENTITIES)
def test_an_entity_is_one_line_of_json(entity: dict[str, Any]) -> None:
    text = entity_text(entity)
    assert "\n" not in text
    assert json.loads(text) == entity
