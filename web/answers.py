"""The answers of successful requests, JSON but for files, with the headers of each status."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import azure.functions as func

ROUTE_PREFIX = "api"
"""As ``extensions.http.routePrefix`` in host.json has it; a test compares them."""

_NOTHING_ELSE = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)


def address(*segments: str) -> str:
    """The path under which a resource of this application is found, for ``Location``."""
    return "/" + "/".join(quote(segment, safe="") for segment in (ROUTE_PREFIX, *segments))


def ok(body: dict[str, Any], *, etag: str = "") -> func.HttpResponse:
    """200: here it is."""
    return _json(200, body, etag=etag)


def created(location: str, body: dict[str, Any], *, etag: str = "") -> func.HttpResponse:
    """201: it was made and is found at ``location`` (see ``address``)."""
    return _json(201, body, location=location, etag=etag)


def accepted(location: str, body: dict[str, Any]) -> func.HttpResponse:
    """202: the work was begun; ``location`` tells how it goes."""
    return _json(202, body, location=location)


def text(content: str, media_type: str, *, next_page: str = "") -> func.HttpResponse:
    """200: here it is, a text in UTF-8; ``next_page`` is the address of what follows it."""
    return func.HttpResponse(
        content,
        status_code=200,
        mimetype=media_type,
        charset="utf-8",
        headers={"Link": f'<{next_page}>; rel="next"'} if next_page else {},
    )


def picture(svg: str) -> func.HttpResponse:
    """200: here it is, drawn; a browser that shows it runs nothing and loads nothing."""
    return func.HttpResponse(
        svg,
        status_code=200,
        mimetype="image/svg+xml",
        charset="utf-8",
        headers={"Content-Security-Policy": _NOTHING_ELSE, "Referrer-Policy": "no-referrer"},
    )


def no_content() -> func.HttpResponse:
    """204: done, nothing to tell."""
    return func.HttpResponse(status_code=204)


def _json(
    status: int, body: dict[str, Any], *, location: str = "", etag: str = ""
) -> func.HttpResponse:
    told = {"Location": location, "ETag": etag}
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False),
        status_code=status,
        mimetype="application/json",
        headers={name: value for name, value in told.items() if value},
    )
