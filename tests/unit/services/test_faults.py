from __future__ import annotations

import pytest

from errors import AuthorizationError, ConfigurationError, TransientError
from services import faults
from services.faults import Meaning, Words
from services.records import WriteStatus


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (400, "0x80044331", Meaning.REFUSED),
        (400, "Application_StringExceededLength", Meaning.REFUSED),
        (400, "0x80072321", Meaning.THROTTLED),
        (400, "0x80044151", Meaning.UNAVAILABLE),
        (401, "Authentication_InvalidCredentials", Meaning.UNAUTHENTICATED),
        (403, "0x80040220", Meaning.FORBIDDEN),
        (404, "0x80040217", Meaning.MISSING),
        (404, "Internal_RecordNotFound", Meaning.MISSING),
        (404, "Internal_CompanyNotFound", Meaning.NO_SUCH_PLACE),
        (404, "BadRequest_ResourceNotFound", Meaning.NO_SUCH_PLACE),
        (404, "", Meaning.NO_SUCH_PLACE),
        (405, "0x80040227", Meaning.REFUSED),
        (405, "BadRequest_MethodNotAllowed", Meaning.NO_SUCH_PLACE),
        (408, "", Meaning.UNAVAILABLE),
        (409, "Request_EntityChanged", Meaning.STALE),
        (409, "internal_entitywithsamekeyexists", Meaning.DUPLICATE),
        (409, "", Meaning.REFUSED),
        (412, "0x80060882", Meaning.STALE),
        (412, "0x80040237", Meaning.DUPLICATE),
        (412, "0x80060892", Meaning.DUPLICATE),
        (412, "0x80040333", Meaning.REFUSED),
        (412, "", Meaning.STALE),
        (413, "0x8004418A", Meaning.TOO_LARGE),
        (429, "", Meaning.THROTTLED),
        (500, "", Meaning.UNAVAILABLE),
        (501, "", Meaning.NO_SUCH_PLACE),
        (502, "", Meaning.UNAVAILABLE),
        (503, "0x80072322", Meaning.THROTTLED),
        (503, "", Meaning.UNAVAILABLE),
        (504, "", Meaning.UNAVAILABLE),
        (418, "anything", Meaning.REFUSED),
    ],
)
def test_status_and_code_together_have_one_meaning(status, code, meaning):
    assert faults.judge(status, code) is meaning


def test_every_meaning_is_a_write_status():
    assert set(faults.WRITE_STATUS) == set(Meaning)
    assert WriteStatus.WRITTEN not in faults.WRITE_STATUS.values()


@pytest.mark.parametrize(
    ("status", "family"),
    [
        (400, ConfigurationError),
        (401, AuthorizationError),
        (403, AuthorizationError),
        (404, ConfigurationError),
        (413, ConfigurationError),
        (500, TransientError),
        (501, ConfigurationError),
    ],
)
def test_a_refused_request_is_of_the_family_of_who_must_act(status, family):
    raised = faults.error("Dataverse", "GET /x", status, Words("c0de", "the words"))
    assert type(raised) is family
    assert raised.message == f"Dataverse answered GET /x with {status}: c0de the words."
    assert raised.hint


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"error": "x"}', b'{"error": null}', b"\xff", b"[" * 100_000],
)
def test_a_body_without_an_error_gives_no_words(body):
    assert faults.words(body) == faults.NOTHING_SAID


def test_words_are_read_from_the_error():
    said = faults.words(b'{"error": {"code": "0x1", "message": "a\\r\\n  b"}}')
    assert said == Words("0x1", "a b")


@pytest.mark.parametrize(
    "text",
    ["eyJhbGciOiJ.eyJzdWIi.c2lnbmF0", "Bearer abc.def", "client_secret=abc.def", "?code=abc.def&"],
)
def test_secrets_are_removed_from_a_services_words(text):
    told = faults.shortened(f"before {text} after")
    assert "abc" not in told
    assert "eyJ" not in told
    assert told.startswith("before")


def test_long_words_are_cut():
    assert len(faults.shortened("word " * 500)) == 300
