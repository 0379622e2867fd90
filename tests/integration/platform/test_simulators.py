"""The simulators as the platform starts them, together: each knows the service's application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.identities import FUNCTION_APP, SERVICE, TENANT, Application
from local.platform import Platform
from tests.integration.platform.conftest import options

BC_AUDIENCE = "https://api.businesscentral.dynamics.com"


@pytest.fixture(scope="module")
def simulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    chosen = options(tmp_path_factory.mktemp("simulators"))
    with Platform(replace(chosen, crm_url=None, bc_url=None), lambda *_: None) as platform:
        platform.start_simulators()
        yield platform


def status(platform: Platform, url: str, audience: str, application: Application = SERVICE) -> int:
    token = platform.token(application, audience)
    headers = {"Authorization": f"Bearer {token}"}
    return platform.client.request("GET", url, headers=headers).status


def test_the_service_is_let_into_crm_by_its_own_token_only(simulators):
    crm = simulators.addresses.crm
    url = f"{crm}/api/data/v9.2/WhoAmI"
    assert status(simulators, url, crm) == 200
    assert status(simulators, url, BC_AUDIENCE) == 401
    assert status(simulators, url, crm, FUNCTION_APP) in (401, 403)


def test_the_service_is_let_into_business_central_by_its_own_token_only(simulators):
    base = f"{simulators.addresses.business_central}/v2.0/{TENANT}/Production"
    url = f"{base}/api/v2.0/companies"
    assert status(simulators, url, BC_AUDIENCE) == 200
    assert status(simulators, url, simulators.addresses.crm) == 401
    assert status(simulators, url, BC_AUDIENCE, FUNCTION_APP) in (401, 403)
