"""What a tenant's table promises, on the fake and on Azurite alike."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from errors import ConcurrencyError, RecordError
from identity.model import TenantId
from storage.rows import (
    ANY_VERSION,
    Operation,
    OperationKind,
    Row,
    RowChangedError,
    RowExistsError,
    TransactionRefusedError,
    Value,
)
from storage.tables import TenantTable, tenants_of

PARTITION = ("connection", "CUSTOMER")


def row(*key: str, **values: Value) -> Row:
    return Row(partition=PARTITION, key=key, values=values)


def insertion(*key: str, **values: Value) -> Operation:
    return Operation(kind=OperationKind.INSERT, key=key, values=values)


def keys(rows) -> list[tuple[str, ...]]:
    return [found.key for found in rows]


def test_a_missing_row_is_none(table: TenantTable):
    assert table.get(PARTITION, ("bc", "1")) is None


def test_a_row_comes_back_with_every_type_of_value(table: TenantTable):
    values: dict[str, Value] = {
        "text": "Å \"quoted\" 'single' 😀\n",
        "empty": "",
        "small": -5,
        "large": 2**40,
        "real": 10.5,
        "whole_real": 10.0,
        "yes": True,
        "no": False,
        "time": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    }

    table.insert(row("bc", "1", **values))

    found = table.get(PARTITION, ("bc", "1"))
    assert found is not None
    assert found.values == values
    assert {name: type(value) for name, value in found.values.items()} == {
        name: type(value) for name, value in values.items()
    }


def test_a_time_comes_back_in_utc_whatever_its_zone_was(table: TenantTable):
    summer = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    table.insert(row("1", at=summer))

    found = table.get(PARTITION, ("1",))
    assert found is not None
    at = found.values["at"]
    assert isinstance(at, datetime)
    assert at == summer
    assert at.tzinfo is UTC


def test_none_is_no_column(table: TenantTable):
    table.insert(row("1", a=None, b="x"))

    found = table.get(PARTITION, ("1",))
    assert found is not None
    assert found.values == {"b": "x"}


@pytest.mark.parametrize("part", ["a/b", "a\\b", "a#b", "a?b", "a~b", "a!b", "a\tb", "a'b", "a b%"])
def test_a_key_may_hold_any_character(table: TenantTable, part: str):
    table.insert(Row(partition=("c", part), key=("bc", part)))

    assert table.get(("c", part), ("bc", part)) is not None
    assert keys(table.scan(("c", part), prefix=("bc",))) == [("bc", part)]


def test_a_second_insert_is_refused_and_changes_nothing(table: TenantTable):
    table.insert(row("1", a="first"))

    with pytest.raises(RowExistsError, match="row 1 of table rows already exists"):
        table.insert(row("1", a="second"))

    found = table.get(PARTITION, ("1",))
    assert found is not None
    assert found.values == {"a": "first"}


def test_replace_drops_columns_and_returns_the_new_etag(table: TenantTable):
    first = table.insert(row("1", a="x", b="y"))

    second = table.replace(row("1", a="z"), first.etag)

    found = table.get(PARTITION, ("1",))
    assert found is not None
    assert found.values == {"a": "z"}
    assert found.etag == second.etag != first.etag


def test_merge_keeps_other_columns(table: TenantTable):
    first = table.insert(row("1", a="x", b="y"))

    table.merge(row("1", a="z"), first.etag)

    found = table.get(PARTITION, ("1",))
    assert found is not None
    assert found.values == {"a": "z", "b": "y"}


@pytest.mark.parametrize("write", ["replace", "merge"])
def test_a_write_with_an_old_etag_is_refused(table: TenantTable, write: str):
    first = table.insert(row("1", a="x"))
    table.replace(row("1", a="newer"), first.etag)

    with pytest.raises(RowChangedError):
        getattr(table, write)(row("1", a="older"), first.etag)

    found = table.get(PARTITION, ("1",))
    assert found is not None
    assert found.values == {"a": "newer"}


@pytest.mark.parametrize("etag", [ANY_VERSION, 'W/"stale"'])
@pytest.mark.parametrize("write", ["replace", "merge"])
def test_a_write_to_a_missing_row_is_refused(table: TenantTable, write: str, etag: str):
    gone = table.insert(row("1"))
    table.delete(PARTITION, ("1",))

    with pytest.raises(RowChangedError, match="no longer exists"):
        getattr(table, write)(row("1"), etag if etag == ANY_VERSION else gone.etag)


def test_any_version_overwrites_whatever_is_there(table: TenantTable):
    table.insert(row("1", a="x"))

    table.merge(row("1", a="y"), ANY_VERSION)

    found = table.get(PARTITION, ("1",))
    assert found is not None
    assert found.values == {"a": "y"}


def test_upsert_inserts_then_replaces(table: TenantTable):
    table.upsert(row("1", a="x", b="y"))
    last = table.upsert(row("1", a="z"))

    assert table.get(PARTITION, ("1",)) == last


def test_delete_of_a_missing_row_is_no_error(table: TenantTable):
    table.delete(PARTITION, ("1",))


def test_delete_with_an_old_etag_is_refused(table: TenantTable):
    first = table.insert(row("1"))
    second = table.replace(row("1"), first.etag)

    with pytest.raises(RowChangedError):
        table.delete(PARTITION, ("1",), first.etag)
    table.delete(PARTITION, ("1",), second.etag)

    assert table.get(PARTITION, ("1",)) is None


def test_a_transaction_of_a_hundred_is_carried_out(table: TenantTable):
    etags = table.transact(PARTITION, [insertion(f"{number:03}") for number in range(100)])

    found = list(table.scan(PARTITION))
    assert [each.etag for each in found] == etags
    assert len(found) == 100


def test_a_transaction_mixes_all_kinds(table: TenantTable):
    for key in ("replaced", "merged", "deleted"):
        table.insert(row(key, a="x", b="y"))

    table.transact(
        PARTITION,
        [
            insertion("inserted", a="new"),
            Operation(kind=OperationKind.REPLACE, key=("replaced",), values={"a": "z"}),
            Operation(kind=OperationKind.MERGE, key=("merged",), values={"a": "z"}),
            Operation(kind=OperationKind.UPSERT, key=("upserted",), values={"a": "z"}),
            Operation(kind=OperationKind.DELETE, key=("deleted",)),
        ],
    )

    assert {found.key[0]: dict(found.values) for found in table.scan(PARTITION)} == {
        "inserted": {"a": "new"},
        "replaced": {"a": "z"},
        "merged": {"a": "z", "b": "y"},
        "upserted": {"a": "z"},
    }


@pytest.mark.parametrize(
    "refused",
    [
        insertion("old"),
        Operation(kind=OperationKind.REPLACE, key=("old",), etag="W/\"datetime'2020'\""),
        Operation(kind=OperationKind.MERGE, key=("old",), etag="W/\"datetime'2020'\""),
        Operation(kind=OperationKind.DELETE, key=("old",), etag="W/\"datetime'2020'\""),
        Operation(kind=OperationKind.MERGE, key=("missing",)),
        Operation(kind=OperationKind.REPLACE, key=("missing",)),
        Operation(kind=OperationKind.DELETE, key=("missing",)),
    ],
    ids=lambda operation: f"{operation.kind}-{operation.key[0]}",
)
def test_a_refused_operation_undoes_its_whole_transaction(table: TenantTable, refused: Operation):
    table.insert(row("old"))

    with pytest.raises(TransactionRefusedError) as caught:
        table.transact(PARTITION, [insertion("a"), insertion("b"), refused, insertion("c")])

    assert caught.value.index == 2
    assert refused.key[0] in caught.value.message
    assert isinstance(caught.value, ConcurrencyError)
    assert keys(table.scan(PARTITION)) == [("old",)]


def test_a_transaction_beyond_the_limits_is_not_sent(table: TenantTable):
    with pytest.raises(ValueError, match="1 to 100"):
        table.transact(PARTITION, [insertion(str(number)) for number in range(101)])
    with pytest.raises(ValueError, match="1 to 100"):
        table.transact(PARTITION, [])
    with pytest.raises(ValueError, match="only once"):
        table.transact(PARTITION, [insertion("1"), insertion("1")])
    assert list(table.scan(PARTITION)) == []


def test_a_scan_reads_beyond_a_page_in_the_order_of_keys(table: TenantTable):
    table.transact(PARTITION, [insertion("bc", f"{number:02}") for number in range(25)])

    found = keys(table.scan(PARTITION, page_size=10))

    assert found == [("bc", f"{number:02}") for number in range(25)]


def test_a_scan_by_prefix_takes_whole_parts_only(table: TenantTable):
    names = [("b", "1"), ("bc",), ("bc", "1"), ("bc", "2"), ("bca", "1"), ("bc!", "1"), ("c", "1")]
    table.transact(PARTITION, [insertion(*name) for name in names])

    assert keys(table.scan(PARTITION, prefix=("bc",))) == [("bc", "1"), ("bc", "2")]


def test_a_scan_goes_on_after_a_key(table: TenantTable):
    table.transact(PARTITION, [insertion("bc", name) for name in "abc"] + [insertion("x")])

    assert keys(table.scan(PARTITION, prefix=("bc",), after=("bc", "a"))) == [
        ("bc", "b"),
        ("bc", "c"),
    ]


def test_a_scan_reads_chosen_columns_only(table: TenantTable):
    stored = table.insert(row("1", a="x", b="y"))

    assert list(table.scan(PARTITION, select=["b"])) == [replace(stored, values={"b": "y"})]
    assert list(table.scan(PARTITION, select=[])) == [replace(stored, values={})]


def test_a_scan_filters_by_text_that_may_hold_quotes(table: TenantTable):
    table.insert(row("1", kind="it's @p0 and more"))
    table.insert(row("2", kind="other"))
    table.insert(row("3"))

    found = table.scan(PARTITION, where={"kind": "it's @p0 and more"})

    assert keys(found) == [("1",)]


def test_a_scan_below_reads_all_deeper_partitions(table: TenantTable):
    partitions = [("c",), ("c", "A"), ("c", "B"), ("c2", "A"), ("b", "A")]
    for partition in partitions:
        table.insert(Row(partition=partition, key=("1",)))

    assert [r.partition for r in table.scan_below(("c",))] == [("c", "A"), ("c", "B")]
    assert [r.partition for r in table.scan_below(("c",), after=("c", "A"))] == [("c", "B")]


def test_one_tenant_sees_and_changes_nothing_of_another(open_table):
    mine = open_table()
    theirs = open_table(other=TenantId(str(uuid.uuid4())))
    stored = theirs.insert(row("1", a="theirs"))

    assert mine.get(PARTITION, ("1",)) is None
    assert list(mine.scan(PARTITION)) == []
    assert list(mine.scan_below(PARTITION[:1])) == []
    mine.insert(row("1", a="mine"))
    mine.delete(PARTITION, ("1",))
    with pytest.raises(RowChangedError):
        mine.replace(row("1", a="mine"), stored.etag)

    assert theirs.get(PARTITION, ("1",)) == stored


def test_a_tenant_whose_name_begins_with_anothers_is_apart(open_table, tenant: TenantId):
    mine = open_table()
    longer = open_table(other=TenantId(f"{tenant}~connection"))
    longer.insert(Row(partition=("CUSTOMER",), key=("1",)))

    assert list(mine.scan(PARTITION)) == []
    assert list(mine.scan_below(("connection",))) == []


def test_a_table_is_not_opened_without_a_tenant(open_table):
    with pytest.raises(ValueError, match="tenant"):
        TenantTable(open_table()._client, TenantId(""))


def test_a_text_too_long_for_a_column_is_a_record_error_that_names_it(table: TenantTable):
    table.insert(row("1", text="😀" * 16 * 1024))
    with pytest.raises(RecordError) as caught:
        table.insert(row("2", text="x" * 32 * 1024 + "x"))

    assert caught.value.field == "text"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"PartitionKey": "x"}, "reserved"),
        ({"at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 (the naive time is the point)
    ],
)
def test_a_row_that_cannot_be_stored_as_meant_is_not_sent(table: TenantTable, values, reason):
    with pytest.raises(ValueError, match=reason):
        table.insert(row("1", **values))


def test_a_merge_cannot_pretend_to_remove_a_column(table: TenantTable):
    stored = table.insert(row("1", a="x"))

    with pytest.raises(ValueError, match="cannot remove"):
        table.merge(row("1", a=None), stored.etag)


def test_of_many_writers_at_once_exactly_one_inserts(table: TenantTable):
    def insert(number: int) -> bool:
        try:
            table.insert(row("1", by=number))
        except RowExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as writers:
        won = list(writers.map(insert, range(16)))

    found = table.get(PARTITION, ("1",))
    assert found is not None
    assert won.count(True) == 1
    assert found.values == {"by": won.index(True)}


def test_counting_up_under_contention_loses_nothing(table: TenantTable):
    table.insert(row("1", n=0))

    def count_up(_: int) -> None:
        while True:
            found = table.get(PARTITION, ("1",))
            assert found is not None
            n = found.values["n"]
            assert isinstance(n, int)
            try:
                table.replace(row("1", n=n + 1), found.etag)
            except RowChangedError:
                continue
            return

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(count_up, range(20)))

    found = table.get(PARTITION, ("1",))
    assert found is not None
    assert found.values == {"n": 20}


def test_tenants_are_told_once_each_also_where_one_has_very_many_rows(open_table, monkeypatch):
    monkeypatch.setattr("storage.tables._MANY_ROWS", 3)
    name = f"t{uuid.uuid4().hex}"
    for tenant, rows in (("aaaa", 7), ("bbbb", 3), ("cccc", 2), ("dddd", 0)):
        table = open_table(name, TenantId(tenant))
        table.insert(Row(partition=(), key=("1",)))
        for number in range(rows):
            table.insert(Row(partition=("p",), key=(str(number),)))
    assert list(tenants_of(table._client)) == ["aaaa", "bbbb", "cccc", "dddd"]
