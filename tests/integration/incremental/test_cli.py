"""The command line client as people run it, against the whole platform."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.platform import REPOSITORY
from local.run import client_environment
from tests.integration.incremental.office import MAPPINGS, Office


class Shell:
    """A terminal of an administrator."""

    def __init__(self, office: Office, home: str) -> None:
        self.connection = office.connection
        own = client_environment(office.installation.platform)
        self._environment = {**os.environ, **own, "XDG_CONFIG_HOME": home}

    def run(self, *arguments: str, code: int) -> Any:
        """The JSON document of a command that is to end with this code."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments, "--json"],
            cwd=REPOSITORY,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def shell(office: Office, tmp_path) -> Shell:
    return Shell(office, str(tmp_path))


def test_doctor_checks_every_step_and_warns_that_nothing_but_polling_notices_changes(shell):
    guide = shell.run("doctor", shell.connection, code=3)[shell.connection]
    warned = [step["step"] for step in guide["steps"] if step["result"] == "warning"]
    assert (len(guide["steps"]), warned) == (11, ["webhooks"])


def test_plan_counts_and_writes_nothing(shell, office):
    before = office.installation.everything()
    lines = shell.run("plan", shell.connection, *MAPPINGS, code=0)["lines"]
    assert {line["name"] for line in lines} == set(MAPPINGS)
    assert office.installation.everything() == before


def test_sync_is_watched_to_its_end(shell):
    review = shell.run("sync", shell.connection, "CURRENCY", code=0)
    assert review["run"]["state"] == "finished"


def test_status_tells_of_every_table(shell):
    status = shell.run("status", shell.connection, code=0)
    assert status["connection"]["state"] == "active"
    assert {table["mapping"] for table in status["tables"]} >= set(MAPPINGS)


def test_couplings_are_listed_whole(shell, office):
    listed = shell.run("couplings", shell.connection, "CUSTOMER", code=0)["couplings"]
    assert listed == office.installation.client.couplings(shell.connection, "CUSTOMER")
    assert listed


def test_a_refusal_is_a_problem_with_its_exit_code(shell):
    problem = shell.run("sync", shell.connection, "NO SUCH TABLE", code=1)["problem"]
    assert problem["code"] == "mapping-unknown"
