"""Two who work at the same records: the second one acts at every moment of the first one's work.

Each race is run once for every storage request of the first one. Either the first one goes on at
once, or it had paused for so long that its hold on the table ran out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest

from errors import ConcurrencyError, RefusedRequestError, TransientError
from sync.by_hand.pair_requests import Selection
from sync.by_hand.pairing import First
from tests.fakes.tables import MemoryAccount, StorageCall
from tests.support.by_hand import coupling_by_hand, drain_passes, pair_requests
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

ONE, TWO = bc_customer("10000"), bc_customer("20000")
ACCOUNT, RIVAL = crm_account(1), crm_account(2)
_LONG = 7200  # seconds: every lease has run out


class Contended(SyncWorld):
    """A synchronized table to which two customers and two accounts came; none of them is coupled,
    or the first ones are."""

    def __init__(self, *, coupled: bool) -> None:
        self._before: list[tuple[int, Callable[[], None]]] = []
        self.calls = 0
        super().__init__(MemoryAccount(self._at))
        self.synchronize("CUSTOMER")
        drain_passes(self)
        for customer in (ONE, TWO):
            self.bc.put("customers", customer)
        for account in (ACCOUNT, RIVAL):
            self.crm.put("accounts", account)
        if coupled:
            RIVALS[0][0].act(self)
            self.queues.messages.clear()

    def _at(self, moment: str, call: StorageCall) -> bool:
        if moment == "before":
            self.calls += 1
            if self._before and self._before[0][0] == self.calls:
                self._before.pop()[1]()
        return False

    def interrupt(self, at: int, act: Callable[[], None]) -> None:
        """Have somebody act right before that storage request, counted from now."""
        self.calls = 0
        self._before = [(at, act)]

    @property
    def is_over(self) -> bool:
        """The interruption would have come later than the end."""
        return bool(self._before)

    def pairs(self) -> set[tuple[str, str]]:
        """The coupled pairs, none of which shares a record with another."""
        assert list(self.couplings.halves("CUSTOMER")) == []
        pairs = [(each.bc_id, each.crm_id) for each in self.couplings.scan("CUSTOMER")]
        assert len({bc for bc, _ in pairs}) == len({crm for _, crm in pairs}) == len(pairs)
        return set(pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody does."""

    name: str
    act: Callable[[Contended], object]
    wants: tuple[str, str] | None = None
    """The pair that is coupled where that succeeds."""


def couple(bc: dict[str, object], crm: dict[str, object]) -> Deed:
    bc_id, crm_id = str(bc["id"]), str(crm["accountid"])
    return Deed(
        name=f"couple {bc['number']} with {crm['name']}",
        act=lambda world: coupling_by_hand(world).couple(bc_id, crm_id, First.NONE, replaces=False),
        wants=(bc_id, crm_id),
    )


PASS = Deed(name="pass", act=lambda world: world.pass_worker().handle("CUSTOMER"))
UNCOUPLE = Deed(
    name="uncouple 10000",
    act=lambda world: pair_requests(world).uncouple(Selection(bc=[ONE["id"]])),
)


def tried(world: Contended, deed: Deed) -> bool:
    """Whether it was done; refused and lost ones were not."""
    try:
        deed.act(world)
    except (RefusedRequestError, ConcurrencyError, TransientError):
        return False
    return True


def raced(
    deeds: tuple[Deed, Deed], at: int, pause: float, *, coupled: bool = False
) -> tuple[Contended, bool, bool] | None:
    """The world after the race and which deeds were done; None where the first one was over."""
    world, done = Contended(coupled=coupled), list[bool]()
    first, second = deeds

    def interrupt() -> None:
        world.pass_time(pause)
        done.append(tried(world, second))

    world.interrupt(at, interrupt)
    first_done = tried(world, first)
    return None if world.is_over else (world, first_done, done[0])


RIVALS = [
    (couple(ONE, ACCOUNT), couple(ONE, RIVAL)),
    (couple(ONE, ACCOUNT), couple(TWO, ACCOUNT)),
]


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch):
    class NoThread:
        """Leases last as long as they are given here; thousands of threads would extend them."""

        def __init__(self, **_: object) -> None:
            pass

        def start(self) -> None:
            pass

        def join(self) -> None:
            pass

    monkeypatch.setattr("sync.lease_keeper.Thread", NoThread)


def named(deeds: tuple[Deed, Deed]) -> str:
    return " against ".join(each.name for each in deeds)


@pytest.mark.parametrize("pause", [0, _LONG], ids=["at once", "after a pause"])
@pytest.mark.parametrize("deeds", RIVALS, ids=named)
def test_of_two_persons_at_one_record_exactly_one_is_served(deeds, pause):
    for at in count(1):
        result = raced(deeds, at, pause)
        if result is None:
            return
        world, *served = result
        wanted = [deed.wants for deed, done in zip(deeds, served, strict=True) if done]
        assert len(wanted) == 1, at
        assert world.pairs() == set(wanted), at
        drain_passes(world)
        assert wanted[0] in world.pairs(), at


@pytest.mark.parametrize("pause", [0, _LONG], ids=["at once", "after a pause"])
@pytest.mark.parametrize(
    "deeds",
    [(PASS, RIVALS[0][0]), (RIVALS[0][0], PASS)],
    ids=named,
)
def test_a_person_against_a_pass_that_makes_partners(deeds, pause):
    for at in count(1):
        result = raced(deeds, at, pause)
        if result is None:
            return
        world, *done = result
        pairs = world.pairs()
        person = next(deed for deed in deeds if deed.wants)
        if done[deeds.index(person)]:
            assert person.wants in pairs, at
        world.pass_time(_LONG)
        world.requests.send("")
        drain_passes(world)
        assert world.pairs() >= pairs, at
        assert {bc for bc, _ in world.pairs()} >= {ONE["id"], TWO["id"]}, at


@pytest.mark.parametrize("pause", [0, _LONG], ids=["at once", "after a pause"])
@pytest.mark.parametrize(
    "deeds",
    [(UNCOUPLE, RIVALS[0][1]), (RIVALS[0][1], UNCOUPLE), (UNCOUPLE, PASS), (PASS, UNCOUPLE)],
    ids=named,
)
def test_a_pair_that_is_taken_apart_keeps_others_out_until_it_is(deeds, pause):
    pair = (ONE["id"], ACCOUNT["accountid"])
    for at in count(1):
        result = raced(deeds, at, pause, coupled=True)
        if result is None:
            return
        world, *done = result
        if RIVALS[0][1] in deeds:
            assert not done[deeds.index(RIVALS[0][1])], at
            assert pair in world.pairs(), at
        world.pass_time(_LONG)
        world.requests.send("")
        drain_passes(world)
        if done[deeds.index(UNCOUPLE)]:
            assert pair not in world.pairs(), at
