"""``python -m local demo`` as people start it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.platform import REPOSITORY
from sync.mappings import MAPPINGS
from tests.integration.full_sync.installation import BC, CRM, free_ports

DEMO_SECONDS = 150
SHARED = Path(os.environ.get("COUPLER_SHARED", REPOSITORY.parent / "shared"))
CRONUS = SHARED / "data" / "cronus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """How a demo ended."""

    status: int
    printed: str
    errors: str
    report: dict[str, Any]


class Demos:
    """Demos on ports and in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.base = free_ports().base

    def run(self, *options: str) -> Demo:
        """Run a demo to its end; what an earlier one left is there."""
        ended = subprocess.run(
            [sys.executable, "-m", "local", "demo", "--port-base", str(self.base), *options],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=DEMO_SECONDS,
            check=False,
        )
        report = self._folder / ".local" / "demo.json"
        return Demo(
            status=ended.returncode,
            printed=ended.stdout,
            errors=ended.stderr,
            report=json.loads(report.read_text(encoding="utf-8")) if report.exists() else {},
        )

    def forget(self) -> None:
        """Remove what demos on these ports left in the clone."""
        for kind in ("storage", "world"):
            shutil.rmtree(REPOSITORY / ".local" / kind / str(self.base), ignore_errors=True)


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demos]:
    """Demos that leave the clone's ``local.settings.json`` as a developer's own made it."""
    settings = REPOSITORY / "local.settings.json"
    before = settings.read_bytes() if settings.exists() else None
    made = Demos(tmp_path_factory.mktemp("demo"))
    try:
        yield made
    finally:
        made.forget()
        if before is None:
            settings.unlink(missing_ok=True)
        else:
            settings.write_bytes(before)


@pytest.fixture(scope="module")
def first(demos: Demos) -> Demo:
    return demos.run("--customers", "12")


@pytest.fixture(scope="module")
def second(demos: Demos, first: Demo) -> Demo:
    return demos.run("--customers", "12")


def inserted(demo: Demo) -> int:
    return sum(
        counters["inserted"]
        for line in demo.report["lines"]
        for counters in line["counters"].values()
    )


def test_a_demo_ends_well_and_reports_lines_and_requests(first):
    assert (first.status, first.errors) == (0, "")
    assert first.report["ok"] is True
    assert first.report["faults"] == []
    lines = {line["name"]: line for line in first.report["lines"]}
    assert list(lines) == list(MAPPINGS)
    for line in lines.values():
        assert line["job_queue_entry_status"] in ("finished", "finished-with-errors")
        assert line["counters"].keys() == {"to_crm", "from_crm"}
    assert inserted(first) > 0
    assert first.report["requests"][BC]["requests"] > 0
    assert first.report["requests"][CRM]["requests"] > 0


def test_a_demo_shows_the_review_the_counts_and_coupled_pairs(first):
    for heading in ("Full Synchronization Review", "Records", "Coupled pairs", "requests", "Time:"):
        assert heading in first.printed
    for name in MAPPINGS:
        assert name in first.printed


def test_a_second_demo_on_the_same_data_creates_nothing_new(first, second):
    assert (second.status, second.errors) == (0, "")
    assert second.report["ok"] is True
    assert inserted(second) == 0
    assert "POST" not in " ".join(second.report["requests"][CRM]["by_kind"])


@pytest.mark.skipif(not CRONUS.is_dir(), reason=f"no CRONUS data in {CRONUS}")
def test_the_demo_of_cronus_finishes_every_line_and_explains_what_is_not_in_step(demos):
    demo = demos.run("--data", str(CRONUS))
    assert (demo.status, demo.errors) == (0, ""), demo.printed
    assert demo.report["ok"] is True
    for line in demo.report["lines"]:
        assert line["job_queue_entry_status"] in ("finished", "finished-with-errors"), line
    counted = sum(
        counters[name]
        for line in demo.report["lines"]
        for counters in line["counters"].values()
        for name in ("skipped", "waiting", "conflict", "failed")
    )
    assert demo.report["outcomes"] == counted
