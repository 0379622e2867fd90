"""Puts `$batch` requests together and takes their answers apart, for the contract tests."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.contract.dataverse.client import Client

CONTINUE = "odata.continue-on-error"


def part(
    method: str, url: str, body: Any = None, content_id: str | None = None, **headers: str
) -> bytes:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"{method} {url} HTTP/1.1", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    content = json.dumps(body) if body is not None else ""
    return ("\r\n".join([*lines, "", content]) + "\r\n").encode()


def multipart(boundary: str, *parts: bytes) -> bytes:
    opened = f"--{boundary}\r\n".encode()
    return b"".join(opened + one for one in parts) + f"--{boundary}--\r\n".encode()


def change_set(*parts: bytes) -> bytes:
    head = b'Content-Type: multipart/mixed; boundary="set"\r\n\r\n'
    return head + multipart("set", *parts) + b"\r\n"


def batch(
    client: Client,
    *parts: bytes,
    prefer: str = "",
    boundary: str = "batch_1",
    content_type: str | None = None,
    lead: bytes = b"",
) -> requests.Response:
    return client.send(
        "POST",
        "$batch",
        lead + multipart(boundary, *parts),
        Content_Type=content_type or f'multipart/mixed; boundary="{boundary}"',
        **({"Prefer": prefer} if prefer else {}),
    )


def statuses(answer: requests.Response) -> list[int]:
    return [
        int(line.split(" ")[1]) for line in answer.text.splitlines() if line.startswith("HTTP/1.1")
    ]


def create(name: str, **more: str) -> bytes:
    return part("POST", "/api/data/v9.2/accounts", {"name": name}, **more)


def names(client: Client) -> list[str]:
    return sorted(row["name"] for row in client.rows("accounts"))
