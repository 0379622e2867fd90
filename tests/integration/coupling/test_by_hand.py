"""Coupling by hand through the local host: what an administrator calls, and what comes of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from local.http_client import Answer
from tests.integration.incremental.office import Customer, Office, soon
from tests.integration.incremental.test_cli import Shell


class Desk:
    """An administrator who couples customers and accounts by hand."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self._call = office.installation.call

    def compare(self, bc: str, crm: str, mapping: str = "CUSTOMER") -> Answer:
        query = urlencode({"bc": bc, "crm": crm})
        return self._call("GET", f"{self._couplings(mapping)}/compare?{query}")

    def couple(self, bc: str, crm: str, *, mapping: str = "CUSTOMER", **how: Any) -> Answer:
        body = {"bc": bc, "crm": crm, "first": "none"} | how
        return self._call("POST", self._couplings(mapping), body)

    def ask(self, action: str, *, mapping: str = "CUSTOMER", **body: Any) -> Answer:
        return self._call("POST", f"{self._couplings(mapping)}/{action}", body)

    def _couplings(self, mapping: str) -> str:
        return f"connections/{self.office.connection}/couplings/{quote(mapping)}"

    def partner(self, bc_id: str, mapping: str = "CUSTOMER") -> str:
        """The CRM record that a BC record is coupled with, blank for none."""
        found = self.office.client.couplings(self.office.connection, mapping)
        return next((each["crm_id"] for each in found if each["bc_id"] == bc_id), "")

    def apart(self) -> Customer:
        """A customer and its account, taken apart."""
        customer = self.office.customer()
        self.take_apart(customer.number, customer.bc_id)
        return customer

    def take_apart(self, key: str, bc_id: str, mapping: str = "CUSTOMER") -> None:
        assert self.ask("uncouple", mapping=mapping, bc=[key]).status == 202
        soon(lambda: not self.partner(bc_id, mapping), "the end of the coupling")

    def audited(self, action: str) -> dict[str, Any]:
        """What the audit trail tells of the last call of an action."""
        query = urlencode({"action": action, "limit": 1})
        found = self._call("GET", f"audit?{query}").body["entries"]
        facts: dict[str, Any] = found[0]["facts"]
        return facts


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    return Desk(office)


def test_two_records_are_compared_coupled_and_brought_into_step(desk: Desk, office: Office):
    customer = office.customer()
    office.edit_bc(customer.bc_id, city="Ely")
    office.edit_crm(customer.crm_id, address1_city="Hull")
    desk.take_apart(customer.number, customer.bc_id)
    seen = desk.compare(customer.number, customer.crm_id).body
    city = next(each for each in seen["fields"] if each["bc_field"] == "city")
    assert (city["bc_value"], city["crm_value"], city["flow"]) == ("Ely", "Hull", "conflict")
    assert (seen["coupled"], seen["obstacles"], seen["couple_first"]) == (False, [], [])
    assert seen["firsts"] == ["to_crm", "from_crm", "none"]
    coupled = desk.couple(customer.number, customer.crm_id, first="from_crm")
    assert coupled.status == 200, coupled.body
    assert coupled.body["coupling"]["crm_id"] == customer.crm_id
    soon(lambda: office.bc(customer.bc_id)["city"] == "Hull", "CRM's value in Business Central")
    assert desk.audited("couple_records")["coupled"] == f"{customer.bc_id} ~ {customer.crm_id}"


def test_a_record_with_a_partner_gets_another_one_only_on_demand(desk: Desk, office: Office):
    customer, account = office.customer(), desk.apart().crm_id
    refused = desk.couple(customer.number, account)
    assert (refused.status, refused.body["code"]) == (409, "coupled-otherwise")
    assert customer.crm_id in refused.body["errors"][0]["message"]
    done = desk.couple(customer.number, account, replace=True).body
    assert [each["crm_id"] for each in done["replaced"]] == [customer.crm_id]
    assert desk.partner(customer.bc_id) == account
    assert customer.crm_id in desk.audited("couple_records")["replaced"]


def test_a_coupling_whose_record_is_gone_is_named(desk: Desk, office: Office):
    customer = office.customer()
    account = desk.apart().crm_id
    office.delete_crm(customer.crm_id)
    seen = desk.compare(customer.number, account).body
    assert seen["bc"]["coupled_with"]["gone"]
    refused = desk.couple(customer.number, account)
    assert "was deleted" in refused.body["detail"]


def test_what_is_to_be_coupled_first_is_named_and_coupled_on_demand(desk: Desk, office: Office):
    customer = office.customer()
    salesperson = office.client.couplings(office.connection, "SALESPEOPLE")[0]
    code = salesperson["key"]
    office.edit_bc(customer.bc_id, salespersonCode=code)
    office.pass_over()
    desk.take_apart(customer.number, customer.bc_id)
    desk.take_apart(code, salesperson["bc_id"], "SALESPEOPLE")
    # Taken apart by a person: it is named, and nobody but a person couples it again.
    (first,) = desk.compare(customer.number, customer.crm_id).body["couple_first"]
    assert (first["mappings"], first["ref"]) == (["SALESPEOPLE"], code)
    assert "uncoupled" in first["why_none"]
    refused = desk.couple(customer.number, customer.crm_id, with_parents=True)
    assert (refused.status, refused.body["code"]) == (409, "parent-not-coupled")
    assert desk.couple(code, salesperson["crm_id"], mapping="SALESPEOPLE").status == 200
    assert desk.couple(customer.number, customer.crm_id, with_parents=True).status == 200


def test_what_depends_on_pairs_is_told_before_they_are_taken_apart(desk: Desk, office: Office):
    customer = office.customer()
    office.new_person(customer.crm_id, firstname="Eve", lastname="Moneypenny")
    office.pass_over()
    told = desk.ask("uncouple", bc=[customer.number], preview=True)
    assert told.status == 200
    assert (told.body["pairs"], told.body["examples"][0]["key"]) == (1, customer.number)
    dependents = {each["mapping"]: each for each in told.body["dependents"]}
    assert "Moneypenny" in str(dependents["CONTACT"]["examples"])
    assert desk.partner(customer.bc_id) == customer.crm_id


def test_partners_are_made_and_records_synchronized_on_demand(desk: Desk, office: Office):
    account = office.new_account(name="Made by hand")
    asked = desk.ask("create", crm=[account])
    assert (asked.status, asked.body) == (202, {"asked": 1, "coupled": 0, "outside": 0})

    def made() -> list[dict[str, Any]]:
        found = office.client.couplings(office.connection, "CUSTOMER")
        return [each for each in found if each["crm_id"] == account]

    (coupling,) = soon(made, "the new customer")
    assert office.bc(coupling["bc_id"])["displayName"] == "Made by hand"
    office.edit_crm(account, telephone1="12345")
    now = desk.ask("synchronize", bc=[coupling["key"]])
    assert (now.status, now.body) == (202, {"pairs": 1})
    soon(lambda: office.bc(coupling["bc_id"])["phoneNumber"] == "12345", "the new number")


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (lambda desk: desk.ask("uncouple", bc=["no such"]), 409, "not-coupled"),
        (lambda desk: desk.ask("uncouple"), 422, "selection-unclear"),
        (lambda desk: desk.ask("create", bc=["no such"]), 404, "record-unknown"),
        (lambda desk: desk.compare("no such", "neither"), 404, "record-unknown"),
        (lambda desk: desk.couple("1", "2", first="both"), 400, "invalid-body"),
        (lambda desk: desk.couple("1", "2", mapping="NO SUCH TABLE"), 404, "mapping-unknown"),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, call, status, code):
    answer = call(desk)
    assert (answer.status, answer.body["code"]) == (status, code)


def test_the_command_line_takes_apart_compares_and_couples(desk: Desk, office: Office, tmp_path):
    shell, customer = Shell(office, str(tmp_path)), office.customer()
    table = (office.connection, "CUSTOMER")
    told = shell.run("uncouple", *table, customer.number, "--yes", code=0)
    assert [each["key"] for each in told["examples"]] == [customer.number]
    soon(lambda: not desk.partner(customer.bc_id), "the end of the coupling")
    pair = (*table, customer.number, customer.crm_id)
    assert not shell.run("compare", *pair, code=0)["coupled"]
    coupled = shell.run("couple", *pair, "--first", "to-crm", code=0)
    assert coupled["coupling"]["crm_id"] == customer.crm_id
    assert shell.run("compare", *pair, code=0)["coupled"]
    assert shell.run("synchronize", *table, customer.number, code=0) == {"pairs": 1}
    assert shell.run("create", *table, customer.number, code=0)["coupled"] == 1


def test_a_whole_table_is_taken_apart_by_a_run(desk: Desk, office: Office):
    people = office.installation.dump("crm", "contacts")
    begun = desk.ask("uncouple", mapping="CONTACT", all=True)
    assert begun.status == 202, begun.body
    run = begun.headers["Location"].removeprefix("/api/")
    call = office.installation.call
    soon(lambda: call("GET", run).body["run"]["state"] == "finished", "the end of the run")
    soon(
        lambda: not office.client.couplings(office.connection, "CONTACT"), "the end of all of them"
    )
    assert len(office.installation.dump("crm", "contacts")) == len(people) > 0
