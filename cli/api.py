"""The service's API, as far as a command line needs it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import requests

from cli.errors import ServiceError

_TIMEOUT_SECONDS = 60
_TRIES = 4
MOST_OF_A_PAGE = 1000
"""Entries that the service puts on a page at most."""
_LONGEST_WAIT_SECONDS = 30.0
_PASSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """What a request carries."""

    query: Mapping[str, str]
    body: Any
    """A document, or none."""
    content: bytes | None
    """A file in place of a document."""
    headers: Mapping[str, str]


class Api:
    """One service and one caller.

    Every start carries an idempotency key, so that what is repeated after a lost answer or a
    passing fault does not begin twice.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[bool], str],
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``token`` gives an access token; with True, another one than before."""
        self._base = f"{url}/api"
        self._token = token
        self._session = session or requests.Session()
        self._sleep = sleep

    def get(self, *path: str, **query: str | int | bool | None) -> dict[str, Any]:
        """A resource; raises ``ServiceError``."""
        return self._document(self._ask("GET", path, query=query))

    def get_with_version(self, *path: str) -> tuple[dict[str, Any], str]:
        """A resource and its ETag; raises ``ServiceError``."""
        answer = self._ask("GET", path)
        return self._document(answer), answer.headers.get("ETag", "")

    def all(
        self, member: str, *path: str, page_size: int = MOST_OF_A_PAGE, **query: Any
    ) -> Iterator[dict[str, Any]]:
        """A whole list, page by page as it is used."""
        continuation: str | None = None
        while True:
            page = self.get(*path, limit=page_size, continuation=continuation, **query)
            yield from page[member]
            continuation = page["continuation"]
            if not continuation:
                return

    def pages(self, *path: str, **query: str | int | bool | None) -> Iterator[str]:
        """A text in pages, each as it is used; raises ``ServiceError``."""
        continuation: str | None = None
        while True:
            answer = self._ask("GET", path, query={**query, "continuation": continuation})
            yield answer.content.decode("utf-8")
            following = answer.links.get("next")
            if not following:
                return
            continuation = _continuation_of(following["url"])

    def post(self, *path: str, body: Any = None) -> dict[str, Any]:
        """Start something, once, however often it had to be asked; raises ``ServiceError``."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return self._document(self._ask("POST", path, body=body or {}, headers=headers))

    def post_file(
        self, *path: str, content: bytes, media_type: str, **query: str | int | bool | None
    ) -> dict[str, Any]:
        """As ``post``, with a file in place of a document."""
        headers = {"Idempotency-Key": uuid.uuid4().hex, "Content-Type": media_type}
        return self._document(
            self._ask("POST", path, query=query, content=content, headers=headers)
        )

    def put(self, *path: str, body: Any, version: str) -> dict[str, Any]:
        """Replace a resource that was read in that version; raises ``ServiceError``."""
        return self._document(self._ask("PUT", path, body=body, headers={"If-Match": version}))

    def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        fresh = False
        for tries_left in reversed(range(_TRIES)):
            sent = _Sent(query=given, body=body, content=content, headers=headers or {})
            answer = self._send(method, path, sent, fresh=fresh)
            if answer.status_code == HTTPStatus.UNAUTHORIZED and not fresh:
                fresh = True
            elif answer.status_code in _PASSING and tries_left:
                self._sleep(_wait_seconds(answer))
            else:
                break
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise _refusal(answer)
        return answer

    def _send(
        self, method: str, path: tuple[str, ...], sent: _Sent, *, fresh: bool
    ) -> requests.Response:
        url = "/".join((self._base, *(quote(part, safe="") for part in path)))
        try:
            return self._session.request(
                method,
                url,
                params=dict(sent.query),
                json=sent.body,
                data=sent.content,
                headers={"Authorization": f"Bearer {self._token(fresh)}", **sent.headers},
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ServiceError(
                f"{self._base} could not be reached ({type(error).__name__}). Check COUPLER_URL "
                "and the network; for a certificate of your own set REQUESTS_CA_BUNDLE."
            ) from error

    @staticmethod
    def _document(answer: requests.Response) -> dict[str, Any]:
        if not answer.content:
            return {}
        try:
            document: dict[str, Any] = answer.json()
        except ValueError as error:
            raise ServiceError(
                f"{answer.url} answered no JSON. Is COUPLER_URL the address of Coupler?"
            ) from error
        return document


def _continuation_of(address: str) -> str:
    """Of the address that the service names, only where to go on is believed."""
    found = parse_qs(urlsplit(address).query).get("continuation")
    if not found:
        raise ServiceError("The service named a next page that says not where it begins.")
    return found[0]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wait_seconds(answer: requests.Response) -> float:
    told = answer.headers.get("Retry-After", "")
    return min(float(told), _LONGEST_WAIT_SECONDS) if told.isdigit() else 1.0


def _refusal(answer: requests.Response) -> ServiceError:
    """The service's problem in words: what, each fault, what to do, and the trace to name."""
    try:
        problem: dict[str, Any] = answer.json()
    except ValueError:
        problem = {}
    detail = problem.get("detail") or f"The service answered {answer.status_code}."
    faults = [f"  - {each['member']}: {each['message']}" for each in problem.get("errors", [])]
    lines = [detail, *faults, problem.get("hint", "")]
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and "correlationId" in problem:
        lines.append(f"Correlation id: {problem['correlationId']}")
    return ServiceError("\n".join(line for line in lines if line), problem=problem)
