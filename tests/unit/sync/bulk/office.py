"""Customers and accounts that nobody coupled, for lists of wants."""

from __future__ import annotations

from sync.bulk.model import Action, Want
from sync.by_hand.pairing import First
from tests.support.by_hand import coupling_by_hand, drain_passes
from tests.support.table_jobs import SyncWorld, bc_customer, crm_account

NOWHERE = "00000000-0000-4000-8000-000000000000"


def bc(number: int) -> str:
    """The id of a customer."""
    return str(bc_customer(str(number * 10000))["id"])


def crm(number: int) -> str:
    """The id of an account."""
    return str(crm_account(number)["accountid"])


def couple(
    place: str, number: int, crm_number: int, first: First = First.NONE, *, replaces: bool = False
) -> Want:
    return Want(
        place=place,
        action=Action.COUPLE,
        bc_id=bc(number),
        crm_id=crm(crm_number),
        first=first,
        replaces=replaces,
    )


def uncouple(place: str, number: int, crm_number: int) -> Want:
    return Want(place=place, action=Action.UNCOUPLE, bc_id=bc(number), crm_id=crm(crm_number))


def create_account(place: str, number: int) -> Want:
    return Want(place=place, action=Action.CREATE_IN_CRM, bc_id=bc(number))


def create_customer(place: str, number: int) -> Want:
    return Want(place=place, action=Action.CREATE_IN_BC, crm_id=crm(number))


def fill(world: SyncWorld, records: int) -> None:
    """So many customers and accounts, all with phones of their own."""
    for number in range(1, records + 1):
        customer = bc_customer(str(number * 10000), phoneNumber=f"+44 {number}")
        world.bc.put("customers", customer)
        world.crm.put("accounts", crm_account(number, telephone1=f"+1 {number}"))


def pairs(world: SyncWorld) -> dict[str, str]:
    """Who is coupled with whom, by BC id."""
    assert list(world.couplings.halves("CUSTOMER")) == []
    return {each.bc_id: each.crm_id for each in world.couplings.scan("CUSTOMER")}


def phones(world: SyncWorld, number: int) -> tuple[str, str]:
    customer = world.bc.tables["customers"][bc(number)]
    return customer["phoneNumber"], world.crm.tables["accounts"][crm(number)]["telephone1"]


def couple_by_hand(world: SyncWorld, number: int, crm_number: int) -> None:
    """A pair in step."""
    coupling_by_hand(world).couple(bc(number), crm(crm_number), First.TO_CRM, replaces=True)
    drain_passes(world)


def follow(world: SyncWorld) -> None:
    """The pass that a run left a wish for, and those that it sends for."""
    assert world.requests.is_wanted("CUSTOMER")
    world.requests.send("CUSTOMER")
    drain_passes(world)
