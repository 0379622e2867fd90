from __future__ import annotations

import json
import pickle
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.keyvault.secrets import SecretClient

from errors import (
    AuthorizationError,
    ConfigurationError,
    CouplerError,
    RefusedRequestError,
    ThrottledError,
    TransientError,
)
from identity.model import TenantId
from settings import from_environment
from storage.secrets import CACHE_SECONDS, SecretReader, SecretText, check_secret_name

TENANT = TenantId("11111111-1111-1111-1111-111111111111")
NAME = f"{TENANT}--crm"
SETTINGS = from_environment({"KEY_VAULT_URL": "https://vault.invalid", "API_AUDIENCE": "a"})


class Vault:
    """Answers as the vault's client does, or raises what the test put in place of a value."""

    def __init__(self) -> None:
        self.secrets: dict[str, Any] = {NAME: "s3cret"}
        self.asked = 0

    def get_secret(self, name: str) -> SimpleNamespace:
        self.asked += 1
        value = self.secrets[name]
        if isinstance(value, Exception):
            raise value
        return SimpleNamespace(value=value)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(vault: Vault, clock: Clock) -> SecretReader:
    return SecretReader(SETTINGS, client=cast(SecretClient, vault), monotonic=clock)


def with_status(status: int) -> HttpResponseError:
    error = HttpResponseError(message="raw answer with s3cret")
    error.status_code = status
    return error


def test_a_secret_is_read_and_revealed(reader: SecretReader):
    assert reader.read(TENANT, NAME).reveal() == "s3cret"


def test_a_secret_shows_itself_nowhere_else():
    secret = SecretText("s3cret")

    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", "%s" % secret, repr([secret])]  # noqa: UP031 (the old form is one of the ways out)

    assert not any("s3cret" in text for text in shown)
    for written_out in (json.dumps, pickle.dumps):
        with pytest.raises(TypeError):
            written_out(secret)


def test_a_value_is_kept_for_minutes_and_then_read_anew(
    reader: SecretReader, vault: Vault, clock: Clock
):
    reader.read(TENANT, NAME)
    vault.secrets[NAME] = "rotated"

    clock.now += CACHE_SECONDS - 1
    assert reader.read(TENANT, NAME).reveal() == "s3cret"
    assert vault.asked == 1
    clock.now += 1
    assert reader.read(TENANT, NAME).reveal() == "rotated"


def test_a_forgotten_value_is_read_anew_at_once(reader: SecretReader, vault: Vault):
    reader.read(TENANT, NAME)
    vault.secrets[NAME] = "rotated"

    reader.forget(NAME)

    assert reader.read(TENANT, NAME).reveal() == "rotated"


@pytest.mark.parametrize(
    "name",
    [
        "22222222-2222-2222-2222-222222222222--crm",
        f"{TENANT}--",
        f"{TENANT}-crm",
        f"x{TENANT}--crm",
        f"{TENANT}--a/b",
        f"{TENANT}--../other",
        f"{TENANT}--crm\n",
        f"{TENANT}--" + "x" * 127,
        "",
    ],
)
def test_a_name_that_is_not_the_tenants_is_refused_without_asking_the_vault(
    reader: SecretReader, vault: Vault, name: str
):
    with pytest.raises(RefusedRequestError) as caught:
        reader.read(TENANT, name)

    assert (caught.value.status, caught.value.code) == (422, "secret-not-yours")
    assert vault.asked == 0


def test_a_cached_value_is_not_given_to_another_tenant(reader: SecretReader):
    reader.read(TENANT, NAME)

    with pytest.raises(RefusedRequestError):
        reader.read(TenantId("22222222-2222-2222-2222-222222222222"), NAME)


def test_a_good_name_passes():
    check_secret_name(TENANT, f"{TENANT}--crm-client-2")


@pytest.mark.parametrize(
    ("answer", "family", "code"),
    [
        (ResourceNotFoundError("s3cret"), ConfigurationError, "secret-missing"),
        ("", ConfigurationError, "secret-empty"),
        (None, ConfigurationError, "secret-empty"),
        (with_status(403), AuthorizationError, "secret-forbidden"),
        (ClientAuthenticationError("s3cret"), AuthorizationError, "secret-forbidden"),
        (with_status(429), ThrottledError, "vault-busy"),
        (with_status(503), TransientError, "vault-unavailable"),
        (ServiceRequestError("s3cret"), TransientError, "vault-unavailable"),
        (with_status(400), ConfigurationError, "vault-refused"),
    ],
)
def test_a_refusal_tells_who_must_act_and_nothing_secret(
    reader: SecretReader, vault: Vault, answer: Any, family: type[CouplerError], code: str
):
    vault.secrets[NAME] = answer

    with pytest.raises(family) as caught:
        reader.read(TENANT, NAME)

    assert caught.value.code == code
    assert NAME in caught.value.message
    assert "s3cret" not in caught.value.explained()
    assert caught.value.__cause__ is None


def test_a_failure_is_not_kept(reader: SecretReader, vault: Vault):
    vault.secrets[NAME] = with_status(503)
    with pytest.raises(TransientError):
        reader.read(TENANT, NAME)
    vault.secrets[NAME] = "s3cret"

    assert reader.read(TENANT, NAME).reveal() == "s3cret"
