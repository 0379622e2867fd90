"""The text of Dataverse's ``$batch``: many requests in one multipart body, and their answers.

Pure. Change sets are neither written nor read: a change set is all-or-nothing, and a bad record
must stop only itself. Source: "Execute batch operations using the Web API".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_PARTS = 1000
_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One request inside a batch. ``path`` begins with ``/api/data/``."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAnswer:
    """The answer to one part; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def encode(parts: Sequence[Part], boundary: str) -> bytes:
    """The body of a batch; its content type is ``multipart/mixed; boundary="…"``.

    ``boundary`` must occur in no part: a random one, as any multipart writer uses.
    """
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ValueError(f"a batch holds 1 to {MOST_PARTS} parts, not {len(parts)}")
    envelope = (
        f"--{boundary}\r\nContent-Type: application/http\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n"
    ).encode()
    lines: list[bytes] = []
    for part in parts:
        head = f"{part.method} {part.path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in part.headers.items())
        lines += (envelope, head.encode(), b"\r\n", part.body, b"\r\n")
    lines.append(f"--{boundary}--\r\n".encode())
    return b"".join(lines)


def decode(content_type: str, body: bytes) -> list[PartAnswer]:
    """The answers of a batch in the order of its parts.

    Raises ``ValueError`` for anything that is not a whole multipart body of HTTP answers.
    """
    found = _BOUNDARY.search(content_type)
    if found is None or "multipart/mixed" not in content_type.lower():
        raise ValueError("the answer is not a multipart body")
    delimiter = b"\r\n--" + found.group(1).encode()
    sections = (b"\r\n" + body).split(delimiter)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise ValueError("the multipart body breaks off")
    return [_answer(section) for section in sections[1:-1]]


def _answer(section: bytes) -> PartAnswer:
    _, _, http = section.partition(b"\r\n\r\n")
    head, _, body = http.partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    if status is None:
        raise ValueError("a part of the batch is not an HTTP answer")
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return PartAnswer(status=int(status.group(1)), headers=headers, body=body)
