"""One request and its answer: correlation id, security headers, problems instead of exceptions."""

from __future__ import annotations

import json
import logging
import re
import uuid
from dataclasses import replace

import azure.functions as func

from errors import RefusedRequestError
from web.problem import Problem, problem_of

log = logging.getLogger(__name__)

CORRELATION_HEADER = "x-correlation-id"
_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_SECURITY_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_SERVER_ERROR = 500


class Exchange:
    """One request and its answer."""

    def __init__(self, raw: func.HttpRequest) -> None:
        given = raw.headers.get(CORRELATION_HEADER, "")
        self.correlation_id = given if _CORRELATION_ID.fullmatch(given) else uuid.uuid4().hex

    def answered(self, response: func.HttpResponse) -> func.HttpResponse:
        for name, value in _SECURITY_HEADERS.items():
            response.headers[name] = value
        response.headers[CORRELATION_HEADER] = self.correlation_id
        return response

    def failed(self, error: Exception, *, status: int | None = None) -> func.HttpResponse:
        """The answer to a failure, under its own status unless another one is given."""
        problem = problem_of(error)
        self._log(problem, error)
        if status is not None:
            problem = replace(problem, status=status)
        return self.answered(
            func.HttpResponse(
                json.dumps(problem.document(self.correlation_id), ensure_ascii=False),
                status_code=problem.status,
                mimetype="application/problem+json",
                headers=problem.headers,
            )
        )

    def _log(self, problem: Problem, error: Exception) -> None:
        # A refused request's words are the caller's own and stay out of the log.
        told = (problem.status, problem.code, self.correlation_id)
        if problem.status == _SERVER_ERROR:
            log.error("request failed: %s %s correlation_id=%s", *told, exc_info=error)
        elif isinstance(error, RefusedRequestError):
            log.info("request refused: %s %s correlation_id=%s", *told)
        else:
            log.warning("request not served: %s %s correlation_id=%s: %s", *told, error)
