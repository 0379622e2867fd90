"""The function app as the host calls it, with storage in memory and the tests' own issuer."""

from __future__ import annotations

import pytest

import settings
import storage.accounts
from identity import tokens
from tests.fakes.tables import MemoryAccount
from tests.unit.identity import issuer
from web import limits

_ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "KEY_VAULT_URL": "https://vault.example",
    "ENTRA_AUTHORITY": issuer.AUTHORITY,
    "API_AUDIENCE": issuer.AUDIENCE,
    "ALLOWED_SERVICE_HOSTS": "api.businesscentral.dynamics.com,*.dynamics.com",
}
_PER_PROCESS = (
    settings.settings,
    storage.accounts.storage_account,
    tokens.verifier,
    limits.request_limit,
)


@pytest.fixture
def account(monkeypatch):
    """The storage that the app uses during a test."""
    memory = MemoryAccount()
    for name, value in _ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(storage.accounts, "StorageAccount", lambda _: memory)
    monkeypatch.setattr(tokens, "published_keys", lambda *_: issuer.FixedKeys())
    for made_once in _PER_PROCESS:
        made_once.cache_clear()
    yield memory
    for made_once in _PER_PROCESS:
        made_once.cache_clear()
