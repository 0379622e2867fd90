"""A small JSON client for the platform's own parts, which trusts the local authority."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of any status."""

    status: int
    headers: Message
    body: Any
    """Parsed where it is JSON, text where it is not, None where there is none."""


class HttpClient:
    """Sends one request at a time, never through a proxy; safe to share between threads."""

    def __init__(self, authorities: Path) -> None:
        tls = ssl.create_default_context(cafile=str(authorities))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 30.0,
    ) -> Answer:
        """Send a request with a JSON body or a form; raises ``OSError`` where none answers."""
        sent = dict(headers or {})
        data: bytes | None = None
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        elif body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data=data, headers=sent, method=method)  # noqa: S310 - the platform's own addresses
        try:
            with self._opener.open(request, timeout=seconds) as response:
                return _answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers, error.read())


def _answer(status: int, headers: Message, content: bytes) -> Answer:
    if not content:
        return Answer(status=status, headers=headers, body=None)
    try:
        return Answer(status=status, headers=headers, body=json.loads(content))
    except ValueError:
        return Answer(status=status, headers=headers, body=content.decode(errors="replace"))
