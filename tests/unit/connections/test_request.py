from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from typing import get_args, get_type_hints

import pytest

from connections.model import Options
from connections.request import NewConnection
from errors import RefusedRequestError
from tests.unit.connections.examples import CALLER, NOW, OTHER_TENANT, TENANT, body, connection


def test_a_request_becomes_a_connection_with_normal_addresses():
    made = connection(crm={"url": "https://Cronus.CRM.dynamics.com/"})
    assert made.crm.url == "https://cronus.crm.dynamics.com"
    assert (made.connection_id, made.created_by, made.created_at) == ("cronus", CALLER.subject, NOW)


def test_a_generated_id_is_the_same_for_the_same_services_and_another_for_others():
    first = connection(connection_id=None)
    again = connection(connection_id=None, name="Another name")
    other_company = connection(
        connection_id=None, business_central=body()["business_central"] | {"company": "Other"}
    )
    assert first.connection_id == again.connection_id != other_company.connection_id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"crm": {"url": "https://evil.example"}}, "address-not-allowed"),
        ({"crm": {"url": "http://cronus.crm.dynamics.com"}}, "address-not-allowed"),
        ({"crm": {"url": "https://cronus.crm.dynamics.com/main.aspx"}}, "address-not-allowed"),
        (
            {"business_central": {"url": "https://169.254.169.254/v2.0", "company": "x"}},
            "address-not-allowed",
        ),
    ],
)
def test_addresses_that_a_tenant_may_not_name_are_refused(changes, code):
    with pytest.raises(RefusedRequestError) as refused:
        connection(**changes)
    assert (refused.value.status, refused.value.code) == (422, code)


@pytest.mark.parametrize("name", [f"{OTHER_TENANT}--services", "services", f"{TENANT}--"])
def test_a_secret_that_is_not_the_tenants_own_is_refused(name):
    credentials = body()["credentials"] | {"client_secret_name": name}
    with pytest.raises(RefusedRequestError) as refused:
        connection(credentials=credentials)
    assert refused.value.status == 422


def test_the_tenant_of_the_secret_is_the_callers_whatever_the_body_says():
    stranger = replace(CALLER, tenant=OTHER_TENANT)
    with pytest.raises(RefusedRequestError):
        connection(caller=stranger)


@pytest.mark.parametrize(
    "slug", ["ab", "Cronus", "-cronus", "cronus-", "cro nus", "cronus/..", "c" * 49, "a~b", "a_b"]
)
def test_an_id_that_is_no_slug_is_refused(slug):
    with pytest.raises(RefusedRequestError) as refused:
        connection(connection_id=slug)
    assert "connection_id" in refused.value.message


def test_options_that_are_left_out_are_as_usual():
    assert connection().options == Options()
    assert connection().business_central.web_service_key is None


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"ownership": "team"}, "team-missing"),
        ({"separate_companies": True}, "solution-needed"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, code):
    with pytest.raises(RefusedRequestError) as refused:
        connection(options=options)
    assert (refused.value.status, refused.value.code) == (422, code)


def test_the_key_of_a_web_service_user_is_named_within_the_tenant():
    key = {"user": "COUPLER", "key_secret_name": f"{OTHER_TENANT}--key"}
    with pytest.raises(RefusedRequestError) as refused:
        connection(business_central=body()["business_central"] | {"web_service_key": key})
    assert refused.value.code == "secret-not-yours"


def test_no_member_takes_a_secret():
    named = {name for name in members(NewConnection) if "secret" in name or "password" in name}
    assert named == {"client_secret_name", "key_secret_name"}


def members(shape: type) -> Iterator[str]:
    for name, kind in get_type_hints(shape).items():
        yield name
        for part in (kind, *get_args(kind)):
            if isinstance(part, type) and is_dataclass(part):
                yield from members(part)
