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
from tests.integration.incremental.office import MAPPINGS, Office, soon


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


def test_a_coupling_is_seen_undone_and_seen_to_be_gone(shell, office):
    customer = office.customer()
    table = (shell.connection, "CUSTOMER")
    shell.run("uncouple", *table, customer.number, "--yes", code=0)
    search = ("--search", customer.number)
    apart = _until_partner_is(shell, search, None)
    assert (apart["id"], apart["reason"]["code"]) == (customer.bc_id, "uncoupled")
    shell.run("couple", *table, customer.number, customer.crm_id, "--first", "none", code=0)
    there = _until_partner_is(shell, search, customer.crm_id)
    assert there["coupled_with"]["gone"] is False
    by_number = shell.run("records", *table, "--side", "crm", *search, code=0)["records"]
    assert customer.crm_id in {each["id"] for each in by_number}
    changes = shell.run("changes", shell.connection, "--table", "CUSTOMER", code=0)["changes"]
    coupled, uncoupled = changes[:2]
    actions = [each["example"]["action"] for each in (coupled, uncoupled)]
    assert (actions, coupled["undone_by"]) == (["coupled", "uncoupled"], None)
    undone = shell.run("undo", shell.connection, coupled["id"], code=0)
    assert [each["undo"]["state"] for each in undone["pairs"]] == ["asked"]
    _until_partner_is(shell, search, None)
    other_side = shell.run("records", *table, "--side", "crm", "--state", "uncoupled", code=0)
    assert customer.crm_id in {each["id"] for each in other_side["records"]}
    latest, before, *_ = shell.run("changes", shell.connection, code=0)["changes"]
    assert (latest["undoes"], before["undone_by"]) == (coupled["id"], latest["id"])
    pairs = shell.run("changes", shell.connection, "--pairs", coupled["id"], code=0)["pairs"]
    assert [each["bc_id"] for each in pairs] == [customer.bc_id]
    # And the other way round: what was taken apart at first is coupled again.
    shell.run("undo", shell.connection, uncoupled["id"], code=0)
    _until_partner_is(shell, search, customer.crm_id)
    refused = shell.run("undo", shell.connection, "9" * 18 + "a" * 14, code=1)["problem"]
    assert refused["code"] == "change-unknown"


def _until_partner_is(shell: Shell, search: tuple[str, str], partner: str | None) -> dict[str, Any]:
    """The record that a search finds, once it is coupled like this."""

    def found() -> list[dict[str, Any]]:
        listed = shell.run("records", shell.connection, "CUSTOMER", *search, code=0)["records"]
        assert len(listed) == 1
        there = listed[0]["coupled_with"]
        return listed if (there and there["id"]) == partner else []

    return soon(found, f"the partner {partner}")[0]
