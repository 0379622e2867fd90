from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from connections import services
from connections.services import OpenConnections, open_services
from connections.store import StoredConnection
from errors import ConfigurationError, TransientError
from services.tokens import ClientCredentials
from settings import from_environment
from storage.secrets import SecretText
from tests.unit.connections.examples import OTHER_TENANT, TENANT, connection

SETTINGS = from_environment({"KEY_VAULT_URL": "https://vault.example", "API_AUDIENCE": "api://x"})


class Vault:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def read(self, tenant, name):
        self.calls.append(f"read {tenant} {name}")
        return SecretText("s3cret")

    def forget(self, name):
        self.calls.append(f"forget {name}")


@pytest.fixture
def vault():
    return Vault()


@pytest.fixture
def company_list(monkeypatch):
    """Business Central's companies, and the transport that asked for them."""
    asked = SimpleNamespace(companies=[], transport=None)

    def companies(transport):
        asked.transport = transport
        if isinstance(asked.companies, Exception):
            raise asked.companies
        return asked.companies

    monkeypatch.setattr("services.business_central.companies", companies)
    return asked


def test_the_company_is_found_by_its_name(vault, company_list):
    company_list.companies = [
        {"id": str(uuid4()), "name": "My Company"},
        {"id": str(uuid4()), "name": "CRONUS International Ltd."},
    ]
    opened = open_services(TENANT, connection(), SETTINGS, vault)
    assert company_list.transport.base_url == connection().business_central.url
    assert opened.business_central_traffic is company_list.transport.traffic
    assert opened.crm_traffic is not opened.business_central_traffic


def test_an_unknown_company_names_those_that_are_there(vault, company_list):
    company_list.companies = [{"id": "1", "name": "My Company"}, {"id": "2", "name": "CRONUS USA"}]
    with pytest.raises(ConfigurationError) as unknown:
        open_services(TENANT, connection(), SETTINGS, vault)
    assert "CRONUS International Ltd." in unknown.value.message
    assert '"My Company", "CRONUS USA"' in unknown.value.hint


def test_an_environment_without_companies_says_so(vault, company_list):
    with pytest.raises(ConfigurationError) as unknown:
        open_services(TENANT, connection(), SETTINGS, vault)
    assert "none" in unknown.value.hint


def test_the_secret_is_read_for_the_callers_tenant_and_anew_after_a_refusal(vault):
    opened_with = connection().credentials
    name = opened_with.client_secret_name
    credentials = services._FreshCredentials(TENANT, opened_with, vault, None)
    expected = ClientCredentials(
        tenant=opened_with.tenant_id, client=opened_with.client_id, secret="s3cret"
    )
    assert (credentials(), credentials()) == (expected, expected)
    assert vault.calls == [f"read {TENANT} {name}", f"forget {name}", f"read {TENANT} {name}"]


def test_after_a_refusal_the_credentials_count_that_the_connection_has_by_now(vault):
    opened_with = connection().credentials
    rotated = replace(opened_with, client_id="another", client_secret_name="another-secret")
    credentials = services._FreshCredentials(TENANT, opened_with, vault, lambda: rotated)
    assert [credentials().client for _ in range(3)] == [
        opened_with.client_id,
        "another",
        "another",
    ]
    assert vault.calls[1:3] == ["forget another-secret", f"read {TENANT} another-secret"]


class Opening:
    """Stands in for ``open_services``; counts, and remembers what was closed."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []
        self.closed: list[int] = []
        self.failure: Exception | None = None

    def __call__(self, tenant, asked) -> Any:
        if self.failure:
            raise self.failure
        number = len(self.opened)
        self.opened.append((tenant, asked.connection_id))
        return SimpleNamespace(number=number, close=lambda: self.closed.append(number))


@pytest.fixture
def opening():
    return Opening()


def stored(etag: str = "1", **changes: Any) -> StoredConnection:
    return StoredConnection(connection=connection(**changes), etag=etag)


def test_a_connection_is_opened_once(opening):
    opened = OpenConnections(opening)
    assert opened.services(TENANT, stored()) is opened.services(TENANT, stored())
    assert len(opening.opened) == 1


def test_a_changed_connection_is_opened_anew_and_the_old_one_closed(opening):
    opened = OpenConnections(opening)
    first = opened.services(TENANT, stored("1"))
    assert opened.services(TENANT, stored("2")) is not first
    assert opening.closed == [0]


def test_connections_of_the_same_id_and_version_are_kept_apart_by_tenant(opening):
    opened = OpenConnections(opening)
    assert opened.services(TENANT, stored()) is not opened.services(OTHER_TENANT, stored())


def test_a_failed_opening_is_tried_again(opening):
    opened = OpenConnections(opening)
    opening.failure = TransientError("service-unreachable", "not now")
    with pytest.raises(TransientError):
        opened.services(TENANT, stored())
    opening.failure = None
    assert opened.services(TENANT, stored()) is not None


def test_two_threads_open_a_connection_once():
    both_opening = threading.Barrier(2)
    openings = []

    def opening(tenant, asked):
        openings.append(tenant)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_opening.wait(timeout=0.2)  # passes only where a second one is opening meanwhile
        return SimpleNamespace(close=lambda: None)

    opened = OpenConnections(opening)
    with ThreadPoolExecutor(2) as pool:
        used = list(pool.map(lambda _: opened.services(TENANT, stored()), range(2)))
    assert used[0] is used[1]
    assert len(openings) == 1
