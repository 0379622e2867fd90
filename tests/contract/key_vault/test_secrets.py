"""The Key Vault simulator as Microsoft's own client sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.contract.key_vault.conftest import CLIENT, FOREIGN_TENANT, TENANT


def test_a_set_secret_is_read_back(client):
    client.set_secret("t--cronus", "value", content_type="text/plain", tags={"a": "b"})
    secret = client.get_secret("t--cronus")
    assert (secret.value, secret.name) == ("value", "t--cronus")
    assert secret.properties.content_type == "text/plain"
    assert secret.properties.tags == {"a": "b"}
    assert secret.properties.enabled
    assert abs(secret.properties.created_on - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_older_version_is_read_by_its_id_and_the_latest_without(client):
    first = client.set_secret("rotated", "old")
    client.set_secret("rotated", "new")
    assert client.get_secret("rotated").value == "new"
    assert client.get_secret("rotated", first.properties.version).value == "old"


def test_names_compare_without_regard_to_case(client):
    client.set_secret("Mixed-Case", "x")
    assert client.get_secret("mixed-case").value == "x"


def test_an_unknown_secret_is_not_found_by_its_code(client):
    with pytest.raises(ResourceNotFoundError) as refused:
        client.get_secret("missing")
    assert refused.value.error is not None
    assert refused.value.error.code == "SecretNotFound"


def test_an_unknown_version_is_not_found(client):
    client.set_secret("known", "x")
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("known", "0" * 32)


def test_a_disabled_secret_is_forbidden(client):
    client.set_secret("off", "x", enabled=False)
    with pytest.raises(HttpResponseError) as refused:
        client.get_secret("off")
    assert refused.value.status_code == 403
    assert refused.value.error is not None
    assert refused.value.error.innererror == {"code": "SecretDisabled"}


def test_an_expired_secret_is_still_read_with_its_date(client):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    client.set_secret("old", "x", expires_on=yesterday)
    secret = client.get_secret("old")
    assert secret.value == "x"
    assert secret.properties.expires_on < datetime.now(UTC)


def test_properties_are_listed_over_pages_without_values(client):
    names = [f"s-{number:02}" for number in range(30)]
    for name in names:
        client.set_secret(name, "hidden")
    listed = list(client.list_properties_of_secrets())
    assert [found.name for found in listed] == names
    assert not any(hasattr(found, "value") for found in listed)


def test_versions_are_listed(client):
    made = {client.set_secret("v", str(number)).properties.version for number in range(3)}
    listed = {found.version for found in client.list_properties_of_secret_versions("v")}
    assert listed == made


def test_a_deleted_secret_is_gone_and_its_name_taken_until_purged(client):
    client.set_secret("gone", "x")
    client.begin_delete_secret("gone").wait()
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("gone")
    with pytest.raises(ResourceExistsError):
        client.set_secret("gone", "y")
    client.purge_deleted_secret("gone")
    client.set_secret("gone", "z")
    assert client.get_secret("gone").value == "z"


def test_a_deleted_secret_is_recovered(client):
    client.set_secret("back", "x")
    client.begin_delete_secret("back").wait()
    client.begin_recover_deleted_secret("back").wait()
    assert client.get_secret("back").value == "x"


def test_a_request_without_token_is_challenged_with_authority_and_resource(vault, entra):
    answer = requests.get(f"{vault}/secrets/x?api-version=7.6", timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer authorization="{entra}/{TENANT}", resource="https://vault.azure.net"'
    )
    assert answer.json()["error"]["code"] == "Unauthorized"


def bearer(entra: str, tenant: str) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT["client_id"],
        "client_secret": CLIENT["secret"],
        "scope": "https://vault.azure.net/.default",
    }
    answer = requests.post(f"{entra}/{tenant}/oauth2/v2.0/token", data=form, timeout=10)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_another_tenants_token_is_refused(vault, entra):
    foreign = bearer(entra, FOREIGN_TENANT)
    answer = requests.get(f"{vault}/secrets/x?api-version=7.6", headers=foreign, timeout=10)
    assert answer.status_code == 401


def test_the_api_version_is_required(vault, entra):
    answer = requests.get(f"{vault}/secrets/x", headers=bearer(entra, TENANT), timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"value": 1}'])
def test_a_secret_without_text_value_is_refused(vault, entra, body):
    url = f"{vault}/secrets/x?api-version=7.6"
    answer = requests.put(url, data=body, headers=bearer(entra, TENANT), timeout=10)
    assert answer.status_code == 400


def test_seeded_secrets_are_read(client, vault):
    rows = {"secrets": [{"name": "seeded", "value": "v"}]}
    requests.post(f"{vault}/_sim/seed", json=rows, timeout=10).raise_for_status()
    assert client.get_secret("seeded").value == "v"


@pytest.mark.parametrize("row", [{"name": "a"}, {"name": "a b", "value": "x"}, {"name": 1}])
def test_a_malformed_seed_is_refused_and_nothing_loaded(vault, row):
    rows = {"secrets": [{"name": "good", "value": "v"}, row]}
    answer = requests.post(f"{vault}/_sim/seed", json=rows, timeout=10)
    assert answer.status_code == 400
    assert requests.get(f"{vault}/_sim/dump/secrets", timeout=10).json() == []
