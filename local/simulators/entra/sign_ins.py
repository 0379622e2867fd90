"""Sign-ins by device code: begun by an application, finished by a person elsewhere.

The person is played by `/_sim/sign-in`: who signed in, or that they declined, or were too late.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.simulators.core.descriptions import described, number
from local.simulators.core.simulator import SeedError
from local.simulators.entra import refusals
from local.simulators.entra.users import User

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LETTERS = 9
_LIFETIME_SECONDS = 900
_INTERVAL_SECONDS = 5


@dataclass(slots=True, kw_only=True)
class SignIn:
    """One sign-in; `user` once the person has finished."""

    tenant: str
    client_id: str
    scope: str
    user_code: str
    device_code: str
    expires_at: float
    user: User | None = None
    declined: bool = False
    redeemed: bool = False
    slow_downs: int = 0


class SignIns:
    """All sign-ins by device code since the start."""

    def __init__(self, clock: Callable[[], float], user_named: Callable[[str, str], User]) -> None:
        self._clock = clock
        self._user_named = user_named
        self._by_device_code: dict[str, SignIn] = {}

    def begin(self, tenant: str, client_id: str, scope: str, verification_uri: str) -> Any:
        """Begin one, and answer what the application shows the person."""
        sign_in = SignIn(
            tenant=tenant,
            client_id=client_id,
            scope=scope,
            user_code="".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS)),
            device_code=secrets.token_urlsafe(64),
            expires_at=self._clock() + _LIFETIME_SECONDS,
        )
        self._by_device_code[sign_in.device_code] = sign_in
        return {
            "user_code": sign_in.user_code,
            "device_code": sign_in.device_code,
            "verification_uri": verification_uri,
            "expires_in": _LIFETIME_SECONDS,
            "interval": _INTERVAL_SECONDS,
            "message": f"To sign in, use a web browser to open the page {verification_uri} and "
            f"enter the code {sign_in.user_code} to authenticate.",
        }

    def redeem(self, tenant: str, client_id: str, device_code: str) -> tuple[User, str]:
        """Who signed in, and the scope that was asked for; raises ``RefusedError``. Once only."""
        sign_in = self._by_device_code.get(device_code)
        if sign_in is None or (sign_in.tenant, sign_in.client_id) != (tenant, client_id):
            raise refusals.unknown_device_code()
        if sign_in.redeemed:
            raise refusals.already_redeemed()
        if self._clock() >= sign_in.expires_at:
            raise refusals.expired()
        if sign_in.declined:
            raise refusals.declined()
        if sign_in.slow_downs:
            sign_in.slow_downs -= 1
            raise refusals.too_fast()
        if sign_in.user is None:
            raise refusals.pending()
        if not sign_in.user.enabled:
            raise refusals.account_disabled()
        sign_in.redeemed = True
        return sign_in.user, sign_in.scope

    def play(self, values: Any) -> dict[str, Any]:
        """Do what the person does: `user` (signs in), `decline`, `expire`, `slow_down` (times).

        `user_code` names the sign-in; without it the one that was begun last.
        """
        members = {"user_code", "user", "decline", "expire", "slow_down"}
        given = described(values, members, "a sign-in")
        sign_in = self._wanted(given.get("user_code"))
        user = given.get("user")
        found = self._user_named(sign_in.tenant, str(user)) if user is not None else None
        sign_in.slow_downs = number(given, "slow_down", sign_in.slow_downs, whole=True)
        sign_in.user = found or sign_in.user
        sign_in.declined = given.get("decline") is True
        if given.get("expire") is True:
            sign_in.expires_at = self._clock()
        return {"user_code": sign_in.user_code, "user": user, "declined": sign_in.declined}

    def _wanted(self, user_code: Any) -> SignIn:
        waiting = [each for each in self._by_device_code.values() if not each.redeemed]
        if user_code is not None:
            waiting = [each for each in waiting if each.user_code == user_code]
        if not waiting:
            raise SeedError(f"no sign-in waits for the code {user_code!r}")
        return waiting[-1]
