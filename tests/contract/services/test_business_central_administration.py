"""What the setup guide asks Business Central, against the simulator."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
import requests

from errors import AuthorizationError
from local.certificates import Certificates
from local.simulators.business_central.simulator import BusinessCentralSimulator
from local.simulators.core.server import running
from local.simulators.core.tokens import TokenVerifier
from services.business_central import companies
from services.business_central_administration import (
    BusinessCentralAdministration,
    Probe,
    Readability,
)
from services.business_central_endpoint import Endpoint
from services.records import Traffic
from services.transport import Transport
from tests.contract.services.conftest import TENANT, Admin

SCOPE = "https://api.businesscentral.dynamics.com/.default"
COMPANY = "CRONUS"
USER, KEY = "STOCK", "a web service access key of these tests"


@pytest.fixture
def admin(business_central: str, session: requests.Session) -> Iterator[Admin]:
    admin = Admin(business_central, session)
    admin.reset()
    admin.seed(companies=[{"id": "6c1f5d0e-8a3b-4e57-a1c2-d3e4f5061728", "name": COMPANY}])
    yield admin
    admin.reset()


@pytest.fixture
def transport(admin: Admin, new_transport: Callable[[str, str, str], Transport]) -> Transport:
    return new_transport("Business Central", f"{admin.url}/v2.0/{TENANT}/Production", SCOPE)


@pytest.fixture
def probe(transport: Transport) -> Callable[..., Probe]:
    def probed(endpoint: Endpoint, *columns: str) -> Probe:
        [company] = companies(transport)
        administration = BusinessCentralAdministration(transport)
        return administration.probe(endpoint, str(company["id"]), COMPANY, columns)

    return probed


def test_published_web_services_are_told(transport, admin):
    administration = BusinessCentralAdministration(transport)
    assert {"Resources", "SalesPrices"} <= administration.published_services()
    admin.command("web-service", {"service": "Resources", "published": False})
    assert "Resources" not in administration.published_services()


@pytest.mark.parametrize(
    "endpoint",
    [Endpoint.api("customers"), Endpoint.page("CustomerPriceGroups")],
    ids=lambda each: each.name,
)
def test_what_may_be_read_is_readable(probe, endpoint):
    assert probe(endpoint, endpoint.id_field) == Probe(readability=Readability.READABLE)


@pytest.mark.parametrize(
    "endpoint", [Endpoint.api("customers"), Endpoint.page("Resources")], ids=lambda each: each.name
)
def test_what_the_permission_sets_lack_is_forbidden(probe, admin, endpoint):
    admin.command("permissions", {"set": endpoint.name, "read": False})
    found = probe(endpoint, endpoint.id_field)
    assert found.readability is Readability.FORBIDDEN
    assert found.account


def test_every_column_that_is_missing_is_told(probe):
    found = probe(Endpoint.api("customers"), "id", "nothing", "number", "nowhere")
    assert found == Probe(readability=Readability.COLUMNS_MISSING, missing=("nothing", "nowhere"))


@pytest.mark.parametrize(
    "endpoint",
    [Endpoint.api("inventions"), Endpoint.page("Inventions")],
    ids=lambda each: each.name,
)
def test_what_is_not_there_is_absent(probe, endpoint):
    assert probe(endpoint, endpoint.id_field).readability is Readability.ABSENT


@pytest.fixture(scope="module")
def on_premises(certificates: Certificates, verifier: TokenVerifier) -> Iterator[str]:
    simulator = BusinessCentralSimulator(web_service_users={USER: KEY})
    with running(
        simulator, certificate=certificates.certificate, key=certificates.key, verifier=verifier
    ) as url:
        yield url


def by_key(url: str, certificates: Certificates, key: str) -> Transport:
    return Transport(
        "Business Central",
        f"{url}/BC",
        lambda: base64.b64encode(f"{USER}:{key}".encode()).decode(),
        concurrency=1,
        traffic=Traffic(),
        ca_bundle=str(certificates.bundle),
        scheme="Basic",
    )


def test_a_web_service_user_is_taken_on_premises_by_the_right_key_only(on_premises, certificates):
    right = by_key(on_premises, certificates, KEY)
    wrong = by_key(on_premises, certificates, "another key")
    try:
        assert "Resources" in BusinessCentralAdministration(right).published_services()
        with pytest.raises(AuthorizationError) as refused:
            BusinessCentralAdministration(wrong).published_services()
        assert refused.value.code == "service-login-refused"
        assert "another key" not in refused.value.explained()
    finally:
        right.close()
        wrong.close()


def test_online_no_key_is_taken(business_central, certificates):
    transport = by_key(f"{business_central}/v2.0/{TENANT}", certificates, KEY)
    try:
        with pytest.raises(AuthorizationError):
            BusinessCentralAdministration(transport).published_services()
    finally:
        transport.close()
