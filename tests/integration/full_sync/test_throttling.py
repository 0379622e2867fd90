"""Services whose limits are lower than what a run asks of them."""

from __future__ import annotations

from typing import Any

from tests.integration.full_sync.installation import BC, CRM, Installation, statuses

MAPPINGS = ("SALESPEOPLE", "CURRENCY", "CUSTOMER", "CONTACT")


def change_limits(installation: Installation, side: str, limits: dict[str, Any]) -> None:
    addresses = installation.platform.addresses
    address = addresses.crm if side == CRM else addresses.business_central
    changed = installation.platform.client.request("PUT", f"{address}/_sim/limits", body=limits)
    assert changed.status == 204, changed.body


def test_a_throttled_run_loses_nothing(installation, small_company):
    connection = installation.connect(small_company)
    change_limits(installation, BC, {"requests": 2, "window_seconds": 2.0})
    change_limits(installation, CRM, {"requests": 2, "window_seconds": 3.0})
    try:
        review = installation.synchronize(connection, MAPPINGS)
    finally:
        for side in (BC, CRM):
            change_limits(installation, side, {"requests": 6000, "window_seconds": 300.0})
    requests = installation.world.requests()
    assert requests[BC]["throttled"] > 0
    assert requests[CRM]["throttled"] > 0
    assert set(statuses(review).values()) == {"finished"}
    customers = {row["number"] for row in installation.dump(BC, "customers")}
    accounts = [row["accountnumber"] for row in installation.dump(CRM, "accounts")]
    assert sorted(accounts) == sorted(customers)
    assert installation.couplings_not_on_both_sides(connection) == []
    assert installation.duplicates() == []
