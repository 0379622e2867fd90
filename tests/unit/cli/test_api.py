"""How the client bears with the service, and what it tells where the service refuses."""

from __future__ import annotations

import pytest
import requests

PROBLEM = {
    "detail": "The body is not valid.",
    "hint": "Mend it.",
    "errors": [{"member": "name", "message": "is missing"}],
    "correlationId": "trace-1",
}


def test_a_refusal_is_told_with_every_fault_and_what_to_do(coupler, service):
    service.plan("GET", "connections", PROBLEM, status=400)
    ended = coupler("doctor")
    assert ended.code == 1
    for part in ("The body is not valid.", "name: is missing", "Mend it."):
        assert part in ended.told
    assert ended.out == ""


def test_a_script_reads_the_problem_as_json(coupler, service):
    service.plan("GET", "connections", PROBLEM, status=403)
    assert coupler("doctor", "--json").document == {"problem": PROBLEM}


def test_a_fault_of_the_service_names_its_trace(coupler, service):
    service.plan("GET", "connections", PROBLEM, status=500)
    assert "trace-1" in coupler("doctor").told


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again_with_the_same_idempotency_key(coupler, service, status):
    path = "connections/cronus/incremental/run"
    service.plan("POST", path, {}, status=status, Retry_After="2")
    service.plan("POST", path, {}, status=202)
    assert coupler("sync", "cronus", "--incremental").code == 0
    keys = {each.headers["Idempotency-Key"] for each in service.asked}
    assert (len(service.asked), len(keys)) == (2, 1)


def test_a_service_that_stays_busy_is_given_up(coupler, service):
    service.plan("GET", "connections", PROBLEM, status=503)
    assert coupler("doctor").code == 1
    assert len(service.asked) == 4


def test_a_refused_token_is_not_sent_again(coupler, service):
    service.plan("GET", "connections", PROBLEM, status=401)
    ended = coupler("doctor")
    assert ended.code == 1
    assert "COUPLER_TOKEN was refused" in ended.told
    assert "the-token" not in ended.told
    assert len(service.asked) == 1


def test_an_unreachable_service_is_told_in_plain_words(coupler, service, monkeypatch):
    def request(*_, **__):
        raise requests.ConnectionError("HTTPSConnectionPool(host=…): Max retries exceeded")

    monkeypatch.setattr(service, "request", request)
    ended = coupler("doctor")
    assert ended.code == 1
    assert "could not be reached" in ended.told
    assert "HTTPSConnectionPool" not in ended.told


def test_an_address_of_something_else_is_told(coupler, service):
    service.plan("GET", "connections", b"<html>")
    assert "Is COUPLER_URL the address of Coupler?" in coupler("doctor").told


@pytest.mark.parametrize(
    "url", ["", "http://coupler.example", "coupler.example", "ftp://coupler.example", "https://"]
)
def test_a_token_is_sent_over_https_only(coupler, service, monkeypatch, url):
    monkeypatch.setenv("COUPLER_URL", url)
    service.plan("GET", "connections", {"connections": [], "continuation": None})
    assert coupler("doctor").code == 2
    assert not service.asked
