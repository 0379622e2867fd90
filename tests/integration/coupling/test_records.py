"""Records of both systems with their coupling state, and undoing what people changed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.coupling.test_by_hand import Desk
from tests.integration.incremental.office import Office, soon


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    return Desk(office)


def get(office: Office, path: str, **query: Any) -> Any:
    told = urlencode(query)
    answer = office.installation.call("GET", f"connections/{office.connection}/{path}?{told}")
    assert answer.status == 200, answer.body
    return answer.body


def records(office: Office, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    found, continuation = [], ""
    while True:
        page = get(office, "records/CUSTOMER", **query, **_following(continuation))
        found += page["records"]
        continuation = page["continuation"]
        if not continuation:
            return found


def _following(continuation: str) -> dict[str, str]:
    return {"continuation": continuation} if continuation else {}


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_all_records_come_once_in_order_whatever_the_page(office: Office, side: str):
    whole = records(office, side=side, limit=1000)
    assert len(whole) > 10
    assert records(office, side=side, limit=3) == whole
    names = [each["name"] for each in whole]
    assert names == sorted(names, key=str.casefold)
    backwards = records(office, side=side, limit=5, sort="-name")
    assert [each["name"] for each in backwards] == sorted(names, key=str.casefold, reverse=True)


def test_a_continuation_belongs_to_its_list(office: Office):
    page = get(office, "records/CUSTOMER", side="bc", limit=2)
    path = f"connections/{office.connection}/records/CUSTOMER"
    query = urlencode({"side": "crm", "limit": 2, "continuation": page["continuation"]})
    assert office.installation.call("GET", f"{path}?{query}").status == 400


def test_a_pair_taken_apart_is_without_partner_on_both_sides_until_that_is_undone(
    desk: Desk, office: Office
):
    customer = desk.apart()
    [alone] = records(office, side="bc", state="uncoupled", key=customer.number)
    assert (alone["id"], alone["coupled_with"]) == (customer.bc_id, None)
    there = records(office, side="crm", state="uncoupled")
    assert customer.crm_id in {each["id"] for each in there}
    change = desk.audited("uncouple_records")["change"]
    pairs = get(office, f"coupling-changes/{change}/CUSTOMER")["pairs"]
    assert [(each["bc_id"], each["action"]) for each in pairs] == [(customer.bc_id, "uncoupled")]
    path = f"connections/{office.connection}/coupling-changes/{change}/undo"
    undone = office.installation.call("POST", path, {})
    assert undone.status == 202, undone.body
    soon(lambda: desk.partner(customer.bc_id) == customer.crm_id, "the pair as it was")
    [again] = records(office, side="bc", key=customer.number)
    assert again["coupled_with"]["id"] == customer.crm_id
    assert records(office, side="bc", state="uncoupled", key=customer.number) == []
    latest = get(office, "coupling-changes", limit=1)["changes"][0]
    assert (latest["origin"], latest["undoes"]) == ("undo", change)
