from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from errors import ConfigurationError, RefusedRequestError
from services.addresses import check_address
from settings import CLOUD_HOSTS, from_environment

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {"KEY_VAULT_URL": "https://vault.example", "API_AUDIENCE": "api://x"}
READ_BY_OTHERS = {
    "FUNCTIONS_WORKER_RUNTIME",  # the Functions host
    "AZURE_AUTHORITY_HOST",
    "AZURE_TENANT_ID",  # azure-identity, where no managed identity is
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
}


class Recording(Mapping[str, str]):
    """Remembers which settings were asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def example() -> dict[str, str]:
    values = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    assert all(isinstance(value, str) for value in values.values())
    return dict(values)


def test_the_example_lists_every_setting_and_no_other():
    environment = Recording(example())
    from_environment(environment)
    assert environment.asked == set(environment) - READ_BY_OTHERS


def test_the_example_is_valid_for_one_machine():
    settings = from_environment(example())
    assert settings.entra_authority == "https://127.0.0.1:7090"
    assert settings.key_vault_url == "https://127.0.0.1:7091"
    assert "QueueEndpoint=http://127.0.0.1:7081/" in settings.storage_connection
    assert settings.allowed_service_hosts == ("127.0.0.1", "localhost")
    assert not settings.entra_instance_discovery
    assert not settings.key_vault_verify_challenge


def test_what_is_left_out_has_the_values_of_the_public_cloud():
    settings = from_environment(REQUIRED)
    assert settings.entra_authority == "https://login.microsoftonline.com"
    assert settings.entra_instance_discovery
    assert settings.key_vault_verify_challenge
    assert settings.allowed_service_hosts == ("api.businesscentral.dynamics.com", "*.dynamics.com")
    assert settings.ca_bundle is None


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_missing_setting_is_named(name):
    environment = {key: value for key, value in REQUIRED.items() if key != name}
    with pytest.raises(ConfigurationError, match=name) as refused:
        from_environment(environment)
    assert refused.value.code == "setting-missing"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENTRA_INSTANCE_DISCOVERY", "no"),
        ("KEY_VAULT_VERIFY_CHALLENGE", ""),
        ("TABLE_JOB_LEASE_SECONDS", "0"),
        ("TABLE_JOB_SLICE_SECONDS", "1.5"),
        ("RUN_WATCH_SECONDS", "-1"),
        ("TENANT_SLOTS", "-1"),
        ("TENANT_REQUEST_BURST", "0"),
        ("TENANT_REQUESTS_PER_SECOND", "many"),
    ],
)
def test_a_malformed_setting_is_named(name, value):
    with pytest.raises(ConfigurationError, match=name) as refused:
        from_environment(REQUIRED | {name: value})
    assert refused.value.code == "setting-malformed"


def test_hosts_are_read_without_blanks_and_in_lower_case():
    hosts = from_environment(REQUIRED | {"ALLOWED_SERVICE_HOSTS": " A.example , ,*.B.example"})
    assert hosts.allowed_service_hosts == ("a.example", "*.b.example")


def test_an_authority_is_read_without_its_last_slash():
    settings = from_environment(REQUIRED | {"ENTRA_AUTHORITY": "https://login.example/"})
    assert settings.entra_authority == "https://login.example"


def test_the_accounts_key_is_not_shown():
    settings = from_environment(example())
    assert "AccountKey=" in settings.storage_connection
    assert "AccountKey=" not in repr(settings)


@pytest.mark.parametrize("cloud", list(CLOUD_HOSTS))
def test_a_cloud_stands_for_its_hosts(cloud):
    listed = {"ALLOWED_SERVICE_HOSTS": f"bc.contoso.example:7048, Cloud:{cloud.upper()}"}
    hosts = from_environment(REQUIRED | listed).allowed_service_hosts
    assert hosts == ("bc.contoso.example:7048", *CLOUD_HOSTS[cloud])


def test_hosts_that_several_clouds_share_are_listed_once():
    listed = {"ALLOWED_SERVICE_HOSTS": "cloud:gcc,cloud:public,*.dynamics.com"}
    hosts = from_environment(REQUIRED | listed).allowed_service_hosts
    assert sorted(hosts) == [
        "*.crm9.dynamics.com",
        "*.dynamics.com",
        "api.businesscentral.dynamics.com",
    ]


def test_without_a_list_the_public_cloud_is_allowed():
    assert from_environment(REQUIRED).allowed_service_hosts == CLOUD_HOSTS["public"]


def test_a_cloud_that_there_is_not_is_refused():
    with pytest.raises(ConfigurationError, match=r"gcchigh.*gcc-high"):
        from_environment(REQUIRED | {"ALLOWED_SERVICE_HOSTS": "cloud:gcchigh"})


@pytest.mark.parametrize(
    ("cloud", "address", "allowed"),
    [
        ("public", "https://contoso.crm4.dynamics.com", True),
        ("public", "https://contoso.crm.microsoftdynamics.us", False),
        ("public", "https://contoso.crm.dynamics.cn", False),
        ("gcc", "https://contoso.crm9.dynamics.com", True),
        ("gcc", "https://contoso.crm4.dynamics.com", False),
        ("gcc-high", "https://contoso.crm.microsoftdynamics.us", True),
        ("gcc-high", "https://crm.microsoftdynamics.us", False),
        ("gcc-high", "https://contoso.crm.dynamics.com", False),
        ("dod", "https://contoso.crm.appsplatform.us", True),
        ("dod", "https://evilcrm.appsplatform.us", False),
        ("china", "https://contoso.crm.dynamics.cn", True),
        ("china", "https://contoso.crm.dynamics.cn.evil.example", False),
    ],
)
def test_a_cloud_admits_its_own_organizations_only(cloud, address, allowed):
    if allowed:
        assert check_address(address, CLOUD_HOSTS[cloud]) == address
    else:
        with pytest.raises(RefusedRequestError):
            check_address(address, CLOUD_HOSTS[cloud])
