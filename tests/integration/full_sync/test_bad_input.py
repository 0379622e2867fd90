"""What callers may get wrong: each a problem answer, and nothing changed by it."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.identities import API_AUDIENCE, TENANT
from tests.integration.full_sync.installation import Installation, company

STRANGERS_TENANT = "00000000-0000-4000-8000-00000000d001"
STRANGER = "00000000-0000-4000-8000-00000000d002"
LATECOMER = "00000000-0000-4000-8000-00000000d003"
SECRET = "opens-simulators-only"
ONE_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A raw answer, its body parsed."""

    status: int
    content_type: str
    correlation_header: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A connection of our tenant, and what can be seen of it."""

    installation: Installation
    connection: str

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        authorization: str | None = None,
    ) -> Sent:
        """One request whose every byte is ours; an authorization of "" is left out."""
        headers = {"Content-Type": content_type} if body is not None else {}
        given = f"Bearer {self.installation.token}" if authorization is None else authorization
        if given:
            headers["Authorization"] = given
        address = self.installation.platform.addresses.function_app
        request = urllib.request.Request(
            f"{address}/api/{path}", data=body, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return sent(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return sent(refusal.code, refusal.headers, refusal.read())

    def seen(self) -> object:
        """Connections, runs, couplings and outcomes as they are now, and what reached the services.

        Where no request reaches a service, nothing changes there.
        """
        asked = [
            self.installation.call("GET", path).body
            for path in (
                "connections",
                f"connections/{self.connection}/full-sync",
                f"connections/{self.connection}/full-sync/preview",
                f"connections/{self.connection}/outcomes",
                f"connections/{self.connection}/couplings/CUSTOMER",
            )
        ]
        return asked, self.installation.world.requests()


def sent(status: int, headers: Any, content: bytes) -> Sent:
    return Sent(
        status=status,
        content_type=headers["Content-Type"],
        correlation_header=headers["x-correlation-id"],
        body=json.loads(content) if content else {},
        headers=dict(headers),
    )


@pytest.fixture(scope="module")
def scene(installation: Installation) -> Scene:
    data = company(12)
    installation.begin_anew(data)
    clients = [
        {
            "tenant": STRANGERS_TENANT,
            "client_id": STRANGER,
            "secret": SECRET,
            "roles": ["Sync.Admin"],
        },
        {"tenant": TENANT, "client_id": LATECOMER, "secret": SECRET, "expires_in": -ONE_HOUR},
    ]
    platform = installation.platform
    url = f"{platform.addresses.entra}/_sim/seed"
    assert platform.client.request("POST", url, body={"clients": clients}).status == 200
    return Scene(installation=installation, connection=installation.connect(data.company))


@pytest.fixture
def unchanged(scene: Scene) -> Iterator[None]:
    """Everything is afterwards as it was before."""
    before = scene.seen()
    yield
    assert scene.seen() == before


def assert_problem(answer: Sent, status: int, code: str) -> None:
    assert (answer.status, answer.body.get("code")) == (status, code), answer.body
    assert answer.content_type == "application/problem+json"
    assert answer.body["type"] == f"urn:coupler:problem:{code}"
    assert answer.body["status"] == status
    assert answer.body["title"]
    assert answer.body["detail"]
    assert answer.body["correlationId"] == answer.correlation_header
    assert len(answer.correlation_header) >= 8


def deep(levels: int) -> bytes:
    return b'{"mappings":' + b"[" * levels + b"]" * levels + b"}"


START = "connections/{connection}/full-sync/start"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed-json"),
        (b"\xff\xfe", 400, "malformed-json"),
        (b'{"mappings": NaN}', 400, "malformed-json"),
        (b'{"mappings": [], "mappings": []}', 400, "malformed-json"),
        (deep(20_000), 400, "malformed-json"),
        (b"[]", 400, "invalid-body"),
        (b"null", 400, "invalid-body"),
        (b'"CUSTOMER"', 400, "invalid-body"),
        (b'{"mapping": ["CUSTOMER"]}', 400, "invalid-body"),
        (b'{"mappings": "CUSTOMER"}', 400, "invalid-body"),
        (b'{"mappings": [1]}', 400, "invalid-body"),
        (b'{"mappings": [""]}', 400, "invalid-body"),
        (b'{"mappings": ["CUST\\u0000OMER"]}', 400, "invalid-body"),
        (b'{"mappings": ["NO SUCH TABLE"]}', 404, "mapping-unknown"),
        (b'{"mappings": ["customer"]}', 404, "mapping-unknown"),
        (b'{"mappings": ["' + b"x" * 70_000 + b'"]}', 413, "body-too-large"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else None,
)
@pytest.mark.usefixtures("unchanged")
def test_a_body_that_starting_cannot_take_is_refused(scene, body, status, code):
    path = START.format(connection=scene.connection)
    assert_problem(scene.send("POST", path, body), status, code)


@pytest.mark.usefixtures("unchanged")
def test_a_body_of_another_kind_is_refused(scene):
    path = START.format(connection=scene.connection)
    answer = scene.send(
        "POST", path, b"mappings=", content_type="application/x-www-form-urlencoded"
    )
    assert_problem(answer, 415, "unsupported-content-type")


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("crm"),
        lambda document: document.update(client_secret="a secret"),
        lambda document: document["crm"].update(url=7),
        lambda document: document["business_central"].update(company="x" * 31),
        lambda document: document["credentials"].update(tenant_id="contoso"),
        lambda document: document.update(connection_id="../other"),
    ],
    ids=["missing", "unknown", "type", "length", "guid", "slug"],
)
@pytest.mark.usefixtures("unchanged")
def test_a_malformed_connection_is_refused_member_by_member(scene, change):
    document = scene.installation.document("Fabrikam Interiors")
    change(document)
    answer = scene.send("POST", "connections", json.dumps(document).encode())
    assert_problem(answer, 400, "invalid-body")
    (fault,) = answer.body["errors"]
    assert fault["member"]
    assert fault["message"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "http://127.0.0.1:9",
        "https://169.254.169.254",
        "https://user@127.0.0.1",
        "https://127.0.0.1.evil.example",
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_an_address_that_is_not_allowed_is_refused(scene, url):
    document = scene.installation.document("Fabrikam Interiors", crm={"url": url})
    answer = scene.send("POST", "connections", json.dumps(document).encode())
    assert_problem(answer, 422, "address-not-allowed")


@pytest.mark.usefixtures("unchanged")
def test_the_secret_of_another_tenant_is_refused(scene):
    document = scene.installation.document("Fabrikam Interiors")
    document["credentials"]["client_secret_name"] = f"{STRANGERS_TENANT}--secret"
    answer = scene.send("POST", "connections", json.dumps(document).encode())
    assert_problem(answer, 422, "secret-not-yours")


@pytest.mark.usefixtures("unchanged")
def test_another_connection_under_an_id_that_is_taken_is_refused(scene):
    document = scene.installation.document(
        "Fabrikam Interiors", connection_id=scene.connection, name="Another"
    )
    answer = scene.send("POST", "connections", json.dumps(document).encode())
    assert answer.status == 409
    assert answer.body["code"]


EVERY_CALL = (
    ("GET", "connections"),
    ("POST", "connections"),
    ("GET", "connections/{connection}"),
    ("GET", "connections/{connection}/full-sync"),
    ("GET", "connections/{connection}/full-sync/preview"),
    ("POST", START),
    ("POST", "connections/{connection}/full-sync/preview"),
    ("POST", "connections/{connection}/full-sync/cancel"),
    ("POST", "connections/{connection}/full-sync/reset"),
    ("POST", "connections/{connection}/full-sync/lines/CUSTOMER/restart"),
    ("GET", "connections/{connection}/outcomes"),
    ("GET", "connections/{connection}/couplings/CUSTOMER"),
)
OF_ONE_CONNECTION = [call for call in EVERY_CALL if "{connection}" in call[1]]


def signed(scene: Scene, **changes: Any) -> str:
    """A token as the authority would issue it, but signed with a key of ours under its key's id."""
    entra = scene.installation.platform.addresses.entra
    now = int(time.time())
    claims = {
        "aud": API_AUDIENCE,
        "iss": f"{entra}/{TENANT}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + ONE_HOUR,
        "sub": "somebody",
        "tid": TENANT,
    } | changes
    keys = scene.installation.platform.client.request("GET", f"{entra}/common/discovery/v2.0/keys")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    headers = {"kid": keys.body["keys"][0]["kid"]}
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def unsigned(scene: Scene) -> str:
    """Our own token, its signature left out and its algorithm said to be none."""
    _, payload, _ = scene.installation.token.split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{payload}."


def issued(scene: Scene, tenant: str, client: str, secret: str = SECRET, **form: str) -> str:
    """A token that the authority issues."""
    platform = scene.installation.platform
    answer = platform.client.request(
        "POST",
        f"{platform.addresses.entra}/{tenant}/oauth2/v2.0/token",
        form={
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": f"{API_AUDIENCE}/.default",
        }
        | form,
    )
    assert answer.status == 200, answer.body
    return str(answer.body["access_token"])


def tampered(scene: Scene) -> str:
    """Our own token with another tenant in it."""
    header, payload, signature = scene.installation.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    changed = json.dumps(claims | {"tid": STRANGERS_TENANT}).encode()
    return f"{header}.{base64.urlsafe_b64encode(changed).rstrip(b'=').decode()}.{signature}"


BAD_TOKENS: dict[str, Callable[[Scene], str]] = {
    "foreign key": signed,
    "no signature": unsigned,
    "tampered": tampered,
    "expired": lambda scene: issued(scene, TENANT, LATECOMER),
    "another audience": lambda scene: issued(
        scene, STRANGERS_TENANT, STRANGER, scope="https://graph.microsoft.com/.default"
    ),
    "no token at all": lambda scene: "hello",
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
@pytest.mark.usefixtures("unchanged")
def test_a_token_that_is_not_a_callers_own_is_refused(scene, kind):
    token = BAD_TOKENS[kind](scene)
    path = START.format(connection=scene.connection)
    answer = scene.send("POST", path, b"{}", authorization=f"Bearer {token}")
    assert_problem(answer, 401, "token-refused")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert TENANT not in answer.body["detail"]


@pytest.mark.usefixtures("unchanged")
def test_no_call_is_served_without_a_token(scene):
    for method, path in EVERY_CALL:
        place = path.format(connection=scene.connection)
        assert_problem(scene.send(method, place, authorization=""), 401, "token-missing")


@pytest.mark.usefixtures("unchanged")
def test_another_tenants_connection_is_not_there_for_any_call(scene):
    token = issued(scene, STRANGERS_TENANT, STRANGER)
    for method, path in OF_ONE_CONNECTION:
        answer = scene.send(
            method, path.format(connection=scene.connection), authorization=f"Bearer {token}"
        )
        assert_problem(answer, 404, "connection-unknown")
    listed = scene.send("GET", "connections", authorization=f"Bearer {token}")
    assert (listed.status, listed.body["connections"]) == (200, [])


@pytest.mark.usefixtures("unchanged")
def test_an_unknown_connection_is_not_there_for_any_call(scene):
    for method, path in OF_ONE_CONNECTION:
        answer = scene.send(method, path.format(connection="no-such-connection"))
        assert_problem(answer, 404, "connection-unknown")


@pytest.mark.parametrize("name", ["..%2F..", "A", "x" * 60, "UPPER-CASE", "%00abc"])
@pytest.mark.usefixtures("unchanged")
def test_an_id_that_no_connection_can_have_is_not_found(scene, name):
    answer = scene.send("GET", f"connections/{name}/full-sync")
    assert 400 <= answer.status < 500
    assert_problem(answer, 404, "not-found")


@pytest.mark.usefixtures("unchanged")
def test_restarting_a_line_that_there_is_not_is_refused(scene):
    path = f"connections/{scene.connection}/full-sync/lines"
    assert_problem(scene.send("POST", f"{path}/CUSTOMER/restart"), 404, "line-unknown")
    assert_problem(scene.send("POST", f"{path}/NO-SUCH/restart"), 404, "mapping-unknown")
    assert_problem(scene.send("POST", f"{path}/drop%20table/restart"), 404, "not-found")


@pytest.mark.usefixtures("unchanged")
def test_cancelling_what_never_began_is_refused(scene):
    answer = scene.send("POST", f"connections/{scene.connection}/full-sync/cancel")
    assert_problem(answer, 409, "no-run-active")
