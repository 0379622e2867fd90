"""The storage side of a bench's floor: rows written in entity group transactions by plain HTTP.

The SDK is left out on purpose: it takes several times as long to put a transaction of a hundred
rows into words as Azurite takes to store it, and the floor shows what could be saved.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

type Row = dict[str, Any]

_JSON = "application/json"
_RESET_TRIES = 3
"""Azurite closes idle connections, now and then just when one is used again."""


class RowsRefusedError(Exception):
    """Storage did not carry out a transaction; the text is its answer."""


class RowTable:
    """One table of its own; may be used by several threads at once."""

    def __init__(self, connection_string: str, name: str) -> None:
        """Create the table, which must not exist yet."""
        parts = dict(part.split("=", 1) for part in connection_string.rstrip(";").split(";"))
        self._account = parts["AccountName"]
        self._key = base64.b64decode(parts["AccountKey"])
        self._root = parts["TableEndpoint"].rstrip("/")
        self._address = f"{self._root}/{name}"
        self._local = threading.local()
        body = json.dumps({"TableName": name}).encode()
        self._post(f"{self._root}/Tables", _JSON, body, expected=201)

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert up to 100 rows of one partition, all or none."""
        parts = "".join(
            "--changeset_floor\r\nContent-Type: application/http\r\n"
            "Content-Transfer-Encoding: binary\r\n\r\n"
            f"POST {self._address} HTTP/1.1\r\nContent-Type: {_JSON}\r\nAccept: {_JSON}\r\n"
            "Prefer: return-no-content\r\nDataServiceVersion: 3.0;\r\n\r\n"
            f"{json.dumps(row)}\r\n"
            for row in rows
        )
        body = (
            "--batch_floor\r\nContent-Type: multipart/mixed; boundary=changeset_floor\r\n\r\n"
            f"{parts}--changeset_floor--\r\n--batch_floor--\r\n"
        ).encode()
        answer = self._post(
            f"{self._root}/$batch", "multipart/mixed; boundary=batch_floor", body, expected=202
        )
        if answer.count(b"HTTP/1.1 204") != len(rows):
            raise RowsRefusedError(answer[:1000].decode(errors="replace"))

    def _post(self, url: str, content_type: str, body: bytes, *, expected: int) -> bytes:
        for tries_left in reversed(range(_RESET_TRIES)):
            try:
                answer = self._session().post(
                    url, data=body, headers=self._headers(url, content_type), timeout=300
                )
                break
            except requests.ConnectionError:
                if not tries_left:
                    raise
        if answer.status_code != expected:
            raise RowsRefusedError(f"{url} answered {answer.status_code}: {answer.text[:1000]}")
        return answer.content

    def _headers(self, url: str, content_type: str) -> dict[str, str]:
        """Signed by "Shared Key Lite": the date and the resource, by the account's key."""
        date = format_datetime(datetime.now(UTC), usegmt=True)
        text = f"{date}\n/{self._account}{urlsplit(url).path}"
        signature = base64.b64encode(hmac.digest(self._key, text.encode(), hashlib.sha256))
        return {
            "Authorization": f"SharedKeyLite {self._account}:{signature.decode()}",
            "x-ms-date": date,
            "x-ms-version": "2019-02-02",
            "Accept": _JSON,
            "Content-Type": content_type,
            "DataServiceVersion": "3.0;",
            "MaxDataServiceVersion": "3.0;NetFx",
        }

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            self._local.session = session
        return session
