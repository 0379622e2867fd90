"""Which couplings a pass reads, how often, and that it never decides by outdated ones."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest

from couplings.model import BaseSnapshot, Coupling, CouplingState
from couplings.store import CouplingStore
from identity.model import TenantId
from sync.known_couplings import KnownCouplings
from sync.pair import Pair
from tests.fakes.tables import MemoryAccount, StorageCall

MOMENT = datetime(2026, 6, 26, tzinfo=UTC)
TENANT = TenantId("11111111-1111-4111-8111-111111111111")
ALL = range(600)


def bc(number: int) -> str:
    return str(UUID(int=1000 + number))


def crm(number: int) -> str:
    return str(UUID(int=9000 + number))


def coupling(number: int, partner: int | None = None) -> Coupling:
    return Coupling(
        mapping="CUSTOMER",
        bc_id=bc(number),
        crm_id=crm(number if partner is None else partner),
        bc_key=str(number),
        name=f"Customer {number}",
        base=BaseSnapshot(bc={"city": "A"}, crm={"address1_city": "A"}),
        bc_version=None,
        crm_version=None,
        state=CouplingState.COUPLED,
        coupled_at=MOMENT,
        synchronized_at=MOMENT,
    )


class Table:
    """600 coupled customers, and what is asked of them."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        account = MemoryAccount(self._watch)
        self.store = CouplingStore(account.table("couplings", TENANT), "cronus")
        self.store.couple_many("CUSTOMER", [coupling(each) for each in ALL])
        self.known = KnownCouplings(self.store, "CUSTOMER")
        self.asked.clear()

    def _watch(self, moment: str, call: StorageCall) -> bool:
        self.asked[call.verb] += moment == "before"
        return False

    def pairs(self, bc_ids: list[str], crm_ids: list[str]) -> set[tuple[str, str]]:
        return {(each.bc_id, each.crm_id) for each in self.known.find(bc_ids, crm_ids)}


@pytest.fixture
def table() -> Table:
    return Table()


def test_few_records_are_looked_up_one_by_one(table):
    found = table.pairs([bc(1), bc(2), bc(700)], [crm(2), crm(3), crm(700)])
    assert found == {(bc(1), crm(1)), (bc(2), crm(2)), (bc(3), crm(3))}
    assert table.asked["query"] == 0


def test_once_many_are_met_all_are_read_a_single_time(table):
    every = [crm(each) for each in ALL]
    assert len(table.pairs([], every)) == 600
    assert len(table.pairs([bc(1), bc(700)], every)) == 600
    assert table.asked == {"query": 1}


def test_what_the_pass_stored_itself_is_looked_up_again(table):
    every = [crm(each) for each in ALL]
    met = next(each for each in table.known.find([], every) if each.bc_id == bc(7))
    table.known.touch([Pair(origin="crm", bc_id=bc(7), crm_id=crm(700), entry=met)])
    table.store.recouple("CUSTOMER", coupling(7, partner=700))
    assert table.pairs([bc(7)], []) == {(bc(7), crm(700))}
    assert table.pairs([], [crm(700)]) == {(bc(7), crm(700))}
    assert table.pairs([], [crm(7)]) == set()
    assert table.pairs([], [crm(8)]) == {(bc(8), crm(8))}


def test_a_coupling_whose_content_was_stored_comes_with_its_new_version(table):
    every = [bc(each) for each in ALL]
    before = {each.bc_id: each for each in table.known.find(every, [])}
    table.known.touch([Pair(origin="bc", bc_id=bc(7), crm_id=crm(7), entry=before[bc(7)])])
    table.store.save_many("CUSTOMER", [coupling(7)])
    (after,) = table.known.find([bc(7)], [])
    assert after.etag != before[bc(7)].etag
    (other,) = table.known.find([bc(8)], [])
    assert other.etag == before[bc(8)].etag


def test_all_are_read_again_where_many_were_stored(table):
    every = [bc(each) for each in ALL]
    found = table.known.find(every, [])
    table.known.touch(
        Pair(origin="bc", bc_id=each.bc_id, crm_id=each.crm_id, entry=each) for each in found
    )
    table.asked.clear()
    assert len(table.known.find(every, [])) == 600
    assert table.asked == {"query": 1}
