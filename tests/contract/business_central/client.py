"""A plain HTTP client of the simulator: what a test sends is what it writes."""

from __future__ import annotations

from typing import Any

import requests

from tests.unit.simulators_business_central.world import BASE, ROOT


class Client:
    """Requests below one company, and to the simulator's own administration."""

    def __init__(self, address: str, ca_file: str, token: str) -> None:
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_file
        self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._session.close()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Send to an absolute path or address; ``If_Match`` is the header ``If-Match``."""
        address = path if path.startswith("https:") else self.address + path
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._session.request(method, address, json=body, headers=fields, timeout=10)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.send("GET", f"{BASE}/{path}", **headers)

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        return self.send("POST", f"{BASE}/{path}", body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> requests.Response:
        return self.send("PATCH", f"{BASE}/{path}", body, **headers)

    def delete(self, path: str, **headers: str) -> requests.Response:
        return self.send("DELETE", f"{BASE}/{path}", **headers)

    def batch(self, parts: list[dict[str, Any]], **headers: str) -> requests.Response:
        return self.send("POST", f"{ROOT}/$batch", {"requests": parts}, **headers)

    def read(self, entity_set: str, options: str = "") -> list[dict[str, Any]]:
        answer = self.get(f"{entity_set}?{options}")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def admin(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.send(method, f"/_sim/{path}", body)

    def seed(self, data: dict[str, Any], options: str = "") -> dict[str, int]:
        answer = self.admin("POST", f"seed{options}", data)
        assert answer.status_code == 200, answer.text
        found: dict[str, int] = answer.json()["seeded"]
        return found


def refusal(answer: requests.Response) -> tuple[int, str]:
    """Status and code of an error; its message must name a correlation id."""
    error = answer.json()["error"]
    assert "CorrelationId:" in error["message"]
    return answer.status_code, error["code"]


def not_simulated(answer: requests.Response) -> bool:
    """Whether the simulator said that it does not imitate this."""
    return answer.status_code == 501 and answer.json()["error"]["code"] == "SimulatorNotImplemented"
