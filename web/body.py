"""From the bytes of a request to a document, strictly: every doubt is a 4xx answer."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from errors import RefusedRequestError

JSON = "application/json"
BODY_LIMIT = 64 * 1024
"""Bytes of a request's body, unless its route says otherwise."""


def json_document(raw: bytes, content_type: str, *, limit: int = BODY_LIMIT) -> object:
    """Parse a body; an empty one is an empty object.

    Raises ``RefusedRequestError``: 413 above ``limit`` bytes, 415 for anything but JSON in UTF-8,
    400 ``malformed-json`` for what RFC 8259 does not allow or leaves open (members named twice,
    NaN, endless nesting).
    """
    _require_room(raw, limit)
    if not raw:
        return {}
    _require_type(content_type, JSON)
    try:
        return json.loads(
            raw.decode("utf-8"), object_pairs_hook=_members_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise RefusedRequestError(
            400, "malformed-json", f"The body is not valid JSON: {_reason(error)}."
        ) from error


def text_document(
    raw: bytes, content_type: str, media_type: str, *, limit: int = BODY_LIMIT
) -> str:
    """A body that is text; an empty one is an empty text.

    What is not UTF-8 is there as lone surrogates, one for each byte (PEP 383), for its reader to
    tell where it is. Raises ``RefusedRequestError``: 413 above ``limit`` bytes, 415 for anything
    that does not say to be ``media_type`` in UTF-8.
    """
    _require_room(raw, limit)
    if raw:
        _require_type(content_type, media_type)
    return raw.decode("utf-8", "surrogateescape")


def _require_room(raw: bytes, limit: int) -> None:
    if len(raw) > limit:
        raise RefusedRequestError(
            413, "body-too-large", f"The body has {len(raw)} bytes; at most {limit} are taken."
        )


def _require_type(content_type: str, wanted: str) -> None:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media_type == wanted and all(
        parameter in ("", "charset=utf-8", 'charset="utf-8"') for parameter in parameters
    ):
        return
    raise RefusedRequestError(
        415,
        "unsupported-content-type",
        "The body's content type is not supported.",
        hint=f"Send {wanted} in UTF-8 and say so in Content-Type.",
    )


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)[:100]
