"""Forged and misplaced tokens: every one is refused, and the answer does not tell why."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from jwt.algorithms import RSAAlgorithm

from tests.security.calls import call, document
from tests.unit.identity import issuer
from tests.unit.identity.issuer import AUTHORITY, KID, OTHER_TENANT, TENANT, bearer, encoded, signed


def public_pem() -> bytes:
    return (
        issuer.rsa_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def claims_text(**changes: Any) -> bytes:
    return json.dumps(issuer.claims(**changes)).encode()


def hmac_signed_with_the_public_key() -> str:
    """What a verifier accepts that takes the algorithm from the header."""
    header = encoded(json.dumps({"alg": "HS256", "typ": "JWT", "kid": KID}).encode())
    content = f"{header}.{encoded(claims_text())}"
    signature = hmac.new(public_pem(), content.encode(), hashlib.sha256).digest()
    return f"Bearer {content}.{encoded(signature)}"


def unsigned(algorithm: str) -> str:
    header = encoded(json.dumps({"alg": algorithm, "typ": "JWT", "kid": KID}).encode())
    return f"Bearer {header}.{encoded(claims_text())}."


def with_changed_payload(**changes: Any) -> str:
    header, _, signature = issuer.token().split(".")
    return f"Bearer {header}.{encoded(claims_text(**changes))}.{signature}"


def with_changed_signature() -> str:
    header, payload, signature = issuer.token().split(".")
    raw = bytearray(urlsafe_b64decode(signature + "=="))
    raw[0] ^= 1
    return f"Bearer {header}.{payload}.{encoded(bytes(raw))}"


def header(**members: Any) -> str:
    return f"Bearer {signed(json.dumps({'alg': 'RS256', 'kid': KID} | members).encode())}"


def with_signature(signature: str) -> str:
    head, payload, _ = issuer.token().split(".")
    return f"Bearer {head}.{payload}.{signature}"


def with_payload(payload: bytes) -> str:
    """Whatever is in it, signed with the published key."""
    content = f"{encoded(GOOD_HEADER)}.{encoded(payload)}"
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(content.encode(), issuer.rsa_key())
    return f"Bearer {content}.{encoded(signature)}"


GOOD_HEADER = json.dumps({"alg": "RS256", "kid": KID}).encode()
KID_TWICE = b'{"alg":"RS256","kid":"mine","kid":"%s"}' % KID.encode()
ALGORITHM_TWICE = b'{"alg":"none","alg":"RS256","kid":"%s"}' % KID.encode()
NOW = int(time.time())
STRANGERS_KEY = issuer.rsa_key("strangers-key")

FORGED: dict[str, str] = {
    "algorithm none": unsigned("none"),
    "algorithm none in other letters": unsigned("nOnE"),
    "algorithm none with a signature": header(alg="none"),
    "HMAC with the public key": hmac_signed_with_the_public_key(),
    "another RSA algorithm": bearer(algorithm="RS512"),
    "another family of RSA": bearer(algorithm="PS256"),
    "no algorithm": f"Bearer {signed(json.dumps({'kid': KID}).encode())}",
    "unknown key id": bearer(kid="forged", key=STRANGERS_KEY),
    "known key id, another key": bearer(key=STRANGERS_KEY),
    "no key id": bearer(kid=None),
    "key id is no text": header(kid=7),
    "key in the header": header(kid="mine", jwk=issuer.jwk("strangers-key")),
    "key address in the header": header(kid="mine", jku="https://evil.example/keys"),
    "key certificate in the header": header(kid="mine", x5c=["MIIB"]),
    "key certificate address in the header": header(kid="mine", x5u="https://evil.example/c"),
    "key id is a path": header(kid="../../dev/null"),
    "key id is another's beginning": header(kid=KID[:-1]),
    "key id with blanks around it": header(kid=f" {KID} "),
    "unknown critical header": header(crit=["exp"]),
    "unencoded payload": header(b64=False, crit=["b64"]),
    "key id twice": f"Bearer {signed(KID_TWICE)}",
    "header member twice": f"Bearer {signed(ALGORITHM_TWICE)}",
    "header is no object": f"Bearer {signed(b'["RS256"]')}",
    "header is no JSON": f"Bearer {signed(b'{')}",
    "changed payload": with_changed_payload(tid=OTHER_TENANT),
    "changed signature": with_changed_signature(),
    "empty signature": with_signature(""),
    "short signature": with_signature(encoded(b"x")),
    "signature of zeros": with_signature(encoded(bytes(256))),
    "another token's signature": with_signature(issuer.token(sub="x").split(".")[2]),
    "a token within a token": with_payload(issuer.token().encode()),
    "a token within a token, said so": header(cty="JWT", typ="JWT", zip="DEF", kid="inner"),
    "claims are no object": with_payload(b'["tid"]'),
    "claims are no JSON": with_payload(b"{"),
    "wrong audience": bearer(aud="api://other"),
    "audience in a list": bearer(aud=[issuer.AUDIENCE]),
    "audience as a beginning": bearer(aud=issuer.AUDIENCE + "/more"),
    "no audience": bearer(aud=None),
    "wrong issuer": bearer(iss=f"https://evil.example/{TENANT}/v2.0"),
    "issuer of version 1": bearer(iss=f"https://sts.windows.net/{TENANT}/"),
    "issuer with more": bearer(iss=f"{AUTHORITY}/{TENANT}/v2.0/"),
    "another tenant's issuer": bearer(iss=f"{AUTHORITY}/{OTHER_TENANT}/v2.0"),
    "issuer common": bearer(iss=f"{AUTHORITY}/common/v2.0"),
    "issuer with a pattern": bearer(iss=f"{AUTHORITY}/{{tenantid}}/v2.0"),
    "issuer in a list": with_payload(claims_text(iss=[f"{AUTHORITY}/{TENANT}/v2.0"])),
    "no issuer": bearer(iss=None),
    "tenant common": bearer(tid="common"),
    "tenant organizations": bearer(tid="organizations"),
    "tenant with a path": bearer(tid=f"{OTHER_TENANT}/v2.0/../{TENANT}"),
    "tenant with a line end": bearer(tid=TENANT + "\n"),
    "tenant in capital letters": bearer(tid="ABCDEF01-1111-4111-8111-111111111111"),
    "tenant is no text": bearer(tid=7),
    "no tenant": bearer(tid=None, iss=f"{AUTHORITY}/{TENANT}/v2.0"),
    "expired": bearer(exp=NOW - 600, nbf=NOW - 4000, iat=NOW - 4000),
    "without an end": bearer(exp=None),
    "end is no number": bearer(exp="tomorrow"),
    "not yet valid": bearer(nbf=NOW + 600),
    "without a beginning": bearer(nbf=None),
    "issued in the future": bearer(iat=NOW + 600),
    "no subject": bearer(sub=None),
    "empty object id": bearer(oid=""),
    "object id is no text": bearer(oid=[issuer.SUBJECT]),
    "roles are no list": bearer(roles="Sync.Admin"),
    "roles in an object": bearer(roles={"Sync.Admin": True}),
    "a role is no text": bearer(roles=["Sync.Admin", 7]),
    "scopes are no text": bearer(scp=["access_as_user"], idtyp=None),
    "an application with a scope": bearer(scp="access_as_user", idtyp="app"),
    "a person without a scope": bearer(idtyp="user"),
    "a kind that nobody knows": bearer(idtyp="device"),
    "two values": f"{bearer()}, {bearer()}",
    "two tokens": f"{bearer()} {issuer.token()}",
    "another scheme": f"Basic {issuer.token()}",
    "no scheme": issuer.token(),
    "scheme only": "Bearer ",
    "an opaque token": "Bearer 0123456789abcdef",
    "with padding": f"{bearer()}==",
    "not ASCII": f"{bearer()}é",
    "too long": bearer(groups="A" * 16_384),
}


def test_the_token_that_the_forgeries_start_from_is_good(account):
    assert call("list_connections", authorization=bearer()).status_code == 200


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(account, forged):
    answer = call("list_connections", authorization=forged)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    told = document(answer)
    assert (told["code"], told["detail"]) == ("token-refused", "The bearer token was refused.")


def test_headers_that_a_platform_may_set_are_no_identity(account):
    forged = {"x-ms-client-principal-id": TENANT, "x-ms-client-principal": "eyJ0aWQiOiJ4In0="}
    assert call("list_connections", headers=forged).status_code == 401
