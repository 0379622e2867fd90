"""What a webhook announces is on the other side within seconds, as long as one is registered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync.mappings import MAPPINGS
from tests.integration.incremental.office import Customer, Office, soon
from tests.integration.webhooks.registrar import Registrar

ANNOUNCED_WITHIN = 15.0
"""Seconds. Measured 2.5 to 4.9 on a busy machine."""

SUBSCRIBED = {"currencies", "customers", "items", "unitsOfMeasure"}
"""The mapped entity sets that Business Central documents as supported."""

CRM_TABLES = {mapping.crm.name for mapping in MAPPINGS.values()}


def arrives_in_crm(office: Office, customer: Customer, city: str) -> None:
    soon(
        lambda: office.crm(customer.crm_id)["address1_city"] == city,
        "an edit in Business Central arriving in CRM",
        seconds=ANNOUNCED_WITHIN,
    )


def deliveries(registrar: Registrar) -> dict[str, str]:
    """When each service called last; empty until both have."""
    last: dict[str, str] = registrar.shown()["last_delivery"]
    return last if all(last.values()) else {}


def arrives_in_bc(office: Office, customer: Customer, city: str) -> None:
    soon(
        lambda: office.bc(customer.bc_id)["city"] == city,
        "an edit in CRM arriving in Business Central",
        seconds=ANNOUNCED_WITHIN,
    )


def test_registering_covers_what_each_service_can_tell_of(registrar: Registrar):
    shown = registrar.shown()
    assert set(registrar.subscriptions()) == SUBSCRIBED
    assert len(registrar.steps()) == 3 * len(CRM_TABLES)
    assert shown["registered"]
    assert shown["problem"] == ""
    for table in shown["tables"]:
        is_subscribed = MAPPINGS[table["mapping"]].bc.name in SUBSCRIBED
        assert table["crm"] == "webhook"
        assert table["bc"] == ("webhook" if is_subscribed else "polled")
        assert bool(table["bc_expires_at"]) is is_subscribed


def test_an_edit_on_either_side_arrives_without_waiting_for_the_timer(
    office: Office, registrar: Registrar
):
    of_bc, of_crm = office.customer(), office.customer()
    office.edit_bc(of_bc.bc_id, city="Ely")
    office.edit_crm(of_crm.crm_id, address1_city="Hull")
    arrives_in_crm(office, of_bc, "Ely")
    arrives_in_bc(office, of_crm, "Hull")
    last = soon(lambda: deliveries(registrar), "calls of both services")
    now = datetime.now(UTC)
    for side in ("bc", "crm"):
        assert now - datetime.fromisoformat(last[side]) < timedelta(minutes=5)


def test_a_new_record_and_a_deleted_one_are_announced(office: Office, registrar: Registrar):
    gone = office.customer()
    office.delete_crm(gone.crm_id)
    soon(
        lambda: office.outcome(gone.bc_id),
        "the report of a deleted account",
        seconds=ANNOUNCED_WITHIN,
    )
    account_id = office.new_account(name="Mill", emailaddress1="announced@mill.example")
    soon(
        lambda: office.crm(account_id)["accountnumber"],
        "the number of the customer made of a new account",
        seconds=ANNOUNCED_WITHIN,
    )


def test_registering_again_makes_nothing_twice(registrar: Registrar):
    before = registrar.subscriptions(), registrar.steps()
    registrar.register()
    assert (registrar.subscriptions(), registrar.steps()) == before


def test_new_keys_replace_those_of_both_services(office: Office, registrar: Registrar):
    before = registrar.subscriptions()
    registrar.rotate()
    after = registrar.subscriptions()
    assert set(before) == set(after)
    states = {row["clientState"] for row in before.values()}
    assert states.isdisjoint(row["clientState"] for row in after.values())
    of_bc, of_crm = office.customer(), office.customer()
    office.edit_bc(of_bc.bc_id, city="Bath")
    office.edit_crm(of_crm.crm_id, address1_city="York")
    arrives_in_crm(office, of_bc, "Bath")
    arrives_in_bc(office, of_crm, "York")


def test_subscriptions_that_end_soon_are_renewed(registrar: Registrar):
    """As the timer does, hour by hour; here Business Central's clock was 40 hours behind."""
    registrar.remove()
    registrar.set_clock_of_bc(-40 * 3600)
    registrar.register()
    ids = {row["subscriptionId"] for row in registrar.subscriptions().values()}
    early = registrar.expiries()
    registrar.set_clock_of_bc(0)
    registrar.register()
    late = registrar.expiries()
    assert {row["subscriptionId"] for row in registrar.subscriptions().values()} == ids
    assert all(late[name] - early[name] > timedelta(hours=39) for name in SUBSCRIBED)
    shown = [table["bc_expires_at"] for table in registrar.shown()["tables"]]
    assert {datetime.fromisoformat(one) for one in shown if one} == set(late.values())


def test_a_lost_subscription_is_made_again(office: Office, registrar: Registrar):
    registrar.lose_subscription("customers")
    registrar.register()
    assert set(registrar.subscriptions()) == SUBSCRIBED
    customer = office.customer()
    office.edit_bc(customer.bc_id, city="Wells")
    arrives_in_crm(office, customer, "Wells")


def test_the_timer_makes_a_lost_subscription_again_and_renews_the_others(registrar: Registrar):
    registrar.remove()
    registrar.set_clock_of_bc(-40 * 3600)
    registrar.register()
    early = registrar.expiries()
    registrar.set_clock_of_bc(0)
    registrar.lose_subscription("customers")
    registrar.run_timer()
    soon(
        lambda: (
            set(late := registrar.expiries()) == SUBSCRIBED
            and all(late[name] - early[name] > timedelta(hours=39) for name in SUBSCRIBED)
        ),
        "subscriptions that the timer renewed",
    )


@pytest.mark.parametrize("query", ["", "?code=", "?code=forged"])
def test_a_forged_call_in_the_name_of_crm_is_refused(registrar: Registrar, query: str):
    body = {"MessageName": "Update", "PrimaryEntityName": "account", "PrimaryEntityId": "x"}
    assert registrar.call_receiver("crm", query, body).status == 401


def test_a_forged_call_in_the_name_of_bc_is_dropped_and_no_key_is_given_away(
    registrar: Registrar,
):
    entry = {
        "clientState": "forged",
        "changeType": "updated",
        "resource": registrar.subscriptions()["customers"]["resource"] + "(x)",
    }
    answer = registrar.call_receiver("bc", "", {"value": [entry]})
    assert (answer.status, answer.body or "") == (202, "")


def test_without_webhooks_nothing_is_left_and_nobody_is_answered(
    office: Office, registrar: Registrar
):
    handshake = "?validationToken=abc"
    assert registrar.call_receiver("bc", handshake).status == 200
    registrar.remove()
    registrar.remove()
    assert (registrar.subscriptions(), registrar.steps()) == ({}, [])
    shown = registrar.shown()
    assert not shown["registered"]
    assert {(table["bc"], table["crm"]) for table in shown["tables"]} == {("polled", "polled")}
    assert registrar.call_receiver("bc", handshake).status == 404
    customer = office.customer()
    office.edit_bc(customer.bc_id, city="Ripon")
    office.pass_over()
    arrives_in_crm(office, customer, "Ripon")  # polled as before there were webhooks
