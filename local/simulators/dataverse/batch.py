"""`$batch` in multipart/mixed: taking a body apart and putting an answer together."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import orjson

from local.simulators.core.messages import Headers, SimResponse
from local.simulators.dataverse.errors import DataverseError, invalid_argument, invalid_query

MOST_PARTS = 1000
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;,]+))', re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_REFERENCE = re.compile(r"/?\$(?P<id>\w+)(?P<rest>.*)", re.DOTALL)
_CRLF = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerRequest:
    """One request inside a batch."""

    content_id: str | None
    method: str
    url: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Requests that succeed or fail as one."""

    requests: tuple[InnerRequest, ...]


def parse_batch(body: bytes, content_type: str) -> list[InnerRequest | ChangeSet]:
    """The parts of a batch in their order; refused where there are too many."""
    items: list[InnerRequest | ChangeSet] = []
    count = 0
    for headers, content in _parts(body, content_type):
        if headers.get("content-type", "").lower().startswith("multipart/mixed"):
            inner = tuple(
                _inner_request(part_headers, part)
                for part_headers, part in _parts(content, headers["content-type"])
            )
            items.append(ChangeSet(inner))
            count += len(inner)
        else:
            items.append(_inner_request(headers, content))
            count += 1
    if count > MOST_PARTS:
        raise invalid_argument(
            f"The batch holds {count} requests; the most that are allowed are {MOST_PARTS}."
        )
    if not count:
        raise invalid_argument("The batch holds no request.")
    return items


def _parts(body: bytes, content_type: str) -> Iterator[tuple[Mapping[str, str], bytes]]:
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise invalid_query(
            "A batch needs the content type multipart/mixed with a boundary parameter."
        )
    boundary = re.escape((match[1] or match[2]).encode())
    pieces = re.split(rb"(?:\A|\r?\n)--" + boundary + rb"(?=\r?\n|--)", body)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise invalid_query("The batch does not end with its boundary.")
    for piece in pieces[1:-1]:
        head, content = _split_head(piece.removeprefix(b"\r").removeprefix(b"\n"))
        yield _headers(head), content


def _split_head(text: bytes) -> tuple[bytes, bytes]:
    """What stands before and behind the first empty line."""
    match = _BLANK_LINE.search(text)
    return (text, b"") if match is None else (text[: match.start()], text[match.end() :])


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("utf-8", "replace").splitlines()
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _inner_request(headers: Mapping[str, str], content: bytes) -> InnerRequest:
    head, body = _split_head(content)
    line, _, rest = head.partition(b"\n")
    words = line.decode("utf-8", "replace").strip().split(" ")
    if len(words) < 3 or not words[-1].startswith("HTTP/"):
        raise invalid_query(f"A part of the batch does not begin with a request line: {words}.")
    return InnerRequest(
        content_id=headers.get("content-id"),
        method=words[0].upper(),
        url=" ".join(words[1:-1]),
        headers=Headers(_headers(rest)),
        body=body,
    )


def resolve_references(request: InnerRequest, known: Mapping[str, str]) -> tuple[str, bytes]:
    """URL and body with the addresses of the records that `$<Content-ID>` stands for."""
    url = request.url
    if _REFERENCE.match(url) and not url.startswith(("$batch", "/$batch", "$metadata")):
        url = _resolved(url, known)
    if b'"$' not in request.body and b'"/$' not in request.body:
        return url, request.body
    try:
        content = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return url, request.body  # refused later, with the words for it
    return url, orjson.dumps(_resolved_content(content, known))


def _resolved(text: str, known: Mapping[str, str]) -> str:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return text
    if match["id"] not in known:
        raise invalid_query(
            f"Content-ID Reference: '${match['id']}' does not exist in the batch context."
        )
    return known[match["id"]] + match["rest"]


def _resolved_content(content: Any, known: Mapping[str, str]) -> Any:
    if isinstance(content, list):
        return [_resolved_content(item, known) for item in content]
    if not isinstance(content, dict):
        return content
    return {
        name: _resolved(value, known)
        if isinstance(value, str) and name.endswith(("@odata.bind", "@odata.id"))
        else _resolved_content(value, known)
        for name, value in content.items()
    }


def error_response(error: DataverseError) -> SimResponse:
    """The answer to a refused request."""
    return SimResponse(status=error.status, body=error.body(), headers=error.headers, operations=0)


class BatchAnswer:
    """Collects the parts of the answer."""

    def __init__(self) -> None:
        self._boundary = f"batchresponse_{uuid4()}"
        self._pieces: list[bytes] = []

    @property
    def content_type(self) -> str:
        """The content type of the whole answer."""
        return f"multipart/mixed; boundary={self._boundary}"

    def add(self, response: SimResponse, content_id: str | None = None) -> None:
        """Add the answer to a request that stands alone, or of a change set that failed."""
        self._pieces.append(_part(self._boundary, response, content_id))

    def add_change_set(self, responses: list[tuple[str | None, SimResponse]]) -> None:
        """Add the answers of a change set."""
        boundary = f"changesetresponse_{uuid4()}"
        head = f"--{self._boundary}\r\nContent-Type: multipart/mixed; boundary={boundary}\r\n\r\n"
        parts = [_part(boundary, response, content_id) for content_id, response in responses]
        self._pieces.append(head.encode() + b"".join(parts) + f"--{boundary}--\r\n".encode())

    def body(self) -> bytes:
        """The whole answer."""
        return b"".join(self._pieces) + f"--{self._boundary}--\r\n".encode()


def _part(boundary: str, response: SimResponse, content_id: str | None) -> bytes:
    lines = [
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
    ]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    if response.body is not None:
        lines.append("Content-Type: application/json; odata.metadata=minimal")
    lines.append("OData-Version: 4.0")
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join(lines).encode() + _CRLF * 2 + response.payload() + _CRLF
