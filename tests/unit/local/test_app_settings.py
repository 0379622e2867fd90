from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.app_settings import derived_settings, example_settings, write_local_settings
from local.certificates import Certificates, ensure_certificates
from local.ports import Ports
from settings import from_environment

EXAMPLE = Path(__file__).parents[3] / "local.settings.example.json"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"))


def test_the_function_app_reads_every_derived_setting(certificates):
    values = derived_settings(Ports.from_base(7170), certificates, ())
    settings = from_environment(values)
    assert settings.key_vault_url == "https://127.0.0.1:7191"
    assert settings.entra_authority == "https://127.0.0.1:7190"
    assert settings.ca_bundle == str(certificates.bundle)
    assert "QueueEndpoint=http://127.0.0.1:7181/" in settings.storage_connection
    assert not settings.key_vault_verify_challenge
    assert not settings.entra_instance_discovery


def test_a_real_service_is_allowed_by_its_host_and_this_machine_always(certificates):
    services = ("https://org.crm4.dynamics.com", "https://127.0.0.1:7193")
    values = derived_settings(Ports.from_base(), certificates, services)
    assert values["ALLOWED_SERVICE_HOSTS"] == "127.0.0.1,localhost,org.crm4.dynamics.com"


def test_the_derived_settings_are_all_in_the_example(certificates):
    derived = derived_settings(Ports.from_base(), certificates, ())
    assert derived.keys() <= example_settings(EXAMPLE).keys()


def test_tokens_for_real_services_come_from_a_real_authority(certificates):
    authority = "https://login.microsoftonline.com"
    values = derived_settings(Ports.from_base(), certificates, (), authority)
    settings = from_environment(values)
    assert settings.service_authority == authority
    assert settings.service_instance_discovery
    assert settings.entra_authority == "https://127.0.0.1:7090"


def test_the_written_file_has_the_form_that_the_functions_host_reads(tmp_path):
    path = tmp_path / "local.settings.json"
    write_local_settings(path, {"A": "b"}, host_port=7171)
    assert json.loads(path.read_text()) == {
        "IsEncrypted": False,
        "Host": {"LocalHttpPort": 7171},
        "Values": {"A": "b"},
    }
