"""Coupling by match through the local host: match, pick, accept, and what comes of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from local.http_client import Answer
from tests.integration.coupling.test_by_hand import Desk
from tests.integration.full_sync.installation import until
from tests.integration.incremental.office import Office


class Matcher:
    """An administrator who matches customers with accounts."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self._call = office.installation.call
        self._path = f"connections/{office.connection}/matches"

    def customer(self, number: str, **values: Any) -> str:
        return self.office.new_bc("customers", number=number, **values)

    def run(self, action: str, **body: Any) -> dict[str, Any]:
        """Begin a run and wait for its end."""
        begun = self._call("POST", f"{self._path}/{action}", body)
        assert begun.status == 202, begun.body
        path = f"connections/{self.office.connection}/runs/{begun.body['run_id']}"
        assert begun.headers["location"].endswith(path)

        def over() -> Any:
            review = self._call("GET", path).body
            return review if review["run"]["state"] != "in-process" else None

        review: dict[str, Any] = until(over, "the end of the run")
        return review

    def rows(self, kind: str, **query: Any) -> list[dict[str, Any]]:
        answer = self._call("GET", f"{self._path}/CUSTOMER?{urlencode({'kind': kind} | query)}")
        assert answer.status == 200, answer.body
        rows: list[dict[str, Any]] = answer.body["matches"]
        return rows

    def candidates(self, place: str, side: str) -> list[dict[str, Any]]:
        query = urlencode({"place": place, "side": side})
        answer = self._call("GET", f"{self._path}/CUSTOMER/candidates?{query}")
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = answer.body["candidates"]
        return found

    def pick(self, bc: str | None, crm: str | None) -> Answer:
        body = {"picks": [{"bc": bc, "crm": crm}]}
        return self._call("POST", f"{self._path}/CUSTOMER/pick", body)

    def report(self) -> dict[str, Any]:
        body: dict[str, Any] = self._call("GET", self._path).body
        return body

    def couplings(self) -> dict[str, str]:
        found = self.office.client.couplings(self.office.connection, "CUSTOMER")
        return {each["bc_id"]: each["crm_id"] for each in found}


@pytest.fixture(scope="module")
def matcher(office: Office) -> Matcher:
    return Matcher(office)


def test_what_was_never_matched_is_told_so(matcher: Matcher):
    assert matcher.report()["tables"] == []
    assert matcher.pick("a", "b").body["code"] == "not-matched"


def test_the_rest_gets_partners_where_that_is_chosen(matcher: Matcher, office: Office):
    """A record that was taken apart is left alone by passes, so that only the acceptance counts.

    It comes before tests that couple customers of their own: it takes any that is coupled."""
    customer = Desk(office).apart()
    office.delete_crm(customer.crm_id)
    matcher.run("start", mappings=["CUSTOMER"])
    matcher.run(
        "accept",
        mappings=["CUSTOMER"],
        exact=False,
        picked=False,
        rest={"bc": "create", "crm": "leave"},
        first="none",
    )
    bc_id = customer.bc_id
    made = until(lambda: matcher.couplings().get(bc_id, ""), "the partner that is created")
    assert office.crm(made)["accountnumber"] == customer.number
    [row] = matcher.rows("unmatched", search=customer.number)
    assert row["became"]["state"] == "asked"


def test_exact_matches_and_picks_are_coupled_and_all_else_is_left(matcher: Matcher, office: Office):
    exact = matcher.customer("M-EXACT", displayName="Exactly")
    fits = office.new_account(name="Exactly Ltd", accountnumber="M-EXACT")
    changed = matcher.customer("M-CHANGED", displayName="Changed")
    renumbered = office.new_account(name="Changed Ltd", accountnumber="M-CHANGED")
    twice = matcher.customer("M-TWICE", displayName="Twice")
    twins = [office.new_account(name=f"Twin {n}", accountnumber="M-TWICE") for n in (1, 2)]
    alone = office.new_account(name="Nobody knows")

    review = matcher.run("start", mappings=["CUSTOMER"])
    assert review["run"]["state"] == "finished"
    [table] = matcher.report()["tables"]
    assert (table["counts"]["exact"], table["counts"]["ambiguous"]) == (2, 1)
    assert exact not in matcher.couplings()
    assert [row["bc"][0]["number"] for row in matcher.rows("exact")] == ["M-CHANGED", "M-EXACT"]
    [group] = matcher.rows("ambiguous", search="twin 2")
    assert {each["id"] for each in group["crm"]} == set(twins)
    assert "accountnumber is 'M-TWICE'" in group["crm"][0]["why"]
    assert matcher.candidates(group["place"], "crm") == group["crm"]
    assert alone in {row["crm"][0]["id"] for row in matcher.rows("unmatched", side="crm")}

    assert matcher.pick(twice, twins[1]).status == 200
    refused = matcher.pick(twice, twins[0])
    assert (refused.status, refused.body["code"]) == (409, "picked-otherwise")
    office.edit_crm(renumbered, accountnumber="M-OTHER")

    review = matcher.run("accept", mappings=["CUSTOMER"], exact=True, picked=True, first="none")
    assert review["run"]["state"] == "finished-with-errors"
    coupled = matcher.couplings()
    assert (coupled[exact], coupled[twice]) == (fits, twins[1])
    assert changed not in coupled
    first, second = matcher.rows("exact")
    assert (first["became"]["state"], first["became"]["code"]) == ("refused", "match-changed")
    assert second["became"]["state"] == "coupled"
    [group] = matcher.rows("ambiguous")
    assert group["picks"][0]["became"]["state"] == "coupled"
    assert not {twins[0], alone} & set(coupled.values())


def test_accepting_nothing_is_refused(matcher: Matcher, office: Office):
    body = {"exact": False, "picked": False, "first": "none"}
    path = f"connections/{office.connection}/matches/accept"
    answer = office.installation.call("POST", path, body)
    assert (answer.status, answer.body["code"]) == (422, "selection-unclear")
