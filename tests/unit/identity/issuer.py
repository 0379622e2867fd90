"""An issuer of tokens under the tests' control, with keys like those Entra ID publishes."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from identity.keys import PublishedKey
from identity.tokens import TokenVerifier

AUTHORITY = "https://login.example"
AUDIENCE = "api://coupler"
KID = "published-key"
TENANT = "11111111-1111-4111-8111-111111111111"
OTHER_TENANT = "22222222-2222-4222-8222-222222222222"
CLIENT = "44444444-4444-4444-8444-444444444444"
SUBJECT = "33333333-3333-4333-8333-333333333333"


@cache
def rsa_key(name: str = KID, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The private key of that name; the same one throughout a test process."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class FixedKeys:
    """Publishes the one key ``KID``."""

    def __init__(self, issuer: str = "") -> None:
        self._issuer = issuer

    def find(self, kid: str) -> PublishedKey | None:
        if kid != KID:
            return None
        return PublishedKey(kid=KID, key=rsa_key().public_key(), issuer=self._issuer)


def verifier(*, key_issuer: str = "") -> TokenVerifier:
    return TokenVerifier(authority=AUTHORITY, audience=AUDIENCE, keys=FixedKeys(key_issuer))


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of an administrating application's good token, changed; a claim changed to None is
    left out."""
    tenant = changes.get("tid", TENANT)
    now = int(time.time())
    good = {
        "aud": AUDIENCE,
        "iss": f"{AUTHORITY}/{tenant}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "tid": tenant,
        "oid": SUBJECT,
        "sub": SUBJECT,
        "azp": CLIENT,
        "idtyp": "app",
        "roles": ["Sync.Admin"],
        "ver": "2.0",
    } | changes
    return {name: value for name, value in good.items() if value is not None}


def token(
    *, key: Any = None, algorithm: str = "RS256", kid: str | None = KID, **changes: Any
) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changes), key or rsa_key(), algorithm=algorithm, headers=headers)


def bearer(**changes: Any) -> str:
    """The ``Authorization`` value of a good token, changed as ``token`` takes it."""
    return f"Bearer {token(**changes)}"


def signed(header: bytes, **changes: Any) -> str:
    """A token with this very header, signed with the published key."""
    payload = json.dumps(claims(**changes)).encode()
    content = f"{encoded(header)}.{encoded(payload)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(content.encode(), rsa_key())
    return f"{content}.{encoded(signature)}"


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def published(*entries: dict[str, Any]) -> bytes:
    """A JWKS document of the published key and further entries."""
    return json.dumps({"keys": [jwk(), *entries]}).encode()


def jwk(name: str = KID, bits: int = 2048, **changes: Any) -> dict[str, Any]:
    """The published form of a key."""
    public = json.loads(RSAAlgorithm.to_jwk(rsa_key(name, bits).public_key()))
    return {"kty": "RSA", "use": "sig", "kid": name, "n": public["n"], "e": public["e"]} | changes
