"""What each command asks the service for, shows, and ends with."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cli.main import COMMANDS

CONNECTION = {"connection_id": "cronus", "state": "active"}


def line(name: str, status: str, **members: Any) -> dict[str, Any]:
    return {
        "name": name,
        "job_queue_entry_status": status,
        "to_int_table_job_status": "",
        "from_int_table_job_status": "",
        "counters": {"to_crm": {"inserted": 3, "failed": 1}},
        "message": "",
        "hint": "",
    } | members


def review(state: str, *lines: dict[str, Any]) -> dict[str, Any]:
    return {"run": {"state": state}, "lines": list(lines)}


def guide(*results: str) -> dict[str, Any]:
    findings = [
        {"check": f"c{number}", "result": each, "subject": "", "message": "Told.", "hint": "Do it."}
        for number, each in enumerate(results)
    ]
    return {"steps": [{"step": "tables", "findings": findings}]}


@pytest.fixture
def one_connection(service):
    service.plan("GET", "connections", {"connections": [CONNECTION], "continuation": None})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(coupler, name):
    ended = coupler(name, "--help")
    assert ended.code == 0
    assert str(COMMANDS[name].run.__doc__)[:40] in ended.out


def test_no_command_takes_a_secret(coupler):
    for name in COMMANDS:
        options = re.findall(r"--[a-z-]+", coupler(name, "--help").out)
        assert not {each for each in options if re.search("secret|password|token|key", each)}


@pytest.mark.parametrize("arguments", [(), ("fly",), ("sync", "--fast")])
def test_a_wrong_command_line_is_a_usage_error(coupler, arguments):
    assert coupler(*arguments).code == 2


@pytest.mark.parametrize(
    ("results", "code"),
    [(["passed"], 0), (["passed", "warning"], 3), (["warning", "failed"], 1), ([], 0)],
)
def test_doctor_ends_as_the_checks_did(coupler, service, one_connection, results, code):
    service.plan("POST", "connections/cronus/setup", guide(*results))
    ended = coupler("doctor", "--json")
    assert ended.code == code
    assert ended.document == {"cronus": guide(*results)}


def test_doctor_without_a_connection_tells_what_comes_next(coupler, service):
    service.plan("GET", "connections", {"connections": [], "continuation": None})
    ended = coupler("doctor")
    assert ended.code == 0
    assert "coupler setup" in ended.told


def test_setup_creates_checks_and_enables(coupler, service, tmp_path):
    document = tmp_path / "connection.json"
    document.write_text(json.dumps({"name": "CRONUS"}))
    service.plan("POST", "connections", CONNECTION, status=201)
    service.plan("POST", "connections/cronus/setup", guide("passed"))
    service.plan("POST", "connections/cronus/enable", CONNECTION)
    ended = coupler("setup", "--file", str(document), "--enable")
    assert ended.code == 0
    assert [each.path for each in service.asked] == [
        "connections",
        "connections/cronus/setup",
        "connections/cronus/enable",
    ]
    assert service.asked[0].body == {"name": "CRONUS"}


def test_setup_does_not_enable_what_failed(coupler, service, one_connection):
    service.plan("POST", "connections/cronus/setup", guide("failed"))
    ended = coupler("setup", "--enable")
    assert ended.code == 1
    assert "Do it." in ended.out
    assert "not enabled" in ended.told
    assert not service.asked_for("POST", "connections/cronus/enable")


def test_setup_of_a_file_that_is_no_json_is_a_usage_error(coupler, tmp_path):
    (tmp_path / "connection.json").write_text("name: CRONUS")
    ended = coupler("setup", "--file", str(tmp_path / "connection.json"))
    assert ended.code == 2
    assert "connection.json" in ended.told


def test_one_step_is_checked_alone(coupler, service):
    service.plan("POST", "connections/cronus/setup/tables", guide("passed")["steps"][0])
    assert coupler("setup", "cronus", "--step", "tables").code == 0


def test_which_connection_is_asked_where_there_are_several(coupler, service):
    others = [CONNECTION, CONNECTION | {"connection_id": "adatum"}]
    service.plan("GET", "connections", {"connections": others, "continuation": None})
    ended = coupler("status")
    assert ended.code == 2
    assert "cronus, adatum" in ended.told


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("finished", "finished", 0),
        ("finished-with-errors", "finished-with-errors", 3),
        ("finished-with-errors", "error", 1),
        ("cancelled", "cancelled", 1),
    ],
)
def test_sync_watches_to_the_end_and_ends_as_the_run_did(
    coupler, service, one_connection, state, status, code
):
    service.plan("POST", "connections/cronus/full-sync/start", {"run_id": "1"}, status=202)
    service.plan(
        "GET",
        "connections/cronus/full-sync",
        review("in-process", line("CUSTOMER", "in-process")),
        review("in-process", line("CUSTOMER", status, finished_at="2026-03-01")),
        review(state, line("CUSTOMER", status, finished_at="2026-03-01")),
    )
    ended = coupler("sync", "cronus", "CUSTOMER")
    assert ended.code == code
    assert ended.told.count(f"CUSTOMER: {status}") == 1
    (started,) = service.asked_for("POST", "connections/cronus/full-sync/start")
    assert started.body == {"mappings": ["CUSTOMER"]}
    assert started.headers["Idempotency-Key"]


def test_sync_need_not_wait(coupler, service):
    service.plan("POST", "connections/cronus/full-sync/start", {"run_id": "1"}, status=202)
    assert coupler("sync", "cronus", "--no-wait").code == 0
    assert len(service.asked) == 1


def test_an_incremental_sync_asks_for_passes(coupler, service):
    service.plan("POST", "connections/cronus/incremental/run", {}, status=202)
    assert coupler("sync", "cronus", "--incremental").code == 0


def test_plan_shows_what_would_be_done(coupler, service):
    service.plan("POST", "connections/cronus/full-sync/preview", {"run_id": "1"}, status=202)
    done = review("finished", line("CUSTOMER", "finished"))
    service.plan("GET", "connections/cronus/full-sync/preview", done)
    ended = coupler("plan", "cronus", "--json")
    assert (ended.code, ended.document) == (0, done)


def test_status_shows_connection_review_and_tables(coupler, service, one_connection):
    service.plan("GET", "connections/cronus", CONNECTION)
    service.plan("GET", "connections/cronus/full-sync", {"run": None, "lines": []})
    table = {
        "mapping": "CUSTOMER",
        "state": "in-step",
        "last_succeeded_at": None,
        "last_changed_at": None,
        "message": "[bold]not markup",
        "hint": "",
    }
    tables = {"tables": [table], "stopped": None}
    service.plan("GET", "connections/cronus/tables", tables)
    ended = coupler("status")
    assert ended.code == 0
    assert "cronus: active" in ended.out
    assert "[bold]not markup" in ended.out


def test_status_of_a_stopped_connection_fails_and_says_why(coupler, service):
    stopped = {"since": "2026-03-01", "message": "The secret expired.", "hint": "Renew it."}
    service.plan("GET", "connections/cronus", CONNECTION)
    service.plan("GET", "connections/cronus/full-sync", {"run": None, "lines": []})
    service.plan("GET", "connections/cronus/tables", {"tables": [], "stopped": stopped})
    ended = coupler("status", "cronus")
    assert ended.code == 1
    assert "The secret expired. Renew it." in ended.out


def run(number: int, **members: Any) -> dict[str, Any]:
    return {
        "run_id": f"run-{number}",
        "kind": "full-sync",
        "state": "finished",
        "started_at": "2026-03-01",
        "finished_at": None,
        "mappings": ["CUSTOMER", "CONTACT"],
        "message": "",
    } | members


def test_runs_are_listed_and_found_by_kind(coupler, service, one_connection):
    service.plan("GET", "connections/cronus/runs", {"runs": [run(2), run(1)], "continuation": None})
    ended = coupler("runs", "--kind", "reconcile", "--json")
    assert ended.code == 0
    assert [each["run_id"] for each in ended.document["runs"]] == ["run-2", "run-1"]
    (asked,) = service.asked_for("GET", "connections/cronus/runs")
    assert asked.query["kind"] == "reconcile"


def test_no_more_runs_are_read_than_are_shown(coupler, service):
    page = {"runs": [run(2), run(1)], "continuation": "next"}
    service.plan("GET", "connections/cronus/runs", page)
    assert len(coupler("runs", "cronus", "--most", "2", "--json").document["runs"]) == 2
    assert len(service.asked) == 1


def test_a_run_is_cancelled_by_its_id(coupler, service):
    service.plan("POST", "connections/cronus/runs/run-1/cancel", run(1), status=202)
    assert coupler("runs", "cronus", "--cancel", "run-1").code == 0


def test_status_of_one_run_is_that_run_alone_and_ends_as_it_did(coupler, service):
    done = review("finished-with-errors", line("CUSTOMER", "finished-with-errors"))
    done["run"] = run(1, state="finished-with-errors")
    service.plan("GET", "connections/cronus/runs/run-1", done)
    ended = coupler("status", "cronus", "--run", "run-1", "--json")
    assert (ended.code, ended.document) == (3, done)
    assert len(service.asked) == 1


def test_one_run_is_watched_to_its_end(coupler, service):
    service.plan(
        "GET",
        "connections/cronus/runs/run-1",
        {"run": run(1, state="in-process"), "lines": [line("CUSTOMER", "in-process")]},
        {"run": run(1), "lines": [line("CUSTOMER", "finished", finished_at="2026-03-01")]},
    )
    ended = coupler("status", "cronus", "--run", "run-1", "--watch")
    assert ended.code == 0
    assert "CUSTOMER: finished" in ended.told


def outcome(name: str) -> dict[str, Any]:
    return {
        "mapping": "CUSTOMER",
        "kind": "failed",
        "record_name": name,
        "record_id": "1",
        "message": "Too long.",
        "hint": "Shorten it.",
    }


def test_errors_are_read_to_the_last_page(coupler, service, one_connection):
    service.plan(
        "GET",
        "connections/cronus/outcomes",
        {"outcomes": [outcome("Adatum")], "continuation": "next"},
        {"outcomes": [outcome("Trey")], "continuation": None},
    )
    ended = coupler("errors", "--search", "a", "--json")
    assert ended.code == 3
    assert [each["record_name"] for each in ended.document["outcomes"]] == ["Adatum", "Trey"]
    first, second = service.asked_for("GET", "connections/cronus/outcomes")
    assert first.query == {"limit": "1000", "search": "a"}
    assert second.query["continuation"] == "next"


def test_no_errors_are_success(coupler, service):
    service.plan("GET", "connections/cronus/outcomes", {"outcomes": [], "continuation": None})
    assert coupler("errors", "cronus").code == 0


def test_errors_are_grouped_by_cause(coupler, service):
    cause = {
        "mapping": "CUSTOMER",
        "code": "value-too-long",
        "count": 12,
        "example": {"record_name": "Adatum", "message": "Too long."},
        "what_to_do": "Shorten it.",
    }
    service.plan("GET", "connections/cronus/outcomes/summary", {"causes": [cause]})
    ended = coupler("errors", "cronus", "--grouped")
    assert ended.code == 3
    assert "12" in ended.out
    assert "Shorten it." in ended.out


@pytest.mark.parametrize(
    ("arguments", "body"),
    [(("--all",), {}), (("--table", "CUSTOMER"), {"mapping": "CUSTOMER"})],
)
def test_retry_names_its_records(coupler, service, arguments, body):
    service.plan("POST", "connections/cronus/outcomes/retry", {}, status=202)
    assert coupler("retry", "cronus", *arguments).code == 0
    assert service.asked[0].body == body


@pytest.mark.parametrize("arguments", [(), ("--all", "--table", "CUSTOMER")])
def test_retry_of_nothing_clear_is_a_usage_error(coupler, service, arguments):
    assert coupler("retry", "cronus", *arguments).code == 2
    assert not service.asked


def test_couplings_are_listed(coupler, service):
    coupling = {"key": "10000", "name": "Adatum", "state": "coupled", "crm_id": "1"}
    page = {"couplings": [coupling], "continuation": None}
    service.plan("GET", "connections/cronus/couplings/UNIT OF MEASURE", page)
    ended = coupler("couplings", "cronus", "UNIT OF MEASURE", "--json")
    assert ended.document == {"couplings": [coupling]}


@pytest.mark.parametrize(
    ("drift", "arguments", "left", "code"),
    [(0, (), 0, 0), (2, (), 0, 3), (2, ("--repair",), 0, 0), (2, ("--repair",), 1, 3)],
)
def test_reconcile_reports_and_repairs(coupler, service, drift, arguments, left, code):
    path = "connections/cronus/reconcile"
    service.plan("POST", path, {}, status=202)
    tables = [{"mapping": "CUSTOMER", "drift": {"field": drift}}] if drift else []
    service.plan(
        "GET", path, *({"run": {"state": s}, "tables": tables} for s in ("in-process", ""))
    )
    found = [{"id": str(number)} for number in range(drift)]
    service.plan("GET", f"{path}/drift", {"drift": found, "continuation": None})
    repaired = {"actions": {"look": drift - left}, "left_to_people": left}
    service.plan("POST", f"{path}/repair", repaired, status=202)
    ended = coupler("reconcile", "cronus", *arguments)
    assert ended.code == code
    assert len(service.asked_for("POST", f"{path}/repair")) == len(arguments)


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ((), {}),
        (("--mode", "full-synchronization"), {"mode": "full-synchronization"}),
        (
            ("--mode", "CUSTOMER=couple-records", "--mode", "no-records"),
            {"mode": "no-records", "modes": {"CUSTOMER": "couple-records"}},
        ),
    ],
)
def test_modes_are_chosen_for_a_table_or_for_all_others(coupler, service, options, body):
    service.plan("POST", "connections/cronus/full-sync/start", {"run_id": "1"}, status=202)
    assert coupler("sync", "cronus", "--no-wait", *options).code == 0
    assert service.asked[0].body == {"mappings": []} | body


def test_a_mode_that_does_not_exist_is_a_usage_error(coupler):
    ended = coupler("sync", "cronus", "--mode", "CUSTOMER=everything")
    assert ended.code == 2
    assert "couple-records" in ended.told


def test_plan_draws_the_order_and_tells_why(coupler, service):
    service.plan("POST", "connections/cronus/full-sync/preview", {"run_id": "1"}, status=202)
    why = {"mode": "couple-records", "recommendation": {"reason": "Both hold some."}}
    currency = line("CURRENCY", "finished", level=1, dependencies=[])
    customer = line("CUSTOMER", "error", level=2, dependencies=["CURRENCY"], **why)
    done = review("finished", currency, customer)
    service.plan("GET", "connections/cronus/full-sync/preview", done)
    shown = coupler("plan", "cronus").out
    assert shown.index("Level 1") < shown.index("CURRENCY (finished)") < shown.index("Level 2")
    assert "CUSTOMER (error) after CURRENCY" in shown
    assert "Both hold some." in shown
