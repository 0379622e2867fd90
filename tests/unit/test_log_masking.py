"""The last net under the logs."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import NoReturn

import pytest

import function_app
from log_masking import mask_logs, masked
from tests.unit.identity import issuer

SECRET = "s3cret-Value.x~y"
ENTRA_SECRET = "abc8Q~" + "Zz0._~-" * 4 + "012345"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger as the host sets one up, with masking on; and what it wrote."""
    before = logging.getLogRecordFactory()
    written = io.StringIO()
    logger = logging.getLogger("tests.masking")
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    mask_logs()
    yield logger, written
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Basic {SECRET}'}}",
        f"client_secret={SECRET}&grant_type=client_credentials",
        f'{{"client_secret": "{SECRET}"}}',
        f"grant_type=x&client_assertion={SECRET}",
        f"refresh_token: {SECRET}",
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={SECRET};EndpointSuffix=x",
        f"https://a.queue.core.windows.net/q?sv=1&sig={SECRET}",
        f"headers: x-coupler-key: {SECRET}",
        f'{{"clientState": "{SECRET}"}}',
        f"password = '{SECRET}'",
        f"device_code={SECRET}",
        f"POST /api/webhooks/crm/t/c?code={SECRET}",
    ],
)
def test_a_secret_is_masked_by_what_stands_before_it(text):
    assert SECRET not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize("secret", [ENTRA_SECRET, issuer.token()], ids=["Entra secret", "token"])
def test_a_secret_that_can_be_told_by_its_form_is_masked_anywhere(secret):
    assert secret not in masked(f"the service said <{secret}> and ended")


@pytest.mark.parametrize(
    "text",
    [
        "request refused: 401 token-missing correlation_id=4f3a",
        "client_secret_name=11111111--services",
        "the signature of the key is right",
        "table job CUSTOMER failed, try 2",
        "GET /api/v2.0/companies(00000000-0000-4000-8000-000000000001)/customers",
        "the basic unit of measure is PCS",
    ],
)
def test_what_is_no_secret_stays(text):
    assert masked(text) == text


def fail(error: Exception) -> NoReturn:
    raise error


def test_records_are_masked_whatever_their_values_are(log):
    logger, written = log
    logger.info("sent %s to %s", {"Authorization": f"Bearer {SECRET}"}, "service")
    assert SECRET not in written.getvalue()
    assert "sent" in written.getvalue()
    assert "to service" in written.getvalue()


def test_traces_are_masked(log):
    logger, written = log
    try:
        fail(RuntimeError(f"401 for https://x/?sig={SECRET}"))
    except RuntimeError:
        logger.exception("request failed")
    assert SECRET not in written.getvalue()
    assert "RuntimeError: 401" in written.getvalue()


def test_causes_of_exceptions_are_masked(log):
    logger, written = log
    try:
        try:
            fail(ValueError(f"password={SECRET}"))
        except ValueError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        logger.warning("failed", exc_info=True)
    assert SECRET not in written.getvalue()
    assert "RuntimeError: outer" in written.getvalue()


def test_a_trace_without_secrets_stays_with_its_exception(log, caplog):
    logger, _ = log
    with caplog.at_level(logging.ERROR):
        try:
            fail(RuntimeError("plain"))
        except RuntimeError:
            logger.exception("failed")
    assert isinstance(caplog.records[-1].exc_info[1], RuntimeError)


def test_masking_twice_is_masking_once(log):
    factory = logging.getLogRecordFactory()
    mask_logs()
    assert logging.getLogRecordFactory() is factory


def test_the_function_app_masks_the_logs_of_its_process():
    assert function_app.app
    assert type(logging.getLogRecordFactory()).__name__ == "_MaskingFactory"
