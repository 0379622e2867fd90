"""Two writers at the same records: the storage itself keeps either record to one partner."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import pytest

from couplings.model import Coupling
from couplings.store import CouplingRefusal, CouplingStore
from tests.contract.storage.test_coupling_store import coupling
from tests.contract.storage.test_recoupling import CUSTOMER, pairs_of
from tests.fakes.hooked import HookedTable

WRITERS = 4
ROUNDS = 6


@pytest.fixture
def table(open_table) -> HookedTable:
    return HookedTable(open_table("couplings"))


@pytest.fixture
def store(table) -> CouplingStore:
    return CouplingStore(table, "connection")


def at_once[Result](*works: Callable[[], Result]) -> list[Result]:
    """What each of them returns, all begun at the same moment."""
    ready = Barrier(len(works), timeout=30)

    def begin(work: Callable[[], Result]) -> Result:
        ready.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as writers:
        return list(writers.map(begin, works))


def coupling_of(store: CouplingStore, pair: Coupling) -> Callable[[], list[CouplingRefusal]]:
    return lambda: store.couple_many(CUSTOMER, [pair])


@pytest.mark.parametrize("contested", ["bc", "crm"])
def test_of_many_at_one_record_one_is_served_and_the_others_are_told_its_partner(store, contested):
    for number in range(ROUNDS):
        pairs = [
            coupling(f"{number}-1", f"{number}-{each}")
            if contested == "bc"
            else coupling(f"{number}-{each}", f"{number}-1")
            for each in range(WRITERS)
        ]
        refusals = at_once(*(coupling_of(store, pair) for pair in pairs))
        (served,) = [pair for pair, refused in zip(pairs, refusals, strict=True) if not refused]
        assert (served.bc_id, served.crm_id) in pairs_of(store)
        told = {
            refusal.bc_coupled_to if contested == "bc" else refusal.crm_coupled_to
            for some in refusals
            for refusal in some
        }
        assert told == {served.crm_id if contested == "bc" else served.bc_id}
    assert len(pairs_of(store)) == ROUNDS


def test_pairs_that_cross_are_never_both_coupled(store):
    for number in range(ROUNDS):
        one, other = f"{number}-1", f"{number}-2"
        pairs = [coupling(one, one), coupling(other, one), coupling(one, other)]
        refusals = at_once(*(coupling_of(store, pair) for pair in pairs))
        served = {
            (pair.bc_id, pair.crm_id)
            for pair, refused in zip(pairs, refusals, strict=True)
            if not refused
        }
        mine = {pair for pair in pairs_of(store) if pair[0].startswith(f"{number}-")}
        assert served == mine
        assert len({bc for bc, _ in mine}) == len({crm for _, crm in mine}) == len(mine) > 0


@pytest.mark.parametrize("contested", ["bc", "crm"])
def test_who_couples_after_an_uncoupling_is_served_and_before_it_refused(table, store, contested):
    wanted = coupling("1", "B") if contested == "bc" else coupling("2", "A")
    store.couple_many(CUSTOMER, [coupling("1", "A")])
    table.before("transact", lambda: store.uncouple(CUSTOMER, "1"))
    assert store.couple_many(CUSTOMER, [wanted]) == []
    assert pairs_of(store) == [(wanted.bc_id, wanted.crm_id)]
    store.uncouple(CUSTOMER, wanted.bc_id)
    store.couple_many(CUSTOMER, [coupling("1", "A")])
    refused: list[CouplingRefusal] = []
    table.before("transact", lambda: refused.extend(store.couple_many(CUSTOMER, [wanted])))
    store.uncouple(CUSTOMER, "1")
    assert len(refused) == 1
    assert pairs_of(store) == []


def test_taking_a_pair_apart_leaves_the_one_that_came_meanwhile(table, store):
    store.couple_many(CUSTOMER, [coupling("1", "A")])
    table.before("transact", lambda: store.recouple(CUSTOMER, coupling("1", "B")))
    assert store.uncouple(CUSTOMER, "1", crm_id="A") is None
    assert pairs_of(store) == [("1", "B")]


def test_couplings_and_uncouplings_at_once_leave_whole_pairs(store):
    numbers = count()

    def couple() -> None:
        for _ in range(ROUNDS):
            number = next(numbers) % 3
            store.couple_many(CUSTOMER, [coupling("1", f"A{number}"), coupling("2", "A0")])

    def uncouple() -> None:
        for _ in range(ROUNDS):
            store.uncouple(CUSTOMER, "1")

    at_once(couple, couple, uncouple)
    pairs = pairs_of(store)
    assert len({bc for bc, _ in pairs}) == len({crm for _, crm in pairs}) == len(pairs)


def test_a_pass_that_made_a_partner_is_refused_by_the_pair_a_person_made_meanwhile(table, store):
    table.before("transact", lambda: store.couple_many(CUSTOMER, [coupling("1", "chosen")]))
    (refused,) = store.couple_many(CUSTOMER, [coupling("1", "made")])
    assert refused.bc_coupled_to == "chosen"
    assert pairs_of(store) == [("1", "chosen")]


def test_what_a_pass_stores_of_a_pair_that_a_person_replaced_is_refused(table, store):
    store.couple_many(CUSTOMER, [coupling("1", "A")])
    (known,) = store.scan(CUSTOMER)
    table.before("transact", lambda: store.recouple(CUSTOMER, coupling("1", "B")))
    (refused,) = store.save_many(CUSTOMER, [known])
    assert refused.bc_coupled_to == "B"
    assert pairs_of(store) == [("1", "B")]


def test_two_who_exchange_partners_leave_two_whole_pairs_or_one(store):
    for _ in range(ROUNDS):
        store.recouple(CUSTOMER, coupling("1", "B"))
        store.recouple(CUSTOMER, coupling("2", "A"))
        at_once(
            lambda: store.recouple(CUSTOMER, coupling("1", "A")),
            lambda: store.recouple(CUSTOMER, coupling("2", "B")),
        )
        assert sorted(pairs_of(store)) == [("1", "A"), ("2", "B")]
