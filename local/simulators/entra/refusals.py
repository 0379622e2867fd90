"""What Entra ID refuses at its token endpoints, in its own words and numbers (AADSTS…)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from local.simulators.core.messages import SimResponse


class RefusedError(Exception):
    """A request that Entra ID refuses."""

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.code = code

    def response(self, seconds: float) -> SimResponse:
        """The answer at a moment, in seconds since 1970."""
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        body = {
            "error": self.error,
            "error_description": f"AADSTS{self.code}: {self} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {moment}",
            "error_codes": [self.code],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
        }
        return SimResponse(status=self.status, body=body, kind="refused")


def required(form: dict[str, str], name: str) -> str:
    """A parameter of a form; raises ``RefusedError`` where it is missing."""
    if name not in form:
        raise RefusedError(
            400,
            "invalid_request",
            900144,
            f"The request body must contain the following parameter: '{name}'.",
        )
    return form[name]


def unknown_tenant(tenant: str) -> RefusedError:
    return RefusedError(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")


def unknown_client(client_id: str, tenant: str) -> RefusedError:
    return RefusedError(
        400,
        "unauthorized_client",
        700016,
        f"Application with identifier '{client_id}' was not found in the directory '{tenant}'.",
    )


def secret_missing() -> RefusedError:
    """An application that is no public client did not prove who it is."""
    return RefusedError(
        401,
        "invalid_client",
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or "
        "'client_secret'.",
    )


def secret_wrong(client_id: str) -> RefusedError:
    return RefusedError(
        401,
        "invalid_client",
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the "
        f"client secret value, not the client secret ID, for a secret added to app '{client_id}'.",
    )


def unsupported_grant(grant: str) -> RefusedError:
    return RefusedError(
        400,
        "unsupported_grant_type",
        70003,
        f"The app requested an unsupported grant type '{grant}'.",
    )


def scope_of_an_application(scope: str) -> RefusedError:
    return RefusedError(
        400,
        "invalid_scope",
        1002012,
        f"The provided value for scope {scope} is not valid. Client credential flows must have a "
        "scope value with /.default suffixed to the resource identifier.",
    )


def scope_of_a_person(scope: str) -> RefusedError:
    return RefusedError(
        400,
        "invalid_scope",
        70011,
        f"The provided request must include a 'scope' input parameter. The provided value for the "
        f"input parameter 'scope' is not valid. The scope {scope} is not valid.",
    )


def pending() -> RefusedError:
    return RefusedError(
        400,
        "authorization_pending",
        70016,
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    )


def too_fast() -> RefusedError:
    return RefusedError(
        400, "slow_down", 70016, "OAuth 2.0 device flow error. Polling is too frequent."
    )


def declined() -> RefusedError:
    return RefusedError(
        400, "authorization_declined", 70017, "The end user denied the authorization request."
    )


def expired() -> RefusedError:
    return RefusedError(
        400,
        "expired_token",
        70020,
        "The provided value for the input parameter 'device_code' is not valid. This device code "
        "has expired.",
    )


def unknown_device_code() -> RefusedError:
    return RefusedError(
        400,
        "bad_verification_code",
        70018,
        "The provided value for the input parameter 'device_code' is not valid.",
    )


def already_redeemed() -> RefusedError:
    return RefusedError(
        400,
        "invalid_grant",
        54005,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use "
        "an existing refresh token.",
    )


def account_disabled() -> RefusedError:
    return RefusedError(400, "invalid_grant", 50057, "The user account is disabled.")


def wrong_password() -> RefusedError:
    return RefusedError(
        400,
        "invalid_grant",
        50126,
        "Error validating credentials due to invalid username or password.",
    )
