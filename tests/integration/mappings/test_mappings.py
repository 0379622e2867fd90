"""Editing table mappings through the API, and what the next synchronization makes of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from local.http_client import Answer
from tests.integration.full_sync.installation import BC, CRM, statuses
from tests.integration.incremental.office import Office

CARRIER: dict[str, Any] = {
    "name": "CARRIER",
    "bc": {"name": "shipmentMethods", "key": "code", "title": ["displayName"]},
    "crm": {
        "name": "account",
        "entity_set": "accounts",
        "id_column": "accountid",
        "title": "name",
        "scope": [{"field": "customertypecode", "values": [11]}],
    },
    "direction": "both",
    "fields": [
        {"bc": "code", "crm": "accountnumber", "direction": "both", "transformation": "code"},
        {"bc": "displayName", "crm": "name", "direction": "both", "transformation": "text"},
        {"crm": "description", "direction": "to_crm", "constant": "Carries our goods"},
    ],
    "constants_in_crm": [{"name": "customertypecode", "value": 11}],
    "match": [{"fields": [{"bc": "code", "crm": "accountnumber"}]}],
    "creates_in_crm": True,
    "creates_in_bc": True,
}
"""Shipment methods as accounts of vendors: an entity set and a table that no mapping of Coupler's
own pairs."""


class Mappings:
    """The mappings of the office's connection, as an administrator's portal sees them."""

    def __init__(self, office: Office) -> None:
        self._installation = office.installation
        self._path = f"connections/{office.connection}/mappings"

    def call(self, method: str, name: str = "", body: Any = None, etag: str = "") -> Answer:
        platform = self._installation.platform
        place = f"{self._path}/{quote(name)}" if name else self._path
        return platform.client.request(
            method,
            f"{platform.addresses.function_app}/api/{place}",
            body=body,
            headers={"Authorization": f"Bearer {self._installation.token}"}
            | ({"If-Match": etag} if etag else {}),
        )

    def read(self, name: str) -> tuple[dict[str, Any], str]:
        """A mapping's document and its version."""
        answer = self.call("GET", name)
        assert answer.status == 200, answer.body
        return answer.body["mapping"], answer.headers["ETag"]

    def change(self, name: str, **members: Any) -> Answer:
        mapping, etag = self.read(name)
        return self.call("PUT", name, {"mapping": mapping | members}, etag)

    def undo(self, name: str) -> None:
        _, etag = self.read(name)
        assert self.call("DELETE", name, etag=etag).status == 204


@pytest.fixture
def mappings(office: Office) -> Mappings:
    return Mappings(office)


def errors(answer: Answer) -> set[tuple[str, str]]:
    assert answer.status == 422, answer.body
    return {(each["member"], each["code"]) for each in answer.body["errors"]}


def test_an_added_mapping_is_synchronized_both_ways(office, mappings):
    office.new_bc("shipmentMethods", code="RAIL", displayName="By rail")
    office.new_account(name="Sea freight", accountnumber="SEA", customertypecode=11)
    added = mappings.call("POST", body={"mapping": CARRIER})
    assert added.status == 201, added.body
    assert added.headers["Location"].endswith("/mappings/CARRIER")
    lengths = {each["crm"]: each["bc_length"] for each in added.body["mapping"]["fields"]}
    assert lengths == {"accountnumber": 10, "name": 100, "description": None}
    review = office.installation.synchronize(office.connection, ["CARRIER"])
    assert statuses(review) == {"CARRIER": "finished"}
    shown = {row["name"]: row for row in office.installation.dump(CRM, "accounts")}
    assert shown["By rail"]["accountnumber"] == "RAIL"
    assert shown["By rail"]["customertypecode"] == 11
    assert shown["Sea freight"]["description"] == "Carries our goods"
    methods = {row["code"]: row for row in office.installation.dump(BC, "shipmentMethods")}
    assert methods["SEA"]["displayName"] == "Sea freight"
    office.edit_crm(shown["By rail"]["accountid"], name="By train")
    office.pass_over()
    methods = {row["code"]: row for row in office.installation.dump(BC, "shipmentMethods")}
    assert methods["RAIL"]["displayName"] == "By train"
    assert office.table("CARRIER")["state"] == "in-step"
    mappings.undo("CARRIER")
    assert mappings.call("GET", "CARRIER").status == 404


def test_columns_are_held_against_both_services(mappings):
    wrong = CARRIER | {
        "name": "PIGEON",
        "bc": CARRIER["bc"] | {"title": ["wingspan"]},
        "fields": [
            {"bc": "code", "crm": "accountnumber", "direction": "both"},
            {"bc": "displayName", "crm": "feathers", "direction": "both"},
            {"bc": "code", "crm": "createdon", "direction": "to_crm", "transformation": "date"},
            {"bc": "code", "crm": "name", "direction": "to_crm", "crm_length": 5000},
        ],
    }
    told = {
        ("bc.title[0]", "column-unknown"),
        ("fields[1].crm", "column-unknown"),
        ("fields[2].crm", "column-read-only"),
        ("fields[2].transformation", "kinds-differ"),
        ("fields[3].crm_length", "length-too-long"),
    }
    assert errors(mappings.call("POST", body={"mapping": wrong})) == told
    checked = mappings.call("POST", "check", {"mapping": wrong})
    assert checked.status == 200
    assert checked.body["valid"] is False
    assert {(each["member"], each["code"]) for each in checked.body["errors"]} == told
    assert mappings.call("GET", "PIGEON").status == 404
    sound = mappings.call("POST", "check", {"mapping": CARRIER | {"name": "PIGEON"}})
    assert sound.body == {"valid": True, "errors": []}
    assert mappings.call("GET", "PIGEON").status == 404


def test_every_default_mapping_is_borne_out_by_the_services_when_it_is_sent_back(mappings):
    listed = mappings.call("GET")
    names = [each["name"] for each in listed.body["mappings"]]
    assert len(names) >= 9
    for name in names:
        mapping, _ = mappings.read(name)
        as_new = mapping | {"match": [*mapping["match"], *mapping["match"][:1]]}
        checked = mappings.call("POST", "check", {"mapping": as_new})
        assert checked.body == {"valid": True, "errors": []}, name


def test_a_disabled_table_is_skipped_and_its_versions_are_kept(office, mappings):
    disabled = mappings.change("CURRENCY", enabled=False)
    assert disabled.status == 200, disabled.body
    assert disabled.body["origin"] == "changed"
    customer = mappings.call("GET", "CUSTOMER").body
    assert any("CURRENCY is disabled" in each for each in customer["warnings"])
    assert office.table("CURRENCY")["state"] == "disabled"
    named = office.installation.start(office.connection, ["CURRENCY"])
    assert (named.status, named.body["code"]) == (409, "mapping-disabled")
    mappings.undo("CURRENCY")
    versions = mappings.call("GET", "CURRENCY/versions").body["versions"]
    assert [(each["kind"], bool(each["mapping"])) for each in versions] == [
        ("removed", False),
        ("saved", True),
    ]
    assert versions[1]["mapping"]["enabled"] is False


def test_a_change_of_an_old_version_is_refused(mappings):
    mapping, etag = mappings.read("CONTACT")
    body = {"mapping": mapping | {"deletion_conflict": "uncouple"}}
    assert mappings.call("PUT", "CONTACT", body, etag).status == 200
    again = mappings.call("PUT", "CONTACT", body, etag)
    assert (again.status, again.body["code"]) == (412, "mapping-changed")
    assert mappings.call("PUT", "CONTACT", body).status == 428
    reset = mappings.call("POST", "reset", {"mappings": ["CONTACT"]})
    assert reset.body == {"reset": ["CONTACT"]}
    assert mappings.read("CONTACT")[0] == mapping


def test_policies_are_part_of_the_same_mapping(office, mappings):
    _, etag = mappings.read("CUSTOMER")
    policies = {"update_conflict": "send_to_crm", "deletion_conflict": "report", "fields": []}
    changed = mappings.call("PUT", "CUSTOMER/policies", policies, etag)
    assert changed.status == 200, changed.body
    mapping, newer = mappings.read("CUSTOMER")
    assert mapping["update_conflict"] == "send_to_crm"
    assert changed.headers["ETag"] == newer
    mappings.undo("CUSTOMER")
    assert mappings.call("GET", "CUSTOMER/policies").body["update_conflict"] == "keep_both"


def test_what_is_no_mapping_is_refused_with_all_that_is_wrong(mappings):
    document = CARRIER | {"direction": "sideways", "colour": "red"}
    assert errors(mappings.call("POST", body={"mapping": document})) == {
        ("direction", "not-a-choice"),
        ("colour", "member-unknown"),
    }
    assert mappings.call("POST", body={"mapping": []}).status == 400
    assert mappings.call("POST", body=CARRIER).status == 400
