"""Planned faults, as they meet the Web API: parts of batches, pages, tokens, time limits."""

from __future__ import annotations

import pytest
import requests

from tests.contract.dataverse.batches import (
    CONTINUE,
    batch,
    change_set,
    create,
    names,
    part,
    statuses,
)
from tests.contract.dataverse.client import assert_refused

CONFLICT = {"action": "status", "status": 412, "code": "0x80060882", "message": "Stale."}
CONTACTS = {"method": "POST", "path": "/contacts$"}


def contact(name: str, **more: str) -> bytes:
    return part("POST", "/api/data/v9.2/contacts", {"lastname": name}, **more)


def test_a_part_is_struck_by_its_own_method_and_path(client):
    client.admin("POST", "faults", CONFLICT | {"part": True, "match": CONTACTS})
    answer = batch(client, create("A"), contact("C"), create("B"), prefer=CONTINUE)
    assert (answer.status_code, statuses(answer)) == (200, [204, 412, 204])
    assert '"code":"0x80060882","message":"Stale."' in answer.text
    assert names(client) == ["A", "B"]
    assert client.rows("contacts") == []


def test_a_struck_part_ends_a_batch_that_does_not_continue(client):
    client.admin("POST", "faults", CONFLICT | {"part": True, "match": CONTACTS})
    answer = batch(client, create("A"), contact("C"), create("B"))
    assert (answer.status_code, statuses(answer)) == (400, [204, 412])
    assert names(client) == ["A"]


def test_a_struck_part_takes_its_change_set_along(client):
    fault = CONFLICT | {"part": True, "match": CONTACTS, "retry_after": 3}
    client.admin("POST", "faults", fault)
    inside = change_set(create("A", content_id="1"), contact("C", content_id="2"))
    answer = batch(client, inside, create("B"), prefer=CONTINUE)
    assert statuses(answer) == [412, 204]
    assert "Retry-After: 3" in answer.text
    assert names(client) == ["B"]


def test_parts_are_struck_at_random_by_seed(client):
    def struck(seed: int) -> list[int]:
        client.admin("DELETE", "faults")
        fault = CONFLICT | {"part": True, "probability": 0.5, "seed": seed}
        client.admin("POST", "faults", fault)
        return statuses(batch(client, *[create("A") for _ in range(30)], prefer=CONTINUE))

    assert set(struck(1)) == {204, 412}
    assert struck(1) == struck(1)
    assert struck(1) != struck(2)


def test_a_page_repeats_the_former_pages_last_row(client):
    for number in range(5):
        client.create("accounts", name=f"Row {number}")
    client.admin("POST", "faults", {"action": "page-drift"})
    pages = [client.get("accounts?$select=name", Prefer="odata.maxpagesize=2")]
    while "@odata.nextLink" in pages[-1]:
        pages.append(client.get(pages[-1]["@odata.nextLink"], Prefer="odata.maxpagesize=2"))
    assert [len(page["value"]) for page in pages] == [2, 3, 1]
    assert pages[1]["value"][0] == pages[0]["value"][1]
    ids = {row["accountid"] for page in pages for row in page["value"]}
    assert len(ids) == 5


def test_an_expired_token_is_answered_as_the_service_does(client):
    client.admin("POST", "faults", {"action": "unauthorized"})
    answer = client.send("GET", "accounts")
    assert_refused(answer, 401, "0x80040204", "expired")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert client.rows("accounts") == []


@pytest.mark.parametrize(("action", "written"), [("timeout", []), ("commit-then-timeout", ["A"])])
def test_a_timeout_comes_before_or_after_the_write(client, action, written):
    client.admin("POST", "faults", {"action": action, "seconds": 0.05})
    with pytest.raises(requests.ConnectionError):
        client.send("POST", "accounts", {"name": "A"})
    assert names(client) == written
