"""One request on its way to a service, and the words for everything that can befall it.

Used by ``services.transport`` only. Texts name the service, the request (method and path, never
the query, which may hold values of records) and the next step.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from errors import ConfigurationError, CouplerError, TransientError
from services import faults


class AnswerLostError(Exception):
    """The request may or may not have been carried out: its answer did not arrive."""


class NeverSentError(Exception):
    """The request surely was not carried out: there was no connection."""


@dataclass(slots=True, kw_only=True)
class Call:
    """What is sent, and what has happened to it so far."""

    service: str
    method: str
    url: str
    base_url: str
    headers: Mapping[str, str]
    body: bytes | None
    kind: str
    renewed: bool = False
    """Whether a new token was tried."""
    failures: int = 0
    throttlings: int = 0
    throttle_wait: float = 0.0
    """Seconds waited because the service asked to slow down."""

    @property
    def request(self) -> str:
        """Method and path, fit for messages."""
        return f"{self.method} {self.url.partition('?')[0].removeprefix(self.base_url)}"

    def error(self, status: int, said: faults.Words) -> CouplerError:
        return faults.error(self.service, self.request, status, said)

    def unreachable(self, why: str) -> TransientError:
        return TransientError(
            "service-unreachable",
            f"{self.service} could not be reached for {self.request}: {why}.",
            hint="It is tried again; if it stays so, check the connection's address and the "
            "service's health page.",
        )

    def answer_lost(self, why: str) -> TransientError:
        return TransientError(
            "answer-lost",
            f"The answer of {self.service} to {self.request} was lost ({why}); it may have been "
            "carried out, so it was not repeated.",
            hint="Read the record before sending it again.",
        )

    def redirected(self, status: int) -> ConfigurationError:
        return ConfigurationError(
            "service-redirected",
            f"{self.service} answered {self.request} with a redirect ({status}), which is not "
            "followed.",
            hint="Check the connection's address: name the service itself, not a page that leads "
            "to it.",
        )

    def oversize(self, largest: int) -> ConfigurationError:
        return ConfigurationError(
            "answer-too-large",
            f"The answer of {self.service} to {self.request} is larger than {largest} bytes.",
            hint="Use a smaller page size or fewer columns.",
        )

    def untrusted(self) -> ConfigurationError:
        return ConfigurationError(
            "service-not-trusted",
            f"The certificate of {self.service} is not trusted or is of another host "
            f"({self.request} was not sent).",
            hint="Check the connection's address, and the bundle of certificate authorities.",
        )


def classified(call: Call, failure: requests.RequestException) -> Exception:
    """Tell apart what was surely not sent, what perhaps was, and what never will succeed.

    The texts of requests' exceptions hold whole URLs and are not shown.
    """
    reason = failure.args[0] if failure.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    if isinstance(failure, requests.exceptions.SSLError):
        chain = (reason, *getattr(reason, "args", ()))
        if any(isinstance(link, ssl.SSLCertVerificationError) for link in chain):
            return call.untrusted()
        return NeverSentError("the TLS handshake failed")
    if isinstance(failure, requests.exceptions.ConnectTimeout):
        return NeverSentError("connecting timed out")
    if isinstance(reason, NewConnectionError):
        return NeverSentError("no connection could be made")
    if isinstance(failure, requests.exceptions.Timeout):
        return AnswerLostError("the answer did not come in time")
    if isinstance(failure, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
        return ConfigurationError(
            "request-malformed",
            f"{call.request} to {call.service} cannot be sent: its address or a header is "
            "malformed.",
            hint="Check the connection's address.",
        )
    return AnswerLostError("the connection broke")
