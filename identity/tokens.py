"""Who a bearer token speaks for, after checking that the token is what it claims to be.

The rules are fixed here and never taken from the token: RS256 only, a key that the configured
authority publishes, exactly this application as the audience, the issuer of the very tenant that
the token names, and times within five minutes of ours. A refused token's answer says little; the
reason is for the log.

What its bearer may do is in the claim ``roles``, the app roles that the tenant's administrator
assigned. A token with ``scp`` is a person's, held by an application that the person is signed in to
(https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference); one without is
an application's own.
"""

from __future__ import annotations

import json
import logging
import re
from base64 import urlsafe_b64decode
from functools import cache
from typing import Any, NoReturn, Protocol

import jwt

from errors import RefusedRequestError
from identity.keys import PublishedKey, published_keys
from identity.model import DELEGATED_SCOPE, ROLE_CLAIMS, Caller, Role, TenantId
from settings import settings

log = logging.getLogger(__name__)

_ALGORITHM = "RS256"
_LEEWAY_SECONDS = 300
_LONGEST_TOKEN = 16 * 1024
_REQUIRED = ["aud", "exp", "iat", "iss", "nbf", "sub", "tid"]
_BEARER = re.compile(r"bearer +([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII | re.IGNORECASE)
_NAME_CLAIMS = ("preferred_username", "name")
_CLIENT_CLAIMS = ("azp", "appid")
_LONGEST_NAME = 100
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class UnauthenticatedError(RefusedRequestError):
    """Nobody is recognised: 401, with the challenge of RFC 6750."""

    def __init__(self, code: str, message: str, challenge: str) -> None:
        super().__init__(401, code, message, hint="Send a current Entra ID access token.")
        self.headers = {"WWW-Authenticate": challenge}


class Keys(Protocol):
    """Where an issuer's public keys come from."""

    def find(self, kid: str) -> PublishedKey | None:
        """The key of that id, None where the issuer does not publish one.

        Raises ``TransientError`` where the keys cannot be had at the moment.
        """


class TokenVerifier:
    """Verifies tokens for one application and one authority; safe to share between threads."""

    def __init__(self, *, authority: str, audience: str, keys: Keys) -> None:
        self._authority = authority
        self._audience = audience
        self._keys = keys

    def caller(self, authorization: str | None) -> Caller:
        """The verified caller of an ``Authorization`` header's value.

        Raises ``UnauthenticatedError`` for anything but one valid bearer token, ``TransientError``
        where the issuer's keys cannot be had.
        """
        if not authorization:
            raise UnauthenticatedError(
                "token-missing", "The request carries no bearer token.", "Bearer"
            )
        form = _BEARER.fullmatch(authorization)
        if len(authorization) > _LONGEST_TOKEN or form is None:
            _refuse("not one bearer token")
        header, payload, signature = form.groups()
        key = self._key(_header_members(header))
        claims = self._claims(f"{header}.{payload}.{signature}", key)
        return self._caller(claims, key)

    def _key(self, header: dict[str, Any]) -> PublishedKey:
        kid = header.get("kid")
        if header.get("alg") != _ALGORITHM:
            _refuse("algorithm")
        if not isinstance(kid, str) or not kid:
            _refuse("no key id")
        key = self._keys.find(kid)
        if key is None:
            _refuse("unknown key")
        return key

    def _claims(self, token: str, key: PublishedKey) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key.key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED, "strict_aud": True},
            )
        except jwt.PyJWTError as error:
            _refuse(type(error).__name__, error)

    def _caller(self, claims: dict[str, Any], key: PublishedKey) -> Caller:
        tid = claims["tid"]
        if not isinstance(tid, str) or not _GUID.fullmatch(tid):
            _refuse("tenant id")
        issuer = f"{self._authority}/{tid}/v2.0"
        if claims["iss"] != issuer or not key.speaks_for(issuer, tid):
            _refuse("issuer")
        subject = claims.get("oid", claims["sub"])
        if not isinstance(subject, str) or not subject:
            _refuse("subject")
        scopes = _scopes(claims)
        role = _role(claims)
        return Caller(
            tenant=TenantId(tid),
            subject=subject,
            role=role if scopes is None or DELEGATED_SCOPE in scopes else None,
            is_application=scopes is None,
            name=_name(claims, _CLIENT_CLAIMS if scopes is None else _NAME_CLAIMS),
        )


def _scopes(claims: dict[str, Any]) -> list[str] | None:
    """What a person let the application do; None where it acts for itself.

    ``idtyp`` is told only where the registration asks for it, so its absence says nothing; one that
    contradicts ``scp`` makes the token a riddle: refused.
    """
    given = claims.get("scp")
    if given is not None and not isinstance(given, str):
        _refuse("scope")
    if "idtyp" in claims and (claims["idtyp"] == "app") != (given is None):
        _refuse("kind of token")
    return None if given is None else given.split(" ")


def _role(claims: dict[str, Any]) -> Role | None:
    """The highest of the roles; those of other names are not ours and mean nothing."""
    given = claims.get("roles", [])
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        _refuse("roles")
    known = [ROLE_CLAIMS[one] for one in given if one in ROLE_CLAIMS]
    return max(known, key=list(Role).index, default=None)


def _name(claims: dict[str, Any], sources: tuple[str, ...]) -> str:
    found = (claims[source] for source in sources if isinstance(claims.get(source), str))
    kept = "".join(each for each in next(found, "") if each.isprintable())
    return kept[:_LONGEST_NAME]


def _header_members(segment: str) -> dict[str, Any]:
    """The token's header; one that names a member twice can be read in two ways: refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a member is named twice")
        return dict(pairs)

    try:
        raw = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        header = json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        _refuse("malformed header", error)
    if not isinstance(header, dict):
        _refuse("malformed header")
    return header


def _refuse(reason: str, cause: Exception | None = None) -> NoReturn:
    log.info("token refused: %s", reason)
    raise UnauthenticatedError(
        "token-refused", "The bearer token was refused.", 'Bearer error="invalid_token"'
    ) from cause


@cache
def verifier() -> TokenVerifier:
    """The verifier of this process, by the application's settings."""
    given = settings()
    return TokenVerifier(
        authority=given.entra_authority,
        audience=given.api_audience,
        keys=published_keys(given.entra_authority, given.ca_bundle),
    )
