from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from local.identities import API_AUDIENCE, OPERATOR_APP, PORTAL, READER_APP
from tests.integration.full_sync.installation import (
    Installation,
    options,
    running,
    until,
)
from tests.integration.full_sync.test_bad_records import MAPPINGS, marred_company

ROLES = {"reader": READER_APP, "operator": OPERATOR_APP, "administrator": PORTAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The API with something in every list: what descriptions are held against."""

    installation: Installation
    connection: str
    outcome: dict[str, Any]
    run: str
    """Id of a run that is over."""
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
        yield Subject(
            installation=installation,
            connection=connection,
            outcome=installation.client.outcomes(connection)[0],
            run=installation.review(connection)["run"]["run_id"],
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
