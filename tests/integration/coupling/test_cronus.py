"""Coupling the CRONUS demo company, whose CRM holds the same companies under other spellings.

What belongs together was worked out by hand from the two lists of customers and accounts, and is
written down here; the criteria are number, e-mail, telephone and name, in this order.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from local.sample_data.folder import load_folder
from tests.integration.full_sync.installation import BC, CRM, Installation, until
from tests.integration.incremental.office import Office, soon
from tests.integration.mappings.test_mappings import Mappings

REPOSITORY = Path(__file__).parents[3]
CRONUS = Path(os.environ.get("COUPLER_SHARED", REPOSITORY.parent / "shared")) / "data" / "cronus"
pytestmark = pytest.mark.skipif(not CRONUS.is_dir(), reason=f"no CRONUS data in {CRONUS}")

FIRST = ["SALESPEOPLE", "CURRENCY"]
"""What customers refer to."""

CRITERIA = [
    {"fields": [{"bc": "number", "crm": "accountnumber"}]},
    {"fields": [{"bc": "email", "crm": "emailaddress1", "compare": "email"}]},
    {"fields": [{"bc": "phoneNumber", "crm": "telephone1", "compare": "phone"}]},
    {"fields": [{"bc": "displayName", "crm": "name", "compare": "loose"}]},
]

BY_NUMBER = {
    "60000": "Adatum Corporation",
    "10000": "The Cannon Group PLC",
    "49633663": "Autohaus Mielberg KG",
    "31505050": "Woonboulevard Kuitenbrouwer",
}
BY_EMAIL = {
    "40000": "Deerfield Graphics Company",
    "50000": "Guildford Water Dept.",
    "49858585": "Hotel Pferdesee",
    "34010100": "Libros SA",
    "32789456": "Lovaina Contractors",
    "43852147": "Michael Feit Moebelhaus",
    "01454545": "New Concepts Furniture",
    "45779977": "Ravel Mobler",
    "20000": "Selangorian Ltd.",
    "47586954": "Sjoboden AS",
    "01121212": "Spotsmeyers Furnishings",
    "44171511": "Zuni Home Crafts Ltd.",
}
BY_TELEPHONE = {
    "35451236": "Gagn & Gaman",
    "30000": "John Haddock Insurance Co.",
    "44756404": "London Light Company",
    "46251425": "Marsholm Karmstol AB",
    "41497647": "Pilatus A.G.",
}
EXACT = BY_NUMBER | BY_EMAIL | BY_TELEPHONE
OF_NEW_CURRENCIES = {"35451236", "41497647", "45779977", "46251425", "47586954"}
"""Of those, customers whose currencies (ISK, CHF, DKK, SEK, NOK) CRM does not have at first."""
INACTIVE = {"45282828": "Candoxy Kontor A/S", "31669966": "Meersen Meubelen"}
"""They fit by e-mail, but their accounts are inactive, and so not to be coupled."""
TWICE = ("32124578", "Nieuwe Zandpoort NV")
"""One customer, two accounts of the same name and e-mail."""
ONLY_IN_CRM = {
    "Adatum Leasing Ltd.",
    "Deerfield Graphics Company",  # the second one, of which nothing but the name is known
    "Fourth Coffee",
    "Hotel Pferdesee",  # the one in Starnberg
    "J & V v.o.s.",  # whose customer is blocked, and takes no part
    "Litware, Inc.",
    "Northwind Traders",
    "Wide World Importers",
}
NO_CUSTOMERS = {"London Postmaster", "Progressive Home Furnishings", "Coho Winery"}
"""Vendors, suppliers and others: outside the filter of the table mapping."""


class Matched:
    """The company after its customers and accounts were matched by the criteria."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.connection = office.connection
        mappings = Mappings(office)
        changed = mappings.change("CUSTOMER", match=CRITERIA)
        assert changed.status == 200, changed.body
        accounts = office.installation.dump(CRM, "accounts")
        self._names = {row["accountid"]: row["name"] for row in accounts}
        self.run("matches/start", {"mappings": [*FIRST, "CUSTOMER"]})

    def run(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Begin a run and wait for its end: its lines by name."""
        installation = self._office.installation
        begun = installation.call("POST", f"connections/{self.connection}/{path}", body)
        assert begun.status == 202, begun.body
        place = begun.headers["Location"].removeprefix("/api/")

        def over() -> dict[str, Any] | None:
            found: dict[str, Any] = installation.call("GET", place).body
            return found if found["run"]["state"] != "in-process" else None

        found = until(over, f"the end of {path}") or {}
        return {line["name"]: line for line in found["lines"]}

    def accept(
        self, *mappings: str, exact: bool = False, picked: bool = False, rest_in_bc: str = "leave"
    ) -> dict[str, Any]:
        body = {
            "mappings": list(mappings),
            "exact": exact,
            "picked": picked,
            "rest": {"bc": rest_in_bc},
            "first": "to_crm",
        }
        return self.run("matches/accept", body)

    def rows(self, kind: str, mapping: str = "CUSTOMER") -> list[dict[str, Any]]:
        path = f"connections/{self.connection}/matches/{mapping}?kind={kind}&limit=1000"
        answer = self._office.installation.call("GET", path)
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = answer.body["matches"]
        return found

    def pick(self, bc_id: str, crm_id: str) -> None:
        path = f"connections/{self.connection}/matches/CUSTOMER/pick"
        body = {"picks": [{"bc": bc_id, "crm": crm_id}]}
        answer = self._office.installation.call("POST", path, body)
        assert answer.status == 200, answer.body

    def coupled(self, mapping: str = "CUSTOMER") -> dict[str, str]:
        """The numbers or codes of coupled records, and the ids of their partners."""
        found = self._office.client.couplings(self.connection, mapping)
        return {each["key"]: each["crm_id"] for each in found}

    def coupled_names(self) -> dict[str, str]:
        """The numbers of coupled customers, and the names of their accounts before any pass."""
        return {number: self._names[crm_id] for number, crm_id in self.coupled().items()}

    def records(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        installation = self._office.installation
        return installation.dump(BC, "customers"), installation.dump(CRM, "accounts")


@pytest.fixture(scope="module")
def matched(installation: Installation) -> Matched:
    data = load_folder(CRONUS)
    installation.begin_anew(data)
    return Matched(Office(installation, installation.connect(data.company)))


def exact(matched: Matched, priority: int) -> dict[str, str]:
    """What was matched by one criterion and may be coupled: numbers and names."""
    return {
        row["bc"][0]["number"]: row["crm"][0]["name"]
        for row in matched.rows("exact")
        if row["criterion"]["priority"] == priority and not row["code"]
    }


def test_what_belongs_together_is_found_by_the_criteria_in_their_order(matched):
    assert exact(matched, 1) == BY_NUMBER
    assert exact(matched, 2) == BY_EMAIL
    assert exact(matched, 3) == BY_TELEPHONE
    assert exact(matched, 4) == {}


def test_inactive_accounts_are_told_and_not_offered(matched):
    kept = {
        row["bc"][0]["number"]: row["crm"][0]["name"]
        for row in matched.rows("exact")
        if row["code"]
    }
    assert kept == INACTIVE


def test_two_accounts_for_one_customer_are_for_a_person_to_choose_from(matched):
    number, name = TWICE
    (row,) = matched.rows("ambiguous")
    assert [each["number"] for each in row["bc"]] == [number]
    assert [each["name"] for each in row["crm"]] == [name, name]


def test_accounts_that_nothing_fits_are_told_and_those_of_vendors_are_not(matched):
    rows = [each for row in matched.rows("unmatched") for each in row["crm"]]
    assert {each["name"] for each in rows} == ONLY_IN_CRM
    assert len(rows) == len(ONLY_IN_CRM)
    assert not NO_CUSTOMERS & {each["name"] for each in rows}


def test_customers_before_what_they_refer_to_are_refused_and_told_what_is_first(matched):
    before = matched.records()
    line = matched.accept("CUSTOMER", exact=True)["CUSTOMER"]
    assert line["job_queue_entry_status"] == "finished-with-errors"
    refused = [row for row in matched.rows("exact") if row["became"]["state"] == "refused"]
    assert {row["became"]["code"] for row in refused if not row["code"]} == {"parent-not-coupled"}
    assert all("SALESPEOPLE" in row["became"]["hint"] for row in refused if not row["code"])
    assert matched.records() == before


def test_exact_ones_are_coupled_in_the_order_of_their_tables(matched):
    before = matched.records()
    lines = matched.accept(*FIRST, "CUSTOMER", exact=True)
    assert matched.coupled_names() == {
        number: name for number, name in EXACT.items() if number not in OF_NEW_CURRENCIES
    }
    assert lines["CUSTOMER"]["counters"]["to_crm"]["coupled"] == 16
    left = {
        row["bc"][0]["number"]
        for row in matched.rows("exact")
        if row["became"]["code"] == "parent-not-coupled" and not row["code"]
    }
    assert left == OF_NEW_CURRENCIES
    assert matched.records() == before  # coupled is not synchronized: the next pass does that


def test_the_rest_is_coupled_once_its_currencies_are(matched):
    matched.accept("CURRENCY", rest_in_bc="create")
    soon(
        lambda: {"ISK", "CHF", "DKK", "SEK", "NOK"} <= matched.coupled("CURRENCY").keys(),
        "the currencies of the customers",
    )
    matched.accept("CUSTOMER", exact=True)
    assert matched.coupled_names() == EXACT


def test_a_picked_one_is_coupled_and_its_rival_left_alone(matched):
    number, _ = TWICE
    (row,) = matched.rows("ambiguous")
    chosen, rival = (each["id"] for each in row["crm"])
    matched.pick(row["bc"][0]["id"], chosen)
    matched.accept("CUSTOMER", picked=True)
    assert matched.coupled()[number] == chosen
    assert rival not in matched.coupled().values()
