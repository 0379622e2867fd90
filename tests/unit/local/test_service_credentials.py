from __future__ import annotations

import pytest

from local.service_credentials import SIMULATED, CredentialsError, take_credentials

REAL = {"SERVICE_TENANT": "t", "SERVICE_CLIENT_ID": "c", "SERVICE_CLIENT_SECRET": "s3cret"}


def test_nothing_named_means_the_simulated_application():
    assert take_credentials({"PATH": "/bin"}) is SIMULATED


def test_a_real_application_is_taken_out_of_the_environment():
    environment = {"PATH": "/bin"} | REAL
    credentials = take_credentials(environment)
    assert (credentials.tenant, credentials.client_id, credentials.secret) == ("t", "c", "s3cret")
    assert credentials.authority == "https://login.microsoftonline.com"
    assert environment == {"PATH": "/bin"}


def test_half_an_application_is_refused_by_the_names_that_are_missing():
    with pytest.raises(CredentialsError, match="missing: SERVICE_CLIENT_SECRET"):
        take_credentials({"SERVICE_TENANT": "t", "SERVICE_CLIENT_ID": "c"})


def test_the_secret_is_not_shown():
    assert "s3cret" not in repr(take_credentials(dict(REAL)))
