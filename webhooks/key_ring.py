"""The live keys of one side of a connection, and how one takes the place of another.

A key is random and only its digest is stored. While one is replaced two are live: calls with the
old one are under way when the new one is set.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

OLD_KEY_LIVES = timedelta(days=1)
"""Longer than Dataverse takes to repeat a call; beyond that a lost one is healed by a pass."""

_KEY_BYTES = 32
_NOBODYS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The live keys, by their digests."""

    current: str = ""
    is_set: bool = False
    """Whether the service is known to have the current key."""
    previous: str = ""
    """The key before it, which the service may still use."""
    previous_until: datetime | None = None
    etag: str = ""

    def matches(self, key: str, now: datetime) -> bool:
        """Whether a caller's key is live. Takes as long for no key, a wrong one and an empty
        ring."""
        given = digest(key)
        is_current = hmac.compare_digest(given, self.current or _NOBODYS)
        is_previous = hmac.compare_digest(given, self.previous or _NOBODYS)
        until = self.previous_until
        return is_current or (is_previous and until is not None and now < until)

    def with_new(self, key: str, now: datetime) -> KeyRing:
        """The ring after a new key was made. A key that the service never confirmed is dropped
        rather than the one before it, which is the one in use."""
        if self.is_set:
            return KeyRing(
                current=digest(key),
                previous=self.current,
                previous_until=now + OLD_KEY_LIVES,
                etag=self.etag,
            )
        return replace(self, current=digest(key))


def new_key() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
