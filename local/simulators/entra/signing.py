"""The key that signs access tokens, and its public half as a JSON Web Key."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm


class SigningKey:
    """An RSA key made on construction; it lives as long as the process."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(RSAAlgorithm.to_jwk(self._private.public_key()))
        self.key_id = hashlib.sha256(public["n"].encode()).hexdigest()[:32]
        self.public_jwk: dict[str, Any] = {
            "kty": "RSA",
            "use": "sig",
            "kid": self.key_id,
            "n": public["n"],
            "e": public["e"],
        }

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact RS256 token of these claims."""
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": self.key_id})
