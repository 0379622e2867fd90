"""Drift in storage, and halves of couplings that storage was left with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from couplings.halves import find_halves
from couplings.model import BaseSnapshot, Coupling, CouplingState
from couplings.store import CouplingStore
from errors import RefusedRequestError
from storage.rows import Operation, OperationKind
from storage.tables import TenantTable
from sync.drift import Drift, DriftKind, FieldDifference, Flow, Twin
from sync.drift_store import DriftCount, DriftStore

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def drift(record_id: str = "1", **changes) -> Drift:
    differing = Drift(
        mapping="CUSTOMER",
        kind=DriftKind.FIELDS_DIFFER,
        side="bc",
        record_id=record_id,
        bc_id=record_id,
        crm_id=f"a{record_id}",
        name="10000 Adatum",
        fields=(
            FieldDifference(
                bc_field="city",
                crm_column="address1_city",
                bc_value="Ely",
                crm_value="Hull",
                flow=Flow.CONFLICT,
            ),
        ),
        twins=(Twin(record_id="2", name="Adatum, once more"),),
        message="They differ.",
        plan="A person decides.",
        explained_by="update-conflict",
        run_id="r1",
        found_at=AT,
    )
    return replace(differing, **changes)


def missing(record_id: str, **changes) -> Drift:
    return drift(record_id, kind=DriftKind.MISSING_IN_CRM, explained_by="", fields=(), **changes)


@pytest.fixture
def store(open_table) -> DriftStore:
    return DriftStore(open_table("drift"), "connection")


def test_drift_is_read_as_it_was_stored(store):
    store.put_many("CUSTOMER", [drift()])
    assert list(store.scan("CUSTOMER")) == [drift()]
    assert store.find("CUSTOMER", "bc", "1") == drift()
    assert store.find("CUSTOMER", "crm", "1") is None


def test_a_record_has_one_row_however_often_it_is_found(store):
    store.put_many("CUSTOMER", [drift(), missing("1")])
    store.put_many("CUSTOMER", [missing("1", run_id="r2")])
    assert list(store.scan("CUSTOMER")) == [missing("1", run_id="r2")]


def test_more_than_a_transaction_takes_is_stored(store):
    store.put_many("CUSTOMER", [drift(f"{number:03}") for number in range(250)])
    assert sum(1 for _ in store.scan("CUSTOMER")) == 250


def test_what_other_runs_found_is_forgotten(store):
    store.put_many("CUSTOMER", [drift(f"{number:03}") for number in range(150)])
    store.put_many("CUSTOMER", [drift("x", run_id="r2")])
    store.forget_others("CUSTOMER", "r2")
    assert [each.record_id for each in store.scan("CUSTOMER")] == ["x"]


def test_counts_tell_what_is_explained_apart(store):
    store.put_many("CUSTOMER", [drift("1"), drift("2", explained_by=""), missing("3")])
    store.put_many("CONTACT", [missing("4", mapping="CONTACT")])
    assert store.summary() == [
        DriftCount(mapping="CONTACT", kind=DriftKind.MISSING_IN_CRM, drift=1, explained=0),
        DriftCount(mapping="CUSTOMER", kind=DriftKind.FIELDS_DIFFER, drift=1, explained=1),
        DriftCount(mapping="CUSTOMER", kind=DriftKind.MISSING_IN_CRM, drift=1, explained=0),
    ]


def test_pages_go_on_over_mappings_and_keep_to_a_kind(store):
    store.put_many("CONTACT", [missing(str(each), mapping="CONTACT") for each in range(3)])
    store.put_many("CUSTOMER", [drift("8"), missing("9")])
    found: list[str] = []
    continuation = None
    while True:
        page = store.list_page(kind=DriftKind.MISSING_IN_CRM, limit=2, continuation=continuation)
        found += [each.record_id for each in page.drift]
        continuation = page.continuation
        if continuation is None:
            break
    assert found == ["0", "1", "2", "9"]


def test_pages_hold_what_is_to_be_kept(store):
    store.put_many("CUSTOMER", [drift("1"), missing("2"), drift("3")])
    first = store.list_page(keep=lambda each: each.is_explained, limit=1)
    second = store.list_page(
        keep=lambda each: each.is_explained, limit=1, continuation=first.continuation
    )
    assert [each.record_id for each in (*first.drift, *second.drift)] == ["1", "3"]
    assert second.continuation is None


def test_a_continuation_of_another_mapping_is_refused(store):
    store.put_many("CUSTOMER", [drift("1"), drift("2")])
    page = store.list_page(mapping="CUSTOMER", limit=1)
    with pytest.raises(RefusedRequestError):
        store.list_page(mapping="CONTACT", limit=1, continuation=page.continuation)


def test_another_connection_sees_none_of_it(store, open_table):
    store.put_many("CUSTOMER", [drift()])
    other = DriftStore(open_table("drift"), "other")
    assert other.summary() == []
    assert list(other.scan("CUSTOMER")) == []


# halves of couplings


def coupling(bc_id: str, crm_id: str) -> Coupling:
    return Coupling(
        mapping="CUSTOMER",
        bc_id=bc_id,
        crm_id=crm_id,
        bc_key=bc_id,
        name=bc_id,
        base=BaseSnapshot(bc={"city": "Ely"}, crm={"address1_city": "Ely"}),
        bc_version=None,
        crm_version=None,
        state=CouplingState.COUPLED,
        coupled_at=AT,
        synchronized_at=AT,
    )


@pytest.fixture
def table(open_table: Callable[[str], TenantTable]) -> TenantTable:
    return open_table("couplings")


@pytest.fixture
def couplings(table) -> CouplingStore:
    store = CouplingStore(table, "connection")
    assert store.couple_many("CUSTOMER", [coupling("1", "a"), coupling("2", "b")]) == []
    return store


def remove(table: TenantTable, *key: str) -> None:
    table.transact(("connection", "CUSTOMER"), [Operation(kind=OperationKind.DELETE, key=key)])


def halves(store: CouplingStore) -> list[tuple[str, str, str]]:
    return [(each.side, each.bc_id, each.crm_id) for each in store.halves("CUSTOMER")]


def test_whole_pairs_have_no_halves(couplings):
    assert halves(couplings) == []


def test_data_without_their_pointer_get_it_back(couplings, table):
    remove(table, "crm", "a")
    assert halves(couplings) == [("bc", "1", "a")]
    (half,) = couplings.halves("CUSTOMER")
    assert couplings.mend("CUSTOMER", half)
    assert halves(couplings) == []
    assert couplings.find_by_crm("CUSTOMER", ["a"])["a"].base == coupling("1", "a").base
    assert not couplings.mend("CUSTOMER", half)


def test_a_pointer_without_data_is_removed(couplings, table):
    remove(table, "bc", "1")
    assert halves(couplings) == [("crm", "1", "a")]
    (half,) = couplings.halves("CUSTOMER")
    assert couplings.mend("CUSTOMER", half)
    assert couplings.couple_many("CUSTOMER", [coupling("3", "a")]) == []


def test_data_that_point_to_a_record_coupled_otherwise_are_removed(couplings, table):
    remove(table, "crm", "a")
    table.transact(
        ("connection", "CUSTOMER"),
        [Operation(kind=OperationKind.MERGE, key=("bc", "1"), values={"crm_id": "b"})],
    )
    (half,) = couplings.halves("CUSTOMER")
    assert couplings.mend("CUSTOMER", half)
    assert halves(couplings) == []
    assert couplings.find_by_bc("CUSTOMER", ["1", "2"]).keys() == {"2"}


def test_a_pair_that_was_coupled_while_halves_were_looked_for_is_left_alone(couplings, table):
    """The data are read before the pair is stored, its pointer after."""
    rows = list(table.scan(("connection", "CUSTOMER")))
    late = [row for row in rows if row.key != ("bc", "1")]
    (half,) = find_halves(late)
    assert not couplings.mend("CUSTOMER", half)
    assert couplings.find_by_crm("CUSTOMER", ["a"])


def test_data_that_somebody_wrote_since_are_left_alone(couplings, table):
    remove(table, "crm", "a")
    (half,) = couplings.halves("CUSTOMER")
    (found,) = couplings.find_by_bc("CUSTOMER", ["1"]).values()
    couplings.save_many("CUSTOMER", [replace(found, name="renamed")])
    assert not couplings.mend("CUSTOMER", half)
    assert halves(couplings) == [("bc", "1", "a")]
