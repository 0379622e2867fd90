from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import RequestTooLargeError, TableTransactionError

from errors import (
    AuthorizationError,
    ConfigurationError,
    CouplerError,
    RecordError,
    ThrottledError,
    TransientError,
)
from storage.faults import is_missing_row, translated


def failure(kind: type[HttpResponseError], status: int, code: str = "", **headers: str) -> Any:
    error: Any = kind(message=f"raw {code}")
    error.status_code = status
    error.error_code = code
    error.response = SimpleNamespace(headers=headers, text=lambda: "")
    return error


@pytest.mark.parametrize(
    ("error", "family", "code"),
    [
        (failure(HttpResponseError, 500), TransientError, "storage-unavailable"),
        (failure(HttpResponseError, 408), TransientError, "storage-unavailable"),
        (ServiceRequestError("refused"), TransientError, "storage-unavailable"),
        (ServiceResponseError("cut off"), TransientError, "storage-unavailable"),
        (failure(HttpResponseError, 503, "ServerBusy"), ThrottledError, "storage-busy"),
        (failure(HttpResponseError, 429), ThrottledError, "storage-busy"),
        (failure(HttpResponseError, 403), AuthorizationError, "storage-forbidden"),
        (failure(ClientAuthenticationError, 401), AuthorizationError, "storage-forbidden"),
        (
            failure(ResourceNotFoundError, 404, "TableNotFound"),
            ConfigurationError,
            "table-missing",
        ),
        (failure(HttpResponseError, 400, "EntityTooLarge"), RecordError, "row-too-large"),
        (failure(HttpResponseError, 400, "InvalidInput"), CouplerError, "storage-refused"),
    ],
)
def test_the_family_fits_the_remedy_and_the_text_names_the_row(
    error: AzureError, family: type[CouplerError], code: str
):
    made = translated(error, "jobs", ("run", "CUSTOMER"))

    assert type(made) is family
    assert made.code == code
    assert "table jobs" in made.message
    assert "raw" not in made.explained()


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("", 5.0), ("soon", 5.0)])
def test_a_busy_service_is_waited_for_as_told(header: str, seconds: float):
    error = failure(HttpResponseError, 503, **{"Retry-After": header})

    made = translated(error, "jobs", ())

    assert isinstance(made, ThrottledError)
    assert made.retry_after == seconds


def test_a_transaction_that_failed_for_another_reason_is_no_refusal():
    busy = failure(TableTransactionError, 503, "ServerBusy")

    made = translated(busy, "jobs", ("1",), transaction=[("1",), ("2",)])

    assert isinstance(made, ThrottledError)


def test_a_transaction_too_large_is_a_fault_of_its_records():
    error = failure(RequestTooLargeError, 413, "RequestBodyTooLarge")

    made = translated(error, "jobs", ("1",), transaction=[("1",)])

    assert isinstance(made, RecordError)


@pytest.mark.parametrize(
    ("code", "missing"), [("ResourceNotFound", True), ("TableNotFound", False)]
)
def test_a_missing_table_is_not_mistaken_for_a_missing_row(code: str, missing: bool):
    assert is_missing_row(failure(ResourceNotFoundError, 404, code)) is missing


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"odata.error": {"code": "EntityAlreadyExists", "message": {}}}', "row-exists"),
        ('{"odata.error": {"code": "TableNotFound", "message": {}}}', "table-missing"),
        ('{"odata.error": {}}', "storage-refused"),
        ("<html>", "storage-refused"),
    ],
)
def test_a_code_that_the_sdk_left_in_the_body_is_found(body: str, code: str):
    error: Any = HttpResponseError(message="raw")
    error.status_code = 409
    error.response = SimpleNamespace(headers={}, text=lambda: body)

    assert translated(error, "jobs", ("1",)).code == code
