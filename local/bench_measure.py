"""What a bench measures, and how: each figure where it arises, without a hand in the product."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types

from local.processes import Sink

STORAGE_UNIT = (
    "requests that Azurite answered while the run went on, from its access log: an entity group "
    "transaction is one, and so is the function host looking at its queues"
)
"""What one storage transaction is."""

_AZURITE = "azurite"
_LOG_SECONDS = 0.3
"""So late Azurite's access log may be."""
_LOOKS = 5
_ACCESS = re.compile(r'"([A-Z]+) /[^/ "]+/([^ "]*) HTTP/')
_MEGABYTE = 1024 * 1024
_RESET_PEAK = "5"
"""What Linux wants to read there, see proc_pid_clear_refs(5)."""
_IN_STEP = ("inserted", "modified", "unchanged", "coupled")


class StorageMeter:
    """A sink that counts Azurite's access log and hands every other line on."""

    def __init__(self, others: Sink) -> None:
        self._others = others
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()

    def __call__(self, name: str, line: str) -> None:
        service = storage_service_of(line) if name == _AZURITE else None
        if service is None:
            self._others(name, line)
            return
        with self._lock:
            self._counted[service] += 1

    def reset(self) -> None:
        """Begin again at zero."""
        with self._lock:
            self._counted.clear()

    def counted(self) -> dict[str, int]:
        """Requests by service (``table``, ``queue``) since the beginning or the last reset."""
        with self._lock:
            return {service: self._counted[service] for service in ("table", "queue")}

    def settled(self) -> int:
        """Requests to tables, as soon as the access log tells of no more."""
        counted = -1
        while counted != (now := self.counted()["table"]):
            counted = now
            time.sleep(_LOG_SECONDS)
        return counted

    def cost_of(self, look: Callable[[], object]) -> float:
        """Requests to tables that a call of the API takes which only looks how far something is,
        so that they can be left out. Counting begins anew."""
        self.settled()
        self.reset()
        for _ in range(_LOOKS):
            look()
        return self.settled() / _LOOKS


def storage_service_of(line: str) -> str | None:
    """Whose request an access log line tells of, None for any other line. Pure.

    Azurite logs its services alike, so they are told apart by the forms of their addresses; blobs
    are used by no part of the platform.
    """
    found = _ACCESS.search(line)
    if found is None:
        return None
    method, address = found.groups()
    path = address.partition("?")[0]
    if path == "$batch" or path.startswith("Tables") or "(" in path:
        return "table"
    return "table" if method == "POST" and "/" not in path else "queue"


class ProcessMeter:
    """Processor time and memory of a running process."""

    def __init__(self, process_id: int) -> None:
        self._process = psutil.Process(process_id)
        self._used_before = self._used()
        self._largest = 0

    def forget_peak(self) -> None:
        """Have the largest memory counted anew, where the system can do so."""
        self._largest = 0
        reset = Path(f"/proc/{self._process.pid}/clear_refs")
        if reset.exists():
            reset.write_text(_RESET_PEAK, encoding="ascii")

    def look(self) -> None:
        """Look at its memory now, for systems that keep no peak of it themselves."""
        self._largest = max(self._largest, int(self._process.memory_info().rss))

    def cpu_s(self) -> float:
        """Seconds of processor time, user's and system's, since the meter was made."""
        return self._used() - self._used_before

    def peak_rss_mb(self) -> float:
        """The most memory it ever had; where the system does not tell, the most that was seen."""
        self.look()
        told = _high_water_mark(Path(f"/proc/{self._process.pid}/status"))
        return max(told, self._largest) / _MEGABYTE

    def _used(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


def _high_water_mark(status: Path) -> int:
    """Bytes; 0 on systems without such a file."""
    if not status.exists():
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(encoding="ascii"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def wall_seconds(run: Mapping[str, Any]) -> float:
    """How long a run that is over took, by its own times. Pure."""
    began = datetime.fromisoformat(run["started_at"])
    return (datetime.fromisoformat(run["finished_at"]) - began).total_seconds()


def unfinished(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every line of a review that did not finish in full, with its reason. Pure."""
    return [
        f"{line['name']} is {line['job_queue_entry_status'] or 'not begun'}: "
        f"{line.get('message') or 'it gives no reason'}"
        for line in lines
        if line["job_queue_entry_status"] != "finished"
    ]


def in_step(line: Mapping[str, Any]) -> int:
    """Records of a line that are coupled and equal, whichever way they went. Pure."""
    directions: Iterable[Mapping[str, int]] = line["counters"].values()
    return max(sum(counted[name] for name in _IN_STEP) for counted in directions)


def line_seconds(line: Mapping[str, Any]) -> float:
    """How long a finished line took. Pure."""
    return round(wall_seconds(line), 2)


def per_1000(counts: Mapping[str, int], records: int) -> dict[str, float]:
    """Counts by service for a thousand records, and for all services together. Pure."""
    with_total = {**counts, "both": sum(counts.values())}
    return {service: round(1000 * count / records, 2) for service, count in with_total.items()}
