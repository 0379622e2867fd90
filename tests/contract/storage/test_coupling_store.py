"""Couplings in storage: kept, found, and never two for one record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from couplings.listing import CouplingOrder, Listed
from couplings.model import BaseSnapshot, Coupling, CouplingState
from couplings.store import CouplingStore
from errors import RefusedRequestError
from tests.fakes.hooked import HookedTable

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def coupling(bc_id: str, crm_id: str, **changes) -> Coupling:
    pair = Coupling(
        mapping="CUSTOMER",
        bc_id=bc_id,
        crm_id=crm_id,
        bc_key=f"C{bc_id}",
        name=f"Customer {bc_id}",
        base=BaseSnapshot(bc={"displayName": bc_id}, crm={"name": bc_id}),
        bc_version='W/"1"',
        crm_version=None,
        state=CouplingState.COUPLED,
        coupled_at=AT,
        synchronized_at=AT,
    )
    return replace(pair, **changes)


def pairs(number: int) -> list[Coupling]:
    return [coupling(f"bc{n:04}", f"crm{n:04}") for n in range(number)]


@pytest.fixture
def table(open_table) -> HookedTable:
    return HookedTable(open_table("couplings"))


@pytest.fixture
def store(table, pool) -> CouplingStore:
    return CouplingStore(table, "connection", pool=pool)


@pytest.fixture
def sequential(table) -> CouplingStore:
    """A store without a pool, for tests that act between two calls."""
    return CouplingStore(table, "connection")


def test_a_coupling_comes_back_as_it_was_given_from_either_side(store: CouplingStore):
    given = coupling("1", "A")

    assert store.couple_many("CUSTOMER", [given]) == []

    assert store.find_by_bc("CUSTOMER", ["1", "2"]) == {"1": given}
    assert store.find_by_crm("CUSTOMER", ["A", "B"]) == {"A": given}


def test_what_is_unknown_comes_back_as_none(store: CouplingStore):
    given = coupling("1", "A", base=None, bc_version=None, synchronized_at=None)

    store.couple_many("CUSTOMER", [given])

    assert store.find_by_bc("CUSTOMER", ["1"]) == {"1": given}


def test_a_base_larger_than_a_column_comes_back_whole(store: CouplingStore):
    base = BaseSnapshot(bc={"text": "😀x" * 20_000, "n": 1.5}, crm={"flag": True, "none": None})

    store.couple_many("CUSTOMER", [coupling("1", "A", base=base)])
    assert store.find_by_bc("CUSTOMER", ["1"])["1"].base == base

    smaller = coupling("1", "A", base=BaseSnapshot(bc={"text": "x"}, crm={}))
    store.save_many("CUSTOMER", [smaller])
    assert store.find_by_bc("CUSTOMER", ["1"])["1"].base == smaller.base


def test_many_couplings_are_stored_scanned_and_counted(store: CouplingStore):
    given = pairs(230)

    assert store.couple_many("CUSTOMER", given) == []

    assert list(store.scan("CUSTOMER")) == given
    assert store.count("CUSTOMER") == 230
    assert store.find_by_crm("CUSTOMER", [each.crm_id for each in given[:60]]) == {
        each.crm_id: each for each in given[:60]
    }


def test_the_index_carries_digests_of_the_bases(store: CouplingStore):
    given = [coupling("1", "A"), coupling("2", "B", base=None, state=CouplingState.FAILED)]
    store.couple_many("CUSTOMER", given)

    first, second = store.scan_index("CUSTOMER")

    assert given[0].base is not None
    assert (first.bc_id, first.crm_id, first.bc_key) == ("1", "A", "C1")
    assert first.bc_digest == given[0].base.digest("bc")
    assert first.crm_digest == given[0].base.digest("crm")
    assert (second.bc_digest, second.crm_digest) == ("", "")
    assert second.state is CouplingState.FAILED


def test_mappings_and_connections_are_apart(store: CouplingStore, table):
    store.couple_many("CUSTOMER", [coupling("1", "A")])
    other_mapping = coupling("1", "B", mapping="CONTACT")
    other_connection = CouplingStore(table, "other")

    assert store.couple_many("CONTACT", [other_mapping]) == []
    assert other_connection.couple_many("CUSTOMER", [coupling("1", "C")]) == []

    assert store.find_by_bc("CUSTOMER", ["1"])["1"].crm_id == "A"
    assert store.find_by_crm("CONTACT", ["A"]) == {}


def test_the_same_pair_again_is_a_success_and_takes_the_new_base(store: CouplingStore):
    store.couple_many("CUSTOMER", [coupling("1", "A")])
    later = AT + timedelta(hours=1)
    again = coupling(
        "1", "A", base=BaseSnapshot(bc={"displayName": "new"}, crm={}), coupled_at=later
    )

    assert store.couple_many("CUSTOMER", [again]) == []

    assert store.find_by_bc("CUSTOMER", ["1"]) == {"1": replace(again, coupled_at=AT)}


@pytest.mark.parametrize(
    ("pair", "bc_coupled_to", "crm_coupled_to", "told"),
    [
        (("1", "B"), "A", None, "BC record 1 is coupled to CRM record A"),
        (("2", "A"), None, "1", "CRM record A is coupled to BC record 1"),
    ],
)
def test_a_record_with_another_partner_is_refused_naming_it(
    store: CouplingStore, pair, bc_coupled_to, crm_coupled_to, told
):
    store.couple_many("CUSTOMER", [coupling("1", "A")])

    [refusal] = store.couple_many("CUSTOMER", [coupling(*pair)])

    assert (refusal.bc_coupled_to, refusal.crm_coupled_to) == (bc_coupled_to, crm_coupled_to)
    assert told in refusal.message
    assert [each.crm_id for each in store.scan("CUSTOMER")] == ["A"]
    assert store.find_by_crm("CUSTOMER", ["B"]) == {}


def test_a_refused_pair_does_not_keep_its_batch_from_being_coupled(store: CouplingStore):
    store.couple_many("CUSTOMER", [coupling("bc0007", "other")])

    refusals = store.couple_many("CUSTOMER", pairs(120))

    assert [refusal.coupling.bc_id for refusal in refusals] == ["bc0007"]
    assert store.count("CUSTOMER") == 120


def test_a_batch_interrupted_and_done_again_couples_everything_once(store: CouplingStore):
    given = pairs(60)
    store.couple_many("CUSTOMER", given[:35])

    assert store.couple_many("CUSTOMER", given) == []

    assert list(store.scan("CUSTOMER")) == given


def test_a_batch_done_again_meets_every_kind_of_pair(store: CouplingStore):
    store.couple_many(
        "CUSTOMER", [coupling("same", "S"), coupling("1", "taken"), coupling("x", "2")]
    )
    again = coupling("same", "S", name="renamed")
    given = [again, coupling("1", "A"), coupling("y", "2"), coupling("new", "N")]

    refusals = store.couple_many("CUSTOMER", given)

    assert [refusal.coupling.bc_id for refusal in refusals] == ["1", "y"]
    assert {(each.bc_id, each.crm_id, each.name) for each in store.scan("CUSTOMER")} == {
        ("same", "S", "renamed"),
        ("1", "taken", "Customer 1"),
        ("x", "2", "Customer x"),
        ("new", "N", "Customer new"),
    }


def test_of_two_pairs_of_one_record_in_one_call_the_first_is_coupled(store: CouplingStore):
    given = [coupling("1", "A"), coupling("1", "B"), coupling("2", "A"), coupling("1", "A")]

    refusals = store.couple_many("CUSTOMER", given)

    assert [(r.coupling.bc_id, r.coupling.crm_id) for r in refusals] == [("1", "B"), ("2", "A")]
    assert list(store.scan("CUSTOMER")) == [coupling("1", "A")]


def test_a_coupling_that_no_row_can_hold_is_refused_alone(store: CouplingStore):
    given = [coupling("1", "A"), coupling("2", "B", name="x" * 40_000), coupling("3", "C")]

    [refusal] = store.couple_many("CUSTOMER", given)

    assert refusal.coupling.bc_id == "2"
    assert [each.bc_id for each in store.scan("CUSTOMER")] == ["1", "3"]


@pytest.mark.parametrize("changes", [{"mapping": "CONTACT"}, {"bc_id": ""}, {"crm_id": ""}])
def test_a_malformed_coupling_is_a_defect_of_the_caller(store: CouplingStore, changes):
    with pytest.raises(ValueError, match="a coupling of"):
        store.couple_many("CUSTOMER", [replace(coupling("1", "A"), **changes)])


def test_couplings_are_saved_by_merge(store: CouplingStore):
    store.couple_many("CUSTOMER", pairs(130))
    changed = [
        replace(each, bc_version="2", crm_version="3", state=CouplingState.CONFLICT)
        for each in store.scan("CUSTOMER")
    ]

    assert store.save_many("CUSTOMER", changed) == []

    assert list(store.scan("CUSTOMER")) == changed


def test_saving_a_coupling_that_is_gone_is_refused_and_the_others_are_saved(store: CouplingStore):
    store.couple_many("CUSTOMER", [coupling("1", "A"), coupling("2", "B")])
    store.uncouple("CUSTOMER", "1")

    refusals = store.save_many("CUSTOMER", [coupling("1", "A"), coupling("2", "B", name="new")])

    assert [refusal.coupling.bc_id for refusal in refusals] == ["1"]
    assert list(store.scan("CUSTOMER")) == [coupling("2", "B", name="new")]


def test_saving_a_pair_read_before_it_was_coupled_otherwise_is_refused(store: CouplingStore):
    store.couple_many("CUSTOMER", [coupling("1", "A")])
    read_before = list(store.scan("CUSTOMER"))
    store.uncouple("CUSTOMER", "1")
    store.couple_many("CUSTOMER", [coupling("1", "B")])

    [refusal] = store.save_many("CUSTOMER", read_before)

    assert refusal.bc_coupled_to == "B"
    assert list(store.scan("CUSTOMER")) == [coupling("1", "B")]


def test_uncoupling_frees_both_records(store: CouplingStore):
    store.couple_many("CUSTOMER", [coupling("1", "A")])

    assert store.uncouple("CUSTOMER", "1") == coupling("1", "A")
    assert store.uncouple("CUSTOMER", "1") is None

    assert store.couple_many("CUSTOMER", [coupling("1", "B"), coupling("2", "A")]) == []


def test_pages_cover_everything_once(store: CouplingStore):
    given = pairs(25)
    store.couple_many("CUSTOMER", given)

    seen, continuation, requests = [], None, 0
    while True:
        page = store.list_page("CUSTOMER", Listed(limit=10, continuation=continuation))
        seen += page.couplings
        continuation = page.continuation
        requests += 1
        if continuation is None:
            break

    # a list leaves out what both sides agreed on
    assert seen == [replace(each, base=None) for each in given]
    assert requests == 3


def test_a_last_page_that_is_full_has_no_continuation(store: CouplingStore):
    store.couple_many("CUSTOMER", pairs(10))

    assert store.list_page("CUSTOMER", Listed(limit=10)).continuation is None


@pytest.mark.parametrize("continuation", ["", "x", "é", "e30=", "W1tdLFtdXQ==", "W1sxXSxbMl1d"])
def test_a_continuation_from_elsewhere_is_refused(store: CouplingStore, continuation: str):
    with pytest.raises(RefusedRequestError) as caught:
        store.list_page("CUSTOMER", Listed(limit=10, continuation=continuation))

    assert (caught.value.status, caught.value.code) == (400, "continuation-unknown")


@pytest.mark.parametrize("change", [lambda text: text[:-4], lambda text: "A" + text[1:], str.upper])
def test_a_continuation_that_was_tampered_with_is_refused(store: CouplingStore, change):
    store.couple_many("CUSTOMER", pairs(11))
    given = store.list_page("CUSTOMER", Listed(limit=10)).continuation or ""

    with pytest.raises(RefusedRequestError):
        store.list_page("CUSTOMER", Listed(limit=10, continuation=change(given)))


def test_a_continuation_of_another_table_mapping_is_refused(store: CouplingStore):
    store.couple_many("CUSTOMER", pairs(11))
    given = store.list_page("CUSTOMER", Listed(limit=10)).continuation

    with pytest.raises(RefusedRequestError):
        store.list_page("CONTACT", Listed(limit=10, continuation=given))


DAY = timedelta(days=1)


def in_disorder() -> list[Coupling]:
    return [
        coupling("1", "A", name="Trey Research", synchronized_at=AT + DAY),
        coupling("2", "B", name="Adatum", state=CouplingState.CONFLICT, synchronized_at=None),
        coupling("3", "C", name="School of Fine Art", bc_key="30000", synchronized_at=AT),
    ]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (CouplingOrder.BC_ID, "123"),
        (CouplingOrder.KEY, "312"),
        (CouplingOrder.NAME, "231"),
        (CouplingOrder.SYNCHRONIZED, "231"),
        (CouplingOrder.LATEST_SYNCHRONIZED, "132"),
    ],
)
def test_a_list_comes_in_the_order_that_is_asked_for(store: CouplingStore, order, expected):
    store.couple_many("CUSTOMER", in_disorder())
    seen, continuation = "", None
    while True:
        page = store.list_page("CUSTOMER", Listed(order=order, limit=2, continuation=continuation))
        seen += "".join(each.bc_id for each in page.couplings)
        continuation = page.continuation
        if continuation is None:
            break
    assert seen == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"state": CouplingState.CONFLICT}, "2"),
        ({"search": "ADAT"}, "2"),
        ({"search": "3000"}, "3"),
        ({"search": "c"}, "123"),  # ids, numbers and names alike
        ({"search": "c", "state": CouplingState.PARKED}, ""),
    ],
)
@pytest.mark.parametrize("order", [CouplingOrder.BC_ID, CouplingOrder.NAME])
def test_a_list_holds_what_is_asked_for(store: CouplingStore, wanted, expected, order):
    store.couple_many("CUSTOMER", in_disorder())
    page = store.list_page("CUSTOMER", Listed(order=order, **wanted))
    assert "".join(sorted(each.bc_id for each in page.couplings)) == expected


def test_a_continuation_of_another_order_is_refused(store: CouplingStore):
    store.couple_many("CUSTOMER", in_disorder())
    by_name = store.list_page("CUSTOMER", Listed(order=CouplingOrder.NAME, limit=1)).continuation
    for order in (CouplingOrder.BC_ID, CouplingOrder.KEY):
        with pytest.raises(RefusedRequestError):
            store.list_page("CUSTOMER", Listed(order=order, continuation=by_name))


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_limit_out_of_range_is_refused(store: CouplingStore, limit: int):
    with pytest.raises(RefusedRequestError):
        store.list_page("CUSTOMER", Listed(limit=limit))


@pytest.mark.parametrize(("mine", "theirs"), [(("1", "A"), ("1", "B")), (("1", "A"), ("2", "A"))])
def test_a_writer_that_comes_second_is_refused_and_leaves_nothing(
    table, sequential: CouplingStore, mine, theirs
):
    rival = CouplingStore(HookedTable(table), "connection")
    table.before("transact", lambda: rival.couple_many("CUSTOMER", [coupling(*theirs)]))

    [refusal] = sequential.couple_many("CUSTOMER", [coupling(*mine)])

    assert refusal.coupling == coupling(*mine)
    assert list(sequential.scan("CUSTOMER")) == [coupling(*theirs)]
    assert sequential.find_by_crm("CUSTOMER", ["A", "B"]) == {theirs[1]: coupling(*theirs)}


@pytest.mark.parametrize("clash", ["bc", "crm"])
def test_of_many_writers_at_one_record_exactly_one_wins(store: CouplingStore, clash: str):
    rivals = [
        coupling("1", f"A{n}") if clash == "bc" else coupling(f"1{n}", "A") for n in range(12)
    ]

    with ThreadPoolExecutor(6) as writers:
        refused = list(writers.map(lambda c: store.couple_many("CUSTOMER", [c]), rivals))

    winner = rivals[refused.index([])]
    assert refused.count([]) == 1
    assert list(store.scan("CUSTOMER")) == [winner]
    assert store.find_by_crm("CUSTOMER", [each.crm_id for each in rivals]) == {
        winner.crm_id: winner
    }


def test_a_couple_whose_answer_was_lost_is_a_success(table, sequential: CouplingStore):
    table.lose_answer("transact")

    assert sequential.couple_many("CUSTOMER", pairs(3)) == []

    assert list(sequential.scan("CUSTOMER")) == pairs(3)


def test_a_pair_uncoupled_while_it_stood_in_the_way_is_coupled_after_all(
    table, sequential: CouplingStore
):
    sequential.couple_many("CUSTOMER", [coupling("1", "B")])
    table.before("get", lambda: None)  # the reading of the batch, which sees the other partner
    table.before("get", lambda: sequential.uncouple("CUSTOMER", "1"))

    assert sequential.couple_many("CUSTOMER", [coupling("1", "A")]) == []

    assert list(sequential.scan("CUSTOMER")) == [coupling("1", "A")]


def test_a_pair_refreshed_by_two_at_once_is_a_success_for_both(table, sequential: CouplingStore):
    rival = CouplingStore(HookedTable(table), "connection")
    sequential.couple_many("CUSTOMER", [coupling("1", "A")])
    table.before("transact", lambda: None)  # the insert, which is refused
    table.before("transact", lambda: rival.couple_many("CUSTOMER", [coupling("1", "A", name="x")]))

    assert sequential.couple_many("CUSTOMER", [coupling("1", "A", name="y")]) == []

    assert list(sequential.scan("CUSTOMER")) == [coupling("1", "A", name="y")]


def test_a_coupling_changed_while_it_is_removed_is_removed(table, sequential: CouplingStore):
    sequential.couple_many("CUSTOMER", [coupling("1", "A")])
    rival = CouplingStore(HookedTable(table), "connection")
    table.before("transact", lambda: rival.save_many("CUSTOMER", [coupling("1", "A", name="x")]))

    assert sequential.uncouple("CUSTOMER", "1") == coupling("1", "A", name="x")

    assert sequential.count("CUSTOMER") == 0
    assert sequential.couple_many("CUSTOMER", [coupling("2", "A")]) == []
