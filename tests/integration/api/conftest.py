from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from local.identities import API_AUDIENCE, OPERATOR_APP, PORTAL, READER_APP
from tests.integration.full_sync.installation import (
    Installation,
    options,
    running,
    until,
)
from tests.integration.full_sync.test_bad_records import MAPPINGS, marred_company

_CUSTOMER_OF_SALES = 3
ROLES = {"reader": READER_APP, "operator": OPERATOR_APP, "administrator": PORTAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The API with something in every list: what descriptions are held against."""

    installation: Installation
    connection: str
    outcome: dict[str, Any]
    run: str
    """Id of a run that is over."""
    change: str
    """Id of a coupling change, of customers."""
    place: str
    """Of an ambiguous match of customers."""
    tokens: dict[str, str]
    """By role."""

    @property
    def address(self) -> str:
        return f"{self.installation.platform.addresses.function_app}/api"


@pytest.fixture(scope="package")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A company of which some records cannot be synchronized and one was deleted in CRM."""
    chosen = options(tmp_path_factory.mktemp("api") / "state")
    unlimited = {"TENANT_REQUESTS_PER_SECOND": "0", "TENANT_STARTS_PER_HOUR": "0"}
    with running(replace(chosen, settings={**chosen.settings, **unlimited})) as platform:
        installation = Installation(platform)
        data, _, _ = marred_company()
        installation.begin_anew(data)
        connection = installation.connect(data.company)
        installation.synchronize(connection, MAPPINGS)
        make_drift(installation, connection)
        run = installation.review(connection)["run"]["run_id"]
        yield Subject(
            installation=installation,
            connection=connection,
            outcome=installation.client.outcomes(connection)[0],
            run=run,
            change=make_change(installation, connection),
            place=make_matches(installation, connection),
            tokens={
                role: platform.token(application, API_AUDIENCE)
                for role, application in ROLES.items()
            },
        )


def make_drift(installation: Installation, connection: str) -> None:
    """Have reconciling find that a record is gone."""
    platform, client = installation.platform, installation.client
    gone = client.couplings(connection, "CUSTOMER")[0]["bc_id"]
    url = f"{platform.addresses.business_central}/_sim/delete"
    assert platform.client.request("POST", url, body={"customers": [gone]}).status == 200
    client.start_reconcile(connection, ["CUSTOMER"])
    until(
        lambda: client.reconcile(connection)["run"]["state"] != "in-process",
        "the end of reconciling",
    )
    assert client.drift(connection)


def make_change(installation: Installation, connection: str) -> str:
    """Take a pair apart; the id of the change."""
    path = f"connections/{connection}"
    customer = installation.client.couplings(connection, "CUSTOMER")[-1]["bc_id"]
    asked = installation.call("POST", f"{path}/couplings/CUSTOMER/uncouple", {"bc": [customer]})
    assert asked.status == 202, asked.body

    def entered() -> str:
        changes = installation.call("GET", f"{path}/coupling-changes").body["changes"]
        return str(changes[0]["id"]) if changes else ""

    return until(entered, "the coupling change")


def make_matches(installation: Installation, connection: str) -> str:
    """Match customers, of whom one fits two accounts; where that match is."""
    platform, client = installation.platform, installation.client
    accounts = [
        {
            "accountid": str(uuid4()),
            "name": f"Twin {number}",
            "accountnumber": "TWINS",
            "customertypecode": _CUSTOMER_OF_SALES,
        }
        for number in (1, 2)
    ]
    customer = {"id": str(uuid4()), "number": "TWINS", "displayName": "Twins"}
    for address, command, rows in (
        (platform.addresses.crm, "seed", {"accounts": accounts}),
        (platform.addresses.business_central, "insert", {"customers": [customer]}),
    ):
        seeded = platform.client.request("POST", f"{address}/_sim/{command}", body=rows)
        assert seeded.status == 200, seeded.body
    client.start_match(connection, ["CUSTOMER"])
    until(
        lambda: client.matches(connection)["run"]["state"] != "in-process",
        "the end of the match",
    )
    path = f"connections/{connection}/matches/CUSTOMER?kind=ambiguous"
    return str(installation.call("GET", path).body["matches"][0]["place"])
