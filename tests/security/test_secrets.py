"""No secret shows in the text of a value, in an answer or in the log."""

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
import pkgutil
import re
from typing import Any

import pytest

from connections.services import _FreshCredentials
from services.tokens import Authority, ClientCredentials, ServiceToken
from settings import from_environment
from storage.secrets import SecretText
from tests.security.calls import as_caller
from tests.unit.connections.examples import TENANT, body, connection
from tests.unit.identity import issuer

PACKAGES = (
    *("audit", "connections", "couplings", "identity", "services", "setup", "storage"),
    *("sync", "web", "webhooks"),
)
SECRET = "s3cret-value"
_HOLDS_A_SECRET = re.compile(r"secret|password|token|storage_connection|authorization", re.I)
# The first two are held to it below; a function shows its name, trouble what it tells people.
_SHOWS_NO_VALUE = ("SecretText", "ServiceToken", "Callable", "Trouble")
_HOLDS_NO_VALUE = {
    "client_secret_name",  # addresses of secrets
    "key_secret_name",
    "secret_address",
}


def models() -> list[type]:
    """Every dataclass of the product."""
    found: list[type] = [type(from_environment({"KEY_VAULT_URL": "", "API_AUDIENCE": ""}))]
    for package in map(importlib.import_module, PACKAGES):
        for information in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(information.name)
            found += [
                one
                for one in vars(module).values()
                if dataclasses.is_dataclass(one)
                and isinstance(one, type)
                and one.__module__ == module.__name__
            ]
    return found


@pytest.mark.parametrize("model", models(), ids=lambda one: one.__qualname__)
def test_a_field_that_may_hold_a_secret_is_not_shown(model):
    shown = [
        field.name
        for field in dataclasses.fields(model)
        if field.repr
        and _HOLDS_A_SECRET.search(field.name)
        and field.name not in _HOLDS_NO_VALUE
        and not any(one in str(field.type) for one in _SHOWS_NO_VALUE)
    ]
    assert shown == []


def test_the_scan_sees_the_models_it_is_meant_for():
    names = {model.__name__ for model in models()}
    assert {"Settings", "Connection", "Caller", "ServiceToken", "Row"} <= names


class Vault:
    def read(self, tenant: str, name: str) -> SecretText:
        return SecretText(SECRET)

    def forget(self, name: str) -> None:
        """Nothing is kept."""


CREDENTIALS = ClientCredentials(tenant="t", client="c", secret=SECRET)
HOLDERS: list[Any] = [
    SecretText(SECRET),
    [SecretText(SECRET)],
    _FreshCredentials(TENANT, connection().credentials, Vault(), None),
    ServiceToken(
        authority=Authority(address="https://login.example"),
        credentials=lambda: CREDENTIALS,
        scope="https://x/.default",
    ),
    CREDENTIALS,
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda one: type(one).__name__)
def test_a_value_that_holds_a_secret_does_not_show_it(holder):
    assert SECRET not in f"{holder} {holder!r} {holder!s}" % ()


def test_a_secret_cannot_become_json():
    with pytest.raises(TypeError):
        json.dumps(SecretText(SECRET))


def test_neither_token_nor_body_of_a_request_is_logged(account, caplog):
    caplog.set_level(logging.DEBUG)
    sent = body() | {"client_secret": SECRET}
    assert as_caller("create_connection", body=sent).status_code == 400
    assert caplog.records
    assert SECRET not in caplog.text
    assert issuer.token().split(".")[0] not in caplog.text
