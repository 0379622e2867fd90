"""The way back after local state was lost: a full synchronization and a look for drift.

What the couplings and the watermarks said is found again in the records: by the ids that Coupler
gave to those it made, and by natural keys. Nothing is lost and nothing is made twice; where the two
sides hold different values, nobody can tell any more who changed what, so both are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.catalog import DEFAULT_CATALOG
from sync.job_model import RunKind
from sync.reconcile import reconcile_table
from sync.references import References
from tests.support.table_jobs import SyncWorld, bc_customer, bc_item, crm_account

TWO_WAY = {"phoneNumber": "telephone1", "email": "emailaddress1", "city": "address1_city"}
type Step = tuple[str, int, str, str]


def lose_local_state(world: SyncWorld, mapping: str = "CUSTOMER") -> None:
    """As if the tables of couplings and watermarks had been dropped."""
    partitions = {"couplings": (world.connection, mapping), "watermarks": (world.connection,)}
    for name, partition in partitions.items():
        table = world.account.table(name, world.tenant)
        for row in list(table.scan(partition)):
            table.delete(row.partition, row.key)
    assert list(world.couplings.scan(mapping)) == []


def do(world: SyncWorld, steps: Sequence[Step]) -> None:
    """What users do in both systems, and synchronizations in between."""
    for what, number, field, value in steps:
        customers = sorted(world.bc.tables["customers"])
        accounts = sorted(world.crm.tables["accounts"])
        if what == "synchronize":
            world.synchronize("CUSTOMER")
        elif what == "new customer":
            world.bc.put("customers", bc_customer(f"{10000 + number}"))
        elif what == "new account":
            world.crm.put("accounts", crm_account(number))
        elif what == "edit customer" and customers:
            world.bc.put("customers", {"id": customers[number % len(customers)], field: value})
        elif what == "edit account" and accounts:
            crm_id = accounts[number % len(accounts)]
            world.crm.put("accounts", {"accountid": crm_id, TWO_WAY[field]: value})


def pairs_of(world: SyncWorld) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Both records of every coupling."""
    return [
        (
            dict(world.bc.tables["customers"][each.bc_id]),
            dict(world.crm.tables["accounts"][each.crm_id]),
        )
        for each in world.couplings.scan("CUSTOMER")
    ]


def values_of(world: SyncWorld) -> dict[tuple[str, str, str], str]:
    """Every value that a person could have entered, by side, record and BC's field."""
    customers = {
        ("bc", each["id"], field): each.get(field) or ""
        for each in world.bc.tables["customers"].values()
        for field in TWO_WAY
    }
    return customers | {
        ("crm", each["accountid"], field): each.get(column) or ""
        for each in world.crm.tables["accounts"].values()
        for field, column in TWO_WAY.items()
    }


def unexplained(world: SyncWorld, mapping: str = "CUSTOMER") -> list[object]:
    found = reconcile_table(world.open(DEFAULT_CATALOG.named(mapping)), now=world.now)
    return [each for each in found if each.explained_by != "update-conflict"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["synchronize", "new customer", "new account", "edit customer", "edit account"]
        ),
        st.integers(1, 6),
        st.sampled_from(sorted(TWO_WAY)),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_users_did_the_rebuilt_state_loses_nothing_and_makes_nothing_twice(steps):
    world = SyncWorld()
    do(world, [*steps, ("synchronize", 0, "", "")])
    coupled = {(each.bc_id, each.crm_id) for each in world.couplings.scan("CUSTOMER")}
    do(world, [step for step in steps if step[0].startswith("edit")])
    before = values_of(world)
    lose_local_state(world)
    world.synchronize("CUSTOMER")
    assert {(each.bc_id, each.crm_id) for each in world.couplings.scan("CUSTOMER")} == coupled
    assert len(world.bc.tables["customers"]) == len(world.crm.tables["accounts"]) == len(coupled)
    after = values_of(world)
    assert all(after[key] == value for key, value in before.items() if value)
    assert unexplained(world) == []


@given(steps=STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_second_synchronization_after_the_rebuild_writes_nothing(steps):
    world = SyncWorld()
    do(world, steps)
    lose_local_state(world)
    world.synchronize("CUSTOMER")
    written = (len(world.bc.writes), len(world.crm.writes))
    world.synchronize("CUSTOMER")
    assert (len(world.bc.writes), len(world.crm.writes)) == written


@pytest.fixture
def world() -> SyncWorld:
    """A customer that Coupler copied to CRM, and an account that it copied to Business Central."""
    made = SyncWorld()
    made.bc.put("customers", bc_customer("10000"))
    made.crm.put("accounts", crm_account(7))
    made.synchronize("CUSTOMER")
    return made


def test_records_whose_every_natural_key_was_edited_are_found_by_their_ids(world):
    for crm_id in list(world.crm.tables["accounts"]):
        world.crm.put("accounts", {"accountid": crm_id, "name": "x", "accountnumber": "y"})
    lose_local_state(world)
    world.synchronize("CUSTOMER")
    assert len(world.bc.tables["customers"]) == len(world.crm.tables["accounts"]) == 2
    assert unexplained(world) == []


def test_where_both_sides_hold_a_value_both_are_kept_and_the_look_shows_them(world):
    (bc, crm), *_ = pairs_of(world)
    world.bc.put("customers", {"id": bc["id"], "phoneNumber": "1"})
    world.crm.put("accounts", {"accountid": crm["accountid"], "telephone1": "2"})
    lose_local_state(world)
    world.synchronize("CUSTOMER")
    world.drain(world.start("CUSTOMER", kind=RunKind.RECONCILE))
    (drift,) = world.drift.list_page(mapping="CUSTOMER").drift
    (field,) = drift.fields
    assert (field.bc_value, field.crm_value) == ("1", "2")
    assert drift.explained_by == "update-conflict"


class _Catalogue(SyncWorld):
    """Two items and their unit of measure, whose group makes its base unit by itself."""

    def load_references(self) -> References:
        groups = self.crm.tables["uomschedules"]
        return replace(self.references, base_units={each: f"unit of {each}" for each in groups})


def test_products_and_the_units_they_refer_to_are_found_again():
    world = _Catalogue()
    for number in ("1000", "1001"):
        world.bc.put("items", bc_item(number))
    world.bc.put("unitsOfMeasure", {"id": "uom", "code": "PCS", "displayName": "Piece"})
    world.synchronize()
    coupled = {each.bc_id: each.crm_id for each in world.couplings.scan("ITEM-PRODUCT")}
    made = {name: len(rows) for name, rows in world.crm.tables.items()}
    assert len(coupled) == made["products"] == 2
    for mapping in ("ITEM-PRODUCT", "UNIT OF MEASURE"):
        lose_local_state(world, mapping)
    world.synchronize()
    again = {each.bc_id: each.crm_id for each in world.couplings.scan("ITEM-PRODUCT")}
    assert again == coupled
    assert {name: len(rows) for name, rows in world.crm.tables.items()} == made
    assert unexplained(world, "ITEM-PRODUCT") == unexplained(world, "UNIT OF MEASURE") == []
