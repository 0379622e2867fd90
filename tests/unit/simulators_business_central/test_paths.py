"""Addresses."""

from __future__ import annotations

import pytest

from local.simulators.business_central.errors import BcError, NotSimulatedError
from local.simulators.business_central.paths import (
    API,
    WEB_SERVICES,
    Segment,
    parse_key,
    parse_path,
)


def test_an_api_address_names_tenant_environment_and_segments():
    address = parse_path("/v2.0/tenant/production/api/v2.0/companies(1)/customers(2)/$count")
    assert (address.tenant, address.environment, address.interface) == (
        "tenant",
        "production",
        API,
    )
    assert address.segments == (
        Segment("companies", "1"),
        Segment("customers", "2"),
        Segment("$count"),
    )
    assert address.root == "/v2.0/tenant/production/api/v2.0"


def test_slashes_and_doubled_quotes_in_a_key_belong_to_it():
    address = parse_path("/v2.0/t/e/ODataV4/Company('O''Hara / Sons')/Resources")
    assert address.interface == WEB_SERVICES
    assert [each.name for each in address.segments] == ["Company", "Resources"]
    assert parse_key(address.segments[0].key or "", ("Name",)) == ("O'Hara / Sons",)


def test_a_composite_key_is_read_by_name():
    names = ("Item_No", "Code")
    assert parse_key("Code='P,C',Item_No='70''000'", names) == ("70'000", "P,C")


@pytest.mark.parametrize("text", ["", "'A','B'", "Item_No='A'", "Item_No='A',Other='B'", "'A'x"])
def test_a_key_that_does_not_fit_is_refused(text):
    with pytest.raises(BcError) as error:
        parse_key(text, ("Item_No", "Code"))
    assert error.value.code == "BadRequest_NotFound"


@pytest.mark.parametrize("path", ["/", "/v1.0/t/e/api/v2.0/companies", "/v2.0/t/e/other"])
def test_an_address_of_nothing_is_not_found(path):
    with pytest.raises(BcError) as error:
        parse_path(path)
    assert (error.value.status, error.value.code) == (404, "BadRequest_ResourceNotFound")


def test_a_custom_api_is_not_simulated():
    with pytest.raises(NotSimulatedError):
        parse_path("/v2.0/t/e/api/contoso/sales/v1.0/companies")
