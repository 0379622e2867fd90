"""What both services' descriptions say of the tables of every mapping, against the simulators."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.business_central import Endpoint
from services.business_central_metadata import BusinessCentralMetadata
from services.dataverse_metadata import DataverseMetadata
from services.table_facts import ValueKind
from services.transport import Transport
from sync.mapping import TableMapping
from sync.mapping_metadata_check import metadata_faults
from sync.mappings import MAPPINGS
from sync.work import endpoint_of
from tests.contract.services.conftest import TENANT

type NewTransport = Callable[[str, str, str], Transport]


@pytest.fixture
def crm(new_transport: NewTransport, dataverse_url: str) -> DataverseMetadata:
    scope = f"{dataverse_url}/.default"
    return DataverseMetadata(new_transport("Dynamics 365 Sales", dataverse_url, scope))


@pytest.fixture
def bc(new_transport: NewTransport, business_central: str) -> BusinessCentralMetadata:
    scope = "https://api.businesscentral.dynamics.com/.default"
    environment = f"{business_central}/v2.0/{TENANT}/Production"
    return BusinessCentralMetadata(new_transport("Business Central", environment, scope))


def test_crm_tells_a_table_with_lengths_and_where_its_references_lead(crm):
    account = crm.table("accounts")
    assert account is not None
    assert (account.name, account.key) == ("account", "accountid")
    name = account.columns["name"]
    assert (name.kind, name.length, name.on_create, name.on_update) == (
        ValueKind.TEXT,
        160,
        True,
        True,
    )
    owner = account.columns["ownerid"]
    assert owner.kind is ValueKind.LOOKUP
    assert owner.navigations == {"ownerid"}
    parent = crm.table("contacts").columns["parentcustomerid"]
    assert parent.navigations == {"parentcustomerid_account", "parentcustomerid_contact"}
    assert account.columns["creditlimit"].kind is ValueKind.NUMBER
    assert account.columns["statecode"].kind is ValueKind.OPTION


def test_a_table_that_crm_lacks_is_none(crm):
    assert crm.table("nosuchtables") is None


def test_a_table_that_business_central_lacks_is_none(bc):
    assert bc.table(Endpoint.api("customers")) is not None
    assert bc.table(Endpoint.page("Resources")) is not None
    assert bc.table(Endpoint.api("Resources")) is None


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda each: each.name)
def test_the_tables_bear_out_every_mapping(bc, crm, mapping: TableMapping):
    found = metadata_faults(
        mapping, bc.table(endpoint_of(mapping)), crm.table(mapping.crm.entity_set)
    )
    assert found == []
