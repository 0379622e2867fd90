"""A service that answers as it is told, and a command line that speaks to it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests

from cli.main import main

BASE = "https://coupler.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as the service got it."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    content: bytes | None


@dataclass
class Service:
    """Answers in the order they were planned; the last one of a resource again and again."""

    asked: list[Asked] = field(default_factory=list)
    planned: dict[tuple[str, str], deque[tuple[int, Any, dict[str, str]]]] = field(
        default_factory=dict
    )

    def plan(self, method: str, path: str, *bodies: Any, status: int = 200, **headers: str) -> None:
        answers = self.planned.setdefault((method, path), deque())
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answers.extend((status, body, named) for body in bodies)

    def request(self, method: str, url: str, **sent: Any) -> requests.Response:
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}" == BASE
        assert sent["allow_redirects"] is False
        path = unquote(parts.path.removeprefix("/api/"))
        self.asked.append(
            Asked(
                method=method,
                path=path,
                query=sent["params"],
                body=sent["json"],
                headers=sent["headers"],
                content=sent["data"],
            )
        )
        answers = self.planned[method, path]
        status, body, headers = answers.popleft() if len(answers) > 1 else answers[0]
        answer = requests.Response()
        answer.status_code, answer.url = status, url
        answer._content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer.headers.update(headers)
        return answer

    def asked_for(self, method: str, path: str) -> list[Asked]:
        return [each for each in self.asked if (each.method, each.path) == (method, path)]


@pytest.fixture
def service(monkeypatch) -> Service:
    service = Service()
    monkeypatch.setattr("requests.Session", lambda: service)
    return service


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    told: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def coupler(service, monkeypatch, capsys, tmp_path) -> Callable[..., Ended]:
    """Runs one command, without waiting for anything."""
    for name in ("COUPLER_TENANT", "COUPLER_CLIENT_ID", "COUPLER_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COUPLER_URL", BASE)
    monkeypatch.setenv("COUPLER_TOKEN", "the-token")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def run(*arguments: str) -> Ended:
        try:
            code = main(arguments)
        except SystemExit as usage:  # argparse ends the process at a wrong command line
            code = int(str(usage.code))
        printed = capsys.readouterr()
        return Ended(code=code, out=printed.out, told=printed.err)

    return run
