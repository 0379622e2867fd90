"""``python -m local demo`` as a process, on ports and in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.platform import REPOSITORY
from tests.integration.full_sync.installation import free_ports

DEMO_SECONDS = 200
SHARED = Path(os.environ.get("COUPLER_SHARED", REPOSITORY.parent / "shared"))
CRONUS = SHARED / "data" / "cronus"
_SETTINGS = REPOSITORY / "local.settings.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """How a demo ended."""

    status: int
    printed: str
    errors: str
    report: dict[str, Any]


class Demos:
    """Three demos, each begun when the one before has ended.

    They keep their state in the clone, under their ports; it is removed in the end, and
    ``local.settings.json`` left as a developer's own platform made it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._base = free_ports().base
        self._settings = _SETTINGS.read_bytes() if _SETTINGS.exists() else None
        self._process: subprocess.Popen[str] | None = None
        self._line = ThreadPoolExecutor(max_workers=1)
        self.first = self._begin("--customers", "12")
        self.again = self._begin("--customers", "12")
        self.cronus = self._begin("--data", str(CRONUS)) if CRONUS.is_dir() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            self._process.terminate()  # harmless where it has ended
        self._line.shutdown()
        for kind_of_state in ("storage", "world"):
            left = REPOSITORY / ".local" / kind_of_state / str(self._base)
            shutil.rmtree(left, ignore_errors=True)
        if self._settings is None:
            _SETTINGS.unlink(missing_ok=True)
        else:
            _SETTINGS.write_bytes(self._settings)

    def _begin(self, *options: str) -> Future[Demo]:
        return self._line.submit(self._run, *options)

    def _run(self, *options: str) -> Demo:
        command = [sys.executable, "-m", "local", "demo", "--port-base", str(self._base), *options]
        with subprocess.Popen(
            command,
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as self._process:
            printed, errors = self._process.communicate(timeout=DEMO_SECONDS)
            status = self._process.returncode
        report = self._folder / ".local" / "demo.json"
        return Demo(
            status=status,
            printed=printed,
            errors=errors,
            report=json.loads(report.read_text(encoding="utf-8")) if report.exists() else {},
        )
