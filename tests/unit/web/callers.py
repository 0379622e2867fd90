"""Callers of each role, and their requests."""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func

from identity.model import Caller, Role, TenantId
from identity.tokens import UnauthenticatedError

TENANT = TenantId("t")


class Verifier:
    """Takes a role's name for a token, ``none`` for one without a role."""

    def caller(self, authorization: str | None) -> Caller:
        name = (authorization or "").removeprefix("Bearer ")
        if name != "none" and name not in list(Role):
            raise UnauthenticatedError("token-refused", "no", "Bearer")
        return Caller(
            tenant=TENANT,
            subject=f"{name}-id",
            role=None if name == "none" else Role(name),
            is_application=False,
            name=f"{name}@cronus.example",
        )


def request(
    body: bytes = b"",
    *,
    path: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    **headers: str,
) -> func.HttpRequest:
    """A request of an operator."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    usual = {"authorization": "Bearer operator", "content-type": "application/json"}
    return func.HttpRequest(
        method="POST",
        url="http://127.0.0.1:7071/api/x",
        headers=usual | named,
        params=query or {},
        route_params=path or {},
        body=body,
    )


def document(answer: func.HttpResponse) -> Any:
    return json.loads(answer.get_body())
