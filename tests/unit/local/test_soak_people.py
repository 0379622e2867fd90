"""Users at work in the simulators, which may misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.certificates import ensure_certificates
from local.http_client import HttpClient
from local.identities import SERVICE, TENANT, Application
from local.platform import Platform
from local.sample_data.generator import generate
from local.sample_data.model import SampleData
from local.simulators.business_central.simulator import BusinessCentralSimulator
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenVerifier
from local.simulators.dataverse.simulator import DataverseSimulator, Settings
from local.simulators.entra.simulator import EntraSimulator
from local.soak_choice import Intention
from local.soak_model import BC, CRM, Action, Edit, Write
from local.soak_people import PEOPLE, People, PeopleError, register_people

NEW_ID = "6c0f2a8e-9a4e-4a64-8a53-0d6b4c7f1e22"


@dataclass(kw_only=True)
class Office:
    """Both systems, a user's way into them, and looks behind the scenes."""

    client: HttpClient
    addresses: Any
    data: SampleData
    people: People

    def plan_fault(self, side: str, fault: dict[str, Any]) -> None:
        url = f"{self._address(side)}/_sim/faults"
        assert self.client.request("POST", url, body=fault).status == 200

    def record(self, side: str, entity_set: str, **wanted: Any) -> dict[str, Any]:
        (found,) = self.records(side, entity_set, **wanted)
        return found

    def records(self, side: str, entity_set: str, **wanted: Any) -> list[dict[str, Any]]:
        rows = self.client.request("GET", f"{self._address(side)}/_sim/dump/{entity_set}").body
        return [row for row in rows if wanted.items() <= row.items()]

    def _address(self, side: str) -> str:
        return str(self.addresses.business_central if side == BC else self.addresses.crm)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    certificates = ensure_certificates(tmp_path_factory.mktemp("certificates"))
    client = HttpClient(certificates.bundle)
    service = {"tenant": TENANT, "client_id": SERVICE.client_id, "secret": SERVICE.secret}

    def token(application: Application, audience: str) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": application.client_id,
            "client_secret": application.secret,
            "scope": f"{audience}/.default",
        }
        url = f"{entra}/{TENANT}/oauth2/v2.0/token"
        return str(client.request("POST", url, form=form).body["access_token"])

    served = partial(running, certificate=certificates.certificate, key=certificates.key)
    with served(EntraSimulator([service])) as entra:
        verifier = TokenVerifier(entra, ca_file=str(certificates.ca))
        with (
            served(
                BusinessCentralSimulator(applications=[SERVICE.client_id]),
                verifier=verifier,
            ) as bc,
            served(
                DataverseSimulator(Settings(clients=(SERVICE.client_id,))),
                verifier=verifier,
            ) as crm,
        ):
            addresses = SimpleNamespace(entra=entra, business_central=bc, crm=crm)
            platform = cast(
                Platform, SimpleNamespace(client=client, addresses=addresses, token=token)
            )
            data = generate(10, known_to_crm=10)
            for address, rows in ((bc, data.business_central), (crm, data.crm)):
                answer = client.request("POST", f"{address}/_sim/seed", body=rows)
                assert answer.status == 200, answer.body
            register_people(platform, data)
            company_id = data.business_central["companies"][0]["id"]
            people = People(platform, company_id, lambda: 12.5)
            yield Office(client=client, addresses=addresses, data=data, people=people)


def change_of_customer(office: Office, number: int, **values: Any) -> Intention:
    customer = office.data.business_central["customers"][number]
    return Intention(
        side=BC,
        action=Action.CHANGE,
        mapping="CUSTOMER",
        identity=customer["email"],
        record_id=customer["id"],
        values=values,
    )


def new_account(email: str, record_id: str = NEW_ID) -> Intention:
    return Intention(
        side=CRM,
        action=Action.CREATE,
        mapping="CUSTOMER",
        identity=email,
        record_id=record_id,
        values={"displayName": "Mill"},
    )


def test_a_user_tells_what_was_written_and_over_what(office):
    customer = office.data.business_central["customers"][0]
    edit = office.people.do(change_of_customer(office, 0, city="Ely"))
    assert edit == Edit(
        at=12.5,
        side=BC,
        action=Action.CHANGE,
        mapping="CUSTOMER",
        identity=customer["email"],
        record_id=customer["id"],
        writes=(Write(field="city", before=customer["city"], after="Ely"),),
    )
    assert office.record(BC, "customers", number=customer["number"])["city"] == "Ely"


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 503},
        {"action": "status", "status": 429, "retry_after": 1},
        {"action": "status", "status": 409},
        {"action": "unauthorized"},
        {"action": "drop"},
        {"action": "commit-then-drop"},
        {"action": "wrong-json"},
        {"action": "redirect"},
    ],
    ids=lambda fault: str(fault.get("status", fault["action"])),
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_user_writes_once_and_knows_it_whatever_a_request_meets(office, fault, method):
    before = office.people.do(change_of_customer(office, 1, city="Bath"))
    assert before is not None
    office.plan_fault(BC, {"match": {"method": method}} | fault)
    edit = office.people.do(change_of_customer(office, 1, city="Hull"))
    assert edit is not None
    assert edit.writes == (Write(field="city", before="Bath", after="Hull"),)
    assert office.record(BC, "customers", city="Hull")


@pytest.mark.parametrize("action", ["drop", "commit-then-drop"])
def test_a_new_record_is_made_once_whatever_becomes_of_the_answer(office, action):
    email = f"{action}@mill.example"
    record_id = {"drop": NEW_ID, "commit-then-drop": NEW_ID.replace("6c0f", "7c0f")}[action]
    office.plan_fault(CRM, {"match": {"method": "POST"}, "action": action})
    edit = office.people.do(new_account(email, record_id))
    assert edit is not None
    assert edit.record_id == record_id
    assert office.record(CRM, "accounts", emailaddress1=email)["accountid"] == record_id


def test_users_are_another_user_than_coupler_unless_they_work_as_that(office):
    intention = change_of_customer(office, 2, city="Ely")
    account = office.data.crm["accounts"][0]
    in_crm = replace(intention, side=CRM, record_id=account["accountid"], identity="a@mill.example")
    office.people.do(in_crm)
    by_user = office.record(CRM, "accounts", accountid=account["accountid"])["_modifiedby_value"]
    office.people.do(replace(in_crm, values={"city": "Bath"}, by_integration_user=True))
    by_service = office.record(CRM, "accounts", accountid=account["accountid"])["_modifiedby_value"]
    assert by_user == PEOPLE.client_id
    assert by_service != by_user


def test_a_persons_name_is_written_in_two_columns_of_crm(office):
    account = office.data.crm["accounts"][1]
    office.people.do(
        Intention(
            side=CRM,
            action=Action.CREATE,
            mapping="CONTACT",
            identity="amy@mill.example",
            record_id="8c0f2a8e-9a4e-4a64-8a53-0d6b4c7f1e22",
            values={"displayName": "Amy Mill", "jobTitle": "Buyer"},
            parent=account["accountid"],
        )
    )
    person = office.record(CRM, "contacts", emailaddress1="amy@mill.example")
    assert (person["firstname"], person["lastname"]) == ("Amy", "Mill")
    assert person["_parentcustomerid_value"] == account["accountid"]


def test_a_person_and_an_item_are_made_in_business_central(office):
    contacts = office.data.business_central["contacts"]
    card = next(row for row in contacts if row["type"] == "Company")
    person = Intention(
        side=BC,
        action=Action.CREATE,
        mapping="CONTACT",
        identity="ben@mill.example",
        record_id="9c0f2a8e-9a4e-4a64-8a53-0d6b4c7f1e22",
        values={"displayName": "Ben Mill", "jobTitle": "Buyer"},
        parent=card["number"],
    )
    assert office.people.do(person) is not None
    made = office.record(BC, "contacts", email="ben@mill.example")
    assert (made["type"], made["companyNumber"]) == ("Person", card["number"])
    item = replace(
        person,
        mapping="ITEM-PRODUCT",
        identity="NEW-1",
        record_id="ac0f2a8e-9a4e-4a64-8a53-0d6b4c7f1e22",
        values={"displayName": "Desk", "unitPrice": 5},
        parent="",
    )
    assert office.people.do(item) is not None
    assert office.record(BC, "items", number="NEW-1")["unitPrice"] == 5


def test_stock_is_posted_and_prices_are_changed_in_the_client(office):
    item = office.data.business_central["items"][0]
    price = office.data.business_central["salesPrices"][0]
    posting = Intention(
        side=BC,
        action=Action.POST,
        mapping="ITEM-PRODUCT",
        identity=item["number"],
        record_id=item["id"],
        values={"quantity": 7},
    )
    edit = office.people.do(posting)
    assert edit is not None
    assert edit.writes == ()
    now = office.record(BC, "items", number=item["number"])["inventory"]
    assert now == item["inventory"] + 7
    office.people.do(
        replace(
            posting,
            action=Action.REPRICE,
            record_id=price["SystemId"],
            values={"price": 1234.56},
        )
    )
    assert office.record(BC, "salesPrices", SystemId=price["SystemId"])["Unit_Price"] == 1234.56


def test_what_is_gone_is_neither_changed_nor_deleted_again(office):
    office.people.do(new_account("gone@mill.example", NEW_ID.replace("6c0f", "bc0f")))
    deletion = replace(
        new_account("gone@mill.example", NEW_ID.replace("6c0f", "bc0f")),
        action=Action.DELETE,
        values={},
    )
    office.plan_fault(CRM, {"match": {"method": "DELETE"}, "action": "commit-then-drop"})
    assert office.people.do(deletion) is not None  # by this user, though the answer was lost
    assert office.records(CRM, "accounts", emailaddress1="gone@mill.example") == []
    assert office.people.do(deletion) is None
    change = replace(deletion, action=Action.CHANGE, values={"city": "Ely"})
    assert office.people.do(change) is None


def test_a_refusal_is_told_with_its_reason(office):
    with pytest.raises(PeopleError, match=r"change of CUSTOMER .* was refused \(400\).*letters"):
        office.people.do(change_of_customer(office, 3, phoneNumber="call us"))


def test_users_count_the_requests_that_were_sent(office):
    before = office.people.requests()
    office.people.do(change_of_customer(office, 4, city="York"))
    assert office.people.requests() - before == 2
