"""The other side of ``$batch``: reads the requests of one and spells answers to it.

Reading goes by the standard library's MIME parser, so that the product's writer is not its own
judge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.policy import HTTP
from http import HTTPStatus

_BOUNDARY = "batchresponse_5f0d1c6e"


@dataclass(frozen=True)
class ReceivedPart:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def content_type() -> str:
    return f"multipart/mixed; boundary={_BOUNDARY}"


def parts_of(body: bytes, boundary: str) -> list[ReceivedPart]:
    sections = re.split(rb"(?:^|\r\n)--" + re.escape(boundary.encode()) + rb"(?=\r\n|--)", body)
    assert sections[0] == b""
    assert sections[-1] == b"--\r\n"
    return [_part(section.removeprefix(b"\r\n")) for section in sections[1:-1]]


def _part(section: bytes) -> ReceivedPart:
    envelope, _, http = section.partition(b"\r\n\r\n")
    kind = BytesHeaderParser(policy=HTTP).parsebytes(envelope)
    assert kind["Content-Type"] == "application/http"
    assert kind["Content-Transfer-Encoding"] == "binary"
    line, _, rest = http.partition(b"\r\n")
    if rest.startswith(b"\r\n"):  # no headers
        head, body = b"", rest[2:]
    else:
        head, _, body = rest.partition(b"\r\n\r\n")
    method, path, version = line.decode().split(" ")
    assert version == "HTTP/1.1"
    headers = dict(BytesHeaderParser(policy=HTTP).parsebytes(head))
    return ReceivedPart(method, path, {name: str(value) for name, value in headers.items()}, body)


def multipart(answers: Sequence[tuple[int, Mapping[str, str], bytes]]) -> bytes:
    spelled = b""
    for status, headers, body in answers:
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        spelled += (
            f"--{_BOUNDARY}\r\nContent-Type: application/http\r\n"
            f"Content-Transfer-Encoding: binary\r\n\r\n{head}\r\n"
        ).encode()
        spelled += body + b"\r\n"
    return spelled + f"--{_BOUNDARY}--\r\n".encode()
