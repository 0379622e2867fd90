"""The public keys with which Entra ID signs tokens, as the authority publishes them.

They are fetched from the authority's tenant-independent address, so that nothing in an unverified
token decides where a request goes. Fetching is bounded in every way: TLS with verification, no
redirect, no proxy from the environment, a cap on time and size, and a pause between attempts, so
that a flood of forged key ids does not become a flood of requests.
"""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from errors import TransientError

log = logging.getLogger(__name__)

KEYS_PATH = "/common/discovery/v2.0/keys"
_FRESH_SECONDS = 60 * 60
_USABLE_SECONDS = 24 * 60 * 60
_UNKNOWN_KEY_PAUSE_SECONDS = 60
_FAILURE_PAUSE_SECONDS = 5
_TIMEOUT_SECONDS = 5
_LARGEST_DOCUMENT = 512 * 1024
_SHORTEST_KEY_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """One signing key."""

    kid: str
    key: RSAPublicKey
    issuer: str = ""
    """The issuer that this key signs for, where the authority says so; ``{tenantid}`` in it stands
    for any tenant."""

    def speaks_for(self, issuer: str, tenant: str) -> bool:
        """Whether a token of this issuer may be signed with this key."""
        return not self.issuer or self.issuer.replace("{tenantid}", tenant) == issuer


class PublishedKeys:
    """A cache of an authority's keys; safe to share between threads.

    Keys are taken as fresh for an hour and used for up to a day while the authority cannot be
    reached. An unknown key id causes at most one fetch a minute.
    """

    def __init__(
        self, fetch: Callable[[], bytes], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, PublishedKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    def find(self, kid: str) -> PublishedKey | None:
        """The key of that id, None where the authority does not publish one.

        Raises ``TransientError`` where no usable keys are known and none can be fetched.
        """
        with self._lock:
            now = self._clock()
            if self._must_fetch(kid, now):
                self._refresh(now)
            if self._fetched_at is None or now - self._fetched_at > _USABLE_SECONDS:
                raise TransientError(
                    "keys-unavailable", "The identity provider's keys cannot be had at the moment."
                )
            return self._keys.get(kid)

    def _must_fetch(self, kid: str, now: float) -> bool:
        since_try = float("inf") if self._tried_at is None else now - self._tried_at
        if self._fetched_at is None or now - self._fetched_at > _FRESH_SECONDS:
            return since_try >= _FAILURE_PAUSE_SECONDS
        return kid not in self._keys and since_try >= _UNKNOWN_KEY_PAUSE_SECONDS

    def _refresh(self, now: float) -> None:
        self._tried_at = now
        try:
            keys = keys_of(self._fetch())
        except (OSError, HTTPException, ValueError) as error:
            log.warning("signing keys could not be fetched: %s", error)
            return
        self._keys = keys
        self._fetched_at = now


def keys_of(document: bytes) -> dict[str, PublishedKey]:
    """The RSA signing keys of a JWKS document; raises ``ValueError`` where it holds none."""
    members = json.loads(document)
    listed = members.get("keys") if isinstance(members, dict) else None
    entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    keys = {key.kid: key for key in map(_key_of, entries) if key is not None}
    if not keys:
        raise ValueError("the document holds no RSA signing key")
    return keys


def _key_of(entry: dict[str, Any]) -> PublishedKey | None:
    kid, issuer = entry.get("kid"), entry.get("issuer", "")
    signs = entry.get("use", "sig") == "sig" and entry.get("alg", "RS256") == "RS256"
    if entry.get("kty") != "RSA" or not signs or not isinstance(kid, str):
        return None
    try:
        key = RSAAlgorithm.from_jwk(entry)
    except (jwt.InvalidKeyError, ValueError, TypeError):
        return None
    if not isinstance(key, RSAPublicKey) or key.key_size < _SHORTEST_KEY_BITS:
        return None
    return PublishedKey(kid=kid, key=key, issuer=issuer if isinstance(issuer, str) else "")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none: the answer then counts as an error."""


def fetch_document(url: str, ca_bundle: str | None) -> bytes:
    """Fetch a small document over verified TLS; raises ``OSError``,
    ``HTTPException`` or ``ValueError``."""
    if not url.startswith("https://"):
        raise ValueError("keys are fetched over https only")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_bundle)),
        _NoRedirect(),
    )
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    document = bytearray()
    with opener.open(url, timeout=_TIMEOUT_SECONDS) as response:
        while chunk := response.read1(64 * 1024):
            document += chunk
            if len(document) > _LARGEST_DOCUMENT:
                raise ValueError("the document is too large")
            if time.monotonic() > deadline:
                raise TimeoutError("the document came too slowly")
    return bytes(document)


def published_keys(authority: str, ca_bundle: str | None) -> PublishedKeys:
    """The keys of an authority, fetched when first asked for."""
    return PublishedKeys(lambda: fetch_document(authority + KEYS_PATH, ca_bundle))
