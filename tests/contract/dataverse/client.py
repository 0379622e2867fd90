"""A bare client of the simulator's Web API, for the contract tests."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests

API = "/api/data/v9.2/"


class Client:
    """Sends requests as a program would write them; knows nothing of the simulator's inside."""

    def __init__(self, base_url: str, ca: str, token: str) -> None:
        self.base_url = base_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca
        self._session.headers.update({"Authorization": f"Bearer {token}"})

    def close(self) -> None:
        self._session.close()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """`path` is relative to the API or absolute; header names have _ for -."""
        url = path if path.startswith("https://") else self.base_url + API + path
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        return self._session.request(method, url, headers=named, timeout=30, **content)

    def get(self, path: str, **headers: str) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.send("GET", path, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, entity_set: str, query: str = "", **headers: str) -> list[dict[str, Any]]:
        found = self.get(f"{entity_set}?{quote(query, safe='$=&,/()')}", **headers)
        rows: list[dict[str, Any]] = found["value"]
        return rows

    def create(self, entity_set: str, **columns: Any) -> str:
        """The id of a new row; `x__bind` stands for `x@odata.bind`."""
        answer = self.send("POST", entity_set, body_of(columns))
        assert answer.status_code == 204, answer.text
        return answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    def change(self, address: str, **columns: Any) -> requests.Response:
        return self.send("PATCH", address, body_of(columns), If_Match="*")

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.base_url}/_sim/{path}"
        answer = self._session.request(method, url, json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None


def body_of(columns: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__bind", "@odata.bind"): value for name, value in columns.items()}


def assert_refused(answer: requests.Response, status: int, code: str, *words: str) -> None:
    """A refusal has that status and code, and its message holds the words."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code, error
    for word in words:
        assert word in error["message"], error
