"""What must hold after the demo's run, seen in the two systems themselves."""

from __future__ import annotations

from collections import Counter
from typing import Any

from local.coupler_client import CouplerClient
from local.simulated_world import SimulatedWorld

_TABLES = (
    # table mapping, BC set, its id, CRM set, its id, column that must be unique in CRM
    ("SALESPEOPLE", "salespeoplePurchasers", "id", "systemusers", "systemuserid", ""),
    ("CURRENCY", "currencies", "id", "transactioncurrencies", "transactioncurrencyid", ""),
    ("UNIT OF MEASURE", "unitsOfMeasure", "id", "uomschedules", "uomscheduleid", "name"),
    ("CUSTOMER", "customers", "id", "accounts", "accountid", "accountnumber"),
    ("CONTACT", "contacts", "id", "contacts", "contactid", ""),
    ("ITEM-PRODUCT", "items", "id", "products", "productid", "productnumber"),
    ("RESOURCE-PRODUCT", "resources", "SystemId", "products", "productid", "productnumber"),
    (
        "CUSTPRCGRP-PRICE",
        "customerPriceGroups",
        "SystemId",
        "pricelevels",
        "pricelevelid",
        "name",
    ),
    (
        "SALESPRC-PRODPRICE",
        "salesPrices",
        "SystemId",
        "productpricelevels",
        "productpricelevelid",
        "",
    ),
)
_DONE = ("finished", "finished-with-errors", "skipped")
_SHOWN_PAIRS = (
    ("CUSTOMER", "displayName", "name", "city", "address1_city", 2),
    ("CONTACT", "displayName", "fullname", "email", "emailaddress1", 1),
    ("ITEM-PRODUCT", "displayName", "name", "unitPrice", "price", 2),
)


def counts(
    client: CouplerClient, world: SimulatedWorld, connection: str
) -> list[tuple[str, str, int, str, int, int]]:
    """Records on both sides and couplings, for every table."""
    return [
        (
            mapping,
            bc_set,
            world.count("business_central", bc_set),
            crm_set,
            world.count("crm", crm_set),
            len(client.couplings(connection, mapping)),
        )
        for mapping, bc_set, _, crm_set, _, _ in _TABLES
    ]


def pairs(
    client: CouplerClient, world: SimulatedWorld, connection: str
) -> list[tuple[str, str, str]]:
    """Five coupled pairs with a field of each side, for people to compare."""
    shown = []
    for mapping, bc_name, crm_name, bc_field, crm_field, number in _SHOWN_PAIRS:
        tables = next(table for table in _TABLES if table[0] == mapping)
        bc = _by_id(world.dump("business_central", tables[1]), tables[2])
        crm = _by_id(world.dump("crm", tables[3]), tables[4])
        for coupling in client.couplings(connection, mapping)[:number]:
            left, right = bc.get(coupling["bc_id"]), crm.get(coupling["crm_id"])
            shown.append(
                (mapping, _words(left, bc_name, bc_field), _words(right, crm_name, crm_field))
            )
    return shown


def _words(record: dict[str, Any] | None, *fields: str) -> str:
    return ", ".join(str(record.get(field)) for field in fields) if record else "(elsewhere)"


def _by_id(rows: list[dict[str, Any]], id_field: str) -> dict[str, dict[str, Any]]:
    return {row[id_field]: row for row in rows}


def check(
    review: dict[str, Any],
    outcomes: list[dict[str, Any]],
    client: CouplerClient,
    world: SimulatedWorld,
    connection: str,
    *,
    again: bool,
) -> list[str]:
    """Everything that does not hold, in words; empty when all is well."""
    faults = [
        f"{line['name']} is {line['job_queue_entry_status'] or 'not begun'}: {line['message']}"
        for line in review["lines"]
        if line["job_queue_entry_status"] not in _DONE
    ]
    faults += _unexplained(outcomes)
    faults += _duplicates(world)
    faults += _dangling(client, world, connection)
    if again:
        faults += [
            f"{line['name']} created {created} record(s) although nothing was new"
            for line in review["lines"]
            if (created := sum(each["inserted"] for each in line["counters"].values()))
        ]
    return faults


def _unexplained(outcomes: list[dict[str, Any]]) -> list[str]:
    return [
        f"the outcome of {outcome['record_name']} does not say why, or what to do"
        for outcome in outcomes
        if not outcome["message"] or not outcome["hint"]
    ]


def _duplicates(world: SimulatedWorld) -> list[str]:
    found = []
    for _, _, _, crm_set, _, column in _TABLES:
        if column:
            values = Counter(row.get(column) for row in world.dump("crm", crm_set))
            twice = [value for value, times in values.items() if value and times > 1]
            found += [f"{crm_set} has {value!r} more than once" for value in twice]
    return found


def _dangling(client: CouplerClient, world: SimulatedWorld, connection: str) -> list[str]:
    """Couplings whose records are not there."""
    found = []
    for mapping, bc_set, bc_id, crm_set, crm_id, _ in _TABLES:
        bc = set(_by_id(world.dump("business_central", bc_set), bc_id))
        crm = set(_by_id(world.dump("crm", crm_set), crm_id))
        for coupling in client.couplings(connection, mapping):
            if bc and coupling["bc_id"] not in bc:
                found.append(f"{mapping} {coupling['name']} is coupled, but not in {bc_set}")
            if crm and coupling["crm_id"] not in crm:
                found.append(f"{mapping} {coupling['name']} is coupled, but not in {crm_set}")
    return found
