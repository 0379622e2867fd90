"""A verified caller's call, from its token to its answer: what every route does, in one order.

Authentication and the tenant's request rate come first and cost no storage. From then on the audit
trail has the call (``audit.trail``), so the role, the body and the key are looked at, and refused,
under its eyes. The claim of an ``Idempotency-Key`` is last: only what would be carried out needs
one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import azure.functions as func

from audit.model import Entry, Fact
from audit.trail import AuditTrail, audit_trail
from errors import RefusedRequestError
from identity.model import DELEGATED_SCOPE, ROLE_CLAIMS, Caller, Role
from identity.tokens import verifier
from web.body import JSON, json_document, text_document
from web.exchange import Exchange
from web.idempotency import (
    KEY_HEADER,
    REPLAYED_HEADER,
    Claim,
    Claims,
    KeptAnswer,
    KeyedCall,
    checked_key,
    claims_of,
    digest_of,
)
from web.limits import request_limit
from web.problem import problem_of
from web.request import Request, Route
from web.shapes import Nothing, read, read_query

log = logging.getLogger(__name__)

_READING = "GET"
_KEPT_HEADERS = ("Location", "ETag")


class Call:
    """One call; ``begin`` it, carry it out unless ``replayed`` answers it, then ``end`` it or have
    it ``fail``."""

    def __init__(self, route: Route, raw: func.HttpRequest) -> None:
        self._route = route
        self._raw = raw
        self._exchange = Exchange(raw)
        self._trail: AuditTrail | None = None
        self._reference = ""
        self._claims: Claims | None = None
        self._claim: Claim | None = None
        self._facts: dict[str, Fact] = {}
        self.replayed: func.HttpResponse | None = None
        """The answer that this call had when it was first sent."""

    def begin(self) -> Request:
        """The request, if its caller may make it. Raises what ``fail`` turns into an answer.

        A body of another kind than the route's is refused whether or not the trigger takes one:
        its sender is mistaken about something.
        """
        headers = self._raw.headers
        caller = verifier().caller(headers.get("authorization"))
        request_limit().admit(caller.tenant)
        self._note(caller)
        _require_role(caller, self._route.role)
        document = self._document()
        if self._route.idempotent and KEY_HEADER in headers:
            self._claim_key(caller, checked_key(headers[KEY_HEADER]), document)
        return Request(
            caller=caller,
            correlation_id=self._exchange.correlation_id,
            route=self._route,
            raw=self._raw,
            document=document,
            facts=self._facts,
        )

    def end(self, answer: func.HttpResponse) -> func.HttpResponse:
        """The answer of a call that was carried out. Never raises: what was done is done."""
        self._settle(answer)
        self._complete(answer.status_code, "")
        return self._exchange.answered(answer)

    def fail(self, error: Exception) -> func.HttpResponse:
        """The answer of a call that was refused or failed. Never raises."""
        answer = self._exchange.failed(error)
        self._settle(answer)
        self._complete(answer.status_code, problem_of(error).code)
        return answer

    def _document(self) -> object:
        document = self._body()
        if self._route.query is Nothing:
            read_query(Nothing, self._raw.params)
        return document

    def _body(self) -> object:
        route, body = self._route, self._raw.get_body()
        content_type = self._raw.headers.get("content-type", "")
        if route.media_type != JSON:
            return text_document(body, content_type, route.media_type, limit=route.largest_body)
        document = json_document(body, content_type, limit=route.largest_body)
        if route.body is Nothing:
            read(Nothing, document)
        return document

    def _note(self, caller: Caller) -> None:
        """Begin the call's row in the audit trail, unless it only reads."""
        if self._route.method == _READING:
            return
        targets = dict(self._raw.route_params)
        entry = Entry(
            at=datetime.now(UTC),
            subject=caller.subject,
            name=caller.name,
            is_application=caller.is_application,
            role=caller.role,
            action=self._route.function,
            connection=targets.pop("connection_id", ""),
            targets=targets,
            correlation_id=self._exchange.correlation_id,
        )
        trail = audit_trail(caller.tenant)
        self._reference = trail.begin(entry)
        self._trail = trail

    def _claim_key(self, caller: Caller, key: str, document: object) -> None:
        call = KeyedCall(
            route=self._route.function,
            subject=caller.subject,
            key=key,
            request=digest_of(self._raw.route_params, self._raw.params, document),
        )
        self._claims = claims_of(caller.tenant)
        claimed = self._claims.claim(call)
        if isinstance(claimed, Claim):
            self._claim = claimed
        else:
            self._facts["replayed"] = True
            self.replayed = _replay(claimed)

    def _settle(self, answer: func.HttpResponse) -> None:
        """Keep the answer under the key that the call claimed, or give the key free again."""
        claims, claim = self._claims, self._claim
        if claims is None or claim is None:
            return
        kept = _kept(answer)
        if kept is None:
            self._attempt("freeing the key", lambda: claims.release(claim))
        else:
            self._attempt("keeping the answer", lambda: claims.keep(claim, kept))

    def _complete(self, status: int, code: str) -> None:
        trail = self._trail
        if trail is not None:
            self._attempt(
                "completing the audit trail",
                lambda: trail.complete(
                    self._reference, status=status, code=code, facts=self._facts
                ),
            )

    def _attempt(self, what: str, step: Callable[[], None]) -> None:
        """Take a step that comes too late to change the answer."""
        try:
            step()
        except Exception:
            log.exception("%s failed correlation_id=%s", what, self._exchange.correlation_id)


def _kept(answer: func.HttpResponse) -> KeptAnswer | None:
    """What is kept of an answer; None of one that is no success, or too long for a row."""
    headers = answer.headers
    kept = KeptAnswer(
        status=answer.status_code,
        mimetype=answer.mimetype,
        headers={name: headers[name] for name in _KEPT_HEADERS if name in headers},
        body=answer.get_body().decode(),
    )
    return kept if 200 <= kept.status <= 299 and kept.can_be_kept else None


def _replay(kept: KeptAnswer) -> func.HttpResponse:
    return func.HttpResponse(
        kept.body,
        status_code=kept.status,
        mimetype=kept.mimetype,
        headers={**kept.headers, REPLAYED_HEADER: "true"},
    )


def _require_role(caller: Caller, needed: Role) -> None:
    """Raises ``RefusedRequestError`` (403) that names the role which the caller lacks."""
    [claim] = [claim for claim, role in ROLE_CLAIMS.items() if role is needed]
    hint = f"Have your tenant's administrator assign you the app role {claim}."
    if caller.role is None:
        raise RefusedRequestError(
            403,
            "role-missing",
            "The token carries no app role of this application, or not the scope that a person's "
            f"token needs; this call is for the role {needed.value}.",
            hint=f"{hint} A person's token must also be asked for with scope {DELEGATED_SCOPE}.",
        )
    if not caller.role.covers(needed):
        raise RefusedRequestError(
            403,
            "role-insufficient",
            f"This call is for the role {needed.value}; yours is {caller.role.value}.",
            hint=hint,
        )
