"""Giving records another partner in one transaction, whoever writes at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from couplings.store import CouplingStore
from tests.contract.storage.test_coupling_store import coupling
from tests.fakes.hooked import HookedTable

CUSTOMER = "CUSTOMER"


@pytest.fixture
def table(open_table) -> HookedTable:
    return HookedTable(open_table("couplings"))


@pytest.fixture
def store(table) -> CouplingStore:
    return CouplingStore(table, "connection")


def pairs_of(store: CouplingStore) -> list[tuple[str, str]]:
    """The pairs as both of their rows tell them."""
    by_bc = [(each.bc_id, each.crm_id) for each in store.scan(CUSTOMER)]
    by_crm = store.find_by_crm(CUSTOMER, [crm_id for _, crm_id in by_bc])
    assert sorted((each.bc_id, each.crm_id) for each in by_crm.values()) == sorted(by_bc)
    assert list(store.halves(CUSTOMER)) == []
    return by_bc


@pytest.mark.parametrize(
    ("present", "left"),
    [
        ([], []),
        ([("1", "B")], []),
        ([("2", "A")], []),
        ([("1", "B"), ("2", "A")], []),
        ([("3", "C")], [("3", "C")]),
    ],
)
def test_a_pair_takes_the_place_of_what_its_records_were_coupled_with(store, present, left):
    store.couple_many(CUSTOMER, [coupling(*each) for each in present])
    replaced = store.recouple(CUSTOMER, coupling("1", "A"))
    assert sorted((each.bc_id, each.crm_id) for each in replaced) == [
        each for each in present if each not in left
    ]
    assert pairs_of(store) == [("1", "A"), *left]


def test_a_pair_that_is_coupled_already_stays_as_it_is(store):
    store.couple_many(CUSTOMER, [coupling("1", "A")])
    assert store.recouple(CUSTOMER, coupling("1", "A", name="another", base=None)) == ()
    assert list(store.scan(CUSTOMER)) == [coupling("1", "A")]


def test_who_recouples_second_replaces_what_the_first_one_made(table, store):
    store.couple_many(CUSTOMER, [coupling("1", "B")])
    table.before("transact", lambda: store.recouple(CUSTOMER, coupling("1", "C")))
    (replaced,) = store.recouple(CUSTOMER, coupling("1", "A"))
    assert replaced.crm_id == "C"
    assert pairs_of(store) == [("1", "A")]


def test_a_partner_uncoupled_meanwhile_is_no_obstacle(table, store):
    store.couple_many(CUSTOMER, [coupling("1", "B"), coupling("2", "A")])
    table.before("transact", lambda: store.uncouple(CUSTOMER, "2"))
    assert [each.crm_id for each in store.recouple(CUSTOMER, coupling("1", "A"))] == ["B"]
    assert pairs_of(store) == [("1", "A")]


def test_a_lost_answer_leaves_one_pair(table, store):
    store.couple_many(CUSTOMER, [coupling("1", "B"), coupling("2", "A")])
    table.lose_answer("transact")
    store.recouple(CUSTOMER, coupling("1", "A"))
    assert pairs_of(store) == [("1", "A")]


def test_half_a_pair_is_no_obstacle(table, store):
    store.couple_many(CUSTOMER, [coupling("1", "B"), coupling("2", "A")])
    table.delete(("connection", CUSTOMER), ("crm", "B"))
    table.delete(("connection", CUSTOMER), ("bc", "2"))
    assert [each.crm_id for each in store.recouple(CUSTOMER, coupling("1", "A"))] == ["B"]
    assert pairs_of(store) == [("1", "A")]


def test_of_many_at_one_record_each_replaces_another_and_one_pair_is_left(store):
    store.couple_many(CUSTOMER, [coupling("1", "0")])
    with ThreadPoolExecutor(4) as writers:
        done = list(
            writers.map(lambda crm: store.recouple(CUSTOMER, coupling("1", crm)), ["A", "B", "C"])
        )
    ((_, last),) = pairs_of(store)
    replaced = [each.crm_id for some in done for each in some]
    assert sorted([*replaced, last]) == ["0", "A", "B", "C"]
