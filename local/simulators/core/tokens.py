"""Verifies the bearer tokens of requests to a simulator, by the Entra ID simulator's keys."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection
from typing import Any

import aiohttp
import jwt

_MOST_CACHED_TOKENS = 1000
_SECONDS_BETWEEN_FETCHES = 1.0


class TokenError(Exception):
    """A request's token is missing or refused; the text says why."""


class TokenVerifier:
    """Signature (RS256), issuer, audience and expiry of access tokens of one authority.

    The issuer must be ``{authority}/{tid}/v2.0`` with the token's own ``tid``. The keys come from
    ``{authority}/common/discovery/v2.0/keys`` and are fetched again when a token names a key that
    is not among them; ``keys`` (JSON Web Keys) takes the place of fetching in tests.
    """

    def __init__(
        self,
        authority: str,
        *,
        ca_file: str | None = None,
        keys: list[dict[str, Any]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._authority = authority.rstrip("/")
        self._ca_file = ca_file
        self._clock = clock
        self._fetches = keys is None
        self._fetched_at = float("-inf")
        self._keys = _by_id(keys or [])
        self._verified: dict[str, dict[str, Any]] = {}

    async def verify(self, authorization: str | None, audiences: Collection[str]) -> dict[str, Any]:
        """The claims of an ``Authorization`` header's token; raises ``TokenError``."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError("The request has no bearer token.")
        claims = self._verified.get(token) or await self._verified_claims(token)
        if claims["exp"] <= self._clock():
            raise TokenError("The token has expired.")
        if claims["aud"] not in audiences:
            raise TokenError(f"The token's audience {claims['aud']!r} is not this service.")
        return claims

    async def _verified_claims(self, token: str) -> dict[str, Any]:
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                options={
                    "require": ["exp", "iss", "aud", "tid"],
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise TokenError(f"The token is not valid: {error}") from error
        if claims["iss"] != f"{self._authority}/{claims['tid']}/v2.0":
            raise TokenError("The token was issued by somebody else.")
        if len(self._verified) >= _MOST_CACHED_TOKENS:
            self._verified.clear()
        self._verified[token] = claims
        return claims

    async def _key(self, key_id: str) -> jwt.PyJWK:
        since = self._clock() - self._fetched_at
        if key_id not in self._keys and self._fetches and since >= _SECONDS_BETWEEN_FETCHES:
            self._keys = await self._fetch()
            self._fetched_at = self._clock()
        try:
            return self._keys[key_id]
        except KeyError:
            raise TokenError("The token is signed by an unknown key.") from None

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        context = ssl.create_default_context(cafile=self._ca_file)
        url = f"{self._authority}/common/discovery/v2.0/keys"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(url, ssl=context, timeout=aiohttp.ClientTimeout(total=10)) as answer,
            ):
                answer.raise_for_status()
                return _by_id((await answer.json())["keys"])
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TokenError(f"The signing keys at {url} cannot be read: {error}") from error


def _by_id(keys: list[dict[str, Any]]) -> dict[str, jwt.PyJWK]:
    return {key["kid"]: jwt.PyJWK(key, algorithm="RS256") for key in keys}
