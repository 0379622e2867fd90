from __future__ import annotations

import pytest

import errors
from errors import CouplerError
from storage.rows import RowChangedError
from web.problem import problem_of

FAMILIES = {
    errors.RefusedRequestError(418, "a-code", "text", hint="do"): 418,
    errors.TenantBusyError("text", retry_after=1.2, hint="do"): 429,
    errors.ConfigurationError("a-code", "text", hint="do"): 422,
    errors.RecordError("a-code", "text", hint="do"): 422,
    errors.AuthorizationError("a-code", "text", hint="do"): 424,
    errors.ConcurrencyError("a-code", "text", hint="do"): 409,
    errors.TransientError("a-code", "text", hint="do"): 503,
    errors.ThrottledError("a-code", "text", retry_after=1.2, hint="do"): 503,
    errors.WatermarkExpiredError("a-code", "text", hint="do"): 503,
}


@pytest.mark.parametrize(("error", "status"), FAMILIES.items())
def test_each_family_has_its_status_and_keeps_its_words(error, status):
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, error.code)
    assert (problem.detail, problem.hint) == ("text", "do")


def test_the_table_knows_every_family():
    families = {
        family
        for family in vars(errors).values()
        if isinstance(family, type) and issubclass(family, CouplerError) and family != CouplerError
    }
    assert families == {type(error) for error in FAMILIES}


def test_a_family_member_answers_like_its_family():
    assert problem_of(RowChangedError("row-changed", "text")).status == 409


def test_passing_faults_say_when_to_come_back():
    throttled = errors.ThrottledError("a-code", "text", retry_after=1.2)
    assert problem_of(throttled).headers == {"Retry-After": "2"}
    assert problem_of(errors.TransientError("a-code", "text")).headers == {"Retry-After": "5"}
    assert problem_of(errors.ConcurrencyError("a-code", "text")).headers == {}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("at 0x1 with s3cret"),
        CouplerError("a-code", "with s3cret"),
        errors.ConfigurationError("setting-missing", "The app setting API_AUDIENCE s3cret"),
    ],
)
def test_what_is_no_callers_business_is_not_told(error):
    problem = problem_of(error)
    document = problem.document("an-id")
    assert (problem.status, problem.code) == (500, "unexpected-error")
    assert "s3cret" not in str(document)
    assert document["correlationId"] == "an-id"


def test_a_document_has_the_members_of_rfc_9457_and_ours():
    document = problem_of(errors.RefusedRequestError(404, "not-found", "No.")).document("an-id")
    assert document == {
        "type": "urn:coupler:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": "No.",
        "code": "not-found",
        "correlationId": "an-id",
    }
