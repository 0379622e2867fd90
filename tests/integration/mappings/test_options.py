"""What a connection's options make of its table mappings: a team owns, companies are kept apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from solution.pack import packed
from tests.integration.full_sync.installation import (
    BC,
    CRM,
    Installation,
    company,
    options,
    running,
    statuses,
)

TEAM = "7ea00000-0000-4000-8000-000000000001"
FOREIGN = "0c0ffee0-0000-4000-8000-000000000001"
MAPPINGS = ("CURRENCY", "CUSTOMER")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Both systems filled; CRM has Coupler's solution, a team, and another company's account."""
    with running(options(tmp_path_factory.mktemp("options") / "state")) as platform:
        made = Installation(platform)
        made.begin_anew(company(10))
        made.world.install_solution(packed())
        unit = made.dump(CRM, "businessunits")[0]["businessunitid"]
        rows = {
            "teams": [{"teamid": TEAM, "name": "Sales", "_businessunitid_value": unit}],
            "accounts": [
                {"name": "Elsewhere Ltd", "customertypecode": 3, "coupler_companyid": FOREIGN}
            ],
        }
        answer = platform.client.request("POST", f"{platform.addresses.crm}/_sim/seed", body=rows)
        assert answer.status < 300, answer.body
        yield made


def test_a_team_owns_what_is_created_and_other_companies_records_are_left_alone(installation):
    chosen = {
        "ownership": "team",
        "team_id": TEAM,
        "crm_solution": True,
        "separate_companies": True,
    }
    connection = installation.connect(company(10).company, options=chosen)
    listed = installation.call("GET", f"connections/{connection}/mappings").body["mappings"]
    told = {each["name"]: each["by_options"] for each in listed}
    assert "Not synchronized" in told["SALESPEOPLE"][0]
    assert len(told["CUSTOMER"]) == 2
    assert told["CURRENCY"] == []
    lines = [line["name"] for line in installation.review(connection)["lines"]]
    assert "SALESPEOPLE" not in lines
    review = installation.synchronize(connection, MAPPINGS)
    assert statuses(review) == dict.fromkeys(MAPPINGS, "finished")
    own = installation.dump(BC, "companies")[0]["id"]
    accounts = {row["name"]: row for row in installation.dump(CRM, "accounts")}
    elsewhere = accounts.pop("Elsewhere Ltd")
    assert elsewhere["coupler_companyid"] == FOREIGN
    customers = installation.dump(BC, "customers")
    assert "Elsewhere Ltd" not in {row["displayName"] for row in customers}
    assert {row["coupler_companyid"] for row in accounts.values()} == {own}
    made = [row for row in accounts.values() if row["_ownerid_value"] == TEAM]
    assert made
    assert len(accounts) == len(customers)
