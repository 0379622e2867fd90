"""An access token for the service: given, a program's own, or a person's by device code.

A person's sign-in is remembered in a file that only its owner can read, as Azure's own command line
does; ``coupler sign-out`` removes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msal  # type: ignore[import-untyped]  # msal ships no types

from cli.errors import ServiceError, UsageError
from cli.settings import CliSettings

_SCOPE = "access_as_user"


def cache_file(environment: dict[str, str]) -> Path:
    """Where a person's sign-in is remembered."""
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "coupler" / "sign-in.json"


def access_token(
    settings: CliSettings, cache: Path, tell: Callable[[str], None], *, fresh: bool = False
) -> str:
    """A token for the service; ``tell`` shows a person what to do to sign in.

    ``fresh``: the token that was had before was refused. Raises ``UsageError`` where nothing says
    how to sign in, ``ServiceError`` where Entra ID refuses.
    """
    if settings.token:
        if fresh:
            raise ServiceError("The token in COUPLER_TOKEN was refused. Get a new one.")
        return settings.token
    if not settings.tenant or not settings.client_id:
        raise UsageError(
            "As whom? Set COUPLER_TENANT and COUPLER_CLIENT_ID to sign in, or COUPLER_TOKEN to a "
            "token that you have."
        )
    if settings.client_secret:
        return _of_program(settings)
    return _of_person(settings, cache, tell, fresh=fresh)


def forget(cache: Path) -> None:
    """Forget a person's sign-in; without one nothing happens."""
    cache.unlink(missing_ok=True)


def _of_program(settings: CliSettings) -> str:
    application = msal.ConfidentialClientApplication(
        settings.client_id,
        client_credential=settings.client_secret,
        authority=f"{settings.authority}/{settings.tenant}",
        instance_discovery=settings.is_microsofts_authority,
    )
    return _token_of(application.acquire_token_for_client([f"{settings.audience}/.default"]))


def _of_person(
    settings: CliSettings, cache: Path, tell: Callable[[str], None], *, fresh: bool
) -> str:
    remembered = msal.SerializableTokenCache()
    if cache.exists():
        remembered.deserialize(cache.read_text(encoding="utf-8"))
    application = msal.PublicClientApplication(
        settings.client_id,
        authority=f"{settings.authority}/{settings.tenant}",
        instance_discovery=settings.is_microsofts_authority,
        token_cache=remembered,
    )
    scopes = [f"{settings.audience}/{_SCOPE}"]
    accounts = application.get_accounts()
    found: dict[str, Any] | None = None
    if accounts:
        found = application.acquire_token_silent(scopes, accounts[0], force_refresh=fresh)
    if not found or "access_token" not in found:
        flow = application.initiate_device_flow(scopes)
        if "message" not in flow:
            raise ServiceError(f"Entra ID refused to begin a sign-in: {_reason(flow)}")
        tell(str(flow["message"]))
        found = application.acquire_token_by_device_flow(flow)
    token = _token_of(found)
    if remembered.has_state_changed:
        _write_privately(cache, remembered.serialize())
    return token


def _token_of(answer: dict[str, Any] | None) -> str:
    if answer and "access_token" in answer:
        return str(answer["access_token"])
    raise ServiceError(f"Entra ID gave no token: {_reason(answer or {})}")


def _reason(answer: dict[str, Any]) -> str:
    """Entra ID's words up to its trace ids, which follow on the same line or the next."""
    told = str(answer.get("error_description") or answer.get("error") or "no reason was given")
    return told.partition("Trace ID:")[0].strip()


def _write_privately(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
