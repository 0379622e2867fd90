"""What an answer that is not a success means, and whose task it is: the one table of it.

``judge`` reads the status and the service's own error code; the meaning then is either a family of
``errors`` (for a whole request) or a write's status (for one record in a batch). Pure.

Sources of the rows: the error lists of the Dataverse Web API (compose-http-requests, api-limits,
use-optimistic-concurrency) and of Business Central (dynamics-error-codes, operational limits).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from errors import AuthorizationError, ConfigurationError, CouplerError, TransientError
from services.records import WriteStatus

_LONGEST = 300
_SECRET = re.compile(
    r"eyJ[\w-]+(\.[\w-]*)*|bearer\s+\S+|(client_secret|access_token|sig|code)=[^\s&]+",
    re.IGNORECASE,
)


class Meaning(StrEnum):
    THROTTLED = "throttled"  # not processed: asked to slow down
    UNAVAILABLE = "unavailable"  # the service or a gateway before it failed; processed or not
    UNAUTHENTICATED = "unauthenticated"  # the token or its user is not accepted
    FORBIDDEN = "forbidden"  # a privilege is missing
    MISSING = "missing"  # there is no record of that id
    NO_SUCH_PLACE = "no-such-place"  # there is no such table, company, service or operation
    STALE = "stale"  # the record changed since it was read
    DUPLICATE = "duplicate"  # some key of the record is taken, by itself or by another record
    TOO_LARGE = "too-large"  # the request or the page asked for is too large
    REFUSED = "refused"  # the content or the query is refused


@dataclass(frozen=True, slots=True)
class Rule:
    """``code`` is matched at the beginning of the service's code, ignoring case; "" matches all."""

    status: int
    code: str
    meaning: Meaning


# The first rule that fits holds. Status 0 fits every status.
RULES = (
    # Dataverse tells its service-protection limits by code, whatever the status around it.
    Rule(0, "0x80072321", Meaning.THROTTLED),  # execution time
    Rule(0, "0x80072322", Meaning.THROTTLED),  # number of requests
    Rule(0, "0x80072326", Meaning.THROTTLED),  # concurrent requests
    Rule(0, "0x80044151", Meaning.UNAVAILABLE),  # SQL timeout
    # Another import or publishing is under way, which takes minutes: whoever asked decides.
    Rule(429, "0x80071151", Meaning.REFUSED),
    Rule(401, "", Meaning.UNAUTHENTICATED),
    Rule(403, "", Meaning.FORBIDDEN),
    Rule(404, "0x80040217", Meaning.MISSING),
    Rule(404, "0x80060891", Meaning.MISSING),  # by alternate key
    Rule(404, "Internal_RecordNotFound", Meaning.MISSING),
    Rule(404, "Internal_DataNotFoundFilter", Meaning.MISSING),
    Rule(404, "", Meaning.NO_SUCH_PLACE),
    Rule(405, "0x", Meaning.REFUSED),  # Dataverse: this record cannot be deleted
    Rule(405, "", Meaning.NO_SUCH_PLACE),
    Rule(408, "", Meaning.UNAVAILABLE),
    # Business Central has been seen to answer a stale ETag with 409, the documents only say that
    # it refuses; both are understood.
    Rule(409, "Request_EntityChanged", Meaning.STALE),
    Rule(409, "Internal_EntityWithSameKeyExists", Meaning.DUPLICATE),
    Rule(400, "Internal_EntityWithSameKeyExists", Meaning.DUPLICATE),
    Rule(412, "0x80040237", Meaning.DUPLICATE),
    Rule(412, "0x80060892", Meaning.DUPLICATE),  # an alternate key
    Rule(412, "0x80040333", Meaning.REFUSED),  # duplicate detection rules of the organization
    Rule(412, "", Meaning.STALE),
    Rule(413, "", Meaning.TOO_LARGE),
    Rule(429, "", Meaning.THROTTLED),
    Rule(500, "", Meaning.UNAVAILABLE),
    Rule(501, "", Meaning.NO_SUCH_PLACE),
    Rule(502, "", Meaning.UNAVAILABLE),
    Rule(503, "", Meaning.UNAVAILABLE),
    Rule(504, "", Meaning.UNAVAILABLE),
    Rule(0, "", Meaning.REFUSED),
)

WRITE_STATUS = {
    Meaning.THROTTLED: WriteStatus.THROTTLED,
    Meaning.UNAVAILABLE: WriteStatus.FAILED,
    Meaning.UNAUTHENTICATED: WriteStatus.REFUSED,
    Meaning.FORBIDDEN: WriteStatus.REFUSED,
    Meaning.MISSING: WriteStatus.MISSING,
    Meaning.NO_SUCH_PLACE: WriteStatus.REFUSED,
    Meaning.STALE: WriteStatus.STALE,
    Meaning.DUPLICATE: WriteStatus.EXISTS,  # until it is known whose key it is
    Meaning.TOO_LARGE: WriteStatus.REFUSED,
    Meaning.REFUSED: WriteStatus.REFUSED,
}


@dataclass(frozen=True, slots=True)
class _Family:
    error: type[CouplerError]
    code: str
    hint: str


_FAMILIES = {
    Meaning.UNAUTHENTICATED: _Family(
        AuthorizationError,
        "service-login-refused",
        "Check that the application is registered in this service and enabled there.",
    ),
    Meaning.FORBIDDEN: _Family(
        AuthorizationError,
        "service-privilege-missing",
        "Give the application's user in this service the roles or permission sets it needs.",
    ),
    Meaning.UNAVAILABLE: _Family(
        TransientError,
        "service-failed",
        "It is tried again; if it stays so, look at the service's health page.",
    ),
    Meaning.NO_SUCH_PLACE: _Family(
        ConfigurationError,
        "service-place-missing",
        "Check the connection's address, environment and company, and that the table or web "
        "service of that name is published.",
    ),
    Meaning.TOO_LARGE: _Family(
        ConfigurationError,
        "service-request-too-large",
        "Use a smaller page size or fewer columns.",
    ),
}
_REFUSED = _Family(
    ConfigurationError,
    "service-request-refused",
    "Check the table mapping's columns and filter against what the service offers.",
)


@dataclass(frozen=True, slots=True)
class Words:
    """The service's own account of a failure; both empty where it gave none in its JSON form."""

    code: str
    message: str


NOTHING_SAID = Words("", "")


def words(body: bytes) -> Words:
    """Read an error body ``{"error": {"code", "message"}}``; anything else gives empty words."""
    try:
        return words_of(json.loads(body))
    except (ValueError, RecursionError):
        return NOTHING_SAID


def words_of(parsed: Any) -> Words:
    """As ``words``, of a body already parsed."""
    error = parsed.get("error") if isinstance(parsed, dict) else None
    if not isinstance(error, dict):
        return NOTHING_SAID
    return Words(
        shortened(str(error.get("code") or "")), shortened(str(error.get("message") or ""))
    )


def shortened(text: str) -> str:
    """A service's text fit to be stored and shown: one line, of bounded length, without tokens."""
    line = " ".join(_SECRET.sub("[removed]", text[: 10 * _LONGEST]).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def judge(status: int, code: str) -> Meaning:
    """What a status and a service's error code mean together."""
    folded = code.lower()
    return next(
        rule.meaning
        for rule in RULES
        if rule.status in (0, status) and folded.startswith(rule.code.lower())
    )


def error(service: str, request: str, status: int, said: Words) -> CouplerError:
    """The error of a whole request that was not carried out; throttling has its own way."""
    family = _FAMILIES.get(judge(status, said.code), _REFUSED)
    account = f": {said.code} {said.message}".rstrip() if said.code or said.message else ""
    return family.error(
        family.code, f"{service} answered {request} with {status}{account}.", hint=family.hint
    )
