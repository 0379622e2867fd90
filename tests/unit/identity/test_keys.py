from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from jwt.algorithms import RSAAlgorithm

from errors import TransientError
from identity.keys import KEYS_PATH, PublishedKeys, fetch_document, keys_of, published_keys
from tests.unit.identity import issuer


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Authority:
    """Answers with a document or raises, and counts."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.fetches = 0

    def __call__(self):
        self.fetches += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def authority():
    return Authority(issuer.published())


@pytest.fixture
def keys(authority, clock):
    return PublishedKeys(authority, clock=clock)


def test_keys_are_fetched_once_for_many_tokens(keys, authority):
    assert {keys.find(issuer.KID).kid for _ in range(5)} == {issuer.KID}
    assert authority.fetches == 1


def test_an_unknown_key_is_looked_for_at_most_once_a_minute(keys, authority, clock):
    keys.find(issuer.KID)
    clock.now += 61
    assert [keys.find(f"forged-{n}") for n in range(100)] == [None] * 100
    assert authority.fetches == 2
    clock.now += 59
    assert keys.find("forged") is None
    assert authority.fetches == 2


def test_a_rotated_key_is_found_after_a_minute(keys, authority, clock):
    keys.find(issuer.KID)
    authority.answer = issuer.published(issuer.jwk("next-key"))
    clock.now += 61
    assert keys.find("next-key").kid == "next-key"


def test_a_withdrawn_key_is_forgotten_when_the_keys_are_no_longer_fresh(keys, authority, clock):
    keys.find(issuer.KID)
    authority.answer = json.dumps({"keys": [issuer.jwk("next-key")]}).encode()
    clock.now += 60 * 60 + 1
    assert keys.find(issuer.KID) is None


def test_known_keys_serve_for_a_day_while_the_authority_is_down(keys, authority, clock):
    keys.find(issuer.KID)
    authority.answer = ConnectionRefusedError()
    clock.now += 23 * 60 * 60
    assert keys.find(issuer.KID).kid == issuer.KID
    clock.now += 2 * 60 * 60
    with pytest.raises(TransientError):
        keys.find(issuer.KID)


def test_an_authority_that_is_down_is_asked_every_five_seconds(keys, authority, clock):
    authority.answer = ConnectionRefusedError()
    for _ in range(10):
        with pytest.raises(TransientError):
            keys.find(issuer.KID)
    assert authority.fetches == 1
    authority.answer = issuer.published()
    clock.now += 5
    assert keys.find(issuer.KID).kid == issuer.KID


@pytest.mark.parametrize(
    "document", [b"", b"<html>", b"[]", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [1, null]}']
)
def test_a_document_without_keys_is_refused(document):
    with pytest.raises(ValueError):
        keys_of(document)


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "oct"},
        {"use": "enc"},
        {"alg": "RS512"},
        {"kid": 7},
        {"n": "!"},
        {"n": None},
        json.loads(RSAAlgorithm.to_jwk(issuer.rsa_key("odd"))),  # with its private half
        issuer.jwk("odd", bits=1024),
    ],
    ids=lambda change: "+".join(change),
)
def test_an_entry_that_is_no_rsa_signing_key_is_left_out(change):
    assert list(keys_of(issuer.published(issuer.jwk("odd") | change))) == [issuer.KID]


@pytest.fixture(scope="module")
def certificate_authority():
    return trustme.CA()


@pytest.fixture
def server(certificate_authority):
    """A TLS server whose answers a test sets in ``answers`` by path."""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Keep the test's output clean."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            """A client that hangs up is part of these tests."""

    listening = Server(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate_authority.issue_cert("127.0.0.1").configure_cert(context)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{listening.server_port}", answers
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def bundle(certificate_authority, tmp_path):
    path = tmp_path / "ca.pem"
    certificate_authority.cert_pem.write_to_path(path)
    return str(path)


def test_keys_are_fetched_from_the_authority_over_tls(server, bundle):
    address, answers = server
    answers[KEYS_PATH] = (200, {}, issuer.published())
    found = published_keys(address, bundle).find(issuer.KID)
    assert found is not None
    assert found.kid == issuer.KID


def test_an_untrusted_authority_is_not_believed(server):
    address, answers = server
    answers[KEYS_PATH] = (200, {}, issuer.published())
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch_document(address + KEYS_PATH, None)


def test_a_redirect_is_not_followed(server, bundle):
    address, answers = server
    answers["/moved"] = (302, {"Location": address + "/keys"}, b"")
    answers["/keys"] = (200, {}, issuer.published())
    with pytest.raises(OSError, match="302"):
        fetch_document(address + "/moved", bundle)


def test_a_document_beyond_the_size_cap_is_refused(server, bundle):
    address, answers = server
    answers["/keys"] = (200, {}, b" " * (600 * 1024))
    with pytest.raises(ValueError, match="too large"):
        fetch_document(address + "/keys", bundle)


@pytest.mark.parametrize("url", ["http://127.0.0.1/keys", "file:///etc/passwd", "ftp://x/keys"])
def test_nothing_but_https_is_fetched(url):
    with pytest.raises(ValueError, match="https"):
        fetch_document(url, None)


def test_a_proxy_of_the_environment_is_not_used(server, bundle, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    address, answers = server
    answers["/keys"] = (200, {}, b"{}")
    assert fetch_document(address + "/keys", bundle) == b"{}"
