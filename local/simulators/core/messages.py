"""What a simulator gets and gives: requests and answers without any server around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

type Body = bytes | str | dict[str, Any] | list[Any] | None


class Headers(Mapping[str, str]):
    """Header fields whose names compare without regard to case."""

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        self._fields = {name.lower(): value for name, value in (fields or {}).items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimResponse:
    """One answer. A ``dict`` or ``list`` body is sent as JSON, ``None`` as no content."""

    status: int
    body: Body = None
    headers: Mapping[str, str] = field(default_factory=dict)
    operations: int = 1
    """Records read or written, batch parts counted singly; 0 for an answer that did no work."""
    kind: str = ""
    """What was done, for the counters: ``GET accounts``. The method alone where empty."""

    def payload(self) -> bytes:
        """The body as bytes."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return orjson.dumps(self.body)

    def content_type(self) -> str | None:
        """The ``Content-Type`` to send where ``headers`` names none."""
        if self.body is None:
            return None
        return "text/plain; charset=utf-8" if isinstance(self.body, str) else "application/json"


type PartFault = Callable[[str, str], SimResponse | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimRequest:
    """One request, or one part of a batch (``dataclasses.replace`` makes the parts)."""

    method: str
    path: str
    """The percent-decoded path."""
    raw_path: str = ""
    """The path as sent; needed where a name may hold an encoded slash or quote."""
    query_string: str = ""
    """The query as sent, without the question mark."""
    query: list[tuple[str, str]] = field(default_factory=list)
    """The decoded parameters in their order."""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    claims: dict[str, Any] = field(default_factory=dict)
    """The verified token's claims; empty where no token was asked for."""
    base_url: str = ""
    """Scheme, host and port as the client addressed them, without a slash at the end."""
    part_fault: PartFault = lambda _method, _path: None
    """Of a batch: asked for each part by its method and decoded path; the answer that takes the
    place of processing the part where a planned fault strikes it."""

    def parameter(self, name: str, default: str | None = None) -> str | None:
        """The first query parameter of that exact name."""
        return next((value for key, value in self.query if key == name), default)

    def json(self) -> Any:
        """The parsed body; raises ``ValueError`` where it is not JSON."""
        return orjson.loads(self.body)


def not_implemented(what: str) -> SimResponse:
    """The answer to everything that a simulator does not imitate: clear, and never a guess."""
    return SimResponse(
        status=501,
        body={
            "error": {
                "code": "SimulatorNotImplemented",
                "message": f"This simulator does not implement {what}.",
            }
        },
        operations=0,
    )
