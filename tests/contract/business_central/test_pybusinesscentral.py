"""The public client pybusinesscentral as a referee: its models check names, types and lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pybusinesscentral import ApiClient, ApiException, Configuration
from pybusinesscentral.api.customer_api import CustomerApi
from pybusinesscentral.models import PostCustomerRequest

from local.certificates import Certificates
from tests.contract.business_central.client import Client
from tests.unit.simulators_business_central.world import CANNON, COMPANY, ROOT


@pytest.fixture
def customers(client: Client, certificates: Certificates, tokens: dict[str, str]) -> Iterator[Any]:
    configuration = Configuration(host=client.address + ROOT)
    configuration.access_token = tokens["good"]
    configuration.ssl_ca_cert = str(certificates.ca)
    with ApiClient(configuration) as found:
        yield CustomerApi(found)


def test_customers_are_listed(customers):
    found = customers.list_customers(
        COMPANY,
        top=1,
        filter="lastModifiedDateTime gt 2026-01-01T00:00:00Z",
        select=["id", "number"],
    )
    assert [each.number for each in found.value] == ["10000"]


def test_a_customer_is_read(customers):
    found = customers.get_customer(COMPANY, CANNON)
    assert (found.number, found.display_name) == ("10000", "Cannon Group")


def test_a_customer_is_created_changed_and_deleted(customers, client):
    request = PostCustomerRequest(display_name="New", city="Bath")
    created = customers.post_customer(COMPANY, "application/json", request)
    assert (created.display_name, created.city) == ("New", "Bath")
    change = PostCustomerRequest(city="York")
    customer_id = str(created.id)
    changed = customers.patch_customer(COMPANY, customer_id, "application/json", "*", change)
    assert (changed.display_name, changed.city) == ("New", "York")
    customers.delete_customer(COMPANY, customer_id)
    assert client.get(f"customers({customer_id})").status_code == 404


def test_a_stale_change_is_a_conflict_to_it(customers, client, cannon):
    client.patch(f"customers({CANNON})", {"city": "Bath"}, If_Match="*")
    change = PostCustomerRequest(city="York")
    with pytest.raises(ApiException) as error:
        customers.patch_customer(COMPANY, CANNON, "application/json", cannon["@odata.etag"], change)
    assert error.value.status == 409
