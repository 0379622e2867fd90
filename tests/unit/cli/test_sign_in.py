"""As whom a command speaks, and what is kept of it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from cli.errors import ServiceError, UsageError
from cli.settings import settings_from
from cli.sign_in import access_token, cache_file, forget

GIVEN = {"COUPLER_URL": "https://coupler.example", "COUPLER_TENANT": "contoso.example"}
PERSON = GIVEN | {"COUPLER_CLIENT_ID": "cli"}
PROGRAM = PERSON | {"COUPLER_CLIENT_SECRET": "s3cret"}


class Entra:
    """Stands in for msal's applications; the last one made is ``Entra.made``."""

    made: Entra
    accounts: tuple[str, ...] = ()
    answer: dict[str, Any]

    def __init__(self, client_id: str, **options: Any) -> None:
        self.options = options
        self.scopes: list[str] = []
        Entra.made = self

    def acquire_token_for_client(self, scopes):
        self.scopes = scopes
        return Entra.answer

    def get_accounts(self):
        return Entra.accounts

    def acquire_token_silent(self, scopes, account, *, force_refresh):
        return {"access_token": f"silent {account} {force_refresh}"}

    def initiate_device_flow(self, scopes):
        self.scopes = scopes
        return {"message": "Go there and enter ABC."}

    def acquire_token_by_device_flow(self, flow):
        cache = self.options["token_cache"]
        cache.has_state_changed = True
        return Entra.answer


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("msal.PublicClientApplication", Entra)
    monkeypatch.setattr("msal.ConfidentialClientApplication", Entra)
    monkeypatch.setattr(Entra, "accounts", ())
    monkeypatch.setattr(Entra, "answer", {"access_token": "new"}, raising=False)
    return cache_file({"XDG_CONFIG_HOME": str(tmp_path)})


def test_a_token_that_is_there_is_taken(cache):
    assert access_token(settings_from(GIVEN | {"COUPLER_TOKEN": "given"}), cache, print) == "given"


def test_without_a_way_to_sign_in_the_person_is_told_which_there_are(cache):
    with pytest.raises(UsageError, match="COUPLER_CLIENT_ID"):
        access_token(settings_from(GIVEN), cache, print)


def test_a_program_signs_in_with_its_secret_and_nothing_is_kept(cache):
    assert access_token(settings_from(PROGRAM), cache, print) == "new"
    assert Entra.made.scopes == ["api://coupler/.default"]
    assert not cache.exists()


def test_a_person_is_told_the_code_and_remembered_privately(cache):
    told: list[str] = []
    assert access_token(settings_from(PERSON), cache, told.append) == "new"
    assert told == ["Go there and enter ABC."]
    assert Entra.made.scopes == ["api://coupler/access_as_user"]
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    forget(cache)
    forget(cache)
    assert not cache.exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_remembered_person_is_not_asked_again(cache, monkeypatch, fresh):
    monkeypatch.setattr(Entra, "accounts", ("amy",))
    token = access_token(settings_from(PERSON), cache, pytest.fail, fresh=fresh)
    assert token == f"silent amy {fresh}"


@pytest.mark.parametrize("gap", ["\r\n", " "])
def test_a_refusal_is_told_without_its_trace_ids(cache, monkeypatch, gap):
    refused = {"error_description": f"AADSTS7000215: Invalid client secret.{gap}Trace ID: 1"}
    monkeypatch.setattr(Entra, "answer", refused)
    with pytest.raises(ServiceError) as told:
        access_token(settings_from(PROGRAM), cache, print)
    assert str(told.value).endswith("AADSTS7000215: Invalid client secret.")


@pytest.mark.parametrize(
    ("authority", "known"),
    [("", True), ("https://login.microsoftonline.us/", True), ("https://127.0.0.1:7075", False)],
)
def test_only_microsofts_own_authorities_are_discovered(authority, known):
    settings = settings_from(PERSON | {"COUPLER_AUTHORITY": authority})
    assert settings.is_microsofts_authority is known
