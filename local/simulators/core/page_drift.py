"""Pages that overlap: what a client sees when records move while it reads.

Both services page by position over data that changes, so that a record may come on two pages. The
fault ``page-drift`` makes it so: the last record of a page comes once more at the top of the next
page, which is then one record longer. Nothing is left out and no record is changed.
"""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from local.simulators.core.messages import SimRequest, SimResponse

_NEXT_LINK = "@odata.nextLink"
_MOST_REMEMBERED = 1000


class PageDrift:
    """Remembers the last record before each next page."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}

    def remember(self, response: SimResponse) -> None:
        """Keep the last record of a page that a next page follows."""
        body = _page_of(response)
        if body is None or not body["value"] or _NEXT_LINK not in body:
            return
        if len(self._last) >= _MOST_REMEMBERED:
            self._last.clear()
        parts = urlsplit(body[_NEXT_LINK])
        self._last[unquote(f"{parts.path}?{parts.query}")] = body["value"][-1]

    def is_next_page(self, request: SimRequest) -> bool:
        """Whether the request asks for the page behind a remembered record."""
        return _target(request) in self._last

    def repeat(self, request: SimRequest, response: SimResponse) -> SimResponse:
        """The page with the remembered record at its top."""
        body = _page_of(response)
        if body is None:
            return response
        repeated = body | {"value": [self._last[_target(request)], *body["value"]]}
        return dataclasses.replace(response, body=orjson.dumps(repeated))


def _target(request: SimRequest) -> str:
    # decoded, because clients may encode more of a link than the service did
    return unquote(f"{request.raw_path}?{request.query_string}")


def _page_of(response: SimResponse) -> dict[str, Any] | None:
    if response.status != 200:
        return None
    try:
        body = orjson.loads(response.payload())
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("value"), list) else None
