"""The sample app of these tests, as a test sees it from outside."""

import base64
import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from tests.host.processes import Azurite, HostFactory, HostProcess

APP = Path(__file__).parent / "app"
NEVER = "0 0 0 29 2 *"


@dataclass(slots=True, kw_only=True)
class Sample:
    """Settings of one sample app: queues of its own, and the file it traces its runs in."""

    azurite: Azurite
    trace_file: Path
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")

    def start(
        self,
        start_host: HostFactory,
        *,
        app_dir: Path = APP,
        tick: str = NEVER,
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> HostProcess:
        """Start a host for the app; `tick` is the schedule of its timer function."""
        environment = {
            "TRACE_FILE": str(self.trace_file),
            "JOBS_QUEUE": self.prefix,
            "OUT_QUEUE": f"{self.prefix}-out",
            "TICK_SCHEDULE": tick,
        }
        return start_host(app_dir, env=environment | (env or {}), **options)

    def queue(self, suffix: str = "") -> QueueClient:
        """The jobs queue, or that with the suffix ("-out", "-poison")."""
        return QueueClient.from_connection_string(
            self.azurite.connection_string, f"{self.prefix}{suffix}"
        )

    def send(self, *jobs: dict[str, Any]) -> None:
        """Enqueue jobs."""
        self.send_raw(*(base64.b64encode(json.dumps(job).encode()).decode() for job in jobs))

    def send_raw(self, *contents: str) -> None:
        """Enqueue messages as they are."""
        with self.queue() as queue:
            try:
                queue.get_queue_properties()
            except ResourceNotFoundError:
                queue.create_queue()
            for content in contents:
                queue.send_message(content)

    def contents(self, suffix: str = "") -> list[str]:
        """The decoded messages that are visible in a queue; empty if there is no such queue."""
        return [base64.b64decode(stored).decode() for stored in self.raw_contents(suffix)]

    def raw_contents(self, suffix: str = "") -> list[str]:
        """The messages that are visible in a queue, as stored."""
        with self.queue(suffix) as queue:
            try:
                return [message.content for message in queue.peek_messages(max_messages=32)]
            except ResourceNotFoundError:
                return []

    def count(self, suffix: str = "") -> int:
        """How many messages a queue holds, invisible ones included; 0 if there is none."""
        with self.queue(suffix) as queue:
            try:
                return int(queue.get_queue_properties().approximate_message_count or 0)
            except ResourceNotFoundError:
                return 0

    def trace(self, key: str) -> list[dict[str, Any]]:
        """What functions have traced so far under `key`, in order."""
        if not self.trace_file.exists():
            return []
        lines = self.trace_file.read_text(encoding="utf-8").splitlines()
        return [entry for entry in map(json.loads, lines) if key in entry]
