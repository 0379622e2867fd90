"""Reading what a service answered: JSON of the expected shape, or an error that says what it was.

An answer that is not JSON at all comes from something else at that address (a login page, a
proxy): the administrator must act. JSON that breaks off is a passing fault. JSON of another shape
is a service other than the one expected.
"""

from __future__ import annotations

import json
from typing import Any

from errors import ConfigurationError, TransientError
from services import faults
from services.records import Record
from services.transport import Response


def checked(service: str, response: Response) -> Response:
    """The response if it is a success; otherwise raises the family that its status means."""
    if response.ok:
        return response
    said = faults.words(response.body)
    raise faults.error(service, response.request, response.status, said)


def json_object(service: str, response: Response) -> Record:
    """The JSON object of a successful answer; raises as the module says."""
    checked(service, response)
    if "json" not in response.headers.get("Content-Type", "").lower():
        raise _unexpected(service, response.request, "something other than JSON")
    return parsed_object(service, response.request, response.body)


def parsed_object(service: str, request: str, body: bytes) -> Record:
    """A body as a JSON object; raises as the module says."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise unreadable(service, request, "its JSON is broken") from None
    if not isinstance(parsed, dict):
        raise _unexpected(service, request, "JSON that is not an object")
    return parsed


def rows(service: str, request: str, answer: Record) -> list[Record]:
    """The ``value`` list of a collection's answer."""
    value = answer.get("value")
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _unexpected(service, request, "JSON without a list of records")
    return value


def next_link(service: str, request: str, answer: Record) -> str | None:
    """The link to the next page, None on the last."""
    link = answer.get("@odata.nextLink")
    if link is None or (isinstance(link, str) and link):
        return link
    raise _unexpected(service, request, "a next link that is no link")


def member(service: str, request: str, answer: Record, name: str, kind: type) -> Any:
    """One member of an answer that must be there and of that type."""
    value = answer.get(name)
    if not isinstance(value, kind):
        raise _unexpected(service, request, f"JSON without a usable {name!r}")
    return value


def unreadable(service: str, request: str, why: str) -> TransientError:
    """The error of an answer that broke off or does not fit its request."""
    return TransientError(
        "answer-unreadable",
        f"The answer of {service} to {request} cannot be read: {why}.",
        hint="It is tried again; if it stays so, check what stands between Coupler and the "
        "service.",
    )


def _unexpected(service: str, request: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        "answer-unexpected",
        f"{service} answered {request} with {what}.",
        hint="Check that the connection's address is the service's own.",
    )
