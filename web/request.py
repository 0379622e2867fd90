"""What a trigger works with: the request of a verified caller, or a call of somebody unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import azure.functions as func

from audit.model import Fact
from errors import RefusedRequestError
from identity.model import Caller, Role
from web.body import BODY_LIMIT, JSON
from web.shapes import Nothing, read, read_query


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method and path, and who may call it."""

    function: str
    """The Azure Function's name."""
    method: str
    path: str
    role: Role
    body: type = Nothing
    """The shape of the body, ``object`` where the trigger itself looks at ``Request.document``."""
    media_type: str = JSON
    """The body's; of any other than JSON it is a text (``Request.text``)."""
    query: type = Nothing
    """The shape of the query."""
    idempotent: bool = False
    """Whether it takes ``Idempotency-Key``: see ``web.idempotency``."""
    largest_body: int = BODY_LIMIT
    """In bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request whose caller is verified and may make it."""

    caller: Caller
    correlation_id: str
    route: Route
    raw: func.HttpRequest
    document: object
    """The body as parsed JSON, an empty object where there is none; or as text, where its route
    takes text."""

    facts: dict[str, Fact] = field(default_factory=dict)
    """What the audit trail will tell of this call beside who called what."""

    def audit(self, **facts: Fact) -> None:
        """Have the audit trail tell what this call was about: never a secret, never a record's
        contents. Of a call that only reads, it tells nothing."""
        self.facts.update(facts)

    def path(self, name: str, pattern: str) -> str:
        """A route parameter; one that does not match ``pattern`` wholly names nothing: 404."""
        value: str = self.raw.route_params.get(name, "")
        if not re.fullmatch(pattern, value):
            raise RefusedRequestError(404, "not-found", f"There is no such {name}.")
        return value

    def if_match(self) -> str:
        """The ETag that the caller saw: without one a change could undo another's unseen.

        Raises ``RefusedRequestError`` (428).
        """
        etag: str = self.raw.headers.get("if-match", "")
        if not etag:
            raise RefusedRequestError(
                428,
                "etag-missing",
                "A change must say which version it changes.",
                hint="Read it first, and send its ETag in the header If-Match.",
            )
        return etag

    def query[T](self, shape: type[T]) -> T:
        """The query as the dataclass that the route names; unknown or wrong parameters: 400."""
        _require_named(self.route, shape, self.route.query)
        return read_query(shape, self.raw.params)

    def body[T](self, shape: type[T]) -> T:
        """The body as the dataclass that the route names; unknown, missing or wrong members: 400.

        An empty body counts as ``{}``, so that a shape of optional members needs none.
        """
        _require_named(self.route, shape, self.route.body)
        return read(shape, self.document)

    def text(self) -> str:
        """The body of a route that takes text; what is not UTF-8 in it are lone surrogates.

        Raises ``TypeError`` where the route takes JSON.
        """
        if not isinstance(self.document, str) or self.route.media_type == JSON:
            raise TypeError(f"the route of {self.route.function} takes no text")
        return self.document


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A call of a connected service: who sends it is not known yet."""

    raw: func.HttpRequest

    def path(self, name: str) -> str:
        value: str = self.raw.route_params.get(name, "")
        return value

    def query(self, name: str) -> str:
        value: str = self.raw.params.get(name, "")
        return value

    def header(self, name: str) -> str:
        value: str = self.raw.headers.get(name, "")
        return value

    def body(self) -> bytes:
        raw: bytes = self.raw.get_body()
        return raw


def _require_named(rule: Route, shape: type, named: type) -> None:
    """Raises ``TypeError`` where a trigger reads what its route does not name: the description of
    the API is held against what the routes name."""
    if shape is not named:
        raise TypeError(f"the route of {rule.function} does not name {shape.__name__}")
