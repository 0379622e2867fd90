from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from email.utils import formatdate

import pytest
import trustme

from errors import (
    AuthorizationError,
    ConfigurationError,
    CouplerError,
    ThrottledError,
    TransientError,
)
from services.transport import Limits, Response, Transport
from tests.unit.services.conftest import FakeClock
from tests.unit.services.scripted_service import (
    DROPPED,
    Answer,
    Asked,
    ScriptedService,
    json_answer,
    refusal,
)

OK = json_answer({"value": []})
NewTransport = Callable[..., Transport]


def get(transport: Transport, path: str = "api/things?$filter=a%20eq%20'secret'") -> Response:
    return transport.send("GET", path, idempotent=True, kind="GET things")


def post(transport: Transport) -> Response:
    return transport.send("POST", "api/things", idempotent=False, kind="POST things", body=b"{}")


def test_a_request_carries_the_token_its_headers_and_body(transport, service):
    service.script = [json_answer({"id": 1}, 201)]
    answer = transport.send(
        "POST",
        "api/things?x=1",
        headers={"Prefer": "a"},
        body=b'{"n":1}',
        idempotent=True,
        kind="POST things",
    )
    asked = service.asked[0]
    assert (asked.method, asked.path, asked.json) == ("POST", "/api/things?x=1", {"n": 1})
    assert (asked.headers["Authorization"], asked.headers["Prefer"]) == ("Bearer t0ken", "a")
    assert (answer.status, answer.body, answer.request) == (201, b'{"id": 1}', "POST /api/things")
    assert answer.headers["content-type"] == "application/json"


def test_traffic_counts_every_attempt_and_every_throttling(transport, service):
    service.script = [refusal(429, Retry_After="3"), refusal(503), OK]
    get(transport)
    traffic = transport.traffic
    assert (traffic.requests, traffic.throttled) == (3, 1)
    assert traffic.by_kind == {"GET things": 3}


@pytest.mark.parametrize("status", [400, 404, 405, 409, 412, 413])
def test_answers_that_judge_the_request_are_returned_at_once(transport, service, clock, status):
    service.script = [refusal(status, "code", "words")]
    assert get(transport).status == status
    assert clock.slept == []


@pytest.mark.parametrize("fault", [refusal(500), refusal(502), refusal(503), refusal(504), DROPPED])
def test_passing_faults_of_repeatable_requests_are_tried_again(transport, service, clock, fault):
    service.script = [fault, fault, OK]
    assert get(transport).status == 200
    assert clock.slept == [1.0, 2.0]


@pytest.mark.parametrize("fault", [refusal(500), refusal(503), DROPPED])
def test_a_lasting_fault_is_given_up_with_a_text_that_says_what_and_where(
    transport, service, fault
):
    service.script = [fault] * 9
    with pytest.raises(TransientError) as raised:
        get(transport)
    assert len(service.asked) == 5
    assert "Dataverse" in raised.value.message
    assert "GET /api/things" in raised.value.message
    assert raised.value.hint
    assert "secret" not in raised.value.explained()


def test_an_unavailable_service_is_given_the_time_it_asks_for_within_bounds(
    transport, service, clock
):
    service.script = [refusal(503, Retry_After="4"), refusal(503, Retry_After="9999"), OK]
    assert get(transport).ok
    assert clock.slept == [4, 30]


def test_backing_off_is_bounded(new_transport: NewTransport, service, clock):
    transport = new_transport(limits=Limits(attempts=8, longest_backoff=10))
    service.script = [refusal(503)] * 7 + [OK]
    get(transport)
    assert clock.slept == [1, 2, 4, 8, 10, 10, 10]


@pytest.mark.parametrize("fault", [refusal(500), refusal(504), DROPPED])
def test_an_unrepeatable_request_whose_answer_is_lost_is_not_sent_again(transport, service, fault):
    service.script = [fault, OK]
    with pytest.raises(TransientError) as raised:
        post(transport)
    assert raised.value.code == "answer-lost"
    assert len(service.asked) == 1


def test_an_unrepeatable_request_that_was_throttled_is_sent_again(transport, service):
    service.script = [refusal(429, Retry_After="1"), OK]
    assert post(transport).ok
    assert len(service.asked) == 2


def test_a_connection_that_cannot_be_made_is_no_lost_answer(new_transport: NewTransport, clock):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        transport = new_transport(f"https://127.0.0.1:{port}")
        with pytest.raises(TransientError) as raised:
            post(transport)
    assert raised.value.code == "service-unreachable"
    assert clock.slept == [1, 2, 4, 8]


def test_a_service_that_does_not_speak_tls_is_unreachable(new_transport: NewTransport):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        transport = new_transport(f"https://127.0.0.1:{port}", limits=Limits(attempts=1))

        def answer_in_plain() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(65536)

        plain = threading.Thread(target=answer_in_plain)
        plain.start()
        with pytest.raises(TransientError, match="TLS handshake failed"):
            post(transport)
        plain.join()


def test_an_answer_that_breaks_off_is_lost(transport, service):
    service.script = [Answer(200, {}, b'{"value": [', cut=True), OK]
    assert get(transport).body == b'{"value": []}'


def test_a_service_that_stays_silent_is_given_up(new_transport: NewTransport, service):
    released = threading.Event()

    def stay_silent(asked: Asked) -> Answer:
        released.wait(10)
        return DROPPED

    service.respond = stay_silent
    transport = new_transport(limits=Limits(attempts=1, read_timeout=0.05))
    with pytest.raises(TransientError, match="did not come in time"):
        get(transport)
    released.set()


def test_retry_after_seconds_are_waited(transport, service, clock):
    service.script = [refusal(429, Retry_After="17"), OK]
    assert get(transport).ok
    assert clock.slept == [17]


def test_retry_after_as_a_date_is_waited_for(transport, service, clock):
    moment = formatdate(clock.time + 42, usegmt=True)
    service.script = [refusal(429, Retry_After=moment), OK]
    assert get(transport).ok
    assert clock.slept == [pytest.approx(42)]


def test_a_date_without_a_zone_is_taken_as_universal_time(transport, service, clock):
    moment = formatdate(clock.time + 42, localtime=False).replace(" -0000", "")
    service.script = [refusal(429, Retry_After=moment), OK]
    assert get(transport).ok
    assert clock.slept == [pytest.approx(42)]


@pytest.mark.parametrize("retry_after", [{}, {"Retry_After": "soon"}, {"Retry_After": "\u00b2"}])
def test_throttling_without_a_usable_time_backs_off(transport, service, clock, retry_after):
    service.script = [refusal(429, **retry_after)] * 3 + [OK]
    assert get(transport).ok
    assert clock.slept == [1, 2, 4]


def test_throttling_never_counts_as_failing(transport, service):
    service.script = [refusal(429, Retry_After="1")] * 20 + [OK]
    assert get(transport).ok


def test_a_wait_that_is_too_long_is_given_back_with_its_time(transport, service, clock):
    service.script = [refusal(429, Retry_After="100")] * 4
    with pytest.raises(ThrottledError) as raised:
        get(transport)
    assert raised.value.retry_after == 100
    assert clock.slept == [100, 100, 100]


def test_an_absurd_wait_is_bounded(transport, service):
    service.script = [refusal(429, Retry_After="99999999")]
    with pytest.raises(ThrottledError) as raised:
        get(transport)
    assert raised.value.retry_after == 300


def test_dataverse_limits_are_recognised_by_code_whatever_the_status(transport, service, clock):
    service.script = [refusal(400, "0x80072322", Retry_After="5"), OK]
    assert get(transport).ok
    assert clock.slept == [5]


def test_throttling_of_one_request_holds_back_the_others(transport, service, clock):
    service.script = [refusal(429, Retry_After="100")] * 4
    with pytest.raises(ThrottledError):
        get(transport)
    transport._quiet_until = clock.time + 7  # as another thread's throttling sets it
    service.script = [OK]
    get(transport)
    assert clock.slept[-1] == 7


def test_no_more_requests_are_under_way_than_the_service_allows(
    new_transport: NewTransport, service
):
    transport = new_transport(concurrency=2)
    lock, two_are_here = threading.Lock(), threading.Event()
    under_way, most = 0, 0

    def count(asked: Asked) -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            if under_way == 2:
                two_are_here.set()
        two_are_here.wait(10)
        with lock:
            under_way -= 1
        return OK

    service.respond = count
    threads = [threading.Thread(target=get, args=(transport,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(service.asked) == 6
    assert most == 2


def test_a_refused_token_is_renewed_once(new_transport: NewTransport, service):
    tokens = ["old"]
    transport = new_transport(token=lambda: tokens[-1], forget_token=lambda: tokens.append("new"))
    service.script = [refusal(401), OK]
    assert get(transport).ok
    sent = [asked.headers["Authorization"] for asked in service.asked]
    assert sent == ["Bearer old", "Bearer new"]


def test_a_token_refused_twice_is_an_authorization_error(transport, service):
    service.script = [refusal(401, "0x80040204", "Invalid user"), refusal(401, "", "Disabled")]
    with pytest.raises(AuthorizationError, match="Disabled") as raised:
        get(transport)
    assert raised.value.code == "service-login-refused"


def test_a_missing_privilege_is_told_in_the_services_words(transport, service):
    service.script = [refusal(403, "0x80040220", "Principal user is missing prvReadAccount")]
    with pytest.raises(AuthorizationError, match=r"0x80040220 .*prvReadAccount") as raised:
        get(transport)
    assert raised.value.hint


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_never_followed(transport, service, status):
    service.script = [Answer(status, {"Location": f"{service.url}/elsewhere"}), OK]
    with pytest.raises(ConfigurationError, match="redirect") as raised:
        get(transport)
    assert len(service.asked) == 1
    assert "GET /api/things" in raised.value.message


def test_a_next_link_of_the_same_origin_is_followed(transport, service):
    service.script = [OK]
    assert get(transport, f"{service.url}/api/things?$skiptoken=2").ok
    assert service.asked[0].path == "/api/things?$skiptoken=2"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/things",
        "http://127.0.0.1:{port}/api/things",
        "https://127.0.0.1:1/api/things",
        "https://127.0.0.1:{port}@evil.example/",
        "https://evil.example\\@127.0.0.1:{port}/",
        "//evil.example://x",
    ],
)
def test_a_link_to_anywhere_else_is_refused_unsent(transport, service, link):
    with pytest.raises(ConfigurationError, match="Dataverse") as raised:
        get(transport, link.replace("{port}", str(service.port)))
    assert raised.value.code == "foreign-link"
    assert service.asked == []


def test_an_answer_larger_than_allowed_is_refused(new_transport: NewTransport, service):
    transport = new_transport(limits=Limits(largest_answer=1000))
    service.script = [Answer(200, {}, b"x" * 1001)]
    with pytest.raises(ConfigurationError, match="larger than 1000 bytes"):
        get(transport)


def test_an_answer_that_trickles_is_given_up(new_transport: NewTransport, service, clock):
    class Hurried(FakeClock):
        def now(self) -> float:
            self.time += 700
            return self.time

    transport = new_transport(limits=Limits(attempts=1), timing=Hurried().timing)
    service.script = [OK]
    with pytest.raises(TransientError, match="took too long"):
        get(transport)


def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    new_transport: NewTransport, service, tmp_path
):
    bundle = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(bundle))
    transport = new_transport(ca_bundle=str(bundle))
    with pytest.raises(ConfigurationError) as raised:
        get(transport)
    assert raised.value.code == "service-not-trusted"
    assert service.asked == []


def test_proxies_of_the_environment_are_ignored(transport, service, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    service.script = [OK]
    assert get(transport).ok


def test_cookies_are_not_carried_on(transport, service):
    service.script = [json_answer({}, Set_Cookie="ARRAffinity=1; Path=/"), OK]
    get(transport)
    get(transport)
    assert "Cookie" not in service.asked[1].headers


def test_error_texts_of_a_service_are_shortened_and_hold_no_tokens(transport, service):
    echo = "bad eyJhbGciOi.eyJzdWIi.c2ln Bearer t0ken client_secret=hush " + "x" * 5000
    service.script = [refusal(403, "c", echo)]
    with pytest.raises(CouplerError) as raised:
        get(transport)
    told = raised.value.explained()
    assert len(told) < 600
    assert not any(secret in told for secret in ("eyJ", "t0ken", "hush"))


def test_connections_are_used_again(transport: Transport, service: ScriptedService):
    service.script = [OK, OK]
    get(transport)
    get(transport)
    assert transport._sessions.qsize() == 1
