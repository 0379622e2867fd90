"""A person's sign-in by device code: they enter a short code on Microsoft's own page, and Coupler
is given a token that lasts an hour at most.

Nothing is kept here, neither the device code, which the caller holds, nor the token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msal  # type: ignore[import-untyped]  # msal ships no types
import requests

from errors import RefusedRequestError, TransientError
from services.faults import shortened
from services.tokens import Authority, EntraHttp

_PENDING = ("authorization_pending", "slow_down")
_DEFAULT_INTERVAL = 5
_REFUSALS = {
    "authorization_declined": (
        "sign-in-declined",
        "The sign-in was declined.",
        "Begin the sign-in anew if that was not intended.",
    ),
    "access_denied": (
        "sign-in-declined",
        "The sign-in was declined.",
        "Begin the sign-in anew if that was not intended.",
    ),
    "expired_token": (
        "sign-in-expired",
        "The code was not entered in time.",
        "Begin the sign-in anew and enter the new code within its time.",
    ),
    "code_expired": (
        "sign-in-expired",
        "The code was not entered in time.",
        "Begin the sign-in anew and enter the new code within its time.",
    ),
    "bad_verification_code": (
        "sign-in-unknown",
        "There is no sign-in with this device code.",
        "Send the device code as it was given when the sign-in began.",
    ),
}


_REDEEMED = "AADSTS54005"
_USED = (
    "sign-in-used",
    "This sign-in was used already: it gives its token once.",
    "Begin another sign-in.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A sign-in that was begun and waits for a person."""

    user_code: str
    """What the person enters."""
    verification_uri: str
    """Where they enter it."""
    device_code: str = field(repr=False)
    """What the token is asked for with."""
    interval: int
    """Seconds to wait between two questions for the token."""
    expires_in: int
    """Seconds until the code ends."""


class SignInPendingError(RefusedRequestError):
    """The person has not finished yet; 409 with the time to ask again after."""

    def __init__(self) -> None:
        super().__init__(
            409,
            "sign-in-pending",
            "The sign-in is not finished.",
            hint="Enter the code on the page, finish the sign-in there, then send this again.",
        )
        self.headers = {"Retry-After": str(_DEFAULT_INTERVAL)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCodeSignIn:
    """Signs people of one tenant in to one service, by an application that allows public flows."""

    authority: Authority
    tenant: str
    client: str
    scope: str
    """``https://contoso.crm.dynamics.com/user_impersonation``."""

    def begin(self) -> SignIn:
        """Ask for a code.

        Raises ``RefusedRequestError`` (422) where Entra ID does not allow the application to sign
        people in, ``TransientError`` where it cannot be reached.
        """
        flow = self._asked(lambda application: application.initiate_device_flow([self.scope]))
        if "user_code" not in flow:
            raise self._refused(flow)
        return SignIn(
            user_code=str(flow["user_code"]),
            verification_uri=str(flow["verification_uri"]),
            device_code=str(flow["device_code"]),
            interval=int(flow.get("interval") or _DEFAULT_INTERVAL),
            expires_in=int(flow["expires_in"]),
        )

    def token(self, device_code: str) -> str:
        """The token of a finished sign-in; Entra ID gives it once.

        Raises ``SignInPendingError`` while the person is not done; ``RefusedRequestError`` (422)
        where they declined, were too late, or the code is unknown or used; ``TransientError``
        where Entra ID cannot be reached.
        """
        flow = {"device_code": device_code, "interval": 1}  # between 0 msal would ask for ever
        answer = self._asked(
            lambda application: application.acquire_token_by_device_flow(
                flow,
                exit_condition=lambda _flow: True,  # ask once: waiting is the caller's
            )
        )
        token = answer.get("access_token")
        if isinstance(token, str):
            return token
        if answer.get("error") in _PENDING:
            raise SignInPendingError
        raise self._refused(answer)

    def _asked(self, question: Any) -> dict[str, Any]:
        try:
            application = msal.PublicClientApplication(
                self.client,
                authority=f"{self.authority.address}/{self.tenant}",
                instance_discovery=None if self.authority.instance_discovery else False,
                http_client=EntraHttp(self.authority.ca_bundle),
            )
            answer: dict[str, Any] = question(application)
        except (requests.RequestException, msal.exceptions.MsalServiceError):
            raise TransientError(
                "entra-unreachable",
                f"Entra ID could not be reached for a sign-in to tenant {self.tenant}.",
                hint="Send it again.",
            ) from None
        except ValueError as failure:  # how msal reports that the tenant's metadata is missing
            raise self._refused({"error_description": str(failure)}) from None
        return answer

    def _refused(self, answer: dict[str, Any]) -> RefusedRequestError:
        error = str(answer.get("error") or "")
        description = str(answer.get("error_description") or error)
        known = _USED if _REDEEMED in description else _REFUSALS.get(error)
        if known:
            code, message, hint = known
            return RefusedRequestError(422, code, message, hint=hint)
        account = shortened(description.partition("Trace ID")[0])
        return RefusedRequestError(
            422,
            "sign-in-refused",
            f"Entra ID lets nobody sign in by the application {self.client} in tenant "
            f"{self.tenant}: {account}".rstrip(": "),
            hint="Allow public client flows in the application's registration, give it the "
            "delegated permission user_impersonation of Dynamics CRM, and begin anew.",
        )
