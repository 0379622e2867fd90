"""A host with the sample app, and a client for its Durable HTTP API."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.host.processes import HostFactory, HostProcess, eventually

APP = Path(__file__).parent / "app"
_FINAL = ("Completed", "Failed", "Terminated")
_WEBHOOK = "runtime/webhooks/durabletask"


@dataclass(slots=True, kw_only=True)
class DurableHost:
    """A running host with the sample app in a task hub of its own."""

    process: HostProcess
    ledger: Path

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        """A request to the webhook, or to another path if it begins with a slash."""
        url = f"{self.process.base_url}{path if path.startswith('/') else f'/{_WEBHOOK}/{path}'}"
        data = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        return requests.request(method, url, data=data, headers=headers, params=query, timeout=30)

    def start(self, name: str, payload: Any = None, instance_id: str | None = None) -> str:
        """Start an orchestration, its input encoded twice as by the SDK's client."""
        path = f"orchestrators/{name}" + (f"/{instance_id}" if instance_id else "")
        answer = self.request("POST", path, None if payload is None else json.dumps(payload))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def status(self, instance_id: str, **query: Any) -> dict[str, Any]:
        answer = self.request("GET", f"instances/{instance_id}", **query)
        assert answer.status_code in (200, 202), answer.text
        return dict(answer.json())

    def raise_event(self, instance_id: str, name: str, payload: Any = None) -> None:
        answer = self.request(
            "POST", f"instances/{instance_id}/raiseEvent/{name}", {} if payload is None else payload
        )
        assert answer.status_code == 202, answer.text

    def finished(self, instance_id: str) -> dict[str, Any]:
        """The status once it is final."""
        return self.reached(instance_id, lambda status: status["runtimeStatus"] in _FINAL)

    def reached(
        self, instance_id: str, condition: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """The status once `condition` holds for it."""

        def probe() -> dict[str, Any]:
            status = self.status(instance_id)
            return status if condition(status) else {}

        return eventually(probe)

    def recorded(self, instance_id: str, kind: str, times: int = 1) -> None:
        """Wait until the history holds `times` events of `kind`."""
        eventually(lambda: self.events(instance_id).count(kind) >= times)

    def events(self, instance_id: str) -> list[str]:
        """The kinds of the events in the history, as shown."""
        history = self.status(instance_id, showHistory="true")["historyEvents"]
        return [event["EventType"] for event in history]

    def output(self, instance_id: str) -> Any:
        """The output, once the orchestration has completed."""
        status = self.finished(instance_id)
        assert status["runtimeStatus"] == "Completed", status
        return status["output"]

    def notes(self) -> list[str]:
        """What activities wrote to the ledger."""
        return self.ledger.read_text(encoding="utf-8").splitlines()


def start_durable_host(factory: HostFactory, folder: Path, **env: str) -> DurableHost:
    """Start the sample app in a new task hub."""
    ledger = folder / f"ledger-{uuid.uuid4().hex}"
    ledger.touch()
    settings = {"TASK_HUB": f"Hub{uuid.uuid4().hex[:12]}", "LEDGER": str(ledger), **env}
    return DurableHost(process=factory(APP, env=settings), ledger=ledger)


@pytest.fixture(scope="module")
def host(start_module_host: HostFactory, tmp_path_factory: pytest.TempPathFactory) -> DurableHost:
    """A host that the tests of a module share; each uses instances of its own."""
    return start_durable_host(start_module_host, tmp_path_factory.mktemp("ledgers"))


@pytest.fixture
def own_host(start_host: HostFactory, tmp_path: Path) -> Callable[..., DurableHost]:
    """Starts a host for one test; keyword arguments become environment variables."""
    return lambda **env: start_durable_host(start_host, tmp_path, **env)
